//! Microsoft cabinets (MS-CAB): folders of blocks, and files that lie in them one behind the other.
//!
//! Read by ourselves, because the `cab` crate unpacks a folder from its start for every file in it, and stops with a panic
//! at a file that lies beyond its folder. LZX is unpacked by `lzxd`.

use std::borrow::Cow;
use std::io::{self, Read};

use analyzers::Exhausted;
use flate2::{Decompress, FlushDecompress};
use lzxd::{Lzxd, WindowSize};

use crate::contents::Contents;
use crate::numbers::{le16, le32};

/// Size of the header without what is optional, of a folder's and a file's entry without theirs, and of a block's.
const HEADER: usize = 36;
const FOLDER: usize = 8;
const FILE: usize = 16;
const BLOCK: usize = 8;
/// Longest name of a file, and of another cabinet or disk (MS-CAB 2.1, 2.3).
const NAME_MAX: usize = 256;
/// Bytes that a block unpacks to, at most.
const BLOCK_MAX: usize = 32 << 10;

struct CabinetHeader {
    first_file: usize,
    folders: usize,
    files: usize,
    folders_at: usize,
    folder_extra: usize,
    block_extra: usize,
    is_one_of_several: bool,
}

impl CabinetHeader {
    fn read(bytes: &[u8]) -> Option<CabinetHeader> {
        let flags = le16(bytes, 30)?;
        let (mut at, mut folder_extra, mut block_extra) = (HEADER, 0, 0);
        if flags & 4 != 0 {
            (folder_extra, block_extra) = (usize::from(*bytes.get(38)?), usize::from(*bytes.get(39)?));
            at += 4 + le16(bytes, 36)?;
        }
        for _ in 0..2 * ((flags & 1) + (flags >> 1 & 1)) {
            at += text(bytes, at)?.len() + 1;
        }
        Some(CabinetHeader {
            first_file: le32(bytes, 16)?,
            folders: le16(bytes, 26)?,
            files: le16(bytes, 28)?,
            folders_at: at,
            folder_extra,
            block_extra,
            is_one_of_several: flags & 3 != 0,
        })
    }
}

struct CabinetFile<'a> {
    size: usize,
    offset: usize,
    folder: usize,
    name: &'a [u8],
}

pub(crate) fn examine(bytes: &[u8], contents: &mut Contents<'_, '_>) -> Result<(), Exhausted> {
    let Some(header) = CabinetHeader::read(bytes) else {
        contents.broken("the header");
        return Ok(());
    };
    if header.is_one_of_several {
        contents.refuse("other cabinets of the set");
    }
    let mut files = Vec::new();
    let mut at = header.first_file;
    for _ in 0..header.files {
        contents.budget().step(1)?;
        let file = CabinetFile::read(bytes, at);
        let Some(file) = file.filter(|file| file.folder < header.folders) else {
            contents.broken("the list of members");
            break;
        };
        at += FILE + file.name.len() + 1;
        files.push(file);
    }
    files.sort_by_key(|file| (file.folder, file.offset));
    for folder in files.chunk_by(|one, other| one.folder == other.folder) {
        let index = folder.first().map_or(0, |file| file.folder);
        let entry = header.folders_at + index * (FOLDER + header.folder_extra);
        let Some(mut reader) = Folder::open(bytes, entry, header.block_extra) else {
            for file in folder {
                contents.broken(&String::from_utf8_lossy(file.name));
            }
            continue;
        };
        read_folder(folder, &mut reader, contents)?;
    }
    Ok(())
}

