//! How the parts of an image are laid out in a file, and its headers written.
//!
//! Headers come first, then the sections in the order they were added, each at its own sector and page, then
//! the generated ones, the overlay, the certificate (PE/COFF specification, "Overview" and "Optional Header").

use super::tables::{self, Export, u16s, u32s};
use super::{CODE, CONSTANTS, EntryPoint, Field, PeBuilder, SectionSpec, signature};

const FILE_ALIGNMENT: usize = 0x200;
const SECTION_ALIGNMENT: usize = 0x1000;
const DIRECTORIES: usize = 16;

impl PeBuilder {
    /// File offset of the `PE\0\0` signature.
    pub fn pe_offset(&self) -> usize {
        (0x40 + self.dos_stub.len()).next_multiple_of(8)
    }

    /// File offset and width in bytes of a header field.
    pub fn locate(&self, field: Field) -> (usize, usize) {
        let coff = self.pe_offset() + 4;
        let optional = coff + 20;
        // Where the fields stand that differ between PE32 and PE32+ (PE/COFF specification, Optional Header).
        let wide = |pe32: usize, plus: usize| optional + if self.plus { plus } else { pe32 };
        let section = |index: usize, offset: usize| optional + self.optional_size() + index * 40 + offset;
        match field {
            Field::PeOffset => (0x3c, 4),
            Field::Machine => (coff, 2),
            Field::NumberOfSections => (coff + 2, 2),
            Field::TimeDateStamp => (coff + 4, 4),
            Field::SizeOfOptionalHeader => (coff + 16, 2),
            Field::Characteristics => (coff + 18, 2),
            Field::Magic => (optional, 2),
            Field::EntryPoint => (optional + 16, 4),
            Field::ImageBase => (wide(28, 24), if self.plus { 8 } else { 4 }),
            Field::SectionAlignment => (optional + 32, 4),
            Field::FileAlignment => (optional + 36, 4),
            Field::SizeOfImage => (optional + 56, 4),
            Field::SizeOfHeaders => (optional + 60, 4),
            Field::CheckSum => (optional + 64, 4),
            Field::Subsystem => (optional + 68, 2),
            Field::DllCharacteristics => (optional + 70, 2),
            Field::NumberOfRvaAndSizes => (wide(92, 108), 4),
            Field::DirectoryAddress(index) => (wide(96, 112) + index * 8, 4),
            Field::DirectorySize(index) => (wide(96, 112) + index * 8 + 4, 4),
            Field::VirtualSize(index) => (section(index, 8), 4),
            Field::VirtualAddress(index) => (section(index, 12), 4),
            Field::SizeOfRawData(index) => (section(index, 16), 4),
            Field::PointerToRawData(index) => (section(index, 20), 4),
            Field::SectionCharacteristics(index) => (section(index, 36), 4),
        }
    }

    fn optional_size(&self) -> usize {
        (if self.plus { 112 } else { 96 }) + DIRECTORIES * 8
    }

    /// Lays the image out.
    pub fn build(mut self) -> Vec<u8> {
        if self.sections.is_empty() {
            self.sections.push(SectionSpec {
                name: b".text".to_vec(),
                characteristics: CODE,
                data: b"\x33\xc0\xc3".to_vec(),
                virtual_size: None,
            });
        }
        let mut directories = [(0u32, 0u32); DIRECTORIES];
        let headers_size = self.headers_size().next_multiple_of(FILE_ALIGNMENT);
        let mut address = headers_size.next_multiple_of(SECTION_ALIGNMENT) as u32;
        self.generate_tables(address, &mut directories);

        let mut image = vec![0; headers_size];
        let mut rows = Vec::new();
        for section in &self.sections {
            let raw_size = section.data.len().next_multiple_of(FILE_ALIGNMENT);
            let raw_pointer = if section.data.is_empty() { 0 } else { image.len() };
            let virtual_size = section.virtual_size.unwrap_or(section.data.len() as u32);
            rows.push([virtual_size, address, raw_size as u32, raw_pointer as u32]);
            image.extend_from_slice(&section.data);
            image.resize(image.len().next_multiple_of(FILE_ALIGNMENT), 0);
            address = next_address(address, virtual_size.max(1));
        }
        let symbols = if self.symbols.is_empty() { 0 } else { image.len() };
        image.extend_from_slice(&tables::symbols(&self.symbols));
        image.extend_from_slice(&self.overlay);
        let signature = signature::signed_data(&[0; 32]);
        let content = self.certificate.as_ref().or(self.signed.then_some(&signature));
        if let Some(content) = content {
            image.resize(image.len().next_multiple_of(8), 0);
            let length = (8 + content.len()).next_multiple_of(8);
            directories[4] = (image.len() as u32, length as u32);
            image.extend_from_slice(&(length as u32).to_le_bytes());
            // WIN_CERT_REVISION_2_0, WIN_CERT_TYPE_PKCS_SIGNED_DATA.
            image.extend_from_slice(&[0x00, 0x02, 0x02, 0x00]);
            image.extend_from_slice(content);
            image.resize(image.len().next_multiple_of(8), 0);
        }
        self.write_headers(&mut image, headers_size, address, symbols, &rows, &directories);
        for (field, value) in &self.fields {
            let (offset, width) = self.locate(*field);
            patch(&mut image, offset, &value.to_le_bytes()[..width]);
        }
        for (offset, bytes) in &self.patches {
            patch(&mut image, *offset, bytes);
        }
        if self.signed {
            let (checksum, _) = self.locate(Field::CheckSum);
            let (directory, _) = self.locate(Field::DirectoryAddress(4));
            let table = directories[4].0 as usize..directories[4].0 as usize + directories[4].1 as usize;
            let digest = signature::digest(&image, checksum, directory, table.clone());
            patch(&mut image, table.start + 8, &signature::signed_data(&digest));
        }
        image
    }

