#![allow(clippy::disallowed_methods, reason = "a test may look at the clock")]
use std::time::{Duration, Instant};

use analyzers::{Cancel, Limit, Limits};
use analyzers_pe::Pe;
use proptest::prelude::*;
use specimens::pe::{CODE, CONSTANTS, Field, noise, ordinary, pe};

use super::{check_seen, examine, examine_with, ids};

/// Evidence that one image can give at most: every indicator eight times.
const EVIDENCE_MAX: usize = 1000;

/// Examines an image and checks that it took no time to speak of. The bound is generous: what it must tell
/// apart is linear from quadratic, on a machine that does other things as well.
#[track_caller]
fn check_quick(image: &[u8]) -> Vec<String> {
    let mut pe = Pe::default();
    let start = Instant::now();
    let (record, _) = examine_with(&mut pe, image, Limits::default());
    let spent = start.elapsed();
    assert!(spent < Duration::from_millis(1500), "{spent:?}");
    assert!(record.evidence.len() < EVIDENCE_MAX);
    ids(&record).into_iter().map(str::to_owned).collect()
}

#[test]
fn nothing_at_all_is_unreadable() {
    for image in [&b""[..], b"M", b"MZ", &[0; 64], &[0xff; 4096]] {
        check_seen(image, "pe.header.unreadable");
    }
}

#[test]
fn truncation_at_every_byte_ends_well() {
    let image = ordinary()
        .section(".extra", CONSTANTS, "vssadmin delete shadows")
        .export("Exported")
        .certificate([0x30; 64])
        .overlay("overlay")
        .build();
    let mut pe = Pe::default();
    for length in 0..image.len() {
        let (record, _) = examine_with(&mut pe, &image[..length], Limits::default());
        assert!(record.evidence.len() < EVIDENCE_MAX);
        assert!(record.evidence.iter().all(|seen| seen.span.end <= length));
    }
}

#[test]
fn each_header_field_may_be_all_ones_or_zero() {
    let mut fields = vec![
        Field::PeOffset,
        Field::Machine,
        Field::NumberOfSections,
        Field::SizeOfOptionalHeader,
        Field::Characteristics,
        Field::Magic,
        Field::EntryPoint,
        Field::ImageBase,
        Field::SectionAlignment,
        Field::FileAlignment,
        Field::SizeOfImage,
        Field::SizeOfHeaders,
        Field::Subsystem,
        Field::DllCharacteristics,
        Field::NumberOfRvaAndSizes,
    ];
    for index in 0..16 {
        fields.extend([Field::DirectoryAddress(index), Field::DirectorySize(index)]);
    }
    for index in 0..4 {
        fields.extend([Field::VirtualSize(index), Field::VirtualAddress(index), Field::SizeOfRawData(index)]);
        fields.extend([Field::PointerToRawData(index), Field::SectionCharacteristics(index)]);
    }
    for base in [ordinary(), ordinary().export("x").certificate([0x30; 64])] {
        for field in &fields {
            for value in [0, 1, 0x7fff_ffff, 0x8000_0000, u64::MAX] {
                check_quick(&base.clone().set(*field, value).build());
            }
        }
    }
}

