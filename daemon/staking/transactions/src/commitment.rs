//! Commitments: an assertion first says only the hash of its verdicts.

use alloy_primitives::U256;

use crate::hash::keccak256_of_number;
use crate::{Address, ArtifactBits};

/// The commitment to verdicts, by an account and a secret nonce: the hash of the verdicts' number, XOR the hash of the
/// nonce, XOR the account's number.
///
/// The contracts from 1.0.0 to 1.6.1 compute this at the reveal. The nonce is 32 random bytes; it must not be zero,
/// and whoever knows it before the reveal can read the verdicts.
pub fn commitment(account: Address, nonce: U256, verdicts: &ArtifactBits) -> U256 {
    keccak256_of_number(verdicts.to_number() ^ keccak256_of_number(nonce) ^ account.to_number())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn commitments_are_the_clients() {
        let vector: Value = serde_json::from_str(include_str!("../testdata/commitments.json")).unwrap();
        let cases = vector["cases"].as_array().unwrap();
        for case in cases {
            let account = case["account"].as_str().unwrap().parse().unwrap();
            let verdicts: ArtifactBits = serde_json::from_value(case["verdicts"].clone()).unwrap();
            assert_eq!(verdicts.to_number().to_string(), case["verdicts_int"], "{case}");
            let nonce: U256 = case["nonce"].as_str().unwrap().parse().unwrap();
            let seen = commitment(account, nonce, &verdicts);
            assert_eq!(seen.to_string(), case["commitment"], "{case}");
            assert_eq!(alloy_primitives::hex::encode(seen.to_be_bytes::<32>()), case["commitment_hex"], "{case}");
        }
        println!("commitments.json: {} cases", cases.len());
        assert_eq!(cases.len(), 36);
    }
}
