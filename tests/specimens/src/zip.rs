//! Builds ZIP files, honest and hostile ones. Entries are stored, not compressed: tests of structure need no
//! more, and what they say stays readable in a hex dump.
//!
//! ```
//! let docm = specimens::zip::ZipBuilder::new()
//!     .entry("[Content_Types].xml", b"<Types/>")
//!     .entry("word/document.xml", b"")
//!     .entry("word/vbaProject.bin", b"")
//!     .build();
//! assert!(docm.starts_with(b"PK\x03\x04"));
//! ```

/// A ZIP file in the making (PKWARE APPNOTE 6.3.10).
#[derive(Clone, Default)]
pub struct ZipBuilder {
    entries: Vec<Entry>,
    prefix: Vec<u8>,
    comment: Vec<u8>,
    declared_entries: Option<u16>,
    declared_directory: Option<(u32, u32)>,
    without_end: bool,
    without_directory: bool,
    streamed: bool,
}

#[derive(Clone)]
struct Entry {
    name: Vec<u8>,
    extra: Vec<u8>,
    body: Body,
    declared_bytes: Option<u32>,
    method: u16,
    encrypted: bool,
}

impl Entry {
    fn new(name: &[u8], extra: &[u8], body: Body) -> Entry {
        Entry { name: name.to_vec(), extra: extra.to_vec(), body, declared_bytes: None, method: 0, encrypted: false }
    }
}

#[derive(Clone)]
enum Body {
    Stored(Vec<u8>),
    /// The central directory points at the local header of an earlier entry.
    SameAs(usize),
}

impl ZipBuilder {
    /// A ZIP without entries.
    pub fn new() -> ZipBuilder {
        ZipBuilder::default()
    }

    /// Adds a stored entry.
    pub fn entry(self, name: &str, body: &[u8]) -> ZipBuilder {
        self.raw_entry(name.as_bytes(), &[], body)
    }

    /// Adds a stored entry with an extra field, and a name that need not be text.
    pub fn raw_entry(mut self, name: &[u8], extra: &[u8], body: &[u8]) -> ZipBuilder {
        let body = Body::Stored(body.to_vec());
        self.entries.push(Entry::new(name, extra, body));
        self
    }

    /// Adds a name to the central directory whose local header and body are those of entry `index`: the
    /// overlap that zip bombs are made of.
    ///
    /// # Panics
    ///
    /// If there is no entry `index`.
    pub fn overlapping(mut self, name: &str, index: usize) -> ZipBuilder {
        assert!(index < self.entries.len(), "an entry overlaps an earlier one");
        let body = Body::SameAs(index);
        self.entries.push(Entry::new(name.as_bytes(), &[], body));
        self
    }

    /// Lets the last entry claim another uncompressed size than it has, in both of its headers.
    ///
    /// # Panics
    ///
    /// If no entry was added before.
    pub fn declaring_bytes(mut self, bytes: u32) -> ZipBuilder {
        self.entries.last_mut().expect("declaring_bytes follows an entry").declared_bytes = Some(bytes);
        self
    }

    /// Says that the last entry is compressed by `method`: its body is taken for compressed data. 8 is deflate.
    ///
    /// # Panics
    ///
    /// If no entry was added before.
    pub fn method(mut self, method: u16) -> ZipBuilder {
        self.entries.last_mut().expect("method follows an entry").method = method;
        self
    }

    /// Says that the last entry is encrypted.
    ///
    /// # Panics
    ///
    /// If no entry was added before.
    pub fn encrypted(mut self) -> ZipBuilder {
        self.entries.last_mut().expect("encrypted follows an entry").encrypted = true;
        self
    }

    /// Puts bytes before the first entry, without moving the offsets that the directory names.
    pub fn prefix(mut self, bytes: &[u8]) -> ZipBuilder {
        self.prefix = bytes.to_vec();
        self
    }

    /// Sets the comment at the end of the file, at most 65,535 bytes.
    pub fn comment(mut self, comment: &[u8]) -> ZipBuilder {
        self.comment = comment.to_vec();
        self
    }

    /// Lets the end record claim another number of entries.
    pub fn declaring_entries(mut self, count: u16) -> ZipBuilder {
        self.declared_entries = Some(count);
        self
    }

