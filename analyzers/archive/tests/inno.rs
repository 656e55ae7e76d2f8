//! Installers by Inno Setup: what is opened in each version, and what is said of those that lie.

use analyzers::{Analyzer, Budget, Cancel, Child, Findings, LayerId, Limit, Limits, Record, Sample};
use analyzers_archive::Archives;
use proptest::prelude::*;
use specimens::inno::{InnoBuilder, InnoLocation, InnoPacking, editions, inno};
use specimens::pe::{injector, noise, ordinary};
use triage::{ArchiveKind, FileKind, triage};

const KIND: FileKind = FileKind::Archive(ArchiveKind::Inno);
const PACKINGS: [InnoPacking; 4] = [InnoPacking::Stored, InnoPacking::Zlib, InnoPacking::Lzma, InnoPacking::Lzma2];
const TEXT: &[u8] = b"Dear all, this is the manual.";

fn examine_within(bytes: &[u8], limits: Limits) -> (Record, Vec<Child<'_>>) {
    assert!(Archives.wants(KIND));
    let mut findings = Findings::new(Record::new(KIND, Budget::new(limits, Cancel::default())), LayerId::ARTIFACT);
    Archives.analyze(Sample { bytes, kind: KIND }, &mut findings);
    findings.finish()
}

/// What is seen, each with its detail, what cannot be accounted for, and what is handed over.
#[derive(Clone, PartialEq, Eq, Debug)]
struct SeenInside {
    signs: Vec<String>,
    refused: Vec<String>,
    members: Vec<(String, Vec<u8>)>,
}

fn examine(bytes: &[u8]) -> SeenInside {
    let (record, children) = examine_within(bytes, Limits::default());
    assert!(children.iter().all(|child| child.is_part));
    SeenInside {
        signs: record.evidence.iter().map(|seen| format!("{} {}", seen.indicator.as_str(), seen.detail)).collect(),
        refused: record.incomplete.iter().map(ToString::to_string).collect(),
        members: children.into_iter().map(|child| (child.name, child.bytes.into_owned())).collect(),
    }
}

fn names(seen: &SeenInside) -> Vec<&str> {
    seen.members.iter().map(|(name, _)| name.as_str()).collect()
}

/// With two files, each in a chunk of its own.
fn two(version: &str) -> InnoBuilder {
    inno(version).file("{app}\\a.txt", TEXT).file("{app}\\b.exe", injector().build())
}

/// What is said of two files of which something is not true, and which of them are handed over.
#[track_caller]
fn check_lie(change: fn(&mut Vec<InnoLocation>), signs: &[&str], refused: &[&str], members: &[&str]) {
    for version in ["5.5.7", "6.7.0"] {
        let seen = examine(&two(version).change(change).build());
        assert_eq!((seen.signs.as_slice(), seen.refused.as_slice()), (own(signs).as_slice(), own(refused).as_slice()));
        assert_eq!(names(&seen), [&["setup.exe", "script", "setup data"], members].concat());
    }
}

fn own(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn all_versions_are_opened_however_files_are_packed() {
    // More than one piece of a block, and one buffer of calls; calls that go forward, back, far, and across its end.
    let mut program = ordinary().overlay(noise(70_000)).build();
    for (at, bytes) in [(1000, [0xe8, 0x34, 0x12, 0, 0]), (2000, [0xe9, 0xf0, 0xff, 0xff, 0xff])] {
        program[at..at + 5].copy_from_slice(&bytes);
    }
    program[3000..3005].copy_from_slice(&[0xe8, 1, 2, 3, 4]);
    program[65_533..65_538].copy_from_slice(&[0xe8, 0x20, 0, 0, 0]);
    assert_eq!(editions().count(), 13);
    for version in editions() {
        for packing in PACKINGS {
            let built = inno(version)
                .packing(packing)
                .file("{app}\\setup.exe", program.clone())
                .file("{app}\\doc\\manual.txt", TEXT)
                .file("{sys}\\empty.txt", b"")
                .file("{app}\\Ünder.dll", ordinary().dll().build());
            for built in [built.clone(), built.clone().solid(), built.clone().filtered(), built.solid().filtered()] {
                let seen = examine(&built.build());
                assert_eq!((&seen.signs, &seen.refused), (&vec![], &vec![]), "{version} {packing:?}");
                let expected = ["setup.exe", "script", "setup data", "{app}/setup.exe", "{app}/doc/manual.txt"];
                assert_eq!(names(&seen), [&expected[..], &["{app}/Ünder.dll"]].concat(), "{version}");
                let bytes: Vec<&[u8]> = seen.members.iter().map(|(_, bytes)| bytes.as_slice()).collect();
                assert_eq!((bytes[0], bytes[1]), (ordinary().build().as_slice(), b"IFPS and so on".as_slice()));
                assert!(bytes[3] == program && bytes[4] == TEXT, "{version} {packing:?}");
                assert_eq!(bytes[5], ordinary().dll().build());
            }
        }
    }
}

#[test]
fn scripts_are_told_and_hosts_named() {
    for version in editions() {
        let bytes = inno(version).file("{app}\\run.cmd", b"echo one, echo two, echo three").build();
        let (record, _) = examine_within(&bytes, Limits::default());
        assert!(record.evidence.iter().any(|seen| seen.indicator.as_str() == "archive.member.script"), "{version}");
        let hosts: Vec<_> = record.hosts.domains().iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["downloads.a-shop.example-host.com"], "{version}");
    }
}

