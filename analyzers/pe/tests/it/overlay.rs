//! What of a file is no part of the program, and nothing else that is known, withdraws the voucher.

use specimens::pe::{CODE, CONSTANTS, Field, PeBuilder, noise, ordinary, pe, signature_of};

use super::{check_not_seen, check_seen, examine};

/// Whether the analyzer withdraws its voucher for an image: by itself, or if nobody accounts for a part of it.
fn is_withdrawn(image: &[u8]) -> bool {
    let (record, children) = examine(image);
    children.iter().any(|child| child.is_part) || record.incomplete.iter().any(|why| why.class() == "unaccounted")
}

#[track_caller]
fn check(image: &[u8], withdrawn: bool) {
    let (record, _) = examine(image);
    assert_eq!(is_withdrawn(image), withdrawn, "{:?} {:?}", record.incomplete, record.evidence);
}

#[test]
fn what_nobody_opens_withdraws_the_voucher() {
    check(&ordinary().build(), false);
    let archive = b"PK\x03\x04 an archive, which nobody opens";
    for behind in [archive.as_slice(), b"MZ no image", b"7z\xbc\xaf\x27\x1c", b"xy", &noise(70_000)] {
        for image in [ordinary(), ordinary().signed(), ordinary().coff_symbols(&["main"])] {
            check(&image.overlay(behind).build(), true);
        }
    }
    // However much padding comes before it.
    check(&ordinary().overlay([vec![0; 0x3000], archive.to_vec()].concat()).build(), true);
}

#[test]
fn padding_is_known() {
    for padding in [vec![0; 1], vec![0; 100_000], vec![0xff; 5000]] {
        check(&ordinary().overlay(padding.clone()).build(), false);
        check(&ordinary().overlay(padding).signed().build(), false);
    }
}

#[test]
fn an_image_that_is_examined_in_its_own_right_is_known() {
    check(&ordinary().overlay(pe().build()).build(), false);
    check(&ordinary().overlay([pe().build(), pe().signed().build()].concat()).build(), false);
    check(&ordinary().overlay([pe().build(), b"more".to_vec()].concat()).build(), true);
}

#[test]
fn bytes_between_sections_and_what_a_section_claims_beyond_its_pages_count_too() {
    let between = ordinary().section(".rdata", CONSTANTS, noise(0x6000));
    check(&between.clone().build(), false);
    // The loader maps one page of it.
    let surplus = between.set(Field::VirtualSize(2), 0x10);
    check(&surplus.build(), true);
    let gap = pe().section(".text", CODE, [0xc3; 64]).section(".rdata", CONSTANTS, noise(0x2000));
    check(&gap.clone().set(Field::PointerToRawData(1), 0x1400).set(Field::SizeOfRawData(1), 0x1000).build(), true);
    // No data is taken from the file for a section whose pointer is zero.
    check(&gap.set(Field::PointerToRawData(1), 0).build(), true);
}

#[test]
fn signatures_are_known_and_what_is_declared_as_one_is_not() {
    let signature = signature_of(&[7; 32]);
    check(&ordinary().signed().build(), false);
    check(&ordinary().certificate(signature.clone()).build(), false);
    for content in [vec![0x30; 3000], noise(3000), [b"\x30\x82\x0b\xb4".to_vec(), noise(3000)].concat()] {
        let image = ordinary().certificate(content).build();
        check(&image, true);
        check_not_seen(&image, "pe.signature.present");
        check_seen(&image, "pe.overlay.present");
    }
    // The entry says that it is longer than what was signed is, and so does the directory.
    check(&ordinary().certificate([signature.clone(), noise(5000)].concat()).build(), true);
    check(&ordinary().certificate([signature.clone(), vec![0; 16]].concat()).build(), false);
    // Nor is a signature larger than signatures are.
    let blown = signature_of_size(100_000);
    check(&ordinary().certificate(blown).build(), true);
    // A second entry must be a signature too. Entries start at multiples of eight bytes.
    let entry = |kind: u8, content: &[u8]| {
        let length = (8 + content.len()).next_multiple_of(8);
        let mut entry = (length as u32).to_le_bytes().to_vec();
        entry.extend([0, 2, kind, 0]);
        entry.extend_from_slice(content);
        entry.resize(length, 0);
        entry
    };
    let table = |second: &[u8]| {
        let first = entry(2, &signature);
        let image = ordinary().overlay([first.clone(), second.to_vec()].concat());
        let start = image.clone().build().len() - first.len() - second.len();
        let size = (first.len() + second.len()) as u64;
        image.set(Field::DirectoryAddress(4), start as u64).set(Field::DirectorySize(4), size).build()
    };
    check(&table(&entry(2, &signature)), false);
    check(&table(&entry(2, &noise(900))), true);
    check(&table(&entry(1, &signature)), true);
    // A directory that is not counted explains nothing.
    check(&ordinary().signed().set(Field::NumberOfRvaAndSizes, 4).build(), true);
}

/// Signed data with that many bytes of something behind what was signed, and lengths that say so.
fn signature_of_size(size: usize) -> Vec<u8> {
    let plain = signature_of(&[7; 32]);
    // SEQUENCE { OID, [0] { SEQUENCE { … } } }, each with one byte of length.
    let (kind, inner) = (&plain[2..13], &plain[17..]);
    let long = |tag: u8, content: Vec<u8>| {
        let length = (content.len() as u32).to_be_bytes();
        [&[tag, 0x83], &length[1..], &content].concat()
    };
    let signed = long(0x30, [inner.to_vec(), long(0x04, noise(size))].concat());
    long(0x30, [kind.to_vec(), long(0xa0, signed)].concat())
}

