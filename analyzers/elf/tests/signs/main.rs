//! Each sign fires where it should, and not where it should not.

mod of_words;

use std::collections::BTreeSet;

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
use analyzers_elf::{Elf, catalogue};
use specimens::elf::*;
use triage::{ByteOrder, ElfKind, ElfType, FileKind, WordSize};

fn ids(bytes: &[u8]) -> BTreeSet<String> {
    let kind = FileKind::Elf(ElfKind {
        word_size: WordSize::W64,
        byte_order: ByteOrder::Little,
        elf_type: ElfType::Executable,
        machine: 62,
    });
    let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Elf::new().analyze(Sample { bytes, kind }, &mut findings);
    let (record, _) = findings.finish();
    assert_eq!(record.budget.hit().count(), 0);
    for seen in &record.evidence {
        assert!(seen.span.start <= seen.span.end && seen.span.end <= bytes.len(), "{seen:?}");
    }
    record.evidence.iter().map(|seen| seen.indicator.to_string()).collect()
}

#[track_caller]
fn sees(builder: ElfBuilder, id: &str) {
    assert!(catalogue::ALL.iter().any(|known| known.id.as_str() == id), "{id} is not in the catalogue");
    let seen = ids(&builder.build());
    assert!(seen.contains(id), "{id} not in {seen:?}");
}

#[track_caller]
fn misses(builder: ElfBuilder, id: &str) {
    let seen = ids(&builder.build());
    assert!(!seen.contains(id), "{id} in {seen:?}");
}

/// Each of `texts` alone makes the sign; none of `others` does.
#[track_caller]
fn words(id: &str, texts: &[&[&str]], others: &[&[&str]]) {
    for text in texts {
        sees(ordinary().strings(text), id);
    }
    for text in others {
        misses(ordinary().strings(text), id);
    }
}

/// A program at a fixed address that needs nothing.
fn fixed() -> ElfBuilder {
    elf().load(R | X, vec![0x90; 4096])
}

#[test]
fn an_ordinary_program_shows_nothing_in_any_size_and_order() {
    for builder in [
        ordinary(),
        ordinary().narrow().machine(3),
        ordinary().big_endian().machine(21),
        ordinary().narrow().big_endian().machine(8),
    ] {
        let nothing = BTreeSet::new();
        assert_eq!(ids(&builder.build()), nothing);
    }
}

#[test]
fn an_identification_that_lies_is_seen_and_mended() {
    for (field, value) in [(ElfField::Class, 9), (ElfField::Order, 7), (ElfField::Order, 2), (ElfField::Version, 0)] {
        let seen = ids(&fixed().section(".x", 1, 7, b"code").set(field, value).build());
        assert!(seen.contains("elf.header.odd_ident"), "{field:?} {value}: {seen:?}");
        assert!(seen.contains("elf.section.writable_executable"), "{field:?} {value}: {seen:?}");
    }
    sees(fixed().set(ElfField::Padding, 1), "elf.header.ident_padding");
}

#[test]
fn tables_that_are_absent_or_outside_are_seen() {
    sees(fixed().without_sections(), "elf.sections.absent");
    sees(fixed().without_sections(), "elf.file.static_without_sections");
    sees(ordinary().without_sections(), "elf.sections.absent");
    misses(elf().elf_type(ET_REL).without_sections(), "elf.sections.absent");
    sees(fixed().set(ElfField::SectionsOffset, u64::MAX), "elf.sections.outside_file");
    sees(fixed().set(ElfField::SectionCount, 0xff), "elf.sections.outside_file");
    sees(fixed().set(ElfField::SegmentsOffset, 1 << 40), "elf.segments.outside_file");
    sees(fixed().set(ElfField::SegmentCount, 0xffff), "elf.segments.outside_file");
}

#[test]
fn a_file_that_ends_in_its_header_is_seen() {
    assert!(ids(&fixed().build()[..40]).contains("elf.header.truncated"));
    assert!(!ids(&fixed().build()).contains("elf.header.truncated"));
}

#[test]
fn segments_that_claim_too_much_are_seen() {
    let load = || segment(PT_LOAD).flags(R).data(b"data");
    sees(fixed().segment(load().file_size(1 << 20)), "elf.segment.past_end");
    sees(fixed().segment(load().offset(u64::MAX).file_size(u64::MAX)), "elf.segment.past_end");
    sees(fixed().segment(load().memory_size(2 << 20).address(1 << 32)), "elf.segment.huge_memory");
    misses(fixed().segment(load().memory_size(1 << 19).address(1 << 32)), "elf.segment.huge_memory");
    misses(fixed().segment(load().data([0; 8192]).memory_size(2 << 20).address(1 << 32)), "elf.segment.huge_memory");
    let far = || load().address(0x40_0000).memory_size(0x10_0000);
    sees(fixed().segment(far()).segment(far()), "elf.segment.overlapping");
    // Wherever they stand in the table: the loader maps them as they come.
    sees(fixed().segment(far()).segment(load().address(0x10_0000)).segment(far()), "elf.segment.overlapping");
}

