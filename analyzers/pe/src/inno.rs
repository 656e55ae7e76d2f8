//! Installers by Inno Setup: where the table of the loader says that their data stand.
//!
//! What is handed over begins with the table, or ends with it in versions before 5.1.5, and ends where the file does as the
//! table says. So who opens it knows all places, which count from the beginning of the file.
//!
//! Sources: Inno Setup, Projects/Src/Shared.Struct.pas (`TSetupLdrOffsetTable`); for versions before 5.1.5, innoextract,
//! src/loader/offsets.cpp.

use std::ops::Range;

use scroll::{LE, Pread};

/// Number of the resource (`RT_RCDATA`) that is the table.
pub(crate) const TABLE_NAME: u32 = 11_111;
/// Length of that resource: as of version 5.1.5, and of 6.5.
const LENGTH: usize = 44;
const LONG_LENGTH: usize = 64;
/// How the table at the end of the file begins, and its length.
const AT_END: &[u8] = b"rDlPtS07\x87eVx";
const AT_END_LENGTH: usize = 40;
/// In the header for DOS: a word, the place of a table that is no resource, and the same with all bits flipped.
const POINTER: usize = 0x30;
const POINTER_MARK: &[u8] = b"Inno";

/// Spans of an installer.
pub(crate) struct Installer {
    /// What is handed over.
    pub(crate) part: Range<usize>,
    /// The data in it: all but the table and what of the program stands behind that.
    pub(crate) data: Range<usize>,
    /// Where the setup data begin.
    pub(crate) setup: usize,
}

impl Installer {
    /// The installer whose loader has its table in `resource`, or at the end of the file.
    pub(crate) fn find(bytes: &[u8], resource: Option<&Range<usize>>) -> Option<Installer> {
        resource.and_then(|table| Installer::of_resource(bytes, table)).or_else(|| Installer::at_end(bytes))
    }

    fn of_resource(bytes: &[u8], table: &Range<usize>) -> Option<Installer> {
        // The loader does not look at how it begins either.
        let fields = bytes.get(table.clone())?;
        let size = |at| fields.pread_with::<u32>(at, LE).ok().and_then(|size| usize::try_from(size).ok());
        let long = |at| fields.pread_with::<u64>(at, LE).ok().and_then(|size| usize::try_from(size).ok());
        let [all, program, setup, packed] = match (size(12)?, fields.len()) {
            (1, LENGTH) => [size(16)?, size(20)?, size(32)?, size(36)?],
            (2, LONG_LENGTH) => [long(16)?, long(24)?, long(40)?, long(48)?],
            _ => return None,
        };
        let start = first(program, setup, packed);
        let is_inside = [program, setup, packed].iter().all(|&place| place < all);
        let is_in_order = table.end <= start && is_inside && all <= bytes.len();
        is_in_order.then_some(Installer { part: table.start..all, data: start..all, setup })
    }

    fn at_end(bytes: &[u8]) -> Option<Installer> {
        let pointer = bytes.get(POINTER..)?.strip_prefix(POINTER_MARK)?;
        let at = pointer.pread_with::<u32>(0, LE).ok()?;
        if pointer.pread_with::<u32>(4, LE).ok()? != !at {
            return None;
        }
        let at = usize::try_from(at).ok()?;
        let end = at.checked_add(AT_END_LENGTH)?;
        let fields = bytes.get(at..end).filter(|fields| fields.starts_with(AT_END))?;
        let size = |at| fields.pread_with::<u32>(at, LE).ok().and_then(|size| usize::try_from(size).ok());
        let [all, program, setup, packed] = [size(12)?, size(16)?, size(28)?, size(32)?];
        let start = first(program, setup, packed);
        let is_inside = [program, setup, packed].iter().all(|&place| place < at);
        (is_inside && all == end).then_some(Installer { part: start..end, data: start..end, setup })
    }
}

/// Where the first of the parts stands; packed files may be in a file of their own.
fn first(program: usize, setup: usize, packed: usize) -> usize {
    let packed = if packed == 0 { usize::MAX } else { packed };
    program.min(setup).min(packed)
}
