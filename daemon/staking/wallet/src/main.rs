//! `stakeout-signer`: the only program that holds the key. It opens no network socket and reads no artifact.

#![forbid(unsafe_code)]

mod cli;
mod exit;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

fn main() -> ExitCode {
    let mut out = Vec::new();
    // Before anything secret is read.
    let done = daemon_wallet::memory::harden()
        .map_err(anyhow::Error::from)
        .and_then(|()| cli::run(&cli::Cli::parse(), &mut out))
        // All at once, so that whoever reads only the first line (`… | grep -q`) is no error.
        .and_then(|()| tell(&out));
    match done {
        Ok(code) => code,
        Err(error) => {
            // Nothing can be done if standard error is gone too.
            let _ = writeln!(std::io::stderr(), "{}", cli::describe(&error));
            exit::LastingError::code(&error)
        }
    }
}

fn tell(out: &[u8]) -> anyhow::Result<ExitCode> {
    match std::io::stdout().write_all(out) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Whoever was to read it is gone: nothing to complain about, but nobody was told.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(exit::UNHEARD.into()),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
}
