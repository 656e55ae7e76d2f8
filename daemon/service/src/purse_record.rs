//! The purse as JSON: what a daemon says of its own, and the command line of that in a journal.

use daemon_market::{Nct, Purse, Timestamp};
use serde::{Deserialize, Serialize};

/// State of the purse as JSON. Amounts are strings in NCT; null means no limit.
#[derive(Serialize, Deserialize)]
pub struct PurseRecord {
    /// Why it is closed; null where it is open.
    pub closed: Option<String>,
    /// Most that may be staked on the next bounty.
    pub most: Nct,
    /// Why nothing may be staked, if nothing may.
    pub why_nothing: Option<String>,
    /// Most that may be staked on one bounty.
    pub bounty_max: Nct,
    /// Staked within the last hour.
    pub hour: Used,
    /// Staked within the last day.
    pub day: Used,
    /// At stake: not settled yet.
    pub open: Used,
    /// Number of open stakes.
    pub open_stakes: usize,
    /// Lost within the last day, less what was won.
    pub loss_of_the_day: Used,
    /// Current number of losses in a row.
    pub losses_in_a_row: u32,
    /// Number of losses in a row that closes the purse.
    pub losses_in_a_row_max: Option<u32>,
    /// The return of the latest stakes, as a share of what was staked.
    pub return_recent: Option<f64>,
    /// The return of those before them.
    pub return_before: Option<f64>,
    /// Drop of the return in percentage points that closes the purse.
    pub drop_max_percent: Option<u32>,
}

/// An amount, and the most that it may be.
#[derive(Serialize, Deserialize)]
pub struct Used {
    /// The amount now.
    pub now: Nct,
    /// Most that it may be; null: no limit.
    pub max: Option<Nct>,
}

impl PurseRecord {
    /// Returns the present state of this purse.
    pub fn of(purse: &mut Purse, now: Timestamp) -> PurseRecord {
        let (hour, day) = purse.staked(now);
        let most = purse.most(now);
        let limits = *purse.limits();
        let breaker = purse.breaker();
        let returns = breaker.returns();
        PurseRecord {
            closed: purse.closed().map(str::to_owned),
            most: most.unwrap_or(Nct::ZERO),
            why_nothing: most.err().map(str::to_owned),
            bounty_max: limits.bounty_max,
            hour: Used { now: hour, max: limits.hour_max },
            day: Used { now: day, max: limits.day_max },
            open: Used { now: purse.open_stakes(), max: limits.open_max },
            open_stakes: purse.open_count(),
            loss_of_the_day: Used { now: breaker.profit_of_the_day().loss(), max: limits.losses.day_max },
            losses_in_a_row: breaker.losses_in_a_row(),
            losses_in_a_row_max: limits.losses.row_max,
            return_recent: returns.map(|(recent, _)| recent),
            return_before: returns.map(|(_, before)| before),
            drop_max_percent: limits.losses.drop_max_percent,
        }
    }
}
