//! Imports of an image: a bounded walk without allocations.
//!
//! Import tables can claim anything: descriptors by the thousand that share one lookup table made goblin ask
//! for 20 GiB. So every thunk is a step of the budget, there is one cap for all of them, and a name is looked
//! up where it lies.
//!
//! The loader decides which of two tables is read, where they end, and which parts of an entry are used (ReactOS,
//! dll/ntdll/ldr/ldrpe.c: `LdrpHandleOldFormatImportDescriptors`, `LdrpSnapIAT`, `LdrpSnapThunk`). Delayed imports are
//! read by a helper inside of the program: version 1 of its descriptors contains addresses, version 2 addresses
//! relative to the image (Microsoft, delayimp.h, `dlattrRva`; PE/COFF specification, "Delay-Load Import Tables").

use analyzers::{Budget, Exhausted, Limit};
use goblin::pe::import::{ImportDirectoryEntry, SIZEOF_IMPORT_DIRECTORY_ENTRY};
use scroll::{LE, Pread};

use crate::anomalies::Oddity;
use crate::api::{self, Api, ApiSet};
use crate::image::{Directory, Image};
use crate::import_counts::ImportCounts;
use crate::interpreters::{self, SeenLibraries};

/// Thunks looked at, over all libraries. The largest tables of real programs have some 10,000. With more, the
/// examination is incomplete: what comes after would be hidden by what comes before.
const FUNCTIONS_MAX: u32 = 32_768;
/// Libraries looked at. With more, the examination is incomplete.
const LIBRARIES_MAX: u32 = 2_048;
/// Longest name of a function that is looked at: mangled names of C++ may be longer, and are of no class.
const FUNCTION_NAME_MAX: usize = 128;
/// Longest name of a library that is looked at.
const LIBRARY_NAME_MAX: usize = 64;
/// Places of names in the import table that are kept, to tell them from the same words elsewhere. Those of more
/// names are taken for words elsewhere: more evidence, never less.
const NAMED_MAX: usize = 64;

/// Descriptors of delayed imports that are none, before the table is taken for something else.
const SKIPPED_MAX: u32 = 64;

/// Size of the larger of the two kinds of descriptors.
const DESCRIPTOR_BYTES_MAX: usize = 32;

/// Imports of an image.
#[derive(Default, Debug)]
pub(crate) struct Imports {
    /// Imported APIs of interest.
    pub(crate) apis: ApiSet,
    /// Number of imported functions, by name or ordinal, including delay-loaded ones.
    pub(crate) functions: u32,
    /// Number of imported libraries.
    pub(crate) libraries: u32,
    /// Which libraries these are, but for delay-loaded ones.
    seen_libraries: SeenLibraries,
    /// Whether it imports a run time of Visual Basic 5 or 6.
    pub(crate) visual_basic: bool,
    /// Number of kernel libraries.
    kernel_libraries: u32,
    /// File offsets of the names of interest in the import table.
    named: Vec<usize>,
    /// What is counted for measures.
    pub(crate) counts: ImportCounts,
}

impl Imports {
    fn clear(&mut self) {
        let mut named = std::mem::take(&mut self.named);
        named.clear();
        let mut counts = std::mem::take(&mut self.counts);
        counts.clear();
        *self = Imports { named, counts, ..Imports::default() };
    }

    /// Whether the import table names a function at this place.
    pub(crate) fn names_at(&self, offset: usize) -> bool {
        self.named.contains(&offset)
    }

    /// Whether the import table names a function as this one, or another one that is good for the same: then its name
    /// elsewhere is not there to find it at run time.
    pub(crate) fn has_named(&self, function: &[u8]) -> bool {
        api::by_lower_case(function).is_some_and(|api| self.apis.has(api))
    }

    /// Whether it needs nothing that lives outside of the kernel: as drivers do, and what imports nothing.
    pub(crate) fn are_of_kernel(&self) -> bool {
        self.libraries == self.kernel_libraries
    }

