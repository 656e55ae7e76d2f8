//! `stakeout-signer`: the only program that holds the key. It opens no network socket and reads no artifact.

#![forbid(unsafe_code)]

mod cli;
mod exit;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // Before anything secret is read.
    let done = daemon_wallet::memory::harden().map_err(anyhow::Error::from).and_then(|()| cli::run(&cli::Cli::parse()));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done if standard error is gone too.
            let _ = writeln!(std::io::stderr(), "{}", cli::describe(&error));
            exit::Failure::code(&error)
        }
    }
}
