//! From an open file to an artifact: the read-or-map decision, and every way it can go wrong.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::fs::FileType;
use rustix::io::{Errno, pread};

use crate::artifact::{Artifact, Stability};
use crate::error::{LoadError, NotRegular};
use crate::fingerprint::{Difference, Mark};
use crate::map::Map;
use crate::pseudo_fs::is_pseudo;
use crate::scratch::{READ_BYTES_MAX, Scratch};

/// Capacity reserved for a stream of unknown length. Memory becomes resident only when it is filled, so this avoids the
/// copies of a growing buffer at no cost.
const STREAM_RESERVE_BYTES: u64 = 256 << 20;

/// Takes the bytes of `file`, opened for reading with `O_NONBLOCK`, from its beginning.
///
/// The decision is based on `fstat`, before anything is read: a file that is larger than `size_bytes_max` or not
/// regular is refused at once. A file that cannot be mapped is read into memory, and a file of size 0 is read too,
/// because files in procfs have that size.
///
/// # Errors
///
/// [`LoadError`] if the file is no regular file, is larger than `size_bytes_max`, cannot be read, or does not fit into
/// memory.
pub fn load<'s>(file: OwnedFd, scratch: &'s mut Scratch, size_bytes_max: u64) -> Result<Artifact<'s>, LoadError> {
    let (before, size) = admit(&file, size_bytes_max)?;
    match size {
        0 => read_unsized(&file, scratch, size_bytes_max),
        _ if size <= scratch.bytes().len() => {
            let got = fill(&file, &mut scratch.bytes()[..size])?;
            let stability = if got == size { since(&file, before)? } else { short(&file, before)? };
            Ok(Artifact::lent(&scratch.bytes()[..got], stability))
        }
        _ if is_pseudo(&file).unwrap_or(true) => read_owned(&file, before, size),
        _ => map_or_read(file, before, size),
    }
}

/// Takes the bytes of `file` as [`load`] does, into memory of their own where they are few.
///
/// # Errors
///
/// As [`load`].
pub fn load_owned(file: OwnedFd, size_bytes_max: u64) -> Result<Artifact<'static>, LoadError> {
    let (before, size) = admit(&file, size_bytes_max)?;
    if size <= READ_BYTES_MAX { read_owned(&file, before, size) } else { map_or_read(file, before, size) }
}

/// Returns the fingerprint and the size of the file; an error if it is not regular or too large.
fn admit(file: &OwnedFd, size_bytes_max: u64) -> Result<(Mark, usize), LoadError> {
    let stat = rustix::fs::fstat(file).map_err(LoadError::io("read the size of"))?;
    if let Some(kind) = NotRegular::of(FileType::from_raw_mode(stat.st_mode)) {
        return Err(LoadError::NotRegular(kind));
    }
    let size_bytes = u64::try_from(stat.st_size).unwrap_or(0);
    if size_bytes > size_bytes_max {
        return Err(LoadError::TooLarge { size_bytes: Some(size_bytes), size_bytes_max });
    }
    let size = usize::try_from(size_bytes).map_err(|_| LoadError::NoMemory { size_bytes })?;
    Ok((Mark::of(&stat), size))
}

/// A map of the file; its bytes in memory where it cannot be mapped.
fn map_or_read(file: OwnedFd, before: Mark, size: usize) -> Result<Artifact<'static>, LoadError> {
    match Map::new(file, before, size) {
        Ok(map) => Ok(Artifact::mapped(map)),
        Err(file) => read_owned(&file, before, size),
    }
}

/// Copies a stream (standard input, a pipe) into a memory file, sealed against changes and fit to be passed to another
/// process. If it is larger than `size_bytes_max`, one byte more than that is copied, so that [`load`] refuses it.
///
/// # Errors
///
/// [`LoadError::Io`] if the stream cannot be read, or the memory file cannot be made, filled or sealed.
pub fn keep_stream(stream: impl Read, size_bytes_max: u64) -> Result<OwnedFd, LoadError> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    let kept = memfd_create("artifact", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
        .map_err(LoadError::io("create a memory file"))?;
    let mut file = File::from(kept);
    let mut stream = stream.take(size_bytes_max.saturating_add(1));
    std::io::copy(&mut stream, &mut file).map_err(|source| LoadError::Io { tried: "read", source })?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)
        .map_err(LoadError::io("seal"))?;
    Ok(file.into())
}

