//! What a file holds beside what is loaded: ordinary, or nothing that anybody vouches for.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

mod examined;

use analyzers::{Budget, Cancel, Incomplete, Limits};
use analyzers_elf::Elf;
use specimens::elf::*;

use crate::examined::examined;

const PT_NULL: u32 = 0;

/// What is not vouched for, and the names of the children handed over.
fn examine(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let (record, children) = examined(&mut Elf::new(), bytes, Budget::new(Limits::default(), Cancel::default()));
    let parts = record.incomplete.iter().filter(|why| matches!(why, Incomplete::Unaccounted(_)));
    (parts.map(ToString::to_string).collect(), children.into_iter().map(|child| child.name).collect())
}

#[track_caller]
fn ordinary_with(builder: &ElfBuilder) {
    assert_eq!(examine(&builder.build()).0, Vec::<String>::new());
}

/// The only thing that is not vouched for ends so.
#[track_caller]
fn refused(builder: &ElfBuilder, what: &str) {
    let (parts, _) = examine(&builder.build());
    assert!(parts.len() == 1 && parts.iter().all(|part| part.ends_with(what)), "{what}: {parts:?}");
}

fn with_magic(magic: &[u8]) -> Vec<u8> {
    [magic, &[0x41; 200]].concat()
}

fn program() -> Vec<u8> {
    elf().load(R | X, [0x90; 512]).build()
}

/// A kernel module's signature as the kernel appends it, over `der` bytes of content.
fn signature(content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    let der = [&[0x30, 0x82], &length.to_be_bytes()[..], content].concat();
    let trailer = [&[0, 0, 2, 0, 0, 0, 0, 0], &(der.len() as u32).to_be_bytes()[..]].concat();
    [&der[..], &trailer, b"~Module signature appended~\n"].concat()
}

#[test]
fn padding_text_and_signatures_behind_the_end_are_ordinary() {
    ordinary_with(&ordinary());
    ordinary_with(&ordinary().overlay([0; 5000]));
    ordinary_with(&ordinary().overlay([0xff; 5000]));
    ordinary_with(&ordinary().overlay(b"a few bytes"));
    ordinary_with(
        &ordinary()
            .overlay(b"{ \"server\": \"example.org\", \"port\": 443, \"names\": [ \"one\", \"two\", \"three\" ] }\n"),
    );
    let module = || elf().elf_type(ET_REL).symbol("init_module");
    ordinary_with(&module());
    ordinary_with(&module().overlay(signature(&noise(600, 3))));
}

#[test]
fn archives_and_programs_behind_the_end_are_not() {
    for (magic, what) in [
        (&b"PK\x03\x04"[..], "zip"),
        (b"\x1f\x8b\x08", "archive.gzip"),
        (b"\xfd7zXZ\0", "archive.xz"),
        (b"\x28\xb5\x2f\xfd", "archive.zstd"),
        (b"7z\xbc\xaf\x27\x1c", "archive.7z"),
        (b"!<arch>\n", "archive.ar"),
        (b"hsqs", "archive.squashfs"),
        (b"\xed\xab\xee\xdb", "archive.rpm"),
        (b"#!/bin/sh\n", "script.shell"),
    ] {
        for builder in [ordinary(), ordinary().narrow().big_endian(), elf().elf_type(ET_REL).symbol("init_module")] {
            refused(&builder.clone().overlay(with_magic(magic)), what);
            // Padding before it hides nothing.
            refused(&builder.overlay([0; 4096]).overlay(with_magic(magic)), what);
        }
    }
    refused(&ordinary().overlay(program()), "elf64.exec");
}

#[test]
fn what_is_compressed_encoded_or_unknown_behind_the_end_is_not() {
    refused(&ordinary().overlay(noise(4000, 5)), "data");
    refused(&ordinary().overlay([1, 2, 3, 4].repeat(100)), "data");
    // Encoded text: nobody reads that.
    refused(&ordinary().overlay("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=".repeat(300)), "text");
    // What only looks like a signature.
    let module = || elf().elf_type(ET_REL).symbol("init_module");
    refused(&module().overlay(signature(&with_magic(b"PK\x03\x04"))), "data");
    refused(&module().overlay(signature(&noise(30_000, 3))), "data");
    refused(&module().overlay(with_magic(b"PK\x03\x04")).overlay(signature(&noise(600, 3))), "zip");
}

