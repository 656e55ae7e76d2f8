//! What the headers speak of and the file lacks makes the report incomplete; what the loader does without, not.

use analyzers::Incomplete;
use specimens::pe::{CODE, CONSTANTS, Field, PeBuilder, ordinary, pe};

use super::examine;

/// Whether an image is cut short, by our reading.
#[track_caller]
fn check(image: &[u8], cut_short: bool) {
    let (record, _) = examine(image);
    assert_eq!(record.incomplete.contains(&Incomplete::CutShort), cut_short, "{:?}", record.evidence);
}

fn injector() -> PeBuilder {
    pe().section(".text", CODE, [0xc3; 600])
        .import("kernel32.dll", &["OpenProcess", "VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread"])
}

/// Where a directory's table is in the file, if it is in the section with this index.
fn table(image: &PeBuilder, directory: usize, section: usize) -> usize {
    let bytes = image.clone().build();
    let word = |field| {
        let (at, _) = image.locate(field);
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    };
    word(Field::DirectoryAddress(directory)) - word(Field::VirtualAddress(section))
        + word(Field::PointerToRawData(section))
}

#[test]
fn whole_images_are_not_cut_short() {
    check(&injector().build(), false);
    check(&ordinary().export("x").certificate([0x30; 64]).overlay("overlay").build(), false);
    check(&ordinary().dotnet().build(), false);
}

#[test]
fn every_prefix_without_some_of_what_is_loaded_is_cut_short() {
    for image in [injector(), injector().plus()] {
        let whole = image.build();
        // Zeros behind the virtual size of the last section are padding.
        let loaded = whole.iter().rposition(|&byte| byte != 0).unwrap() + 2;
        for length in 0..whole.len() {
            let (record, _) = examine(&whole[..length]);
            let cut_short = record.incomplete.contains(&Incomplete::CutShort);
            assert!(cut_short || length >= loaded, "{length} of {} bytes", whole.len());
        }
        check(&whole[..loaded], false);
    }
}

#[test]
fn headers_that_cannot_be_read_are_cut_short() {
    check(&ordinary().set(Field::Magic, 0x999).build(), true);
    check(&ordinary().set(Field::NumberOfSections, 0).build(), true);
    check(&pe().set(Field::NumberOfSections, 90).build(), true);
}

#[test]
fn imports_outside_of_the_file_are_cut_short() {
    check(&injector().set(Field::DirectoryAddress(1), 0x70_0000).build(), true);
    let at = table(&injector(), 1, 1);
    // Lookup table and address table, name of the library, the first thunk.
    let outside = 0x70_0000u32.to_le_bytes();
    check(&injector().put(at, outside).put(at + 16, outside).build(), true);
    check(&injector().put(at + 12, outside).build(), true);
    check(&injector().put(at + 40, outside).build(), true);
    // A lookup table is not needed if the address table is there.
    check(&injector().put(at, [0; 4]).build(), false);
    check(&injector().put(at, outside).build(), false);
}

#[test]
fn section_data_past_the_end_is_cut_short_and_padding_is_not() {
    let last = |raw_size: u64| pe().section(".data", CONSTANTS, [1; 0x180]).set(Field::SizeOfRawData(0), raw_size);
    check(&last(0x200).build(), false);
    check(&last(0x300).build(), false);
    check(&last(0x400).build(), true);
    check(&last(0x300).set(Field::VirtualSize(0), 0x201).build(), true);
    check(&last(0x300).set(Field::VirtualSize(0), 0).build(), true);
    check(&last(u64::MAX).build(), true);
    check(&last(u64::MAX).set(Field::PointerToRawData(0), u64::MAX).build(), true);
    // The loader takes nothing from the file for these.
    check(&last(0x9000).set(Field::PointerToRawData(0), 0).build(), false);
}

#[test]
fn an_import_table_that_ends_with_its_section_is_whole() {
    // As some packers leave it: the terminator is what the loader fills the page with.
    let image = injector();
    let at = table(&image, 1, 1);
    let whole = image.clone().build();
    let (pointer, _) = image.locate(Field::PointerToRawData(1));
    let start = u32::from_le_bytes(whole[pointer..pointer + 4].try_into().unwrap()) as usize;
    let (address, _) = image.locate(Field::DirectoryAddress(1));
    let moved = u32::from_le_bytes(whole[address..address + 4].try_into().unwrap()) + (whole.len() - at) as u32;
    let size = (whole.len() - start + 20) as u64;
    let mut packed = image
        .set(Field::DirectoryAddress(1), moved.into())
        .set(Field::SizeOfRawData(1), size)
        .set(Field::VirtualSize(1), size)
        .build();
    packed.extend_from_slice(&whole[at..at + 20]);
    check(&packed, false);
    let (record, _) = examine(&packed);
    assert!(super::ids(&record).contains(&"pe.import.injection_set"), "{:?}", super::ids(&record));
}

#[test]
fn what_only_debuggers_read_is_not_missed() {
    // As a debug section of MinGW's at the end, and its symbols, of a file that was copied only so far.
    let symbols = injector().coff_symbols(&["a_function_of_some_length"]).build();
    check(&symbols[..symbols.len() - 8], false);
    for name in ["/4", ".debug_i", ".stabstr"] {
        let short = injector().section(name, 0x4200_0040, [1; 0x1000]).set(Field::SizeOfRawData(1), 0x9000);
        check(&short.clone().build(), false);
        // Not where it would run.
        check(&short.set(Field::SectionCharacteristics(1), CODE.into()).build(), true);
    }
    check(&injector().section(".data", CONSTANTS, [1; 0x1000]).set(Field::SizeOfRawData(1), 0x9000).build(), true);
}
