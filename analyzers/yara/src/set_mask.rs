//! Some of the sets of a library, or of what it loads, as bits.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bits of a [`SetMask`].
const BITS: usize = u16::BITS as usize;

/// Most sets a library can have: each is loaded by two bits.
pub(crate) const SETS_MAX: usize = BITS / 2;

/// Some of the sets of a library, or of what it loads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct SetMask(u16);

impl SetMask {
    pub(crate) fn with(self, set: usize) -> SetMask {
        SetMask(self.0 | 1_u16.checked_shl(u32::try_from(set).unwrap_or(u32::MAX)).unwrap_or(0))
    }

    /// The numbers of its bits.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..BITS).filter(move |&set| self.has(set))
    }

    pub(crate) fn has(self, set: usize) -> bool {
        self.0 & SetMask::default().with(set).0 != 0
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the mask as bits, to be sent to another process.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// From bits that were [`SetMask::bits`]. What a library does not have is ignored by it.
    pub fn from_bits(bits: u16) -> SetMask {
        SetMask(bits)
    }

    /// Returns the union of both masks.
    pub fn or(self, other: SetMask) -> SetMask {
        SetMask(self.0 | other.0)
    }
}

impl fmt::Debug for SetMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