#[test]
fn what_stands_between_the_parts_is_seen_too() {
    // The section headers stand last, so that there is no end to be behind.
    let file = ordinary().build();
    let sections_at = u64::from_le_bytes(file[40..48].try_into().unwrap()) as usize;
    let payload = with_magic(b"PK\x03\x04");
    let mut moved = file[..sections_at].to_vec();
    moved.extend_from_slice(&payload);
    moved.resize(moved.len().next_multiple_of(16), 0);
    let new_at = moved.len();
    moved[40..48].copy_from_slice(&(new_at as u64).to_le_bytes());
    moved.extend_from_slice(&file[sections_at..]);
    let (parts, _) = examine(&moved);
    assert!(parts.len() == 1 && parts[0].ends_with("zip"), "{parts:?}");
}

#[test]
fn a_section_or_a_note_that_claims_it_hides_nothing() {
    refused(&ordinary().section("pydata", SHT_PROGBITS, 0, noise(4000, 1)), "data");
    refused(&ordinary().section(".debug_info", SHT_PROGBITS, 0, with_magic(b"PK\x03\x04")), "ooxml");
    refused(&ordinary().section(".debug_info", SHT_PROGBITS, 0, noise(4000, 1)), "data");
    refused(&ordinary().section(".x", SHT_PROGBITS, 0, with_magic(b"#!/bin/sh\n")), "script");
    let end = ordinary().build().len() as u64 + 56;
    let note = |offset: u64| segment(4).offset(offset).file_size(1 << 20);
    refused(&ordinary().segment(note(end)).overlay(with_magic(b"PK\x03\x04")), "zip");
}

#[test]
fn a_section_that_says_it_is_loaded_and_is_not_hides_nothing() {
    refused(&ordinary().section(".data2", SHT_PROGBITS, 2, with_magic(b"PK\x03\x04")), "ooxml");
    // Section headers that begin in the archive claim nothing of it.
    let bare = || elf().load(R | X, [0x90; 512]).without_sections();
    let end = bare().build().len() as u64;
    let archive = [b"PK\x03\x04".as_slice(), &[0x41; 60]].concat().repeat(8);
    let forged = bare().overlay(archive).set(ElfField::SectionsOffset, end);
    let (parts, _) = examine(&forged.set(ElfField::SectionCount, 8).build());
    assert!(parts.iter().any(|part| part.contains("bytes at")), "{parts:?}");
}

#[test]
fn symbols_whose_section_headers_are_lost_are_ordinary() {
    let symbols = ["main", "usage", "read_the_configuration", "write_the_result", "print_the_version"];
    let whole = symbols.iter().fold(ordinary(), |program, name| program.symbol(name)).build();
    let sections_at = u64::from_le_bytes(whole[40..48].try_into().unwrap()) as usize;
    for length in [sections_at, sections_at + 100, whole.len() - 10] {
        assert_eq!(examine(&whole[..length]).0, Vec::<String>::new(), "{length}");
    }
    let mut none = whole.clone();
    none[60..62].fill(0);
    assert_eq!(examine(&none).0, Vec::<String>::new());
    // What is put in their place is not.
    for payload in [with_magic(b"PK\x03\x04"), program(), noise(4000, 9)] {
        let forged =
            elf().load(R | X, [0x90; 512]).without_sections().overlay(&payload).set(ElfField::SectionsOffset, 1 << 20);
        let (parts, _) = examine(&forged.set(ElfField::SectionCount, 9).build());
        assert_eq!(parts.len(), 1, "{parts:?}, {}", payload.escape_ascii());
    }
}

