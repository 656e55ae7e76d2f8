//! The ledger: what was staked, what it came to, and what else it could have come to.
//!
//! Reads the archive's stories ([`Entry`]) and nothing else: no files, no clock, no network. [`Ledger`] makes a
//! [`Report`] of them in one pass; [`Replay`] settles one bounty again with another stake; [`replay`] decides all of the
//! past again, step by step, as another strategy would have, and [`compare`] says what that would have come to; [`Alarms`]
//! watches while bounties come; [`page`] makes a page of a report that a browser shows without anything else.
//!
//! Sums are exact. What nobody told is counted, and never guessed into a sum.

#![forbid(unsafe_code)]

mod again;
mod alarms;
mod bootstrap;
mod calibration;
mod course;
mod entry;
mod grouping;
mod lately;
mod latency;
mod ledger;
mod page;
mod replay;
mod rivals;
mod sections;
pub mod shown;
mod stakes;
mod strategies;
mod sums;
mod told;

pub use again::{Replay, bid_of, counterfactual, counterfactual_saying, request_of};
pub use alarms::{
    Alarm, AlarmId, AlarmLimits, Alarms, CALIBRATION_RECENT, CALIBRATION_TRAILING_MAX, CALIBRATION_TRAILING_MIN, Ended,
    Heard, RETURN_RECENT, RETURN_TRAILING_MAX, RETURN_TRAILING_MIN,
};
pub use bootstrap::{Interval, Resampling};
pub use calibration::{BINS, BinRow, Calibration, CalibrationRow};
pub use course::Moment;
pub use entry::{AMOUNT_MAX, Entry, essence};
pub use grouping::{Grouping, NONE, day};
pub use lately::{LATELY_AGE_MAX, LATELY_BAD_MIN, LATELY_RECENT};
pub use latency::{Latency, LatencyBar, Misses};
pub use ledger::{
    CalibrationTable, Coverage, GroupRow, GroupTable, KindCalibration, Ledger, Lines, Question, Report, RivalTable,
    SCHEMA_VERSION,
};
pub use page::{Heading, page};
pub use replay::{
    Against, Bidder, Comparing, Comparison, Difference, Fold, Judged, Past, Replayed, Reproduced, Side, Tally, Turn,
    Way, compare, replay, reproduced,
};
pub use rivals::RivalRow;
pub use sections::{About, Cell, Column, Section, Tone};
pub use stakes::StakeGrid;
pub use strategies::{AS_STAKED, StrategyRow, StrategyTable};
pub use sums::{OTHERS, Sums};
pub use told::{Told, ToldAssertion, ToldVotes};
