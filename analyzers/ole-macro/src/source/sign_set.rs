//! Sets of signs, and the signs that are suspicious by themselves.

use super::words::Sign;

/// A set of signs: one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct SignSet(u64);

const _: () = assert!(Sign::ALL.len() <= 64);

impl SignSet {
    /// Makes a set of signs.
    pub(super) const fn of(signs: &[Sign]) -> SignSet {
        SignSet(0).with(signs)
    }

    /// The same set with these signs too.
    pub(super) const fn with(self, signs: &[Sign]) -> SignSet {
        let (mut bits, mut at) = (self.0, 0);
        while at < signs.len() {
            bits |= 1 << signs[at] as u8;
            at += 1;
        }
        SignSet(bits)
    }

    pub(super) fn insert(&mut self, sign: Sign) {
        *self = self.with(&[sign]);
    }

    /// Returns the union of both sets.
    pub(super) fn union(self, others: SignSet) -> SignSet {
        SignSet(self.0 | others.0)
    }

    pub(super) fn has(self, sign: Sign) -> bool {
        self.has_any(SignSet::of(&[sign]))
    }

    /// Whether some sign is in both.
    pub(super) fn has_any(self, others: SignSet) -> bool {
        self.0 & others.0 != 0
    }

    /// The signs that are in both.
    pub(super) fn common(self, others: SignSet) -> SignSet {
        SignSet(self.0 & others.0)
    }

    /// How many signs there are.
    pub(super) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether every sign here is in `others` too.
    pub(super) fn is_within(self, others: SignSet) -> bool {
        self.0 & !others.0 == 0
    }
}

/// Words that run, fetch, decode or switch off something, and are hardly met by accident.
const TELLING: SignSet = SignSet::of(&[
    Sign::ShellCommand,
    Sign::PowerShell,
    Sign::ScriptingShell,
    Sign::ScriptEngine,
    Sign::ProcessByWmi,
    Sign::SchedulesTask,
    Sign::Downloads,
    Sign::BinaryStream,
    Sign::ExecutableMemory,
    Sign::DisablesSecurity,
    Sign::Decodes,
    Sign::MacCommand,
]);

/// Suspicious words in text that is not source, such as compiled macros.
pub(super) const TELLING_WORDS: SignSet = TELLING.with(&[Sign::UrlOfAddress, Sign::UrlOfProgram]);

/// Signs of a place in code where some way to run or fetch is meant. That such a word is written in pieces is a sign
/// of its own; that an address, a path or a name of a file is, is what honest code does as well.
pub(super) const HIDDEN_WORDS: SignSet = TELLING.with(&[Sign::WritesTextFile, Sign::DetectsSandbox]);

/// Signs that make writing suspicious.
pub(super) const TELLING_BESIDE_WRITES: SignSet = TELLING_WORDS.with(&[
    Sign::CallsByName,
    Sign::BinaryFile,
    Sign::CopiesMemory,
    Sign::Infects,
    Sign::Hides,
    Sign::DetectsSandbox,
    Sign::PayloadInDocument,
    Sign::SplitWord,
    Sign::CharacterArithmetic,
    Sign::Reverses,
    Sign::XorLoop,
    Sign::HexLiteral,
    Sign::Base64Literal,
    Sign::NumberArray,
    Sign::ProgramName,
]);

/// What signs are about, for counting how much comes together in one place: running, fetching, dropping, memory, obscuring,
/// data, evading, spreading.
pub(super) const CLASSES: [SignSet; 8] = [
    SignSet::of(&[
        Sign::ShellCall,
        Sign::ShellCommand,
        Sign::PowerShell,
        Sign::ScriptingShell,
        Sign::ScriptEngine,
        Sign::ProcessByWmi,
        Sign::SchedulesTask,
        Sign::MacCommand,
        Sign::Excel4,
        Sign::CallsByName,
    ]),
    SignSet::of(&[Sign::Downloads, Sign::UrlOfAddress, Sign::UrlOfProgram]),
    SignSet::of(&[Sign::BinaryStream, Sign::BinaryFile, Sign::WritesTextFile, Sign::TemporaryPath, Sign::ProgramName]),
    SignSet::of(&[Sign::ExecutableMemory, Sign::CopiesMemory]),
    SignSet::of(&[Sign::SplitWord, Sign::CharacterArithmetic, Sign::Reverses, Sign::XorLoop, Sign::Decodes]),
    SignSet::of(&[
        Sign::HexLiteral,
        Sign::Base64Literal,
        Sign::NumberArray,
        Sign::LongLiteral,
        Sign::LongLine,
        Sign::PayloadInDocument,
    ]),
    SignSet::of(&[Sign::Hides, Sign::DisablesSecurity, Sign::DetectsSandbox]),
    SignSet::of(&[Sign::Infects]),
];

/// Signs of any of these classes: those that honest code shows less often than not.
pub(super) const CLASSED: SignSet = {
    let (mut all, mut at) = (SignSet(0), 0);
    while at < CLASSES.len() {
        all = SignSet(all.0 | CLASSES[at].0);
        at += 1;
    }
    all
};
