//! What each procedure shows, and which of them run by themselves, or are called by one that does.
//!
//! A dropper does all of it in few places, whatever else stands around them; large honest tools show as many signs, but
//! each where it belongs.

use std::collections::HashMap;

use analyzers::{Budget, Exhausted};

use super::lex::{CodeToken, TokenKind};
use super::sign_set::{CLASSED, CLASSES, SignSet};
use super::words::{self, KeywordRole};

/// Procedures kept. More are counted, but nobody follows calls to them.
const PROCEDURES_MAX: usize = 1 << 12;
/// Names kept that may be those of procedures that are called, in all procedures together.
const CALLS_MAX: usize = 1 << 16;

/// The procedures of a project.
#[derive(Default)]
pub(super) struct Procedures {
    kept: Vec<Procedure>,
    /// The one that we read: inside of a procedure, or what stands around all of a module.
    current: Procedure,
    /// Whether that is a procedure.
    inside: bool,
    calls: usize,
    /// Signs of the module that is being read.
    module: SignSet,
    pub(super) summary: ProcedureSummary,
}

/// A procedure.
#[derive(Clone, Default)]
struct Procedure {
    name: u32,
    starts: bool,
    signs: SignSet,
    lines: usize,
    characters: usize,
    constants: usize,
    calls: Vec<u32>,
}

/// What is measured of all procedures.
#[derive(Default)]
pub(super) struct ProcedureSummary {
    pub(super) procedures: usize,
    pub(super) starting: usize,
    pub(super) signs_most: usize,
    pub(super) telling_most: usize,
    pub(super) classes_most: usize,
    pub(super) crowded: usize,
    pub(super) lines_most: usize,
    pub(super) characters_most: usize,
    pub(super) constants_most: usize,
    pub(super) module_signs_most: usize,
    pub(super) module_telling_most: usize,
    pub(super) module_classes_most: usize,
    /// Procedures that show signs of two classes, by the first and the second of [`PAIRS`].
    pub(super) pairs: [usize; PAIRS.len()],
    /// What is reached from procedures that run by themselves.
    pub(super) reached: SignSet,
    pub(super) reached_lines: usize,
    pub(super) reached_procedures: usize,
    pub(super) all_lines: usize,
}

/// Classes that are told together, by their places in [`CLASSES`].
pub(super) const PAIRS: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 2), (0, 4), (0, 5), (0, 6)];

/// How many classes of signs are in a set.
pub(super) fn classes(signs: SignSet) -> usize {
    CLASSES.iter().filter(|class| signs.has_any(**class)).count()
}

/// How many signs of those classes are in a set.
pub(super) fn telling(signs: SignSet) -> usize {
    signs.common(CLASSED).len()
}

impl Procedures {
    /// Reads a line of code, before its signs are known.
    pub(super) fn begin_line(&mut self, source: &[u8], tokens: &[CodeToken]) {
        if let Some(name) = declared(source, tokens) {
            self.end();
            self.inside = true;
            self.current.name = hash(name);
            return;
        }
        for token in tokens {
            if self.calls < CALLS_MAX && matches!(token.kind, TokenKind::Name(None)) {
                self.calls += 1;
                self.current.calls.push(hash(token.bytes(source)));
            }
        }
    }

    /// Ends the line: it showed `signs`, and so many characters by number; the procedure starts by itself.
    pub(super) fn end_line(
        &mut self,
        source: &[u8],
        tokens: &[CodeToken],
        signs: SignSet,
        starts: bool,
        characters: usize,
    ) {
        self.current.signs = self.current.signs.union(signs);
        self.current.starts |= starts;
        self.current.lines += 1;
        self.current.characters += characters;
        self.current.constants += usize::from(sets_constant(tokens));
        self.module = self.module.union(signs);
        if self.inside && ends_procedure(source, tokens) {
            self.end();
        }
    }

    /// The module ends.
    pub(super) fn end_module(&mut self) {
        self.end();
        let summary = &mut self.summary;
        summary.module_signs_most = summary.module_signs_most.max(self.module.len());
        summary.module_telling_most = summary.module_telling_most.max(telling(self.module));
        summary.module_classes_most = summary.module_classes_most.max(classes(self.module));
        self.module = SignSet::default();
    }

