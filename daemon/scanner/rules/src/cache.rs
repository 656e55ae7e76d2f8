//! Compiled rules on disk.
//!
//! The cache contains machine code that workers will run, so the directory and its files must belong to this user, and
//! nobody else may even read them; otherwise the cache is not used. Names in the directory are opened relative to its
//! descriptor and never through a link, so changes of its path do not matter.
//!
//! Bundles lie under the digest of the texts they were made of. Beside them lie notes of which texts were found in files
//! with certain stamps, so that those need not be read to be known again.
//!
//! A file is the bundle, then the compiler's mistakes as JSON, then a [`Tail`] with lengths and a checksum. The bundle
//! stands first so that it can be mapped as it is. Files are only ever replaced and unlinked, never written in place: who
//! has one open keeps what it opened.
//!
//! The checksum is CRC-32: it notices damage, from a torn write or a bad disk. It need not stop a forger: who can write
//! here is us, and could as well replace the checksum, or the program.

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, fstat, futimens, openat, renameat,
    statat, unlinkat,
};
use rustix::io::Errno;

use crate::compile::BUNDLE_BYTES_MAX;
use crate::{Compiled, Digest, Mistake};

/// Maximum number of cached bundles: a few sets of rules, each for the versions before and after an upgrade.
const ENTRIES_MAX: usize = 8;
/// Largest list of mistakes kept with a bundle, in bytes.
const NOTES_BYTES_MAX: u64 = 8 << 20;
/// Extension of complete files.
const ENDING: &str = ".bundle";
/// Extension of files that map stamps to contents.
const KNOWN_ENDING: &str = ".is";
/// Maximum number of those files. They are tiny.
const KNOWN_MAX: usize = 64;
/// Prefix of incomplete files.
const UNFINISHED: &str = ".unfinished-";
/// Age in seconds after which an incomplete file is taken for that of a dead process.
const UNFINISHED_SECONDS_MAX: i64 = 3600;
/// Size of the blocks that are read and summed: fits the second-level cache.
const BLOCK_BYTES: usize = 128 << 10;
/// Threads that sum a file: each start waits for it.
const SUMMING_THREADS_MAX: usize = 4;
/// Bytes for which a thread is worth starting.
const SUMMED_BYTES_MIN: u64 = 4 << 20;

/// A private directory of compiled rules.
#[derive(Debug)]
pub struct Cache {
    directory: OwnedFd,
}

