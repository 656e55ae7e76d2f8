//! `stakeout daemon`: runs the microengine until it is asked to end.

use clap::Args;
use daemon_service::daemon::{Ended, Options, run};

use crate::cli::args::ConfigFile;
use crate::exit::Exit;
use crate::terminal::notice;

/// Arguments of `daemon`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout config example > /etc/stakeout.toml
  STAKEOUT_WEBHOOK_SECRET=… stakeout daemon --config /etc/stakeout.toml
  stakeout daemon --config /etc/stakeout.toml --dry-run      judges, and answers nobody

SIGTERM: takes no more bounties, answers those it took, and ends. SIGHUP: loads the rules and the secrets anew.
Exit codes: 0 asked to end, 2 cannot go on, 64 the configuration is wrong, or what else only a person can mend.")]
pub struct DaemonArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// How much is staked, whatever the configuration says.
    #[arg(long, value_name = "STRATEGY", env = "BID_STRATEGY")]
    pub bid_strategy: Option<String>,
    /// Write answers down, in an archive of their own (`dry-run` in the archive's directory), and send none.
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs it.
pub fn daemon(args: &DaemonArgs) -> anyhow::Result<Exit> {
    let options =
        Options { config: args.config.path.clone(), bid_strategy: args.bid_strategy.clone(), dry_run: args.dry_run };
    Ok(match run(&options)? {
        Ended::Asked => Exit::Clean,
        Ended::Failed => Exit::Error,
        Ended::Misconfigured(why) => {
            notice(&why);
            Exit::BadConfiguration
        }
    })
}
