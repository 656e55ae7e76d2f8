//! Headers, data directories and sections of an image, as far as they can be read.
//!
//! Not goblin's `PE::parse`: it refuses 45 of 227 valid odd images when strict, and when permissive it asked
//! for more than 20 GiB on an image of 1 MiB. Here nothing fails, nothing is collected but at most
//! [`SECTIONS_MAX`] section headers, and what is odd is remembered in [`Oddities`]. The structures and
//! constants are goblin's.
//!
//! Where tools differ, the loader of Windows decides, as far as it is known from ReactOS
//! (ntoskrnl/mm/section.c `PeFmtCreateSection`, sdk/lib/rtl/image.c `RtlImageDirectoryEntryToData`), from corkami's
//! "PE" page and its samples, and from the PE/COFF specification, in this order.

use std::ops::Range;

use goblin::pe::data_directories::{DataDirectory, SIZEOF_DATA_DIRECTORY};
use goblin::pe::header::{CoffHeader, PE_MAGIC, PE_POINTER_OFFSET, SIZEOF_COFF_HEADER, SIZEOF_PE_MAGIC};
use goblin::pe::optional_header::{
    MAGIC_32, MAGIC_64, StandardFields, StandardFields32, StandardFields64, WindowsFields32, WindowsFields64,
};
use goblin::pe::section_table::SIZEOF_SECTION_TABLE;
use scroll::{LE, Pread};

use crate::anomalies::{Oddities, Oddity};
use crate::section::{PAGE, SECTOR, Section};

/// Maximum number of section headers read. The loader of Windows XP accepts 96, later ones 65,535; linkers produce far
/// fewer than this. With more, the scan is incomplete.
pub(crate) const SECTIONS_MAX: usize = 256;

/// Most bytes of padding that may be left out at the end of a file: the largest FileAlignment that is common.
const PADDING_MAX: u32 = 0x1000;

/// Data directories that mean anything (PE/COFF specification, "Optional Header Data Directories").
const DIRECTORIES_MAX: usize = 16;

/// A data directory, by its index (PE/COFF specification, "Optional Header Data Directories").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Directory {
    Export = 0,
    Import = 1,
    Resource = 2,
    Certificate = 4,
    Debug = 6,
    DelayImport = 13,
    Clr = 14,
}

/// Fields of the optional header that could be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Optional {
    pub(crate) plus: bool,
    /// File offset of the optional header.
    pub(crate) offset: usize,
    pub(crate) standard: StandardFields,
    pub(crate) windows: WindowsFields64,
    /// All that there is room for, whether or not they are counted in `NumberOfRvaAndSizes`.
    directories: [DataDirectory; DIRECTORIES_MAX],
    /// Number of sections that were read.
    counted: usize,
}

/// An image, as far as its headers can be read.
#[derive(Debug)]
pub(crate) struct Image<'a> {
    pub(crate) bytes: &'a [u8],
    /// File offset of `PE\0\0`, if it is there.
    pub(crate) signature: Option<usize>,
    pub(crate) coff: Option<CoffHeader>,
    pub(crate) optional: Option<Optional>,
    pub(crate) sections: &'a [Section],
    /// Offset of the end of the section table.
    end_of_table: usize,
    pub(crate) oddities: Oddities,
    /// There are more section headers than [`SECTIONS_MAX`].
    pub(crate) sections_left_out: bool,
    /// Parts that the headers speak of are not in the file, or cannot be read at all.
    pub(crate) cut_short: bool,
}