#[test]
fn what_is_encrypted_is_told() {
    for version in ["5.0.4", "5.5.7", "6.4.3", "7.0.0.3"] {
        let built = two(version).change(|files| files.iter_mut().for_each(|file| file.is_encrypted = true));
        let seen = examine(&built.build());
        assert_eq!(seen.signs, ["archive.member.encrypted {app}/a.txt", "archive.member.encrypted {app}/b.exe"]);
        assert_eq!(seen.refused[..2], ["unaccounted.{app}/a.txt", "unaccounted.{app}/b.exe"]);
        assert_eq!(names(&seen), ["setup.exe", "script", "setup data"]);
    }
    for version in ["6.5.0", "7.0.0.3"] {
        let seen = examine(&two(version).encryption(2).build());
        assert_eq!(seen.signs, ["archive.member.encrypted setup data"]);
        assert_eq!(names(&seen), ["setup.exe"]);
        assert!(seen.refused.contains(&"unaccounted.setup data".to_owned()));
        // Files alone: their entries say it too.
        assert_eq!(examine(&two(version).encryption(1).build()).signs, Vec::<String>::new());
    }
}

#[test]
fn files_that_are_not_as_their_entries_say_are_named() {
    let lies = ["archive.file.unreadable {app}/b.exe"];
    let b = ["unaccounted.{app}/b.exe"];
    // Another checksum: what is there is handed over all the same.
    check_lie(|files| files[1].sum[0] ^= 1, &lies, &b, &["{app}/a.txt", "{app}/b.exe"]);
    // Places outside of all, and where no chunk begins.
    let between = [b[0], "unaccounted.bytes between members"];
    check_lie(|files| files[1].start = u64::from(u32::MAX), &lies, &between, &["{app}/a.txt"]);
    check_lie(|files| files[1].packed = u64::MAX, &lies, &between, &["{app}/a.txt"]);
    check_lie(|files| files[1].start += 1, &lies, &between, &["{app}/a.txt"]);
    // More than there is.
    check_lie(|files| files[1].size += 1, &lies, &b, &["{app}/a.txt", "{app}/b.exe"]);
    check_lie(|files| files[1].offset = 1 << 40, &lies, &["unaccounted.bytes between members", b[0]], &["{app}/a.txt"]);
    // Packed, and said not to be, so that bytes are left over.
    let packed = two("6.3.0").packing(InnoPacking::Zlib);
    let seen = examine(&packed.change(|files| files[1].is_packed = false).build());
    assert_eq!(seen.refused, ["unaccounted.{app}/b.exe", "unaccounted.bytes behind members"]);
    // In another file.
    let elsewhere = ["unaccounted.{app}/b.exe in another file", "unaccounted.bytes between members"];
    check_lie(|files| files[1].slices = [0, 1], &[], &elsewhere, &["{app}/a.txt"]);
}

#[test]
fn files_that_lie_over_each_other_are_named_and_those_that_are_the_same_are_read_once() {
    let solid = |change| examine(&two("6.2.0").solid().change(change).build());
    let seen = solid(|files| files[1].offset -= 1);
    assert_eq!(seen.signs, ["archive.file.unreadable {app}/b.exe"]);
    assert_eq!(names(&seen).len(), 4);
    // What stands between them is gone past.
    let seen = solid(|files| {
        files.remove(0);
    });
    assert_eq!(seen.refused, ["unaccounted.bytes between members"]);
    let seen = solid(|files| files.push(files[1].clone()));
    assert_eq!((names(&seen).len(), seen.refused), (5, vec![]));
    let seen = solid(|files| {
        let mut other = files[1].clone();
        other.sum[0] ^= 1;
        files.push(other);
    });
    assert_eq!(seen.signs, ["archive.file.unreadable file 2"]);
}

