//! What the market asks for: fees, bounds of bids, windows. Read anew after every connect, for they may have changed.

use daemon_base::Nct;
use daemon_market::BidBounds;
use serde::Deserialize;

use crate::event::{FeeUpdate, WindowUpdate};
use crate::lenient;

/// Parameters of the market, by `GET /bounties/parameters`. Blocks are seconds on fast polyswarmd.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Parameters {
    /// What posting a bounty costs.
    #[serde(default, deserialize_with = "lenient::nct")]
    pub bounty_fee: Nct,
    /// What an assertion costs, besides its bids.
    #[serde(deserialize_with = "lenient::nct")]
    pub assertion_fee: Nct,
    /// The smallest reward of a bounty, for each artifact.
    #[serde(default, deserialize_with = "lenient::nct")]
    pub bounty_amount_minimum: Nct,
    /// The smallest bid on an artifact.
    #[serde(deserialize_with = "lenient::nct")]
    pub assertion_bid_minimum: Nct,
    /// The largest bid on an artifact.
    #[serde(deserialize_with = "lenient::nct")]
    pub assertion_bid_maximum: Nct,
    /// Of interest to arbiters only.
    #[serde(default, deserialize_with = "lenient::u64")]
    pub arbiter_lookback_range: u64,
    /// Longest that a bounty may take assertions, in blocks.
    #[serde(default, deserialize_with = "lenient::u64")]
    pub max_duration: u64,
    /// Blocks after the expiration in which assertions may be revealed.
    #[serde(deserialize_with = "lenient::u64")]
    pub assertion_reveal_window: u64,
    /// Blocks after that in which arbiters may vote.
    #[serde(deserialize_with = "lenient::u64")]
    pub arbiter_vote_window: u64,
}

impl Parameters {
    /// The bounds of a bid on one artifact.
    pub fn bounds(&self) -> BidBounds {
        BidBounds { min: self.assertion_bid_minimum, max: self.assertion_bid_maximum }
    }

    /// Takes over new fees.
    pub fn update_fees(&mut self, update: FeeUpdate) {
        self.bounty_fee = update.bounty_fee;
        self.assertion_fee = update.assertion_fee;
    }

    /// Takes over new windows.
    pub fn update_windows(&mut self, update: WindowUpdate) {
        self.assertion_reveal_window = update.assertion_reveal_window;
        self.arbiter_vote_window = update.arbiter_vote_window;
    }
}
