//! `stakeout health`: asks a running daemon whether it is live and ready.

use std::io::Write;

use anyhow::{Context, bail};
use clap::Args;
use daemon_control::{ControlRequest, Health};
use daemon_service::control_client;

use crate::cli::args::ConfigFile;
use crate::cli::config;
use crate::exit::Exit;
use crate::terminal::format::{safe, shown};

/// Arguments of `health`.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes: 0 live and ready, 1 not live or not ready, 2 no daemon answers.")]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Print the daemon's answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs `stakeout health`.
pub(crate) fn health(args: &HealthArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let config = config::load(args.config.path.as_deref())?;
    let socket = control_client::socket(&config, &config.archive.directory);
    let Some(text) = control_client::ask(&socket, &ControlRequest::Health)? else {
        bail!("no daemon listens at {}: start it, or give its configuration with --config", shown(&socket));
    };
    let health: Health = serde_json::from_str(&text).context("the daemon has another version")?;
    if args.json {
        writeln!(out, "{text}")?;
    } else {
        let Health { version, dry_run, not_live, not_ready } = &health;
        let dry = if *dry_run { ", dry run (--dry-run)" } else { "" };
        writeln!(out, "stakeout {}{dry}", safe(version))?;
        let told =
            |why: &Option<String>| why.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("NO: {}", safe(why)));
        writeln!(out, "  live   {}", told(not_live))?;
        writeln!(out, "  ready  {}", told(not_ready))?;
    }
    Ok(if health.not_live.or(health.not_ready).is_none() { Exit::Clean } else { Exit::Found })
}
