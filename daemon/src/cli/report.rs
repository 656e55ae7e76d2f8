//! Arguments of `report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use daemon_ledger::Grouping;

use super::ArchivePlace;
use super::when::{When, parse_when};

/// Arguments of `report`.
#[derive(Args, Debug)]
#[command(
    after_help = "Profit includes all fees and is exact; what nobody told is counted apart. Reads while a daemon \
writes. DATE is 2026-11-23 or 2026-11-23T14:30:00Z, in UTC; AGO is so long before now: 90m, 36h, 7d, 4w.

Examples:
  stakeout report --since 7d
  stakeout report --by strategy --by rule --since 2026-11-01 --until 2026-11-30
  stakeout report --html report.html --json > report.json"
)]
pub struct ReportArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Only bounties that came then or later.
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_when)]
    pub since: Option<When>,
    /// Only bounties that came before; where it is a day, that day included.
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_when)]
    pub until: Option<When>,
    /// Group bounties by this. May be repeated. Default: by day, kind and verdict; on the page, by everything.
    #[arg(long = "by", value_name = "WHAT", value_enum)]
    pub by: Vec<By>,
    /// Print one JSON document (see docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// Write a page with charts to FILE, too. A browser shows it as it is: it loads nothing.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

/// By what bounties are grouped, as the command line has it.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The day on which they came, in UTC.
    Day,
    /// What their artifact is, by triage.
    Kind,
    /// What was said.
    Verdict,
    /// Which strategy decided the stake.
    Strategy,
    /// The malware family.
    Family,
    /// Each YARA rule that hit.
    Rule,
    /// Each indicator that was seen.
    Indicator,
}

impl From<By> for Grouping {
    fn from(by: By) -> Grouping {
        match by {
            By::Day => Grouping::Day,
            By::Kind => Grouping::Kind,
            By::Verdict => Grouping::Verdict,
            By::Strategy => Grouping::Strategy,
            By::Family => Grouping::Family,
            By::Rule => Grouping::Rule,
            By::Indicator => Grouping::Indicator,
        }
    }
}