/// Why the cache, or something in it, is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The system would not let us.
    #[error("{what} failed: {source}")]
    System {
        /// The operation that failed.
        what: &'static str,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Another user owns the file.
    #[error("{what} belongs to user {owner}, not to this user ({us})")]
    Owner {
        /// The directory or the file.
        what: &'static str,
        /// User id of the owner.
        owner: u32,
        /// User id of this process.
        us: u32,
    },
    /// Others may read or write it.
    #[error("{what} is accessible to other users (mode {mode:o}): run `chmod go=` on it, or remove it")]
    Open {
        /// The directory or the file.
        what: &'static str,
        /// Permissions.
        mode: u32,
    },
    /// A stored file is not what was stored.
    #[error("the cached file is damaged: {0}")]
    Damaged(&'static str),
}

impl CacheError {
    fn of(what: &'static str) -> impl Fn(Errno) -> CacheError {
        move |errno| CacheError::System { what, source: errno.into() }
    }
}

impl Cache {
    /// Directory of a user's cache: `$XDG_CACHE_HOME/stakeout/rules`, or else `~/.cache/stakeout/rules`. `None` if
    /// neither variable is an absolute path.
    pub fn usual_place() -> Option<PathBuf> {
        let absolute = |variable| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
        Some(home.join("stakeout/rules"))
    }

    /// Opens the cache at `path`, and makes it if it is missing.
    ///
    /// # Errors
    ///
    /// [`CacheError`] if the directory cannot be made or opened, or other users may use it.
    pub fn open(path: &Path) -> Result<Self, CacheError> {
        let fail = |source| CacheError::System { what: "creating the directory", source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail)?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory =
            openat(rustix::fs::CWD, path, flags, Mode::empty()).map_err(CacheError::of("opening the directory"))?;
        let stat = fstat(&directory).map_err(CacheError::of("reading the metadata of the directory"))?;
        check_private(&stat, "the directory")?;
        Ok(Cache { directory })
    }

    /// Returns the entry of `digest` after checking it. `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`CacheError`] if the file cannot be read, is damaged, or other users may use it.
    #[expect(clippy::missing_panics_doc, reason = "a checked tail has at most 8 MiB of notes")]
    pub fn get(&self, digest: &Digest) -> Result<Option<Compiled>, CacheError> {
        let Some(file) = self.open_stored(&name_of(digest))? else { return Ok(None) };
        let fail = |source| CacheError::System { what: "reading a cached file", source };
        let tail = Tail::check(&file, digest).map_err(fail)?.map_err(CacheError::Damaged)?;
        let mut notes = vec![0; usize::try_from(tail.notes_bytes).expect("a checked tail has at most 8 MiB of notes")];
        file.read_exact_at(&mut notes, tail.bundle_bytes).map_err(fail)?;
        let (mistakes, withheld) =
            serde_json::from_slice(&notes).map_err(|_| CacheError::Damaged("its list of mistakes is unreadable"))?;
        // So that what is used stays when room is made. Nothing depends on it.
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let _ = futimens(&file, &Timestamps { last_access: now, last_modification: now });
        Ok(Some(Compiled { bundle: file, bundle_bytes: tail.bundle_bytes, mistakes, withheld }))
    }

    /// Returns the digest of the files with these stamps, if it is known.
    ///
    /// # Errors
    ///
    /// [`CacheError`] if the file cannot be opened, is no regular file, or other users may use it.
    pub fn content_of(&self, stamps: &Digest) -> Result<Option<Digest>, CacheError> {
        let Some(file) = self.open_stored(&known_as(stamps))? else { return Ok(None) };
        let mut text = [0; 64];
        // One that is cut short is as good as none: the files are read again.
        let read = file.read_exact_at(&mut text, 0).ok();
        Ok(read.and_then(|()| Digest::read(std::str::from_utf8(&text).ok()?)))
    }

    /// Remembers what files with these stamps say.
    ///
    /// # Errors
    ///
    /// [`CacheError::System`] if the file cannot be written.
    pub fn remember(&self, stamps: &Digest, content: &Digest) -> Result<(), CacheError> {
        self.store(known_as(stamps), |mut file| file.write_all(content.to_string().as_bytes()))
    }

    /// Stores the first `bundle_bytes` bytes of `bundle` under `digest`, durably and at once: a reader finds all of it
    /// or nothing. Then makes room.
    ///
    /// # Errors
    ///
    /// [`CacheError::System`] if the file cannot be written.
    #[expect(clippy::missing_panics_doc, reason = "texts and numbers always serialize")]
    pub fn put(
        &self,
        digest: &Digest,
        bundle: &File,
        bundle_bytes: u64,
        mistakes: &[Mistake],
        withheld: u64,
    ) -> Result<(), CacheError> {
        let notes = serde_json::to_vec(&(mistakes, withheld)).expect("texts and numbers always serialize");
        self.store(name_of(digest), |file| write_whole(file, digest, bundle, bundle_bytes, &notes))
    }

    /// Opens a cached file that only this user can access. `None` if there is none of that name.
    fn open_stored(&self, name: &str) -> Result<Option<File>, CacheError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = match openat(&self.directory, name, flags, Mode::empty()) {
            Ok(fd) => fd.into(),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(CacheError::of("opening a cached file")(errno)),
        };
        let stat = fstat(&file).map_err(CacheError::of("reading the metadata of a cached file"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(CacheError::Damaged("it is not a regular file"));
        }
        check_private(&stat, "a cached file")?;
        Ok(Some(file))
    }

    /// Has `write` fill a new file, which then gets its name at once.
    fn store(&self, name: String, write: impl FnOnce(File) -> io::Result<()>) -> Result<(), CacheError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unfinished = format!("{UNFINISHED}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.directory, &*unfinished, flags, Mode::RUSR | Mode::WUSR)
            .map_err(CacheError::of("creating a file"))?;
        let stored = write(fd.into()).and_then(|()| {
            renameat(&self.directory, &*unfinished, &self.directory, &*name)?;
            // The rename itself: without this a power cut may bring back the state before it, which is as well.
            let _ = rustix::fs::fsync(&self.directory);
            Ok(())
        });
        if stored.is_err() {
            let _ = unlinkat(&self.directory, &*unfinished, AtFlags::empty());
        }
        self.make_room();
        stored.map_err(|source| CacheError::System { what: "writing a file", source })
    }

    /// Unlinks what was not used for longest, and what dead processes left. Failing leaves files, no harm.
    fn make_room(&self) {
        let Ok(list) = Dir::read_from(&self.directory) else { return };
        let (mut stored, mut known) = (Vec::new(), Vec::new());
        let mut youngest = i64::MIN;
        let mut unfinished = Vec::new();
        for item in list.flatten() {
            let Ok(stat) = statat(&self.directory, item.file_name(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
            #[allow(clippy::unnecessary_cast)] // 32 bits on some architectures.
            let used = (stat.st_mtime as i64, i64::try_from(stat.st_mtime_nsec).unwrap_or(i64::MAX));
            let name = item.file_name().to_owned();
            youngest = youngest.max(used.0);
            if name.to_bytes().ends_with(ENDING.as_bytes()) {
                stored.push((used, name));
            } else if name.to_bytes().ends_with(KNOWN_ENDING.as_bytes()) {
                known.push((used, name));
            } else if name.to_bytes().starts_with(UNFINISHED.as_bytes()) {
                unfinished.push((used.0, name));
            }
        }
        stored.sort_by(|a, b| b.cmp(a));
        known.sort_by(|a, b| b.cmp(a));
        // Measured against the youngest file, just written, not against a clock: the file system's may be another.
        let dead = unfinished.into_iter().filter(|(used, _)| youngest - used > UNFINISHED_SECONDS_MAX);
        let old = stored.into_iter().skip(ENTRIES_MAX).map(|(_, name)| name);
        let old = old.chain(known.into_iter().skip(KNOWN_MAX).map(|(_, name)| name));
        for name in old.chain(dead.map(|(_, name)| name)) {
            let _ = unlinkat(&self.directory, &*name, AtFlags::empty());
        }
    }
}

fn known_as(stamps: &Digest) -> String {
    format!("{stamps}{KNOWN_ENDING}")
}

fn name_of(digest: &Digest) -> String {
    format!("{digest}{ENDING}")
}

fn check_private(stat: &Stat, what: &'static str) -> Result<(), CacheError> {
    let us = rustix::process::geteuid().as_raw();
    if stat.st_uid != us {
        return Err(CacheError::Owner { what, owner: stat.st_uid, us });
    }
    let mode = stat.st_mode & 0o7777;
    if mode & 0o077 != 0 { Err(CacheError::Open { what, mode }) } else { Ok(()) }
}

fn write_whole(mut file: File, digest: &Digest, bundle: &File, bundle_bytes: u64, notes: &[u8]) -> io::Result<()> {
    let mut sum = crc32fast::Hasher::new();
    sum.update(digest.as_bytes());
    each_block(bundle, 0, bundle_bytes, |block| {
        sum.update(block);
        file.write_all(block)
    })?;
    let tail = Tail { bundle_bytes, notes_bytes: notes.len() as u64 };
    sum.update(notes);
    sum.update(&tail.lengths());
    file.write_all(notes)?;
    file.write_all(&tail.lengths())?;
    file.write_all(&sum.finalize().to_le_bytes())?;
    file.write_all(Tail::MAGIC)?;
    file.sync_all()
}

/// End of a cached file: two lengths of 8 bytes, the checksum of 4, the magic of 8, little endian.
struct Tail {
    bundle_bytes: u64,
    notes_bytes: u64,
}

impl Tail {
    const MAGIC: &[u8; 8] = b"STKOUT\x00\x01";
    const BYTES: usize = 28;
    const SIZE: u64 = Self::BYTES as u64;

    fn lengths(&self) -> [u8; 16] {
        let mut lengths = [0; 16];
        lengths[..8].copy_from_slice(&self.bundle_bytes.to_le_bytes());
        lengths[8..].copy_from_slice(&self.notes_bytes.to_le_bytes());
        lengths
    }

    /// Reads the whole file and compares it with its end. The inner error says what is wrong with it.
    fn check(file: &File, digest: &Digest) -> io::Result<Result<Self, &'static str>> {
        let size = file.metadata()?.len();
        if !(Self::SIZE..=BUNDLE_BYTES_MAX + NOTES_BYTES_MAX + Self::SIZE).contains(&size) {
            return Ok(Err("its size is impossible"));
        }
        let mut end = [0; Self::BYTES];
        file.read_exact_at(&mut end, size - Self::SIZE)?;
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| end[at + index]));
        let (bundle_bytes, notes_bytes) = (number(0), number(8));
        let sum_said = u32::from_le_bytes(std::array::from_fn(|index| end[16 + index]));
        if &end[20..] != Self::MAGIC {
            return Ok(Err("its end mark is missing"));
        }
        let whole = bundle_bytes.checked_add(notes_bytes).and_then(|bytes| bytes.checked_add(Self::SIZE));
        if whole != Some(size) || notes_bytes > NOTES_BYTES_MAX {
            return Ok(Err("its lengths are inconsistent"));
        }
        let mut sum = crc32fast::Hasher::new();
        sum.update(digest.as_bytes());
        // All but itself and the magic.
        sum.combine(&sum_of(file, size - 12)?);
        if sum.finalize() != sum_said {
            return Ok(Err("its checksum does not match"));
        }
        Ok(Ok(Tail { bundle_bytes, notes_bytes }))
    }
}

