//! Signs in the source text of VBA modules.
//!
//! A lexer tells code from strings and comments, so that a word in a comment does not count; words of code are looked
//! up, strings are searched, strings in pieces are put together and searched again. What a project does is weighed
//! over all its modules: the procedure that starts by itself and the one that runs a program are seldom in one.
//!
//! Cannot see: strings that are computed at run time (that they are computed is seen), dead code (it counts), and what
//! p-code says where it differs from the source.

mod around;
mod assignment;
mod each;
mod fold;
mod lex;
pub mod measures;
mod names;
mod procedures;
mod shape;
mod sign_set;
mod tally;
mod texts;
mod witness;
mod words;

use analyzers::hosts::HostSearch;
use analyzers::{Exhausted, Findings};

use around::{declared_function, follows, is_member, is_writable_place, literal_argument};
use assignment::Assignment;
pub(crate) use each::{each_name, each_telling_name, each_telling_word};
use fold::TEXT_MAX;
use lex::{CodeToken, Lexer, LogicalLine, TokenKind};
use measures::WhatWasCounted;
use procedures::Procedures;
use shape::Shape;
use sign_set::{HIDDEN_WORDS, SignSet, TELLING_WORDS};
use tally::Tally;
use witness::Witness;
use words::{KeywordRole, Sign, VbaKeyword};

use crate::catalogue::source::REPLICATES;

/// Builds the tables that are the same for all files, if they are not built yet.
pub(crate) fn prepare() {
    words::prepare();
    texts::prepare();
}

/// A module of a VBA project, as text.
#[derive(Clone, Copy, Debug)]
pub struct Module<'m> {
    /// Name of the module.
    pub name: &'m str,
    /// Source of the module; lines end in CR LF, LF or CR.
    pub source: &'m str,
}

