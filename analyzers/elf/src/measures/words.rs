//! Text: how much there is, and words in it by class.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use analyzers::hosts::HostSearch;
use analyzers::text::{CharacterCounts, base64_runs, long_runs, word_class as class, word_search, words_of};
use analyzers::{Budget, Exhausted, Measure, density, measures, permille};

/// Most that the words of one class count: more of the same says nothing new.
const COUNT_MAX: u32 = 300;
/// Bytes of the file that are looked at: bots are small, and of a large program the beginning is enough.
const BYTES_MAX: usize = 8 << 20;
/// Bytes between two looks at the budget.
const CHUNK: usize = 64 << 10;
/// Bytes that count as a step.
const STEP_BYTES: u64 = 4 << 10;
/// Characters in the shortest run.
const RUN_MIN: usize = 5;
/// Characters without a space in a row that count as a long run.
const LONG_RUN: usize = 200;
/// Characters of Base64 in a row that count as encoded data.
const BASE64_RUN: usize = 100;
/// Ends each run in a batch: in no word.
const SEPARATOR: u8 = b'\n';

/// Words by class.
pub(super) static CLASSES: &[(Measure, &str)] = &[
    (class("words.urls", "Addresses of the web."), "//:ptth|//:sptth"),
    (class("words.user_agents", "Names of browsers in requests."), "4/allizom|5/allizom|tnega-resu"),
    (class("words.http", "Words of HTTP."), "/ teg|/ tsop|.1/ptth|:epyt-tnetnoc|htgnel-tnetnoc"),
    (class("words.irc", "Words of IRC."), "gsmvirp| kcin|# nioj"),
    (class("words.onion", "Hidden services."), "noino.|bew2rot|tcejorprot"),
    (class("words.coins", "Coins and wallets."), "nioctib|orenom|tellaw|ctb"),
    (class("words.passwords", "Passwords."), "drowssap|dwssap|laitnederc"),
    (
        class("words.attack_words", "Words of attacks."),
        "tentob|doolf|sodd|relaets|roodkcab|najort|kcah|kcarc|tcejni|daolyap|tiolpxe|edocllehs",
    ),
    (class("words.copyright", "Copyright and licences."), "thgirypoc|devreser sthgir lla|esnecil|ecnecil"),
    (class("words.usage", "Help on command lines."), ":egasu|pleh--|noisrev--|noitpo dilavni|]snoitpo["),
    (class("words.errors", "Words of error messages."), "rorre|deliaf|gninraw|tressa|noitpecxe|dilavni"),
    (class("words.formats", "Format strings."), "ul%|dl%|x80%|x20%"),
    (class("words.source_files", "Names of source files."), "ppc.|:c.|pph.|sr.|og.|sap.|yp."),
    (class("words.type_names", "Mangled names of C++."), "va?.|ua?.|nz_|_??"),
    (class("words.go", "Run time of Go."), "og.emitnur|dliub og|bati.og"),
    (class("words.rust", "Run time of Rust."), "ograc|ctsur|ta dekcinap"),
    (class("words.upx", "The packer UPX."), "0xpu|1xpu|!xpu"),
    (
        class("words.analysis", "Names of virtual machines and analysis tools."),
        "erawmv|xoblautriv|xobv|xobdnas|krahseriw|gbdyllo|nomcorp|lldeibs|umeq|gbd46x|qadi",
    ),
    (
        class("words.authorities", "Certificate authorities."),
        "trecigid|ngisirev|ssalc cetnamys|etwaht|ngislabolg|ogitces|odomoc|gningis edoc tfosorcim|tsurtne",
    ),
    (
        class("words.messengers", "Mail, messengers and file sharing."),
        "aazak|elume|eriwemil|qci|ptms|morf liam|ot tpcr",
    ),
    (class("words.busybox", "BusyBox."), "xobysub/nib/|xobysub|dnuof ton telppa"),
    (class("words.proc", "Files below `/proc`."), "fles/corp/|ten/corp/|d%/corp/|ofniupc/corp/|/corp/"),
    (class("words.kill", "Programs that end others."), "llallik|llikp|9- llik|rellik"),
    (class("words.fetching", "Programs that fetch."), " tegw| lruc| ptft|tegptf"),
    (class("words.temporary_folders", "Folders for temporary files."), "/pmt/|pmt/rav/|mhs/ved/|nur/rav/"),
    (class("words.permissions", "Commands that change permissions or delete."), "777 domhc|x+ domhc|fr- mr|7 domhc"),
    (
        class("words.start_up", "Files that start programs."),
        "batnorc|norc/cte/|.cr/cte/|d.tini/cte/|lacol.cr|ltcmetsys|syek_dezirohtua",
    ),
    (class("words.watchdog", "The watchdog."), "godhctaw/ved/|godhctaw/csim/ved/"),
    (
        class("words.factory_passwords", "Passwords of factories."),
        "nimda|toor|vxziv|1153cx|8153ih|okmju7|888888|hcetnauj|okna|xxlz",
    ),
    (class("words.telnet", "Words of logins."), "tenlet|:nigol|:drowssa|elbane|hs/nib/|tcerrocni"),
    (
        class("words.bot_names", "Names of bots."),
        "iarim|tygfag|etilhsab|drazil|netiak|imanust|tobq|emijah|izom|oftgonlol|replehrvd|nomed|aros|irawo|idnoc",
    ),
    (class("words.floods", "Words of floods."), "doolf pdu|doolf pct|doolf nys|doolfptth| dts|pdu.|pct.|esv|samx"),
    (
        class("words.router_exploits", "Paths of exploits of routers."),
        "nib-igc|paos|1panh|?llehs/|pnpu|mrofnopg|tlrtc/|csedscip|phpkniht|noitcennocpinaw|lmx?<|dinigol",
    ),
    (class("words.mining", "Words of miners."), "mutarts|girmx|thginotpyrc|.loop|etarhsah|xmodnar|etanod"),
    (
        class("words.backdoors", "Words of backdoors and rootkits."),
        "roodkcab|llehs esrever|llehs dnib|pct/ved/|xmtp/ved/|tiktoor|daolerp.os.dl|_edih|stnedteg",
    ),
    (class("words.ransom", "Words of ransom notes."), "tpyrcne|tpyrced|selif ruoy|emdaer|noino.|nioctib"),
    (class("words.name_servers", "Name servers."), "8.8.8.8|fnoc.vloser|stsoh/cte/"),
    (class("words.c_libraries", "C libraries."), "cbilg|cbilcu|lsum|os.cbil"),
    (class("words.compilers", "Compilers."), "( :ccg|noisrev gnalc"),
    (class("words.devices", "Devices."), "llun/ved/|modnaru/ved/"),
    (class("words.environment", "Variables of the environment."), "=htap|=emoh|yrarbil_dl"),
    (class("words.shells", "Shells."), "hs/nib/|hsab/nib/|c- hs"),
];

