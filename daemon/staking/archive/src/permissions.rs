//! Directories and files that are ours alone.
//!
//! Stakes and reports are nobody else's business, and who can write here can forge answers. So what is open to others
//! is refused, not repaired: somebody may have been there already.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use daemon_journal::JournalError;
use rustix::fs::{FileType, Mode, OFlags, fstat, openat};

/// Why a directory or a file is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateError {
    /// The system would not let us.
    #[error("{what} {} failed", path.display())]
    System {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Somebody else owns it.
    #[error("{} belongs to user {owner}, not to us ({us}): run as its owner", path.display())]
    Owner {
        /// The directory or the file.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// Others may read or write it.
    #[error("{} may be used by others (mode {mode:o}): take that away with chmod go=", path.display())]
    Open {
        /// The directory or the file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is a device, a pipe or the like.
    #[error("{} is not a regular file: move it away", path.display())]
    NotAFile {
        /// What it is called.
        path: PathBuf,
    },
}

impl From<PrivateError> for JournalError {
    fn from(error: PrivateError) -> Self {
        JournalError::Private(Arc::new(error))
    }
}

/// Opens the directory at `path`, and makes it (mode 0700) if it is missing.
pub(crate) fn directory(path: &Path) -> Result<OwnedFd, PrivateError> {
    let fail = |what| move |source| PrivateError::System { what, path: path.into(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail("making"))?;
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = openat(rustix::fs::CWD, path, flags, Mode::empty()).map_err(|errno| fail("opening")(errno.into()))?;
    check(&fd, path)?;
    Ok(fd)
}

/// Opens the regular file `name` of a directory for reading and writing, and makes it (mode 0600) if it is missing.
/// `path` is for messages.
pub(crate) fn file(directory: impl AsFd, name: &str, path: &Path) -> Result<File, PrivateError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = openat(directory, name, flags, Mode::RUSR | Mode::WUSR).map_err(|errno| PrivateError::System {
        what: "opening",
        path: path.into(),
        source: errno.into(),
    })?;
    let mode = check(&fd, path)?;
    if FileType::from_raw_mode(mode) != FileType::RegularFile {
        return Err(PrivateError::NotAFile { path: path.into() });
    }
    Ok(fd.into())
}

/// Its raw mode, if it is ours and nobody else may use it.
fn check(fd: impl AsFd, path: &Path) -> Result<u32, PrivateError> {
    let stat = fstat(fd).map_err(|errno| PrivateError::System {
        what: "looking at",
        path: path.into(),
        source: errno.into(),
    })?;
    let us = rustix::process::geteuid().as_raw();
    if stat.st_uid != us {
        return Err(PrivateError::Owner { path: path.into(), owner: stat.st_uid, us });
    }
    let mode = stat.st_mode & 0o7777;
    if mode & 0o077 != 0 {
        return Err(PrivateError::Open { path: path.into(), mode });
    }
    Ok(stat.st_mode)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_others_may_use_is_refused_and_left_as_it_is() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        directory(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o700);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
        assert!(matches!(directory(&path), Err(PrivateError::Open { mode: 0o750, .. })));
    }

    #[test]
    fn what_belongs_to_another_user_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let us = rustix::process::geteuid().as_raw();
        let theirs = us + 1;
        let give = |path: &Path| rustix::fs::chown(path, rustix::fs::Uid::from_raw(theirs).into(), None);
        let path = base.path().join("a");
        let fd = directory(&path).unwrap();
        drop(file(&fd, "file", &path.join("file")).unwrap());
        if give(&path.join("file")).is_err() {
            // Only root gives files away. To everybody else root's own directory, which no other may write to, will do.
            let error = directory(Path::new("/")).unwrap_err();
            assert!(matches!(error, PrivateError::Owner { owner: 0, us: seen, .. } if seen == us), "{error}");
            return;
        }
        let error = file(&fd, "file", &path.join("file")).unwrap_err();
        assert!(
            matches!(error, PrivateError::Owner { owner, us: seen, .. } if (owner, seen) == (theirs, us)),
            "{error}"
        );
        give(&path).unwrap();
        let error = directory(&path).unwrap_err();
        assert!(matches!(error, PrivateError::Owner { owner, .. } if owner == theirs), "{error}");
        assert!(error.to_string().contains("run as its owner"), "{error}");
    }

    #[test]
    fn a_link_in_place_of_a_file_is_not_followed() {
        let base = tempfile::tempdir().unwrap();
        let fd = directory(&base.path().join("a")).unwrap();
        rustix::fs::symlinkat("/etc/passwd", &fd, "file").unwrap();
        assert!(matches!(file(&fd, "file", Path::new("file")), Err(PrivateError::System { .. })));
    }
}
