//! Why something could not be opened.

use std::io;

use rustix::io::Errno;

use crate::NotRegular;

/// Why a file or directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file does not exist, or not any more.
    #[error("no such file or directory")]
    Vanished,
    /// The caller has no right to read it.
    #[error("permission denied")]
    Denied,
    /// It is a symbolic link that is not followed: it replaced a file, or is part of a cycle.
    #[error("is a symbolic link")]
    Symlink,
    /// It was named, but is neither a file nor a directory.
    #[error("not a regular file but a {0}")]
    NotRegular(NotRegular),
    /// Anything else that the operating system says.
    #[error(transparent)]
    Io(io::Error),
}

impl From<Errno> for OpenError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NOTDIR => OpenError::Vanished,
            Errno::ACCESS | Errno::PERM => OpenError::Denied,
            Errno::LOOP => OpenError::Symlink,
            // What opening a socket, or a device without a driver, gives.
            Errno::NXIO | Errno::NODEV => OpenError::NotRegular(NotRegular::Other),
            other => OpenError::Io(other.into()),
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(errno) => errno.into(),
            None => OpenError::Io(error),
        }
    }
}