#[test]
fn headers_are_no_larger_than_they_are() {
    let image = ordinary().overlay(noise(70_000));
    check(&image.clone().set(Field::SizeOfHeaders, image.build().len() as u64).build(), true);
}

#[test]
fn digests_tell_a_changed_file_from_the_one_that_was_signed() {
    let signed = ordinary().signed().build();
    check_seen(&signed, "pe.signature.present");
    check_not_seen(&signed, "pe.signature.of_other");
    for at in [0x50, 0x410, 0x1000] {
        let mut changed = signed.clone();
        changed[at] ^= 1;
        check_seen(&changed, "pe.signature.of_other");
    }
    // The checksum may be anything, and so may bytes behind the table that were there when it was signed.
    let (at, _) = ordinary().locate(Field::CheckSum);
    let mut summed = signed;
    summed[at] ^= 1;
    check_not_seen(&summed, "pe.signature.of_other");
}

#[test]
fn symbols_and_their_strings_are_known_to_their_last_byte() {
    let image = ordinary().coff_symbols(&["main", "a_name_of_more_than_eight_characters"]);
    check(&image.clone().build(), false);
    check(&image.clone().overlay("xy").build(), true);
    let whole = image.clone().build();
    let strings = whole.len() - (4 + 5 + 37);
    // A length field that says more, or strings that are no text.
    check(&image.clone().overlay(noise(4096)).put(strings, 5000u32.to_le_bytes()).build(), true);
    check(&image.clone().put(strings + 6, [1]).build(), true);
    // Symbols that are none: of a section or a class that there is not, with more records behind them than there are.
    let symbol = strings - 36;
    for (offset, value) in [(12, 99), (16, 77), (17, 200), (4, 200)] {
        check(&image.clone().put(symbol + offset, [value]).build(), true);
    }
    // An archive that the header calls a symbol table.
    let archive = noise(1800);
    let claimed = ordinary().overlay(archive.clone());
    let start = claimed.clone().build().len() - archive.len();
    let at = claimed.pe_offset() + 12;
    let words = [(start as u32).to_le_bytes(), 100u32.to_le_bytes()].concat();
    check(&claimed.put(at, words).build(), true);
}

#[test]
fn debug_data_behind_the_sections_is_known_if_it_is_what_it_says() {
    let path = [b"NB10".as_slice(), &[0; 12], b"c:\\build\\example.pdb\0"].concat();
    let codeview = |size: usize| {
        let mut data = [b"NB11".as_slice(), &noise(size - 12), b"NB11"].concat();
        data.extend((size as u32).to_le_bytes());
        data
    };
    let misc = [1u32.to_le_bytes(), 0x110u32.to_le_bytes()].concat();
    let misc = [misc, vec![0; 0x108]].concat();
    for (kind, data, withdrawn) in [
        (2, path, false),
        (2, codeview(20_000), false),
        (4, misc, false),
        (2, noise(20_000), true),
        (2, [b"RSDS".as_slice(), &noise(20_000)].concat(), true),
        (2, [b"NB09".as_slice(), &noise(20_000)].concat(), true),
        (4, noise(0x110), true),
        (13, noise(20_000), true),
        (99, noise(100), true),
    ] {
        check(&with_debug_data(kind, &data).build(), withdrawn);
        check(&with_debug_data(kind, &data).signed().build(), withdrawn);
    }
}

/// An ordinary program whose debug directory points at data behind the last section.
fn with_debug_data(kind: u32, data: &[u8]) -> PeBuilder {
    let image = ordinary().overlay(data);
    let bytes = image.clone().build();
    let word = |field| {
        let (at, _) = image.locate(field);
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    };
    let table = word(Field::DirectoryAddress(6)) - word(Field::VirtualAddress(2)) + word(Field::PointerToRawData(2));
    let start = (bytes.len() - data.len()) as u32;
    let entry = [kind.to_le_bytes(), (data.len() as u32).to_le_bytes(), [0; 4], start.to_le_bytes()].concat();
    image.put(table + 12, entry)
}

#[test]
fn data_of_inno_setup_without_the_table_of_a_loader_are_told_with_their_version_and_not_opened() {
    let details = |behind: &[u8]| {
        let image = ordinary().overlay([behind, &noise(500)].concat()).build();
        let (record, children) = examine(&image);
        assert!(children.is_empty() && record.incomplete.iter().any(|why| why.class() == "unaccounted"));
        let archives = record.evidence.into_iter().filter(|seen| seen.indicator.as_str() == "pe.content.archive");
        archives.map(|seen| seen.detail.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(details(b"Inno Setup Setup Data (6.2.1) (u)"), ["Inno Setup 6.2.1"]);
    // Packed files stand before the setup data, or have a file of their own.
    assert_eq!(details(b"zlb\x1a packed files, Inno Setup Setup Data (5.5.0)"), ["Inno Setup 5.5.0"]);
    assert_eq!(details(b"zlb\x1a packed files"), ["Inno Setup"]);
    assert_eq!(details(b"Inno Setup Setup Data (of no version) and more"), ["Inno Setup"]);
    assert!(details(b"Inno Setup, a text").is_empty());
}
