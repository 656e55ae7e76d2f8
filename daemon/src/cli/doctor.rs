//! `stakeout doctor`: checks whether this machine can run the daemon, and says how to fix what is wrong.

use std::io::Write;

use clap::Args;
use daemon_service::doctor::{CheckStatus, Finding, check};

use crate::cli::args::ConfigFile;
use crate::exit::Exit;

/// Arguments of `doctor`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 all checks are good, 1 some are poor, 2 some are bad: the daemon cannot run here."
)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Runs `stakeout doctor`.
pub(crate) fn doctor(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let findings = check(args.config.path.as_deref())?;
    show(&findings, args.json, out)?;
    Ok(match findings.iter().map(|finding| finding.health).max() {
        None | Some(CheckStatus::Good) => Exit::Clean,
        Some(CheckStatus::Poor) => Exit::Found,
        Some(CheckStatus::Bad) => Exit::Error,
    })
}

fn show(findings: &[Finding], json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        serde_json::to_writer_pretty(&mut *out, findings)?;
        return Ok(writeln!(out)?);
    }
    for finding in findings {
        let (word, colour) = match finding.health {
            CheckStatus::Good => ("good", anstyle::AnsiColor::Green),
            CheckStatus::Poor => ("poor", anstyle::AnsiColor::Yellow),
            CheckStatus::Bad => ("BAD ", anstyle::AnsiColor::Red),
        };
        let style = colour.on_default();
        writeln!(out, "{style}{word}{style:#}  {:<14} {}", finding.what, finding.seen.replace('\n', "\n      "))?;
    }
    Ok(())
}
