//! All files below a directory, in the order of their names, one at a time.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use daemon_peer::Peer;
use rustix::fs::Dir;

use super::open::below;
use super::{OpenedPath, Refused};

/// Most names in one directory.
const NAMES_MAX: usize = 200_000;

/// Walks through directories.
#[derive(Debug)]
pub(crate) struct PathWalk {
    peer: Peer,
    depth_max: usize,
    /// The directories on the way down, with what of each is left.
    down: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    directory: OwnedFd,
    /// The directory's path as the client wrote it.
    path: Vec<u8>,
    names: VecDeque<OsString>,
}

/// What a walk comes upon.
#[derive(Debug)]
pub(crate) enum PathItem {
    /// A file that is not empty.
    File { path: Vec<u8>, file: OwnedFd },
    /// An empty file.
    Empty,
    /// What cannot be scanned.
    Refused { path: Vec<u8>, why: Refused },
}

impl PathWalk {
    /// Begins at an open directory.
    pub(crate) fn begin(directory: OwnedFd, path: &[u8], peer: Peer, depth_max: usize) -> Result<PathWalk, Refused> {
        let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
        let mut walk = PathWalk { peer, depth_max, down: Vec::new() };
        walk.enter(directory, path[..end].to_owned())?;
        Ok(walk)
    }

    fn enter(&mut self, directory: OwnedFd, path: Vec<u8>) -> Result<(), Refused> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&directory).map_err(Refused::path)? {
            let entry = entry.map_err(Refused::path)?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            if names.len() >= NAMES_MAX {
                return Err(Refused("Too many files in one directory".to_owned()));
            }
            names.push(OsString::from_vec(name.to_owned()));
        }
        names.sort_unstable();
        self.down.push(Level { directory, path, names: names.into() });
        Ok(())
    }

    /// The next file; `None` at the end. Symbolic links and what is no file are passed over, as clamd does.
    pub(crate) fn next(&mut self) -> Option<PathItem> {
        loop {
            let level = self.down.last_mut()?;
            let Some(name) = level.names.pop_front() else {
                self.down.pop();
                continue;
            };
            let path = [&level.path[..], b"/", name.as_bytes()].concat();
            let why = match below(&level.directory, &name, &self.peer) {
                Ok(OpenedPath::File(_, 0)) => return Some(PathItem::Empty),
                Ok(OpenedPath::File(file, _)) => return Some(PathItem::File { path, file }),
                Ok(OpenedPath::Special | OpenedPath::Link) => continue,
                Ok(OpenedPath::Directory(_)) if self.down.len() > self.depth_max => {
                    Refused("Directory recursion limit reached".to_owned())
                }
                Ok(OpenedPath::Directory(directory)) => match self.enter(directory, path.clone()) {
                    Ok(()) => continue,
                    Err(why) => why,
                },
                Err(why) => why,
            };
            return Some(PathItem::Refused { path, why });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_come_in_order_and_only_once_whatever_links_there_are() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir_all(base.path().join("b/c")).unwrap();
        for (file, text) in [("a", "a"), ("b/c/d", "d"), ("b/z", "z"), ("empty", "")] {
            fs::write(base.path().join(file), text).unwrap();
        }
        symlink("..", base.path().join("b/up")).unwrap();
        symlink("a", base.path().join("aa")).unwrap();
        let us = Peer::new(0, 0, 1, None);
        let walked = |depth_max| {
            let directory: OwnedFd = fs::File::open(base.path()).unwrap().into();
            let mut walk = PathWalk::begin(directory, b"/here/", us.clone(), depth_max).unwrap();
            let mut seen = Vec::new();
            while let Some(item) = walk.next() {
                seen.push(match item {
                    PathItem::File { path, .. } => String::from_utf8(path).unwrap(),
                    PathItem::Empty => "empty".to_owned(),
                    PathItem::Refused { path, why } => format!("{}: {}", String::from_utf8_lossy(&path), why.0),
                });
            }
            seen
        };
        assert_eq!(walked(15), ["/here/a", "/here/b/c/d", "/here/b/z", "empty"]);
        let cut = ["/here/a", "/here/b/c: Directory recursion limit reached", "/here/b/z", "empty"];
        assert_eq!(walked(1), cut);
    }
}
