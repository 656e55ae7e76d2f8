//! An assertion before it is posted: what is said of which artifacts, what is staked, and the commitment to it.

use daemon_base::Nct;
use daemon_market::BidBounds;
use daemon_transactions::fast::Json;
use daemon_transactions::signing::{Bids, FastAssertion, Wanted};
use daemon_transactions::{ARTIFACTS_MAX, Address, ArtifactBits, Guid, U256, commitment};
use rand::TryRng;
use rand::rngs::SysRng;

use crate::BidForm;

/// What is said of one artifact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArtifactVerdict {
    /// Whether it is malicious.
    pub malicious: bool,
    /// What is staked on it.
    pub bid: Nct,
}

/// Why there is no assertion.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AssertionError {
    /// There is nothing to say.
    #[error("an assertion must be about at least one artifact")]
    Empty,
    /// Bids on artifacts that the bounty does not have would be lost, or lock everybody's.
    #[error("the bounty has {artifacts} artifacts, and there are verdicts for {verdicts}")]
    TooMany {
        /// Artifacts of the bounty.
        artifacts: usize,
        /// Verdicts.
        verdicts: usize,
    },
    /// The contract would refuse the bid, after it cost a fee.
    #[error("the bid of {bid} NCT on artifact {artifact} is not from {} to {} NCT", bounds.min, bounds.max)]
    Bounds {
        /// The artifact.
        artifact: usize,
        /// The bid.
        bid: Nct,
        /// What the market allows.
        bounds: BidBounds,
    },
    /// The bids together are more NCT than there can be.
    #[error("the bids together are too large")]
    Sum,
    /// A nonce of zero means that nothing was revealed.
    #[error("the nonce of a commitment must not be zero")]
    ZeroNonce,
}

/// An assertion, complete: nothing of it changes after it was made. Whoever posts it writes it down first, with its nonce;
/// without the nonce nothing can be revealed, and what is staked is lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assertion {
    /// The bounty.
    pub bounty: Guid,
    /// The artifacts it is about.
    pub mask: ArtifactBits,
    /// True where an artifact is malicious. Only those in the mask count.
    pub verdicts: ArtifactBits,
    /// What is staked.
    pub bids: Bids,
    /// The secret that the commitment is made with.
    pub nonce: U256,
    /// The commitment to the verdicts.
    pub commitment: U256,
}

impl Assertion {
    /// An assertion of `account` on a bounty of `artifacts` artifacts: what is said of each, in order; `None` where nothing
    /// is. `nonce` is from [`random_nonce`].
    ///
    /// # Errors
    /// If nothing is said of any artifact, there are more verdicts than artifacts, a bid is not within `bounds`, or the nonce
    /// is zero.
    pub fn new(
        account: Address,
        bounty: Guid,
        artifacts: usize,
        verdicts: &[Option<ArtifactVerdict>],
        form: BidForm,
        bounds: BidBounds,
        nonce: U256,
    ) -> Result<Assertion, AssertionError> {
        if verdicts.len() > artifacts.min(ARTIFACTS_MAX) {
            return Err(AssertionError::TooMany { artifacts, verdicts: verdicts.len() });
        }
        if nonce.is_zero() {
            return Err(AssertionError::ZeroNonce);
        }
        let bids = bids(verdicts, form, bounds)?;
        let too_many = |_| AssertionError::TooMany { artifacts, verdicts: verdicts.len() };
        let bits = |is_set: fn(&ArtifactVerdict) -> bool| {
            ArtifactBits::new(verdicts.iter().map(|verdict| verdict.as_ref().is_some_and(is_set)).collect())
        };
        let mask = bits(|_| true).map_err(too_many)?;
        let verdicts = bits(|verdict| verdict.malicious).map_err(too_many)?;
        let commitment = commitment(account, nonce, &verdicts);
        Ok(Assertion { bounty, mask, verdicts, bids, nonce, commitment })
    }

    /// What the signer is asked for, to post it. `fee` is the market's assertion fee.
    pub fn posting(&self, fee: Nct) -> Wanted {
        Wanted::Assertion {
            bounty: self.bounty,
            bids: self.bids.clone(),
            mask: self.mask.clone(),
            commitment: self.commitment,
            fee,
        }
    }

    /// What the signer is asked for, to reveal it. `index` is its number among the bounty's assertions.
    pub fn revealing(&self, index: u64, metadata: String) -> Wanted {
        Wanted::Reveal { bounty: self.bounty, index, nonce: self.nonce, verdicts: self.verdicts.clone(), metadata }
    }

