//! Errors of loading an artifact. They never depend on the meaning of its bytes: hostile content is not an error.

use std::io;

use rustix::fs::FileType;

/// Why a file's bytes could not be had. The caller knows the path and adds it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Larger than the caller allows. For files with an honest size, decided before a byte is read.
    #[error("{}", too_large(*size_bytes, *size_bytes_max))]
    TooLarge {
        /// The size of the file in bytes, or `None` where only reading tells (a pipe, a file in procfs).
        size_bytes: Option<u64>,
        /// Maximum size that the caller allows, in bytes.
        size_bytes_max: u64,
    },
    /// Not a regular file: it was not read.
    #[error("not a regular file but a {0}")]
    NotRegular(NotRegular),
    /// The operating system refused.
    #[error("cannot {tried}")]
    Io {
        /// The operation that failed, for example `"read"`.
        tried: &'static str,
        /// Error of the operating system.
        #[source]
        source: io::Error,
    },
    /// There is not enough memory.
    #[error("no memory for {size_bytes} bytes")]
    NoMemory {
        /// Requested size in bytes.
        size_bytes: u64,
    },
}

fn too_large(size_bytes: Option<u64>, size_bytes_max: u64) -> String {
    match size_bytes {
        Some(size_bytes) => format!("has {size_bytes} bytes, more than the {size_bytes_max} allowed"),
        None => format!("has more than the {size_bytes_max} bytes allowed"),
    }
}

impl LoadError {
    pub(crate) fn io(tried: &'static str) -> impl Fn(rustix::io::Errno) -> LoadError {
        move |errno| LoadError::Io { tried, source: errno.into() }
    }
}

/// A file that is not a regular file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NotRegular {
    /// A named or unnamed pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A directory.
    Directory,
    /// A block or character device.
    Device,
    /// A symbolic link itself, opened with `O_PATH`, or a type this code does not know.
    Other,
}

impl NotRegular {
    /// `None` for a regular file.
    pub fn of(kind: FileType) -> Option<Self> {
        match kind {
            FileType::RegularFile => None,
            FileType::Fifo => Some(NotRegular::Fifo),
            FileType::Socket => Some(NotRegular::Socket),
            FileType::Directory => Some(NotRegular::Directory),
            FileType::CharacterDevice | FileType::BlockDevice => Some(NotRegular::Device),
            FileType::Symlink | FileType::Unknown => Some(NotRegular::Other),
        }
    }

    /// The word for people and reports.
    pub fn name(self) -> &'static str {
        match self {
            NotRegular::Fifo => "fifo",
            NotRegular::Socket => "socket",
            NotRegular::Directory => "directory",
            NotRegular::Device => "device",
            NotRegular::Other => "special file",
        }
    }
}

impl std::fmt::Display for NotRegular {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
