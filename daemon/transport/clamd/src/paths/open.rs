//! From a path to an open file, one component after the other.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use daemon_peer::Peer;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, fstatfs, openat, statat};
use rustix::io::Errno;

use super::access::{READ, SEARCH, may};
use super::{PathRules, Refused};

/// `FUSE_SUPER_MAGIC`: a file system behind which a process of some user stands, who may let us wait for ever.
const FUSE: u64 = 0x6573_5546;

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum OpenedPath {
    /// A file, and its size.
    File(OwnedFd, u64),
    /// A directory.
    Directory(OwnedFd),
    /// A device, a pipe, a socket.
    Special,
    /// A symbolic link.
    Link,
}

/// Opens the absolute path for a client that may read it.
pub(crate) fn open(path: &[u8], rules: &PathRules, peer: &Peer) -> Result<OpenedPath, Refused> {
    let path = Path::new(OsStr::from_bytes(path));
    if !path.is_absolute() {
        return Err(Refused::path(Errno::NOENT));
    }
    let path = plain(path);
    if !rules.directories.iter().any(|allowed| path.starts_with(plain(allowed))) {
        return Err(Refused::path(Errno::PERM));
    }
    let mut directory = at(CWD, OsStr::new("/"), OFlags::PATH | OFlags::DIRECTORY).map_err(Refused::path)?;
    let mut parts = path.components().filter(|part| *part != Component::RootDir);
    let Some(mut part) = parts.next() else { return below(&directory, OsStr::new("."), peer) };
    loop {
        let about = fstat(&directory).map_err(Refused::path)?;
        if !may(peer, &about, SEARCH) {
            return Err(Refused::path(Errno::ACCESS));
        }
        let Some(next) = parts.next() else { break };
        directory = match at(directory.as_fd(), part.as_os_str(), OFlags::PATH | OFlags::DIRECTORY) {
            Err(Errno::NOTDIR) if is_link(&directory, part.as_os_str()) => return Err(Refused::path(Errno::LOOP)),
            other => other.map_err(Refused::path)?,
        };
        part = next;
    }
    below(&directory, part.as_os_str(), peer)
}

/// Opens what is called `name` in a directory that the client may search.
pub(crate) fn below(directory: &OwnedFd, name: &OsStr, peer: &Peer) -> Result<OpenedPath, Refused> {
    // Looked at first, for only to open a device or a pipe may do something.
    let seen = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(Refused::path)?;
    let (flags, wanted) = match FileType::from_raw_mode(seen.st_mode) {
        FileType::RegularFile => (OFlags::NONBLOCK | OFlags::NOCTTY, READ),
        FileType::Directory => (OFlags::DIRECTORY, READ | SEARCH),
        FileType::Symlink => return Ok(OpenedPath::Link),
        _ => return Ok(OpenedPath::Special),
    };
    if !may(peer, &seen, wanted) {
        return Err(Refused::access());
    }
    let file = at(directory.as_fd(), name, flags).map_err(|errno| match errno {
        Errno::ACCESS => Refused::access(),
        other => Refused::path(other),
    })?;
    let about = fstat(&file).map_err(Refused::path)?;
    if (about.st_dev, about.st_ino) != (seen.st_dev, seen.st_ino) || !may(peer, &about, wanted) {
        return Err(Refused("The file was replaced while it was opened".to_owned()));
    }
    if is_directory(&about) {
        return Ok(OpenedPath::Directory(file));
    }
    let size = regular_size(&about)?;
    waits_for_nobody(&file)?;
    Ok(OpenedPath::File(file, size))
}

/// The size of a file that a client passed, if it is a regular one that can be read without waiting for some user.
pub(crate) fn regular(file: &OwnedFd) -> Result<u64, Refused> {
    let about = fstat(file).map_err(Refused::path)?;
    let size = regular_size(&about)?;
    waits_for_nobody(file).map(|()| size)
}

fn regular_size(about: &Stat) -> Result<u64, Refused> {
    match FileType::from_raw_mode(about.st_mode) {
        FileType::RegularFile => Ok(u64::try_from(about.st_size).unwrap_or(0)),
        _ => Err(Refused("Not a regular file".to_owned())),
    }
}

/// Refuses a file in a file system of FUSE.
fn waits_for_nobody(file: &OwnedFd) -> Result<(), Refused> {
    let about = fstatfs(file).map_err(Refused::path)?;
    match u64::try_from(about.f_type) {
        Ok(FUSE) => Err(Refused("File system not supported, send the file instead".to_owned())),
        _ => Ok(()),
    }
}

fn is_directory(about: &Stat) -> bool {
    FileType::from_raw_mode(about.st_mode) == FileType::Directory
}

fn is_link(directory: &OwnedFd, name: &OsStr) -> bool {
    let seen = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    seen.is_ok_and(|seen| FileType::from_raw_mode(seen.st_mode) == FileType::Symlink)
}

