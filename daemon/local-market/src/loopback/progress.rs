//! Progress of a run.

use std::time::Duration;

use daemon_market::Profit;

/// Progress of a run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RunProgress {
    /// Total number of bounties.
    pub number: u64,
    /// Number of posted bounties.
    pub posted: u64,
    /// Number of settled bounties.
    pub settled: u64,
    /// Progress of each engine.
    pub engines: Vec<EngineProgress>,
}

/// Progress of an engine.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EngineProgress {
    /// Name of the engine.
    pub name: String,
    /// Number of bounties that it answered.
    pub answered: u64,
    /// From the delivery of a bounty to its answer, in half of all cases.
    pub latency: Duration,
    /// Its profit so far.
    pub profit: Profit,
}

/// Percentile of `times` (`share` from 0.0 to 1.0); zero if there are none.
pub(super) fn percentile(times: &[Duration], share: f64) -> Duration {
    let mut times = times.to_vec();
    let Some(last) = times.len().checked_sub(1) else { return Duration::ZERO };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length; what is beyond is the last"
    )]
    let at = ((share * times.len() as f64) as usize).min(last);
    *times.select_nth_unstable(at).1
}
