//! Whatever the bytes are: no panic, bounded work, the same findings twice.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

mod examined;

use analyzers::{Budget, Cancel, Evidence, Limit, Limits};
use analyzers_elf::Elf;
use proptest::prelude::*;
use specimens::elf::*;

use crate::examined::examined;

fn examine(elf: &mut Elf, bytes: &[u8], budget: Budget) -> (Vec<Evidence>, Vec<Limit>) {
    let (record, _) = examined(elf, bytes, budget);
    for seen in &record.evidence {
        assert!(seen.span.start <= seen.span.end && seen.span.end <= bytes.len(), "{seen:?}");
    }
    let hit = record.budget.hit().collect();
    (record.evidence, hit)
}

/// Examines under `steps_max` steps: how many times a loop may turn on this file.
#[track_caller]
fn within(bytes: &[u8], steps_max: u64) {
    let limits = Limits { steps_max, ..Limits::default() };
    let (_, hit) = examine(&mut Elf::new(), bytes, Budget::new(limits, Cancel::default()));
    assert_eq!(hit, []);
}

fn whole() -> Budget {
    Budget::new(Limits::default(), Cancel::default())
}

/// Programs of every size and order, with all kinds of tables.
fn programs() -> Vec<Vec<u8>> {
    let full = || {
        ordinary()
            .symbol("attack_init")
            .dynamic_symbol("readdir", true)
            .dynamic_symbol("dlsym", false)
            .strings(&["/bin/busybox ECCHI", "93.184.216.34", "GET /x HTTP/1.1\r\n"])
            .overlay(noise(200, 1))
    };
    vec![
        full().build(),
        full().narrow().build(),
        full().big_endian().build(),
        full().narrow().big_endian().build(),
        upx_like().upx_magic().build()[..1500].to_vec(),
        elf().elf_type(ET_REL).symbol("init_module").build(),
        elf().elf_type(ET_CORE).load(R, b"memory").build(),
    ]
}

#[test]
fn a_file_cut_at_any_byte_is_examined() {
    let mut elf = Elf::new();
    for program in programs() {
        // The dull middle of code is not worth a cut at each byte.
        let cuts = (0..700).chain((700..program.len().saturating_sub(1500)).step_by(61));
        for cut in cuts.chain(program.len().saturating_sub(1500)..program.len()) {
            examine(&mut elf, program.get(..cut).unwrap_or(&program), whole());
        }
    }
}

#[test]
fn the_largest_counts_and_offsets_are_examined() {
    use ElfField::*;
    let mut elf = Elf::new();
    for builder in [ordinary(), ordinary().narrow(), ordinary().big_endian(), ordinary().narrow().big_endian()] {
        for field in [
            Entry,
            SegmentsOffset,
            SectionsOffset,
            HeaderSize,
            SegmentSize,
            SegmentCount,
            SectionSize,
            SectionCount,
            NamesIndex,
        ] {
            for value in [0, 1, 0x34, 0xfffe, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 63, u64::MAX - 63, u64::MAX] {
                examine(&mut elf, &builder.clone().set(field, value).build(), whole());
                examine(&mut elf, &builder.clone().set(field, value).set(SectionCount, 0).build(), whole());
                examine(&mut elf, &builder.clone().set(field, value).set(SegmentCount, 0xffff).build(), whole());
            }
        }
    }
}

#[test]
fn tables_larger_than_we_collect_are_a_limit_not_a_loss_of_memory() {
    // 100,000 section headers, all in the file.
    let mut image = ordinary().set(ElfField::SectionCount, 0).build();
    let sections_at = image.len().next_multiple_of(16);
    image.resize(sections_at + 100_000 * 64, 0);
    image[40..48].copy_from_slice(&(sections_at as u64).to_le_bytes());
    image[sections_at + 32..sections_at + 40].copy_from_slice(&100_000u64.to_le_bytes());
    let (_, hit) = examine(&mut Elf::new(), &image, whole());
    assert_eq!(hit, [Limit::Steps]);
}

#[test]
fn a_name_of_a_megabyte_is_not_read_by_every_section_that_bears_it() {
    // Section 0, the table of names, and 65,000 sections that are written and executed.
    let entry = |kind: u32, flags: u64, offset: u64, size: u64| {
        let words = [0, offset, size, 0, 1, 0].map(u64::to_le_bytes).concat();
        [&[0; 4][..], &kind.to_le_bytes(), &flags.to_le_bytes(), &words].concat()
    };
    let names_at = 64 + 65_000 * 64;
    let names_size = 1 << 20;
    let mut image = elf().set(ElfField::SectionsOffset, 64).build();
    image.truncate(64);
    image[60..62].copy_from_slice(&65_000u16.to_le_bytes());
    image[62..64].copy_from_slice(&1u16.to_le_bytes());
    image.extend(entry(0, 0, 0, 0));
    image.extend(entry(3, 0, names_at, names_size));
    image.extend((2..65_000).flat_map(|_| entry(SHT_PROGBITS, 7, 0, 64)));
    image.resize((names_at + names_size) as usize, b'A');
    // Two per section, one for sixteen of them, and some for searches and measures.
    within(&image, 2 * 65_000 + 65_000 / 16 + 14_000);
}

#[test]
fn a_path_of_a_megabyte_is_not_read_by_every_segment_that_is_an_interpreter() {
    let count = 65_000;
    let path_at = 64 + count * 56;
    let mut image = ordinary().set(ElfField::SegmentCount, count).set(ElfField::SectionsOffset, 0).build();
    image.truncate(64);
    for _ in 0..count {
        image.extend([3u32, 4].map(u32::to_le_bytes).concat());
        image.extend([path_at, 0, 0, 1 << 20, 1 << 20, 1].map(u64::to_le_bytes).concat());
    }
    image.resize(path_at as usize + (1 << 20), b'A');
    // A quarter more: measures count segments by kind.
    within(&image, 2 * 65_000 + 65_000 / 16 + 65_000 / 4 + 20_000);
}

