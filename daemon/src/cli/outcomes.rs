//! Arguments of `outcomes`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::{ArchivePlace, parse_wait};

/// Arguments of `outcomes`.
#[derive(Args, Debug)]
pub struct OutcomesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: OutcomesCommand,
}

/// What to do with outcomes.
#[derive(Subcommand, Debug)]
pub enum OutcomesCommand {
    /// Write down how bounties were settled, as CSV or one JSON object a line tells.
    Import(OutcomesImportArgs),
    /// Correct what was told of a bounty, where it was wrong. What was told first is kept beside it.
    Correct(OutcomesCorrectArgs),
}

/// In which form outcomes come.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutcomesForm {
    /// CSV where the file's name ends in .csv, else one JSON object a line.
    Auto,
    /// Comma-separated values; the first line names them.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// Arguments of `outcomes import`.
#[derive(Args, Debug)]
#[command(
    after_help = "Each line names a bounty, or with sha256 every bounty about that artifact, and tells the truth \
(malicious, benign or none), the payout, or both. Amounts are in NCT. What else stands in a line of JSON (contract, reward, \
assertions, votes) is kept for `stakeout report`; docs/json.md says what it may be.

  bounty,truth,payout,fee
  1234567890123,malicious,1.53125,0.03125

  {\"sha256\": \"275a021b…\", \"truth\": \"malicious\"}

A daemon that is running takes them in; without one they go into its archive at once. What is known already is not
written again; where something else is known, that stays, and the exit code is 1. A payout that cannot be (more than the
reward and all stakes) is refused, and the exit code is 2.

Examples:
  stakeout outcomes import --config /etc/stakeout.toml settled.csv
  market-export | stakeout outcomes import -"
)]
pub struct OutcomesImportArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Files to read; `-` is standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, required = true)]
    pub files: Vec<PathBuf>,
    /// In which form they are.
    #[arg(long, value_enum, default_value_t = OutcomesForm::Auto)]
    pub form: OutcomesForm,
    /// Longest to wait for a daemon that is running.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_wait)]
    pub patience: Duration,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `outcomes correct`.
#[derive(Args, Debug)]
#[command(
    after_help = "What is not named stays as it was told. The report and the purse go by what is right from then on; a purse \
that losses closed stays closed until `stakeout purse resume`.

Examples:
  stakeout outcomes correct 1234567890123 --truth benign --payout 0 --reason \"the portal shows another ground truth\"
  stakeout outcomes correct 1234567890123 --payout none --reason \"it was the payout of another bounty\""
)]
pub struct OutcomesCorrectArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// The bounty's id.
    #[arg(value_name = "BOUNTY")]
    pub bounty: String,
    /// In which phase it asked: as an expert, unless it is named.
    #[arg(long, value_parser = ["assertion", "arbitration"])]
    pub phase: Option<String>,
    /// The truth about the artifact.
    #[arg(long, value_parser = ["malicious", "benign", "none"])]
    pub truth: Option<String>,
    /// What was paid out to us, in NCT; `none` where that is not known.
    #[arg(long, value_name = "NCT")]
    pub payout: Option<String>,
    /// What the assertion cost beside its stake, in NCT; `none` where that is not known.
    #[arg(long, value_name = "NCT")]
    pub fee: Option<String>,
    /// Why it is known better now: it is written down.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Longest to wait for a daemon that is running.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_wait)]
    pub patience: Duration,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}