    /// What the signer is asked for on fast polyswarmd, which takes the first artifact's verdict only, and at once. `None`
    /// for a single bid on several artifacts, which it does not know.
    pub fn fast(&self, metadata: Json) -> Option<FastAssertion> {
        let first = self.mask.as_slice().iter().position(|is_asserted| *is_asserted)?;
        let bid = match &self.bids {
            Bids::Each(bids) => *bids.first()?,
            Bids::Single(bid) => Some(*bid).filter(|_| self.mask.count() == 1)?,
        };
        let verdict = self.verdicts.as_slice().get(first).copied()?;
        Some(FastAssertion { bounty: self.bounty, verdict, bid, metadata })
    }

    /// What the signer is asked for, to settle its bounty.
    pub fn settling(&self) -> Wanted {
        Wanted::Settle { bounty: self.bounty }
    }
}

/// The bids: each as it is, or for a contract that takes a single one their average, rounded down.
fn bids(verdicts: &[Option<ArtifactVerdict>], form: BidForm, bounds: BidBounds) -> Result<Bids, AssertionError> {
    let asserted =
        verdicts.iter().enumerate().filter_map(|(artifact, verdict)| verdict.map(|verdict| (artifact, verdict)));
    let mut bids = Vec::new();
    let mut sum = Nct::ZERO;
    for (artifact, ArtifactVerdict { bid, .. }) in asserted {
        if bid < bounds.min || bid > bounds.max {
            return Err(AssertionError::Bounds { artifact, bid, bounds });
        }
        sum = sum.checked_add(bid).ok_or(AssertionError::Sum)?;
        bids.push(bid);
    }
    let count = u128::try_from(bids.len()).unwrap_or(u128::MAX);
    match (form, sum.base_units().checked_div(count)) {
        (_, None) => Err(AssertionError::Empty),
        (BidForm::Each, Some(_)) => Ok(Bids::Each(bids)),
        // An average of bids within the bounds is within them.
        (BidForm::Single, Some(average)) => Ok(Bids::Single(Nct::from_base_units(average))),
    }
}

