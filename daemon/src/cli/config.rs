//! `stakeout config`: checks a configuration file, or prints a commented example.

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use clap::{Args, Subcommand};
use daemon_service::build;
use daemon_service::config::{Config, example};

use crate::cli::args::ConfigFile;
use crate::exit::Exit;
use crate::terminal::format::shown;
use crate::terminal::notice;

/// Arguments of `config`.
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    /// The command to run.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// Subcommands of `config`.
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Check a configuration file and report all mistakes, each with its line, column and the allowed values.
    Check(ConfigFile),
    /// Print a commented configuration file in which every key has its default.
    Example,
}

/// Runs `stakeout config`.
pub(crate) fn config(command: &ConfigCommand, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Example => {
            out.write_all(example().as_bytes())?;
            Ok(Exit::Clean)
        }
        ConfigCommand::Check(file) => match build::config(file.path.as_deref())? {
            Ok(_) => {
                let what =
                    file.path.as_deref().map_or_else(|| "the defaults are".to_owned(), |path| shown(path) + " is");
                writeln!(out, "{what} valid")?;
                Ok(Exit::Clean)
            }
            Err(told) => {
                notice(&told);
                Ok(Exit::BadConfiguration)
            }
        },
    }
}

/// Reads the configuration at `path`, for commands that need only some of its keys.
pub(crate) fn load(path: Option<&Path>) -> anyhow::Result<Config> {
    match build::config(path)? {
        Ok(config) => Ok(config),
        Err(told) => bail!("the configuration is invalid\n{told}"),
    }
}
