//! What is opened, what is handed over, and what is said of the rest.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

use analyzers::{Analyzer, Budget, Cancel, Child, Findings, LayerId, Limit, Limits, Record, Sample};
use analyzers_archive::Archives;
use proptest::prelude::*;
use specimens::archive::{
    GREETING, LZMA, LZMA_GREETING, LZMA_PARTS, LZMA_PROPERTIES, Named, cabinet, cabinet_ms_zip, cabinet_of, nsis,
    nsis_of, nsis_separate, py_installer, seven_zip, seven_zip_of,
};
use specimens::pe::{noise, ordinary};
use triage::triage;

fn examine_within(bytes: &[u8], limits: Limits) -> (Record, Vec<Child<'_>>) {
    let kind = triage(bytes);
    assert!(Archives.wants(kind), "{kind:?}");
    let mut findings = Findings::new(Record::new(kind, Budget::new(limits, Cancel::default())), LayerId::ARTIFACT);
    Archives.analyze(Sample { bytes, kind }, &mut findings);
    findings.finish()
}

fn examine(bytes: &[u8]) -> (Record, Vec<Child<'_>>) {
    examine_within(bytes, Limits::default())
}

fn ids(record: &Record) -> Vec<&str> {
    record.evidence.iter().map(|seen| seen.indicator.as_str()).collect()
}

/// Names and bytes of what is handed over, in order.
fn members<'c>(children: &'c [Child<'_>]) -> Vec<(&'c str, &'c [u8])> {
    children.iter().map(|child| (child.name.as_str(), child.bytes.as_ref())).collect()
}

/// What cannot be accounted for.
fn refused(record: &Record) -> Vec<String> {
    record.incomplete.iter().map(ToString::to_string).collect()
}