/// Examines all modules of one project, and reports into the layer where the project is: words inside of parts named
/// as the modules, what is true of the whole project without one. Pays for its steps; where they run out, it stops.
pub fn examine(modules: &[Module<'_>], findings: &mut Findings<'_>) {
    let mut project = Project::default();
    for module in modules {
        let read = project.read(module, findings);
        project.witness.end_module();
        project.procedures.end_module();
        if read.is_err() {
            break;
        }
    }
    // Some signs count only if others are seen, in whichever module.
    let starts_nothing = !project.starts_programs();
    let drops = |sign| sign == Sign::ScriptingShell && starts_nothing;
    project.witness.report(modules, drops, findings);
    project.conclude(findings);
    // Where the budget ends, so do the measures.
    let _ = project.measure(findings);
}

/// State of the analysis of a project.
#[derive(Default)]
struct Project {
    witness: Witness,
    shape: Shape,
    hosts: HostSearch,
    tally: Tally,
    procedures: Procedures,
    tokens: Vec<CodeToken>,
    chains: Vec<GrowingString>,
    /// Loops that are open where we read.
    loops: usize,
    /// The line before declared a procedure that runs by itself.
    event: bool,
    /// `.Run` or `.Exec` of something that is not the application.
    runs: bool,
    /// `.Open` likewise, and the name of the shell that opens programs as well as folders.
    opens: bool,
    shell: bool,
    /// The code writes code, or takes some in from a file.
    writes_code: bool,
    imports: bool,
    /// Whether it refers to the global template or the startup folder, and saves.
    template: bool,
    saves: bool,
}

/// A variable that line after line gets one more literal at its end.
struct GrowingString {
    name: Vec<u8>,
    text: Vec<u8>,
    /// Lines that made it.
    parts: usize,
    /// Signs seen on those lines.
    seen: SignSet,
    /// Offset of its first assignment.
    start: usize,
}

/// Variables followed at a time.
const CHAINS_MAX: usize = 4;

/// Source bytes read for one step of the budget.
const BYTES_PER_STEP: u64 = 8;

impl Project {
    fn read(&mut self, module: &Module<'_>, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
        let source = module.source.as_bytes();
        let mut lexer = Lexer::new(source);
        let mut tokens = std::mem::take(&mut self.tokens);
        self.loops = 0;
        while let Some(line) = lexer.line(&mut tokens) {
            findings.budget().step(line.span.len() as u64 / BYTES_PER_STEP + 1)?;
            self.shape.count_line(source, &line, &tokens);
            if tokens.is_empty() {
                continue;
            }
            if line.longest >= shape::LONG_LINE {
                self.witness.saw(Sign::LongLine, line.span.start);
            }
            self.witness.begin_line();
            self.tally.count_line(source, &line, &tokens);
            self.procedures.begin_line(source, &tokens);
            let characters = self.shape.characters;
            self.read_words(source, &tokens);
            let produced = self.fold_strings(source, &line, &tokens);
            let signs = self.witness.take_fresh();
            let characters = self.shape.characters - characters;
            self.procedures.end_line(source, &tokens, signs, self.event, characters);
            findings.budget().produce(produced as u64)?;
        }
        while let Some(chain) = self.chains.pop() {
            self.look_at_chain(&chain);
        }
        self.tokens = tokens;
        Ok(())
    }

    fn read_words(&mut self, source: &[u8], tokens: &[CodeToken]) {
        let after_event = std::mem::take(&mut self.event);
        let mut context = Context::default();
        for (at, token) in tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Name(Some(word)) => self.read_word(source, tokens, at, word, &mut context),
                TokenKind::Name(None) if follows(tokens, at, KeywordRole::Procedure) && !context.declares => {
                    if let Some(sign) = words::event(token.bytes(source)) {
                        self.witness.saw(sign, token.start);
                        self.event = true;
                    }
                }
                TokenKind::Text => self.read_literal(source, tokens, at),
                TokenKind::Name(None) | TokenKind::Number | TokenKind::Mark(_) => {}
            }
        }
        if context.resumes && after_event {
            self.witness.saw(Sign::IgnoresErrors, tokens.first().map_or(0, |token| token.start));
        }
        if let Some(at) = self.shape.count_tokens(source, tokens) {
            self.witness.saw(Sign::NumberArray, at);
        }
    }

    fn read_word(
        &mut self,
        source: &[u8],
        tokens: &[CodeToken],
        at: usize,
        word: &'static VbaKeyword,
        context: &mut Context,
    ) {
        let Some(token) = tokens.get(at) else { return };
        let mut saw = |sign| self.witness.saw(sign, token.start);
        let is = |at: usize, role| tokens.get(at).is_some_and(|token: &CodeToken| token.role() == Some(role));
        let first = at.checked_sub(1).and_then(|at| tokens.get(at)).is_none_or(|before| before.is(b':'));
        match word.role {
            KeywordRole::Event => {
                if follows(tokens, at, KeywordRole::Procedure) && !context.declares {
                    word.signs.iter().for_each(|&sign| saw(sign));
                    self.event = true;
                }
                return;
            }
            KeywordRole::Declare => context.declares = true,
            KeywordRole::Library if context.declares => {
                saw(Sign::DeclaresLibrary);
                if !texts::is_honest_function(declared_function(source, tokens, at)) {
                    saw(Sign::Executes);
                }
            }
            KeywordRole::Open => {
                context.opens = true;
                self.opens |= is_member(tokens, at);
            }
            KeywordRole::WritesCode => self.writes_code = true,
            KeywordRole::Imports => self.imports |= is_member(tokens, at),
            KeywordRole::Template => self.template = true,
            KeywordRole::Saves => self.saves = true,
            KeywordRole::Runs => self.runs |= is_member(tokens, at),
            KeywordRole::Creates => {
                let class = literal_argument(tokens, at).map(|class| class.bytes(source));
                if class.is_some_and(texts::is_honest_class) {
                    return;
                }
                let mut executes = class.is_none();
                texts::look(class.unwrap_or_default(), |sign, _| {
                    executes |= TELLING_WORDS.has(sign) && sign != Sign::ScriptingShell;
                });
                // A class that is computed could be any, and a scripting shell executes where a member of it is called. Any
                // other is some product's, and using it is what it is for.
                if !executes {
                    word.signs.iter().take(1).for_each(|&sign| saw(sign));
                    return;
                }
            }
            KeywordRole::WriteMode if context.opens => saw(Sign::Writes),
            KeywordRole::BinaryMode if context.opens => {
                saw(Sign::Writes);
                saw(Sign::BinaryFile);
            }
            KeywordRole::LoopStart if first => self.loops += 1,
            KeywordRole::LoopEnd if first => self.loops = self.loops.saturating_sub(1),
            KeywordRole::Xor if self.loops > 0 => saw(Sign::XorLoop),
            // `Application.Visible = False`.
            KeywordRole::Application if is(at + 2, KeywordRole::Visible) && is(at + 4, KeywordRole::False) => {
                saw(Sign::Hides)
            }
            KeywordRole::Resume if is(at.wrapping_sub(1), KeywordRole::Error) => context.resumes = true,
            // `Environ("TEMP")`, `Environ$("APPDATA")`.
            KeywordRole::Environ => {
                let argument = tokens.iter().skip(at + 1).take(3).find(|token| matches!(token.kind, TokenKind::Text));
                if argument.is_some_and(|token| is_writable_place(token.bytes(source))) {
                    saw(Sign::TemporaryPath);
                }
            }
            _ => {}
        }
        word.signs.iter().for_each(|&sign| saw(sign));
    }

    fn read_literal(&mut self, source: &[u8], tokens: &[CodeToken], at: usize) {
        let Some(token) = tokens.get(at) else { return };
        let text = token.bytes(source);
        texts::look(text, |sign, span| {
            self.shell |= is_shell(sign, text, &span);
            self.witness.saw(sign, token.start + span.start);
        });
    }

    /// Puts strings of one line together, and the line's string to those before it. Gives the bytes produced.
    fn fold_strings(&mut self, source: &[u8], line: &LogicalLine, tokens: &[CodeToken]) -> usize {
        let mut produced = 0;
        let assigned = Assignment::read(source, tokens);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let folded = if fold::may_start(token) { fold::fold(source, tokens, at) } else { None };
            let Some(folded) = folded else {
                at += 1;
                continue;
            };
            produced += folded.text.len();
            if folded.pieces > 1 {
                let seen = self.witness.seen_on_line();
                self.look_at_folded(&folded.text, seen, token.start);
            }
            if folded.computed > 0 {
                self.witness.saw(Sign::CharacterArithmetic, token.start);
            }
            match assigned.as_ref().filter(|assigned| assigned.value == at) {
                Some(assigned) => self.lengthen_chain(assigned, &folded.text, line),
                None => self.hosts.read(&folded.text),
            }
            at = folded.end;
        }
        produced
    }

    fn lengthen_chain(&mut self, assigned: &Assignment<'_>, text: &[u8], line: &LogicalLine) {
        let seen = self.witness.seen_on_line();
        let known = self.chains.iter().position(|chain| chain.name.eq_ignore_ascii_case(assigned.name));
        match known.and_then(|at| self.chains.get_mut(at)) {
            Some(chain) if assigned.lengthens && chain.text.len() + text.len() <= TEXT_MAX => {
                chain.text.extend_from_slice(text);
                chain.parts += 1;
                chain.seen = chain.seen.union(seen);
                return;
            }
            _ => {}
        }
        // The variable begins anew, or the oldest gives way to it.
        let full = (self.chains.len() == CHAINS_MAX).then_some(0);
        if let Some(at) = known.or(full) {
            let ended = self.chains.remove(at);
            self.look_at_chain(&ended);
        }
        let (name, text) = (assigned.name.to_vec(), text.to_vec());
        self.chains.push(GrowingString { name, text, parts: 1, seen, start: line.span.start });
    }

    fn look_at_chain(&mut self, chain: &GrowingString) {
        self.hosts.read(&chain.text);
        if chain.parts > 1 {
            self.look_at_folded(&chain.text, chain.seen, chain.start);
        }
    }

    /// Looks at a string that was put together from pieces in which `seen` was seen.
    fn look_at_folded(&mut self, text: &[u8], seen: SignSet, start: usize) {
        texts::look(text, |sign, span| {
            self.shell |= is_shell(sign, text, &span);
            if seen.has(sign) {
                return;
            }
            self.witness.saw_folded(sign, start, text, &span);
            if HIDDEN_WORDS.has(sign) {
                self.witness.saw_folded(Sign::SplitWord, start, text, &span);
            }
        });
    }

    /// Whether something is called that starts programs for a scripting shell. Alone, that reads the registry, knows
    /// folders and makes shortcuts; programs are started by members, by a method whose name is computed, or by keys that
    /// are typed.
    fn starts_programs(&self) -> bool {
        self.runs
            || (self.opens && self.shell)
            || self.witness.has(&[Sign::CallsByName, Sign::SendsKeys, Sign::SplitWord])
    }

    /// Reports indicators of the whole project.
    fn conclude(&self, findings: &mut Findings<'_>) {
        findings.named(self.hosts.found());
        self.witness.conclude(self.starts_programs() && self.witness.has(&[Sign::ScriptingShell]), findings);
        if self.replicates() {
            findings.saw(&REPLICATES, 0..0);
        }
        self.shape.conclude(&self.witness, findings);
    }

    /// Whether it writes code where that stays.
    fn replicates(&self) -> bool {
        let spreads = self.writes_code && (self.template || self.saves) || self.imports && self.template;
        spreads && self.witness.has(&[Sign::Infects])
    }

    /// Takes the measures of a project that has code.
    fn measure(&mut self, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
        if self.shape.lines == 0 {
            return Ok(());
        }
        self.procedures.follow_calls(findings.budget())?;
        let counted = WhatWasCounted {
            witness: &self.witness,
            shape: &self.shape,
            tally: &self.tally,
            procedures: &self.procedures.summary,
            runs: self.starts_programs() && self.witness.has(&[Sign::ScriptingShell]),
            replicates: self.replicates(),
        };
        let values = measures::take(&counted);
        findings.measured_part(measures::SET, values);
        Ok(())
    }
}

/// State of the analysis of a line.
#[derive(Default)]
struct Context {
    declares: bool,
    opens: bool,
    resumes: bool,
}

/// Whether a word names `Shell.Application`, and not one of the other scripting shells.
fn is_shell(sign: Sign, text: &[u8], span: &std::ops::Range<usize>) -> bool {
    sign == Sign::ScriptingShell && text.get(span.start).is_some_and(|first| first.eq_ignore_ascii_case(&b's'))
}
