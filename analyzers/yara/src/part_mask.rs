//! Some of the parts of a library, as bits.

use std::fmt;

/// Bits of a word.
const BITS: usize = u8::BITS as usize;

/// Some of the parts of a library's sets. Parts are numbered through all sets.
///
/// Both processes of a question and its answer have the same library, so the bytes of a mask mean the same to both.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PartMask {
    /// As many as the highest part needs: the last one is not 0.
    bytes: Vec<u8>,
}

impl PartMask {
    pub(crate) fn add(&mut self, part: usize) {
        let at = part / BITS;
        if self.bytes.len() <= at {
            self.bytes.resize(at + 1, 0);
        }
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte |= 1 << (part % BITS);
        }
    }

    /// The numbers of the parts.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let numbers = self.bytes.iter().zip((0..).step_by(BITS));
        numbers.flat_map(|(byte, first)| (0..BITS).filter(move |bit| byte & 1 << bit != 0).map(move |bit| first + bit))
    }

    /// Number of parts.
    pub fn len(&self) -> usize {
        self.bytes.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The mask as bytes, to be sent to another process.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// From bytes that were [`PartMask::as_bytes`]. Parts that a library does not have are ignored by it.
    pub fn from_bytes(bytes: &[u8]) -> PartMask {
        let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        PartMask { bytes: bytes.iter().take(used).copied().collect() }
    }
}

impl Extend<usize> for PartMask {
    fn extend<I: IntoIterator<Item = usize>>(&mut self, parts: I) {
        parts.into_iter().for_each(|part| self.add(part));
    }
}

impl FromIterator<usize> for PartMask {
    fn from_iter<I: IntoIterator<Item = usize>>(parts: I) -> PartMask {
        let mut mask = PartMask::default();
        mask.extend(parts);
        mask
    }
}

impl fmt::Debug for PartMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_the_same_on_the_other_side() {
        for parts in [&[][..], &[0], &[7, 8], &[63, 64, 1_000]] {
            let mask: PartMask = parts.iter().copied().collect();
            assert_eq!((mask.iter().collect::<Vec<_>>(), mask.len()), (parts.to_vec(), parts.len()));
            assert_eq!(mask.is_empty(), parts.is_empty());
            assert_eq!(PartMask::from_bytes(mask.as_bytes()), mask);
            assert_eq!(PartMask::from_bytes(&[mask.as_bytes(), &[0, 0]].concat()), mask);
        }
    }
}
