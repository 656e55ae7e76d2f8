//! What several commands do with keystores and passphrases; `stakeout-signer address`.

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, bail};
use clap::Args;
use daemon_wallet::key::{PrivateKey, Wallet};
use daemon_wallet::keystore::{self, Keystore};
use daemon_wallet::passphrase::{self, Passphrase};

use super::KeyArgs;

/// Arguments of `address`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout-signer address --keyfile keyfile.json --verify")]
pub(super) struct AddressArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// Decrypt the key and compare: a file can say any address. Done anyway if the file says none.
    #[arg(long)]
    verify: bool,
}

pub(super) fn address(args: &AddressArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let keystore = read(&args.key.keyfile)?;
    let address = match keystore.address() {
        Some(address) if !args.verify => address,
        _ => open(&args.key)?.address(),
    };
    writeln!(out, "{}", daemon_wallet::key::checksummed(&address))?;
    Ok(())
}

pub(super) fn read(path: &Path) -> anyhow::Result<Keystore> {
    keystore::read(path).with_context(|| format!("cannot use the keystore {}", path.display()))
}

/// Decrypts a keystore.
pub(super) fn decrypt(path: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<PrivateKey> {
    let keystore = read(path)?;
    let passphrase = ask(passphrase_file, &format!("Passphrase of {}: ", path.display()))?;
    keystore.decrypt(&passphrase).with_context(|| format!("cannot open the keystore {}", path.display()))
}

/// Opens a keystore to sign.
pub(super) fn open(args: &KeyArgs) -> anyhow::Result<Wallet> {
    let key = decrypt(&args.keyfile, args.passphrase_file.as_deref())?;
    Ok(Wallet::new(&key)?)
}

/// The passphrase of a keystore that is there.
fn ask(file: Option<&Path>, prompt: &str) -> anyhow::Result<Passphrase> {
    warn_if_readable(file)?;
    Ok(passphrase::passphrase(file, prompt)?)
}

/// The passphrase of a keystore that is to be: from the file, else the credential, else asked for.
pub(super) fn ask_new(file: Option<&Path>) -> anyhow::Result<Passphrase> {
    ask_replacement(passphrase::passphrase_file(file).as_deref())
}

/// The passphrase that a keystore is to have from now on: asked for twice, and not empty.
pub(super) fn ask_replacement(file: Option<&Path>) -> anyhow::Result<Passphrase> {
    warn_if_readable(file)?;
    let passphrase = match file {
        Some(path) => Passphrase::read(path)?,
        None => Passphrase::ask("New passphrase: ")?,
    };
    if passphrase.is_empty() {
        bail!("the new passphrase is empty: whoever had the file would have the key");
    }
    if file.is_none() && Passphrase::ask("New passphrase again: ")? != passphrase {
        bail!("the two passphrases differ: nothing was written");
    }
    Ok(passphrase)
}

fn warn_if_readable(file: Option<&Path>) -> anyhow::Result<()> {
    if let Some(why) = file.and_then(passphrase::readable_by_others) {
        writeln!(std::io::stderr(), "warning: {why}")?;
    }
    Ok(())
}

/// Asks for a line at the terminal, or reads it from where standard input comes from.
pub(super) fn ask_line(prompt: &str, bytes_max: usize) -> anyhow::Result<String> {
    use std::io::{BufRead, Read};
    if std::io::stdin().is_terminal() {
        write!(std::io::stderr(), "{prompt}")?;
    }
    let mut line = String::new();
    let mut input = std::io::stdin().lock().take(bytes_max as u64 + 2);
    input.read_line(&mut line).context("cannot read the message from standard input: it must be UTF-8")?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
