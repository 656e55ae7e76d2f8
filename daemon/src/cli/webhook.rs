//! `stakeout webhook`: acts as the marketplace, to test an engine before it is listed.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueHint};
use daemon_artifact::Sha256Digest;
use daemon_detector::probes::eicar;
use daemon_local_market::{BountyMessage, TestMarket};
use daemon_market::Phase;
use daemon_service::secrets;
use daemon_webhook::{ProbeReply, WebhookProbe};
use serde_json::Value;

use crate::cli::args::parse_wait;
use crate::exit::Exit;

/// Arguments of `webhook`.
#[derive(Args, Debug)]
pub struct WebhookArgs {
    /// The command to run.
    #[command(subcommand)]
    pub command: WebhookCommand,
}

/// Subcommands of `webhook`.
#[derive(Subcommand, Debug)]
pub enum WebhookCommand {
    /// Send a signed ping.
    Ping(WebhookTarget),
    /// Send valid and invalid pings and bounties, and check the answers.
    Test(WebhookTestArgs),
}

/// Which webhook to test.
#[derive(Args, Debug)]
pub struct WebhookTarget {
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
pub struct WebhookTestArgs {
    #[command(flatten)]
    pub target: WebhookTarget,
    /// Port on loopback that serves artifacts and receives answers.
    #[arg(long, value_name = "PORT", default_value = "8899")]
    pub port: u16,
    /// Maximum time to wait for an answer.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_wait)]
    pub patience: Duration,
}

/// Delay of the slow artifact server.
const SLOW: Duration = Duration::from_secs(3);
/// Maximum time in which a second answer to the same bounty is noticed.
const SECOND_ANSWER_TIME: Duration = Duration::from_millis(500);
/// Duration of the bounties. Answers must arrive within it.
const LIFE: Duration = Duration::from_secs(60);

/// Runs `stakeout webhook`.
pub fn webhook(command: &WebhookCommand, out: &mut dyn Write) -> anyhow::Result<Exit> {
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

fn hint(status: u16) -> &'static str {
    match status {
        401 => ": the engine has another secret",
        400 => ": the engine sees no signature: does a proxy drop X-POLYSWARM-SIGNATURE?",
        404 | 405 => ": is the path right?",
        503 => ": the engine is not ready",
        _ => "",
    }
}

/// Prints and counts the checks of a test.
struct Test<'t> {
    out: &'t mut dyn Write,
    failed: u32,
    passed: u32,
}

impl Test<'_> {
    fn note(&mut self, what: &str, right: bool, seen: &str) -> std::io::Result<()> {
        let (word, colour) =
            if right { ("ok  ", anstyle::AnsiColor::Green) } else { ("FAIL", anstyle::AnsiColor::Red) };
        if right {
            self.passed += 1
        } else {
            self.failed += 1
        }
        let style = colour.on_default();
        writeln!(self.out, "{style}{word}{style:#}  {what:<44} {seen}")
    }

    fn status(&mut self, what: &str, expected: u16, seen: &ProbeReply) -> std::io::Result<()> {
        let told = if seen.status == expected {
            seen.status.to_string()
        } else {
            format!("{}, not {expected}{}: {}", seen.status, hint(seen.status), seen.body.trim())
        };
        self.note(what, seen.status == expected, &told)
    }
}

/// A bounty to post and its expected answer.
struct WebhookCase {
    what: &'static str,
    path: &'static str,
    bytes: Vec<u8>,
    delay: Duration,
    artifact_type: &'static str,
    /// Accepted verdicts.
    verdicts: &'static [&'static str],
}

fn cases() -> Vec<WebhookCase> {
    let case = |what, path, bytes: &[u8], verdicts| {
        let bytes = bytes.to_vec();
        WebhookCase { what, path, bytes, delay: Duration::ZERO, artifact_type: "FILE", verdicts }
    };
    vec![
        case("the EICAR test file is malicious", "/eicar", &eicar(), &["malicious"]),
        case("the same file, the same answer", "/eicar-again", &eicar(), &["malicious"]),
        case("an empty file is not malicious", "/empty", b"", &["benign", "unknown"]),
        case("an unsupported file type is answered", "/text", b"just a text\n", &["benign", "unknown"]),
        WebhookCase { delay: SLOW, ..case("a slow artifact server is waited for", "/slow", &eicar(), &["malicious"]) },
        WebhookCase {
            artifact_type: "URL",
            ..case("a URL artifact is answered", "/url", b"http://example.com/", &["unknown"])
        },
    ]
}

