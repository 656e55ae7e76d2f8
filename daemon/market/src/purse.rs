//! The only source of stakes.

use crate::Nct;

/// An amount set aside for one bounty. Cannot be copied: what is staked is staked once.
#[derive(PartialEq, Eq, Debug)]
pub struct Stake(Nct);

impl Stake {
    /// How much it is.
    pub fn amount(&self) -> Nct {
        self.0
    }
}

/// What may still be risked.
pub trait Purse {
    /// Most that one bounty may risk at the moment.
    fn most(&self) -> Nct;

    /// Sets `amount` aside, if it may be risked.
    fn stake(&mut self, amount: Nct) -> Option<Stake>;

    /// Takes a stake back that was never sent.
    fn put_back(&mut self, stake: Stake);
}

/// A purse that never runs dry, and gives no more than so much for one bounty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SimplePurse {
    /// Most that one bounty may risk.
    pub bounty_max: Nct,
}

impl Purse for SimplePurse {
    fn most(&self) -> Nct {
        self.bounty_max
    }

    fn stake(&mut self, amount: Nct) -> Option<Stake> {
        (amount > Nct::ZERO && amount <= self.bounty_max).then_some(Stake(amount))
    }

    fn put_back(&mut self, _: Stake) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simple_purse_gives_what_it_may() {
        let mut purse = SimplePurse { bounty_max: Nct::from_base_units(5) };
        for (amount, given) in [(0, None), (1, Some(1)), (5, Some(5)), (6, None)] {
            let stake = purse.stake(Nct::from_base_units(amount));
            assert_eq!(stake.map(|stake| stake.amount().base_units()), given, "{amount}");
        }
    }
}
