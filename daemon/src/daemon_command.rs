//! `stakeout daemon`: runs the microengine until it is asked to end.

use daemon_service::daemon::{Ended, Options, run};

use crate::cli::DaemonArgs;
use crate::exit::Exit;
use crate::terminal::notice;

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
