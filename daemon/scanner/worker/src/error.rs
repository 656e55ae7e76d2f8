//! What goes wrong with a template and its workers.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::death::Death;

/// Errors of a template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The program cannot be executed.
    #[error("cannot start {}", program.display())]
    Start {
        /// Path of the program.
        program: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The template died, with its last output. [`Template::restart`](crate::Template::restart) starts it again.
    #[error("the template died{}{}", if .0.is_empty() { "" } else { ": " }, .0)]
    Gone(String),
    /// The template did not answer within this time and was killed.
    #[error("the template was killed: it did not answer for {} s", .0.as_secs())]
    Stuck(Duration),
    /// The template refused, with the reason: an escape succeeded, a protection is missing, rules do not load.
    #[error("{0}")]
    Refused(String),
    /// A new worker did not come so far as to do a job.
    #[error("a new worker is not ready: {0}")]
    Stillborn(#[source] Death),
    /// A new worker has not the walls that the template found to stand.
    #[error("the sandbox of a new worker is incomplete")]
    Weaker,
    /// The request is too large.
    #[error("the request to the template is too large: {0} bytes or descriptors")]
    TooLarge(usize),
    /// The operating system refuses something else.
    #[error("cannot {tried}")]
    Io {
        /// The operation that failed.
        tried: &'static str,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl TemplateError {
    pub(crate) fn io<E: Into<io::Error>>(tried: &'static str) -> impl FnOnce(E) -> TemplateError {
        move |error| TemplateError::Io { tried, source: error.into() }
    }
}
