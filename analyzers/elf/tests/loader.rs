//! Where readers of ELF files differ, whoever loads the file is right.
//!
//! What Linux does was tried on Linux 6.18 with programs of one page; `src/ident.rs` and `src/dynamic.rs` say where it
//! stands in the sources.

mod examined;

use std::collections::BTreeSet;

use analyzers::{Budget, Cancel, Incomplete, Limits};
use analyzers_elf::Elf;
use specimens::elf::*;

use crate::examined::examined;

struct ExaminedFile {
    signs: BTreeSet<String>,
    incomplete: Vec<Incomplete>,
}

fn examine(bytes: &[u8]) -> ExaminedFile {
    let (record, _) = examined(&mut Elf::new(), bytes, Budget::new(Limits::default(), Cancel::default()));
    let signs = record.evidence.iter().map(|seen| seen.indicator.to_string()).collect();
    ExaminedFile { signs, incomplete: record.incomplete }
}

#[track_caller]
fn sees(builder: &ElfBuilder, id: &str) {
    let seen = examine(&builder.build()).signs;
    assert!(seen.contains(id), "{id} not in {seen:?}");
}

#[track_caller]
fn misses(builder: &ElfBuilder, id: &str) {
    let seen = examine(&builder.build()).signs;
    assert!(!seen.contains(id), "{id} in {seen:?}");
}

/// A static program of words that bots have.
fn bot() -> ElfBuilder {
    elf().load(R | X, [0x90; 4096]).load(R, b"\0/proc/net/tcp\0Mozilla/5.0 (X11\0/etc/resolv.conf\0")
}

#[test]
fn a_bot_shows_the_same_signs_whatever_its_identification_claims() {
    let machines =
        [bot(), bot().narrow().machine(3), bot().narrow().machine(40), bot().narrow().big_endian().machine(20)];
    for honest in machines {
        let expected = examine(&honest.build());
        assert!(expected.signs.contains("elf.file.static_network_client"), "{:?}", expected.signs);
        assert_eq!(expected.incomplete, []);
        for (field, value) in [
            (ElfField::Class, 1),
            (ElfField::Class, 2),
            (ElfField::Class, 0),
            (ElfField::Order, 1),
            (ElfField::Order, 2),
            (ElfField::Version, 0),
        ] {
            let mut seen = examine(&honest.clone().set(field, value).build());
            seen.signs.remove("elf.header.odd_ident");
            assert_eq!((seen.signs, seen.incomplete), (expected.signs.clone(), vec![]), "{field:?} {value}");
        }
    }
}

#[test]
fn a_header_that_the_kernel_does_not_look_at_makes_no_program_dynamic() {
    let id = "elf.file.static";
    sees(&bot(), id);
    sees(&bot().segment(segment(PT_DYNAMIC).offset(1 << 40).file_size(0)), id);
    sees(&bot().dynamic(&[(1, 1), (5, 0x100), (6, 0x200)]), id);
    sees(&bot().needs("libc.so.6"), id);
    // The file named as loader is started, and may be the program itself: it finds nothing to load.
    sees(&bot().interpreter("./bot"), id);
    sees(&bot().interpreter("/lib64/ld-linux-x86-64.so.2"), id);
    sees(&bot().interpreter("/lib64/ld-linux-x86-64.so.2").segment(segment(PT_DYNAMIC)), id);
    misses(&bot().interpreter("/lib64/ld-linux-x86-64.so.2").needs("libc.so.6"), id);
}

#[test]
fn a_static_program_may_be_position_independent() {
    let id = "elf.file.static";
    sees(&bot().elf_type(ET_DYN), id);
    sees(&bot().position_independent(), id);
    sees(&bot().position_independent().needs("libc.so.6"), id);
    misses(&bot().elf_type(ET_DYN).soname("libx.so.1"), id);
    misses(&bot().elf_type(ET_DYN).needs("libc.so.6"), id);
    misses(&bot().elf_type(ET_DYN).entry(0), id);
    misses(&ordinary(), id);
}

#[test]
fn what_is_appended_makes_no_bot_too_large() {
    let id = "elf.file.static_network_client";
    sees(&bot(), id);
    sees(&bot().overlay(vec![0; 5 << 20]), id);
    let table: Vec<u8> = b"/dev/watchdog".iter().map(|byte| byte ^ 0x22).collect();
    let padded = elf().load(R, vec![0; 5 << 20]).load(R | W, table);
    sees(&padded, "elf.string.hidden_by_xor");
}

