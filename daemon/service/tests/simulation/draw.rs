//! Numbers that look random, from a seed and from what they are drawn for.
//!
//! There is no stream that all draw from: what one bounty draws does not depend on how often others did. So a scenario that
//! is made smaller still does the same about what is left.

/// A number to draw others from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Draw {
        Draw(mix(seed))
    }

    /// For this purpose.
    pub(crate) fn of(self, what: &str) -> Draw {
        let hash = what.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Draw(mix(self.0 ^ hash))
    }

    /// For the one with this number.
    pub(crate) fn nth(self, number: u64) -> Draw {
        Draw(mix(self.0 ^ mix(number)))
    }

    pub(crate) fn below(self, sides: u64) -> u64 {
        self.0 % sides.max(1)
    }

    /// Both ends included.
    pub(crate) fn between(self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    pub(crate) fn one_in(self, sides: u64) -> bool {
        self.below(sides) == 0
    }

    /// One of these.
    pub(crate) fn one_of<T: Copy>(self, list: &[T]) -> T {
        let place = self.below(list.len() as u64);
        list[usize::try_from(place).expect("a place in a list is small")]
    }
}

/// The finalizer of splitmix64.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
