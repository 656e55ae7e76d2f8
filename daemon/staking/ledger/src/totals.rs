//! What bounties come to together.

use std::collections::HashMap;

use daemon_market::{Nct, Profit};
use serde::{Serialize, Serializer};

use crate::LedgerEntry;
use crate::entry::AMOUNT_MAX;

/// More groups than these are lumped together: names come from others, and memory is ours.
const GROUPS_MAX: usize = 10_000;
/// What those are called that came after.
pub const OTHERS: &str = "(others)";

/// What some bounties come to. Exact: whatever is not known is counted, and in no sum.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Sums {
    /// Bounties that were answered.
    pub bounties: u64,
    /// Those of them that something was staked on.
    pub bets: u64,
    /// Bets that are not settled, as far as we heard.
    pub open: u64,
    /// Bets that were right.
    pub won: u64,
    /// Bets that were wrong.
    pub lost: u64,
    /// Settled bets of which nobody told what they came to.
    pub unknown: u64,
    /// What was staked in all, in NCT.
    pub staked: Nct,
    /// What was staked on bets of which it is known what they came to.
    pub reckoned: Nct,
    /// What these gained or lost, fees included.
    #[serde(serialize_with = "text")]
    pub profit: Profit,
    /// The same, and what is assumed of those that won nobody told how much.
    #[serde(serialize_with = "text")]
    pub estimated: Profit,
}

/// A profit as text, as amounts are: JSON numbers hold no such integers.
pub(crate) fn text<S: Serializer>(profit: &Profit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(profit)
}

/// Why no sum of amounts up to [`AMOUNT_MAX`] overflows.
pub(crate) const FITS: &str = "2^31 amounts of at most 2^96 fit into 127 bits";

impl Sums {
    /// Counts one bounty.
    pub fn add(&mut self, entry: &LedgerEntry) {
        self.bounties += 1;
        let staked = entry.staked();
        if staked == Nct::ZERO {
            return;
        }
        self.bets += 1;
        if staked > AMOUNT_MAX {
            self.unknown += 1;
            return;
        }
        self.staked = self.staked.checked_add(staked).expect(FITS);
        if entry.outcome.is_none() {
            self.open += 1;
            return;
        }
        match entry.right() {
            Some(true) => self.won += 1,
            Some(false) => self.lost += 1,
            None => {}
        }
        match entry.profit() {
            Some(profit) => {
                self.reckoned = self.reckoned.checked_add(staked).expect(FITS);
                self.profit = self.profit.checked_add(profit).expect(FITS);
                self.estimated = self.estimated.checked_add(profit).expect(FITS);
            }
            None => {
                self.unknown += 1;
                self.estimated = self.estimated.checked_add(entry.estimate().unwrap_or_default()).expect(FITS);
            }
        }
    }

    /// Profit for each NCT staked, of the bets of which it is known; `None` where there are none.
    pub fn return_on_stake(&self) -> Option<f64> {
        ratio(self.profit, self.reckoned)
    }
}

/// Profit for each NCT staked.
pub(crate) fn ratio(profit: Profit, staked: Nct) -> Option<f64> {
    (staked > Nct::ZERO).then(|| profit.base_units() as f64 / staked.base_units() as f64)
}

/// Something for each of many names, of which there are at most [`GROUPS_MAX`].
#[derive(Clone, Debug)]
pub(crate) struct Groups<T> {
    groups: HashMap<String, T>,
}

impl<T> Default for Groups<T> {
    fn default() -> Self {
        Groups { groups: HashMap::new() }
    }
}

impl<T: Default> Groups<T> {
    /// What there is for this name.
    pub fn of(&mut self, name: &str) -> &mut T {
        let name = if self.groups.len() < GROUPS_MAX || self.groups.contains_key(name) { name } else { OTHERS };
        self.groups.entry(name.to_owned()).or_default()
    }

    /// Everything, by name.
    pub fn sorted(self) -> Vec<(String, T)> {
        let mut groups: Vec<(String, T)> = self.groups.into_iter().collect();
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        groups
    }
}
