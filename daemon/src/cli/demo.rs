//! Arguments of `demo`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Arguments of `demo`.
#[derive(Args, Debug)]
#[command(
    after_help = "Starts a marketplace on loopback and a daemon of this program in a directory that is thrown away, \
posts bounties about files of this machine and about harmless files that look bad, has rivals bet against it, settles \
everything, and shows who gained and who lost. No NCT that is worth anything, no network but loopback.

Examples:
  stakeout demo
  stakeout demo --bounties 50 --strategy kelly --keep /tmp/demo

Exit codes: 0 all was answered in time and money is conserved, 2 it was not, or an error, 130 interrupted."
)]
pub struct DemoArgs {
    /// How many bounties are posted, each about a file of its own.
    #[arg(long, value_name = "N", default_value = "300", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub bounties: u64,
    /// What files, rivals and votes are drawn from.
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// How the daemon bids.
    #[arg(long, value_name = "STRATEGY", default_value = "default")]
    pub strategy: String,
    /// Work in DIR, which must be empty or missing, and keep it: configuration, archive, log, files and report.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub keep: Option<PathBuf>,
    /// Print a JSON document.
    #[arg(long)]
    pub json: bool,
    /// Show no progress.
    #[arg(long, short = 'q')]
    pub quiet: bool,
}
