//! Some of the sets of a library, as bits.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most sets a library can have.
pub(crate) const SETS_MAX: usize = u8::BITS as usize;

/// Some of the sets of a library.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct SetMask(u8);

impl SetMask {
    pub(crate) fn with(self, set: usize) -> SetMask {
        SetMask(self.0 | 1_u8.checked_shl(u32::try_from(set).unwrap_or(u32::MAX)).unwrap_or(0))
    }

    pub(crate) fn has(self, set: usize) -> bool {
        self.0 & SetMask::default().with(set).0 != 0
    }
}

impl fmt::Debug for SetMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries((0..SETS_MAX).filter(|&set| self.has(set))).finish()
    }
}
