//! `stakeout-signer config`: checks the signer's configuration, or prints a commented example.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use daemon_wallet::signer::Config;

use crate::exit::LastingError;

/// Largest configuration, in bytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Where the configuration is, if it is not said.
pub(super) const CONFIG: &str = "/etc/stakeout-signer/signer.toml";

/// The configuration.
#[derive(Args, Debug)]
pub(super) struct ConfigArg {
    /// The signer's configuration (`stakeout-signer config example`).
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub config: PathBuf,
}

/// Subcommands of `config`.
#[derive(Subcommand, Debug)]
pub(super) enum ConfigCommand {
    /// Print a commented example with every key and its default.
    Example,
    /// Check a configuration, and print every mistake.
    Check(ConfigArg),
}

pub(super) fn config(command: &ConfigCommand, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Example => out.write_all(Config::example().as_bytes())?,
        ConfigCommand::Check(args) => {
            load(&args.config)?;
            writeln!(out, "{} is good", args.config.display())?;
        }
    }
    Ok(())
}

pub(super) fn load(path: &Path) -> anyhow::Result<Config> {
    read(path).map_err(LastingError::wrap)
}

fn read(path: &Path) -> anyhow::Result<Config> {
    let mut text = String::new();
    let file = File::open(path).with_context(|| format!("cannot open the configuration {}", path.display()))?;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        bail!("others may write to {} (mode {mode:o}), and so set the limits: run chmod go-w", path.display());
    }
    file.take(CONFIG_BYTES_MAX)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read the configuration {}", path.display()))?;
    Config::parse(&text).map_err(|mistakes| {
        let lines: Vec<_> = mistakes.iter().map(|mistake| format!("{}:{mistake}", path.display())).collect();
        anyhow::anyhow!("the configuration is wrong\n{}", lines.join("\n"))
    })
}