#[test]
fn hooks_are_found_where_the_dynamic_loader_finds_them() {
    let id = "elf.symbol.hook_exports";
    let hooks = ["readdir", "readdir64", "open", "stat", "unlink"];
    let rootkit = || {
        let library = elf().elf_type(ET_DYN).load(R | X, [0x90; 64]).bound_symbol("dlsym", false);
        hooks.iter().fold(library, |library, name| library.bound_symbol(name, true))
    };
    for rootkit in [rootkit(), rootkit().narrow().machine(3), rootkit().big_endian().machine(21)] {
        sees(&rootkit, id);
        sees(&rootkit.clone().without_sections(), id);
        // Another table in the section headers, and a path of a loader, change nothing for ld.so.
        sees(&rootkit.clone().dynamic_symbol("puts", true), id);
        sees(&rootkit.clone().interpreter("/lib64/ld-linux-x86-64.so.2"), id);
    }
    // The C library has them all, and the lookup too: it looks nothing up elsewhere.
    let libc = elf().elf_type(ET_DYN).load(R | X, [0x90; 64]).bound_symbol("dlsym", true);
    misses(&hooks.iter().fold(libc, |library, name| library.bound_symbol(name, true)), id);
}

#[test]
fn section_headers_that_contradict_the_segments_are_seen() {
    let id = "elf.sections.contradict_segments";
    let code = || segment(PT_LOAD).flags(R | X).address(0x40_0000).offset(0).data([0x90; 4096]).file_size(4096);
    let program = |address: u64| {
        let program = elf().segment(code()).segment(segment(PT_GNU_STACK));
        program.section(".text", SHT_PROGBITS, 6, b"code").loaded_at(address)
    };
    // Section 1 lies behind the contents of the segment, which starts after the headers: at 0x10c0 of the file.
    let file = program(0).build();
    let offset = file.windows(4).position(|bytes| bytes == b"code").unwrap() as u64;
    assert!(offset > 4096);
    let whole = |address| {
        let loaded = segment(PT_LOAD).flags(R | X).address(0x40_0000).offset(0).data([0x90; 4096]).file_size(8192);
        elf()
            .segment(loaded)
            .segment(segment(PT_GNU_STACK))
            .section(".text", SHT_PROGBITS, 6, b"code")
            .loaded_at(address)
    };
    misses(&whole(0x40_0000 + offset).overlay([0; 4096]), id);
    sees(&whole(0x40_0000 + offset + 16).overlay([0; 4096]), id);
    sees(&program(0x40_0000 + offset), id);
    sees(&program(0x90_0000), id);
    misses(&program(0), id);
    misses(&program(0x90_0000).elf_type(ET_REL), id);
}

#[test]
fn a_table_of_empty_section_headers_says_as_little_as_none() {
    let empty = bot().set(ElfField::SectionCount, 1);
    sees(&empty, "elf.sections.absent");
    sees(&empty, "elf.file.static_without_sections");
    let end = upx_like().build().len() as u64;
    let forged = upx_like().overlay([0; 192]).set(ElfField::SectionsOffset, end).set(ElfField::SectionCount, 3);
    sees(&forged, "elf.packer.upx_like_without_magic");
}

#[test]
fn bogus_headers_hide_no_packing() {
    let id = "elf.packer.upx_like_without_magic";
    sees(&upx_like(), id);
    sees(&upx_like().segment(segment(PT_DYNAMIC)), id);
    sees(&upx_like().segment(segment(PT_DYNAMIC)).segment(segment(4)).segment(segment(4)), id);
    sees(&upx_like().interpreter("./x"), id);
    // A larger segment of code that is none makes the noise no smaller.
    let padded = upx_like().load(R | X, vec![0x90; 64 << 10]);
    sees(&padded, "elf.segment.high_entropy_code");
}

#[test]
fn a_count_of_segments_is_what_it_says_unless_it_is_a_cores() {
    // PN_XNUM: the number would be in section 0. No loader looks there.
    let many = ordinary().set(ElfField::SegmentCount, 0xffff);
    assert!(examine(&many.build()).incomplete.contains(&Incomplete::CutShort));
}

#[test]
fn what_no_loader_takes_is_vouched_for_by_nobody() {
    let unaccounted = |builder: ElfBuilder| {
        let incomplete = examine(&builder.build()).incomplete;
        incomplete.iter().any(|why| matches!(why, Incomplete::Unaccounted(_)))
    };
    assert!(unaccounted(elf().elf_type(ET_CORE).load(R, b"memory")));
    assert!(unaccounted(elf().elf_type(0xfe00).load(R | X, [0x90; 64])));
    assert!(unaccounted(elf().elf_type(ET_DYN)));
    assert!(!unaccounted(bot()));
    assert!(!unaccounted(elf().elf_type(ET_REL).symbol("init_module")));
    // eBPF and x32 are read by their own loaders.
    assert!(!unaccounted(elf().elf_type(ET_REL).machine(247).section("xdp", SHT_PROGBITS, 6, [0; 128])));
    assert!(!unaccounted(elf().narrow().elf_type(ET_REL).section(".text", SHT_PROGBITS, 6, [0x90; 128])));
}
