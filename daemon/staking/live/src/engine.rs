//! What a running engine knows of itself, without asking its archive.

use daemon_ledger::{profit_text, text_profit};
use daemon_market::{Nct, Profit};
use serde::{Deserialize, Serialize};

/// A running engine.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct EngineNow {
    /// Its name, as its answers have it.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// Whether answers are recorded and not sent.
    pub dry_run: bool,
    /// When it started, in microseconds since 1970.
    pub started: i64,
    /// Why it makes no progress; null if it does.
    pub not_live: Option<String>,
    /// Why it takes no bounties; null if it does.
    pub not_ready: Option<String>,
    /// The rules in use.
    pub rules: RulesNow,
    /// The workers.
    pub workers: WorkersNow,
    /// The number of open bounties in each state.
    pub open: Vec<StateCount>,
    /// The open bounties whose deadlines are next.
    pub next: Vec<OpenBountyNow>,
    /// The number of assertions on a chain in each state, whose stakes are not free yet.
    pub assertions: Vec<StateCount>,
    /// The purse.
    pub purse: PurseNow,
    /// The alarms that are on.
    pub alarms: Vec<AlarmNow>,
}

impl EngineNow {
    /// The number of open bounties.
    pub fn open(&self) -> u64 {
        self.open.iter().map(|state| state.count).sum()
    }

    /// Why it makes no progress, or takes no bounties; `None` if all is well.
    pub fn why_not(&self) -> Option<&str> {
        self.not_live.as_deref().or(self.not_ready.as_deref())
    }
}

/// How many things are in a state.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StateCount {
    /// The state.
    pub state: String,
    /// How many.
    pub count: u64,
}

/// The rules in use.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RulesNow {
    /// The generation.
    pub generation: String,
    /// The number of YARA rules.
    pub rules: u64,
    /// Since when, in microseconds since 1970.
    pub since: i64,
    /// How often they were replaced.
    pub reloads: u64,
    /// How often a reload was rejected.
    pub rejected: u64,
    /// What was wrong with the last load; empty if nothing was.
    pub problems: Vec<String>,
    /// The models, each in a line.
    pub models: Vec<String>,
    /// The generation of the shadow set; null where there is none.
    pub shadow: Option<String>,
}

/// The workers of this process.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WorkersNow {
    /// How many there are at most.
    pub most: u64,
    /// Artifacts that are with workers or wait for one.
    pub examining: u64,
    /// Artifacts that were scanned since the start.
    pub examined: u64,
    /// Artifacts in a row for which no worker was available.
    pub workless: u64,
}

/// An open bounty.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OpenBountyNow {
    /// Its id.
    pub id: String,
    /// Its phase.
    pub phase: String,
    /// The state it is in.
    pub state: String,
    /// Its deadline, in microseconds since 1970.
    pub expires: i64,
    /// How many artifacts it has.
    pub artifacts: u64,
}

/// The purse.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PurseNow {
    /// Why it is closed; null where it is open.
    pub closed: Option<String>,
    /// At stake: not settled yet.
    pub open: Nct,
    /// Most that may be; null: no limit.
    pub open_max: Option<Nct>,
    /// The number of open stakes.
    pub open_stakes: u64,
    /// Staked within the last hour.
    pub hour: Nct,
    /// Most that may be; null: no limit.
    pub hour_max: Option<Nct>,
    /// Staked within the last day.
    pub day: Nct,
    /// Most that may be; null: no limit.
    pub day_max: Option<Nct>,
    /// The profit of stakes that were settled within the last day, fees included.
    #[serde(serialize_with = "profit_text", deserialize_with = "text_profit")]
    pub profit_of_the_day: Profit,
    /// Current number of losses in a row.
    pub losses_in_a_row: u64,
}

/// An alarm that is on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AlarmNow {
    /// Its id.
    pub id: String,
    /// What happened, and what to do about it.
    pub message: String,
    /// When it went off, in microseconds since 1970.
    pub since: i64,
}
