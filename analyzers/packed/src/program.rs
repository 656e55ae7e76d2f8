//! What unpacking gives.

use std::ops::Range;

/// A program that was unpacked.
#[derive(Debug)]
pub(crate) struct UnpackedProgram {
    /// Its bytes; all that could be had, if that is not all.
    pub(crate) bytes: Vec<u8>,
    /// Where its packed blocks stand, in order.
    pub(crate) blocks: Vec<Range<usize>>,
    /// How many bytes beside them may run: the unpacker, if it is no more than that. None if the file does not start there.
    pub(crate) unpacker: Option<usize>,
    /// Whether the packer's marks are as it writes them.
    pub(crate) is_marked: bool,
    /// Whether that is all of it that is loaded.
    pub(crate) is_whole: bool,
}
