//! All results of a backtest.

use daemon_ledger::{Comparison, Reproduced, Resampling, Side};
use daemon_market::Timestamp;
use serde::Serialize;

/// Name of the recorded decisions in the comparison.
pub const AS_RECORDED: &str = "as recorded";

/// All results of a backtest.
#[derive(Debug)]
pub struct Backtest<'b> {
    /// How the confidence intervals were computed.
    pub resampling: Resampling,
    /// Whether bounties whose artifact is no longer stored were left out.
    pub only_stored: bool,
    /// How many recorded decisions were reproduced.
    pub reproduced: &'b Reproduced,
    /// Counts of the artifacts that were scanned again.
    pub anew: Option<&'b RescanSummary>,
    /// Names of the compared strategies.
    pub names: Vec<&'b str>,
    /// For each strategy, when and why losses closed its purse.
    pub closings: Vec<&'b [(Timestamp, String)]>,
    /// The comparison: first what was done, then each strategy.
    pub comparison: &'b Comparison,
}

impl Backtest<'_> {
    /// Returns name, results and purse closings of what was done and of each strategy. (The closings of what was done
    /// are in the journal.)
    pub fn sides(&self) -> impl Iterator<Item = (&str, &Side, &[(Timestamp, String)])> {
        let names = std::iter::once(AS_RECORDED).chain(self.names.iter().copied());
        let closings = std::iter::once(&[][..]).chain(self.closings.iter().copied());
        names.zip(&self.comparison.sides).zip(closings).map(|((name, side), closings)| (name, side, closings))
    }
}

/// Counts of what was scanned again.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct RescanSummary {
    /// Generation of the rules and weights that were used.
    pub generation: String,
    /// Number of stored artifacts that were scanned.
    pub artifacts: u64,
    /// Number of artifacts that are no longer stored, or damaged.
    pub gone: u64,
    /// Number of scanned artifacts that hit the time limit: another run may find more or less.
    pub cut_short: u64,
    /// Number of bounties with a new judgement.
    pub bounties: u64,
    /// Number of bounties whose artifact is not stored.
    pub bounties_gone: u64,
    /// Number of bounties whose verdict changed.
    pub verdicts_changed: u64,
}