#[test]
fn a_sign_at_every_entry_or_address_is_reported_a_few_times() {
    let mut image = ordinary().set(ElfField::SegmentCount, 65_000).set(ElfField::SectionsOffset, 0).build();
    image.truncate(64);
    for _ in 0..65_000 {
        image.extend([PT_LOAD, R | W | X].map(u32::to_le_bytes).concat());
        image.extend([1 << 40, 0, 0, 1 << 30, 1 << 40, 1].map(u64::to_le_bytes).concat());
    }
    image.extend(b"\093.184.216.34".repeat(100_000));
    // A quarter more: measures count segments by kind.
    within(&image, 2 * 65_000 + 65_000 / 16 + 65_000 / 4 + 20_000);
    let (evidence, _) = examine(&mut Elf::new(), &image, whole());
    for id in ["elf.segment.past_end", "elf.segment.writable_executable", "elf.string.public_address"] {
        let times = evidence.iter().filter(|seen| seen.indicator.as_str() == id).count();
        assert_eq!(times, 8, "{id}");
    }
}

#[test]
fn noise_in_every_segment_is_looked_at_as_often_as_the_loader_takes_segments() {
    let count = 65_000;
    let at = 64 + count * 56;
    let mut image = ordinary().set(ElfField::SegmentCount, count).set(ElfField::SectionsOffset, 0).build();
    image.truncate(64);
    for _ in 0..count {
        image.extend([PT_LOAD, R | X].map(u32::to_le_bytes).concat());
        image.extend([at, 0, 0, 1 << 15, 1 << 15, 1].map(u64::to_le_bytes).concat());
    }
    image.extend(noise(1 << 15, 1));
    // 2,048 steps for each of 2,048 segments, not of 65,000.
    within(&image, 5_000_000);
}

#[test]
fn archives_in_every_section_are_named_a_few_times() {
    let mut builder = elf().elf_type(ET_REL);
    for _ in 0..2_000 {
        builder = builder.section("x", SHT_PROGBITS, 0, [b"PK\x03\x04".as_slice(), &[0; 100]].concat());
    }
    let file = builder.build();
    within(&file, 100_000);
}

#[test]
fn a_dynamic_section_without_end_is_a_limit() {
    let endless = elf().elf_type(ET_DYN).segment(segment(PT_LOAD).address(0x1000).data([1; 1 << 17]));
    let endless = endless.segment(segment(PT_DYNAMIC).address(0x1000)).build();
    let (_, hit) = examine(&mut Elf::new(), &endless, whole());
    assert_eq!(hit, [Limit::Entries]);
}

#[test]
fn strings_hidden_by_every_key_are_examined() {
    let strings = ["/bin/busybox ", "/proc/net/tcp", "/dev/watchdog", "/dev/misc/wat", "Mozilla/5.0 ("];
    let table = |key: u8| strings.map(|text| text.bytes().map(|byte| byte ^ key).collect::<Vec<_>>()).concat();
    let tables: Vec<u8> = (0..=255).flat_map(table).collect();
    within(&ordinary().section(".data", SHT_PROGBITS, 3, tables.repeat(40)).build(), 2 * 256 * 5 * 40);
}

#[test]
fn more_symbols_than_are_looked_at_are_a_limit() {
    // Entry 0 is empty, and two are needed for the symbols to be looked at.
    for (others, expected) in [(65_536 - 3, &[][..]), (65_536 - 2, &[Limit::Entries])] {
        let library = elf().elf_type(ET_DYN).load(R | X, [0x90; 64]);
        let library = library.dynamic_symbol("readdir", true).dynamic_symbol("dlsym", false);
        let library = (0..others).fold(library, |library, _| library.dynamic_symbol("f", true));
        let (_, hit) = examine(&mut Elf::new(), &library.build(), whole());
        assert_eq!(hit, expected, "{others}");
    }
}

#[test]
fn a_file_full_of_half_words_runs_out_of_steps_not_of_time() {
    let image = ordinary().section(".data", 1, 3, b"attack_gre_iX".repeat(100_000)).build();
    let limits = Limits { steps_max: 10_000, ..Limits::default() };
    let (_, hit) = examine(&mut Elf::new(), &image, Budget::new(limits, Cancel::default()));
    assert_eq!(hit, [Limit::Steps]);
}

#[test]
fn cancelling_is_noticed() {
    let cancel = Cancel::default();
    cancel.cancel();
    let budget = Budget::new(Limits::default(), cancel);
    let (_, hit) = examine(&mut Elf::new(), &upx_like().build(), budget);
    assert_eq!(hit, [Limit::Time]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn mutated_programs_are_examined_and_twice_alike(
        which in 0usize..7,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        headers in proptest::collection::vec((0usize..400, prop::sample::select(vec![0u8, 1, 0x7f, 0x80, 0xff])), 0..20),
    ) {
        let mut image = programs().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(image.len());
            image[at] = byte;
        }
        for (at, byte) in headers {
            if let Some(place) = image.get_mut(at) {
                *place = byte;
            }
        }
        let mut elf = Elf::new();
        let first = examine(&mut elf, &image, whole());
        prop_assert_eq!(first, examine(&mut elf, &image, whole()));
    }

    #[test]
    fn any_bytes_after_the_magic_are_examined(rest in proptest::collection::vec(any::<u8>(), 0..600)) {
        let image = [b"\x7fELF".as_slice(), &rest].concat();
        examine(&mut Elf::new(), &image, whole());
    }
}
