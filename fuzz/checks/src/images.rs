//! Triage, programs, archives, and hosts in text.

use std::cell::RefCell;

use analyzers::hosts::{HostSearch, is_telling_address, is_telling_domain};
use analyzers::{Analyzer, Budget, Cancel, Evidence, Findings, LayerId, Limits, NamedHosts, Record, Sample};
use analyzers_archive::Archives;
use analyzers_elf::Elf;
use analyzers_packed::Packed;
use analyzers_pe::Pe;
use specimens::inno::{InnoPacking, editions, inno};
use specimens::samples::samples;
use specimens::upx::{UpxBuilder, upx};
use specimens::{archive as archives, autoit, elf as elves, pe as programs};
use triage::{
    ArchiveKind, ByteOrder, ElfKind, ElfType, Family, FileKind, HEAD_BYTES, Window, WordSize, magic, magic_scalar,
    triage_window,
};

/// Small, so that a bomb is a limit and no slow input.
const PRODUCED_MAX: u64 = 4 << 20;

thread_local! {
    // To build one takes longer than to examine a small file.
    static ELF: RefCell<Elf> = RefCell::default();
    static PE: RefCell<Pe> = RefCell::default();
}

/// A window that gives few bytes a read, as a file on a slow mount may.
struct Few<'a>(&'a [u8]);

impl Window for Few<'_> {
    fn size(&mut self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> usize {
        let most = into.len().min(700);
        Window::read_at(&mut { self.0 }, offset, &mut into[..most])
    }
}

/// The wide compare equals its plain twin, and a window shows what the whole file shows.
pub(crate) fn triage(bytes: &[u8]) {
    // The start moves, so that every alignment of the head is met.
    for start in 0..bytes.len().min(8) {
        assert_eq!(magic(&bytes[start..]), magic_scalar(&bytes[start..]));
    }
    let kind = triage::triage(bytes);
    assert_eq!(triage_window(&bytes[..bytes.len().min(HEAD_BYTES)], &mut Few(bytes)), kind);
    assert!(kind.family() == Family::Other || magic(bytes).family() == kind.family());
    assert!(!kind.name().is_empty());
}

/// Evidence is bounded, lies in the file, and is the same again whatever was examined before.
pub(crate) fn pe(bytes: &[u8]) {
    let examine = || {
        // Its kind makes no difference to the analyzer: it is asked only about what triage takes for a PE.
        let mut findings = findings(FileKind::Data, Limits::default());
        PE.with_borrow_mut(|pe| pe.analyze(Sample { bytes, kind: FileKind::Data }, &mut findings));
        let (record, children) = findings.finish();
        let unpacked = |child: &analyzers::Child<'_>| matches!(child.bytes, std::borrow::Cow::Owned(_));
        let borrowed = children.iter().filter(|child| !unpacked(child)).map(|child| child.bytes.len());
        // Images do not overlap, nor do archives; an image that is stored in an archive is both.
        assert!(borrowed.sum::<usize>() <= 2 * bytes.len(), "children are larger than what they were found in");
        record.evidence
    };
    let evidence = examine();
    assert!(evidence.len() <= Limits::default().evidence_max);
    check_spans(&evidence, bytes);
    assert_eq!(evidence, examine());
}

/// The same of ELF images, also behind a magic that lets any bytes in.
pub(crate) fn elf(bytes: &[u8]) {
    let examine = |bytes: &[u8]| {
        // What triage does not take for ELF is examined all the same: a wrong guess must not panic.
        let kind = match triage::triage(bytes) {
            kind @ FileKind::Elf(_) => kind,
            _ => FileKind::Elf(ElfKind {
                word_size: WordSize::Odd,
                byte_order: ByteOrder::Odd,
                elf_type: ElfType::Other,
                machine: 0,
            }),
        };
        let mut findings = findings(kind, Limits::default());
        ELF.with_borrow_mut(|elf| elf.analyze(Sample { bytes, kind }, &mut findings));
        findings.finish().0.evidence
    };
    let evidence = examine(bytes);
    check_spans(&evidence, bytes);
    assert_eq!(evidence, examine(bytes));
    if let Some(rest) = bytes.get(4..) {
        examine(&[b"\x7fELF", rest].concat());
    }
}