async fn test(args: &WebhookTestArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let secret = secret(args.target.secret_file.as_ref())?;
    let probe = WebhookProbe::new(&args.target.url, secret.as_bytes())?;
    let stranger = WebhookProbe::new(&args.target.url, b"not the secret")?;
    let market = TestMarket::bind(args.port)
        .with_context(|| format!("cannot listen on port {}: choose another with --port", args.port))?;
    let mut test = Test { out, failed: 0, passed: 0 };

    test.status("a signed ping", 200, &probe.ping().await?)?;
    test.status("a ping with a wrong signature", 401, &stranger.ping().await?)?;
    let run = std::process::id();
    test.status("a bounty that is not JSON", 400, &probe.post_bounty("no-json", "{nope").await?)?;
    test.status("a bounty without an id", 400, &probe.post_bounty("no-id", r#"{"rules":{}}"#).await?)?;

    let mut first_eicar = None;
    for (nth, case) in cases().into_iter().enumerate() {
        let id = format!("webhook-test-{run}-{nth}");
        market.serve(case.path, case.bytes.clone());
        market.faults().slow_ms.store(case.delay.as_millis() as u64, Ordering::Relaxed);
        let body = bounty(&id, &case, &market.url());
        let seen = probe.post_bounty(&id, body.clone()).await?;
        if seen.status != 202 {
            test.status(case.what, 202, &seen)?;
            continue;
        }
        let Some(answer) = market.answer(&id, args.patience).await else {
            test.note(
                case.what,
                false,
                "accepted, but no answer arrived: check `answers.hosts` and `intake.allow_networks`",
            )?;
            continue;
        };
        let answered: Value = serde_json::from_slice(&answer.body).context("the answer is not JSON")?;
        let right = right(&answered, case.verdicts);
        test.note(
            case.what,
            right,
            &format!("{} bid {} {}", answered["verdict"], answered["bid"], comments(&answered)),
        )?;
        if case.path == "/eicar" {
            first_eicar = Some(answer.body.clone());
            let again = probe.post_bounty("again", body).await?;
            test.status("the same bounty again is accepted", 202, &again)?;
            tokio::time::sleep(SECOND_ANSWER_TIME).await;
            let once = market.answers(&id).len() == 1;
            test.note("and answered once", once, if once { "once" } else { "twice" })?;
        }
        if case.path == "/eicar-again" {
            let same = first_eicar.as_ref() == Some(&answer.body);
            test.note("with the same bytes", same, if same { "the same bytes" } else { "other bytes" })?;
        }
    }
    let missing = format!("webhook-test-{run}-missing");
    let gone = WebhookCase { path: "/gone", ..cases().remove(0) };
    let seen = probe.post_bounty(&missing, bounty(&missing, &gone, &market.url())).await?;
    test.status("a bounty with a missing artifact is accepted", 202, &seen)?;
    match market.answer(&missing, args.patience).await {
        Some(answer) => {
            let answered: Value = serde_json::from_slice(&answer.body).context("the answer is not JSON")?;
            test.note("and answered", right(&answered, &["unknown"]), &comments(&answered))?;
        }
        None => test.note("and answered", false, "no answer: the marketplace counts that as a failure")?,
    }
    writeln!(test.out, "{} passed, {} failed", test.passed, test.failed)?;
    Ok(if test.failed == 0 { Exit::Clean } else { Exit::Found })
}

fn comments(answered: &Value) -> String {
    let comments = answered["metadata"]["comments"].as_array().cloned().unwrap_or_default();
    comments.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}

/// Whether the marketplace would accept the answer: it has one of these verdicts, and a bid if the verdict needs one.
fn right(answered: &Value, verdicts: &[&str]) -> bool {
    let verdict = answered["verdict"].as_str().unwrap_or_default();
    let bid = answered["bid"].as_u64();
    let bid_fits = match verdict {
        "malicious" | "benign" => bid.is_some_and(|bid| bid > 0),
        _ => bid == Some(0),
    };
    verdicts.contains(&verdict) && bid_fits && answered["metadata"]["malware_family"].is_string()
}

fn bounty(id: &str, case: &WebhookCase, market: &str) -> String {
    let message = BountyMessage {
        id,
        market,
        artifact_type: case.artifact_type,
        artifact_uri: &format!("{market}{}", case.path),
        sha256: &Sha256Digest::of(&case.bytes).to_string(),
        phase: Phase::Assertion,
        nonce: id,
        reward: None,
        bounds: BountyMessage::BOUNDS,
        tasked: jiff::Timestamp::now(),
        life: LIFE,
    };
    message.json().to_string()
}
