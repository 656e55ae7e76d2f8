//! `stakeout-signer new` and `import`: keystores of full cost.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use daemon_wallet::key::{KEY_BYTES, PrivateKey, Wallet, checksummed};
use daemon_wallet::keystore::{self, Keystore, KeystoreError};
use daemon_wallet::memory::Locked;
use daemon_wallet::passphrase;
use zeroize::Zeroize;

use super::{KeyArgs, keys};

/// Longest file with a private key, in bytes.
const KEY_FILE_BYTES_MAX: usize = 128;

/// Arguments of `new`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout-signer new --keyfile keyfile.json
  stakeout-signer new --keyfile keyfile.json --passphrase-file passphrase")]
pub(super) struct NewArgs {
    #[command(flatten)]
    key: KeyArgs,
}

/// Arguments of `import`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout-signer import --keyfile keyfile.json --from UTC--2019-06-01T12-00-00.000Z--6ab00ecd1aa7cf08
  stakeout-signer import --keyfile keyfile.json --private-key-file key.hex")]
pub(super) struct ImportArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// A keystore, also one made by another program, to take the key from.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "private_key_file",
        conflicts_with = "private_key_file"
    )]
    from: Option<PathBuf>,
    /// File with the passphrase of the keystore of --from. Default: the terminal is asked.
    #[arg(long, value_name = "FILE", requires = "from")]
    from_passphrase_file: Option<PathBuf>,
    /// File with the key: 64 hexadecimal digits.
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
}

pub(super) fn new(args: &NewArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    refuse_existing(&args.key.keyfile)?;
    write(&args.key, &PrivateKey::generate()?, out)
}

pub(super) fn import(args: &ImportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    refuse_existing(&args.key.keyfile)?;
    let key = match (&args.from, &args.private_key_file) {
        (Some(from), _) => decrypt(from, args.from_passphrase_file.as_deref())?,
        (None, Some(file)) => {
            if let Some(why) = passphrase::readable_by_others(file) {
                writeln!(std::io::stderr(), "warning: {why}")?;
            }
            read_private_key(file).with_context(|| format!("cannot use the private key in {}", file.display()))?
        }
        (None, None) => bail!("nothing to import: use --from or --private-key-file"),
    };
    write(&args.key, &key, out)
}

/// Decrypts a keystore, whose passphrase is not the one of the keystore that is to be: no credential is taken for it.
fn decrypt(from: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<PrivateKey> {
    let keystore = keys::read(from)?;
    let passphrase = match passphrase_file {
        Some(path) => passphrase::Passphrase::read(path)?,
        None => passphrase::Passphrase::ask(&format!("Passphrase of {}: ", from.display()))?,
    };
    keystore.decrypt(&passphrase).with_context(|| format!("cannot open the keystore {}", from.display()))
}

/// Told before anybody types a passphrase twice.
fn refuse_existing(path: &Path) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(KeystoreError::Exists(path.to_owned()).into());
    }
    Ok(())
}

fn write(args: &KeyArgs, key: &PrivateKey, out: &mut dyn Write) -> anyhow::Result<()> {
    let passphrase = keys::ask_new(args.passphrase_file.as_deref())?;
    let keystore = Keystore::encrypt(key, &passphrase)?;
    keystore::create(&args.keyfile, &keystore)?;
    let address = Wallet::new(key)?.address();
    writeln!(out, "{}", checksummed(&address))?;
    writeln!(
        std::io::stderr(),
        "written to {}: keep a copy of it and of the passphrase; without both the account is lost",
        args.keyfile.display()
    )?;
    Ok(())
}

fn read_private_key(path: &Path) -> anyhow::Result<PrivateKey> {
    let mut file = File::open(path)?;
    let mut text = Locked::new([0; KEY_FILE_BYTES_MAX])?;
    let mut length = 0;
    while length < text.len() {
        match file.read(&mut text[length..])? {
            0 => break,
            count => length += count,
        }
    }
    let digits = text[..length].trim_ascii();
    let digits = digits.strip_prefix(b"0x").unwrap_or(digits);
    let mut key = Locked::new([0; KEY_BYTES])?;
    let is_key = digits.len() == 2 * KEY_BYTES && base16ct::mixed::decode(digits, &mut *key).is_ok();
    if !is_key {
        bail!("it must have {} hexadecimal digits and nothing else", 2 * KEY_BYTES);
    }
    let taken = PrivateKey::take(&mut key);
    key.zeroize();
    Ok(taken?)
}
