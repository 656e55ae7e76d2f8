//! Completions and manual pages, from the same definitions as the command line itself.

use std::io::Write;

use anyhow::Context;
use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::exit::Exit;

/// Prints a completion script.
pub fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> Exit {
    clap_complete::generate(args.shell, &mut Cli::command(), "stakeout", &mut WriteAll(out));
    Exit::Clean
}

/// Prints the manual page, or writes all of them.
pub fn man(args: &ManArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
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

/// The generators want a sized writer.
struct WriteAll<'w>(&'w mut dyn Write);

impl Write for WriteAll<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}
