//! What is unpacked, what is handed over, and what is said of the rest.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

use analyzers::{Analyzer, Budget, Cancel, Child, Findings, LayerId, Limits, Record, Sample};
use analyzers_packed::Packed;
use proptest::prelude::*;
use specimens::elf::{self, R, W, X, elf};
use specimens::pe::{self, CODE, DATA, pe, plain_code};
use specimens::upx::{UpxBuilder, upx};
use triage::triage;

const OPENED: &str = "packed.upx.opened";
const ALTERED: &str = "packed.upx.altered_marks";
const BROKEN: &str = "packed.upx.broken";
const REFUSED: &str = "unaccounted.the packed program";

fn examine_within(bytes: &[u8], limits: Limits) -> (Record, Vec<Child<'_>>) {
    let kind = triage(bytes);
    assert!(Packed.wants(kind), "{kind:?}");
    let mut findings = Findings::new(Record::new(kind, Budget::new(limits, Cancel::default())), LayerId::ARTIFACT);
    Packed.analyze(Sample { bytes, kind }, &mut findings);
    findings.finish()
}

/// Bytes that a failed test does not print.
#[derive(PartialEq)]
struct Silent(Vec<u8>);

impl std::fmt::Debug for Silent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Ids of what was seen, why it is incomplete, and what is handed over.
fn seen(bytes: &[u8], limits: Limits) -> (Vec<String>, Vec<String>, Vec<Silent>) {
    let (record, children) = examine_within(bytes, limits);
    assert!(children.iter().all(|child| child.is_part && child.name == "unpacked"));
    (
        record.evidence.iter().map(|seen| seen.indicator.to_string()).collect(),
        record.incomplete.iter().map(ToString::to_string).collect(),
        children.into_iter().map(|child| Silent(child.bytes.into_owned())).collect(),
    )
}

/// The program is handed over whole, and this is said.
#[track_caller]
fn check_opened(packed: UpxBuilder, expected: &[&str], program: &[u8]) {
    let (ids, incomplete, children) = seen(&packed.build(), Limits::default());
    assert_eq!((ids, incomplete.as_slice()), (expected.iter().map(ToString::to_string).collect(), [].as_slice()));
    assert_eq!(children.len(), 1);
    let differs = program.iter().zip(&children[0].0).position(|(one, other)| one != other);
    assert_eq!((children[0].0.len(), differs), (program.len(), None));
}

/// Nothing is seen, and nothing is missed.
#[track_caller]
fn check_not_packed(bytes: &[u8]) {
    assert_eq!(seen(bytes, Limits::default()), (Vec::new(), Vec::new(), Vec::new()));
}

fn programs() -> Vec<Vec<u8>> {
    let (code, data) = (plain_code(9_000), b"words and words and words".repeat(40));
    let with = |program: elf::ElfBuilder| {
        program.load(R | X, &code).load(R | W, &data).section(".comment", 1, 0, b"a comment").build()
    };
    vec![
        elf::ordinary().build(),
        elf::tool().build(),
        with(elf()),
        with(elf().narrow()),
        with(elf().big_endian()),
        with(elf().narrow().big_endian()),
        elf().load(R | X, &code).without_sections().build(),
        elf().load(R | X, &code).strings(&["a few", "words"]).build(),
    ]
}

fn images() -> Vec<Vec<u8>> {
    let image = || {
        pe().section(".text", CODE, plain_code(9_000))
            .section(".data", DATA, b"some words, some words, some more words".repeat(20))
            .import("kernel32.dll", &["CreateFileW", "ExitProcess", "WriteFile"])
            .import("ws2_32.dll", &["connect"])
    };
    vec![image().build(), image().plus().build(), pe::ordinary().build(), pe::injector().build()]
}

#[test]
fn programs_are_what_they_were_whatever_the_method() {
    for program in programs() {
        for method in 2..=10 {
            check_opened(upx(&program).method(method), &[OPENED], &program);
        }
    }
}

