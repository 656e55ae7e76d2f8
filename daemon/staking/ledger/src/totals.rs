//! Sums over bounties, and over groups of them.

use std::collections::HashMap;

use daemon_market::{Nct, Profit};
use serde::{Serialize, Serializer};

use crate::LedgerEntry;
use crate::entry::AMOUNT_MAX;

/// Most groups; further ones are lumped together, because names come from outside and memory is limited.
const GROUPS_MAX: usize = 10_000;
/// The name of the group that further ones are lumped into.
pub const OTHERS: &str = "(others)";

/// Sums over some bounties. Exact: bounties whose profit is unknown are counted, and in no sum of profits.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Sums {
    /// Bounties that were answered.
    pub bounties: u64,
    /// Answers with a stake.
    pub bets: u64,
    /// Bets that are not settled, as far as we know.
    pub open: u64,
    /// Bets that were right.
    pub won: u64,
    /// Bets that were wrong.
    pub lost: u64,
    /// Settled bets whose profit is unknown.
    pub unknown: u64,
    /// The sum of all stakes.
    pub staked: Nct,
    /// The sum of the stakes whose profit is known.
    pub reckoned: Nct,
    /// The profit of those, fees included.
    #[serde(serialize_with = "profit_text")]
    pub profit: Profit,
    /// The profit plus an estimate for bets that won an unknown amount.
    #[serde(serialize_with = "profit_text")]
    pub estimated: Profit,
}

/// Serializes a profit as a text in NCT, as amounts are: JSON numbers hold no such integers.
///
/// # Errors
/// If the serializer fails.
pub fn profit_text<S: Serializer>(profit: &Profit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(profit)
}

/// Why no sum of amounts up to [`AMOUNT_MAX`] overflows.
pub(crate) const FITS: &str = "2^31 amounts of at most 2^96 fit into 127 bits";

impl Sums {
    /// Counts one bounty.
    #[expect(clippy::missing_panics_doc, reason = "each amount is at most `AMOUNT_MAX`, so no sum of them overflows")]
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

    /// Profit per NCT staked, over the bets whose profit is known; `None` without any.
    pub fn return_on_stake(&self) -> Option<f64> {
        ratio(self.profit, self.reckoned)
    }
}

/// Profit per NCT staked; `None` if nothing was staked.
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
    pub(crate) fn of(&mut self, name: &str) -> &mut T {
        let name = if self.groups.len() < GROUPS_MAX || self.groups.contains_key(name) { name } else { OTHERS };
        self.groups.entry(name.to_owned()).or_default()
    }

    /// Everything, by name.
    pub(crate) fn sorted(self) -> Vec<(String, T)> {
        let mut groups: Vec<(String, T)> = self.groups.into_iter().collect();
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        groups
    }
}