impl<'a> Image<'a> {
    /// Reads what can be read of `bytes`; `sections` is scratch.
    pub(crate) fn read(bytes: &'a [u8], sections: &'a mut Vec<Section>) -> Image<'a> {
        sections.clear();
        let mut image = Image {
            bytes,
            signature: None,
            coff: None,
            optional: None,
            sections: &[],
            end_of_table: 0,
            oddities: Oddities::default(),
            sections_left_out: false,
            cut_short: false,
        };
        let pointer = bytes.pread_with::<u32>(PE_POINTER_OFFSET as usize, LE).unwrap_or(0) as usize;
        if bytes.pread_with::<u32>(pointer, LE).ok() != Some(PE_MAGIC) {
            image.oddities.note(Oddity::NoSignature, PE_POINTER_OFFSET as usize);
            image.note_cut();
            return image;
        }
        image.signature = Some(pointer);
        if pointer < 0x40 {
            image.oddities.note(Oddity::HeadersOverlap, PE_POINTER_OFFSET as usize);
        }
        let mut offset = pointer + SIZEOF_PE_MAGIC;
        let Ok(coff) = CoffHeader::parse(bytes, &mut offset) else {
            image.oddities.note(Oddity::HeadersCut, bytes.len());
            image.note_cut();
            return image;
        };
        image.coff = Some(coff);
        let optional_offset = pointer + SIZEOF_PE_MAGIC + SIZEOF_COFF_HEADER;
        image.read_optional(optional_offset, usize::from(coff.size_of_optional_header));
        let table = optional_offset + usize::from(coff.size_of_optional_header);
        image.read_sections(table, usize::from(coff.number_of_sections), sections);
        image.sections = sections;
        image.end_of_table = table.saturating_add(sections.len() * SIZEOF_SECTION_TABLE);
        image.check_layout();
        if sections.iter().any(|section| !section.is_debug_data() && image.lacks_data_of(section)) {
            image.note_cut();
        }
        image
    }

    /// Notes that something the headers speak of is not there.
    pub(crate) fn note_cut(&mut self) {
        self.cut_short = true;
    }

    /// Whether data of a section lies past the end of the file. Some linkers and packers leave out the padding
    /// at the very end: zeros behind the virtual size, up to the next FileAlignment, are not missed.
    fn lacks_data_of(&self, section: &Section) -> bool {
        let start = u64::from(section.raw_pointer);
        let missing = (start + u64::from(section.raw_size)).saturating_sub(self.bytes.len() as u64);
        let alignment = self.optional.as_ref().map_or(0, |optional| optional.windows.file_alignment);
        let only_padding = missing < u64::from(alignment.min(PADDING_MAX))
            && section.virtual_size > 0
            && start + u64::from(section.virtual_size) <= self.bytes.len() as u64;
        // The loader takes no data from the file where the pointer is zero.
        section.raw_pointer > 0 && section.raw_size > 0 && missing > 0 && !only_padding
    }

    fn read_optional(&mut self, offset: usize, size: usize) {
        let bytes = self.bytes;
        let mut at = offset;
        let fields = match bytes.pread_with::<u16>(offset, LE) {
            Ok(MAGIC_32) => read_both::<StandardFields32, WindowsFields32>(bytes, &mut at)
                .map(|(standard, windows)| (false, StandardFields::from(standard), WindowsFields64::from(windows))),
            Ok(MAGIC_64) => read_both::<StandardFields64, WindowsFields64>(bytes, &mut at)
                .map(|(standard, windows)| (true, StandardFields::from(standard), windows)),
            Ok(_) => {
                self.oddities.note(Oddity::OptionalMagic, offset);
                self.note_cut();
                return;
            }
            Err(_) => None,
        };
        let Some((plus, standard, windows)) = fields else {
            self.oddities.note(Oddity::HeadersCut, bytes.len());
            self.note_cut();
            return;
        };
        let mut directories = [DataDirectory::default(); DIRECTORIES_MAX];
        let claimed = windows.number_of_rva_and_sizes as usize;
        if claimed > DIRECTORIES_MAX {
            self.oddities.note(Oddity::DirectoryCount, at - 4);
        }
        let counted = claimed.min(DIRECTORIES_MAX);
        let table = at;
        for (index, directory) in directories.iter_mut().enumerate() {
            // Those that are not counted, but have room before the section table, are read too: the common language
            // run time does not ask for the count (dotnet/runtime, pedecoder.inl, `HasDirectoryEntry`), and corkami
            // says the same of the loader. Nor does that run time ask where the section table begins.
            let counts = index < counted;
            let fits = at + SIZEOF_DATA_DIRECTORY <= offset + size;
            if !counts && !fits && index != Directory::Clr as usize {
                at += SIZEOF_DATA_DIRECTORY;
                continue;
            }
            match bytes.pread_with(at, LE) {
                Ok(read) => *directory = read,
                Err(_) if counts => {
                    self.oddities.note(Oddity::HeadersCut, bytes.len());
                    self.note_cut();
                    break;
                }
                Err(_) => break,
            }
            if !counts && fits && directory.virtual_address != 0 {
                self.oddities.note(Oddity::DirectoryUncounted, at);
            }
            at += SIZEOF_DATA_DIRECTORY;
        }
        // The loader reads on past SizeOfOptionalHeader, where the section table begins: they share bytes.
        if table + counted * SIZEOF_DATA_DIRECTORY > offset + size {
            self.oddities.note(Oddity::OptionalSize, offset);
        }
        self.optional = Some(Optional { plus, offset, standard, windows, directories, counted });
    }

    fn read_sections(&mut self, table: usize, count: usize, sections: &mut Vec<Section>) {
        if count == 0 {
            self.oddities.note(Oddity::NoSections, table);
            self.note_cut();
        }
        if count > 96 {
            self.oddities.note(Oddity::ManySections, table);
        }
        self.sections_left_out = count > SECTIONS_MAX;
        for index in 0..count.min(SECTIONS_MAX) {
            match Section::read(self.bytes, table + index * SIZEOF_SECTION_TABLE) {
                Some(section) => sections.push(section),
                None => {
                    self.oddities.note(Oddity::HeadersCut, self.bytes.len());
                    self.note_cut();
                    break;
                }
            }
        }
    }

    fn check_layout(&mut self) {
        let Some(optional) = self.optional else {
            return;
        };
        let (sections, windows) = (self.sections, optional.windows);
        let (section_alignment, file_alignment) = (windows.section_alignment, windows.file_alignment);
        let at = optional.offset;
        let low = section_alignment == file_alignment && file_alignment < 0x200;
        if !low && (!file_alignment.is_power_of_two() || !(0x200..=0x10000).contains(&file_alignment)) {
            self.oddities.note(Oddity::Alignment, at + 36);
        } else if section_alignment < file_alignment || !section_alignment.is_power_of_two() {
            self.oddities.note(Oddity::Alignment, at + 32);
        }
        if windows.size_of_headers == 0 || windows.size_of_headers as usize > self.bytes.len() {
            self.oddities.note(Oddity::HeadersSize, at + 60);
        }
        if windows.image_base % 0x1_0000 != 0 {
            self.oddities.note(Oddity::ImageBase, at + if optional.plus { 24 } else { 28 });
        }
        let mut end = 0u64;
        for section in sections {
            if u64::from(section.virtual_address) < end {
                self.oddities.note(Oddity::SectionsOverlap, section.header + 12);
            }
            end = u64::from(section.virtual_address) + u64::from(section.extent());
            if !low && section.raw_size > 0 && section.raw_pointer % 0x200 != 0 {
                self.oddities.note(Oddity::RawPointer, section.header + 20);
            }
        }
        if u64::from(windows.size_of_image) < end {
            self.oddities.note(Oddity::ImageSize, at + 56);
        }
    }

    /// Returns a data directory, unless it is empty. A directory beyond the declared number counts as evidence about
    /// the program, but does not account for bytes.
    pub(crate) fn directory(&self, which: Directory) -> Option<DataDirectory> {
        let optional = self.optional.as_ref()?;
        let explains = matches!(which, Directory::Certificate | Directory::Debug);
        let directory = *optional.directories.get(which as usize)?;
        let there = directory.virtual_address != 0 && (!explains || (which as usize) < optional.counted);
        there.then_some(directory)
    }

    /// Size of a data directory by its index; 0 if it is empty.
    pub(crate) fn directory_size(&self, index: usize) -> u32 {
        let directory = self.optional.as_ref().and_then(|optional| optional.directories.get(index));
        directory.filter(|directory| directory.virtual_address != 0).map_or(0, |directory| directory.size)
    }

    /// File offset of a data directory's entry in the headers.
    pub(crate) fn directory_span(&self, which: Directory) -> Range<usize> {
        let Some(optional) = &self.optional else {
            return 0..0;
        };
        let table = optional.offset + if optional.plus { 112 } else { 96 };
        // There may be fewer directories than that, and no file where this one would be.
        let entry = (table + which as usize * SIZEOF_DATA_DIRECTORY).min(self.bytes.len());
        entry..(entry + SIZEOF_DATA_DIRECTORY).min(self.bytes.len())
    }

    /// The span of a field of the optional header, `offset` bytes into it.
    pub(crate) fn optional_span(&self, offset: usize, width: usize) -> Range<usize> {
        self.optional.as_ref().map_or(0..0, |optional| optional.offset + offset..optional.offset + offset + width)
    }

    /// Whether the loader maps the file as one piece, each byte at its own offset: SectionAlignment is less than a page
    /// (corkami, Low alignment: "the file is read as is", only that offsets and addresses should be equal is checked).
    pub(crate) fn is_flat(&self) -> bool {
        self.optional.as_ref().is_some_and(|optional| optional.windows.section_alignment < PAGE)
    }

    /// Returns the section that contains an address, and its index; otherwise one whose last page does.
    pub(crate) fn section_at(&self, address: u32) -> Option<(usize, &'a Section)> {
        let find = |holds: fn(&Section, u32) -> bool| {
            self.sections.iter().enumerate().find(|(_, section)| holds(section, address))
        };
        find(Section::holds).or_else(|| find(Section::holds_in_last_page))
    }

    /// Returns the file offset of the byte loaded at `address`, if it comes from the file.
    pub(crate) fn offset_of(&self, address: u32) -> Option<usize> {
        let windows = self.optional.as_ref()?.windows;
        let alignment = match windows.file_alignment {
            common @ SECTOR..=0x1_0000 if common.is_power_of_two() => u64::from(common),
            _ => u64::from(SECTOR),
        };
        let offset = match self.section_at(address) {
            _ if self.is_flat() => address.into(),
            Some((_, section)) => {
                let start = u64::from(section.raw_pointer) & !u64::from(SECTOR - 1);
                let claimed = u64::from(section.raw_pointer) + u64::from(section.raw_size);
                let offset = start + u64::from(address - section.virtual_address);
                let no_data = section.raw_pointer == 0 || section.raw_size == 0;
                if no_data || offset >= claimed.next_multiple_of(alignment) {
                    return None;
                }
                offset
            }
            // Headers are mapped as they are, to the end of their last sector; so is all of an image without sections.
            None if u64::from(address) < u64::from(windows.size_of_headers).next_multiple_of(alignment) => {
                address.into()
            }
            None if self.sections.is_empty() => address.into(),
            None => return None,
        };
        usize::try_from(offset).ok().filter(|&offset| offset < self.bytes.len())
    }

    /// Converts an absolute address to one relative to the image, if it is inside.
    pub(crate) fn relative(&self, absolute: u64) -> Option<u32> {
        let windows = self.optional.as_ref()?.windows;
        let address = u32::try_from(absolute.checked_sub(windows.image_base)?).ok()?;
        (address < windows.size_of_image).then_some(address)
    }

    /// Whether the loader takes an address for that of a lookup table. It takes the address table instead where this
    /// lies among the headers or past the image (ReactOS, dll/ntdll/ldr/ldrpe.c, `LdrpSnapIAT`: "this is a strange
    /// linked file").
    pub(crate) fn may_hold_lookups(&self, address: u32) -> bool {
        let windows = self.optional.as_ref().map(|optional| optional.windows);
        windows.is_some_and(|windows| (windows.size_of_headers..windows.size_of_image).contains(&address))
    }

    /// The subsystem.
    pub(crate) fn subsystem(&self) -> Option<u16> {
        self.optional.as_ref().map(|optional| optional.windows.subsystem)
    }

    /// Bytes of the headers, cut where the file ends.
    pub(crate) fn headers(&self) -> Range<usize> {
        let size = self.optional.as_ref().map_or(0, |optional| optional.windows.size_of_headers as usize);
        0..size.min(self.bytes.len())
    }

    /// The headers, as far as they go: to the end of the page in which the section table ends. SizeOfHeaders may say that
    /// all of the file is headers.
    pub(crate) fn known_headers(&self) -> Range<usize> {
        0..self.headers().end.min(self.end_of_table.next_multiple_of(PAGE as usize))
    }

    /// The bytes of a section that are part of the program.
    pub(crate) fn mapped(&self, section: &Section) -> Range<usize> {
        let size = self.bytes.len();
        if self.is_flat() { section.raw(size) } else { section.mapped(size) }
    }

    /// End of the last section in the file; the size of the headers if there is none.
    pub(crate) fn end_of_sections(&self) -> usize {
        let end = self.sections.iter().map(|section| self.mapped(section).end).max().unwrap_or(0);
        end.max(self.headers().end)
    }
}

fn read_both<'a, S, W>(bytes: &'a [u8], at: &mut usize) -> Option<(S, W)>
where
    S: scroll::ctx::TryFromCtx<'a, scroll::Endian, Error = scroll::Error>,
    W: scroll::ctx::TryFromCtx<'a, scroll::Endian, Error = scroll::Error>,
{
    Some((bytes.gread_with(at, LE).ok()?, bytes.gread_with(at, LE).ok()?))
}