fn at(directory: impl AsFd, name: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    openat(directory, name, flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// The path without `.` and `..`. Links are not followed, so this is the same place.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => {
                plain.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn stranger() -> Peer {
        Peer::new(54_321, 54_321, 1, Some(Vec::new()))
    }

    fn us() -> Peer {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        Peer::new(uid.as_raw(), gid.as_raw(), 1, Some(Vec::new()))
    }

    struct ServedFolders {
        base: tempfile::TempDir,
        rules: PathRules,
    }

    impl ServedFolders {
        fn new() -> ServedFolders {
            let base = tempfile::tempdir().unwrap();
            // Else only its owner gets in.
            fs::set_permissions(base.path(), fs::Permissions::from_mode(0o755)).unwrap();
            for directory in ["in/sub", "out", "in/private"] {
                fs::create_dir_all(base.path().join(directory)).unwrap();
            }
            for file in ["in/a", "in/sub/b", "out/secret", "in/private/c", "in/mine"] {
                fs::write(base.path().join(file), file).unwrap();
            }
            let private = |path: &str, mode| {
                fs::set_permissions(base.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
            };
            private("in/private", 0o700);
            private("in/mine", 0o600);
            symlink("a", base.path().join("in/link")).unwrap();
            symlink("sub", base.path().join("in/linked")).unwrap();
            symlink("../out", base.path().join("in/away")).unwrap();
            let rules = PathRules { directories: vec![base.path().join("in")], ..PathRules::default() };
            ServedFolders { base, rules }
        }

        fn open(&self, path: &str, peer: &Peer) -> Result<OpenedPath, String> {
            let path = self.base.path().join(path);
            open(path.as_os_str().as_bytes(), &self.rules, peer).map_err(|refused| refused.0)
        }
    }

    const NOT_ALLOWED: &str = "File path check failure: Operation not permitted.";

    #[test]
    fn files_below_what_is_allowed_are_opened() {
        let tree = ServedFolders::new();
        for path in ["in/a", "in/./a", "in//a", "in/sub/../a", "out/../in/a"] {
            assert!(matches!(tree.open(path, &stranger()), Ok(OpenedPath::File(_, 4))), "{path}");
        }
        for path in ["in", "in/", "in/sub"] {
            assert!(matches!(tree.open(path, &stranger()), Ok(OpenedPath::Directory(_))), "{path}");
        }
    }

    #[test]
    fn nothing_else_is_opened() {
        let tree = ServedFolders::new();
        for path in ["out/secret", "out", "in/../out/secret", "", "inn", "/", "/etc/shadow", "/nowhere"] {
            assert_eq!(tree.open(path, &us()).err().as_deref(), Some(NOT_ALLOWED), "{path}");
        }
        let failure = |path: &str| tree.open(path, &us()).err().unwrap_or_default();
        assert_eq!(failure("in/none"), "File path check failure: No such file or directory.");
        assert_eq!(failure("in/a/x"), "File path check failure: Not a directory.");
        assert_eq!(failure("in/linked/b"), "File path check failure: Too many levels of symbolic links.");
        assert_eq!(failure("in/away/secret"), "File path check failure: Too many levels of symbolic links.");
        assert!(matches!(tree.open("in/link", &us()), Ok(OpenedPath::Link)));
        let none = PathRules::default();
        assert_eq!(open(b"/etc/passwd", &none, &us()).err().map(|refused| refused.0).as_deref(), Some(NOT_ALLOWED));
        assert!(open(b"etc/passwd", &tree.rules, &us()).is_err() && open(b"", &tree.rules, &us()).is_err());
    }

    #[test]
    fn a_client_reads_what_its_user_may_read() {
        let tree = ServedFolders::new();
        assert!(tree.open("in/mine", &us()).is_ok() && tree.open("in/private/c", &us()).is_ok());
        assert_eq!(tree.open("in/mine", &stranger()).err().as_deref(), Some("Access denied."));
        assert_eq!(tree.open("in/private", &stranger()).err().as_deref(), Some("Access denied."));
        // Not even whether a file is there.
        for path in ["in/private/c", "in/private/none"] {
            let told = tree.open(path, &stranger()).err();
            assert_eq!(told.as_deref(), Some("File path check failure: Permission denied."), "{path}");
        }
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let tree = ServedFolders::new();
        let pipe = tree.base.path().join("in/pipe");
        rustix::fs::mkfifoat(CWD, &pipe, Mode::from_raw_mode(0o644)).unwrap();
        assert!(matches!(tree.open("in/pipe", &us()), Ok(OpenedPath::Special)));
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        assert_eq!(regular(&reader).err().map(|refused| refused.0).as_deref(), Some("Not a regular file"));
    }
}