/// Both members are handed over as parts, and nothing else is said.
#[track_caller]
fn check_whole(bytes: &[u8], expected: &[Named<'_>]) {
    let (record, children) = examine(bytes);
    assert_eq!(members(&children), expected);
    assert!(children.iter().all(|child| child.is_part));
    assert_eq!((ids(&record), refused(&record)), (vec![], vec![]));
}

#[test]
fn members_are_handed_over_whatever_the_format() {
    let (program, text) = (ordinary().build(), b"Dear all, this is the manual.".as_slice());
    // More than one block of a cabinet.
    let large = ordinary().overlay(noise(100_000)).build();
    let all: [Named<'_>; 3] = [("setup.exe", &program), ("doc/manual.txt", text), ("large.dll", &large)];
    for bytes in [seven_zip(&all), cabinet(&all), cabinet_ms_zip(&all)] {
        check_whole(&bytes, &all);
    }
    check_whole(&seven_zip(&all[..1]), &all[..1]);
    let expected: [Named<'_>; 4] =
        [("script", b"a script"), ("file 1", &program), ("file 2", text), ("file 3", &large)];
    for bytes in [nsis(b"a script", &[&program, text, &large]), nsis_separate(b"a script", &[&program, text, &large])] {
        check_whole(&bytes, &expected);
    }
}

#[test]
fn lzma_is_unpacked() {
    let coder = [&[0x23, 3, 1, 1, 5], LZMA_PROPERTIES.as_slice()].concat();
    check_whole(&seven_zip_of(LZMA_GREETING, &coder, &[("hello.sh", GREETING)]), &[("hello.sh", GREETING)]);
    let [script, greeting] = LZMA_PARTS;
    let stream = [LZMA_PROPERTIES.as_slice(), LZMA].concat();
    let expected = [("script", script), ("file 1", greeting)];
    check_whole(&nsis_of(script.len(), &stream), &expected);
    // With the byte that says whether code was filtered.
    check_whole(&nsis_of(script.len(), &[&[0], stream.as_slice()].concat()), &expected);
    check_whole(&nsis_of(script.len(), &[&[1], stream.as_slice()].concat()), &expected);
}

#[test]
fn scripts_of_python_are_told_and_handed_over_and_its_modules_are_not_accounted_for() {
    let program = ordinary().build();
    let bytes = py_installer(&[(b's', "main", b"\xe3\0\0\0 compiled"), (b'b', "python311.dll", &program)]);
    let (record, children) = examine(&bytes);
    assert_eq!(members(&children), [("main", b"\xe3\0\0\0 compiled".as_slice()), ("python311.dll", &program)]);
    assert_eq!((ids(&record), refused(&record)), (vec!["archive.pyinstaller.script"], vec![]));
    let bytes = py_installer(&[(b's', "main", b"\xe3"), (b'z', "PYZ-00.pyz", b"PYZ\0 modules")]);
    let (record, children) = examine(&bytes);
    assert_eq!(children.len(), 1);
    assert_eq!(refused(&record), ["unaccounted.PYZ-00.pyz"]);
}

#[test]
fn what_nobody_examines_is_named_and_not_handed_over() {
    let picture = [b"\x89PNG\r\n\x1a\n".as_slice(), &noise(500)].concat();
    for bytes in [
        seven_zip(&[("a.png", &picture), ("b.bin", &noise(900)), ("empty", b"")]),
        cabinet(&[("a.png", &picture), ("b.bin", &noise(900)), ("empty", b"")]),
    ] {
        let (record, children) = examine(&bytes);
        assert_eq!(children.len(), 0);
        assert_eq!(refused(&record), ["unaccounted.a.png", "unaccounted.b.bin"]);
    }
}

#[test]
fn scripts_of_windows_are_told_by_their_names() {
    for (name, expected) in [("run.VBS", true), ("a/b.cmd", true), ("notes.txt", false), ("bat", false)] {
        let bytes = cabinet(&[(name, b"echo one, echo two, echo three")]);
        let (record, _) = examine(&bytes);
        assert_eq!(ids(&record).contains(&"archive.member.script"), expected, "{name}");
    }
}

#[test]
fn what_is_encrypted_or_packed_by_an_unknown_method_is_told() {
    let aes = [0x24, 6, 0xf1, 7, 1, 1, 0x13];
    let (record, children) = examine_bytes(seven_zip_of(&noise(64), &aes, &[("secret", &noise(64))]));
    assert_eq!((ids(&record), children), (vec!["archive.member.encrypted"], 0));
    let unknown = [0x04, 9, 9, 9, 9];
    let (record, _) = examine_bytes(seven_zip_of(&noise(64), &unknown, &[("odd", &noise(64))]));
    assert_eq!(ids(&record), ["archive.file.unreadable"]);
    // Quantum, and bzip2 as NSIS has it.
    let (record, _) = examine_bytes(cabinet_of(2, &[("a", b"b")], <[u8]>::to_vec));
    assert_eq!((ids(&record), refused(&record)), (vec!["archive.file.unreadable"], vec!["unaccounted.a".to_owned()]));
    let (record, _) = examine_bytes(nsis_of(8, b"1\x05 and so on, and so on"));
    assert_eq!(ids(&record), ["archive.file.unreadable"]);
}

fn examine_bytes(bytes: Vec<u8>) -> (Record, usize) {
    let (record, children) = examine(&bytes);
    let count = children.len();
    drop(children);
    (record, count)
}

#[test]
fn what_lies_between_and_behind_members_is_not_accounted_for() {
    let all: [Named<'_>; 2] = [("a.sh", GREETING), ("b.sh", GREETING)];
    let mut bytes = cabinet(&all);
    // The second file is said to begin a byte later, and to be a byte shorter.
    let second = 44 + 16 + 5;
    bytes[second] -= 1;
    bytes[second + 4] += 1;
    let (record, children) = examine(&bytes);
    assert_eq!(children.len(), 2);
    assert_eq!(refused(&record), ["unaccounted.bytes between members"]);
    let mut bytes = cabinet(&all);
    bytes[second] -= 1;
    assert_eq!(refused(&examine(&bytes).0), ["unaccounted.bytes behind members"]);
    // Members that lie over each other.
    let mut bytes = cabinet(&all);
    bytes[second + 4] -= 1;
    assert_eq!(ids(&examine(&bytes).0), ["archive.file.unreadable"]);
}

#[test]
fn cut_archives_hand_over_what_is_there_and_say_so() {
    let program = ordinary().build();
    let all: [Named<'_>; 2] = [("setup.exe", &program), ("more.exe", &program)];
    let built = [
        cabinet(&all),
        nsis(b"script", &[&program, &program]),
        nsis_separate(b"script", &[&program, &program]),
        py_installer(&[(b'b', "a.dll", &program), (b'b', "b.dll", &program)]),
    ];
    for bytes in &built {
        for length in (60..bytes.len()).step_by(97) {
            let cut = &bytes[..length];
            if !Archives.wants(triage(cut)) {
                continue;
            }
            let (record, children) = examine(cut);
            assert!(!refused(&record).is_empty(), "{length}: {:?}", members(&children).len());
        }
    }
    // The table of 7-Zip stands at the end.
    let bytes = seven_zip(&all);
    let (record, children) = examine(&bytes[..bytes.len() - 1]);
    assert_eq!((ids(&record), children.len()), (vec!["archive.file.unreadable"], 0));
}

#[test]
fn a_bomb_is_a_limit() {
    let zeros = vec![0; 3 << 20];
    let limits = Limits { produced_bytes_max: 4 << 20, stream_bytes_max: 1 << 20, ..Limits::default() };
    for bytes in [
        seven_zip(&[("zeros", &zeros)]),
        cabinet_ms_zip(&[("zeros", &zeros)]),
        nsis(b"script", &[&zeros]),
        py_installer(&[(b'x', "zeros", &zeros)]),
    ] {
        let (record, children) = examine_within(&bytes, limits);
        assert!(children.iter().all(|child| child.bytes.len() < 100));
        assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Stream]);
    }
    // What is not handed over is paid for all the same.
    let small = vec![0; 1 << 20];
    let many: Vec<Named<'_>> = (0..8).map(|_| ("zeros", small.as_slice())).collect();
    for bytes in [seven_zip(&many), cabinet(&many)] {
        let (record, _) = examine_within(&bytes, limits);
        assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Produced]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_end_well_and_the_same_twice(
        which in 0usize..6,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let text = b"Dear all, this is the manual.";
        let coder = [&[0x23, 3, 1, 1, 5], LZMA_PROPERTIES.as_slice()].concat();
        let mut bytes = match which {
            0 => seven_zip(&[("a.txt", text), ("b.sh", GREETING)]),
            1 => cabinet_ms_zip(&[("a.txt", text), ("b.sh", GREETING)]),
            2 => cabinet_of(0x1503, &[("a.txt", text)], <[u8]>::to_vec),
            3 => nsis_of(LZMA_PARTS[0].len(), &[LZMA_PROPERTIES.as_slice(), LZMA].concat()),
            4 => py_installer(&[(b's', "main", text), (b'b', "b.sh", GREETING)]),
            _ => seven_zip_of(LZMA_GREETING, &coder, &[("hello.sh", GREETING)]),
        };
        let kind = triage(&bytes);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let examine = || {
            let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
            let mut findings = Findings::new(record, LayerId::ARTIFACT);
            Archives.analyze(Sample { bytes: &bytes, kind }, &mut findings);
            let (record, children) = findings.finish();
            (record.evidence, record.incomplete, children.into_iter().map(|child| child.bytes.len()).collect::<Vec<_>>())
        };
        prop_assert_eq!(examine(), examine());
    }
}
