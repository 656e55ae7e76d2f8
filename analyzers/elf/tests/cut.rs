//! A file that ends before its headers say is never known to be harmless; one that is whole may be.

use analyzers::{Analyzer, Budget, Cancel, Findings, Incomplete, LayerId, Limits, Record, Sample};
use analyzers_elf::Elf;
use testkit::elf::*;
use triage::{ByteOrder, ElfKind, ElfType, FileKind, WordSize};

const SHT_NOBITS: u32 = 8;
const EXECUTED: u64 = 6;

#[track_caller]
fn check(elf: &mut Elf, bytes: &[u8], cut: bool) {
    let kind = FileKind::Elf(ElfKind {
        word_size: WordSize::Odd,
        byte_order: ByteOrder::Odd,
        elf_type: ElfType::Other,
        machine: 0,
    });
    let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    elf.analyze(Sample { bytes, kind }, &mut findings);
    let (record, _) = findings.finish();
    let expected = if cut { &[Incomplete::CutShort][..] } else { &[] };
    assert_eq!(record.incomplete, expected, "{} bytes", bytes.len());
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

#[test]
fn a_program_cut_at_any_byte_is_cut() {
    let mut elf = Elf::new();
    for builder in [ordinary(), ordinary().narrow().big_endian()] {
        let whole = builder.build();
        for length in 0..whole.len() {
            check(&mut elf, &whole[..length], true);
        }
    }
    let bare = upx_like().build();
    for length in (0..700).chain([20_000, 32 << 10]) {
        check(&mut elf, &bare[..length], true);
    }
}

#[test]
fn tables_outside_the_file_are_cut() {
    is_cut(&ordinary().set(Field::SectionsOffset, 1 << 20));
    is_cut(&ordinary().set(Field::SectionCount, 0xff00));
    is_cut(&ordinary().set(Field::SegmentsOffset, u64::MAX));
    is_cut(&ordinary().set(Field::SegmentCount, 0xff00));
    is_whole(&ordinary().set(Field::SegmentsOffset, u64::MAX).set(Field::SegmentCount, 0));
}

#[test]
fn segments_outside_the_file_are_cut_if_they_are_loaded() {
    is_cut(&ordinary().segment(segment(PT_LOAD).file_size(1 << 20)));
    is_cut(&ordinary().segment(segment(PT_LOAD).offset(u64::MAX).file_size(u64::MAX)));
    is_cut(&elf().elf_type(ET_CORE).segment(segment(PT_LOAD).file_size(1 << 20)));
    is_whole(&ordinary().segment(segment(PT_LOAD).offset(1 << 20).file_size(0).memory_size(1 << 20)));
    is_whole(&ordinary().segment(segment(PT_GNU_STACK).offset(1 << 20).file_size(1 << 20)));
}

#[test]
fn a_debug_file_is_whole_though_its_segments_lie_outside() {
    let load = || segment(PT_LOAD).offset(1 << 20).file_size(4096);
    let debug = elf().elf_type(ET_DYN).segment(load().flags(R | X)).segment(load().flags(R | W));
    let debug = debug.section(".debug_info", SHT_PROGBITS, 0, b"names and lines");
    is_whole(&debug.clone().section(".text", SHT_NOBITS, EXECUTED, b""));
    // Without a word on what became of its code, and with some of it left, it is none.
    is_cut(&debug);
    is_cut(&debug.clone().section(".text", SHT_NOBITS, EXECUTED, b"").section(
        ".init",
        SHT_PROGBITS,
        EXECUTED,
        b"code",
    ));
}
