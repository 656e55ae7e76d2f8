//! Files and directories that cannot be used, and why.

use std::fmt;
use std::path::PathBuf;

use rustix::fs::FileType;

/// Largest rule file taken, in bytes. The largest public ones have some hundred thousand.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// Something that was left out, named, while the rest was used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Path of the file or directory.
    pub path: PathBuf,
    /// Why it was skipped.
    pub why: Why,
}

/// Why a file or directory was skipped.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Why {
    /// A symbolic link: it is not followed, wherever it leads.
    SymbolicLink,
    /// It has the name of a rule file but is a directory, a FIFO, a socket or a device.
    NotAFile(&'static str),
    /// The name is not UTF-8.
    NameNotText,
    /// The file is larger than [`FILE_BYTES_MAX`](crate::FILE_BYTES_MAX): its size in bytes.
    TooLarge(u64),
    /// Directories are nested too deeply.
    TooDeep,
    /// The file could not be opened or read: error of the operating system.
    Unreadable(String),
    /// The file kept changing while it was read, like a half-written file.
    Changing,
    /// The directory holds neither rules nor weights nor models.
    NoRules,
    /// The cache was not used, and why; rules are compiled instead.
    CacheNotUsed(String),
}

impl Why {
    pub(crate) fn not_a_file(file_type: FileType) -> Self {
        match file_type {
            FileType::Symlink => Why::SymbolicLink,
            FileType::Directory => Why::NotAFile("a directory"),
            FileType::Fifo => Why::NotAFile("a FIFO"),
            FileType::Socket => Why::NotAFile("a socket"),
            FileType::CharacterDevice => Why::NotAFile("a character device"),
            FileType::BlockDevice => Why::NotAFile("a block device"),
            FileType::RegularFile | FileType::Unknown => Why::NotAFile("of an unknown type"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::SymbolicLink => write!(f, "it is a symbolic link, which is not followed: copy the file here"),
            Why::NotAFile(what) => write!(f, "it is {what}, not a file: rename or remove it"),
            Why::NameNotText => write!(f, "its name is not UTF-8: rename it"),
            Why::TooLarge(bytes) => {
                write!(f, "it has {bytes} bytes, more than the limit of {} for a rule file", crate::FILE_BYTES_MAX)
            }
            Why::TooDeep => write!(f, "directories are nested too deeply: move these rules up"),
            Why::Unreadable(reason) => write!(f, "it cannot be read: {reason}"),
            Why::Changing => write!(f, "it changed while it was read: it is loaded when it is complete"),
            Why::NoRules => {
                write!(
                    f,
                    "the directory contains no rules, weights or models: rule files are named *.yar, *.yara, *.rule or *.rules"
                )
            }
            Why::CacheNotUsed(reason) => write!(f, "the cache of compiled rules is not used: {reason}"),
        }
    }
}

// The path is shown as it is written in Rust, so that a name with line breaks or escapes stays one line.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.path, self.why)
    }
}