static AUTOMATON: LazyLock<AhoCorasick> = LazyLock::new(|| word_search(words_of(CLASSES).map(|(_, word)| word)));

/// Builds the automaton, if it is not built yet.
pub(super) fn prepare() {
    LazyLock::force(&AUTOMATON);
}

/// Counts words and text, and looks for hosts in it. Reused for any number of files.
#[derive(Debug)]
pub(crate) struct Words {
    class_of: Vec<usize>,
    classes: Vec<u32>,
    batch: Vec<u8>,
    characters: CharacterCounts,
    runs: usize,
    long_runs: u32,
    base64_runs: u32,
    size: usize,
    hosts: HostSearch,
}

impl Words {
    pub(crate) fn new() -> Words {
        Words {
            class_of: words_of(CLASSES).map(|(class, _)| class).collect(),
            classes: Vec::new(),
            batch: Vec::new(),
            characters: CharacterCounts::default(),
            runs: 0,
            long_runs: 0,
            base64_runs: 0,
            size: 0,
            hosts: HostSearch::default(),
        }
    }

    /// Counts those of a file.
    pub(super) fn count(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<(), Exhausted> {
        self.classes.clear();
        self.classes.resize(CLASSES.len(), 0);
        self.characters = CharacterCounts::default();
        (self.runs, self.long_runs, self.base64_runs) = (0, 0, 0);
        self.size = bytes.len().min(BYTES_MAX);
        self.hosts.clear();
        let head = bytes.get(..BYTES_MAX).unwrap_or(bytes);
        // A run across the end of a chunk counts as two, and a word there is missed: once in 64 KiB.
        for chunk in head.chunks(CHUNK) {
            budget.step(CHUNK as u64 / STEP_BYTES)?;
            self.gather(chunk);
            self.hosts.read(&self.batch);
            for found in AUTOMATON.find_overlapping_iter(&self.batch) {
                let class = self.class_of.get(found.pattern().as_usize());
                if let Some(count) = class.and_then(|&class| self.classes.get_mut(class)) {
                    *count = (*count + 1).min(COUNT_MAX);
                }
            }
        }
        Ok(())
    }

    fn gather(&mut self, chunk: &[u8]) {
        self.batch.clear();
        let mut rest = chunk;
        while let Some(run) = next_run(&mut rest) {
            self.runs += 1;
            self.characters.add(run);
            if run.len() >= BASE64_RUN {
                let (long, base64) = (long_runs(run, LONG_RUN) > 0, base64_runs(run, BASE64_RUN) > 0);
                self.long_runs = (self.long_runs + u32::from(long)).min(COUNT_MAX);
                self.base64_runs = (self.base64_runs + u32::from(base64)).min(COUNT_MAX);
            }
            self.batch.extend_from_slice(run);
            self.batch.push(SEPARATOR);
        }
    }

    /// Hosts that the text names, up to the end or to the limit that was hit.
    pub(crate) fn hosts(&self) -> &HostSearch {
        &self.hosts
    }

    /// How often words of each class were found, in the order of the classes.
    pub(super) fn classes(&self) -> &[u32] {
        &self.classes
    }
}

/// The next run of [`RUN_MIN`] characters and more; `rest` is what is behind it.
///
/// Where the last of `RUN_MIN` bytes is no text, no run begins among them: of most code, one byte in `RUN_MIN` is looked at.
fn next_run<'c>(rest: &mut &'c [u8]) -> Option<&'c [u8]> {
    loop {
        let (head, _) = rest.split_at_checked(RUN_MIN)?;
        let text = head.iter().rev().take_while(|byte| is_text(**byte)).count();
        let from = rest.get(RUN_MIN - text..).unwrap_or_default();
        if text == 0 {
            *rest = from;
            continue;
        }
        let length = text + from.iter().skip(text).take_while(|byte| is_text(**byte)).count();
        let (run, behind) = from.split_at(length);
        *rest = behind.get(1..).unwrap_or_default();
        if length >= RUN_MIN {
            return Some(run);
        }
    }
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}

