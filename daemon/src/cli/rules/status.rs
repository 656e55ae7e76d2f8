//! `stakeout rules status`: shows which rules a running daemon uses.

use std::io::Write;

use anyhow::{Context, bail};
use clap::Args;
use daemon_control::ControlRequest;
use daemon_detector::Status;
use daemon_market::Timestamp;
use daemon_service::control_client;

use crate::cli::args::ConfigFile;
use crate::cli::config;
use crate::exit::Exit;
use crate::terminal::format::{counted, moment, shown};

/// Arguments of `rules status`.
#[derive(Args, Debug)]
pub(crate) struct RulesStatusArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Print the daemon's answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs `stakeout rules status`.
pub(super) fn status(args: &RulesStatusArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let config = config::load(args.config.path.as_deref())?;
    let socket = control_client::socket(&config, &config.archive.directory);
    let address = config.admin.listen;
    // Who may not talk to the daemon, or has one without a control socket, is told by the operators' port all the same.
    let (text, place) = match control_client::ask(&socket, &ControlRequest::Rules) {
        Ok(Some(text)) => (text + "\n", shown(&socket)),
        Ok(None) | Err(_) => {
            let text = crate::cli::admin_client::get(&format!("http://{address}/rules"))
                .with_context(|| format!("no daemon answers at {} or {address} (admin.listen)", shown(&socket)))?;
            (text, address.to_string())
        }
    };
    let status: Status = match serde_json::from_str(&text) {
        Ok(status) => status,
        Err(error) => bail!("the daemon at {place} has another version: {error}"),
    };
    if args.json {
        out.write_all(text.as_bytes())?;
    } else {
        show(&status, out)?;
        if let Some(shadow) = &status.shadow {
            writeln!(out, "\nshadow set:")?;
            if shadow.generation.is_empty() {
                writeln!(out, "none in use; rejected {}", counted(shadow.failures, "time"))?;
                tell_last(shadow, out)?;
            } else {
                show(shadow, out)?;
            }
        }
    }
    Ok(if status.last.is_some_and(|last| !last.taken) { Exit::Found } else { Exit::Clean })
}

fn show(status: &Status, out: &mut dyn Write) -> std::io::Result<()> {
    let Status { generation, rules, models, since, from_cache, reloads, failures, last: _, shadow: _ } = status;
    let at = |micros: i64| moment(Timestamp::from_micros(micros));
    writeln!(out, "generation {generation}: {} since {} UTC", counted(*rules as u64, "YARA rule"), at(*since))?;
    writeln!(
        out,
        "{}; reloaded {}, rejected {}",
        if *from_cache { "from the cache" } else { "compiled" },
        counted(*reloads, "time"),
        counted(*failures, "time")
    )?;
    for model in models {
        writeln!(out, "{model}")?;
    }
    tell_last(status, out)
}

/// Tells the result of the last load.
fn tell_last(status: &Status, out: &mut dyn Write) -> std::io::Result<()> {
    let Some(last) = &status.last else { return Ok(()) };
    let at = |micros: i64| moment(Timestamp::from_micros(micros));
    let what = if last.taken { "in use" } else { "REJECTED, what was in use stays in use" };
    writeln!(out, "last load at {} UTC, in {} ms: {what}", at(last.at), last.took_ms)?;
    for problem in &last.problems {
        writeln!(out, "  {}", problem.replace('\n', "\n  "))?;
    }
    Ok(())
}
