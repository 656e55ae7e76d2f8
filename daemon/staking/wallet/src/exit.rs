//! Exit codes: 2 for an error, 141 where nobody reads the output, 64 (EX_USAGE of sysexits.h) where only a person can help, so that a service manager does not
//! try again.

use std::fmt;
use std::process::ExitCode;

/// The reader of standard output closed it before the end: 128 + SIGPIPE, as shells report it.
pub(crate) const UNHEARD: u8 = 141;

/// An error that stays until a person mends it.
#[derive(Debug)]
pub(crate) struct LastingError(anyhow::Error);

impl LastingError {
    /// Marks an error as one that stays.
    pub(crate) fn wrap(error: anyhow::Error) -> anyhow::Error {
        anyhow::Error::new(LastingError(error))
    }

    /// The code to end with.
    pub(crate) fn code(error: &anyhow::Error) -> ExitCode {
        ExitCode::from(if error.is::<LastingError>() { 64 } else { 2 })
    }
}

impl fmt::Display for LastingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for LastingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
