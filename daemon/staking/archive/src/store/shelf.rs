//! The files of the store.
//!
//! An artifact is at `aa/bbbb…`, its SHA-256 in lower-case hexadecimal. Nothing is ever seen half-written: a file gets
//! its name when it is whole, and until then has none, so that a crash leaves nothing behind. Everything is opened
//! relative to a directory's descriptor and never through a link; what has a name of another form is not ours, and is
//! neither counted nor touched.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daemon_artifact::Sha256Digest;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, copy_file_range, fchmod, fstat,
    futimens, linkat, mkdirat, openat, statat, unlinkat, utimensat,
};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::StoreError;
use crate::permissions;

/// How much is copied or hashed at once.
const BLOCK_BYTES: usize = 128 << 10;
/// The mode of what is kept: nobody writes it, not even we.
const MODE: Mode = Mode::RUSR;

/// The kept artifacts, to be read.
#[derive(Debug)]
pub struct Shelf {
    directory: OwnedFd,
    device: u64,
    path: PathBuf,
    /// Whether it is somebody else's, and nothing is changed.
    visiting: bool,
}

/// What became of an artifact that was to be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kept {
    /// It is here now.
    Fresh,
    /// It was here, and counts as new again.
    Known,
}

/// One kept artifact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Volume {
    /// When it was last kept, since 1970.
    pub(super) kept: Duration,
    pub(super) size: u64,
    pub(super) sha256: Sha256Digest,
}

impl Shelf {
    /// Opens the store's directory, and makes it if it is missing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the directory cannot be made or used, or other users may use it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let directory = permissions::directory(path)?;
        let device = fstat(&directory).map_err(|errno| StoreError::of("looking at", path, errno))?.st_dev;
        Ok(Shelf { directory, device, path: path.into(), visiting: false })
    }

    /// Opens the store's directory to read, while whoever keeps it may be using it: changes nothing. `None` where there is
    /// none.
    ///
    /// # Errors
    ///
    /// [`StoreError::System`] if the directory is there and cannot be opened.
    pub fn visit(path: &Path) -> Result<Option<Self>, StoreError> {
        let fail = |errno| StoreError::of("opening", path, errno);
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = match openat(CWD, path, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(fail(errno)),
        };
        let device = fstat(&directory).map_err(fail)?.st_dev;
        Ok(Some(Shelf { directory, device, path: path.into(), visiting: true }))
    }

    /// The artifact of that digest, if it is kept: whole, checked, and read from its start.
    ///
    /// What is not what it should be is removed, and is an error. Who only [visits](Shelf::visit) leaves it there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the file is not the artifact, [`StoreError::System`] if it cannot be read.
    pub fn get(&self, sha256: &Sha256Digest) -> Result<Option<File>, StoreError> {
        let name = name_of(sha256);
        let fail = |errno| StoreError::of("reading", self.path.join(&name), errno);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = self.drawer(&name).and_then(|drawer| {
            let file = openat(&drawer, &name[3..], flags, Mode::empty())?;
            Ok((drawer, file))
        });
        let (drawer, fd) = match opened {
            Ok(opened) => opened,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(fail(errno)),
        };
        if !is_file(&fstat(&fd).map_err(fail)?) {
            return Err(StoreError::Damaged { path: self.path.join(&name) });
        }
        let mut file = File::from(fd);
        let found = digest(&mut file).and_then(|found| file.rewind().map(|()| found));
        let found =
            found.map_err(|source| StoreError::System { what: "reading", path: self.path.join(&name), source })?;
        if found == *sha256 {
            return Ok(Some(file));
        }
        if !self.visiting {
            unlinkat(&drawer, &name[3..], AtFlags::empty()).map_err(fail)?;
        }
        Err(StoreError::Damaged { path: self.path.join(&name) })
    }

    /// Whether files can be made here that have no name.
    pub(super) fn check_nameless(&self) -> Result<(), StoreError> {
        self.nameless(&self.directory).map(drop).map_err(|errno| match errno {
            Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL => {
                StoreError::Unsupported { path: self.path.clone() }
            }
            other => StoreError::of("making a file in", &self.path, other),
        })
    }

    /// Keeps the `size` bytes of `fd`, whose digest is known to be that.
    pub(super) fn keep(&self, fd: &OwnedFd, sha256: &Sha256Digest, size: u64) -> Result<Kept, Errno> {
        let name = name_of(sha256);
        match mkdirat(&self.directory, &name[..2], Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        let drawer = self.drawer(&name)?;
        let name = &name[3..];
        match statat(&drawer, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) if is_file(&there) && there.st_size.unsigned_abs() == size => {
                utimensat(&drawer, name, &now(), AtFlags::SYMLINK_NOFOLLOW)?;
                return Ok(Kept::Known);
            }
            // A power cut can leave a name and not all of the bytes.
            Ok(there) if is_file(&there) => unlinkat(&drawer, name, AtFlags::empty())?,
            Ok(_) => return Err(Errno::EXIST),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        let stat = fstat(fd)?;
        if !is_file(&stat) || stat.st_size.unsigned_abs() != size {
            return Err(Errno::INVAL);
        }
        // A file of this file system without a name only needs one. It gets none if it was opened to stay without.
        if stat.st_nlink == 0 && stat.st_dev == self.device {
            fchmod(fd, MODE)?;
            futimens(fd, &now())?;
            match name_it(fd, &drawer, name) {
                Err(Errno::NOENT | Errno::XDEV | Errno::PERM) => {}
                done => return done,
            }
        }
        let copy = self.nameless(&drawer)?;
        copy_whole(fd, &copy, size)?;
        name_it(&copy, &drawer, name)
    }

    /// All that is kept.
    pub(super) fn volumes(&self) -> Result<Vec<Volume>, Errno> {
        let mut volumes = Vec::new();
        for item in Dir::read_from(&self.directory)? {
            let item = item?;
            let Some(first) = hex::<1>(item.file_name()) else { continue };
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            // Not a directory, or gone by now.
            let Ok(drawer) = openat(&self.directory, item.file_name(), flags, Mode::empty()) else { continue };
            for item in Dir::read_from(&drawer)? {
                let item = item?;
                let Some(rest) = hex::<31>(item.file_name()) else { continue };
                let Ok(stat) = statat(&drawer, item.file_name(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
                if !is_file(&stat) {
                    continue;
                }
                let mut sha256 = [0; 32];
                sha256[..1].copy_from_slice(&first);
                sha256[1..].copy_from_slice(&rest);
                #[allow(clippy::unnecessary_cast)] // 32 bits on some architectures.
                let seconds = (stat.st_mtime as i64).max(0).unsigned_abs();
                let kept = Duration::new(seconds, u32::try_from(stat.st_mtime_nsec).unwrap_or(0));
                volumes.push(Volume { kept, size: stat.st_size.unsigned_abs(), sha256: Sha256Digest(sha256) });
            }
        }
        Ok(volumes)
    }

    /// Forgets an artifact. Who has it open keeps it.
    pub(super) fn remove(&self, sha256: &Sha256Digest) -> Result<(), Errno> {
        let name = name_of(sha256);
        match self.drawer(&name).and_then(|drawer| unlinkat(drawer, &name[3..], AtFlags::empty())) {
            Err(Errno::NOENT) => Ok(()),
            other => other,
        }
    }

    /// The directory for names that begin like this one.
    fn drawer(&self, name: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.directory, &name[..2], flags, Mode::empty())
    }

    fn nameless(&self, directory: &OwnedFd) -> Result<OwnedFd, Errno> {
        openat(directory, ".", OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, MODE)
    }
}

/// `aa/bbbb…`: two digits, a slash, sixty-two digits.
fn name_of(sha256: &Sha256Digest) -> String {
    let mut name = sha256.to_string();
    name.insert(2, '/');
    name
}

/// The bytes that lower-case hexadecimal digits stand for, if it is exactly those and so many.
fn hex<const N: usize>(name: &CStr) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let decoded = base16ct::lower::decode(name.to_bytes(), &mut bytes).ok()?;
    (decoded.len() == N).then_some(bytes)
}

fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

fn now() -> Timestamps {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    Timestamps { last_access: now, last_modification: now }
}

/// How long ago 1970 began, by the clock that file times are of.
pub(super) fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Gives a nameless file a name.
fn name_it(fd: &OwnedFd, drawer: &OwnedFd, name: &str) -> Result<Kept, Errno> {
    // To link a descriptor itself takes a capability; to link what /proc calls it takes none.
    let nameless = format!("/proc/self/fd/{}", fd.as_raw_fd());
    match linkat(CWD, nameless, drawer, name, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => Ok(Kept::Fresh),
        Err(Errno::EXIST) => Ok(Kept::Known),
        Err(errno) => Err(errno),
    }
}

/// Copies all of a file, wherever it is read at.
fn copy_whole(from: &OwnedFd, to: &OwnedFd, size: u64) -> Result<(), Errno> {
    let (mut read, mut written) = (0, 0);
    while written < size {
        let rest = usize::try_from(size - written).unwrap_or(usize::MAX).min(16 << 20);
        match copy_file_range(from, Some(&mut read), to, Some(&mut written), rest) {
            // Some file systems say so when they cannot.
            Ok(0) | Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                return copy_by_hand(from, to, written, size);
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Copies from `at` on.
fn copy_by_hand(from: impl AsFd, to: &OwnedFd, mut at: u64, size: u64) -> Result<(), Errno> {
    let errno = |error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    let open = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from).map_err(errno);
    let (from, to) = (open(from.as_fd())?, open(to.as_fd())?);
    let mut block = vec![0; BLOCK_BYTES];
    while at < size {
        let read = match from.read_at(&mut block, at) {
            Ok(0) => return Err(Errno::INVAL),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(errno(error)),
        };
        let read = read.min(usize::try_from(size - at).unwrap_or(usize::MAX));
        to.write_all_at(block.get(..read).unwrap_or_default(), at).map_err(errno)?;
        at += read as u64;
    }
    Ok(())
}

fn digest(file: &mut File) -> io::Result<Sha256Digest> {
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(Sha256Digest(hash.finalize().into())),
            Ok(read) => hash.update(block.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