fn read_folder(
    files: &[CabinetFile<'_>],
    reader: &mut Folder<'_>,
    contents: &mut Contents<'_, '_>,
) -> Result<(), Exhausted> {
    let mut position = 0;
    for file in files {
        let name = String::from_utf8_lossy(file.name);
        // Files that lie over each other are made by nobody.
        let Some(before) = file.offset.checked_sub(position) else {
            contents.broken(&name);
            continue;
        };
        if before > 0 {
            contents.refuse("bytes between members");
        }
        if !contents.skip(reader, before as u64)? {
            contents.broken(&name);
            return Ok(());
        }
        let unpacked = contents.unpack(reader, file.size as u64)?;
        let is_whole = unpacked.is_whole;
        contents.member(&name, Cow::Owned(unpacked.bytes));
        if !is_whole {
            contents.broken(&name);
            return Ok(());
        }
        position = file.offset + file.size;
    }
    // A byte more says that something stands behind the last file.
    if contents.skip(reader, 1)? {
        contents.refuse("bytes behind members");
    }
    Ok(())
}

impl<'a> CabinetFile<'a> {
    fn read(bytes: &'a [u8], at: usize) -> Option<CabinetFile<'a>> {
        Some(CabinetFile {
            size: le32(bytes, at)?,
            offset: le32(bytes, at + 4)?,
            folder: le16(bytes, at + 8)?,
            name: text(bytes, at + FILE)?,
        })
    }
}

/// The text at `at`, up to its NUL.
fn text(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().take(NAME_MAX).position(|&byte| byte == 0)?;
    rest.get(..end)
}

/// How the blocks of a folder are packed.
enum FolderMethod {
    Stored,
    /// Each block is a deflate stream that goes on from the bytes of the one before.
    MsZip(Box<Decompress>),
    Lzx(Box<Lzxd>),
}

/// Reads a folder, block by block.
struct Folder<'a> {
    bytes: &'a [u8],
    at: usize,
    blocks: usize,
    block_extra: usize,
    method: FolderMethod,
    /// The block that was unpacked last, and how much of it was read.
    block: Vec<u8>,
    taken: usize,
}

impl<'a> Folder<'a> {
    /// The folder of the entry at `at`; none where its method is not known.
    fn open(bytes: &'a [u8], at: usize, block_extra: usize) -> Option<Folder<'a>> {
        let kind = le16(bytes, at + 6)?;
        let method = match (kind & 0xf, kind >> 8) {
            (0, _) => FolderMethod::Stored,
            (1, _) => FolderMethod::MsZip(Box::new(Decompress::new(false))),
            (3, window) => FolderMethod::Lzx(Box::new(Lzxd::new(window_size(window)?))),
            _ => return None,
        };
        let (start, blocks) = (le32(bytes, at)?, le16(bytes, at + 4)?);
        Some(Folder { bytes, at: start, blocks, block_extra, method, block: Vec::new(), taken: 0 })
    }

    /// Unpacks the next block. False at the end.
    fn next(&mut self) -> io::Result<bool> {
        if self.blocks == 0 {
            return Ok(false);
        }
        self.blocks -= 1;
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        let (packed, size) = le16(self.bytes, self.at + 4).zip(le16(self.bytes, self.at + 6)).ok_or_else(broken)?;
        let start = self.at + BLOCK + self.block_extra;
        let data = self.bytes.get(start..start + packed).filter(|_| size <= BLOCK_MAX).ok_or_else(broken)?;
        self.at = start + packed;
        self.taken = 0;
        match &mut self.method {
            FolderMethod::Stored => {
                self.block.clear();
                self.block.extend_from_slice(data);
            }
            FolderMethod::MsZip(state) => {
                let data = data.strip_prefix(b"CK").ok_or_else(broken)?;
                state.reset(false);
                if !self.block.is_empty() {
                    state.set_dictionary(&self.block).map_err(|_| broken())?;
                }
                let mut block = Vec::with_capacity(size);
                state.decompress_vec(data, &mut block, FlushDecompress::Finish).map_err(|_| broken())?;
                self.block = block;
            }
            FolderMethod::Lzx(state) => {
                let block = state.decompress_next(data, size).map_err(|_| broken())?;
                self.block.clear();
                self.block.extend_from_slice(block);
            }
        }
        if self.block.len() == size { Ok(true) } else { Err(broken()) }
    }
}

impl Read for Folder<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.block.len() && !into.is_empty() {
            if !self.next()? {
                return Ok(0);
            }
        }
        let rest = self.block.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}

/// The window of LZX, by its exponent.
fn window_size(exponent: usize) -> Option<WindowSize> {
    Some(match exponent & 0x1f {
        15 => WindowSize::KB32,
        16 => WindowSize::KB64,
        17 => WindowSize::KB128,
        18 => WindowSize::KB256,
        19 => WindowSize::KB512,
        20 => WindowSize::MB1,
        21 => WindowSize::MB2,
        _ => return None,
    })
}