#[test]
fn writable_code_is_seen_but_not_where_the_machine_asks_for_it() {
    sees(elf().load(R | W | X, b"code"), "elf.segment.writable_executable");
    misses(elf().narrow().big_endian().machine(8).load(R | W | X, b"code"), "elf.segment.writable_executable");
    sees(fixed().section(".init", 1, 7, b"code"), "elf.section.writable_executable");
    misses(fixed().section(".plt", 8, 7, b""), "elf.section.writable_executable");
    sees(fixed().segment(segment(PT_GNU_STACK).flags(R | W | X)), "elf.segment.executable_stack");
}

#[test]
fn loaders_that_are_odd_or_too_many_are_seen() {
    sees(fixed().interpreter("/tmp/ld.so"), "elf.segment.odd_interpreter");
    sees(fixed().segment(segment(PT_INTERP).offset(u64::MAX).file_size(9)), "elf.segment.odd_interpreter");
    misses(fixed().interpreter("/lib/ld-musl-x86_64.so.1"), "elf.segment.odd_interpreter");
    sees(ordinary().interpreter("/lib64/ld-linux-x86-64.so.2"), "elf.segment.several_interpreters");
}

#[test]
fn entry_points_out_of_place_are_seen() {
    sees(fixed().entry(0x10), "elf.entry.outside_code");
    sees(fixed().entry(u64::MAX), "elf.entry.outside_code");
    let infected =
        || fixed().load(R | W, [0; 64]).segment(segment(PT_LOAD).flags(R | X).data([0x90; 64]).address(0x90_0000));
    sees(infected().entry(0x90_0000), "elf.entry.in_last_segment");
    misses(infected(), "elf.entry.in_last_segment");
    misses(fixed(), "elf.entry.in_last_segment");
}

#[test]
fn kinds_of_programs_are_told_apart() {
    sees(fixed(), "elf.file.static");
    misses(ordinary(), "elf.file.static");
    sees(fixed().elf_type(ET_DYN), "elf.file.static");
    misses(fixed().elf_type(ET_DYN).soname("libx.so.1"), "elf.file.static");
    sees(elf().load(R | X, b"code"), "elf.file.tiny");
    misses(fixed(), "elf.file.tiny");
    sees(fixed().segment(segment(0x6474_e553)), "elf.note.gnu_property");
}

#[test]
fn packing_is_seen_with_and_without_its_mark() {
    let packed = ids(&upx_like().build());
    for id in ["elf.packer.upx_like_without_magic", "elf.segment.high_entropy_code", "elf.file.high_entropy"] {
        assert!(packed.contains(id), "{id} not in {packed:?}");
    }
    sees(upx_like().upx_magic(), "elf.packer.upx_magic");
    misses(upx_like().upx_magic(), "elf.packer.upx_like_without_magic");
    misses(fixed(), "elf.packer.upx_magic");
    words("elf.packer.upx_text", &[&["$Info: This file is packed with the UPX executable packer"]], &[&["UPX"]]);
}

#[test]
fn what_follows_the_described_part_is_seen() {
    sees(fixed().overlay([1; 100]), "elf.file.overlay");
    misses(fixed().overlay([1; 60]), "elf.file.overlay");
    sees(fixed().overlay(noise(20_000, 3)), "elf.file.big_noisy_overlay");
    misses(fixed().overlay(vec![1; 20_000]), "elf.file.big_noisy_overlay");
}

#[test]
fn a_core_is_not_blamed_for_what_it_holds() {
    assert_eq!(ids(&elf().elf_type(ET_CORE).load(R, b"udpflood attack_init").build()), BTreeSet::new());
}

#[test]
fn ids_are_well_formed_and_told_once() {
    let ids: BTreeSet<&str> = catalogue::ALL.iter().map(|indicator| indicator.id.as_str()).collect();
    assert_eq!(ids.len(), catalogue::ALL.len());
    for indicator in catalogue::ALL {
        let parts: Vec<&str> = indicator.id.as_str().split('.').collect();
        assert!(parts.len() == 3 && parts[0] == "elf", "{}", indicator.id);
        assert!(indicator.meaning.ends_with('.'), "{}", indicator.id);
    }
}

#[test]
fn only_elf_files_are_wanted() {
    assert!(!Elf::new().wants(FileKind::Data) && !Elf::new().wants(FileKind::Text));
}
