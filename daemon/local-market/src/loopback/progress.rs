//! How far a run has come.

use std::time::Duration;

use daemon_market::Profit;

/// How far a run has come.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Progress {
    /// How many bounties there will be.
    pub number: u64,
    /// How many were posted.
    pub posted: u64,
    /// How many are settled.
    pub settled: u64,
    /// How engines do.
    pub engines: Vec<EngineProgress>,
}

/// How an engine does.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EngineProgress {
    /// What it is called.
    pub name: String,
    /// How many bounties it answered.
    pub answered: u64,
    /// From the delivery of a bounty to its answer, in half of all cases.
    pub latency: Duration,
    /// What it has gained or lost.
    pub profit: Profit,
}

/// The time below which so much (0.0 to 1.0) of `times` lies; nothing where there is nothing.
pub(super) fn percentile(times: &[Duration], share: f64) -> Duration {
    let mut times = times.to_vec();
    let Some(last) = times.len().checked_sub(1) else { return Duration::ZERO };
    let at = ((share * times.len() as f64) as usize).min(last);
    *times.select_nth_unstable(at).1
}