/// What is handed over is paid for, and the same bytes give the same again, as each of the formats that are opened.
pub(crate) fn archive(bytes: &[u8]) {
    let kinds =
        [ArchiveKind::SevenZip, ArchiveKind::Cab, ArchiveKind::Nsis, ArchiveKind::Inno, ArchiveKind::PyInstaller];
    for kind in kinds {
        let kind = FileKind::Archive(kind);
        let limits = Limits { produced_bytes_max: PRODUCED_MAX, stream_bytes_max: PRODUCED_MAX, ..Limits::default() };
        let examine = || {
            let mut findings = findings(kind, limits);
            Archives.analyze(Sample { bytes, kind }, &mut findings);
            let (record, children) = findings.finish();
            let unpacked: usize = children.iter().map(|child| child.bytes.len()).sum();
            // A member is borrowed or paid for; borrowed parts of a hostile table may be the same bytes again.
            assert!(children.len() as u64 <= limits.entries_max);
            (record.evidence, unpacked)
        };
        let (evidence, unpacked) = examine();
        check_spans(&evidence, bytes);
        assert_eq!((evidence, unpacked), examine());
    }
}

/// No bytes make the unpacker panic, what it hands over is paid for, and the same bytes give the same again.
pub(crate) fn packed(bytes: &[u8]) {
    let kind = triage::triage(bytes);
    if !Packed.wants(kind) {
        return;
    }
    let limits = Limits { produced_bytes_max: PRODUCED_MAX, stream_bytes_max: PRODUCED_MAX, ..Limits::default() };
    let examine = || {
        let mut findings = findings(kind, limits);
        Packed.analyze(Sample { bytes, kind }, &mut findings);
        let (record, children) = findings.finish();
        let unpacked: usize = children.iter().map(|child| child.bytes.len()).sum();
        assert!(unpacked as u64 <= PRODUCED_MAX);
        (record.evidence, unpacked)
    };
    let (evidence, unpacked) = examine();
    check_spans(&evidence, bytes);
    assert_eq!((evidence, unpacked), examine());
}

/// What is found in text is told for a reason, and the same text names the same hosts whatever was read before.
pub(crate) fn hosts(bytes: &[u8]) {
    let mut search = HostSearch::default();
    search.read(bytes);
    let found = search.found().clone();
    assert!(found.domains().len() <= NamedHosts::COUNT_MAX && found.ip_addresses().len() <= NamedHosts::COUNT_MAX);
    assert!(found.domains().iter().all(|domain| is_telling_domain(domain)));
    assert!(found.ip_addresses().iter().all(|&address| is_telling_address(address)));
    search.clear();
    search.read(bytes);
    assert_eq!(search.found(), &found);
}

fn findings<'a>(kind: FileKind, limits: Limits) -> Findings<'a> {
    Findings::new(Record::new(kind, Budget::new(limits, Cancel::default())), LayerId::ARTIFACT)
}

fn check_spans(evidence: &[Evidence], bytes: &[u8]) {
    for seen in evidence {
        assert!(seen.span.start <= seen.span.end && seen.span.end <= bytes.len(), "{seen:?}");
    }
}

pub(crate) fn all_samples() -> Vec<Vec<u8>> {
    samples().into_iter().map(|(_, bytes)| bytes).collect()
}

