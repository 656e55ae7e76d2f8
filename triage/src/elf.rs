//! ELF: what the identification and the header say. Offsets as in the System V ABI, "ELF Header".

use crate::kind::{ByteOrder, ElfKind, ElfType, WordSize};

/// The kind of the ELF file that begins with `head`. A header cut off, or of an unknown byte order, is read
/// as far as it goes.
pub(crate) fn kind(head: &[u8]) -> ElfKind {
    let word_size = match head.get(4) {
        Some(1) => WordSize::W32,
        Some(2) => WordSize::W64,
        _ => WordSize::Odd,
    };
    let byte_order = match head.get(5) {
        Some(1) => ByteOrder::Little,
        Some(2) => ByteOrder::Big,
        _ => ByteOrder::Odd,
    };
    let half = |offset: usize| {
        let bytes = head.get(offset..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        match byte_order {
            ByteOrder::Big => u16::from_be_bytes(bytes),
            // Linux reads the header in its own order and does not look at EI_DATA.
            ByteOrder::Little | ByteOrder::Odd => u16::from_le_bytes(bytes),
        }
    };
    let elf_type = match half(16) {
        1 => ElfType::Relocatable,
        2 => ElfType::Executable,
        3 => ElfType::Dynamic,
        4 => ElfType::Core,
        _ => ElfType::Other,
    };
    ElfKind { word_size, byte_order, elf_type, machine: half(18) }
}
