//! Builds PE/COFF images in memory: ordinary ones, odd ones and hostile ones.
//!
//! ```
//! use testkit::pe::{CODE, pe};
//! let image = pe().section(".text", CODE, b"\xc3").import("kernel32.dll", &["ExitProcess"]).build();
//! assert_eq!(&image[..2], b"MZ");
//! ```
//!
//! What is built follows the PE/COFF specification, so that readers of it find what the test asked for; then
//! [`PeBuilder::set`] and [`PeBuilder::put`] overwrite whatever the test wants to be a lie. Same calls, same
//! bytes: reads no clock and no randomness. Nothing built here is code that does anything.

mod tables;

use tables::{Export, Resource};

/// Section flags of code: contains code, executable, readable.
pub const CODE: u32 = 0x6000_0020;
/// Section flags of data: initialised, readable, writable.
pub const DATA: u32 = 0xc000_0040;
/// Section flags of constants: initialised, readable.
pub const CONSTANTS: u32 = 0x4000_0040;
/// Section flags that no compiler gives: code that is writable as well.
pub const WRITABLE_CODE: u32 = 0xe000_0020;

/// The usual text of the MS-DOS stub.
pub const DOS_STUB: &[u8] =
    b"\x0e\x1f\xba\x0e\x00\xb4\x09\xcd\x21\xb8\x01\x4c\xcd\x21This program cannot be run in DOS mode.\r\r\n$";

const FILE_ALIGNMENT: usize = 0x200;
const SECTION_ALIGNMENT: usize = 0x1000;
const DIRECTORIES: usize = 16;

/// A header field that a test may set to anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Field {
    PeOffset,
    Machine,
    NumberOfSections,
    TimeDateStamp,
    SizeOfOptionalHeader,
    Characteristics,
    Magic,
    EntryPoint,
    ImageBase,
    SectionAlignment,
    FileAlignment,
    SizeOfImage,
    SizeOfHeaders,
    CheckSum,
    Subsystem,
    DllCharacteristics,
    NumberOfRvaAndSizes,
    /// Address of a data directory, by its index.
    DirectoryAddress(usize),
    /// Size of a data directory, by its index.
    DirectorySize(usize),
    /// `VirtualSize` of a section, by its index; generated sections come after the test's own.
    VirtualSize(usize),
    VirtualAddress(usize),
    SizeOfRawData(usize),
    PointerToRawData(usize),
    SectionCharacteristics(usize),
}

/// Where execution starts.
#[derive(Clone, Debug)]
enum Entry {
    First,
    Section(usize),
    Address(u32),
}

#[derive(Clone, Debug)]
struct Section {
    name: Vec<u8>,
    characteristics: u32,
    data: Vec<u8>,
    virtual_size: Option<u32>,
}

/// A PE image in the making. Methods may be called in any order; [`PeBuilder::build`] lays it out.
#[derive(Clone, Debug)]
pub struct PeBuilder {
    plus: bool,
    characteristics: u16,
    dll_characteristics: u16,
    subsystem: u16,
    timestamp: u32,
    checksum: u32,
    dos_stub: Vec<u8>,
    entry: Entry,
    sections: Vec<Section>,
    imports: Vec<(String, Vec<String>)>,
    import_copies: usize,
    exports: Vec<String>,
    resources: Vec<Resource>,
    pdb: Option<String>,
    dotnet: bool,
    certificate: Option<Vec<u8>>,
    overlay: Vec<u8>,
    fields: Vec<(Field, u64)>,
    patches: Vec<(usize, Vec<u8>)>,
}

/// A PE32 program for x86 with nothing in it; if no section is added, it gets a `.text` of a few bytes.
pub fn pe() -> PeBuilder {
    PeBuilder {
        plus: false,
        // Executable image, 32-bit machine.
        characteristics: 0x0102,
        // NX compatible, dynamic base.
        dll_characteristics: 0x0140,
        subsystem: 3,
        // 2020-09-13T12:26:40Z: any plausible constant.
        timestamp: 1_600_000_000,
        checksum: 0,
        dos_stub: DOS_STUB.to_vec(),
        entry: Entry::First,
        sections: Vec::new(),
        imports: Vec::new(),
        import_copies: 1,
        exports: Vec::new(),
        resources: Vec::new(),
        pdb: None,
        dotnet: false,
        certificate: None,
        overlay: Vec::new(),
        fields: Vec::new(),
        patches: Vec::new(),
    }
}

