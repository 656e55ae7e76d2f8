//! Each cap of this crate's own, at its value and one above: what is cut off makes the report incomplete, so
//! that padding cannot make a malicious file benign.

use analyzers::Limit;
use specimens::pe::{CONSTANTS, Field, PeBuilder, ordinary, pe};

use super::examine;

/// Limits that were hit by an image which stays below a cap, none, and by one that goes beyond it.
#[track_caller]
fn check(below: &[u8], beyond: &[u8]) {
    assert_eq!(hit(below), []);
    assert_eq!(hit(beyond), [Limit::Entries]);
}

fn hit(image: &[u8]) -> Vec<Limit> {
    examine(image).0.budget.hit().collect()
}

#[test]
fn functions_behind_too_many_others_are_not_forgotten() {
    let padded = |count: usize| {
        pe().import("user32.dll", &vec!["#7"; count]).import("urlmon.dll", &["URLDownloadToFileA"]).build()
    };
    check(&padded(32_767), &padded(32_768));
}

#[test]
fn libraries_behind_too_many_others_are_not_forgotten() {
    let libraries = |count| pe().import("user32.dll", &["#7"]).import_copies(count).build();
    check(&libraries(2_048), &libraries(2_049));
}

#[test]
fn delayed_imports_count_as_others_do() {
    let image = pe().import("user32.dll", &vec!["#7"; 32_768]);
    let delayed = |image: PeBuilder| {
        // The lookup table of the import directory, behind its two descriptors, serves both.
        let built = image.clone().build();
        let (at, _) = image.locate(Field::DirectoryAddress(1));
        let directory = u32::from_le_bytes(built[at..at + 4].try_into().unwrap());
        let names = u64::from(directory) + 40;
        let mut row = [0; 32];
        row[0] = 1;
        row[4..8].copy_from_slice(&0x1d8u32.to_le_bytes());
        row[16..20].copy_from_slice(&(names as u32).to_le_bytes());
        // Into the headers, which are mapped as they are, behind the section table.
        image.put(0x1d8, *b"a.dll\0").put(0x1e0, row).set(Field::DirectoryAddress(13), 0x1e0).build()
    };
    check(&image.clone().build(), &delayed(image));
}

#[test]
fn sections_behind_too_many_others_are_not_forgotten() {
    let sections = |count| (0..count).fold(pe(), |image, _| image.section(".text", CONSTANTS, [])).build();
    check(&sections(256), &sections(257));
}

#[test]
fn resources_behind_too_many_others_are_not_forgotten() {
    // An entry for each type, and two for each resource.
    let resources = |types: u32, count: u32| {
        (0..count).fold(ordinary_without_resources(), |image, at| image.resource(100 + at % types, [])).build()
    };
    check(&resources(2, 4_095), &resources(1, 4_096));
}

fn ordinary_without_resources() -> PeBuilder {
    pe().plus().import("KERNEL32.dll", &["ExitProcess"])
}

#[test]
fn images_behind_too_much_text_of_stubs_are_not_forgotten() {
    // The image has a stub of its own.
    let stubs = |count: usize| pe().overlay(b"This program \0".repeat(count - 1)).build();
    check(&stubs(16_384), &stubs(16_385));
}

#[test]
fn images_behind_many_others_are_handed_over_up_to_a_limit() {
    let inner = pe().build();
    let images = |count| pe().overlay(inner.repeat(count)).build();
    check(&images(1_000), &images(1_001));
    for (inside, handed_over) in [(5, 5), (1_000, 1_000), (1_001, 1_000)] {
        let image = images(inside);
        let (_, children) = examine(&image);
        assert_eq!(children.len(), handed_over);
        assert!(children.iter().all(|child| *child.bytes == *inner));
    }
}

#[test]
fn images_among_many_resources_are_all_handed_over() {
    let inner = pe().dos_stub([0; 0x40]).build();
    let image = (0..20).fold(ordinary(), |image, _| image.resource(10, inner.clone())).build();
    let (record, children) = examine(&image);
    assert_eq!((children.len(), record.budget.hit().count()), (20, 0));
}

#[test]
fn an_image_that_only_begins_inside_another_is_not_forgotten() {
    let inner = pe().build();
    let nested = pe().overlay(inner.clone()).set(Field::SizeOfRawData(0), 0x600).build();
    let straddling = pe().overlay(inner).set(Field::SizeOfRawData(0), 0x300).build();
    check(&ordinary().overlay(nested).build(), &ordinary().overlay([straddling, vec![0; 64]].concat()).build());
}
