//! The arguments, as `stakeout-signer` has them (`daemon/staking/wallet/src/cli`).

#![allow(dead_code, reason = "the signer reads them; here they are checked, completed and documented")]

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `wallet`.
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct WalletArgs {
    /// The command to run.
    #[command(subcommand)]
    command: WalletCommand,
}

/// Subcommands of `wallet`.
#[derive(Subcommand, Debug)]
enum WalletCommand {
    /// Create a new key and write it into a keystore.
    New(NewArgs),
    /// Write an existing key into a keystore of full cost.
    Import(ImportArgs),
    /// Print the address of a keystore.
    Address(AddressArgs),
    /// Encrypt a keystore with another passphrase.
    ChangePassword(ChangePasswordArgs),
    /// Sign a message as web3.js does (EIP-191), and print the signature.
    Sign(SignArgs),
}

/// The keystore, and where its passphrase comes from.
#[derive(Args, Debug)]
struct KeyArgs {
    /// The keystore: Web3 Secret Storage, version 3.
    #[arg(long, value_name = "FILE")]
    keyfile: PathBuf,
    /// File with the passphrase. Default: the credential `passphrase` of a systemd unit, or else the terminal is asked.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Arguments of `wallet new`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout wallet new --keyfile keyfile.json
  stakeout wallet new --keyfile keyfile.json --passphrase-file passphrase")]
struct NewArgs {
    #[command(flatten)]
    key: KeyArgs,
}

/// Arguments of `wallet import`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout wallet import --keyfile keyfile.json --from UTC--2019-06-01T12-00-00.000Z--6ab00ecd1aa7cf08
  stakeout wallet import --keyfile keyfile.json --private-key-file key.hex")]
struct ImportArgs {
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

/// Arguments of `wallet address`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout wallet address --keyfile keyfile.json --verify")]
struct AddressArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// Decrypt the key and compare: a file can say any address. Done anyway if the file says none.
    #[arg(long)]
    verify: bool,
}

/// Arguments of `wallet change-password`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout wallet change-password --keyfile keyfile.json

A copy of the old file is still opened by the old passphrase. If that became known, move to a new key.")]
struct ChangePasswordArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// File with the new passphrase. Default: the terminal is asked.
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
}

/// Arguments of `wallet sign`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout wallet sign --keyfile keyfile.json --message 'I own this engine'
  stakeout wallet sign --keyfile keyfile.json --message 0xdeadbeef

A message of 0x and hexadecimal digits stands for the bytes that the digits mean, as for web3.js.")]
struct SignArgs {
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    message: MessageArgs,
    /// Sign a message of 0x and digits as the text that it is.
    #[arg(long)]
    text: bool,
}

/// Arguments of `claim`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout claim --keyfile keyfile.json --message 'the text that PolySwarm shows'")]
pub(crate) struct ClaimArgs {
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    message: MessageArgs,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

/// The message.
#[derive(Args, Debug)]
struct MessageArgs {
    /// The message. Default: one line of standard input.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    message: Option<String>,
}
