//! A file that ends before its headers say is never known to be harmless; one that is whole may be.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

mod examined;

use analyzers::{Budget, Cancel, Incomplete, Limits};
use analyzers_elf::Elf;
use specimens::elf::*;

use crate::examined::examined;

const SHT_NOTE: u32 = 7;
const SHT_NOBITS: u32 = 8;
const EXECUTED: u64 = 6;

#[track_caller]
fn check(elf: &mut Elf, bytes: &[u8], cut: bool) {
    let (record, _) = examined(elf, bytes, Budget::new(Limits::default(), Cancel::default()));
    assert_eq!(record.incomplete.contains(&Incomplete::CutShort), cut, "{} bytes", bytes.len());
}

#[track_caller]
fn is_cut(builder: &ElfBuilder) {
    check(&mut Elf::new(), &builder.build(), true);
}

#[track_caller]
fn is_whole(builder: &ElfBuilder) {
    check(&mut Elf::new(), &builder.build(), false);
}

#[test]
fn whole_files_are_whole() {
    for builder in [ordinary(), ordinary().narrow(), ordinary().big_endian(), ordinary().narrow().big_endian()] {
        is_whole(&builder);
        is_whole(&builder.overlay([1; 100]));
    }
    is_whole(&upx_like().upx_magic());
    is_whole(&elf().elf_type(ET_REL).symbol("init_module"));
    is_whole(&elf().elf_type(ET_CORE).load(R, b"memory"));
}

/// Where the last byte is that a 64-bit little-endian file is loaded up to.
fn loaded_end(file: &[u8]) -> usize {
    let number = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
    let headers = file[64..64 + 56 * usize::from(file[56])].chunks_exact(56).enumerate();
    let loads = headers.filter(|(_, header)| header[..4] == PT_LOAD.to_le_bytes());
    loads.map(|(index, _)| (number(64 + 56 * index + 8) + number(64 + 56 * index + 32)) as usize).max().unwrap()
}

#[test]
fn a_program_is_cut_at_any_byte_that_is_loaded_and_at_no_other() {
    let mut elf = Elf::new();
    let whole = ordinary().symbol("main").build();
    let end = loaded_end(&whole);
    assert!(end < whole.len() - 500, "sections stand behind what is loaded");
    for length in 0..whole.len() {
        check(&mut elf, &whole[..length], length < end);
    }
    let narrow = ordinary().narrow().big_endian().build();
    for length in 0..4096 {
        check(&mut elf, &narrow[..length], true);
    }
    let bare = upx_like().build();
    for length in (0..700).chain([20_000, 32 << 10]) {
        check(&mut elf, &bare[..length], true);
    }
}

#[test]
fn a_module_is_cut_at_any_byte_for_its_sections_are_what_is_loaded() {
    let mut elf = Elf::new();
    let module = specimens::elf::elf().elf_type(ET_REL).section(".text", SHT_PROGBITS, EXECUTED, [0x90; 300]);
    let module = module.symbol("init_module").build();
    for length in 0..module.len() {
        check(&mut elf, &module[..length], true);
    }
    check(&mut elf, &module, false);
}

#[test]
fn tables_outside_the_file_are_cut_if_the_loader_reads_them() {
    let module = || elf().elf_type(ET_REL).section(".text", SHT_PROGBITS, EXECUTED, [0x90; 300]);
    for (field, value) in
        [(ElfField::SectionsOffset, 1 << 20), (ElfField::SectionCount, 0xff00), (ElfField::SectionSize, 7)]
    {
        is_whole(&ordinary().set(field, value));
        is_cut(&module().set(field, value));
    }
    is_cut(&ordinary().set(ElfField::SegmentsOffset, u64::MAX));
    is_cut(&ordinary().set(ElfField::SegmentCount, 0xff00));
    is_cut(&ordinary().set(ElfField::SegmentSize, 57));
    is_whole(&ordinary().set(ElfField::SegmentsOffset, u64::MAX).set(ElfField::SegmentCount, 0));
}

#[test]
fn segments_outside_the_file_are_cut_if_they_are_loaded() {
    is_cut(&ordinary().segment(segment(PT_LOAD).file_size(1 << 20)));
    is_cut(&ordinary().segment(segment(PT_LOAD).offset(u64::MAX).file_size(u64::MAX)));
    is_cut(&elf().elf_type(ET_CORE).segment(segment(PT_LOAD).file_size(1 << 20)));
    is_whole(&ordinary().segment(segment(PT_LOAD).offset(1 << 20).file_size(0).memory_size(1 << 20)));
    is_whole(&ordinary().segment(segment(PT_GNU_STACK).offset(1 << 20).file_size(1 << 20)));
}

/// Where section `index` has its header in the file that `builder` builds: 64-bit, little-endian.
fn section_header(builder: &ElfBuilder, index: usize) -> usize {
    let file = builder.build();
    u64::from_le_bytes(file[40..48].try_into().unwrap()) as usize + 64 * index
}

#[test]
fn an_empty_section_is_whole_wherever_it_lies() {
    for (contents, is_held) in [(&b""[..], true), (b"x", false)] {
        let builder = elf().elf_type(ET_REL).section(".data", SHT_PROGBITS, 3, contents);
        // sh_offset is 24 bytes into the header.
        let beyond = builder.clone().patch(section_header(&builder, 1) + 24, (1_u64 << 20).to_le_bytes());
        check(&mut Elf::new(), &beyond.build(), !is_held);
    }
}

#[test]
fn a_core_with_more_segments_than_its_header_can_count_has_their_number_in_section_0() {
    for (elf_type, number, is_held) in [(ET_CORE, 1_u32, true), (ET_CORE, 0, false), (ET_DYN, 1, false)] {
        let builder = elf().elf_type(elf_type).load(R, b"memory");
        // PN_XNUM in the header; sh_info is 44 bytes into the header of section 0.
        let many = builder.clone().set(ElfField::SegmentCount, 0xffff);
        let many = many.patch(section_header(&builder, 0) + 44, number.to_le_bytes());
        check(&mut Elf::new(), &many.build(), !is_held);
    }
}

#[test]
fn a_debug_file_is_whole_though_its_segments_lie_outside() {
    let load = || segment(PT_LOAD).offset(1 << 20).file_size(4096);
    let split = |builder: ElfBuilder| builder.section(".debug_info", SHT_PROGBITS, 0, b"names and lines");
    let debug = split(elf().elf_type(ET_DYN).segment(load().flags(R | X)).segment(load().flags(R | W)));
    is_whole(&debug.clone().section(".text", SHT_NOBITS, EXECUTED, b""));
    is_whole(&debug.clone().section(".note", SHT_NOTE, 2, b"id").section(".text", SHT_NOBITS, EXECUTED, b""));
    // A library of data has no code.
    let data = split(elf().elf_type(ET_DYN).segment(load().flags(R)));
    is_whole(&data.clone().section(".rodata", SHT_NOBITS, 2, b""));
    // Without a word on what became of its code, and with some of it left, it is none.
    is_cut(&debug);
    is_cut(&data.section(".rodata", SHT_PROGBITS, 2, b"words").section(".data", SHT_NOBITS, 3, b""));
    is_cut(&debug.clone().section(".text", SHT_NOBITS, EXECUTED, b"").section(
        ".init",
        SHT_PROGBITS,
        EXECUTED,
        b"code",
    ));
}
