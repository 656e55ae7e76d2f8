//! Arguments of `backtest`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use daemon_market::Timestamp;

use super::ArchivePlace;
use super::when::{parse_since, parse_until};

/// Arguments of `backtest`.
#[derive(Args, Debug)]
#[command(after_help = "Without --strategy, --weights and --rules it says whether the strategies and limits of the
configuration decide again what was decided then: all of it, unless they were changed since.

Each strategy decides in the order in which bounties came, knows what was known then, and has a purse of its own with the
limits of the configuration. What its stakes would have come to is settled again exactly, by the market's own arithmetic,
as if everybody else had done what he did. A bounty that cannot be settled again for all of them is left out for all.

Examples:
  stakeout backtest --config /etc/stakeout.toml
  stakeout backtest --strategy kelly --strategy conservative --since 2026-11-01
  stakeout backtest --strategy kelly --kelly-fraction 0.1 --since 7d --json
  stakeout backtest --strategy expression --expression 'if family == \"\" { conviction / 2.0 } else { conviction }'
  stakeout backtest --weights new-weights.toml               other weights, the strategies as they were
  stakeout backtest --rules rules.new --strategy default     other rules, on the artifacts that are kept

Exit codes: 0 done, 2 an error.")]
pub struct BacktestArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Try this strategy (market.bid_strategy of the configuration names all there are). May be repeated. Without it: those
    /// that decided then.
    #[arg(long = "strategy", value_name = "NAME")]
    pub strategies: Vec<String>,
    /// The expression that the strategy `expression` bids by. Default: market.bid_expression.
    #[arg(long, value_name = "TEXT")]
    pub expression: Option<String>,
    /// What part of Kelly's stake the strategy `kelly` stakes. Default: market.kelly_fraction.
    #[arg(long, value_name = "F")]
    pub kelly_fraction: Option<f64>,
    /// Below which conviction the strategy `threshold` stakes nothing. Default: market.bid_threshold.
    #[arg(long, value_name = "T")]
    pub threshold: Option<f64>,
    /// Judge the artifacts that are kept anew, by these weights.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub weights: Option<PathBuf>,
    /// Judge the artifacts that are kept anew, by the YARA rules beneath DIR rather than those of scan.rules. May be
    /// repeated.
    #[arg(long = "rules", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub rules: Vec<PathBuf>,
    /// Leave out the YARA rules built in when judging anew.
    #[arg(long)]
    pub no_shipped_rules: bool,
    /// Leave out bounties whose artifact is not kept any more. Otherwise they keep the judgement that they had.
    #[arg(long)]
    pub only_stored: bool,
    /// Only bounties answered then or later: `2026-11-23`, `2026-11-23T02:15:07Z`, or how long ago (90m, 36h, 7d, 4w).
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_since)]
    pub since: Option<Timestamp>,
    /// Only bounties answered before; where it is a day, that day included.
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_until)]
    pub until: Option<Timestamp>,
    /// Into how many stretches of the same length the time is cut, to see whether a gain is steady.
    #[arg(long, value_name = "K", default_value = "5")]
    pub folds: NonZeroUsize,
    /// How often is drawn again for an interval.
    #[arg(long, value_name = "N", default_value = "2000")]
    pub resamples: NonZeroUsize,
    /// By what chance is drawn again. The same seed gives the same output.
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Print one JSON document (see docs/json.md).
    #[arg(long)]
    pub json: bool,
}

impl BacktestArgs {
    /// Whether artifacts are judged anew.
    pub fn judges(&self) -> bool {
        self.weights.is_some() || !self.rules.is_empty() || self.no_shipped_rules || self.only_stored
    }
}