#[test]
fn a_hundred_thousand_imports_are_counted_and_not_collected() {
    let names: Vec<String> = (0..100_000).map(|number| format!("Function{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let seen = check_quick(&pe().import("library.dll", &names).build());
    assert!(seen.contains(&"pe.header.anomaly".to_owned()), "{seen:?}");
}

#[test]
fn descriptors_that_share_one_table_cost_no_more_than_the_cap() {
    let names: Vec<String> = (0..10_000).map(|number| format!("Function{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let seen = check_quick(&pe().import("library.dll", &names).import_copies(50_000).build());
    assert!(seen.contains(&"pe.header.anomaly".to_owned()), "{seen:?}");
}

#[test]
fn sixty_five_thousand_sections_are_an_anomaly() {
    let mut image = ordinary().set(Field::NumberOfSections, 0xffff).build();
    // Every header claims all of the file.
    let header = [b".text\0\0\0".as_slice(), &[0xff; 4], &[0, 0x10, 0, 0], &[0xff; 4], &[0; 12], &[0x20, 0, 0, 0xe0]];
    let header = [header.concat(), vec![0; 4]].concat();
    image.extend(header[..40].repeat(65_535));
    let seen = check_quick(&image);
    assert!(seen.contains(&"pe.header.anomaly".to_owned()), "{seen:?}");
}

#[test]
fn overlapping_sections_of_a_large_file_are_counted_once() {
    let mut base = pe();
    for _ in 0..90 {
        base = base.section(".text", CODE, []);
    }
    base = base.overlay(noise(8 << 20));
    for index in 0..90 {
        base = base
            .set(Field::PointerToRawData(index), 0x1000 + index as u64 * 0x200)
            .set(Field::SizeOfRawData(index), u64::MAX);
    }
    check_quick(&base.build());
}

#[test]
fn a_resource_directory_that_points_to_itself_ends() {
    // A root of 8,000 entries, each of which is the root again.
    let mut root = vec![0; 12];
    root.extend([0x40, 0x1f, 0x40, 0x1f]);
    root.extend([1, 0, 0, 0, 0, 0, 0, 0x80].repeat(16_000));
    let image = ordinary().section(".loop", CONSTANTS, root).build();
    let row = image.windows(8).position(|name| name == b".loop\0\0\0").unwrap();
    let address = u32::from_le_bytes(image[row + 12..row + 16].try_into().unwrap());
    let mut image = image;
    let (at, _) = ordinary().locate(Field::DirectoryAddress(2));
    image[at..at + 4].copy_from_slice(&address.to_le_bytes());
    let seen = check_quick(&image);
    assert!(seen.contains(&"pe.header.anomaly".to_owned()), "{seen:?}");
}

#[test]
fn large_files_of_one_kind_of_byte_are_quick() {
    for fill in [b"MZ".as_slice(), b"This program ", b"http://", b"v\0s\0s\0a\0d\0m\0i\0n\0", &[0], &[0x90]] {
        let mut image = ordinary().build();
        image.extend(fill.iter().cycle().take(4 << 20));
        check_quick(&image);
    }
}

#[test]
fn a_limit_ends_the_examination_and_is_remembered() {
    let image = ordinary().overlay(noise(1 << 20)).build();
    let limits = Limits { steps_max: 5, ..Limits::default() };
    let (record, _) = examine_with(&mut Pe::default(), &image, limits);
    assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Steps]);
}

#[test]
fn cancelling_ends_the_examination() {
    use analyzers::{Analyzer, Budget, Findings, LayerId, Record, Sample};
    let image = ordinary().build();
    let cancel = Cancel::default();
    cancel.cancel();
    let record = Record::new(triage::FileKind::Data, Budget::new(Limits::default(), cancel));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Pe::default().analyze(Sample { bytes: &image, kind: triage::FileKind::Data }, &mut findings);
    assert_eq!(findings.finish().0.budget.hit().collect::<Vec<_>>(), [Limit::Time]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_end_well_and_the_same_twice(
        changes in proptest::collection::vec((0usize..0x600, any::<u8>()), 1..40),
        wide_changes in proptest::collection::vec((0usize..4000, prop_oneof![Just(0u32), Just(u32::MAX), any::<u32>()]), 0..8),
    ) {
        let mut image = ordinary().export("Exported").certificate([0x30; 64]).build();
        for (at, byte) in changes {
            image[at] = byte;
        }
        for (at, word) in wide_changes {
            image[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        let (first, _) = examine(&image);
        let (second, _) = examine(&image);
        prop_assert!(first.evidence.len() < EVIDENCE_MAX);
        prop_assert!(first.evidence.iter().all(|seen| seen.span.start <= seen.span.end && seen.span.end <= image.len()));
        prop_assert_eq!(first.evidence, second.evidence);
    }

    #[test]
    fn any_bytes_after_the_signature_end_well(tail in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut image = vec![0; 0x40];
        image[..2].copy_from_slice(b"MZ");
        image[0x3c] = 0x40;
        image.extend(b"PE\0\0\x4c\x01\x03\0");
        image.extend(tail);
        let (record, _) = examine(&image);
        prop_assert!(record.evidence.len() < EVIDENCE_MAX);
    }
}
