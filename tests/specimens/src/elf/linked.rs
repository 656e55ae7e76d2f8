//! What the dynamic loader reads: names, symbols and entries in segments of their own.

use super::{ElfBuilder, PT_DYNAMIC, PT_LOAD, R, Segment, Symbol, W, segment};

// Tags of dynamic entries, and the flag of programs (glibc elf/elf.h).
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
const DT_FLAGS_1: u64 = 0x6fff_fffb;
const DF_1_PIE: u64 = 0x0800_0000;

/// Address of what the dynamic loader reads.
const LINKED_AT: u64 = 0x7000_0000;

/// What the dynamic loader finds: a dynamic section of its own segment, with names and symbols.
#[derive(Clone, Debug, Default)]
pub(super) struct Linked {
    pub(super) needs: Vec<String>,
    pub(super) name: Option<String>,
    pub(super) symbols: Vec<Symbol>,
    pub(super) is_program: bool,
}

impl ElfBuilder {
    /// The segments that the dynamic loader reads, if there is anything for it. The offset of the dynamic section is left
    /// wrong on purpose: loaders go by its address.
    pub(super) fn linked_segments(&self) -> Vec<Segment> {
        let Linked { needs, name, symbols, is_program } = &self.linked;
        if needs.is_empty() && name.is_none() && symbols.is_empty() && !is_program {
            return Vec::new();
        }
        let mut names = vec![0];
        let mut name_at = |text: &str| {
            let at = names.len() as u64;
            names.extend_from_slice(text.as_bytes());
            names.push(0);
            at
        };
        let mut entries: Vec<(u64, u64)> = needs.iter().map(|library| (DT_NEEDED, name_at(library))).collect();
        entries.extend(name.as_ref().map(|name| (DT_SONAME, name_at(name))));
        let mut table = vec![0; if self.wide { 24 } else { 16 }];
        for symbol in symbols {
            self.symbol_into(&mut table, name_at(&symbol.name) as u32, symbol.defined);
        }
        if *is_program {
            entries.push((DT_FLAGS_1, DF_1_PIE));
        }
        let entry_size = if self.wide { 16 } else { 8 };
        // The tables stand before the entries, so that their addresses are known.
        let names_at = LINKED_AT + table.len() as u64;
        let entries_at = (names_at + names.len() as u64).next_multiple_of(16);
        entries.extend([(DT_STRTAB, names_at), (DT_SYMTAB, LINKED_AT), (DT_STRSZ, names.len() as u64), (0, 0)]);
        let mut data = [table, names].concat();
        data.resize((entries_at - LINKED_AT) as usize, 0);
        for (tag, value) in &entries {
            self.word(&mut data, *tag);
            self.word(&mut data, *value);
        }
        let size = (entries.len() * entry_size) as u64;
        let dynamic = segment(PT_DYNAMIC).flags(R | W).address(entries_at).offset(1).file_size(0).memory_size(size);
        vec![segment(PT_LOAD).flags(R | W).address(LINKED_AT).data(data), dynamic]
    }
}