/// A program as an ordinary vendor's build makes it: 64 bits, version, manifest, debug directory, Control Flow
/// Guard, and imports of a console program. A base to add one odd thing to.
pub fn ordinary() -> PeBuilder {
    pe().plus()
        .dll_characteristics(0x4160)
        .section(".text", CODE, plain_code(8192))
        .section(".data", DATA, vec![0; 512])
        .import(
            "KERNEL32.dll",
            &[
                "GetCommandLineW",
                "ExitProcess",
                "GetStdHandle",
                "WriteConsoleW",
                "GetLastError",
                "HeapAlloc",
                "HeapFree",
                "GetProcessHeap",
                "CreateFileW",
                "ReadFile",
                "CloseHandle",
                "GetModuleHandleW",
                "QueryPerformanceCounter",
                "GetCurrentProcessId",
                "GetSystemTimeAsFileTime",
                "InitializeSListHead",
            ],
        )
        .import("VCRUNTIME140.dll", &["memcpy", "memset", "__C_specific_handler", "_CxxThrowException"])
        .version("Example Ltd")
        .manifest("<assembly><requestedExecutionLevel level=\"asInvoker\"/></assembly>")
        .debug("example.pdb")
}

/// Bytes with the entropy of machine code (about 6 bits per byte), the same on every call.
pub fn plain_code(length: usize) -> Vec<u8> {
    noise(length)
        .into_iter()
        .map(|byte| [0x8b, 0x45, 0xe8, 0x00, 0xff, 0x83, 0x74, 0x0f][usize::from(byte & 7)] ^ (byte >> 5))
        .collect()
}

