//! `stakeout daemon`: runs the PolySwarm engine until a signal stops it.

use clap::Args;
use daemon_service::daemon::{DaemonEnded, StartOptions, run};

use crate::cli::args::ConfigFile;
use crate::exit::Exit;
use crate::terminal::notice;

/// Arguments of `daemon`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout config example > /etc/stakeout.toml
  STAKEOUT_WEBHOOK_SECRET=… stakeout daemon --config /etc/stakeout.toml
  stakeout daemon --config /etc/stakeout.toml --dry-run      scan, but send no answers

With [clamd] in the configuration it also scans for mail filters, and without a webhook secret it does that alone \
(docs/clamd.md).

Signals: SIGTERM stops receiving bounties, answers those already accepted, and exits. SIGHUP reloads the rules, \
the weights and the webhook secrets.
Exit codes: 0 stopped by a signal, 2 a fatal error, 64 the configuration is wrong, or another problem that a restart cannot fix.")]
pub(crate) struct DaemonArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Bid strategy. Overrides market.bid_strategy of the configuration; see docs/bidding.md for the strategies.
    #[arg(long, value_name = "STRATEGY", env = "BID_STRATEGY")]
    pub bid_strategy: Option<String>,
    /// Scan and record answers, but do not send them. The records go into a separate archive, the subdirectory
    /// `dry-run` of the archive's directory.
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs `stakeout daemon`.
pub(crate) fn daemon(args: &DaemonArgs) -> anyhow::Result<Exit> {
    let options = StartOptions {
        config: args.config.path.clone(),
        bid_strategy: args.bid_strategy.clone(),
        dry_run: args.dry_run,
        ..StartOptions::default()
    };
    Ok(match run(&options)? {
        DaemonEnded::Asked => Exit::Clean,
        DaemonEnded::Failed => Exit::Error,
        DaemonEnded::Misconfigured(why) => {
            notice(&why);
            Exit::BadConfiguration
        }
    })
}
