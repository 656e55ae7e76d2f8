//! Measures of macro source, for a model to weigh.
//!
//! Taken in the passes that look for signs. What an attacker can add for nothing only makes more of most of them, so that
//! a model may be held to call nothing more harmless for it.

use std::sync::LazyLock;

use analyzers::{Measure, MeasureSet, measures, permille};

use super::procedures::ProcedureSummary;
use super::shape::Shape;
use super::sign_set::CLASSES;
use super::tally::Tally;
use super::witness::Witness;
use super::words::Sign;

/// The measures of documents with macro source; of several projects in one document the greater of each value. Their
/// version rises where one is added, removed or means something else.
pub const SET: MeasureSet = MeasureSet::new("office", 1, &MEASURES);

static MEASURES: LazyLock<Vec<&'static Measure>> =
    LazyLock::new(|| [CODE, NAMES, LITERALS, PLACES, START, SIGNS].into_iter().flatten().collect());

/// What was counted in a project.
pub(super) struct WhatWasCounted<'c> {
    pub(super) witness: &'c Witness,
    pub(super) shape: &'c Shape,
    pub(super) tally: &'c Tally,
    pub(super) procedures: &'c ProcedureSummary,
    /// A scripting shell is made, and a member that starts programs is called.
    pub(super) runs: bool,
    /// It writes code where that stays.
    pub(super) replicates: bool,
}

/// Takes all measures, in the order of [`SET`].
pub(super) fn take(counted: &WhatWasCounted<'_>) -> Vec<f32> {
    let mut values = Vec::with_capacity(MEASURES.len());
    code(counted, &mut values);
    names(counted, &mut values);
    literals(counted, &mut values);
    places(counted.procedures, &mut values);
    start(counted.procedures, &mut values);
    signs(counted, &mut values);
    values
}

/// Whether code that starts by itself shows a sign of a class.
fn reached(procedures: &ProcedureSummary, class: usize) -> bool {
    CLASSES.get(class).is_some_and(|class| procedures.reached.has_any(*class))
}

measures! {
    /// The code.
    CODE, fn code(all: &WhatWasCounted<'_>), source: "Kim 2018; Aboud and O'Brien 2018" {
        "code.lines", Count, "Logical lines with code." => all.shape.lines;
        "code.procedures", Count, "Procedures." => all.procedures.procedures;
        "code.line_longest", Bytes, "The longest line as it is written." => all.tally.line_longest;
        "code.line_mean", Bytes, "Mean length of a logical line." => all.tally.bytes.checked_div(all.shape.lines).unwrap_or(0);
        "code.comments", Permille, "Comments, by lines of code." => permille(all.shape.comments, all.shape.lines);
        "code.prose", Permille, "Comments in words, by lines of code." => permille(all.shape.prose, all.shape.lines);
        "code.automation", Permille, "Words for the content of the host, by lines of code." => permille(all.shape.automation, all.shape.lines);
        "code.numeric", Count, "Uses of functions of numbers: Sin, Sgn, Fix, Rnd." => all.tally.numeric;
        "code.arithmetic", Count, "Operations on two numbers that are written down." => all.tally.arithmetic;
        "code.numbers", Count, "Numbers." => all.tally.numbers;
        "code.numbers_most", Count, "Most numbers on one logical line." => all.tally.numbers_most;
    }
}

measures! {
    /// The names that are given in the code.
    NAMES, fn names(all: &WhatWasCounted<'_>), source: "Kim 2018" {
        "names.given", Count, "Names given, each time one is given." => all.tally.given;
        "names.random", Count, "Names that no language would make." => all.shape.random_names;
        "names.random_share", Permille, "Of names that are long enough to tell, those." => permille(all.shape.random_names, all.shape.names);
        "names.mixed", Count, "Names with a digit between letters." => all.tally.given_mixed;
        "names.longest", Bytes, "The longest name." => all.tally.given_longest;
        "names.length", Count, "Mean length of a name, in tenths of a byte." => (10 * all.tally.given_bytes).checked_div(all.tally.given).unwrap_or(0);
        "names.vowels", Permille, "Vowels, of the letters of names." => all.tally.vowels();
    }
}

