//! `stakeout triage`: identifies file types and counts them.

use std::io::Write;

use anyhow::Context;
use clap::{Args, ValueEnum};
use daemon_scan::{ListForm, is_stdin, sweep};
use daemon_walk::Mode;

use crate::cli::args::WalkArgs;
use crate::exit::Exit;
use crate::terminal::interrupt;

/// How `triage` opens and reads files.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Io {
    /// Start with plain reads, and use io_uring while files come from disk instead of the page cache.
    Auto,
    /// Read one file at a time.
    Plain,
    /// Read many files at once through io_uring, if the kernel allows it.
    Uring,
}

/// Arguments of `triage`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout triage /usr              count files by kind
  stakeout triage --list ~/Downloads")]
pub(crate) struct TriageArgs {
    #[command(flatten)]
    pub walk: WalkArgs,
    /// List every file with its kind, instead of counts.
    #[arg(long, short = 'l')]
    pub list: bool,
    /// Print JSON: one object with the counts, or with --list one object per line.
    #[arg(long)]
    pub json: bool,
    /// How files are opened and read.
    #[arg(long, value_enum, default_value_t = Io::Auto)]
    pub io: Io,
}

/// Runs `stakeout triage`.
pub(crate) fn triage(args: &TriageArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<Exit> {
    if args.walk.paths.iter().any(|path| is_stdin(path)) {
        anyhow::bail!("triage does not read standard input: use `stakeout explain -`");
    }
    let stop = interrupt::listen().context("cannot listen for Ctrl-C")?;
    let paths = args.walk.open(&stop)?;
    let mode = match args.io {
        Io::Auto => Mode::Auto,
        Io::Plain => Mode::Plain,
        Io::Uring => Mode::Uring,
    };
    let list = args.list.then_some(if args.json { ListForm::Ndjson } else { ListForm::Text });
    let swept = sweep(paths, &args.walk.policy(), mode, list, &stop, out)?;
    if args.list {
        // The list is for files; what is not in it and why goes where it is seen all the same.
        swept.write_failures(&mut anstream::stderr())?;
    } else if args.json {
        swept.write_json(out)?;
    } else {
        swept.write_text(out)?;
    }
    Ok(match (swept.interrupted, swept.is_whole()) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Clean,
        (false, false) => Exit::Error,
    })
}
