//! Words in strings of macros that tell what a call is for.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use analyzers::Indicator;

use crate::catalogue::xlm;

/// URL prefixes of downloads.
const URL: &[&str] = &["http://", "https://", "ftp://"];
/// Programs that attackers start because they are there (the list of LOLBAS, as far as macros use it), and ways to name a script.
const COMMAND: &[&str] = &[
    "bitsadmin",
    "certutil",
    "cmd /",
    "cmd.exe",
    "cscript",
    "explorer.exe",
    "forfiles",
    "msbuild",
    "mshta",
    "msiexec",
    "powershell",
    "pwsh",
    "regsvr32",
    "rundll32",
    "schtasks",
    "wmic",
    "wscript",
    ".vbs",
    ".hta",
    ".ps1",
    "process call create",
];
/// Functions of the system that fetch files.
const DOWNLOAD: &[&str] = &[
    "urldownloadtofile",
    "urldownloadtocachefile",
    "urlmon",
    "internetreadfile",
    "internetopenurl",
    "winhttp",
    "wininet",
    "downloadfile",
    "webclient",
    "xmlhttp",
];
/// Functions of the system that put code into memory and run it.
const MEMORY: &[&str] = &[
    "virtualalloc",
    "virtualprotect",
    "writeprocessmemory",
    "rtlcopymemory",
    "rtlmovememory",
    "createthread",
    "createremotethread",
    "queueuserapc",
    "ntqueueapcthread",
    "heapcreate",
    "enumsystemlocales",
    "ntwritevirtualmemory",
];
/// Functions of the system that start programs.
const LAUNCH: &[&str] = &["shellexecute", "winexec", "createprocess", "shell32"];

/// A word of one of the lists, found in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct XlmKeyword {
    /// Indicator of the word.
    pub indicator: &'static Indicator,
    /// The word as in the list.
    pub word: &'static str,
}

/// The first word of each list in `text`, whatever its case.
pub(super) fn words(text: &str) -> impl Iterator<Item = XlmKeyword> + '_ {
    static LISTS: [(&[&str], &Indicator); 5] = [
        (URL, &xlm::URL),
        (COMMAND, &xlm::COMMAND),
        (DOWNLOAD, &xlm::DOWNLOAD),
        (MEMORY, &xlm::MEMORY),
        (LAUNCH, &xlm::LAUNCH),
    ];
    static WORDS: LazyLock<(AhoCorasick, Vec<XlmKeyword>)> = LazyLock::new(|| {
        let words: Vec<_> =
            LISTS.iter().flat_map(|(list, indicator)| list.iter().map(|word| XlmKeyword { indicator, word })).collect();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(words.iter().map(|word| word.word))
            .expect("a few short words make a small automaton");
        (automaton, words)
    });
    let (automaton, words) = &*WORDS;
    let mut seen: [Option<&str>; LISTS.len()] = [None; LISTS.len()];
    automaton.find_iter(text).filter_map(move |found| {
        let word = *words.get(found.pattern().as_usize())?;
        let list = LISTS.iter().position(|(_, indicator)| indicator.id == word.indicator.id)?;
        let seen = seen.get_mut(list)?;
        seen.replace(word.word).is_none().then_some(word)
    })
}
