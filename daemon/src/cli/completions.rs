//! `stakeout completions`: prints shell completions, generated from the definition of the command line.

use std::io::Write;

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::exit::Exit;

/// Arguments of `completions`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout completions bash > /etc/bash_completion.d/stakeout")]
pub(crate) struct CompletionsArgs {
    /// Shell to generate the script for.
    pub shell: clap_complete::Shell,
}

/// Prints a completion script.
pub(crate) fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> Exit {
    clap_complete::generate(args.shell, &mut Cli::command(), "stakeout", &mut WriteAll(out));
    Exit::Clean
}

/// A sized writer, as the generators of completions and manual pages need one.
pub(crate) struct WriteAll<'w>(pub &'w mut dyn Write);

impl Write for WriteAll<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}