#[test]
fn images_have_their_sections_again_whatever_the_method() {
    for program in images() {
        for method in 2..=10 {
            let (ids, incomplete, children) = seen(&upx(&program).method(method).build(), Limits::default());
            assert_eq!((ids, incomplete), (vec![OPENED.to_owned()], vec![]));
            // Names of imports may stand elsewhere: as many bytes are what they were as are no tables.
            let same = program.iter().zip(&children[0].0).filter(|(one, other)| one == other).count();
            assert!(
                children[0].0.len() >= program.len() && same * 10 > program.len() * 9,
                "{same} of {}",
                program.len()
            );
            for name in [b"CreateFileW\0".as_slice(), b"connect\0", b"CreateRemoteThread\0", b"some words, some"] {
                let has = |bytes: &[u8]| bytes.windows(name.len()).any(|part| part == name);
                assert_eq!(has(&program), has(&children[0].0), "{}", String::from_utf8_lossy(name));
            }
        }
    }
}

#[test]
fn changed_marks_are_a_sign_and_hide_nothing() {
    let program = elf::tool().build();
    check_opened(upx(&program).mark(*b"LSD!"), &[ALTERED, OPENED], &program);
    check_opened(upx(&program).mark([0; 4]), &[ALTERED, OPENED], &program);
    check_opened(upx(&program).inner_mark([0x7f, 0x0c, 0x93, 0x2b]), &[ALTERED, OPENED], &program);
    let image = pe::ordinary().build();
    for packed in [upx(&image).mark(*b"ABCD"), upx(&image).without_record(), upx(&image).method(8).without_record()] {
        let (ids, incomplete, children) = seen(&packed.build(), Limits::default());
        assert_eq!((ids, incomplete, children.len()), (vec![ALTERED.to_owned(), OPENED.to_owned()], vec![], 1));
    }
}

#[test]
fn programs_that_are_not_packed_are_not_taken_for_it() {
    for program in programs().iter().chain(&images()) {
        check_not_packed(program);
    }
    check_not_packed(&elf::upx_like().build());
    check_not_packed(&elf::upx_like().upx_magic().build());
    check_not_packed(&elf::ordinary().overlay("UPX! and UPX! once more").build());
    check_not_packed(&pe().section("UPX0", DATA, b"").section("UPX1", CODE, pe::noise(20_000)).build());
    check_not_packed(&pe().section("UPX1", CODE, b"UPX! is a packer").build());
}

#[test]
fn what_runs_beside_the_blocks_is_more_than_an_unpacker() {
    for program in [elf::tool().build(), pe::ordinary().build()] {
        let (ids, incomplete, children) = seen(&upx(&program).unpacker(40_000).build(), Limits::default());
        assert_eq!((ids.len(), children.len()), (0, 1));
        assert!(
            incomplete[0].starts_with("unaccounted.4") && incomplete[0].ends_with("bytes beside the packed program")
        );
    }
}

#[test]
fn a_program_that_starts_elsewhere_than_in_its_unpacker_was_not_opened() {
    let mut packed = upx(&pe::ordinary().build()).build();
    let start = u32::from_le_bytes(packed[60..64].try_into().unwrap()) as usize;
    // Into the third section, as viruses do it.
    let row = start + 0xf8 + if packed[start + 24 + 1] == 2 { 0x10 } else { 0 } + 2 * 40;
    let third: [u8; 4] = packed[row + 12..row + 16].try_into().unwrap();
    packed[start + 40..start + 44].copy_from_slice(&third);
    let (ids, incomplete, children) = seen(&packed, Limits::default());
    assert_eq!((ids.len(), children.len()), (0, 1));
    assert_eq!(incomplete, ["unaccounted.what runs before the packed program"]);
}

#[test]
fn filters_that_are_not_undone_leave_it_unopened() {
    let (program, image) = (elf::tool().build(), pe::ordinary().build());
    for packed in [upx(&program).filter(0x36), upx(&image).filter(0x36)] {
        assert_eq!(seen(&packed.build(), Limits::default()), (vec![], vec![REFUSED.to_owned()], vec![]));
    }
    check_opened(upx(&program).filter(0x26), &[OPENED], &program);
}

