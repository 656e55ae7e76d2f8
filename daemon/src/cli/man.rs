//! `stakeout man`: prints manual pages, generated from the definition of the command line.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory, ValueHint};

use crate::cli::Cli;
use crate::cli::completions::WriteAll;
use crate::exit::Exit;

/// Arguments of `man`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout man | man -l -
  stakeout man --dir /usr/local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Write one page per command to DIR.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

/// Prints the manual page, or writes all of them.
pub(crate) fn man(args: &ManArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.dir {
        None => {
            clap_mangen::Man::new(Cli::command()).render(&mut WriteAll(out)).context("cannot print the manual page")?
        }
        Some(dir) => {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
            clap_mangen::generate_to(Cli::command(), dir)
                .with_context(|| format!("cannot write manual pages into {}", dir.display()))?;
        }
    }
    Ok(Exit::Clean)
}
