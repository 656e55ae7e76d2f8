//! What the headers and data directories of an image say.
//!
//! Time stamps, linker and system versions are left out: they tell the age of a collection, not what a program does.

use analyzers::measures;
use goblin::pe::header::{COFF_MACHINE_X86, COFF_MACHINE_X86_64, CoffHeader};
use goblin::pe::optional_header::{StandardFields, WindowsFields64};

use crate::image::{Directory, Image};

/// Bases that linkers give by themselves (MSVC and GNU ld, programs and libraries, 32 and 64 bits, drivers).
const USUAL_BASES: [u64; 5] = [0x40_0000, 0x1000_0000, 0x1_4000_0000, 0x1_8000_0000, 0x1_0000];

/// The headers; zeros for what could not be read.
pub(super) struct Headers<'i, 'b> {
    image: &'i Image<'b>,
    coff: CoffHeader,
    standard: StandardFields,
    windows: WindowsFields64,
    plus: bool,
    pointer: usize,
    checksum_matches: bool,
}

impl<'i, 'b> Headers<'i, 'b> {
    pub(super) fn of(image: &'i Image<'b>) -> Headers<'i, 'b> {
        let optional = image.optional.as_ref();
        let windows = optional.map_or_else(WindowsFields64::default, |optional| optional.windows);
        let at = optional.map(|optional| optional.offset + 64);
        Headers {
            image,
            coff: image.coff.unwrap_or_default(),
            standard: optional.map_or_else(StandardFields::default, |optional| optional.standard),
            windows,
            plus: optional.is_some_and(|optional| optional.plus),
            pointer: image.signature.unwrap_or(0),
            checksum_matches: at.is_some_and(|at| checksum(image.bytes, at) == windows.check_sum),
        }
    }

    fn code(&self) -> usize {
        usize::try_from(self.standard.size_of_code).unwrap_or(usize::MAX)
    }

    fn has(&self, characteristic: u16) -> bool {
        self.coff.characteristics & characteristic != 0
    }

    fn has_dll(&self, characteristic: u16) -> bool {
        self.windows.dll_characteristics & characteristic != 0
    }

    fn directory(&self, index: usize) -> u32 {
        self.image.directory_size(index)
    }

    fn base_is(&self, bases: &[u64]) -> bool {
        bases.contains(&self.windows.image_base)
    }
}

/// The checksum of an image (as by `CheckSumMappedFile`): the sum of its words without the field itself, and its length.
fn checksum(bytes: &[u8], field: usize) -> u32 {
    let (words, rest) = bytes.as_chunks::<2>();
    let sum: u64 = words.iter().map(|word| u64::from(u16::from_le_bytes(*word))).sum();
    let sum = sum + rest.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    let own: u64 =
        (field..field.saturating_add(4)).filter_map(|at| Some(u64::from(*bytes.get(at)?) << (8 * (at & 1)))).sum();
    let mut folded = sum - own;
    while folded >> 16 != 0 {
        folded = (folded & 0xffff) + (folded >> 16);
    }
    (folded.wrapping_add(bytes.len() as u64) & 0xffff_ffff) as u32
}

measures! {
    /// The COFF and optional headers.
    HEADERS, fn headers(headers: &Headers<'_, '_>), source: "PE/COFF specification, \"COFF File Header\" and \"Optional Header\"" {
        "header.plus", Flag, "It is PE32+, for 64 bits." => headers.plus;
        "header.i386", Flag, "It is for 80386 processors." => headers.coff.machine == COFF_MACHINE_X86;
        "header.other_machine", Flag, "It is for neither 80386 nor x86-64 processors." =>
            !matches!(headers.coff.machine, COFF_MACHINE_X86 | COFF_MACHINE_X86_64);
        "header.sections", Count, "Number of sections." => headers.coff.number_of_sections;
        "header.pointer", Bytes, "Where the PE header begins." => headers.pointer;
        "header.relocs_stripped", Flag, "Base relocations were stripped." => headers.has(0x0001);
        "header.executable", Flag, "It may be run." => headers.has(0x0002);
        "header.line_numbers_stripped", Flag, "COFF line numbers were stripped." => headers.has(0x0004);
        "header.symbols_stripped", Flag, "COFF symbols were stripped." => headers.has(0x0008);
        "header.trims_working_set", Flag, "It asks that its working set be trimmed." => headers.has(0x0010);
        "header.large_addresses", Flag, "It can use addresses above 2 GB." => headers.has(0x0020);
        "header.bytes_reversed_low", Flag, "It claims reversed bytes in words (obsolete)." => headers.has(0x0080);
        "header.word_32", Flag, "It is for a machine with words of 32 bits." => headers.has(0x0100);
        "header.debug_stripped", Flag, "Debug information was moved to another file." => headers.has(0x0200);
        "header.removable_to_swap", Flag, "It is copied to swap if run from a removable disk." => headers.has(0x0400);
        "header.network_to_swap", Flag, "It is copied to swap if run from the network." => headers.has(0x0800);
        "header.system", Flag, "It is a system file." => headers.has(0x1000);
        "header.library", Flag, "It is a library." => headers.has(0x2000);
        "header.one_processor", Flag, "It is for one processor only." => headers.has(0x4000);
        "header.bytes_reversed_high", Flag, "It claims reversed bytes (obsolete)." => headers.has(0x8000);
        "header.code", Bytes, "Size of code, as claimed." => headers.standard.size_of_code;
        "header.data", Bytes, "Size of initialised data, as claimed." => headers.standard.size_of_initialized_data;
        "header.zeros", Bytes, "Size of uninitialised data, as claimed." => headers.standard.size_of_uninitialized_data;
        "header.code_share", Permille, "Claimed code, of the file." =>
            analyzers::permille(headers.code(), headers.image.bytes.len());
        "header.image_share", Permille, "Size in memory, of that of the file." =>
            analyzers::permille(headers.windows.size_of_image as usize, headers.image.bytes.len());
        "header.entry", Value, "Address of the entry point." => headers.standard.address_of_entry_point;
        "header.usual_base", Flag, "It is loaded where linkers put it by themselves." => headers.base_is(&USUAL_BASES);
        "header.program_base", Flag, "It is loaded where programs of 32 bits are." => headers.base_is(&USUAL_BASES[..1]);
        "header.section_alignment", Value, "Alignment of sections in memory." => headers.windows.section_alignment;
        "header.file_alignment", Value, "Alignment of sections in the file." => headers.windows.file_alignment;
        "header.size", Bytes, "Size of all headers, as claimed." => headers.windows.size_of_headers;
        "header.no_checksum", Flag, "The checksum is zero." => headers.windows.check_sum == 0;
        "header.checksum", Flag, "The checksum is that of the file." => headers.checksum_matches;
        "header.windowed", Flag, "It has windows." => headers.windows.subsystem == 2;
        "header.console", Flag, "It runs in a console." => headers.windows.subsystem == 3;
        "header.native", Flag, "It needs no subsystem, as drivers do." => headers.windows.subsystem == 1;
        "header.subsystem", Value, "The subsystem." => headers.windows.subsystem;
        "header.app_container_only", Flag, "It must run in an AppContainer." => headers.has_dll(0x1000);
        "header.high_entropy_addresses", Flag, "It may be put anywhere in 64 bits." => headers.has_dll(0x0020);
        "header.dynamic_base", Flag, "It may be relocated when loaded." => headers.has_dll(0x0040);
        "header.forced_integrity", Flag, "Its signature must be checked." => headers.has_dll(0x0080);
        "header.no_execute", Flag, "It works with data that cannot be executed." => headers.has_dll(0x0100);
        "header.no_isolation", Flag, "It wants no side-by-side isolation." => headers.has_dll(0x0200);
        "header.no_exception_handlers", Flag, "It has no structured exception handlers." => headers.has_dll(0x0400);
        "header.unbound", Flag, "It must not be bound." => headers.has_dll(0x0800);
        "header.driver_model", Flag, "It is a driver of the Windows Driver Model." => headers.has_dll(0x2000);
        "header.control_flow_guard", Flag, "It supports Control Flow Guard." => headers.has_dll(0x4000);
        "header.terminal_server", Flag, "It knows of terminal servers." => headers.has_dll(0x8000);
        "header.directories", Count, "Number of data directories, as claimed, at most 32." =>
            headers.windows.number_of_rva_and_sizes.min(32);
    }
}

