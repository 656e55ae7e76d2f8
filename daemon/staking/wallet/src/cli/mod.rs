//! The commands of `stakeout-signer`. `stakeout wallet` and `stakeout claim` have the same, and execute this program.

mod admin;
mod change_password;
mod config;
mod create;
mod keys;
mod serve;
mod sign;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Holds the key of an engine: makes keystores, signs messages, and signs what a running engine asks for, within limits.
#[derive(Parser, Debug)]
#[command(name = "stakeout-signer", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Examples:
  stakeout-signer new --keyfile keyfile.json
  stakeout-signer claim --keyfile keyfile.json --message 'the text that PolySwarm shows'
  stakeout-signer config example > signer.toml
  stakeout-signer serve --config signer.toml")]
pub(crate) struct Cli {
    /// The command to run.
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Create a new key and write it into a keystore.
    New(create::NewArgs),
    /// Write an existing key into a keystore of full cost.
    Import(create::ImportArgs),
    /// Print the address of a keystore.
    Address(keys::AddressArgs),
    /// Encrypt a keystore with another passphrase.
    ChangePassword(change_password::ChangePasswordArgs),
    /// Sign a message as web3.js does (EIP-191), and print the signature.
    Sign(sign::SignArgs),
    /// Sign the message by which PolySwarm verifies that an engine is yours.
    Claim(sign::ClaimArgs),
    /// Sign what a running engine asks for, within limits. Listens on a unix socket.
    Serve(serve::ServeArgs),
    /// Show how much a running signer may still sign.
    Status(admin::StatusArgs),
    /// Begin the total anew, when a person has looked at it.
    ResetTotal(admin::ResetTotalArgs),
    /// Say which nonce is next, when the account made transactions elsewhere.
    SetNonce(admin::SetNonceArgs),
    /// Check the signer's configuration, or print a commented example.
    #[command(subcommand)]
    Config(config::ConfigCommand),
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

/// Runs the command. What it tells on standard output goes to `out`; prompts and warnings go to standard error at once.
pub(crate) fn run(cli: &Cli, out: &mut dyn Write) -> anyhow::Result<()> {
    match &cli.command {
        Command::New(args) => create::new(args, out),
        Command::Import(args) => create::import(args, out),
        Command::Address(args) => keys::address(args, out),
        Command::ChangePassword(args) => change_password::change_password(args),
        Command::Sign(args) => sign::sign(args, out),
        Command::Claim(args) => sign::claim(args, out),
        Command::Serve(args) => serve::serve(args),
        Command::Status(args) => admin::status(args, out),
        Command::ResetTotal(args) => admin::reset_total(args, out),
        Command::SetNonce(args) => admin::set_nonce(args, out),
        Command::Config(command) => config::config(command, out),
    }
}

/// Formats an error and its causes, one per line.
pub(crate) fn describe(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  caused by: {cause}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