measures! {
    /// Literals, and how text is put together.
    LITERALS, fn literals(all: &WhatWasCounted<'_>), source: "Kim 2018; olevba" {
        "literals.count", Count, "String literals." => all.tally.literals;
        "literals.short", Count, "Literals of one to three characters." => all.tally.short;
        "literals.longest", Bytes, "The longest literal." => all.tally.literal_longest;
        "literals.solid", Count, "Literals with 50 characters and no blank between them." => all.tally.solid;
        "literals.solid_longest", Bytes, "The longest run without a blank in a literal." => all.tally.solid_longest;
        "literals.share", Permille, "Literals, of the code." => permille(all.tally.literal_bytes, all.tally.bytes);
        "literals.digits", Permille, "Digits, of the characters of literals." => permille(all.tally.digits, all.tally.literal_bytes);
        "literals.entropy", Entropy, "Evenness of the characters of literals." => all.tally.literal_entropy();
        "literals.characters", Count, "Characters given by number." => all.shape.characters;
        "literals.concatenations", Count, "Times two literals are put together." => all.shape.concatenations;
        "literals.joined", Count, "Times that on one line, where one literal would do." => all.shape.joined;
        "literals.joins_most", Count, "Most signs for putting together or adding on one logical line." => all.tally.joins_most;
        "literals.replaces", Count, "Calls of Replace." => all.shape.replaces;
    }
}

measures! {
    /// What comes together in one place.
    PLACES, fn places(all: &ProcedureSummary), source: "this study" {
        "places.signs", Count, "Most different signs in one procedure." => all.signs_most;
        "places.telling", Count, "Of those, most that are in a class." => all.telling_most;
        "places.classes", Count, "Most classes of signs in one procedure: running, fetching, dropping, memory, obscuring, data, evading, spreading." => all.classes_most;
        "places.crowded", Count, "Procedures with three classes of signs and more." => all.crowded;
        "places.module_signs", Count, "Most different signs in one module." => all.module_signs_most;
        "places.module_telling", Count, "Of those, most that are in a class." => all.module_telling_most;
        "places.module_classes", Count, "Most classes of signs in one module." => all.module_classes_most;
        "places.lines", Count, "Lines of the longest procedure." => all.lines_most;
        "places.characters", Count, "Most characters given by number in one procedure." => all.characters_most;
        "places.constants", Count, "Most lines in one procedure that only give a variable a constant." => all.constants_most;
        "places.run_fetch", Count, "Procedures that run and fetch." => all.pairs[0];
        "places.run_drop", Count, "Procedures that run and drop." => all.pairs[1];
        "places.fetch_drop", Count, "Procedures that fetch and drop." => all.pairs[2];
        "places.run_obscure", Count, "Procedures that run and obscure." => all.pairs[3];
        "places.run_data", Count, "Procedures that run and hold data." => all.pairs[4];
        "places.run_evade", Count, "Procedures that run and evade." => all.pairs[5];
    }
}

measures! {
    /// What starts by itself, and what it calls.
    START, fn start(all: &ProcedureSummary), source: "mraptor class A; this study" {
        "start.procedures", Count, "Procedures that run by themselves." => all.starting;
        "start.reached", Count, "Procedures among them and those that they call." => all.reached_procedures;
        "start.lines", Count, "Lines of those." => all.reached_lines;
        "start.share", Permille, "The same, of all lines." => permille(all.reached_lines, all.all_lines);
        "start.signs", Count, "Different signs in those." => all.reached.len();
        "start.telling", Count, "Of those, signs that are in a class." => super::procedures::telling(all.reached);
        "start.classes", Count, "Classes of signs in those." => super::procedures::classes(all.reached);
        "start.run", Flag, "They run." => reached(all, 0);
        "start.fetch", Flag, "They fetch." => reached(all, 1);
        "start.drop", Flag, "They drop." => reached(all, 2);
        "start.memory", Flag, "They reach into memory." => reached(all, 3);
        "start.obscure", Flag, "They obscure text." => reached(all, 4);
        "start.data", Flag, "They hold data." => reached(all, 5);
        "start.evade", Flag, "They evade." => reached(all, 6);
        "start.spread", Flag, "They edit code." => reached(all, 7);
    }
}