    fn headers_size(&self) -> usize {
        let generated = usize::from(self.has_tables()) + usize::from(!self.resources.is_empty());
        self.pe_offset() + 24 + self.optional_size() + (self.sections.len() + generated) * 40
    }

    fn has_tables(&self) -> bool {
        !self.imports.is_empty() || !self.exports.is_empty() || self.pdb.is_some() || self.dotnet.is_some()
    }

    /// Adds the sections that hold imports, exports, debug directory, CLR header and resources.
    fn generate_tables(&mut self, mut address: u32, directories: &mut [(u32, u32); DIRECTORIES]) {
        let generated = self.has_tables();
        let with_resources = !self.resources.is_empty();
        for section in &self.sections {
            address = next_address(address, section.virtual_size.unwrap_or(section.data.len() as u32).max(1));
        }
        if generated {
            let mut data = Vec::new();
            if !self.imports.is_empty() {
                directories[1] = tables::imports(&mut data, address, &self.imports, self.import_copies, self.plus);
            }
            if !self.exports.is_empty() {
                let exports = Export { names: &self.exports, address: SECTION_ALIGNMENT as u32 };
                directories[0] = tables::exports(&mut data, address, &exports);
            }
            if let Some(pdb) = &self.pdb {
                let file_offset = self.file_offset_of_next();
                directories[6] = tables::debug(&mut data, address, file_offset, pdb);
            }
            if let Some(metadata) = self.dotnet.clone() {
                directories[14] = tables::clr(&mut data, address, &metadata.build());
            }
            address = next_address(address, data.len() as u32);
            self.push_generated(".idata", data);
        }
        if with_resources {
            let data = tables::resources(address, &self.resources);
            directories[2] = (address, data.len() as u32);
            self.push_generated(".rsrc", data);
        }
    }

    fn push_generated(&mut self, name: &str, data: Vec<u8>) {
        // Counted by `headers_size` until now, by `sections` from now on.
        match name {
            ".idata" => {
                self.imports.clear();
                self.exports.clear();
                self.pdb = None;
                self.dotnet = None;
            }
            _ => self.resources.clear(),
        }
        self.sections.push(SectionSpec {
            name: name.as_bytes().to_vec(),
            characteristics: CONSTANTS,
            data,
            virtual_size: None,
        });
    }

    fn file_offset_of_next(&self) -> u32 {
        let sections = self.sections.iter().map(|section| section.data.len().next_multiple_of(FILE_ALIGNMENT));
        (self.headers_size().next_multiple_of(FILE_ALIGNMENT) + sections.sum::<usize>()) as u32
    }

    fn write_headers(
        &self,
        image: &mut [u8],
        headers_size: usize,
        image_size: u32,
        symbols: usize,
        rows: &[[u32; 4]],
        directories: &[(u32, u32); DIRECTORIES],
    ) {
        let mut out = Vec::with_capacity(headers_size);
        out.extend_from_slice(b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8\0\0\0\0\0\0\0\x40");
        out.resize(0x3c, 0);
        out.extend_from_slice(&(self.pe_offset() as u32).to_le_bytes());
        out.extend_from_slice(&self.dos_stub);
        out.resize(self.pe_offset(), 0);
        out.extend_from_slice(b"PE\0\0");
        let machine = if self.plus { 0x8664 } else { 0x014c };
        u16s(&mut out, &[machine, rows.len() as u16]);
        u32s(&mut out, &[self.timestamp, symbols as u32, self.symbols.len() as u32]);
        u16s(&mut out, &[self.optional_size() as u16, self.characteristics]);
        let entry = match self.entry {
            EntryPoint::First => rows.first().map_or(0, |row| row[1]),
            EntryPoint::Section(index) => rows.get(index).map_or(0, |row| row[1]),
            EntryPoint::Address(address) => address,
        };
        u16s(&mut out, &[if self.plus { 0x20b } else { 0x10b }, 14]);
        u32s(&mut out, &[rows.first().map_or(0, |row| row[2]), 0, 0, entry, rows.first().map_or(0, |row| row[1])]);
        if self.plus {
            out.extend_from_slice(&0x1_4000_0000u64.to_le_bytes());
        } else {
            u32s(&mut out, &[0, 0x40_0000]);
        }
        u32s(&mut out, &[SECTION_ALIGNMENT as u32, FILE_ALIGNMENT as u32]);
        u16s(&mut out, &[6, 0, 0, 0, 6, 0]);
        u32s(&mut out, &[0, image_size, headers_size as u32, self.checksum]);
        u16s(&mut out, &[self.subsystem, self.dll_characteristics]);
        for reserve in [0x10_0000u64, 0x1000, 0x10_0000, 0x1000] {
            out.extend_from_slice(&reserve.to_le_bytes()[..if self.plus { 8 } else { 4 }]);
        }
        u32s(&mut out, &[0, DIRECTORIES as u32]);
        for (address, size) in directories {
            u32s(&mut out, &[*address, *size]);
        }
        for (section, row) in self.sections.iter().zip(rows) {
            let mut name = section.name.clone();
            name.resize(8, 0);
            out.extend_from_slice(&name);
            u32s(&mut out, row);
            u32s(&mut out, &[0, 0, 0, section.characteristics]);
        }
        image[..out.len()].copy_from_slice(&out);
    }
}

fn next_address(address: u32, size: u32) -> u32 {
    address.saturating_add(size).checked_next_multiple_of(SECTION_ALIGNMENT as u32).unwrap_or(u32::MAX)
}

fn patch(image: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if image.len() < offset + bytes.len() {
        image.resize(offset + bytes.len(), 0);
    }
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}
