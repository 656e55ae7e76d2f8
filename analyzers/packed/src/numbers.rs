//! Numbers in the bytes of a program.

/// The order of bytes that a program is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    pub(crate) fn u16(self, bytes: &[u8], at: usize) -> Option<usize> {
        let chunk = *bytes.get(at..)?.first_chunk()?;
        Some(usize::from(match self {
            ByteOrder::Little => u16::from_le_bytes(chunk),
            ByteOrder::Big => u16::from_be_bytes(chunk),
        }))
    }

    pub(crate) fn u32(self, bytes: &[u8], at: usize) -> Option<usize> {
        let chunk = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            ByteOrder::Little => u32::from_le_bytes(chunk),
            ByteOrder::Big => u32::from_be_bytes(chunk),
        } as usize)
    }

    /// A 64-bit number that is an offset or a length here; none if no file is so large.
    pub(crate) fn u64(self, bytes: &[u8], at: usize) -> Option<usize> {
        let chunk = *bytes.get(at..)?.first_chunk()?;
        usize::try_from(match self {
            ByteOrder::Little => u64::from_le_bytes(chunk),
            ByteOrder::Big => u64::from_be_bytes(chunk),
        })
        .ok()
    }
}

/// The little-endian 16-bit number at `at`.
pub(crate) fn le16(bytes: &[u8], at: usize) -> Option<usize> {
    ByteOrder::Little.u16(bytes, at)
}

/// The little-endian 32-bit number at `at`.
pub(crate) fn le32(bytes: &[u8], at: usize) -> Option<usize> {
    ByteOrder::Little.u32(bytes, at)
}

/// Writes a little-endian 32-bit number, if `at` is inside.
pub(crate) fn put_le32(bytes: &mut [u8], at: usize, number: usize) -> Option<()> {
    let number = u32::try_from(number).ok()?;
    *bytes.get_mut(at..)?.first_chunk_mut()? = number.to_le_bytes();
    Some(())
}