    /// The interpreter of scripts that this is, as far as its imports tell.
    pub(crate) fn interpreter(&self) -> Option<&'static str> {
        interpreters::of(self.seen_libraries.set(), self.functions)
    }

    /// Walks the import directory and that of delayed imports.
    pub(crate) fn read(&mut self, image: &mut Image<'_>, budget: &mut Budget) -> Result<(), Exhausted> {
        self.clear();
        if let Some(directory) = image.directory(Directory::Import) {
            match image.offset_of(directory.virtual_address) {
                Some(_) => self.walk(image, directory.virtual_address, DescriptorLayout::Import, budget)?,
                None => {
                    image.oddities.note(Oddity::ImportTable, image.directory_span(Directory::Import).start);
                    image.note_cut();
                }
            }
        }
        // A delay directory that cannot be read is not odd enough: old linkers left addresses instead of RVAs,
        // and packers leave it for the program to read once it is unpacked.
        if let Some(directory) = image.directory(Directory::DelayImport) {
            self.walk(image, directory.virtual_address, DescriptorLayout::Delay, budget)?;
        }
        Ok(())
    }

    fn walk(
        &mut self,
        image: &mut Image<'_>,
        mut address: u32,
        layout: DescriptorLayout,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let mut skipped = 0;
        // Where the data of its section ends, zeros are loaded, and they end the table.
        while let Some(at) = image.offset_of(address) {
            let Some(library) = layout.read(&padded(image.bytes, at), image) else {
                break;
            };
            budget.step(1)?;
            if self.libraries >= LIBRARIES_MAX {
                image.oddities.note(Oddity::ImportCount, at);
                budget.exhaust(Limit::Entries);
                break;
            }
            let name = image.offset_of(library.name).map(|name| text_at(image.bytes, name, LIBRARY_NAME_MAX));
            if layout.is_loaded_first() {
                if name.is_none() {
                    image.note_cut();
                }
            } else if !name.is_some_and(is_name) {
                // Packers leave this table packed. The program finds its descriptors one by one, so that one which is
                // none does not end the table.
                skipped += 1;
                if skipped > SKIPPED_MAX {
                    break;
                }
                address = address.saturating_add(layout.size());
                continue;
            }
            self.libraries += 1;
            let name = name.unwrap_or_default();
            self.visual_basic |= name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"msvbvm"));
            self.kernel_libraries += u32::from(api::is_of_kernel(name));
            if layout.is_loaded_first() {
                self.seen_libraries.insert(name);
            }
            self.counts.library(name);
            // Bound or packed images may lack a lookup table; the address table then still holds the names.
            let lookup =
                Some(library.lookup).filter(|&table| !layout.is_loaded_first() || image.may_hold_lookups(table));
            let tables = [lookup, Some(library.addresses)].into_iter().flatten().filter(|&table| table != 0);
            match tables.filter_map(|table| image.offset_of(table)).next() {
                Some(table) => self.walk_functions(image, name, table, (layout, library.absolute), budget)?,
                None => {
                    image.oddities.note(Oddity::ImportTable, at);
                    if layout.is_loaded_first() {
                        image.note_cut();
                    }
                }
            }
            let Some(next) = address.checked_add(layout.size()) else {
                break;
            };
            address = next;
        }
        Ok(())
    }

    fn walk_functions(
        &mut self,
        image: &mut Image<'_>,
        library: &[u8],
        mut at: usize,
        (layout, absolute): (DescriptorLayout, bool),
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let bytes = image.bytes;
        let plus = image.optional.as_ref().is_some_and(|optional| optional.plus);
        loop {
            let thunk =
                if plus { u64::from_le_bytes(padded(bytes, at)) } else { u32::from_le_bytes(padded(bytes, at)).into() };
            if thunk == 0 {
                return Ok(());
            }
            budget.step(1)?;
            if self.functions >= FUNCTIONS_MAX {
                image.oddities.note(Oddity::ImportCount, at);
                budget.exhaust(Limit::Entries);
                return Ok(());
            }
            self.functions += 1;
            let by_ordinal = thunk >> (if plus { 63 } else { 31 }) != 0;
            // The loader takes the lower half of an entry, whatever is in the upper one but the bit for ordinals.
            let lower = (thunk & 0xffff_ffff) as u32;
            let address = if absolute { image.relative(thunk).unwrap_or(lower) } else { lower };
            let delayed = !layout.is_loaded_first();
            if by_ordinal {
                self.counts.ordinal(delayed);
                if let Some(api) = api::by_ordinal(library, (thunk & 0xffff) as u16) {
                    self.insert(api, at, at + 4);
                }
            } else if let Some(hint) = image.offset_of(address) {
                self.counts.function(text_at(bytes, hint + 2, FUNCTION_NAME_MAX), delayed);
                let name = text_at(bytes, hint + 2, api::NAME_MAX);
                if let Some(api) = api::by_name(name) {
                    self.insert(api, hint + 2, hint + 2 + name.len());
                    if self.named.len() < NAMED_MAX {
                        self.named.push(hint + 2);
                    }
                }
            } else if layout.is_loaded_first() {
                image.note_cut();
            } else {
                return Ok(());
            }
            at += if plus { 8 } else { 4 };
        }
    }

    fn insert(&mut self, api: Api, start: usize, end: usize) {
        // Addresses in an image have 32 bits; a file offset that has more cannot come from one.
        if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) {
            self.apis.insert(api, start, end);
        }
    }
}