#[test]
fn many_ordinary_stretches_leave_none_unseen() {
    let mut builder = ordinary();
    for number in 0..20 {
        let text = format!("this is readable text number {number}, and it is as long as it needs to be to count. ");
        builder = builder.segment(segment(PT_NULL).data(text)).load(R, [1; 16]);
    }
    ordinary_with(&builder);
    refused(&builder.overlay(with_magic(b"PK\x03\x04")), "zip");
}

#[test]
fn an_archive_mapped_to_the_end_is_known_by_its_end() {
    let archive = [&[0x41; 300][..], b"PK\x05\x06", &[0; 18]].concat();
    let mut file = elf().load(R | X, [0x90; 512]).load(R, &archive).without_sections().build();
    let end = file.windows(archive.len()).position(|bytes| bytes == archive).unwrap() + archive.len();
    file.truncate(end);
    let (parts, _) = examine(&file);
    assert!(parts.len() == 1 && parts.iter().all(|part| part.ends_with("zip")), "{parts:?}");
}

#[test]
fn sections_as_tools_compress_them_are_ordinary() {
    const SHF_COMPRESSED: u64 = 0x800;
    let header = [&1u32.to_le_bytes()[..], &[0; 4], &9000u64.to_le_bytes(), &1u64.to_le_bytes()].concat();
    let compressed = [header, noise(3000, 2)].concat();
    ordinary_with(&ordinary().section(".debug_info", SHT_PROGBITS, SHF_COMPRESSED, &compressed));
    ordinary_with(&ordinary().section(".zdebug_info", SHT_PROGBITS, 0, [b"ZLIB", &noise(3000, 2)[..]].concat()));
    let small = [b"\xfd7zXZ\0", &noise(3000, 2)[..]].concat();
    ordinary_with(&ordinary().section(".gnu_debugdata", SHT_PROGBITS, 0, &small));
    ordinary_with(&ordinary().section(".comment", SHT_PROGBITS, 0, "GCC: (Debian 12.2.0-14) 12.2.0\0".repeat(9)));
    // The same under another name, or another format under that name, is not.
    refused(&ordinary().section(".data2", SHT_PROGBITS, SHF_COMPRESSED, &compressed), "data");
    refused(&ordinary().section(".gnu_debugdata", SHT_PROGBITS, 0, with_magic(b"7z\xbc\xaf\x27\x1c")), "archive.7z");
}

#[test]
fn a_segment_that_begins_as_an_archive_is_one() {
    refused(&ordinary().load(R, with_magic(b"hsqs")), "archive.squashfs");
    refused(&ordinary().load(R, program()), "elf64.exec");
    // What ld.so compares others with is no program, nor what tells documents apart a document.
    ordinary_with(&ordinary().load(R, with_magic(b"%PDF-1.4")));
    ordinary_with(&ordinary().load(R, with_magic(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0")));
}

#[test]
fn noise_that_may_be_executed_was_not_unpacked() {
    let noisy = |flags| elf().load(R | X, [0x90; 512]).load(flags, noise(8192, 4)).without_sections();
    refused(&noisy(R | X), "bits per byte");
    refused(&noisy(R | W), "bits per byte");
    // Dense code has up to 7.24 bits per byte: here 161 values, as often each.
    let dense: Vec<u8> = (0..16_100u32).map(|at| (at * 97 % 161) as u8).collect();
    ordinary_with(&elf().load(R | X, dense).without_sections());
    // Constants of ciphers and of character sets are that: read only.
    ordinary_with(&noisy(R));
}

#[test]
fn a_program_found_is_handed_over() {
    let (parts, children) = examine(&ordinary().overlay(program()).build());
    assert_eq!((parts.len(), children.len()), (1, 1));
    // Claimed by a note, as packers leave it, it is examined and nothing is left to open.
    let end = ordinary().build().len() as u64 + 56;
    let noted = ordinary().segment(segment(4).offset(end).file_size(1 << 20)).overlay(program());
    let (parts, children) = examine(&noted.build());
    assert_eq!((parts.len(), children.len()), (0, 1), "{parts:?}");
}
