//! Compiled rules in a file, as they lie in the cache or were just made.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use daemon_artifact::{Artifact, LoadError};
use daemon_engine::Library;

/// A file that begins with a bundle of compiled rules. No other process can change or truncate it.
#[derive(Debug)]
pub struct Bundle {
    /// The bundle.
    pub file: File,
    /// Size of the bundle in bytes.
    pub bytes: u64,
    /// Names what it was compiled from.
    pub sources: String,
}

impl Bundle {
    /// A second handle of it.
    ///
    /// # Errors
    ///
    /// If the descriptor cannot be duplicated.
    pub fn try_clone(&self) -> io::Result<Bundle> {
        Ok(Bundle { file: self.file.try_clone()?, bytes: self.bytes, sources: self.sources.clone() })
    }

    /// Opens the library in it. No set is loaded yet.
    ///
    /// # Errors
    ///
    /// [`BundleOpenError`] if the file cannot be mapped, or is not a bundle that this program can run.
    pub fn open(&self) -> Result<Library, BundleOpenError> {
        let file = self.file.try_clone().map_err(|source| LoadError::Io { tried: "read", source })?;
        open(file.into(), self.bytes)
    }
}

/// Why compiled rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleOpenError {
    /// The file cannot be read.
    #[error("cannot read the compiled rules")]
    Read(#[from] LoadError),
    /// The bundle does not fit this program.
    #[error(transparent)]
    Bundle(#[from] analyzers_yara::BundleError),
}

/// Opens the library in the first `bytes` bytes of `file`. No set is loaded yet.
pub(crate) fn open(file: OwnedFd, bytes: u64) -> Result<Library, BundleOpenError> {
    let whole = daemon_artifact::load_owned(file, u64::MAX)?;
    // More than there is means it was cut: then the library says what is missing.
    let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(whole.bytes().len());
    Ok(Library::open(Box::new(Beginning { whole, length }))?)
}

struct Beginning {
    whole: Artifact<'static>,
    length: usize,
}

impl AsRef<[u8]> for Beginning {
    fn as_ref(&self) -> &[u8] {
        self.whole.bytes().get(..self.length).unwrap_or_default()
    }
}
