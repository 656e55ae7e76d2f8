//! The most common bounty: one artifact, and every assertion revealed.

use super::{Asserted, Bits, ContractVersion, SettleError, Settlement, Settling, settle};
use crate::Nct;

/// Settles a bounty of one artifact. Each of `assertions` is a bid and whether it says malicious; each of `votes` is
/// whether an arbiter says malicious; `arbiters` is their number.
///
/// # Errors
///
/// As [`settle`](crate::settle).
pub fn settle_one(
    contract: ContractVersion,
    amount: Nct,
    bounty_fee: Nct,
    assertion_fee: Nct,
    arbiters: u32,
    assertions: &[(Nct, bool)],
    votes: &[bool],
) -> Result<Settlement, SettleError> {
    let bit = |malicious: bool| Bits::from(u128::from(malicious));
    let asserted = |(bid, malicious): &(Nct, bool)| Asserted {
        bids: vec![*bid],
        mask: bit(true),
        verdicts: bit(*malicious),
        revealed: true,
    };
    let what = Settling {
        amount,
        num_artifacts: 1,
        bounty_fee,
        assertion_fee,
        arbiter_count: arbiters,
        assertions: assertions.iter().map(asserted).collect(),
        votes: votes.iter().copied().map(bit).collect(),
    };
    settle(contract, &what)
}
