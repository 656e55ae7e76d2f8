//! Reading numbers and strings of the binary workbook formats.

/// The format version, which determines the width of fields and strings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Version {
    /// Excel 5 and 95: strings of bytes.
    Biff5,
    /// Excel 97 to 2003 (MS-XLS).
    Biff8,
    /// Binary workbooks in packages (MS-XLSB).
    Biff12,
}

/// A cursor in little-endian bytes. Reads past the end return `None`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteReader<'a>(&'a [u8]);

impl<'a> ByteReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        ByteReader(bytes)
    }

    /// Returns the unread bytes.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    pub(crate) fn skip(&mut self, count: usize) -> Option<()> {
        self.bytes(count).map(drop)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// Reads `units` of UTF-16; invalid characters become replacement characters.
    pub(crate) fn wide(&mut self, units: usize) -> Option<String> {
        let bytes = self.bytes(units.checked_mul(2)?)?;
        let units = bytes.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit));
        Some(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
    }

    /// `count` characters after a byte that says how wide they are (MS-XLS 2.5.293, XLUnicodeStringNoCch). BIFF5 has
    /// no such byte. Narrow characters are the low bytes of UTF-16, and of code pages read alike: what matters to
    /// us is ASCII.
    pub(crate) fn characters(&mut self, count: usize, version: Version) -> Option<String> {
        let is_wide = version != Version::Biff5 && self.u8()? & 1 != 0;
        if is_wide {
            self.wide(count)
        } else {
            self.bytes(count).map(|bytes| bytes.iter().copied().map(char::from).collect())
        }
    }

    /// A string whose length is one byte (ShortXLUnicodeString).
    pub(crate) fn short_string(&mut self, version: Version) -> Option<String> {
        let count = self.u8()?;
        self.characters(count.into(), version)
    }

    /// A string whose length is two bytes (XLUnicodeString).
    pub(crate) fn string(&mut self, version: Version) -> Option<String> {
        let count = self.u16()?;
        self.characters(count.into(), version)
    }
}