measures! {
    /// The data directories.
    DIRECTORIES, fn directories(headers: &Headers<'_, '_>), source: "PE/COFF specification, \"Optional Header Data Directories\"" {
        "directory.export", Bytes, "Size of the export table." => headers.directory(Directory::Export as usize);
        "directory.import", Bytes, "Size of the import table." => headers.directory(Directory::Import as usize);
        "directory.resource", Bytes, "Size of the resources." => headers.directory(Directory::Resource as usize);
        "directory.exception", Bytes, "Size of the table of exception handlers." => headers.directory(3);
        "directory.certificate", Bytes, "Size of the attribute certificates." => headers.directory(Directory::Certificate as usize);
        "directory.relocation", Bytes, "Size of the base relocations." => headers.directory(5);
        "directory.debug", Bytes, "Size of the debug directory." => headers.directory(Directory::Debug as usize);
        "directory.architecture", Bytes, "Size of a directory that must be empty." => headers.directory(7);
        "directory.global_pointer", Bytes, "Size at the global pointer, which must be zero." => headers.directory(8);
        "directory.thread_storage", Bytes, "Size of the thread-local storage." => headers.directory(9);
        "directory.load_configuration", Bytes, "Size of the load configuration." => headers.directory(10);
        "directory.bound_import", Bytes, "Size of the bound imports." => headers.directory(11);
        "directory.import_addresses", Bytes, "Size of the import address table." => headers.directory(12);
        "directory.delayed_import", Bytes, "Size of the delayed imports." => headers.directory(Directory::DelayImport as usize);
        "directory.dotnet", Bytes, "Size of the header of .NET." => headers.directory(Directory::Clr as usize);
        "directory.reserved", Bytes, "Size of a directory that must be empty." => headers.directory(15);
    }
}

#[cfg(test)]
mod tests {
    use specimens::pe::{CODE, pe, plain_code};

    use super::*;

    #[test]
    fn the_checksum_leaves_its_own_field_out() {
        // By hand: 0x0201 + 0x0403 + 5, and nine bytes.
        assert_eq!(checksum(&[1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff, 5], 4), 0x0604 + 5 + 9);
        assert_eq!(checksum(&[], 0), 0);
        assert_eq!(checksum(&[0xff; 6], usize::MAX), 0xffff + 6);
    }

    #[test]
    fn headers_are_told_as_they_stand() {
        let bytes = pe().section(".text", CODE, plain_code(4096)).build();
        let (mut sections, mut values) = (Vec::new(), Vec::new());
        let image = Image::read(&bytes, &mut sections);
        headers(&Headers::of(&image), &mut values);
        let of = |name: &str| values[HEADERS.iter().position(|measure| measure.name == name).unwrap()];
        assert_eq!((of("header.sections"), of("header.executable"), of("header.library")), (1.0, 1.0, 0.0));
        assert_eq!(of("header.file_alignment"), 512.0);
        let (mut sections, mut values) = (Vec::new(), Vec::new());
        headers(&Headers::of(&Image::read(b"MZ", &mut sections)), &mut values);
        assert_eq!(values.len(), HEADERS.len());
    }
}