/// Bytes that look random (almost 8 bits of entropy per byte) and are the same on every call.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    (0..length)
        .map(|_| {
            // xorshift64 (Marsaglia 2003).
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

impl PeBuilder {
    /// Makes it PE32+ for x86-64.
    pub fn plus(mut self) -> Self {
        self.plus = true;
        self.characteristics = self.characteristics & !0x0100 | 0x0020;
        self
    }

    /// Adds a section. Names longer than eight bytes are cut.
    pub fn section(mut self, name: &str, characteristics: u32, data: impl Into<Vec<u8>>) -> Self {
        self.sections.push(Section {
            name: name.as_bytes().to_vec(),
            characteristics,
            data: data.into(),
            virtual_size: None,
        });
        self
    }

    /// Gives the section added last another virtual size than that of its data.
    pub fn virtual_size(mut self, bytes: u32) -> Self {
        self.sections.last_mut().expect("a section was added before").virtual_size = Some(bytes);
        self
    }

    /// Imports functions from a library; `#115` means ordinal 115.
    pub fn import(mut self, library: &str, functions: &[&str]) -> Self {
        let functions = functions.iter().map(|function| (*function).to_owned()).collect();
        self.imports.push((library.to_owned(), functions));
        self
    }

    /// Lists every library this many times over, all copies sharing one table of functions: how a small file
    /// claims a huge number of imports.
    pub fn import_copies(mut self, copies: usize) -> Self {
        self.import_copies = copies;
        self
    }

    /// Exports a function by name.
    pub fn export(mut self, name: &str) -> Self {
        self.exports.push(name.to_owned());
        self
    }

    /// Adds a resource of a numbered type (`RT_RCDATA` is 10).
    pub fn resource(mut self, type_id: u32, data: impl Into<Vec<u8>>) -> Self {
        self.resources.push(Resource { type_id, data: data.into() });
        self
    }

    /// Adds a version resource (`RT_VERSION`) that names the company.
    pub fn version(self, company: &str) -> Self {
        self.resource(16, tables::version(company))
    }

    /// Adds a manifest (`RT_MANIFEST`).
    pub fn manifest(self, text: &str) -> Self {
        self.resource(24, text.as_bytes())
    }

    /// Adds a debug directory with a CodeView record that names this PDB.
    pub fn debug(mut self, pdb: &str) -> Self {
        self.pdb = Some(pdb.to_owned());
        self
    }

    /// Gives it a CLR header, so that it passes for .NET.
    pub fn dotnet(mut self) -> Self {
        self.dotnet = true;
        self
    }

    /// Appends an attribute certificate of this content: the shape of a signature, not a valid one.
    pub fn certificate(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.certificate = Some(content.into());
        self
    }

    /// Appends bytes after the last section.
    pub fn overlay(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.overlay = bytes.into();
        self
    }

    /// Makes it a DLL.
    pub fn dll(mut self) -> Self {
        self.characteristics |= 0x2000;
        self
    }

    /// Sets `DllCharacteristics`.
    pub fn dll_characteristics(mut self, bits: u16) -> Self {
        self.dll_characteristics = bits;
        self
    }

    /// Sets `Subsystem`: 1 native, 2 windows, 3 console (the default), 10 EFI.
    pub fn subsystem(mut self, subsystem: u16) -> Self {
        self.subsystem = subsystem;
        self
    }

    /// Sets `TimeDateStamp`, in seconds since 1970.
    pub fn timestamp(mut self, seconds: u32) -> Self {
        self.timestamp = seconds;
        self
    }

    /// Sets `CheckSum`.
    pub fn checksum(mut self, checksum: u32) -> Self {
        self.checksum = checksum;
        self
    }

    /// Replaces the MS-DOS stub.
    pub fn dos_stub(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.dos_stub = bytes.into();
        self
    }

    /// Lets execution start at the first byte of the section with this index.
    pub fn entry_in(mut self, section: usize) -> Self {
        self.entry = Entry::Section(section);
        self
    }

    /// Lets execution start at this address, relative to the image.
    pub fn entry_at(mut self, address: u32) -> Self {
        self.entry = Entry::Address(address);
        self
    }

    /// Overwrites a header field of the finished image, whatever that breaks.
    pub fn set(mut self, field: Field, value: u64) -> Self {
        self.fields.push((field, value));
        self
    }

    /// Overwrites bytes of the finished image, which grows if need be.
    pub fn put(mut self, offset: usize, bytes: impl Into<Vec<u8>>) -> Self {
        self.patches.push((offset, bytes.into()));
        self
    }

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
            self.sections.push(Section {
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
        image.extend_from_slice(&self.overlay);
        if let Some(content) = &self.certificate {
            image.resize(image.len().next_multiple_of(8), 0);
            let length = (8 + content.len()).next_multiple_of(8);
            directories[4] = (image.len() as u32, length as u32);
            image.extend_from_slice(&(length as u32).to_le_bytes());
            // WIN_CERT_REVISION_2_0, WIN_CERT_TYPE_PKCS_SIGNED_DATA.
            image.extend_from_slice(&[0x00, 0x02, 0x02, 0x00]);
            image.extend_from_slice(content);
            image.resize(image.len().next_multiple_of(8), 0);
        }
        self.write_headers(&mut image, headers_size, address, &rows, &directories);
        for (field, value) in &self.fields {
            let (offset, width) = self.locate(*field);
            patch(&mut image, offset, &value.to_le_bytes()[..width]);
        }
        for (offset, bytes) in &self.patches {
            patch(&mut image, *offset, bytes);
        }
        image
    }

    fn headers_size(&self) -> usize {
        let generated = usize::from(self.has_tables()) + usize::from(!self.resources.is_empty());
        self.pe_offset() + 24 + self.optional_size() + (self.sections.len() + generated) * 40
    }

    fn has_tables(&self) -> bool {
        !self.imports.is_empty() || !self.exports.is_empty() || self.pdb.is_some() || self.dotnet
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
            if self.dotnet {
                directories[14] = tables::clr(&mut data, address);
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
                self.dotnet = false;
            }
            _ => self.resources.clear(),
        }
        self.sections.push(Section {
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
        u32s(&mut out, &[self.timestamp, 0, 0]);
        u16s(&mut out, &[self.optional_size() as u16, self.characteristics]);
        let entry = match self.entry {
            Entry::First => rows.first().map_or(0, |row| row[1]),
            Entry::Section(index) => rows.get(index).map_or(0, |row| row[1]),
            Entry::Address(address) => address,
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

fn u16s(out: &mut Vec<u8>, values: &[u16]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn u32s(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}
