//! The section header table, and the contents of sections: those asked for, symbol tables, and names.

use super::layout::align;
use super::{ElfBuilder, ElfSection, SHT_DYNSYM, SHT_STRTAB, SHT_SYMTAB, Symbol};

impl ElfBuilder {
    /// Appends the contents of all sections, and gives their headers and how many there are.
    pub(super) fn sections_into(&self, body: &mut Vec<u8>, body_at: usize) -> (Vec<u8>, usize) {
        let mut sections = vec![ElfSection {
            name: String::new(),
            kind: 0,
            flags: 0,
            address: 0,
            data: Vec::new(),
            link: 0,
            entry_size: 0,
        }];
        sections.extend(self.sections.iter().cloned());
        for (kind, names, symbols) in [
            ((".dynsym", SHT_DYNSYM), ".dynstr", &self.dynamic_symbols),
            ((".symtab", SHT_SYMTAB), ".strtab", &self.symbols),
        ] {
            if !symbols.is_empty() {
                self.symbols_into(&mut sections, kind, names, symbols);
            }
        }
        let mut names = vec![0];
        let mut name_offsets = Vec::new();
        for section in &sections {
            name_offsets.push(names.len() as u32);
            names.extend_from_slice(section.name.as_bytes());
            names.push(0);
        }
        name_offsets.push(names.len() as u32);
        names.extend_from_slice(b".shstrtab\0");
        sections.push(ElfSection {
            name: ".shstrtab".to_owned(),
            kind: SHT_STRTAB,
            flags: 0,
            address: 0,
            data: names,
            link: 0,
            entry_size: 0,
        });
        let mut table = Vec::new();
        for (section, name) in sections.iter().zip(name_offsets) {
            align(body, body_at);
            let null = section.kind == 0;
            let offset = if null { 0 } else { body_at + body.len() };
            body.extend_from_slice(&section.data);
            self.int(&mut table, name);
            self.int(&mut table, section.kind);
            for value in [section.flags, section.address, offset as u64, section.data.len() as u64] {
                self.word(&mut table, value);
            }
            self.int(&mut table, section.link);
            self.int(&mut table, 0);
            self.word(&mut table, u64::from(!null));
            self.word(&mut table, section.entry_size);
        }
        (table, sections.len())
    }

    fn symbols_into(&self, sections: &mut Vec<ElfSection>, (name, kind): (&str, u32), names: &str, symbols: &[Symbol]) {
        let entry_size = if self.wide { 24 } else { 16 };
        let mut data = vec![0; entry_size];
        let mut strings = vec![0];
        for symbol in symbols {
            self.symbol_into(&mut data, strings.len() as u32, symbol.defined);
            strings.extend_from_slice(symbol.name.as_bytes());
            strings.push(0);
        }
        let link = sections.len() as u32 + 1;
        let with = |name: &str, kind, data, link, entry_size| ElfSection {
            name: name.to_owned(),
            kind,
            flags: 0,
            address: 0,
            data,
            link,
            entry_size,
        };
        sections.push(with(name, kind, data, link, entry_size as u64));
        sections.push(with(names, SHT_STRTAB, strings, 0, 0));
    }

    /// Appends the entry of a global function whose name is at `name` of the names.
    pub(super) fn symbol_into(&self, table: &mut Vec<u8>, name: u32, defined: bool) {
        let defined = u16::from(defined);
        self.int(table, name);
        // STB_GLOBAL, STT_FUNC.
        if self.wide {
            table.extend_from_slice(&[0x12, 0]);
            self.half(table, defined);
            self.word(table, 0);
            self.word(table, 0);
        } else {
            self.word(table, 0);
            self.word(table, 0);
            table.extend_from_slice(&[0x12, 0]);
            self.half(table, defined);
        }
    }
}
