//! Masks and verdicts of a bounty's artifacts: a list of booleans on our side, a number in the contract.

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Most artifacts that one bounty may hold: the contract's numbers have that many bits.
pub const ARTIFACTS_MAX: usize = 256;

/// One boolean for each artifact of a bounty, the first in the least bit. In JSON a list of booleans.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ArtifactBits(Vec<bool>);

/// More booleans than a bounty may hold artifacts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a bounty holds at most {ARTIFACTS_MAX} artifacts, not {0}")]
pub struct TooManyArtifacts(pub usize);

impl ArtifactBits {
    /// The booleans of a list.
    ///
    /// # Errors
    ///
    /// If there are more than [`ARTIFACTS_MAX`].
    pub fn new(list: Vec<bool>) -> Result<ArtifactBits, TooManyArtifacts> {
        if list.len() > ARTIFACTS_MAX { Err(TooManyArtifacts(list.len())) } else { Ok(ArtifactBits(list)) }
    }

    /// The booleans of a number, as polyswarmd and its client make them: at least `size`, and more if the number has
    /// a higher bit. At most [`ARTIFACTS_MAX`].
    pub fn from_number(number: U256, size: usize) -> ArtifactBits {
        let length = number.bit_len().max(size.min(ARTIFACTS_MAX));
        ArtifactBits((0..length).map(|place| number.bit(place)).collect())
    }

    /// The number: bit i is artifact i.
    pub fn to_number(&self) -> U256 {
        let mut number = U256::ZERO;
        for (place, is_set) in self.0.iter().enumerate() {
            number.set_bit(place, *is_set);
        }
        number
    }

    /// The booleans, by artifact.
    pub fn as_slice(&self) -> &[bool] {
        &self.0
    }

    /// How many are true.
    pub fn count(&self) -> usize {
        self.0.iter().filter(|is_set| **is_set).count()
    }
}

impl Serialize for ArtifactBits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ArtifactBits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ArtifactBits, D::Error> {
        ArtifactBits::new(Vec::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn masks_are_the_clients() {
        let vector: Value = serde_json::from_str(include_str!("../testdata/masks.json")).unwrap();
        let cases = vector["cases"].as_array().unwrap();
        for case in cases {
            let number: U256 = case["int"].as_str().unwrap().parse().unwrap();
            let size = match &case["bools"] {
                Value::Null => usize::try_from(case["expected_size"].as_u64().unwrap()).unwrap(),
                bools => {
                    let bits: ArtifactBits = serde_json::from_value(bools.clone()).unwrap();
                    assert_eq!(bits.to_number(), number, "{case}");
                    bits.as_slice().len()
                }
            };
            let back = ArtifactBits::from_number(number, size);
            assert_eq!(serde_json::to_value(back).unwrap(), case["back"], "{case}");
        }
        println!("masks.json: {} cases", cases.len());
        assert_eq!(cases.len(), 28);
    }

    #[test]
    fn there_are_at_most_256() {
        assert_eq!(ArtifactBits::new(vec![true; 257]), Err(TooManyArtifacts(257)));
        assert!(serde_json::from_str::<ArtifactBits>(&format!("[{}true]", "true,".repeat(256))).is_err());
        assert_eq!(ArtifactBits::new(vec![true; 256]).unwrap().to_number(), U256::MAX);
        assert_eq!(ArtifactBits::from_number(U256::MAX, usize::MAX).as_slice().len(), 256);
        assert_eq!(ArtifactBits::from_number(U256::ZERO, usize::MAX).as_slice().len(), 256);
    }

    proptest! {
        #[test]
        fn every_list_survives(list in proptest::collection::vec(any::<bool>(), 0..=256)) {
            let bits = ArtifactBits::new(list).unwrap();
            prop_assert_eq!(ArtifactBits::from_number(bits.to_number(), bits.as_slice().len()), bits);
        }
    }
}