/// Sums the first `bytes` bytes of a file, on several processors if they are many.
fn sum_of(file: &File, bytes: u64) -> io::Result<crc32fast::Hasher> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(SUMMING_THREADS_MAX) as u64;
    let share = bytes.div_ceil(threads).max(SUMMED_BYTES_MIN);
    std::thread::scope(|scope| {
        let mut rest = Vec::new();
        let mut from = share;
        while from < bytes {
            let to = bytes.min(from + share);
            rest.push(std::thread::Builder::new().spawn_scoped(scope, move || sum_between(file, from, to))?);
            from = to;
        }
        let mut sum = sum_between(file, 0, bytes.min(share))?;
        for thread in rest {
            sum.combine(&thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(sum)
    })
}

/// Sums the bytes of a file from one offset to another.
fn sum_between(file: &File, from: u64, to: u64) -> io::Result<crc32fast::Hasher> {
    let mut sum = crc32fast::Hasher::new();
    each_block(file, from, to, |block| {
        sum.update(block);
        Ok(())
    })?;
    Ok(sum)
}

/// Hands over the bytes of a file from one offset to another, block by block.
fn each_block(file: &File, from: u64, to: u64, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut at = from;
    while at < to {
        let want = usize::try_from(to - at).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
        file.read_exact_at(&mut block[..want], at)?;
        take(&block[..want])?;
        at += want as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_summed_whole_however_many_threads_share_it() {
        let content: Vec<u8> = (0..251).cycle().take(3 * (4 << 20) + 5).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        for bytes in [0, 1, SUMMED_BYTES_MIN, SUMMED_BYTES_MIN + 1, content.len() as u64] {
            let mut whole = crc32fast::Hasher::new();
            whole.update(&content[..usize::try_from(bytes).unwrap()]);
            assert_eq!(sum_of(&file, bytes).unwrap().finalize(), whole.finalize(), "{bytes}");
        }
        assert_eq!(sum_of(&file, 1 << 30).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