pub(crate) fn pe_seeds() -> Vec<Vec<u8>> {
    let dotnet = programs::metadata().own_type("Toy", "Program").native("VirtualAlloc").calls(
        "System.Net",
        "WebClient",
        "DownloadData",
        &[0x20, 1, 0x1d, 5, 0x0e],
    );
    vec![
        programs::ordinary().build(),
        programs::ordinary().plus().export("Run").dll().build(),
        programs::injector().signed().build(),
        programs::ordinary().dotnet_with(dotnet).build(),
        programs::ordinary().resource(10, programs::injector().build()).version("Nobody").manifest("<x/>").build(),
        programs::ordinary().debug("C:\\Users\\x\\y.pdb").coff_symbols(&["main", ".file"]).build(),
        programs::ordinary().overlay(archives::seven_zip(&[("a.exe", b"MZ")])).build(),
        programs::ordinary().overlay(archives::nsis(b"script", &[b"MZ"])).build(),
        programs::ordinary().overlay(archives::py_installer(&[(b's', "run", b"import os")])).build(),
        inno("5.0.4").program(b"MZ").file("{app}\\a.exe", b"MZ").installer(),
        inno("6.7.0").program(b"MZ").file("{app}\\a.exe", b"MZ").installer(),
    ]
}

pub(crate) fn elf_seeds() -> Vec<Vec<u8>> {
    let words = ["/bin/busybox", "GET /%s HTTP/1.1", "/proc/net/tcp"];
    vec![
        elves::tool().build(),
        elves::ordinary().build(),
        elves::upx_like().upx_magic().build(),
        elves::elf().narrow().strings(&words).build(),
        elves::elf().narrow().big_endian().strings(&words).build(),
    ]
}

pub(crate) fn archive_seeds() -> Vec<Vec<u8>> {
    let members: &[(&str, &[u8])] = &[("setup.exe", b"MZ and so on"), ("read.me", b"text text text")];
    vec![
        archives::seven_zip(members),
        archives::cabinet(members),
        archives::cabinet_ms_zip(members),
        archives::nsis(b"a script", &[b"MZ", b"text"]),
        archives::nsis_separate(b"a script", &[b"MZ", b"text"]),
        archives::py_installer(&[(b's', "run", b"import os"), (b'b', "x.dll", b"MZ")]),
    ]
    .into_iter()
    .chain(inno_seeds())
    .collect()
}

/// Each version, packed in each way by turns.
fn inno_seeds() -> impl Iterator<Item = Vec<u8>> {
    let packings = [InnoPacking::Lzma, InnoPacking::Stored, InnoPacking::Zlib, InnoPacking::Lzma2];
    editions().zip(packings.into_iter().cycle()).map(|(version, packing)| {
        let installer = inno(version).program(b"MZ and so on").packing(packing).solid().filtered();
        installer.file("{app}\\setup.exe", b"MZ \xe8\x10\0\0\0").file("{app}\\read.me", b"text text text").build()
    })
}

pub(crate) fn packed_seeds() -> Vec<Vec<u8>> {
    let (program, image) = (elves::tool().build(), programs::ordinary().build());
    let packed = [2, 3, 5, 8].map(|method| [upx(&program).method(method), upx(&image).method(method)]);
    let changed = [upx(&program).mark(*b"ABCD"), upx(&image).mark(*b"ABCD"), upx(&image).without_record()];
    let lines: &[&[&str]] = &[&["$call", "(", "@TempDir", "&", "\"0x9f9f9f9f", ")"], &["FileInstall", "(", "1", ")"]];
    let script = programs::ordinary().overlay(autoit::compiled(lines, &[("C:\\a.exe", &image)])).build();
    packed.into_iter().flatten().chain(changed).map(UpxBuilder::build).chain([script]).collect()
}

pub(crate) fn text_seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 4] = [
        b"GET http://198.51.100.7/bins.sh HTTP/1.1\r\nHost: evil-host.top\r\n\r\n",
        b"irc.evil-host.top:6667 \x00 8.8.4.4:53 [2001:db8::7]:80",
        b"h\x00t\x00t\x00p\x00:\x00/\x00/\x00e\x00v\x00i\x00l\x00.\x00t\x00o\x00p\x00",
        b"System.Net.Http, Version=4.0.0.0; kernel32.dll",
    ];
    texts.iter().map(|text| text.to_vec()).collect()
}