measures! {
    /// The text.
    TEXT, fn text(all: &Words), source: "EMBER: strings" {
        "text.runs", Count, "Runs of five characters and more." => all.runs;
        "text.share", Permille, "Text, of the file." => permille(all.characters.all(), all.size);
        "text.length", Count, "Mean length of a run, in tenths of a character." =>
            (10 * all.characters.all()).checked_div(all.runs).unwrap_or(0);
        "text.entropy", Entropy, "Evenness of its characters." => all.characters.entropy();
        "text.density", Density, "Runs, by the size of the file." => density(all.runs, all.size);
        "text.letters", Permille, "Letters, of its characters." => all.characters.share(|byte| byte.is_ascii_alphabetic());
        "text.spaces", Permille, "Spaces, of its characters." => all.characters.share(|byte| byte == b' ');
        "text.digits", Permille, "Digits, of its characters." => all.characters.share(|byte| byte.is_ascii_digit());
        "text.long_runs", Count, "Runs of 200 characters without a space." => all.long_runs;
        "text.base64_runs", Count, "Runs of 100 characters of Base64." => all.base64_runs;
    }
}

#[cfg(test)]
mod tests {
    use analyzers::{Cancel, Limits};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_those_between_bytes_that_are_no_text(bytes in proptest::collection::vec(
            prop_oneof![3 => 0x20u8..0x7f, 1 => Just(b'\t'), 2 => any::<u8>()], 0..300)) {
            let expected: Vec<&[u8]> =
                bytes.split(|&byte| !is_text(byte)).filter(|run| run.len() >= RUN_MIN).collect();
            let mut rest = &bytes[..];
            let found: Vec<&[u8]> = std::iter::from_fn(|| next_run(&mut rest)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn words_and_runs_are_counted_and_forgotten() {
        let mut words = Words::new();
        let mut budget = Budget::new(Limits::default(), Cancel::default());
        let of = |words: &Words, name: &str| {
            words.classes()[CLASSES.iter().position(|(measure, _)| measure.name == name).unwrap()]
        };
        words.count(b"\0get HTTP://a.example/ \x01abc\0/bin/BUSYBOX\0", &mut budget).unwrap();
        assert_eq!((of(&words, "words.urls"), words.runs), (1, 2));
        assert!(of(&words, "words.busybox") > 0);
        words.count(b"", &mut budget).unwrap();
        assert_eq!((of(&words, "words.urls"), words.runs, words.characters.entropy()), (0, 0, 0));
    }
}
