//! `stakeout webhook`: acts as the marketplace, to test an engine before it is listed.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anstyle::AnsiColor;
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueHint};
use daemon_local_market::TestMarket;
use daemon_local_market::conformance::{Check, Conformance, hint};
use daemon_service::secrets;
use daemon_webhook::WebhookProbe;

use crate::cli::args::parse_wait;
use crate::exit::Exit;

/// Arguments of `webhook`.
#[derive(Args, Debug)]
pub(crate) struct WebhookArgs {
    /// The command to run.
    #[command(subcommand)]
    pub command: WebhookCommand,
}

/// Subcommands of `webhook`.
#[derive(Subcommand, Debug)]
pub(crate) enum WebhookCommand {
    /// Send a signed ping.
    Ping(WebhookTarget),
    /// Send valid and invalid pings and bounties, and check the answers.
    Test(WebhookTestArgs),
}

/// Which webhook to test.
#[derive(Args, Debug)]
pub(crate) struct WebhookTarget {
    /// URL of the webhook.
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8000/")]
    pub url: String,
    /// File with the shared secret. Default: the environment variable STAKEOUT_WEBHOOK_SECRET.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub secret_file: Option<PathBuf>,
}

/// Arguments of `webhook test`.
#[derive(Args, Debug)]
#[command(after_help = "The test serves artifacts and receives answers at 127.0.0.1. The configuration of the engine \
must allow that address during the test:
  [answers]  hosts = [\"http://127.0.0.1:8899\"]
  [intake]   allow_networks = [\"127.0.0.0/8\"]
Example:
  STAKEOUT_WEBHOOK_SECRET=… stakeout webhook test --port 8899 http://127.0.0.1:8000/")]
pub(crate) struct WebhookTestArgs {
    #[command(flatten)]
    pub target: WebhookTarget,
    /// Port on loopback that serves artifacts and receives answers.
    #[arg(long, value_name = "PORT", default_value = "8899")]
    pub port: u16,
    /// Maximum time to wait for an answer.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_wait)]
    pub patience: Duration,
}

/// Runs `stakeout webhook`.
pub(crate) fn webhook(command: &WebhookCommand, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match command {
        WebhookCommand::Ping(target) => runtime.block_on(ping(target, out)),
        WebhookCommand::Test(args) => runtime.block_on(test(args, out)),
    }
}

fn secret(file: Option<&PathBuf>) -> anyhow::Result<String> {
    let webhook = daemon_webhook::Config { secret_files: file.cloned().into_iter().collect(), ..Default::default() };
    secrets::texts(&webhook).map(|mut secrets| secrets.remove(0))
}

async fn ping(target: &WebhookTarget, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let probe = WebhookProbe::new(&target.url, secret(target.secret_file.as_ref())?.as_bytes())?;
    let seen = probe.ping().await?;
    writeln!(out, "{} in {} ms: {}", seen.status, seen.took.as_millis(), seen.body.trim())?;
    if !(200..300).contains(&seen.status) {
        bail!("the webhook must answer a signed ping with 2xx{}", hint(seen.status));
    }
    Ok(Exit::Clean)
}

async fn test(args: &WebhookTestArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let secret = secret(args.target.secret_file.as_ref())?;
    let probe = WebhookProbe::new(&args.target.url, secret.as_bytes())?;
    let stranger = WebhookProbe::new(&args.target.url, b"not the secret")?;
    let market = TestMarket::bind(args.port)
        .with_context(|| format!("cannot listen on port {}: choose another with --port", args.port))?;
    let (mut passed, mut failed) = (0_u32, 0_u32);
    let conformance = Conformance { probe: &probe, stranger: &stranger, market: &market, patience: args.patience };
    let mut tell = |check: Check<'_>| {
        let (word, colour) = if check.right { ("ok  ", AnsiColor::Green) } else { ("FAIL", AnsiColor::Red) };
        *(if check.right { &mut passed } else { &mut failed }) += 1;
        let style = colour.on_default();
        writeln!(out, "{style}{word}{style:#}  {:<44} {}", check.what, check.seen)
    };
    conformance.run(&mut tell).await?;
    writeln!(out, "{passed} passed, {failed} failed")?;
    Ok(if failed == 0 { Exit::Clean } else { Exit::Found })
}
