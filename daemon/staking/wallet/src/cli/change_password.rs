//! `stakeout-signer change-password`: the same key under another passphrase, at full cost.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use daemon_wallet::keystore::{self, Keystore};

use super::{KeyArgs, keys};

/// Arguments of `change-password`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout-signer change-password --keyfile keyfile.json

A copy of the old file is still opened by the old passphrase. If that became known, move to a new key.")]
pub(super) struct ChangePasswordArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// File with the new passphrase. Default: the terminal is asked.
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
}

pub(super) fn change_password(args: &ChangePasswordArgs) -> anyhow::Result<()> {
    let path = &args.key.keyfile;
    let key = keys::decrypt(path, args.key.passphrase_file.as_deref())?;
    let passphrase = keys::ask_replacement(args.new_passphrase_file.as_deref())?;
    let keystore = Keystore::encrypt(&key, &passphrase)?;
    // What is about to be the only copy of the key is opened once before.
    Keystore::parse(keystore.to_json().as_bytes())?.decrypt(&passphrase).context("cannot open the new keystore")?;
    keystore::replace(path, &keystore)?;
    writeln!(std::io::stderr(), "the passphrase of {} is changed", path.display())?;
    Ok(())
}
