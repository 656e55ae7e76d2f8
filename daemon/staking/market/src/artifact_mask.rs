//! Masks of a bounty's artifacts: a list of booleans on our side, an integer on the wire and in the contract.
//!
//! The first artifact is the least bit. The contract's integers are `uint256`, so a bounty has at most 256 artifacts.

use num_bigint::{BigInt, Sign};

/// The integer for a list, as `bool_list_to_int` of PolySwarm's client.
pub fn bool_list_to_int(list: &[bool]) -> BigInt {
    let mut int = BigInt::ZERO;
    for (place, _) in (0..).zip(list).filter(|(_, is_meant)| **is_meant) {
        int.set_bit(place, true);
    }
    int
}

/// The list for an integer, as `int_to_bool_list` of PolySwarm's client: at least `size` long, and longer if the
/// integer has more bits. `None` for a negative integer, which is not a mask.
pub fn int_to_bool_list(int: &BigInt, size: usize) -> Option<Vec<bool>> {
    (int.sign() != Sign::Minus).then(|| (0..int.bits().max(size as u64)).map(|place| int.bit(place)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn list(value: &Value) -> Vec<bool> {
        value.as_array().unwrap().iter().map(|bit| bit.as_bool().unwrap()).collect()
    }

    #[test]
    fn masks_are_the_clients() {
        let vector: Value = serde_json::from_str(include_str!("../testdata/masks.json")).unwrap();
        let mut passed = 0;
        for case in vector["cases"].as_array().unwrap() {
            let int: BigInt = case["int"].as_str().unwrap().parse().unwrap();
            let size = match &case["bools"] {
                Value::Null => usize::try_from(case["expected_size"].as_u64().unwrap()).unwrap(),
                bools => {
                    assert_eq!(bool_list_to_int(&list(bools)), int, "{case}");
                    list(bools).len()
                }
            };
            assert_eq!(int_to_bool_list(&int, size), Some(list(&case["back"])), "{case}");
            passed += 1;
        }
        println!("masks.json: {passed} cases");
        assert_eq!(passed, 28);
    }

    #[test]
    fn below_zero_there_is_no_mask() {
        assert_eq!(int_to_bool_list(&BigInt::from(-1i128), 3), None);
    }
}
