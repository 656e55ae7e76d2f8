//! The ledger: profit and loss, and what other strategies would have earned.
//!
//! Reads the journal's stories ([`LedgerEntry`]) and nothing else: no files, no clock, no network. [`Ledger`] makes a
//! [`LedgerReport`] of them in one pass, [`report()`] of a whole journal; [`Replay`] settles one bounty again with another stake; [`replay()`] decides the whole
//! past again, step by step, with another strategy, and [`compare`] says what that would have earned; [`Alarms`] watches
//! while bounties come in. How a report is shown is the business of `daemon-statement`.
//!
//! Sums are exact. What is unknown is counted as such, and never guessed into a sum.
//!
//! ```
//! use daemon_journal::{Filter, MemoryJournal};
//! use daemon_ledger::{AlarmLimits, Grouping, Question, report};
//! use daemon_market::Timestamp;
//!
//! let question =
//!     Question { groupings: vec![Grouping::Day], strategies: Vec::new(), alarms: AlarmLimits::default() };
//! let report = report(&MemoryJournal::new(), &Filter::default(), question, Timestamp::from_micros(0))?;
//! assert_eq!(report.total.sums.bets, 0);
//! # Ok::<(), daemon_journal::JournalError>(())
//! ```

#![forbid(unsafe_code)]

mod alarms;
mod bootstrap;
mod calibration;
mod config;
mod counterfactual;
mod engines;
mod entry;
mod grouping;
mod lately;
mod latency;
mod ledger;
mod profit_series;
mod replay;
mod report;
mod rivals;
mod shadow;
mod shadow_opinion;
mod stake_grid;
mod strategies;
mod totals;

pub use alarms::{
    Alarm, AlarmEnding, AlarmId, AlarmLimits, Alarms, AnswerResult, CALIBRATION_RECENT, CALIBRATION_TRAILING_MAX,
    CALIBRATION_TRAILING_MIN, RETURN_RECENT, RETURN_TRAILING_MAX, RETURN_TRAILING_MIN,
};
pub use bootstrap::{Interval, Resampling};
pub use calibration::{BINS, BinRow, Calibration, CalibrationRow};
pub use config::AlarmsConfig;
pub use counterfactual::{Replay, bid_of, counterfactual, counterfactual_saying, request_of};
pub use daemon_settlement::{SettlementRecord, ToldAssertion, ToldVotes};
pub use engines::{ALL_ENGINES, EngineReport, EngineTotals, EnginesReport, text_profit};
pub use entry::{AMOUNT_MAX, LedgerEntry, essence};
pub use grouping::{Grouping, NONE, day};
pub use lately::{LATELY_AGE_MAX, LATELY_BAD_MIN, LATELY_RECENT};
pub use latency::{Latency, LatencyBar, Misses};
pub use ledger::{
    CalibrationTable, Coverage, GroupRow, GroupTable, KindCalibration, Ledger, LedgerReport, ProfitLines, Question,
    RivalTable, SCHEMA_VERSION,
};
pub use profit_series::Moment;
pub use replay::{
    Against, Bidder, Comparing, Comparison, ComparisonTally, DecisionDifference, Fold, Judged, Past, Replayed,
    Reproduced, Side, Turn, Way, compare, replay, reproduced,
};
pub use report::report;
pub use rivals::RivalRow;
pub use shadow::{Correctness, ShadowBids, ShadowQuestion, ShadowRow, shadows};
pub use shadow_opinion::ShadowOpinion;
pub use stake_grid::StakeGrid;
pub use strategies::{AS_STAKED, StrategyRow, StrategyTable};
pub use totals::{OTHERS, Sums, profit_text};
