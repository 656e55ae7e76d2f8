//! What the contract keeps in 256 bits: a bit for each artifact, and products of two amounts.

/// A bit for each of up to 256 artifacts, the first one lowest: masks, verdicts and votes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Bits {
    low: u128,
    high: u128,
}

impl Bits {
    /// Whether the bit of this artifact is set. Beyond 256 none is.
    pub fn has(self, artifact: usize) -> bool {
        match artifact {
            0..128 => self.low >> artifact & 1 == 1,
            128..256 => self.high >> (artifact - 128) & 1 == 1,
            _ => false,
        }
    }

    /// Sets the bit of this artifact. Beyond 256 there is none to set.
    pub fn set(&mut self, artifact: usize) {
        match artifact {
            0..128 => self.low |= 1 << artifact,
            128..256 => self.high |= 1 << (artifact - 128),
            _ => {}
        }
    }

    /// Number of bits that are set.
    pub fn count(self) -> usize {
        (self.low.count_ones() + self.high.count_ones()) as usize
    }
}

impl From<u128> for Bits {
    /// The bits of the first 128 artifacts.
    fn from(low: u128) -> Self {
        Bits { low, high: 0 }
    }
}

impl FromIterator<bool> for Bits {
    /// One boolean for each artifact, in order, as polyswarmd writes them. Anything beyond 256 is dropped.
    fn from_iter<I: IntoIterator<Item = bool>>(bools: I) -> Self {
        let mut bits = Bits::default();
        bools.into_iter().enumerate().filter(|(_, bool)| *bool).for_each(|(artifact, _)| bits.set(artifact));
        bits
    }
}

/// `a * b / c`, rounded down, with the product in 256 bits as in the contract. `None` if the result does not fit in 128
/// bits, or if `c` is zero.
///
/// Long division, a bit at a time, where the product is larger than 128 bits: two bids of 20 NCT are enough for that.
pub(super) fn mul_div(a: u128, b: u128, c: u128) -> Option<u128> {
    let (mut low, mut high) = a.carrying_mul(b, 0);
    if high == 0 {
        return low.checked_div(c);
    }
    // Also refuses `c` = 0. Below it, the remainder in `high` is always smaller than `c`.
    if high >= c {
        return None;
    }
    for _ in 0..u128::BITS {
        let carry = high >> 127 == 1;
        high = high << 1 | low >> 127;
        low <<= 1;
        if carry || high >= c {
            high = high.wrapping_sub(c);
            low |= 1;
        }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bits_are_numbered_from_the_lowest() {
        let bits = Bits::from(0b101);
        assert_eq!(
            [0, 1, 2, 3, 127, 128, 255, 256].map(|artifact| bits.has(artifact)).map(u8::from),
            [1, 0, 1, 0, 0, 0, 0, 0]
        );
        let last: Bits = (0..300).map(|artifact| artifact >= 255).collect();
        assert!(last.has(255) && !last.has(254) && !last.has(256));
        assert_eq!((bits.count(), last.count()), (2, 1));
    }

    #[test]
    fn products_larger_than_128_bits_are_divided() {
        let most = u128::MAX;
        for (a, b, c, quotient) in [
            (most, most, most, Some(most)),
            (most, most - 1, most, Some(most - 1)),
            (most, most, most - 1, None),
            (most, 2, 3, Some(most / 3 * 2)),
            (1 << 127, 1 << 127, 1 << 126, None),
            (1 << 127, 1 << 127, (1 << 127) + 1, Some((1 << 127) - 1)),
            (most, most, 0, None),
            (5, 7, 0, None),
            (5, 7, 3, Some(11)),
        ] {
            assert_eq!(mul_div(a, b, c), quotient, "{a} * {b} / {c}");
        }
    }

    proptest! {
        /// `q` is the quotient exactly when `q * c <= a * b < q * c + c`.
        #[test]
        fn the_quotient_times_the_divisor_is_the_product_but_for_a_remainder(a: u128, b: u128, c in 1u128..) {
            let (low, high) = a.carrying_mul(b, 0);
            match mul_div(a, b, c) {
                Some(quotient) => {
                    let (floor_low, floor_high) = quotient.carrying_mul(c, 0);
                    let (rest_low, borrow) = low.overflowing_sub(floor_low);
                    let rest_high = high.checked_sub(floor_high).and_then(|rest| rest.checked_sub(borrow.into()));
                    prop_assert_eq!(rest_high, Some(0));
                    prop_assert!(rest_low < c);
                }
                None => prop_assert!(high >= c),
            }
        }
    }
}