#[test]
fn versions_and_methods_that_are_not_known_are_named() {
    for (version, said) in [(b"3.0.6".as_slice(), "3.0.6"), (b"9.5.7", "9.5.7"), (b"5.5.x", "5.5.x")] {
        let mut bytes = two("5.5.7").build();
        let at = find(&bytes, b"Data (5.5.7)") + 6;
        bytes[at..at + 5].copy_from_slice(version);
        let seen = examine(&bytes);
        assert_eq!(seen.signs, [format!("archive.file.unreadable setup data of version {said}")]);
        assert_eq!(seen.members, []);
    }
    // Bzip2, and nothing at all.
    for head in [b"BZh91AY".as_slice(), b"\xff\xff\xff\xff\xff\xff\xff"] {
        let mut bytes = two("5.5.7").packing(InnoPacking::Zlib).build();
        let at = find(&bytes, b"zlb\x1a") + 4;
        bytes[at..at + 7].copy_from_slice(head);
        let seen = examine(&bytes);
        assert_eq!(seen.signs, ["archive.file.unreadable {app}/a.txt"]);
        assert_eq!(names(&seen).last(), Some(&"{app}/b.exe"));
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> usize {
    bytes.windows(mark.len()).position(|window| window == mark).unwrap()
}

#[test]
fn what_stands_between_parts_is_named_unless_it_is_an_empty_stream() {
    let seen = examine(&two("6.2.0").between(noise(40)).build());
    assert_eq!((seen.signs, seen.refused), (vec![], own(&["unaccounted.bytes between members"])));
    // As compilers leave it there.
    let empty = b"\x5d\0\0\x80\0\0\x83\xff\xfb\xff\xff\xc0\0\0\0";
    assert_eq!(examine(&two("6.2.0").between(empty).build()).refused, Vec::<String>::new());
}

#[test]
fn cut_installers_are_named_wherever_they_end() {
    for version in ["5.0.4", "5.5.7", "6.7.0"] {
        let bytes = inno(version).program(b"MZ").file("{app}\\a.txt", TEXT).build();
        for length in 0..bytes.len() {
            let seen = examine(&bytes[..length]);
            assert!(!seen.refused.is_empty(), "{version}, {length}");
        }
    }
}

#[test]
fn a_changed_byte_is_named_or_changes_nothing() {
    for version in ["5.0.4", "5.5.7", "6.5.0", "7.0.0.3"] {
        let built = inno(version).program(b"MZ").file("{app}\\a.txt", TEXT).file("{app}\\b.txt", TEXT.repeat(2));
        let good = built.build();
        let expected = examine(&good);
        assert_eq!((names(&expected).len(), expected.refused.len()), (5, 0), "{version}: {expected:?}");
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x41;
            let seen = examine(&bytes);
            assert!(!seen.refused.is_empty() || seen == expected, "{version}, byte {at}: {seen:?}");
        }
    }
}

#[test]
fn a_bomb_is_a_limit() {
    let limits = Limits { produced_bytes_max: 4 << 20, stream_bytes_max: 1 << 20, ..Limits::default() };
    let zeros = vec![0; 900 << 10];
    for packing in PACKINGS {
        // Many entries of one file: it is unpacked once, and entries are counted.
        let built = inno("6.2.0").packing(packing).file("{app}\\zeros", zeros.clone());
        let same = built.clone().change(|files| *files = vec![files[0].clone(); 12_000]).build();
        let (record, _) = examine_within(&same, limits);
        assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Entries], "{packing:?}");
        // Many chunks that begin at one place, and end elsewhere.
        let other = |files: &mut Vec<InnoLocation>| {
            let first = files[0].clone();
            *files = (0..1_000).map(|less| InnoLocation { packed: first.packed - less, ..first.clone() }).collect();
        };
        let (record, _) = examine_within(&built.clone().change(other).build(), limits);
        assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Produced], "{packing:?}");
        // One that is larger than a stream may be: it is gone past, and the next is had.
        let large = inno("6.2.0").packing(packing).file("{app}\\zeros", vec![0; 2 << 20]).file("{app}\\a.txt", TEXT);
        for built in [large.clone(), large.solid()] {
            let bytes = built.build();
            let (record, children) = examine_within(&bytes, limits);
            assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Stream], "{packing:?}");
            assert_eq!(children.last().map(|child| child.name.as_str()), Some("{app}/a.txt"));
        }
        // As large as numbers get.
        let endless = built.change(|files| files[0].size = u64::MAX).build();
        let (record, _) = examine_within(&endless, limits);
        assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Stream], "{packing:?}");
    }
    // The program, and the setup data.
    for built in [inno("6.2.0").program(vec![0; 2 << 20]), inno("6.2.0").script(vec![0; 2 << 20])] {
        let (record, _) = examine_within(&built.build(), limits);
        assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Stream]);
    }
}

#[test]
fn triage_knows_the_table_whatever_stands_behind_it() {
    for version in editions().skip(2) {
        let mut bytes = two(version).build();
        assert_eq!(triage(&bytes), KIND);
        bytes.splice(100.., b"%PDF-1.7".repeat(100));
        assert_eq!(triage(&bytes), KIND);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_end_well_and_the_same_twice(
        which in 0..13usize,
        packing in 0..4usize,
        is_solid: bool,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let version = editions().nth(which).unwrap();
        let built = inno(version).program(b"MZ").packing(PACKINGS[packing]).filtered();
        let built = built.file("{app}\\a.txt", TEXT).file("{app}\\b.txt", TEXT.repeat(2));
        let mut bytes = if is_solid { built.solid().build() } else { built.build() };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        prop_assert_eq!(examine(&bytes), examine(&bytes));
    }
}
