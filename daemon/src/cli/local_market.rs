//! Arguments of `local-market`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Arguments of `local-market`.
#[derive(Args, Debug)]
#[command(
    after_help = "Posts signed bounties about your files to your engines, serves the files, takes the answers, has \
rivals bet and arbiters vote, settles as the contract does, and shows what everybody gained or lost. It listens on \
loopback unless told otherwise.

Examples:
  stakeout local-market --example > market.toml
  stakeout local-market --config market.toml
  stakeout local-market --simulate --bounties 5000 --strategies default,aggressive,kelly,threshold

Exit codes: 0 all money is where it should be, 2 it is not, or an error, 130 interrupted."
)]
pub struct LocalMarketArgs {
    /// What is posted, to whom, and what goes wrong.
    #[arg(
        long = "config",
        short = 'c',
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        required_unless_present_any = ["example", "simulate"]
    )]
    pub config: Option<PathBuf>,
    /// Print a commented configuration.
    #[arg(long, conflicts_with_all = ["config", "simulate", "json"])]
    pub example: bool,
    /// Try strategies on bounties that are drawn, not posted: no engine, no network. Rivals, arbiters and amounts are those
    /// of the configuration, where one is given.
    #[arg(long)]
    pub simulate: bool,
    /// How many bounties. Default: as configured; 5000 to simulate.
    #[arg(long, value_name = "N")]
    pub bounties: Option<u64>,
    /// What all chance comes from. Default: as configured, or 1.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Which strategies to try.
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        default_value = "default,conservative,aggressive,kelly,threshold",
        requires = "simulate"
    )]
    pub strategies: Vec<String>,
    /// How sure the simulated engine is of itself: an exponent on its odds. 1.0 is calibrated, more claims too much.
    #[arg(long, value_name = "NUMBER", default_value = "1.0", requires = "simulate")]
    pub overconfidence: f64,
    /// Print a JSON document.
    #[arg(long)]
    pub json: bool,
    /// Show no progress.
    #[arg(long, short = 'q')]
    pub quiet: bool,
}