    fn end(&mut self) {
        let ended = std::mem::take(&mut self.current);
        let is_procedure = std::mem::take(&mut self.inside);
        let summary = &mut self.summary;
        let count = classes(ended.signs);
        summary.procedures += usize::from(is_procedure);
        summary.starting += usize::from(ended.starts);
        summary.signs_most = summary.signs_most.max(ended.signs.len());
        summary.telling_most = summary.telling_most.max(telling(ended.signs));
        summary.classes_most = summary.classes_most.max(count);
        summary.crowded += usize::from(count >= 3);
        summary.lines_most = summary.lines_most.max(ended.lines);
        summary.characters_most = summary.characters_most.max(ended.characters);
        summary.constants_most = summary.constants_most.max(ended.constants);
        summary.all_lines += ended.lines;
        for (pair, (one, other)) in summary.pairs.iter_mut().zip(PAIRS) {
            let has = |class: usize| CLASSES.get(class).is_some_and(|class| ended.signs.has_any(*class));
            *pair += usize::from(has(one) && has(other));
        }
        if is_procedure && self.kept.len() < PROCEDURES_MAX {
            self.kept.push(ended);
        }
    }

    /// Follows calls from the procedures that run by themselves. What is called by a name that is computed is not seen.
    pub(super) fn follow_calls(&mut self, budget: &mut Budget) -> Result<(), Exhausted> {
        budget.step((self.calls + self.kept.len()) as u64 / 16 + 1)?;
        let mut by_name: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, procedure) in self.kept.iter().enumerate() {
            by_name.entry(procedure.name).or_default().push(at);
        }
        let mut seen = vec![false; self.kept.len()];
        let mut open: Vec<usize> = (0..self.kept.len()).filter(|&at| self.kept[at].starts).collect();
        open.iter().for_each(|&at| seen[at] = true);
        while let Some(at) = open.pop() {
            let Some(procedure) = self.kept.get_mut(at) else { continue };
            self.summary.reached = self.summary.reached.union(procedure.signs);
            self.summary.reached_lines += procedure.lines;
            self.summary.reached_procedures += 1;
            for call in std::mem::take(&mut procedure.calls) {
                // Whoever is called by a name is called once: the names are taken out of the table.
                for called in by_name.remove(&call).unwrap_or_default() {
                    if !seen[called] {
                        seen[called] = true;
                        open.push(called);
                    }
                }
            }
        }
        Ok(())
    }
}

fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0, |hash, byte| words::hash(hash, *byte))
}

fn is_word(source: &[u8], token: Option<&CodeToken>, word: &[u8]) -> bool {
    token.is_some_and(|token| token.bytes(source).eq_ignore_ascii_case(word))
}

fn is_kind_of_procedure(source: &[u8], token: &CodeToken) -> bool {
    token.role() == Some(KeywordRole::Procedure) || is_word(source, Some(token), b"property")
}

/// The name of the procedure that a line begins: `Private Sub Name(`, `Property Get Name(`.
fn declared<'s>(source: &'s [u8], tokens: &[CodeToken]) -> Option<&'s [u8]> {
    // Behind `Public`, `Static` and the like.
    let at = tokens.iter().take(4).position(|token| is_kind_of_procedure(source, token))?;
    let before = tokens.get(..at)?;
    let is_declaration =
        |token: &CodeToken| token.role() == Some(KeywordRole::Declaration) || is_word(source, Some(token), b"friend");
    if !before.iter().all(is_declaration) {
        return None;
    }
    let accessor = ["get", "let", "set"].iter().any(|word| is_word(source, tokens.get(at + 1), word.as_bytes()))
        && is_word(source, tokens.get(at), b"property");
    let name = tokens.get(at + 1 + usize::from(accessor))?;
    matches!(name.kind, TokenKind::Name(_)).then(|| name.bytes(source))
}

/// Whether a line ends a procedure: `End Sub`.
fn ends_procedure(source: &[u8], tokens: &[CodeToken]) -> bool {
    is_word(source, tokens.first(), b"end") && tokens.get(1).is_some_and(|token| is_kind_of_procedure(source, token))
}

/// Whether a line does nothing but give a variable a constant: `x = 5`, which code that is padded does most of the time.
fn sets_constant(tokens: &[CodeToken]) -> bool {
    let [name, equals, value] = tokens else { return false };
    matches!(name.kind, TokenKind::Name(_))
        && equals.is(b'=')
        && matches!(value.kind, TokenKind::Number | TokenKind::Text)
}
