//! The bounty that there is most of: one artifact, and every assertion revealed.

use super::{Asserted, Bits, Contract, SettleError, Settlement, Settling, settle};
use crate::Nct;

/// Settles a bounty of one artifact: `assertions` are bids and whether they say malicious, `votes` whether an arbiter
/// does, `arbiters` how many there are.
pub fn settle_one(
    contract: Contract,
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
