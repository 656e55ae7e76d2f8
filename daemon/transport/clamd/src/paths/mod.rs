//! Files that clients name by their paths: only below directories that the operator allows, only with the rights of the
//! client, never through symbolic links.
//!
//! Everything here may wait for a file system, so it runs on threads that may wait.

mod access;
mod open;
mod walk;

use std::path::PathBuf;

pub(crate) use open::{OpenedPath, open, regular};
pub(crate) use walk::{PathItem, PathWalk};

/// Which paths may be scanned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathRules {
    /// Directories whose files may be scanned, and theirs.
    pub directories: Vec<PathBuf>,
    /// Maximum depth of directories below a path that a client names. Default: 15, as clamd's.
    pub depth_max: usize,
}

impl Default for PathRules {
    fn default() -> Self {
        PathRules { directories: Vec::new(), depth_max: 15 }
    }
}

/// Why a path is not scanned, as a client is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refused(pub String);

impl Refused {
    /// As clamd tells an error of the system about a path.
    pub(crate) fn path(error: impl Into<std::io::Error>) -> Refused {
        let text = error.into().to_string();
        let reason = text.split(" (os error").next().unwrap_or_default();
        Refused(format!("File path check failure: {reason}."))
    }

    /// As clamd tells that a file may not be read.
    pub(crate) fn access() -> Refused {
        Refused("Access denied.".to_owned())
    }
}
