//! Where tools differ, what the loader of Windows takes is what is read.

use specimens::pe::{CODE, CONSTANTS, Field, PeBuilder, noise, ordinary, pe};

use super::{check_not_seen, check_seen};

/// A program with an innocent import table of its own and, in the library behind it, a downloader.
fn downloader() -> PeBuilder {
    pe().section(".text", CODE, [0xc3; 64])
        .import("user32.dll", &["MessageBoxW", "GetMessageW"])
        .import("urlmon.dll", &["URLDownloadToFileW"])
}

/// The 32-bit header field of a built image.
fn field(image: &PeBuilder, field: Field) -> u32 {
    let (at, _) = image.locate(field);
    u32::from_le_bytes(image.clone().build()[at..at + 4].try_into().unwrap())
}

/// Where the import directory is in the file; it is in the section behind the one of code.
fn imports(image: &PeBuilder) -> usize {
    let address = field(image, Field::DirectoryAddress(1)) - field(image, Field::VirtualAddress(1));
    (address + field(image, Field::PointerToRawData(1))) as usize
}

#[track_caller]
fn check_downloads(image: PeBuilder) {
    check_seen(&image.build(), "pe.import.downloader");
}

#[test]
fn a_surplus_of_raw_data_hides_no_section() {
    for image in [downloader(), downloader().plus()] {
        for surplus in [0x1001, 0x2000, 0x7fff_ffff] {
            check_downloads(image.clone().set(Field::SizeOfRawData(0), surplus));
        }
    }
}

#[test]
fn a_lookup_table_among_the_headers_or_past_the_image_is_none() {
    for image in [downloader(), downloader().plus()] {
        let second = imports(&image) + 20;
        for lookup in [0u32, 0x20, 0x1ff, 0x7fff_0000, u32::MAX] {
            check_downloads(image.clone().put(second, lookup.to_le_bytes()));
        }
    }
}

#[test]
fn a_lookup_table_in_the_image_is_taken_before_the_address_table() {
    let image = downloader();
    // The second library's lookup table becomes that of the first, whose names are innocent.
    let at = imports(&image);
    let first = image.clone().build()[at..at + 4].to_vec();
    check_not_seen(&image.put(at + 20, first).build(), "pe.import.downloader");
}

#[test]
fn an_image_aligned_below_a_page_is_mapped_as_it_lies_in_the_file() {
    for image in [downloader(), downloader().plus()] {
        let (raw, address) = (field(&image, Field::PointerToRawData(1)), field(&image, Field::VirtualAddress(1)));
        let table = image.clone().build()[raw as usize..].to_vec();
        let flat = image
            .set(Field::SectionAlignment, 0x200)
            .put(raw as usize, vec![0; table.len()])
            .put(address as usize, table);
        check_downloads(flat.clone());
        check_not_seen(&flat.set(Field::SectionAlignment, 0x1000).build(), "pe.import.downloader");
    }
}

#[test]
fn the_upper_half_of_an_entry_is_not_part_of_the_address() {
    let image = downloader().plus();
    let bytes = image.clone().build();
    let name = bytes.windows(18).position(|window| window == b"URLDownloadToFileW").unwrap() - 2;
    let address = field(&image, Field::VirtualAddress(1)) + name as u32 - field(&image, Field::PointerToRawData(1));
    let entry = u64::from(address).to_le_bytes();
    let odd = (u64::from(address) | 0x1234 << 40).to_le_bytes();
    let places: Vec<usize> = (0..bytes.len() - 8).filter(|&at| bytes[at..at + 8] == entry).collect();
    assert_eq!(places.len(), 2);
    check_downloads(places.into_iter().fold(image, |image, at| image.put(at, odd)));
}

#[test]
fn the_subsystem_of_a_library_is_not_asked_for() {
    let injector = ["VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread"];
    for subsystem in [1, 10, 11, 12] {
        let library = pe().section(".text", CODE, [0xc3; 64]).dll().subsystem(subsystem);
        for image in [library.clone(), library.clone().plus()] {
            let image = image.import("kernel32.dll", &injector).build();
            check_seen(&image, "pe.import.injection_set");
            check_seen(&image, "pe.import.few");
        }
        // Native programs of users need ntdll and nothing else.
        let native = library.clone().import("ntdll.dll", &["NtWriteVirtualMemory", "NtUnmapViewOfSection"]);
        check_seen(&native.build(), "pe.import.injection_set");
    }
    let driver = pe().section(".text", CODE, [0xc3; 64]).subsystem(1);
    let driver =
        driver.import("ntoskrnl.exe", &["ZwUnmapViewOfSection", "NtWriteVirtualMemory"]).import("NDIS.SYS", &["x"]);
    check_not_seen(&driver.clone().build(), "pe.import.injection_set");
    check_not_seen(&driver.build(), "pe.import.few");
}

