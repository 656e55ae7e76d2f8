//! A file found by a walk: not yet opened, and cheap to hand around.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use daemon_artifact::OpenError;
use rustix::fs::{CWD, Mode, OFlags, openat};

/// Read only. Never wait for the other end of a FIFO, never become a terminal's owner, never leak to a child.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// An open directory that entries are relative to, or the current one.
#[derive(Debug)]
pub(crate) struct Dir {
    /// `None` for the current directory, which named paths are relative to.
    pub(crate) fd: Option<OwnedFd>,
    /// Path for the caller; empty for the current directory.
    pub(crate) path: PathBuf,
    /// Depth below the named path; 0 for a named path.
    pub(crate) depth: u32,
    /// `st_dev`; `None` where there is nothing to compare with: above a named path.
    pub(crate) device: Option<u64>,
}

impl Dir {
    pub(crate) fn current() -> Dir {
        Dir { fd: None, path: PathBuf::new(), depth: 0, device: None }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_ref().map_or(CWD, |fd| fd.as_fd())
    }

    pub(crate) fn open_below(&self, name: &CStr, follow: bool) -> Result<OwnedFd, OpenError> {
        Ok(openat(self.fd(), name, flags(follow) | OFlags::DIRECTORY, Mode::empty())?)
    }
}

fn flags(follow: bool) -> OFlags {
    if follow { FLAGS } else { FLAGS | OFlags::NOFOLLOW }
}

/// A file that a walk has come upon, lent for one call.
#[derive(Clone, Copy, Debug)]
pub struct EntryRef<'w> {
    pub(crate) dir: &'w Arc<Dir>,
    pub(crate) name: &'w CStr,
    pub(crate) follow: bool,
}

/// A file that a walk has come upon, to keep or to send to another thread. Keeps its directory open.
#[derive(Clone, Debug)]
pub struct Entry {
    dir: Arc<Dir>,
    name: CString,
    follow: bool,
}

impl EntryRef<'_> {
    /// Opens the file for reading, relative to its directory. A symbolic link that took the file's place
    /// meanwhile is not followed, and a FIFO that did is opened but not waited for; `daemon_artifact::load` refuses it.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the file is gone, is a symbolic link now, or may not be read.
    pub fn open(&self) -> Result<OwnedFd, OpenError> {
        Ok(openat(self.dir.fd(), self.name, flags(self.follow), Mode::empty())?)
    }

    /// The flags it is opened with, for who opens it by other means.
    pub(crate) fn flags(&self) -> i32 {
        // Every flag is below 2^31: the kernel takes an `int`.
        flags(self.follow).bits().cast_signed()
    }

    /// The path by which a person finds the file: a named path, or one below it. Built on demand.
    pub fn path(&self) -> PathBuf {
        self.dir.path.join(OsStr::from_bytes(self.name.to_bytes()))
    }

    /// Like [`EntryRef::path`], but into a reused buffer.
    pub fn path_into(&self, path: &mut PathBuf) {
        path.as_mut_os_string().clear();
        path.as_mut_os_string().push(&self.dir.path);
        path.push(OsStr::from_bytes(self.name.to_bytes()));
    }

    /// The name in its directory; for a named file the whole path.
    pub fn name(&self) -> &OsStr {
        OsStr::from_bytes(self.name.to_bytes())
    }

    /// An entry that outlives the walk's call.
    pub fn to_owned(&self) -> Entry {
        Entry { dir: Arc::clone(self.dir), name: self.name.to_owned(), follow: self.follow }
    }
}

impl Entry {
    /// A file that was named rather than found: by a list, or by a person. Symbolic links are followed.
    /// `None` if the path contains a NUL, which no file's path can.
    pub fn named(path: &Path) -> Option<Entry> {
        let name = CString::new(path.as_os_str().as_bytes()).ok()?;
        Some(Entry { dir: Arc::new(Dir::current()), name, follow: true })
    }

    /// Lends it, to open it or to build its path.
    pub fn borrow(&self) -> EntryRef<'_> {
        EntryRef { dir: &self.dir, name: &self.name, follow: self.follow }
    }

    /// See [`EntryRef::open`].
    ///
    /// # Errors
    ///
    /// As [`EntryRef::open`].
    pub fn open(&self) -> Result<OwnedFd, OpenError> {
        self.borrow().open()
    }

    /// See [`EntryRef::path`].
    pub fn path(&self) -> PathBuf {
        self.borrow().path()
    }
}
