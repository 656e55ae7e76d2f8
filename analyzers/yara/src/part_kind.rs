//! When a part of a set is run.

use serde::{Deserialize, Serialize};

/// When a part of a set is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum PartKind {
    /// On every file of the set.
    Always,
    /// On files of which the prefilter says that one of its rules may be true, which are many: it is loaded at once.
    Likely,
    /// On those, which are few: it is loaded when it is needed.
    Wanted,
}
