//! `stakeout-signer sign` and `claim`: signatures of messages.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};

use anyhow::bail;
use clap::Args;
use daemon_transactions::personal_message::bytes_of;
use daemon_wallet::key::{MESSAGE_BYTES_MAX, checksummed};

use super::{KeyArgs, keys};

/// Arguments of `sign`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout-signer sign --keyfile keyfile.json --message 'I own this engine'
  stakeout-signer sign --keyfile keyfile.json --message 0xdeadbeef

A message of 0x and hexadecimal digits stands for the bytes that the digits mean, as for web3.js.")]
pub(super) struct SignArgs {
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
  stakeout-signer claim --keyfile keyfile.json --message 'the text that PolySwarm shows'")]
pub(super) struct ClaimArgs {
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

impl MessageArgs {
    fn take(&self) -> anyhow::Result<String> {
        let message = match &self.message {
            Some(message) => message.clone(),
            None => keys::ask_line("Message to sign: ", MESSAGE_BYTES_MAX)?,
        };
        if message.len() > MESSAGE_BYTES_MAX {
            bail!("the message has more than {MESSAGE_BYTES_MAX} bytes");
        }
        Ok(message)
    }
}

pub(super) fn sign(args: &SignArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let message = args.message.take()?;
    let bytes = if args.text { Cow::Borrowed(message.as_bytes()) } else { bytes_of(&message) };
    let signature = keys::open(&args.key)?.sign_message(&bytes);
    writeln!(out, "{}", in_hex(&signature))?;
    Ok(())
}

pub(super) fn claim(args: &ClaimArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let message = args.message.take()?;
    if message.is_empty() {
        bail!("the message is empty: copy the text that PolySwarm shows for the engine");
    }
    let wallet = keys::open(&args.key)?;
    let address = checksummed(&wallet.address());
    let signature = in_hex(&wallet.sign_message(&bytes_of(&message)));
    if args.json {
        let claim = serde_json::json!({ "address": address, "message": message, "signature": signature });
        writeln!(out, "{claim:#}")?;
    } else {
        writeln!(out, "address    {address}")?;
        writeln!(out, "signature  {signature}")?;
        if std::io::stdout().is_terminal() {
            writeln!(std::io::stderr(), "enter both where PolySwarm asks for them")?;
        }
    }
    Ok(())
}

fn in_hex(bytes: &[u8]) -> String {
    format!("0x{}", base16ct::lower::encode_string(bytes))
}
