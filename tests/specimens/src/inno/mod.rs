//! Builds installers as Inno Setup makes them: the table of the loader, the program of the setup, setup data, and packed
//! files.
//!
//! ```
//! let installer = specimens::inno::inno("6.2.0").file("{app}\\readme.txt", b"hello").installer();
//! assert!(installer.starts_with(b"MZ"));
//! ```

mod edition;
mod lzma;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use self::edition::{ALL, Edition, TableForm, change_calls};
use crate::archive::zlib;
use crate::pe::{PeBuilder, ordinary};
use crate::zip::crc32;

/// Where the part with the data stands in a file that is not there.
const BEFORE: usize = 0x1_2340;
const RESOURCE: &[u8] = b"rDlPtS\xcd\xe6\xd7\x7b\x0b\x2a";
/// Number of the resource that the table is.
const TABLE_NAME: u32 = 11_111;
/// Size of the buffer by which files are packed.
const BUFFER: usize = 64 << 10;
const PIECE: usize = 4096;

/// How files are packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InnoPacking {
    /// Not at all.
    Stored,
    /// In stored blocks of zlib.
    Zlib,
    /// As literals of LZMA.
    Lzma,
    /// In stored pieces of LZMA2.
    Lzma2,
}

/// Where a file is said to lie.
#[derive(Clone, Debug)]
pub struct InnoLocation {
    /// First and last file of the installer in which its chunk is.
    pub slices: [u32; 2],
    /// Place of its chunk.
    pub start: u64,
    /// Place in what the chunk unpacks to.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// Size of the chunk, packed.
    pub packed: u64,
    /// Checksum.
    pub sum: Vec<u8>,
    /// Whether its calls are changed.
    pub is_filtered: bool,
    /// Whether its chunk is encrypted.
    pub is_encrypted: bool,
    /// Whether its chunk is packed.
    pub is_packed: bool,
}

/// An installer in the making. Methods may be called in any order.
#[derive(Clone, Debug)]
pub struct InnoBuilder {
    edition: Edition,
    packing: InnoPacking,
    is_solid: bool,
    is_filtered: bool,
    encryption: u8,
    program: Vec<u8>,
    script: Vec<u8>,
    files: Vec<(String, Vec<u8>)>,
    change: Option<fn(&mut Vec<InnoLocation>)>,
    between: Vec<u8>,
}

/// Names of all versions that [`inno`] takes.
pub fn editions() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|edition| edition.id.split(')').next().unwrap_or_default())
}

/// An installer of this version with nothing in it but a program.
///
/// # Panics
///
/// If the version is none of [`editions`].
pub fn inno(version: &str) -> InnoBuilder {
    let edition = ALL.iter().find(|edition| edition.id.split(')').next() == Some(version));
    InnoBuilder {
        edition: *edition.unwrap_or_else(|| panic!("no edition {version}")),
        packing: InnoPacking::Lzma,
        is_solid: false,
        is_filtered: false,
        encryption: 0,
        program: ordinary().build(),
        script: b"IFPS and so on".to_vec(),
        files: Vec::new(),
        change: None,
        between: Vec::new(),
    }
}