/// Whether a text may be the name of a library.
fn is_name(text: &[u8]) -> bool {
    text.len() >= 3 && text.iter().all(u8::is_ascii_graphic)
}

/// The bytes at `at`, with zeros for those behind the end of the file, as the loader has them.
fn padded<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let rest = bytes.get(at..).unwrap_or_default();
    let mut padded = [0; N];
    padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    padded
}

/// The text at `at`, up to a NUL or `longest` bytes.
fn text_at(bytes: &[u8], at: usize, longest: usize) -> &[u8] {
    let rest = bytes.get(at..).unwrap_or_default();
    let rest = rest.get(..longest).unwrap_or(rest);
    let end = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// A library in either import directory; its addresses are relative to the image.
struct Library {
    name: u32,
    lookup: u32,
    addresses: u32,
    /// Whether the addresses in its function table are absolute.
    absolute: bool,
}

/// Layout of a descriptor (PE/COFF specification, "The .idata Section", "Delay-Load Import Tables").
#[derive(Clone, Copy)]
enum DescriptorLayout {
    Import,
    Delay,
}

impl DescriptorLayout {
    #[expect(clippy::cast_possible_truncation, reason = "20 or 32 bytes")]
    fn size(self) -> u32 {
        match self {
            DescriptorLayout::Import => SIZEOF_IMPORT_DIRECTORY_ENTRY as u32,
            DescriptorLayout::Delay => DESCRIPTOR_BYTES_MAX as u32,
        }
    }

    /// Whether the loader needs what it names before the program runs.
    fn is_loaded_first(self) -> bool {
        matches!(self, DescriptorLayout::Import)
    }

    /// The descriptor that `row` begins with; none at the end of the table.
    fn read(self, row: &[u8; DESCRIPTOR_BYTES_MAX], image: &Image<'_>) -> Option<Library> {
        match self {
            DescriptorLayout::Import => {
                let row: ImportDirectoryEntry = row.pread_with(0, LE).ok()?;
                // The loader stops where the name or the address table is missing.
                (row.name_rva != 0 && row.import_address_table_rva != 0).then_some(Library {
                    name: row.name_rva,
                    lookup: row.import_lookup_table_rva,
                    addresses: row.import_address_table_rva,
                    absolute: false,
                })
            }
            DescriptorLayout::Delay => {
                let word = |offset: usize| row.pread_with::<u32>(offset, LE).ok();
                // Bit 0 of the attributes: fields are relative to the image. Some linkers leave it out all the same, so
                // what is no address of the image is taken as it is.
                let absolute = word(0)? & 1 == 0;
                let field = |offset: usize| {
                    let value = word(offset)?;
                    Some(if absolute { image.relative(value.into()).unwrap_or(value) } else { value })
                };
                let (name, lookup) = (field(4)?, field(16)?);
                (name != 0 && lookup != 0).then_some(Library { name, lookup, addresses: 0, absolute })
            }
        }
    }
}