/// A file whose size is 0 by `fstat`: empty, or in procfs, where only reading tells.
fn read_unsized<'s>(file: &OwnedFd, scratch: &'s mut Scratch, size_bytes_max: u64) -> Result<Artifact<'s>, LoadError> {
    let buffer = scratch.bytes();
    let got = fill(file, buffer)?;
    if got as u64 > size_bytes_max {
        return Err(LoadError::TooLarge { size_bytes: None, size_bytes_max });
    }
    if got < buffer.len() {
        return Ok(Artifact::lent(&buffer[..got], Stability::Stable));
    }
    collect(buffer.to_vec(), At { file, offset: got as u64 }, size_bytes_max)
}

/// Reads `size` bytes into memory of their own.
fn read_owned(file: &OwnedFd, before: Mark, size: usize) -> Result<Artifact<'static>, LoadError> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).map_err(|_| LoadError::NoMemory { size_bytes: size as u64 })?;
    while bytes.len() < size {
        let offset = bytes.len() as u64;
        match pread(file, spare_capacity(&mut bytes), offset) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(LoadError::io("read")(errno)),
        }
    }
    let stability = if bytes.len() >= size { since(file, before)? } else { short(file, before)? };
    Ok(Artifact::owned(bytes, stability))
}

/// Appends the rest of `stream` to `bytes`, up to one byte more than is allowed.
fn collect(mut bytes: Vec<u8>, stream: impl Read, size_bytes_max: u64) -> Result<Artifact<'static>, LoadError> {
    let room = size_bytes_max.saturating_add(1);
    let reserve = usize::try_from(room.min(STREAM_RESERVE_BYTES)).unwrap_or(usize::MAX);
    bytes
        .try_reserve_exact(reserve.saturating_sub(bytes.len()))
        .map_err(|_| LoadError::NoMemory { size_bytes: reserve as u64 })?;
    let left = room.saturating_sub(bytes.len() as u64);
    stream.take(left).read_to_end(&mut bytes).map_err(|source| LoadError::Io { tried: "read", source })?;
    if bytes.len() as u64 > size_bytes_max {
        return Err(LoadError::TooLarge { size_bytes: None, size_bytes_max });
    }
    Ok(Artifact::from_vec(bytes))
}

/// Fills `buffer` from the beginning of `file`; answers how much of it, less than all only at the file's end.
fn fill(file: &OwnedFd, buffer: &mut [u8]) -> Result<usize, LoadError> {
    let mut got = 0;
    while got < buffer.len() {
        match pread(file, &mut buffer[got..], got as u64) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(LoadError::io("read")(errno)),
        }
    }
    Ok(got)
}

/// Checks the file after all bytes were read. If it was written to in the meantime, the bytes may be of both versions.
fn since(file: &OwnedFd, before: Mark) -> Result<Stability, LoadError> {
    let stat = rustix::fs::fstat(file).map_err(LoadError::io("read the size of"))?;
    Ok(match before.until(Mark::of(&stat)) {
        Difference::None | Difference::StatusOnly => Stability::Stable,
        Difference::Shorter | Difference::Written => Stability::Changed,
    })
}

/// Fewer bytes came than the size promised. The file shrank, unless it looks as it did: then its size
/// never was one (sysfs says 4096 of every attribute).
#[cold]
fn short(file: &OwnedFd, before: Mark) -> Result<Stability, LoadError> {
    let stat = rustix::fs::fstat(file).map_err(LoadError::io("read the size of"))?;
    Ok(match before.until(Mark::of(&stat)) {
        Difference::None | Difference::StatusOnly => Stability::Stable,
        Difference::Shorter | Difference::Written => Stability::Truncated,
    })
}

/// The rest of a file, as a stream.
struct At<'f> {
    file: &'f OwnedFd,
    offset: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let got = pread(self.file, buffer, self.offset)?;
        self.offset += got as u64;
        Ok(got)
    }
}