impl InnoBuilder {
    /// Adds a file.
    pub fn file(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), bytes.into()));
        self
    }

    /// How files are packed: by LZMA, if nothing is said.
    pub fn packing(mut self, packing: InnoPacking) -> Self {
        self.packing = packing;
        self
    }

    /// Packs all files as one.
    pub fn solid(mut self) -> Self {
        self.is_solid = true;
        self
    }

    /// Changes the calls in files.
    pub fn filtered(mut self) -> Self {
        self.is_filtered = true;
        self
    }

    /// Says in the header of encryption what is encrypted; as of version 6.5.
    pub fn encryption(mut self, what: u8) -> Self {
        self.encryption = what;
        self
    }

    /// The program of the setup.
    pub fn program(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.program = bytes.into();
        self
    }

    /// The compiled script.
    pub fn script(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.script = bytes.into();
        self
    }

    /// Changes what is said of the places of files.
    pub fn change(mut self, change: fn(&mut Vec<InnoLocation>)) -> Self {
        self.change = Some(change);
        self
    }

    /// Puts bytes between the packed files and the program.
    pub fn between(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.between = bytes.into();
        self
    }

    /// The table and the data, as a program carries them.
    pub fn build(&self) -> Vec<u8> {
        if self.edition.table == TableForm::AtEnd {
            return self.data(BEFORE).1;
        }
        let length = self.table(&[0; 4]).len();
        let (table, data) = self.data(BEFORE + length);
        [table, data].concat()
    }

    /// A program that carries it.
    pub fn installer(&self) -> Vec<u8> {
        self.installer_of(ordinary())
    }

    /// This program, when it carries it.
    pub fn installer_of(&self, loader: PeBuilder) -> Vec<u8> {
        if self.edition.table == TableForm::AtEnd {
            let start = end_of(loader.clone());
            let data = self.data(start).1;
            let at = (start + data.len() - 40) as u32;
            let pointer = [*b"Inno", at.to_le_bytes(), (!at).to_le_bytes()].concat();
            return loader.put(0x30, pointer).overlay(data).build();
        }
        let with = |table: Vec<u8>| loader.clone().resource_named(10, TABLE_NAME, table);
        let start = end_of(with(self.table(&[0; 4])));
        let (table, data) = self.data(start);
        with(table).overlay(data).build()
    }

    /// The table, and the data that stand at `start`.
    fn data(&self, start: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut chunks, mut locations) = self.chunks();
        if let Some(change) = self.change {
            change(&mut locations);
        }
        chunks.extend_from_slice(&self.between);
        let program = self.block(&change_calls(self.edition.calls, &self.program, usize::MAX / 2));
        let setup = [self.id(), self.block(&self.entries()), self.block(&self.locations(&locations))].concat();
        let mut data = [chunks.as_slice(), &program, &setup].concat();
        let at_end = if self.edition.table == TableForm::AtEnd { 40 } else { 0 };
        let places = [start + data.len() + at_end, start + chunks.len(), start + chunks.len() + program.len(), start];
        let table = self.table(&places);
        if at_end > 0 {
            data.extend_from_slice(&table);
        }
        (table, data)
    }

    /// The table: size of all, places of program, setup data and packed files.
    fn table(&self, [all, program, setup, packed]: &[usize; 4]) -> Vec<u8> {
        let word = |number: usize| (number as u32).to_le_bytes().to_vec();
        let long = |number: usize| (number as u64).to_le_bytes().to_vec();
        let about = [word(self.program.len()), crc32(&self.program).to_le_bytes().to_vec()].concat();
        let mut table = match self.edition.table {
            TableForm::AtEnd => {
                [b"rDlPtS07\x87eVx".to_vec(), word(*all), word(*program), about, word(*setup), word(*packed)].concat()
            }
            TableForm::Resource => {
                [RESOURCE.to_vec(), word(1), word(*all), word(*program), about, word(*setup), word(*packed)].concat()
            }
            TableForm::LongResource => {
                let places = [long(*setup), long(*packed), word(0)].concat();
                [RESOURCE.to_vec(), word(2), long(*all), long(*program), about, places].concat()
            }
        };
        table.extend(crc32(&table).to_le_bytes());
        table
    }

    /// The version, and the header of encryption if it has one.
    fn id(&self) -> Vec<u8> {
        let mut id = format!("Inno Setup Setup Data ({})", self.edition.id).into_bytes();
        id.resize(64, 0);
        if self.edition.has_encryption {
            let mut header = vec![self.encryption];
            header.resize(49, 7);
            id.extend(crc32(&header).to_le_bytes());
            id.extend(header);
        }
        id
    }

    /// A block, packed.
    fn block(&self, bytes: &[u8]) -> Vec<u8> {
        let pieces = lzma::lzma(bytes);
        let stored: Vec<u8> =
            pieces.chunks(PIECE).flat_map(|piece| [&crc32(piece).to_le_bytes(), piece].concat()).collect();
        let mut header = (stored.len() as u64).to_le_bytes()[..self.edition.block].to_vec();
        header.push(1);
        [crc32(&header).to_le_bytes().as_slice(), &header, &stored].concat()
    }

    /// Packed files, and where they lie.
    fn chunks(&self) -> (Vec<u8>, Vec<InnoLocation>) {
        let (mut out, mut locations) = (Vec::new(), Vec::new());
        let all: Vec<&[u8]> = self.files.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        for files in all.chunks(if self.is_solid { all.len().max(1) } else { 1 }) {
            let changed: Vec<Vec<u8>> =
                files
                    .iter()
                    .map(|bytes| {
                        if self.is_filtered { change_calls(self.edition.calls, bytes, BUFFER) } else { bytes.to_vec() }
                    })
                    .collect();
            let packed = match self.packing {
                InnoPacking::Stored => changed.concat(),
                InnoPacking::Zlib => zlib(&changed.concat()),
                InnoPacking::Lzma => lzma::lzma(&changed.concat()),
                InnoPacking::Lzma2 => lzma::lzma2(&changed.concat()),
            };
            let mut offset = 0;
            for bytes in files {
                locations.push(InnoLocation {
                    slices: [0, 0],
                    start: out.len() as u64,
                    offset,
                    size: bytes.len() as u64,
                    packed: packed.len() as u64,
                    sum: self.sum(bytes),
                    is_filtered: self.is_filtered,
                    is_encrypted: false,
                    is_packed: self.packing != InnoPacking::Stored,
                });
                offset += bytes.len() as u64;
            }
            out.extend(b"zlb\x1a");
            out.extend(packed);
        }
        (out, locations)
    }

    fn sum(&self, bytes: &[u8]) -> Vec<u8> {
        match self.edition.sum {
            16 => Md5::digest(bytes).to_vec(),
            20 => Sha1::digest(bytes).to_vec(),
            _ => Sha256::digest(bytes).to_vec(),
        }
    }

    /// The second block.
    fn locations(&self, locations: &[InnoLocation]) -> Vec<u8> {
        let Edition { start, flags, bits, .. } = self.edition;
        let mut out = Vec::new();
        for location in locations {
            out.extend(location.slices.iter().flat_map(|slice| slice.to_le_bytes()));
            out.extend(&location.start.to_le_bytes()[..start]);
            for number in [location.offset, location.size, location.packed] {
                out.extend(number.to_le_bytes());
            }
            out.extend(&location.sum);
            out.extend([0x5a; 16]);
            let set = [location.is_filtered, location.is_encrypted, location.is_packed];
            let byte = set.iter().zip(bits).fold(0, |byte, (set, bit)| byte | u8::from(*set) << bit);
            out.push(byte);
            out.resize(out.len() + flags - 1, 0);
        }
        out
    }

    /// The first block: a few strings, the script, and the entries of files.
    fn entries(&self) -> Vec<u8> {
        let Edition { strings, before, behind, .. } = self.edition;
        let mut out = Vec::new();
        for text in ["My Program", "My Program 1.0", "https://downloads.a-shop.example-host.com/x"] {
            out.extend(self.string(text));
        }
        out.extend((self.script.len() as u32).to_le_bytes());
        out.extend(&self.script);
        out.extend([3; 60]);
        for (number, (name, _)) in (0u32..).zip(&self.files) {
            out.extend([0; 4]);
            out.extend(self.string(name));
            out.resize(out.len() + (strings - 2) * 4 + before, 0);
            out.extend(number.to_le_bytes());
            out.resize(out.len() + 12, 0);
            out.extend([0xff, 0xff]);
            out.resize(out.len() + behind, 0);
        }
        out.extend(self.string("{group}\\My Program"));
        out
    }

    fn string(&self, text: &str) -> Vec<u8> {
        let bytes: Vec<u8> = if self.edition.is_wide {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        } else {
            text.bytes().collect()
        };
        [&(bytes.len() as u32).to_le_bytes(), bytes.as_slice()].concat()
    }
}

/// Where an overlay of this program begins, which a signature stands behind.
fn end_of(loader: PeBuilder) -> usize {
    const MARK: &[u8] = b"here the overlay begins";
    let program = loader.overlay(MARK).build();
    program.windows(MARK.len()).position(|bytes| bytes == MARK).unwrap_or(program.len())
}
