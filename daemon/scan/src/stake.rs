//! The stake shown beside a report. Who shows a report sends no bid.

use analyzers::Weights;
use daemon_engine::Report;
use daemon_market::{BidBounds, Conviction, DefaultStrategy, Nct};
use daemon_pool::Examined;
use daemon_report::{FileRecord, Subject, would_bid};
use serde::Serialize;

/// A report on a file and the stake on it.
#[derive(Serialize, Debug)]
pub struct StakedRecord {
    /// The report.
    #[serde(flatten)]
    pub file: FileRecord,
    /// Stake of the default strategy in NCT, within --min-bid and --max-bid; "0" if it would not bid.
    pub stake: String,
}

impl StakedRecord {
    /// Makes the record of an examination, with its stake within `bounds`.
    pub fn new(subject: &Subject<'_>, examined: &Examined, weights: &Weights, bounds: BidBounds) -> StakedRecord {
        let stake = stake(&examined.report, bounds).to_string();
        StakedRecord { file: FileRecord::new(subject, examined, weights), stake }
    }
}

/// Returns the stake of the default strategy on the report.
pub fn stake(report: &Report, bounds: BidBounds) -> Nct {
    if would_bid(report) {
        DefaultStrategy.bid(Conviction::from_probability(report.opinion.confidence.get()), bounds)
    } else {
        Nct::ZERO
    }
}
