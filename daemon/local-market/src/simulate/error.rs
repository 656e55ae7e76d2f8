//! Why a market cannot be simulated.

use daemon_market::Profit;

use crate::{Imbalance, Refused};

/// Why a market cannot be simulated.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum SimulateError {
    /// No bounties, or nothing they could be about.
    #[error("there is nothing to bet on: a market needs bounties, and kinds with a share")]
    Empty,
    /// A number that cannot be what it should be.
    #[error("{of} is {number}: it must be {must}")]
    Number {
        /// Name of the parameter.
        of: String,
        /// Its value.
        number: f64,
        /// Its allowed values.
        must: &'static str,
    },
    /// The exchange does not do what a market needs.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The amounts are too large to count.
    #[error("the amounts are too large to count")]
    TooMuch,
    /// The sums do not balance: a bug.
    #[error("money is not conserved: {0}")]
    Imbalance(#[from] Imbalance),
    /// The profit does not match the accounts: a bug.
    #[error("the books say {profit} NCT, and the balance {gained} NCT")]
    Books {
        /// Added up, bounty by bounty.
        profit: Profit,
        /// The balance at the end less that at the beginning.
        gained: Profit,
    },
}
