//! What would be staked on a report: shown beside it, for nobody is asked and nothing is risked.

use analyzers::Weights;
use daemon_engine::Report;
use daemon_market::{BidBounds, Conviction, DefaultStrategy, Nct};
use daemon_pool::Examined;
use daemon_report::{FileRecord, Subject, would_bid};
use serde::Serialize;

/// The report on a file, and what would be staked on it.
#[derive(Serialize, Debug)]
pub struct StakedRecord {
    /// The report.
    #[serde(flatten)]
    pub file: FileRecord,
    /// What the default strategy would stake, in NCT, within the bounds given; "0" where it would not bid.
    pub stake: String,
}

impl StakedRecord {
    /// The record of an examination, and what would be staked within `bounds`.
    pub fn new(subject: &Subject<'_>, examined: &Examined, weights: &Weights, bounds: BidBounds) -> StakedRecord {
        let stake = stake(&examined.report, bounds).to_string();
        StakedRecord { file: FileRecord::new(subject, examined, weights), stake }
    }
}

/// What the default strategy would stake on the report.
pub fn stake(report: &Report, bounds: BidBounds) -> Nct {
    if would_bid(report) {
        DefaultStrategy.bid(Conviction::from_probability(report.opinion.confidence.get()), bounds)
    } else {
        Nct::ZERO
    }
}
