//! The Bloom filter of a bounty: which hashes its artifacts may have.

use alloy_primitives::U256;

use crate::hash::keccak256;

/// Bits of the filter.
const BITS: u16 = 2048;

/// A set of hashes that may say yes to one that is not in it: 2048 bits, 8 for each hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bloom([u8; Bloom::LENGTH]);

impl Bloom {
    /// Length in bytes.
    pub const LENGTH: usize = 256;

    /// The filter of these hashes, as IPFS or polyswarmd spell them.
    pub fn of<'a>(hashes: impl IntoIterator<Item = &'a str>) -> Bloom {
        let mut bloom = Bloom([0; Bloom::LENGTH]);
        for hash in hashes {
            for bit in bits_of(hash) {
                let (place, mask) = place_of(bit);
                bloom.0[place] |= mask;
            }
        }
        bloom
    }

    /// Whether a hash may be in the set. Never wrong where it says no.
    pub fn may_contain(&self, hash: &str) -> bool {
        bits_of(hash).into_iter().map(place_of).all(|(place, mask)| self.0[place] & mask != 0)
    }

    /// The filter as one number, the most significant byte first.
    pub const fn as_bytes(&self) -> &[u8; Bloom::LENGTH] {
        &self.0
    }

    /// The filter as the contract takes it: the most significant word first.
    pub fn to_words(self) -> [U256; 8] {
        std::array::from_fn(|word| U256::from_be_slice(&self.0[word * 32..(word + 1) * 32]))
    }

    /// The filter of the contract's words.
    pub fn from_words(words: &[U256; 8]) -> Bloom {
        let mut bytes = [0; Bloom::LENGTH];
        for (place, word) in bytes.chunks_exact_mut(32).zip(words) {
            place.copy_from_slice(&word.to_be_bytes::<32>());
        }
        Bloom(bytes)
    }
}

/// The bits of a hash: the first 16 bytes of the Keccak-256 of its text, two by two.
fn bits_of(hash: &str) -> [u16; 8] {
    let digest = keccak256(hash.as_bytes());
    std::array::from_fn(|chunk| u16::from_be_bytes([digest[chunk * 2], digest[chunk * 2 + 1]]) % BITS)
}

/// Where a bit is: bit 0 is the least of the last byte.
fn place_of(bit: u16) -> (usize, u8) {
    (Bloom::LENGTH - 1 - usize::from(bit / 8), 1 << (bit % 8))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn filters_are_the_clients() {
        let vector: Value = serde_json::from_str(include_str!("../testdata/bloom.json")).unwrap();
        let cases = vector["cases"].as_array().unwrap();
        for case in cases {
            let hashes: Vec<_> = case["hashes"].as_array().unwrap().iter().map(|hash| hash.as_str().unwrap()).collect();
            let bloom = Bloom::of(hashes.iter().copied());
            assert_eq!(alloy_primitives::hex::encode(bloom.as_bytes()), case["bloom"], "{case}");
            let words: Vec<_> = bloom.to_words().iter().map(U256::to_string).collect();
            assert_eq!(serde_json::to_value(words).unwrap(), case["contract_uint256_8"], "{case}");
            assert!(hashes.iter().all(|hash| bloom.may_contain(hash)), "{case}");
            assert_eq!(Bloom::from_words(&bloom.to_words()), bloom);
        }
        println!("bloom.json: {} cases", cases.len());
        assert_eq!(cases.len(), 12);
    }

    #[test]
    fn an_empty_filter_contains_nothing() {
        assert!(!Bloom::of([]).may_contain("Qmb1FyUchbafViVTMwY39nwBqBE3FU41vM6Lvisg38tJ6a"));
    }

    proptest! {
        #[test]
        fn what_was_added_is_found(hashes in proptest::collection::vec(any::<String>(), 0..20)) {
            let bloom = Bloom::of(hashes.iter().map(String::as_str));
            prop_assert!(hashes.iter().all(|hash| bloom.may_contain(hash)));
        }
    }
}
