//! `stakeout-signer serve`: signs what a running engine asks for, within the limits of its own configuration.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use clap::Args;
use daemon_wallet::key::Wallet;
use daemon_wallet::memory;
use daemon_wallet::passphrase::{self, Passphrase};
use daemon_wallet::server::{Entrance, Ready, SignerServer, confine};
use daemon_wallet::signer::{Clock, Config, Desk, Record, RecordError, owner};

use super::config::ConfigArg;
use super::{config, keys};
use crate::exit::LastingError;

/// Arguments of `serve`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout-signer serve --config /etc/stakeout-signer/signer.toml

Exit codes: 2 an error that may pass, 64 an error that only a person can mend: a wrong configuration, a wrong passphrase,
a damaged record.")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArg,
}

pub(super) fn serve(args: &ServeArgs) -> anyhow::Result<()> {
    let config = config::load(&args.config.config)?;
    if config.chains().is_empty() && !config.signer.claims && !config.signer.fast {
        let why = "the configuration names no chain ([side] or [home]), so there is nothing to sign";
        return Err(LastingError::wrap(anyhow::anyhow!(why)));
    }
    // First what can be in use by another; the key last.
    let (record, found) = open_record(&config.signer.record)?;
    let entrance = Entrance::open(&config.signer.socket)?;
    let wallet = open_wallet(&config).map_err(LastingError::wrap)?;
    let is_all_locked = memory::lock_all();

    if let Some(owner) = owner(&found.entries).filter(|owner| owner.as_bytes() != &wallet.address()) {
        let why = format!(
            "the record {} is of account {owner}: give each key a record of its own",
            config.signer.record.display()
        );
        return Err(LastingError::wrap(anyhow::anyhow!(why)));
    }
    let clock = Clock::after(&found.entries).context("the kernel does not name this boot")?;
    let mut out = std::io::stderr();
    if found.torn > 0 {
        writeln!(out, "a torn line of {} bytes at the end of the record was cut off: it was never signed", found.torn)?;
    }
    let mut desk = Desk::new(wallet, config, record, &found.entries);
    desk.begin(&clock)?;
    let ready = Ready::prepare().context("cannot prepare to tell the service manager")?;
    confine()?;
    let status = desk.status(clock.now());
    writeln!(out, "signing for {} at {}", status.address, entrance.path().display())?;
    for chain in &status.chains {
        writeln!(out, "chain {}: registry {}, next nonce {}", chain.chain_id, chain.registry, chain.next_nonce)?;
    }
    let (spent, limits) = (status.spent, status.limits);
    writeln!(
        out,
        "signed {} of {} NCT within the day, {} of {} NCT in all",
        spent.day, limits.day, spent.total, limits.total
    )?;
    if !is_all_locked {
        writeln!(out, "the key is locked in memory; the stack is not (LimitMEMLOCK= is too small for all memory)")?;
    }
    ready.send().context("cannot tell the service manager that the signer is ready")?;
    SignerServer::new(desk, clock).serve(&entrance);
    bail!("the record can no longer be written to safely: a restart reads what is on the disk")
}

pub(super) fn open_record(
    path: &Path,
) -> anyhow::Result<(Record<std::fs::File>, daemon_wallet::signer::RecordContents)> {
    Record::open(path).map_err(|error| match error {
        RecordError::Damaged { .. } | RecordError::Unsafe { .. } => LastingError::wrap(error.into()),
        other => other.into(),
    })
}

pub(super) fn open_wallet(config: &Config) -> anyhow::Result<Wallet> {
    let keyfile = &config.signer.keyfile;
    let keystore = keys::read(keyfile)?;
    let named = Some(config.signer.passphrase_file.as_path()).filter(|path| !path.as_os_str().is_empty());
    let passphrase = match passphrase::passphrase_file(named) {
        Some(path) => Passphrase::read(&path)?,
        None => Passphrase::ask(&format!("Passphrase of {}: ", keyfile.display()))?,
    };
    let key =
        keystore.decrypt(&passphrase).with_context(|| format!("cannot open the keystore {}", keyfile.display()))?;
    Ok(Wallet::new(&key)?)
}
