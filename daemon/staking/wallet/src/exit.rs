//! Exit codes: 2 for an error, 64 (EX_USAGE of sysexits.h) where only a person can help, so that a service manager does not
//! try again.

use std::fmt;
use std::process::ExitCode;

/// An error that stays until a person mends it.
#[derive(Debug)]
pub(crate) struct Failure(anyhow::Error);

impl Failure {
    /// Marks an error as one that stays.
    pub(crate) fn lasting(error: anyhow::Error) -> anyhow::Error {
        anyhow::Error::new(Failure(error))
    }

    /// The code to end with.
    pub(crate) fn code(error: &anyhow::Error) -> ExitCode {
        ExitCode::from(if error.is::<Failure>() { 64 } else { 2 })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
