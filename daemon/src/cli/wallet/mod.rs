//! `stakeout wallet` and `stakeout claim`: execute `stakeout-signer`, the only program that holds keys. What is here checks
//! and documents the arguments, which are the same ones, word by word (`tests/it/wallet.rs` compares both).

mod args;

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

pub(crate) use self::args::{ClaimArgs, WalletArgs};
use crate::exit::Exit;

/// Name of the program, in the directory of this one.
const SIGNER: &str = "stakeout-signer";

/// Runs `stakeout wallet`: does not return if the signer can be executed.
pub(crate) fn wallet(_: &WalletArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    // stakeout wallet NEW …: what follows `wallet` are the signer's arguments.
    become_signer(std::env::args_os().skip(2), out)
}

/// Runs `stakeout claim`: does not return if the signer can be executed.
pub(crate) fn claim(_: &ClaimArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    // stakeout CLAIM …: `claim` is a command of the signer, too.
    become_signer(std::env::args_os().skip(1), out)
}

/// This process becomes the signer, with its terminal: nothing that is typed or printed passes through this program.
fn become_signer(args: impl Iterator<Item = OsString>, out: &mut dyn Write) -> anyhow::Result<Exit> {
    out.flush()?;
    let program = program()?;
    let error = Command::new(&program).args(args).exec();
    Err(error).with_context(|| format!("cannot execute {}", program.display()))
}

fn program() -> anyhow::Result<PathBuf> {
    let itself = std::env::current_exe().context("cannot find this program on disk")?;
    let program = itself.with_file_name(SIGNER);
    if !program.exists() {
        bail!("{} is not there: install {SIGNER} beside stakeout, from the same build", program.display());
    }
    Ok(program)
}
