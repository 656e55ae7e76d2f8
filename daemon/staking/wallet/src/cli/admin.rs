//! What a person tells a signer: `status`, `reset-total`, `set-nonce`. A running one is told over its socket; else its record
//! is opened.

use std::io::Write;
use std::os::unix::net::UnixStream;

use anyhow::{Context, bail};
use clap::Args;
use daemon_transactions::signing::{Answer, Ask, SignerReply, SignerRequest, Status, to_line};
use daemon_wallet::server::{Admin, AdminReply, ask_admin};
use daemon_wallet::signer::Config;

use super::config;
use super::config::ConfigArg;

/// Arguments of `status`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout-signer status --json")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `reset-total`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout-signer reset-total --reason 'looked at the week: 12 NCT up'")]
pub(super) struct ResetTotalArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Reason to sign on. It is recorded.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Arguments of `set-nonce`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout-signer set-nonce --chain-id 1337 --next 812 --reason 'the account was used by hand'

A nonce that was signed stays signed: it is never signed for anything else.")]
pub(super) struct SetNonceArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// The chain.
    #[arg(long, value_name = "ID")]
    chain_id: u64,
    /// The nonce that is signed next: how many transactions the account has sent.
    #[arg(long, value_name = "NONCE")]
    next: u64,
    /// Reason. It is recorded.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(super) fn status(args: &StatusArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = config::load(&args.config.config)?;
    let status = ask_status(&config)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &status)?;
        writeln!(out)?;
        return Ok(());
    }
    let Status { address, chains, limits, spent } = status;
    writeln!(out, "account                {address}")?;
    for chain in chains {
        writeln!(out, "chain {:<16} next nonce {}", chain.chain_id, chain.next_nonce)?;
    }
    for (what, spent, limit) in [
        ("signed within the hour", spent.hour, limits.hour),
        ("signed within the day", spent.day, limits.day),
        ("signed in all", spent.total, limits.total),
    ] {
        writeln!(out, "{what:<22} {spent} of {limit} NCT")?;
    }
    writeln!(out, "limit of one bounty    {} NCT", limits.bounty)?;
    Ok(())
}

pub(super) fn reset_total(args: &ResetTotalArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    tell(&args.config, Admin::ResetTotal { reason: args.reason.clone() }, out)
}

pub(super) fn set_nonce(args: &SetNonceArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    tell(&args.config, Admin::SetNonce { chain_id: args.chain_id, next: args.next, reason: args.reason.clone() }, out)
}

fn tell(args: &ConfigArg, admin: Admin, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = config::load(&args.config)?;
    if let Admin::SetNonce { chain_id, .. } = &admin
        && !config.chains().iter().any(|chain| chain.chain_id == *chain_id)
    {
        bail!("chain {chain_id} is not in the configuration");
    }
    let socket = &config.signer.socket;
    let reply = ask_admin(socket, &admin)
        .with_context(|| format!("cannot reach the signer at {}: does it run?", socket.display()))?;
    match reply {
        AdminReply::Done => Ok(writeln!(out, "done, and recorded")?),
        AdminReply::Refused(why) => bail!("the signer refused: {why}"),
    }
}

fn ask_status(config: &Config) -> anyhow::Result<Status> {
    let socket = &config.signer.socket;
    let mut stream = UnixStream::connect(socket)
        .with_context(|| format!("cannot reach the signer at {}: does it run?", socket.display()))?;
    stream.write_all(&to_line(&SignerRequest { id: 1, ask: Ask::Status }))?;
    let answer: Answer = daemon_wallet::server::read_answer(stream)?;
    match answer.reply {
        SignerReply::Status(status) => Ok(status),
        SignerReply::Refused(refusal) => bail!("the signer refused: {}", refusal.reason),
        other => bail!("the signer answered something else: {other:?}"),
    }
}
