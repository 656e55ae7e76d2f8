//! Keccak-256, Ethereum's hash.

use alloy_primitives::{B256, Keccak256, U256};

/// Hashes bytes (Keccak-256 as before its standardisation; SHA3-256 pads otherwise).
pub fn keccak256(bytes: &[u8]) -> B256 {
    alloy_primitives::keccak256(bytes)
}

/// Hashes several pieces as if they were one.
pub(crate) fn keccak256_of(pieces: &[&[u8]]) -> B256 {
    let mut hasher = Keccak256::new();
    pieces.iter().for_each(|piece| hasher.update(piece));
    hasher.finalize()
}

/// Hashes a number as contracts do: 32 bytes, the most significant first. The hash as a number.
pub(crate) fn keccak256_of_number(number: U256) -> U256 {
    keccak256(&number.to_be_bytes::<32>()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_known_ones() {
        let empty = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        assert_eq!(keccak256(b"").to_string(), empty);
        assert_eq!(keccak256_of(&[b"", b""]).to_string(), empty);
        assert_eq!(keccak256_of(&[b"ab", b"c"]), keccak256(b"abc"));
    }
}