    /// Lets the end record claim another size and offset of the directory.
    pub fn declaring_directory(mut self, size_bytes: u32, offset: u32) -> ZipBuilder {
        self.declared_directory = Some((size_bytes, offset));
        self
    }

    /// Leaves the end of central directory record away.
    pub fn without_end(mut self) -> ZipBuilder {
        self.without_end = true;
        self
    }

    /// Leaves the central directory and the end record away: only local entries.
    pub fn without_directory(mut self) -> ZipBuilder {
        self.without_directory = true;
        self
    }

    /// Writes sizes behind each body (general purpose bit 3), as a writer does that cannot seek.
    pub fn streamed(mut self) -> ZipBuilder {
        self.streamed = true;
        self
    }

    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let mut file = self.prefix.clone();
        let mut offsets = Vec::new();
        for entry in &self.entries {
            let offset = match &entry.body {
                Body::SameAs(index) => offsets[*index],
                Body::Stored(body) => {
                    let offset = file.len() - self.prefix.len();
                    self.local(entry, body, &mut file);
                    offset
                }
            };
            offsets.push(offset);
        }
        if self.without_directory {
            return file;
        }
        let directory = file.len();
        for (entry, offset) in self.entries.iter().zip(&offsets) {
            self.central(entry, *offset, &mut file);
        }
        if !self.without_end {
            self.end(file.len() - directory, directory - self.prefix.len(), &mut file);
        }
        file
    }

    fn stored<'a>(&'a self, entry: &'a Entry) -> &'a [u8] {
        match &entry.body {
            Body::Stored(body) => body,
            Body::SameAs(index) => self.stored(&self.entries[*index]),
        }
    }

    /// CRC and the two sizes, as they stand in both headers and in the data descriptor.
    fn sizes(&self, entry: &Entry) -> [u32; 3] {
        let body = self.stored(entry);
        let length = body.len() as u32;
        [crc32(body), length, entry.declared_bytes.unwrap_or(length)]
    }

    /// Version 2.0, flags, method, 1980-01-01 00:00.
    fn common(&self, entry: &Entry, file: &mut Vec<u8>) {
        let flags = u16::from(self.streamed) << 3 | u16::from(entry.encrypted);
        for number in [20, flags, entry.method, 0, 0x21] {
            put16(file, number);
        }
    }

    /// 4.3.7
    fn local(&self, entry: &Entry, body: &[u8], file: &mut Vec<u8>) {
        file.extend(b"PK\x03\x04");
        self.common(entry, file);
        let sizes = self.sizes(entry);
        for size in sizes {
            put32(file, if self.streamed { 0 } else { size });
        }
        put16(file, entry.name.len() as u16);
        put16(file, entry.extra.len() as u16);
        file.extend(&entry.name);
        file.extend(&entry.extra);
        file.extend(body);
        if self.streamed {
            file.extend(b"PK\x07\x08");
            for size in sizes {
                put32(file, size);
            }
        }
    }

    /// 4.3.12
    fn central(&self, entry: &Entry, offset: usize, file: &mut Vec<u8>) {
        file.extend(b"PK\x01\x02");
        put16(file, 20);
        self.common(entry, file);
        for size in self.sizes(entry) {
            put32(file, size);
        }
        for number in [entry.name.len(), entry.extra.len(), 0, 0, 0, 0, 0] {
            put16(file, number as u16);
        }
        put32(file, offset as u32);
        file.extend(&entry.name);
        file.extend(&entry.extra);
    }

    /// 4.3.16
    fn end(&self, size_bytes: usize, offset: usize, file: &mut Vec<u8>) {
        let count = self.declared_entries.unwrap_or(self.entries.len() as u16);
        let (size_bytes, offset) = self.declared_directory.unwrap_or((size_bytes as u32, offset as u32));
        file.extend(b"PK\x05\x06");
        for number in [0, 0, count, count] {
            put16(file, number);
        }
        put32(file, size_bytes);
        put32(file, offset);
        put16(file, self.comment.len() as u16);
        file.extend(&self.comment);
    }
}

fn put16(file: &mut Vec<u8>, number: u16) {
    file.extend(number.to_le_bytes());
}

fn put32(file: &mut Vec<u8>, number: u32) {
    file.extend(number.to_le_bytes());
}

/// CRC-32 of ISO 3309, bit by bit: test files are small.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1)))
    })
}
