//! The dynamic section, as the dynamic loader finds it.
//!
//! ld.so gets the address of the program headers in memory and uses `p_vaddr` of the last `PT_DYNAMIC` among them
//! (glibc elf/rtld.c `rtld_setup_main_map`, elf/dl-load.c `_dl_map_object_from_fd`; musl ldso/dynlink.c), and the
//! entries end with `DT_NULL`. It ignores `p_offset` and `p_filesz` of that header, and all section headers. The kernel
//! ignores `PT_DYNAMIC`.

use std::ops::Range;

use analyzers::{Budget, Limit};
use goblin::elf::dynamic::{
    DT_FLAGS_1, DT_GNU_HASH, DT_HASH, DT_JMPREL, DT_NEEDED, DT_NULL, DT_REL, DT_RELA, DT_SONAME, DT_STRSZ, DT_STRTAB,
    DT_SYMTAB, DT_VERNEED, DT_VERSYM, Dyn, Dynamic as Entries,
};
use goblin::elf::program_header::{PT_DYNAMIC, ProgramHeader};

use crate::loader_view::LoaderView;

/// `DF_1_PIE` of `DT_FLAGS_1`, which goblin lacks: a program that can be loaded anywhere (glibc elf/elf.h).
const DF_1_PIE: u64 = 0x0800_0000;

/// Most entries that are read; more are a limit that was hit. The largest seen has 180.
const ENTRIES_MAX: usize = 1 << 12;

/// Contents of the dynamic section. Addresses are unchanged; 0 if absent.
#[derive(Debug, Default)]
pub(crate) struct Dynamic {
    /// Whether it names a library to be loaded first.
    pub needs: bool,
    /// How many libraries it names.
    pub needed: usize,
    /// Whether it has a library name.
    pub named: bool,
    /// Whether it is marked as a position-independent program.
    pub is_program: bool,
    symbols: u64,
    strings: u64,
    strings_bytes: u64,
    /// Starts of other tables, which limit the symbol table: it has no count of its own.
    tables: Vec<u64>,
}

impl Dynamic {
    /// Reads the dynamic section. Empty if there is none.
    pub(crate) fn read(loaded: LoaderView<'_>, budget: &mut Budget) -> Self {
        let mut dynamic = Dynamic::default();
        let Some(header) = loaded.segments.iter().rev().find(|segment| segment.p_type == PT_DYNAMIC) else {
            return dynamic;
        };
        let Some(part) = loaded.from(header.p_vaddr) else { return dynamic };
        for entry in entries(loaded, part, budget) {
            let value = entry.d_val;
            match entry.d_tag {
                DT_NEEDED => {
                    dynamic.needs = true;
                    dynamic.needed += 1;
                }
                DT_SONAME => dynamic.named = true,
                DT_FLAGS_1 => dynamic.is_program |= value & DF_1_PIE != 0,
                DT_SYMTAB => dynamic.symbols = value,
                DT_STRTAB => {
                    dynamic.strings = value;
                    dynamic.tables.push(value);
                }
                DT_STRSZ => dynamic.strings_bytes = value,
                DT_HASH | DT_GNU_HASH | DT_VERSYM | DT_VERNEED | DT_RELA | DT_REL | DT_JMPREL => {
                    dynamic.tables.push(value);
                }
                _ => {}
            }
        }
        dynamic
    }

    /// Ranges of the dynamic symbols and of their names. `None` if there are none.
    pub(crate) fn symbols(&self, loaded: LoaderView<'_>) -> Option<(Range<usize>, Range<usize>)> {
        if self.symbols == 0 || self.strings == 0 {
            return None;
        }
        let symbols = loaded.from(self.symbols)?;
        // They end where the next table starts, or with what is loaded.
        let next = self.tables.iter().filter(|&&table| table > self.symbols).min();
        let bytes = next.map_or(u64::MAX, |next| next - self.symbols);
        let names = loaded.from(self.strings)?;
        Some((shortened(symbols, bytes), shortened(names, self.strings_bytes)))
    }
}

/// The entries in `part`, up to the one that ends them.
fn entries(loaded: LoaderView<'_>, part: Range<usize>, budget: &mut Budget) -> Vec<Dyn> {
    let entry_bytes = Dyn::size(loaded.ctx.container);
    let cut = shortened(part, (ENTRIES_MAX * entry_bytes) as u64);
    let whole = cut.len() / entry_bytes * entry_bytes;
    if whole == 0 || budget.step(1).is_err() {
        return Vec::new();
    }
    // goblin wants a program header and takes it at its word, so it gets one with what the loader finds.
    let header = ProgramHeader {
        p_type: PT_DYNAMIC,
        p_offset: cut.start as u64,
        p_filesz: whole as u64,
        ..ProgramHeader::default()
    };
    let read = Entries::parse(loaded.bytes, &[header], loaded.ctx);
    let entries = read.ok().flatten().map(|read| read.dyns).unwrap_or_default();
    let ended = entries.last().is_some_and(|last| last.d_tag == DT_NULL);
    if entries.len() >= ENTRIES_MAX && !ended {
        budget.exhaust(Limit::Entries);
    }
    if budget.step(entries.len() as u64).is_err() {
        return Vec::new();
    }
    entries
}

fn shortened(part: Range<usize>, bytes: u64) -> Range<usize> {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(part.len());
    part.start..part.start + bytes
}