#[test]
fn what_would_become_too_large_is_not_made_and_named() {
    let limits = Limits { stream_bytes_max: 2_000, ..Limits::default() };
    for program in [elf::tool().build(), pe::ordinary().build()] {
        let packed = upx(&program).build();
        let (record, children) = examine_within(&packed, limits);
        let refused: Vec<String> = record.incomplete.iter().map(ToString::to_string).collect();
        assert_eq!((children.len(), refused), (0, vec![REFUSED.to_owned()]));
        // That is no limit of the examination: what was seen outside of it stands.
        assert_eq!(record.budget.hit().count(), 0);
    }
}

#[test]
fn steps_end_it() {
    let limits = Limits { steps_max: 3, ..Limits::default() };
    for program in [elf::tool().build(), pe::ordinary().build()] {
        let packed = upx(&program).build();
        let (record, children) = examine_within(&packed, limits);
        assert_eq!((children.len(), record.budget.hit().count()), (0, 1));
    }
}

#[test]
fn a_program_that_is_cut_short_is_handed_over_as_far_as_it_goes() {
    let program = elf().load(R | X, plain_code(9_000)).load(R | W, pe::noise(4_000)).without_sections().build();
    let packed = upx(&program).build();
    let (ids, incomplete, children) = seen(&packed[..packed.len() - 5_000], Limits::default());
    assert_eq!((ids, incomplete), (vec![BROKEN.to_owned()], vec![REFUSED.to_owned()]));
    assert!(children[0].0.len() > 9_000 && program.starts_with(&children[0].0[..9_000]));
    for length in 64..packed.len() {
        let (ids, incomplete, children) = seen(&packed[..length], Limits::default());
        let opened = ids == [OPENED];
        // Behind the header: without the blocks of what is not loaded it has no table of sections to speak of.
        assert!(!opened || children[0].0[64..9_000] == program[64..9_000], "{length}");
        assert!(opened || children.is_empty() || !incomplete.is_empty(), "{length}");
    }
}

#[test]
fn an_image_that_is_cut_short_is_told() {
    let packed = upx(&pe::ordinary().build()).build();
    let (ids, incomplete, children) = seen(&packed[..packed.len() * 2 / 3], Limits::default());
    assert_eq!((ids, incomplete, children.len()), (vec![BROKEN.to_owned()], vec![REFUSED.to_owned()], 0));
}

#[test]
fn lengths_that_lie_are_told() {
    let program = elf().load(R | X, plain_code(9_000)).without_sections().build();
    let packed = upx(&program).build();
    // The second block, behind that with the headers.
    let first = 64 + 2 * 56 + 24;
    let packed_length = |at: usize| u32::from_le_bytes(packed[at + 4..at + 8].try_into().unwrap()) as usize;
    let second = first + 12 + packed_length(first);
    for (field, lie) in [(0, 8_000u32), (0, 9_100), (0, u32::MAX), (4, 100), (4, u32::MAX)] {
        let mut lying = packed.clone();
        lying[second + field..second + field + 4].copy_from_slice(&lie.to_le_bytes());
        let (ids, incomplete, _) = seen(&lying, Limits::default());
        assert_eq!((ids, incomplete), (vec![BROKEN.to_owned()], vec![REFUSED.to_owned()]), "{field} {lie}");
    }
}

proptest! {
    #[test]
    fn no_change_makes_it_panic_or_unpack_for_nothing(
        which in 0usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let program = match which {
            0 => elf::tool().build(),
            1 => elf().narrow().load(R | X, plain_code(3_000)).build(),
            2 => pe::ordinary().build(),
            _ => pe::injector().plus().build(),
        };
        let mut bytes = upx(&program).build();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let kind = triage(&bytes);
        prop_assume!(Packed.wants(kind));
        let limits = Limits { produced_bytes_max: 1 << 20, stream_bytes_max: 1 << 20, ..Limits::default() };
        let (record, children) = examine_within(&bytes, limits);
        let made: usize = children.iter().map(|child| child.bytes.len()).sum();
        prop_assert!(made <= 1 << 20);
        let says = record.evidence.iter().any(|seen| seen.indicator.as_str() == OPENED) || !record.incomplete.is_empty();
        prop_assert!(children.is_empty() || says);
    }
}
