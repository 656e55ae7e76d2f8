//! Finds the files below some paths.
//!
//! Per directory: open, `fstat`, getdents until empty, close. Per file: nothing, because the type comes with the name,
//! or `fstat` if the file system does not give it. One buffer serves all directories: each is read to its end before
//! its subdirectories, which wait on an explicit stack (no recursion). Files are in the order of the file system.
//!
//! Memory is bounded for any tree (except for the set of visited directories, if all links are followed): a directory
//! with very many subdirectories is read in parts.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use daemon_artifact::{NotRegular, OpenError, is_pseudo};
use rustix::fs::{AtFlags, CWD, FileType, RawDir, fstat, statat};
use rustix::io::Errno;

use crate::entry::{Dir, EntryRef};
use crate::policy::{Policy, Symlinks};
use crate::summary::WalkSummary;

/// Names of one getdents call: about 2,000 of them. Larger measured no better.
const BUFFER_BYTES: usize = 64 << 10;
/// Maximum number of waiting subdirectories of one directory before more of it is read.
const WAITING_MAX: usize = 1024;

/// Gives every file below `paths` to `each`, as [`Policy`] has it, until `each` breaks. A path that is a file is
/// given itself. Never fails: what could not be read is in the summary.
pub fn walk<P: AsRef<Path>>(
    paths: impl IntoIterator<Item = P>,
    policy: &Policy,
    each: &mut impl FnMut(EntryRef<'_>) -> ControlFlow<()>,
) -> WalkSummary {
    let mut walk = Walk {
        policy,
        each,
        summary: WalkSummary::default(),
        waiting: Vec::new(),
        entered: HashSet::new(),
        buffer: vec![MaybeUninit::uninit(); BUFFER_BYTES],
    };
    let current = Arc::new(Dir::current());
    for path in paths {
        if walk.below(path.as_ref(), &current).is_break() {
            walk.summary.stopped = true;
            break;
        }
    }
    walk.summary
}

struct Walk<'p, F> {
    policy: &'p Policy,
    each: &'p mut F,
    summary: WalkSummary,
    waiting: Vec<WaitingDirectory>,
    /// `(st_dev, st_ino)` of the directories entered. Only kept while links are followed: nothing else leads back.
    entered: HashSet<(u64, u64)>,
    buffer: Vec<MaybeUninit<u8>>,
}

enum WaitingDirectory {
    /// A directory to open.
    Below { parent: Arc<Dir>, name: CString, follow: bool },
    /// A directory of which there is more to read.
    Rest(Arc<Dir>),
}

