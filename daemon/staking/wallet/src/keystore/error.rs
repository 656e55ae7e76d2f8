//! Why a keystore gives no key, or cannot be written.

use std::io;
use std::path::PathBuf;

use crate::key::KeyError;
use crate::memory::LockError;

/// Why a keystore gives no key, or cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// The system would not let us.
    #[error("cannot {what} {}", path.display())]
    File {
        /// The operation that failed.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// There is a file already.
    #[error("{} exists already, and a keystore is never overwritten: name another file", .0.display())]
    Exists(PathBuf),
    /// No file of this kind is that large.
    #[error("{} is larger than {max} bytes, so it is no keystore", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        max: u64,
    },
    /// It is something else than a file.
    #[error("{} is not a regular file, so it is no keystore", .0.display())]
    NotRegular(PathBuf),
    /// It is no keystore of version 3.
    #[error("this is no keystore of version 3 (Web3 Secret Storage): {0}")]
    Form(String),
    /// It asks for more than is spent on a keystore.
    #[error("the keystore asks for {asked} of {what}, and at most {max} is spent on one: it is damaged or hostile")]
    Cost {
        /// What it asks for.
        what: &'static str,
        /// How much of it.
        asked: u64,
        /// The limit.
        max: u64,
    },
    /// The passphrase or the file is wrong.
    #[error("the passphrase is wrong, or the keystore is damaged: its MAC does not match")]
    Mac,
    /// It holds the key of another account than it says.
    #[error("the keystore says that it is of {said}, but its key is of {found}: it is damaged or was tampered with")]
    Address {
        /// What the file says.
        said: String,
        /// What its key gives.
        found: String,
    },
    /// What it holds is no key.
    #[error("the keystore holds no usable key")]
    Key(#[from] KeyError),
    /// No locked memory.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The system gives no randomness.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}
