//! Builds PE/COFF images in memory: ordinary ones, odd ones and hostile ones.
//!
//! ```
//! use specimens::pe::{CODE, pe};
//! let image = pe().section(".text", CODE, b"\xc3").import("kernel32.dll", &["ExitProcess"]).build();
//! assert_eq!(&image[..2], b"MZ");
//! ```
//!
//! What is built follows the PE/COFF specification, so that readers of it find what the test asked for; then
//! [`PeBuilder::set`] and [`PeBuilder::put`] overwrite whatever the test wants to be a lie. Same calls, same
//! bytes: reads no clock and no randomness. Nothing built here is code that does anything.

mod dotnet;
mod layout;
mod signature;
mod tables;

pub use dotnet::{DotnetMetadata, metadata};
use tables::Resource;

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
enum EntryPoint {
    First,
    Section(usize),
    Address(u32),
}

#[derive(Clone, Debug)]
struct SectionSpec {
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
    entry: EntryPoint,
    sections: Vec<SectionSpec>,
    imports: Vec<(String, Vec<String>)>,
    import_copies: usize,
    exports: Vec<String>,
    resources: Vec<Resource>,
    pdb: Option<String>,
    dotnet: Option<DotnetMetadata>,
    certificate: Option<Vec<u8>>,
    signed: bool,
    symbols: Vec<String>,
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
        entry: EntryPoint::First,
        sections: Vec::new(),
        imports: Vec::new(),
        import_copies: 1,
        exports: Vec::new(),
        resources: Vec::new(),
        pdb: None,
        dotnet: None,
        certificate: None,
        signed: false,
        symbols: Vec::new(),
        overlay: Vec::new(),
        fields: Vec::new(),
        patches: Vec::new(),
    }
}

/// A program that reaches into others, fetches a program and stays: what it imports and says is all there is of it.
pub fn injector() -> PeBuilder {
    let words = [
        "software\\microsoft\\windows\\currentversion\\run",
        "cmd.exe /c del /f /q",
        "http://example.invalid/update.exe",
        "%temp%\\svchost.exe",
        "taskkill /f /im",
    ];
    pe().section(".text", CODE, plain_code(4096))
        .section(".data", DATA, words.join("\0").into_bytes())
        .import(
            "kernel32.dll",
            &["OpenProcess", "VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread", "WinExec"],
        )
        .import("advapi32.dll", &["RegCreateKeyExA", "RegSetValueExA"])
        .import("urlmon.dll", &["URLDownloadToFileA"])
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

/// The content of a signature by nobody, about a file with this SHA-256 digest. For [`PeBuilder::certificate`].
pub fn signature_of(digest: &[u8; 32]) -> Vec<u8> {
    signature::signed_data(digest)
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
        self.sections.push(SectionSpec {
            name: name.as_bytes().to_vec(),
            characteristics,
            data: data.into(),
            virtual_size: None,
        });
        self
    }

    /// Gives the section added last another virtual size than that of its data.
    ///
    /// # Panics
    ///
    /// If no section was added before.
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
        self.resources.push(Resource { type_id, name: None, data: data.into() });
        self
    }

    /// The same with a number as its name; others are numbered from 1.
    pub fn resource_named(mut self, type_id: u32, name: u32, data: impl Into<Vec<u8>>) -> Self {
        self.resources.push(Resource { type_id, name: Some(name), data: data.into() });
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
    pub fn dotnet(self) -> Self {
        self.dotnet_with(metadata())
    }

    /// The same, with this metadata.
    pub fn dotnet_with(mut self, metadata: DotnetMetadata) -> Self {
        self.dotnet = Some(metadata);
        self
    }

    /// Appends an attribute certificate of this content: the shape of a signature, not a valid one.
    pub fn certificate(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.certificate = Some(content.into());
        self
    }

    /// Appends a signature whose digest is that of the finished image, made by nobody.
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// Appends a COFF symbol table with these functions, the names in a string table behind it, as MinGW does.
    pub fn coff_symbols(mut self, names: &[&str]) -> Self {
        self.symbols = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Appends bytes after the last section, and after the symbols if there are any.
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
        self.entry = EntryPoint::Section(section);
        self
    }

    /// Lets execution start at this address, relative to the image.
    pub fn entry_at(mut self, address: u32) -> Self {
        self.entry = EntryPoint::Address(address);
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
}
