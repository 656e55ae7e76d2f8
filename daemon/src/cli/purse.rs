//! Arguments of `purse`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{ArchivePlace, parse_wait};

/// Arguments of `purse`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct PurseArgs {
    /// What to do. Without it, what `status` does.
    #[command(subcommand)]
    pub command: Option<PurseCommand>,
    #[command(flatten)]
    pub status: PurseStatusArgs,
}

/// What to do with the purse.
#[derive(Subcommand, Debug)]
pub enum PurseCommand {
    /// Show what may still be risked, what is at stake, and whether losses closed the purse.
    Status(PurseStatusArgs),
    /// Open the purse after losses closed it. Losses up to now close it no more.
    Resume(PurseResumeArgs),
}

/// Arguments of `purse status`.
#[derive(Args, Debug)]
pub struct PurseStatusArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `purse resume`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout purse resume --config /etc/stakeout.toml --reason \"the weights of last night are taken back\"")]
pub struct PurseResumeArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Why it may be opened: it is written down.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Do not ask. Needed where nobody can be asked.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Longest to wait for a daemon that is running.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_wait)]
    pub patience: Duration,
}