/// A nonce for a commitment: 32 random bytes of the system, not all zero.
///
/// # Errors
/// If the system gives no random bytes.
pub fn random_nonce() -> Result<U256, std::io::Error> {
    loop {
        let mut bytes = [0; 32];
        SysRng.try_fill_bytes(&mut bytes).map_err(std::io::Error::other)?;
        let nonce = U256::from_be_bytes(bytes);
        if !nonce.is_zero() {
            return Ok(nonce);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const BOUNDS: BidBounds = BidBounds { min: Nct::from_base_units(10), max: Nct::from_base_units(100) };

    fn verdict(malicious: bool, bid: u128) -> Option<ArtifactVerdict> {
        Some(ArtifactVerdict { malicious, bid: Nct::from_base_units(bid) })
    }

    fn made(
        artifacts: usize,
        verdicts: &[Option<ArtifactVerdict>],
        form: BidForm,
    ) -> Result<Assertion, AssertionError> {
        let (account, bounty) = (Address::from_bytes([7; 20]), Guid::from_number(7));
        Assertion::new(account, bounty, artifacts, verdicts, form, BOUNDS, U256::from(5))
    }

    #[test]
    fn bids_are_for_those_that_are_asserted_on() {
        let verdicts = [verdict(true, 10), None, verdict(false, 101 / 2), verdict(true, 100)];
        let each = made(4, &verdicts, BidForm::Each).unwrap();
        assert_eq!(each.bids, Bids::Each([10, 50, 100].map(Nct::from_base_units).to_vec()));
        assert_eq!(each.mask.as_slice(), [true, false, true, true]);
        assert_eq!(each.verdicts.as_slice(), [true, false, false, true]);
        let single = made(4, &verdicts, BidForm::Single).unwrap();
        assert_eq!(single.bids, Bids::Single(Nct::from_base_units(53)), "160 / 3, rounded down");
        assert_eq!(single.commitment, each.commitment);
    }

    #[test]
    fn what_the_contract_would_refuse_or_lock_is_not_made() {
        let one = verdict(true, 10);
        for (artifacts, verdicts, expected) in [
            (1, vec![], AssertionError::Empty),
            (2, vec![None, None], AssertionError::Empty),
            (1, vec![None, one], AssertionError::TooMany { artifacts: 1, verdicts: 2 }),
            (300, vec![one; 257], AssertionError::TooMany { artifacts: 300, verdicts: 257 }),
        ] {
            assert_eq!(made(artifacts, &verdicts, BidForm::Each), Err(expected));
        }
        for bid in [0, 9, 101, u128::MAX] {
            let error = made(2, &[None, verdict(true, bid)], BidForm::Each).unwrap_err();
            assert!(matches!(error, AssertionError::Bounds { artifact: 1, .. }), "{error}");
        }
        let (account, bounty) = (Address::from_bytes([7; 20]), Guid::from_number(7));
        let zero = Assertion::new(account, bounty, 1, &[one], BidForm::Each, BOUNDS, U256::ZERO);
        assert_eq!(zero, Err(AssertionError::ZeroNonce));
        assert!(made(256, &[one; 256], BidForm::Each).is_ok());
    }

    #[test]
    fn a_nonce_is_random() {
        let nonces: std::collections::BTreeSet<U256> = (0..100).map(|_| random_nonce().unwrap()).collect();
        assert_eq!(nonces.len(), 100);
        assert!(nonces.iter().all(|nonce| nonce.bit_len() > 128));
    }

    /// The list of bids that polyswarm-client 2.13.3 sends for these, and the single one of 2019.
    #[test]
    fn bids_of_the_client_make_assertions_where_they_are_within_bounds() {
        let mut made = 0;
        for vector in [
            include_str!("../../../staking/market/testdata/bids-client-2.13.3-default.json"),
            include_str!("../../../staking/market/testdata/bids-client-2.13.3-aggressive.json"),
            include_str!("../../../staking/market/testdata/bids-client-2.13.3-conservative.json"),
        ] {
            let vector: Value = serde_json::from_str(vector).unwrap();
            let cases = vector["cases"].as_array().unwrap();
            assert!(!cases.is_empty());
            for case in cases {
                let nct = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).map(Nct::from_base_units);
                let (Some(min), Some(max)) = (nct(&case["min_allowed"]), nct(&case["max_allowed"])) else { continue };
                let Some(bids) = case["out"]["bid"].as_array() else { continue };
                let Some(bids) = bids.iter().map(nct).collect::<Option<Vec<_>>>() else { continue };
                let mut rest = bids.iter();
                let verdicts: Vec<Option<ArtifactVerdict>> = case["mask"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|bit| {
                        bit.as_bool().unwrap().then(|| ArtifactVerdict { malicious: true, bid: *rest.next().unwrap() })
                    })
                    .collect();
                let (account, bounty, bounds) =
                    (Address::from_bytes([7; 20]), Guid::from_number(7), BidBounds { min, max });
                let nonce = U256::from(5);
                let assertion =
                    Assertion::new(account, bounty, verdicts.len(), &verdicts, BidForm::Each, bounds, nonce);
                let is_right = !bids.is_empty() && bids.iter().all(|bid| (min..=max).contains(bid));
                assert_eq!(assertion.is_ok(), is_right, "{case}");
                if let Ok(assertion) = assertion {
                    assert_eq!(assertion.bids, Bids::Each(bids), "{case}");
                    made += 1;
                }
            }
        }
        println!("bids-client-2.13.3-*.json: {made} assertions");
        assert!(made > 100, "{made}");
    }

    proptest! {
        /// One bid for each bit of the mask, within bounds; a single one within them too, and never more than the largest.
        #[test]
        fn bids_and_mask_agree(verdicts in prop::collection::vec(prop::option::of((any::<bool>(), 10u128..=100)), 0..=256)) {
            let verdicts: Vec<Option<ArtifactVerdict>> =
                verdicts.into_iter().map(|said| said.map(|(malicious, bid)| ArtifactVerdict { malicious, bid: Nct::from_base_units(bid) })).collect();
            let count = verdicts.iter().flatten().count();
            for form in [BidForm::Each, BidForm::Single] {
                match made(verdicts.len(), &verdicts, form) {
                    Ok(assertion) => {
                        prop_assert_eq!(assertion.mask.count(), count);
                        let bids = assertion.bids.as_slice();
                        prop_assert_eq!(bids.len(), if form == BidForm::Each { count } else { 1 });
                        prop_assert!(bids.iter().all(|bid| *bid >= BOUNDS.min && *bid <= BOUNDS.max));
                        prop_assert!(assertion.posting(Nct::ZERO).amount().is_some());
                    }
                    Err(error) => prop_assert!(count == 0, "{}", error),
                }
            }
        }
    }
}