/// A program with a table of delayed imports whose fields have `base` added to them.
fn delayed(attributes: u32, base: u32) -> PeBuilder {
    const SECTION: u32 = 0x2000;
    let at = |offset: u32| base.wrapping_add(SECTION + offset);
    let words = [attributes, at(64), 0, 0, at(80), 0, 0, 0];
    let mut table: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    table.resize(64, 0);
    table.extend_from_slice(b"urlmon.dll");
    table.resize(80, 0);
    table.extend_from_slice(&at(96).to_le_bytes());
    table.resize(98, 0);
    table.extend_from_slice(b"URLDownloadToFileW\0");
    pe().section(".text", CODE, [0xc3; 64])
        .section(".didat", CONSTANTS, table)
        .set(Field::DirectoryAddress(13), SECTION.into())
        .set(Field::DirectorySize(13), 64)
}

#[test]
fn delayed_imports_of_both_versions_are_read() {
    check_downloads(delayed(1, 0));
    // Version 1: addresses that are not relative to the image.
    check_downloads(delayed(0, 0x40_0000));
    // And what some linkers made of it.
    check_downloads(delayed(0, 0));
}

#[test]
fn a_packed_table_of_delayed_imports_is_not_missed_and_hides_none() {
    let (packed, _) = super::examine(&noise_delayed().build());
    assert!(packed.incomplete.is_empty(), "{:?}", packed.incomplete);
    // The program finds its descriptors one by one: those before them that are none end nothing.
    let image = delayed(0, 0x40_0000).build();
    let at = image.windows(10).position(|window| window == b"urlmon.dll").unwrap() - 64;
    let row = image[at..at + 32].to_vec();
    let moved = delayed(0, 0x40_0000).put(at, noise(32)).put(at + 32, row);
    check_downloads(moved);
}

/// A program whose directory of delayed imports points at noise.
fn noise_delayed() -> PeBuilder {
    pe().section(".text", CODE, [0xc3; 64])
        .section("UPX1", CONSTANTS, noise(8192))
        .set(Field::DirectoryAddress(13), 0x2000)
        .set(Field::DirectorySize(13), 96)
}

#[test]
fn a_count_of_directories_hides_none_that_is_there() {
    let managed = ordinary().section(".rdata", CONSTANTS, "DownloadFile\0ProcessStartInfo").dotnet();
    for count in [16, 15, 14, 2] {
        let image = managed.clone().set(Field::NumberOfRvaAndSizes, count);
        check_seen(&image.build(), "pe.string.dotnet_download");
    }
    check_seen(&managed.clone().set(Field::NumberOfRvaAndSizes, 14).build(), "pe.header.anomaly");
    // Where the section table begins after 14 of them, the name of the first section is the directory.
    let bytes = managed.clone().build();
    let (table, _) = managed.locate(Field::VirtualSize(0));
    let (directory, _) = managed.locate(Field::DirectoryAddress(14));
    let mut rows = bytes[table - 8..table - 8 + 5 * 40].to_vec();
    rows[..8].copy_from_slice(&bytes[directory..directory + 8]);
    let size = u64::from(u16::from_le_bytes(bytes[managed.pe_offset() + 20..][..2].try_into().unwrap())) - 16;
    let overlapping = managed.set(Field::NumberOfRvaAndSizes, 14).put(directory, rows);
    check_seen(&overlapping.set(Field::SizeOfOptionalHeader, size).build(), "pe.string.dotnet_download");
    check_downloads(downloader().set(Field::NumberOfRvaAndSizes, 1));
}

#[test]
fn a_directory_entry_alone_makes_no_dotnet_program() {
    let native = pe().section(".text", CODE, [0xc3; 64]).import("kernel32.dll", &["ExitProcess"]);
    check_seen(&native.clone().build(), "pe.import.few");
    let claimed = native.set(Field::DirectoryAddress(14), 0x1000).set(Field::DirectorySize(14), 72);
    check_seen(&claimed.build(), "pe.import.few");
}

#[test]
fn data_is_where_pointers_lead_when_rounded_down_to_sectors() {
    let image = downloader();
    let pointer = u64::from(field(&image, Field::PointerToRawData(1)));
    check_downloads(image.clone().set(Field::PointerToRawData(1), pointer + 0x1ff));
    check_downloads(image.clone().set(Field::VirtualSize(1), 0));
    // What is left of the last sector and of the last page is mapped too.
    check_downloads(image.clone().set(Field::SizeOfRawData(1), 1));
    check_downloads(image.set(Field::VirtualSize(1), 1));
}
