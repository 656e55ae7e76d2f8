//! Why a program is not unpacked.

use analyzers::Exhausted;

/// Why there is nothing to hand over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Setback {
    /// It contradicts itself, or ends early.
    Broken,
    /// It is larger than one stream may become.
    TooLarge,
    /// It is packed or filtered in a way that is not read.
    Unknown,
    /// A limit was hit; the budget remembers which.
    Limit,
}

impl From<Exhausted> for Setback {
    fn from(_: Exhausted) -> Self {
        Setback::Limit
    }
}
