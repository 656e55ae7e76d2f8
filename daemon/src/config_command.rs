//! `stakeout config`: every mistake at once, or a commented example.

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use daemon_service::build;
use daemon_service::config::{Config, example};

use crate::cli::ConfigCommand;
use crate::exit::Exit;
use crate::terminal::format::shown;
use crate::terminal::notice;

/// Does what was asked.
pub fn config(command: &ConfigCommand, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Example => {
            out.write_all(example().as_bytes())?;
            Ok(Exit::Clean)
        }
        ConfigCommand::Check(file) => match build::config(file.path.as_deref())? {
            Ok(_) => {
                let what =
                    file.path.as_deref().map_or_else(|| "the defaults are".to_owned(), |path| shown(path) + " is");
                writeln!(out, "{what} good")?;
                Ok(Exit::Clean)
            }
            Err(told) => {
                notice(&told);
                Ok(Exit::BadConfiguration)
            }
        },
    }
}

/// The configuration at `path`, for commands that only look something up in it.
pub fn load(path: Option<&Path>) -> anyhow::Result<Config> {
    match build::config(path)? {
        Ok(config) => Ok(config),
        Err(told) => bail!("the configuration is wrong\n{told}"),
    }
}