measures! {
    /// How often each sign is seen.
    SIGNS, fn signs(all: &WhatWasCounted<'_>), source: "olevba; mraptor" {
        "signs.document", Count, "Procedures that run when a Word document is opened, closed or made." => all.witness.count(Sign::AutostartDocument);
        "signs.workbook", Count, "Procedures that run when a workbook is opened or closed." => all.witness.count(Sign::AutostartWorkbook);
        "signs.control", Count, "Procedures that run when a control is drawn or the mouse is near it." => all.witness.count(Sign::AutostartControl);
        "signs.writes", Count, "Writes." => all.witness.count(Sign::Writes);
        "signs.executes", Count, "Uses of what is outside of the host." => all.witness.count(Sign::Executes);
        "signs.shell_call", Count, "Calls of Shell." => all.witness.count(Sign::ShellCall);
        "signs.shell_command", Count, "Names of commands that droppers use." => all.witness.count(Sign::ShellCommand);
        "signs.powershell", Count, "Names of PowerShell and its ways." => all.witness.count(Sign::PowerShell);
        "signs.scripting_shell", Count, "Uses of a scripting shell." => all.witness.count(Sign::ScriptingShell);
        "signs.runs", Flag, "A scripting shell is made, and a member that starts programs is called." => all.runs;
        "signs.script_engine", Count, "Script engines and scriptlets." => all.witness.count(Sign::ScriptEngine);
        "signs.process_by_wmi", Count, "Uses of WMI." => all.witness.count(Sign::ProcessByWmi);
        "signs.schedules_task", Count, "Tasks and other persistence." => all.witness.count(Sign::SchedulesTask);
        "signs.creates_object", Count, "Objects made by name." => all.witness.count(Sign::CreatesObject);
        "signs.gets_object", Count, "Objects bound by name." => all.witness.count(Sign::GetsObject);
        "signs.calls_by_name", Count, "Methods called by a name that is computed." => all.witness.count(Sign::CallsByName);
        "signs.downloads", Count, "Ways to fetch from the network." => all.witness.count(Sign::Downloads);
        "signs.binary_stream", Count, "Stream objects that save bytes." => all.witness.count(Sign::BinaryStream);
        "signs.binary_file", Count, "Files opened as bytes." => all.witness.count(Sign::BinaryFile);
        "signs.writes_text_file", Count, "Text files made." => all.witness.count(Sign::WritesTextFile);
        "signs.environment", Count, "Reads of the environment." => all.witness.count(Sign::Environment);
        "signs.temporary_path", Count, "Places where anybody may write." => all.witness.count(Sign::TemporaryPath);
        "signs.registry", Count, "Uses of the registry." => all.witness.count(Sign::Registry);
        "signs.declares_library", Count, "Functions of libraries declared." => all.witness.count(Sign::DeclaresLibrary);
        "signs.executable_memory", Count, "Functions that shellcode needs." => all.witness.count(Sign::ExecutableMemory);
        "signs.copies_memory", Count, "Copies of memory." => all.witness.count(Sign::CopiesMemory);
        "signs.infects", Count, "Words of code that edits code." => all.witness.count(Sign::Infects);
        "signs.replicates", Flag, "It writes code into the template, the startup folder or documents that it saves." => all.replicates;
        "signs.disables_security", Count, "Protection turned off." => all.witness.count(Sign::DisablesSecurity);
        "signs.hides", Count, "Windows hidden." => all.witness.count(Sign::Hides);
        "signs.detects_sandbox", Count, "Looks for sandboxes." => all.witness.count(Sign::DetectsSandbox);
        "signs.payload_in_document", Count, "Reads of inconspicuous places of the document." => all.witness.count(Sign::PayloadInDocument);
        "signs.split_word", Count, "Words that show only when pieces are put together." => all.witness.count(Sign::SplitWord);
        "signs.character_arithmetic", Count, "Characters computed from numbers." => all.witness.count(Sign::CharacterArithmetic);
        "signs.reverses", Count, "Texts reversed." => all.witness.count(Sign::Reverses);
        "signs.xor_loop", Count, "Loops with Xor." => all.witness.count(Sign::XorLoop);
        "signs.decodes", Count, "Decoders." => all.witness.count(Sign::Decodes);
        "signs.long_literal", Count, "Literals of 200 characters." => all.witness.count(Sign::LongLiteral);
        "signs.hex_literal", Count, "Long hexadecimal literals." => all.witness.count(Sign::HexLiteral);
        "signs.base64_literal", Count, "Long Base64 literals." => all.witness.count(Sign::Base64Literal);
        "signs.number_array", Count, "Rows of numbers." => all.witness.count(Sign::NumberArray);
        "signs.long_line", Count, "Lines that nobody typed." => all.witness.count(Sign::LongLine);
        "signs.ignores_errors", Count, "Errors ignored from the start." => all.witness.count(Sign::IgnoresErrors);
        "signs.url", Count, "Addresses." => all.witness.count(Sign::Url);
        "signs.url_of_address", Count, "Addresses of a number instead of a name." => all.witness.count(Sign::UrlOfAddress);
        "signs.url_of_program", Count, "Addresses of programs." => all.witness.count(Sign::UrlOfProgram);
        "signs.program_name", Count, "Names of programs." => all.witness.count(Sign::ProgramName);
    }
}