impl<F: FnMut(EntryRef<'_>) -> ControlFlow<()>> Walk<'_, F> {
    /// The story of one named path.
    fn below(&mut self, path: &Path, current: &Arc<Dir>) -> ControlFlow<()> {
        let follow = self.policy.symlinks != Symlinks::Never;
        let Ok(name) = CString::new(path.as_os_str().as_bytes()) else {
            self.unreadable(|| path.to_owned(), OpenError::from(Errno::INVAL));
            return ControlFlow::Continue(());
        };
        match statat(CWD, &name, if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW }) {
            Err(errno) => self.unreadable(|| path.to_owned(), errno.into()),
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => self.file(current, &name, follow)?,
                FileType::Directory => {
                    self.waiting.push(WaitingDirectory::Below { parent: Arc::clone(current), name, follow });
                }
                FileType::Symlink => self.summary.symlinks_skipped += 1,
                other => {
                    self.special(other);
                    let kind = NotRegular::of(other).unwrap_or(NotRegular::Other);
                    self.unreadable(|| path.to_owned(), OpenError::NotRegular(kind));
                }
            },
        }
        while let Some(waiting) = self.waiting.pop() {
            let dir = match waiting {
                WaitingDirectory::Below { parent, name, follow } => self.enter(&parent, &name, follow),
                WaitingDirectory::Rest(dir) => Some(dir),
            };
            if let Some(dir) = dir {
                self.read(&dir)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Opens a directory, unless policy or its absence forbids.
    fn enter(&mut self, parent: &Arc<Dir>, name: &CStr, follow: bool) -> Option<Arc<Dir>> {
        let is_named = parent.fd.is_none();
        let path = || parent.path.join(PathBuf::from(std::ffi::OsString::from_vec(name.to_bytes().to_vec())));
        let opened = parent.open_below(name, follow).and_then(|fd| Ok((fstat(&fd)?, fd)));
        let (stat, fd) = match opened {
            Ok(opened) => opened,
            // Found a moment ago: somebody removed it or put something else there.
            Err(OpenError::Vanished | OpenError::Symlink) if !is_named => {
                self.summary.vanished += 1;
                return None;
            }
            Err(why) => {
                self.unreadable(path, why);
                return None;
            }
        };
        if parent.device.is_some_and(|device| device != stat.st_dev) {
            if self.policy.one_file_system {
                self.summary.other_file_systems += 1;
                return None;
            }
            if !self.policy.pseudo_file_systems && is_pseudo(&fd).unwrap_or(false) {
                self.summary.pseudo_file_systems += 1;
                return None;
            }
        }
        if self.policy.symlinks == Symlinks::All && !self.entered.insert((stat.st_dev, stat.st_ino)) {
            self.summary.visited_again += 1;
            return None;
        }
        self.summary.directories += 1;
        let depth = if is_named { 0 } else { parent.depth + 1 };
        Some(Arc::new(Dir { fd: Some(fd), path: path(), depth, device: Some(stat.st_dev) }))
    }

    /// Gives the files of a directory and puts its subdirectories on the stack.
    fn read(&mut self, dir: &Arc<Dir>) -> ControlFlow<()> {
        let floor = self.waiting.len();
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut entries = RawDir::new(dir.fd(), &mut buffer);
        let flow = loop {
            if entries.is_buffer_empty() && self.waiting.len() - floor > WAITING_MAX {
                // Below those that wait, so that they are through before more come.
                self.waiting.insert(floor, WaitingDirectory::Rest(Arc::clone(dir)));
                break ControlFlow::Continue(());
            }
            match entries.next() {
                None => break ControlFlow::Continue(()),
                Some(Ok(entry)) => {
                    let flow = self.found(dir, entry.file_name(), entry.file_type());
                    if flow.is_break() {
                        break flow;
                    }
                }
                // Removed while it was read: POSIX lets what is left be empty.
                Some(Err(Errno::NOENT)) => break ControlFlow::Continue(()),
                Some(Err(Errno::INTR)) => {}
                Some(Err(errno)) => {
                    self.unreadable(|| dir.path.clone(), errno.into());
                    break ControlFlow::Continue(());
                }
            }
        };
        self.buffer = buffer;
        flow
    }

    /// Decides what becomes of one name.
    fn found(&mut self, dir: &Arc<Dir>, name: &CStr, kind: FileType) -> ControlFlow<()> {
        match kind {
            FileType::RegularFile => return self.file(dir, name, false),
            FileType::Directory => self.directory(dir, name, false),
            FileType::Symlink if self.policy.symlinks == Symlinks::All => return self.linked(dir, name),
            FileType::Symlink => self.summary.symlinks_skipped += 1,
            FileType::Unknown => match statat(dir.fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                    FileType::Unknown => self.special(FileType::Unknown),
                    known => return self.found(dir, name, known),
                },
                Err(errno) => self.missing(dir, name, errno),
            },
            FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice => {
                self.special(kind);
            }
        }
        ControlFlow::Continue(())
    }

    fn file(&mut self, dir: &Arc<Dir>, name: &CStr, follow: bool) -> ControlFlow<()> {
        self.summary.files += 1;
        (self.each)(EntryRef { dir, name, follow })
    }

    fn directory(&mut self, dir: &Arc<Dir>, name: &CStr, follow: bool) {
        if matches!(name.to_bytes(), b"." | b"..") {
            return;
        }
        if dir.depth >= self.policy.depth_max {
            self.summary.too_deep += 1;
            return;
        }
        self.waiting.push(WaitingDirectory::Below { parent: Arc::clone(dir), name: name.to_owned(), follow });
    }

    /// A link, when all are followed: what it leads to is what it is.
    fn linked(&mut self, dir: &Arc<Dir>, name: &CStr) -> ControlFlow<()> {
        match statat(dir.fd(), name, AtFlags::empty()) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => return self.file(dir, name, true),
                FileType::Directory => self.directory(dir, name, true),
                other => self.special(other),
            },
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => self.summary.symlinks_dangling += 1,
            Err(errno) => self.missing(dir, name, errno),
        }
        ControlFlow::Continue(())
    }

    fn special(&mut self, kind: FileType) {
        match kind {
            FileType::Fifo => self.summary.specials.fifos += 1,
            FileType::Socket => self.summary.specials.sockets += 1,
            FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown
            | FileType::RegularFile
            | FileType::Directory
            | FileType::Symlink => self.summary.specials.devices += 1,
        }
    }

    fn missing(&mut self, dir: &Arc<Dir>, name: &CStr, errno: Errno) {
        match OpenError::from(errno) {
            OpenError::Vanished => self.summary.vanished += 1,
            why => self.unreadable(|| EntryRef { dir, name, follow: false }.path(), why),
        }
    }

    fn unreadable(&mut self, path: impl FnOnce() -> PathBuf, why: OpenError) {
        self.summary.unreadable.note(path, why, self.policy.named_max);
    }
}
