//! Compound files that were damaged or made to be misread: each is told, read as far as it goes, and costs little.

use analyzers::{Analyzer, Budget, Cancel, Findings, Incomplete, LayerId, Limits, Record, Sample};
use analyzers_ole_macro::{Office, vba_modules};
use proptest::prelude::*;
use specimens::cfb::CfbBuilder;
use specimens::vba::VbaBuilder;
use triage::{CfbKind, FileKind};

fn examine(bytes: &[u8]) -> Record {
    let kind = FileKind::Cfb(CfbKind::Other);
    // Enough for any honest file of this size, a hundred times over.
    let limits = Limits { steps_max: 100_000, ..Limits::default() };
    let record = Record::new(kind, Budget::new(limits, Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Office.analyze(Sample { bytes, kind }, &mut findings);
    findings.finish().0
}

/// Examines `file` and asks for exactly the signs `expected` of its container; and whether it is incomplete.
#[track_caller]
fn check(file: &[u8], expected: &[&str], incomplete: bool) {
    let record = examine(file);
    let mut seen: Vec<_> =
        record.evidence.iter().filter_map(|seen| seen.indicator.as_str().strip_prefix("office.container.")).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, expected, "{:?}", record.evidence);
    let why = if incomplete { &[Incomplete::CutShort][..] } else { &[] };
    assert_eq!(record.incomplete, why);
    assert_eq!(record.budget.hit().count(), 0);
}

fn document() -> CfbBuilder {
    let project = VbaBuilder::new().module("Module1", &"x = 1\r\n".repeat(10)).document("ThisDocument", "");
    project.add_to(CfbBuilder::new().stream("WordDocument", &[0; 9000]), "Macros")
}

#[track_caller]
fn has_its_macros(file: &[u8]) {
    let names: Vec<_> = vba_modules(file).into_iter().map(|module| module.name).collect();
    assert_eq!(names, ["Module1", "ThisDocument"]);
}

#[test]
fn honest_files_of_both_versions_show_nothing() {
    for file in [document().build(), document().version_4().build()] {
        check(&file, &[], false);
        has_its_macros(&file);
    }
}

#[test]
fn a_cyclic_tree_is_told_and_read() {
    let file = document().cyclic_siblings().build();
    check(&file, &["cyclic", "refused"], false);
    has_its_macros(&file);
}

#[test]
fn a_cyclic_directory_is_told_and_read() {
    let file = document().cyclic_directory().build();
    let record = examine(&file);
    assert!(record.evidence.iter().any(|seen| seen.indicator.as_str() == "office.container.cyclic"));
    has_its_macros(&file);
}

#[test]
fn a_cyclic_fat_is_told() {
    // A stream that says more than its cycle holds.
    let file = document().stream("Data", &[0; 100_000]).cyclic_fat().size("WordDocument", 60_000).build();
    check(&file, &["cyclic"], true);
    has_its_macros(&file);
    // And one that says no more, so that only those who follow the chain to its end are caught.
    check(&document().cyclic_fat().build(), &["cyclic"], true);
}

#[test]
fn a_cyclic_mini_fat_is_told_and_read() {
    let file = document().cyclic_mini_fat().build();
    check(&file, &["cyclic"], true);
    has_its_macros(&file);
}

#[test]
fn a_cyclic_difat_is_told_and_read() {
    let file = document().cyclic_difat().build();
    check(&file, &["cyclic", "refused"], false);
    has_its_macros(&file);
}

#[test]
fn a_stream_of_a_tebibyte_is_told_and_costs_nothing() {
    for file in [document(), document().version_4()] {
        let file = file.size("WordDocument", 1 << 40).build();
        let record = examine(&file);
        assert!(record.evidence.iter().any(|seen| seen.indicator.as_str() == "office.container.beyond_end"));
        assert_eq!(record.incomplete, [Incomplete::CutShort]);
        has_its_macros(&file);
    }
}

#[test]
fn what_the_tree_does_not_reach_is_told_and_read() {
    let file = document().orphan("Macros").build();
    check(&file, &["orphans"], false);
    has_its_macros(&file);
}

#[test]
fn absurd_sectors_are_told_and_read_as_they_were_meant() {
    for shift in [0, 1, 6, 17, 63, 64, 65535] {
        let file = document().sector_shift(shift).build();
        check(&file, &["malformed", "refused"], false);
        has_its_macros(&file);
    }
}

#[test]
fn a_file_cut_at_any_byte_is_never_complete() {
    for file in [document().build(), VbaBuilder::new().module("A", "Sub A()\r\nEnd Sub").bin()] {
        for length in 0..file.len() {
            let record = examine(&file[..length]);
            // The last sectors of this builder are those of the FAT, which may lack what names no sector.
            let cut = record.incomplete == [Incomplete::CutShort];
            let told = record.evidence.iter().any(|seen| seen.indicator.as_str().starts_with("office.container."));
            assert!(cut || told || length + 512 > file.len(), "{length} of {}", file.len());
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        changes in proptest::collection::vec((0usize..14_000, any::<u8>()), 0..40),
        wide in any::<bool>(),
    ) {
        let mut file = if wide { document().version_4().build() } else { document().build() };
        let length = file.len();
        for (at, byte) in changes {
            file[at % length] = byte;
        }
        let record = examine(&file);
        let again = examine(&file);
        prop_assert_eq!(record.evidence, again.evidence);
    }

    #[test]
    fn no_header_makes_it_panic(head in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut file = document().build();
        // Behind the magic, where all that steers the reading is.
        for (to, from) in file[24..].iter_mut().zip(head) {
            *to = from;
        }
        examine(&file);
    }
}

#[test]
fn a_directory_that_is_no_directory_is_incomplete() {
    let file = document().build();
    let start = 512 * (1 + u32::from_le_bytes(file[48..52].try_into().expect("four bytes")) as usize);
    // Overwritten, lost by one byte, and with a first entry that is no root.
    let mut overwritten = file.clone();
    overwritten[start..start + 1024].fill(0x41);
    let mut shifted = file.clone();
    shifted.remove(start - 1);
    let mut rootless = file.clone();
    rootless[start + 66] = 2;
    for (what, file) in [("overwritten", overwritten), ("shifted", shifted), ("rootless", rootless)] {
        let record = examine(&file);
        assert!(record.incomplete.contains(&Incomplete::CutShort), "{what}: {:?}", record.evidence);
        let seen = record.evidence.iter().any(|seen| seen.indicator.as_str().starts_with("office.container."));
        assert!(seen, "{what}");
    }
    assert_eq!(examine(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").incomplete, [Incomplete::CutShort]);
}

#[test]
fn a_directory_whose_sectors_leave_the_file_is_incomplete() {
    let file = document().stream("A", b"x").stream("B", b"x").stream("C", b"x").stream("D", b"x").build();
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
    let (directory, fat) = (number(48), number(76));
    let at = 512 * (fat + 1) + 4 * directory;
    // Beyond the end; nowhere; and a FAT that was overwritten as a whole.
    for next in [0x00ff_ffff_u32, 0xffff_ffff, 0xffff_fffe] {
        let mut file = file.clone();
        file[at..at + 4].copy_from_slice(&next.to_le_bytes());
        let record = examine(&file);
        assert!(record.incomplete.contains(&Incomplete::CutShort), "{next:x}: {:?}", record.evidence);
    }
    for byte in [0x00, 0xff] {
        let mut file = file.clone();
        file[512 * (fat + 1)..512 * (fat + 2)].fill(byte);
        let record = examine(&file);
        assert!(record.incomplete.contains(&Incomplete::CutShort), "{byte:x}: {:?}", record.evidence);
    }
}
