//! `stakeout top`: what a running daemon does, in a terminal.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use daemon_live::{Overview, watch, write_overview};

use crate::cli::args::{ConfigFile, parse_wait};
use crate::cli::{admin_client, config};
use crate::exit::Exit;
use crate::terminal::interrupt;

/// Arguments of `top`.
#[derive(Args, Debug)]
#[command(after_help = "Shows the numbers of the live page, which the daemon serves at admin.listen. Ctrl-C ends it.

Examples:
  stakeout top --config /etc/stakeout/stakeout.toml
  stakeout top --once --json | jq .engine.purse

Exit codes: 0 the daemon takes bounties, 1 it does not, 2 no daemon answers (only with --once, --json, or without a \
terminal).")]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Address of the daemon's admin server. Overrides admin.listen of the configuration.
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<SocketAddr>,
    /// Time between two looks.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_wait)]
    pub interval: Duration,
    /// Print once, and end. The same without a terminal.
    #[arg(long)]
    pub once: bool,
    /// Print the daemon's answer as JSON (see docs/json.md), and end.
    #[arg(long)]
    pub json: bool,
}

/// Runs `stakeout top`.
pub(crate) fn top(args: &TopArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let address = match args.admin {
        Some(address) => address,
        None => config::load(args.config.path.as_deref())?.admin.listen,
    };
    if !(args.once || args.json || !std::io::stdout().is_terminal()) {
        // It never kills us, so that the terminal is always left as it was.
        let stop = interrupt::listen_gently().context("cannot listen for signals")?;
        let ask = || ask(address).map(|(_, overview)| overview).map_err(|error| format!("{error:#}"));
        watch(ask, args.interval, &stop)?;
        return Ok(Exit::Clean);
    }
    let (text, overview) = ask(address)?;
    if args.json {
        out.write_all(text.as_bytes())?;
    } else {
        write_overview(&overview, out)?;
    }
    Ok(if overview.engine.why_not().is_none() { Exit::Clean } else { Exit::Found })
}

/// What the daemon says, as text and read.
fn ask(address: SocketAddr) -> anyhow::Result<(String, Overview)> {
    let text = admin_client::get(&format!("http://{address}/overview.json"))
        .with_context(|| format!("no daemon answers at {address} (admin.listen)"))?;
    let overview = serde_json::from_str(&text).context("the daemon has another version")?;
    Ok((text, overview))
}
