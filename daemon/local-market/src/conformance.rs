//! Conformance of an engine's webhook: valid and invalid pings and bounties are sent, and the answers checked.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use daemon_base::Sha256Digest;
use daemon_market::Phase;
use daemon_webhook::{ProbeReply, WebhookProbe};
use serde_json::Value;
use specimens::eicar;

use crate::{BountyMessage, TestMarket};

/// Delay of the slow artifact server.
const SLOW: Duration = Duration::from_secs(3);
/// Maximum time in which a second answer to the same bounty is noticed.
const SECOND_ANSWER_TIME: Duration = Duration::from_millis(500);
/// Duration of the bounties. Answers must arrive within it.
const LIFE: Duration = Duration::from_secs(60);

/// One check of a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check<'c> {
    /// What is expected.
    pub what: &'c str,
    /// Whether it is so.
    pub right: bool,
    /// What was seen.
    pub seen: &'c str,
}

/// A test of a webhook.
pub struct Conformance<'t> {
    /// Posts to the webhook.
    pub probe: &'t WebhookProbe,
    /// Posts to the webhook with a wrong secret.
    pub stranger: &'t WebhookProbe,
    /// Serves the artifacts and receives the answers.
    pub market: &'t TestMarket,
    /// Maximum time to wait for an answer.
    pub patience: Duration,
}

/// Tells what was checked.
struct Checks<'t> {
    tell: &'t mut dyn FnMut(Check<'_>) -> io::Result<()>,
}

impl Checks<'_> {
    fn note(&mut self, what: &str, right: bool, seen: &str) -> io::Result<()> {
        (self.tell)(Check { what, right, seen })
    }

    fn status(&mut self, what: &str, expected: u16, seen: &ProbeReply) -> io::Result<()> {
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

impl Conformance<'_> {
    /// Runs all checks, one after the other, and calls `tell` with each.
    ///
    /// # Errors
    ///
    /// The webhook cannot be reached, an answer is not JSON, or `tell` fails.
    pub async fn run(&self, tell: &mut dyn FnMut(Check<'_>) -> io::Result<()>) -> anyhow::Result<()> {
        let mut checks = Checks { tell };
        checks.status("a signed ping", 200, &self.probe.ping().await?)?;
        checks.status("a ping with a wrong signature", 401, &self.stranger.ping().await?)?;
        let run = std::process::id();
        checks.status("a bounty that is not JSON", 400, &self.probe.post_bounty("no-json", "{nope").await?)?;
        checks.status("a bounty without an id", 400, &self.probe.post_bounty("no-id", r#"{"rules":{}}"#).await?)?;

        let mut first_eicar = None;
        for (nth, case) in cases().into_iter().enumerate() {
            let id = format!("webhook-test-{run}-{nth}");
            self.market.serve(case.path, case.bytes.clone());
            self.market
                .faults()
                .slow_ms
                .store(u64::try_from(case.delay.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
            let body = bounty(&id, &case, &self.market.url());
            let seen = self.probe.post_bounty(&id, body.clone()).await?;
            if seen.status != 202 {
                checks.status(case.what, 202, &seen)?;
                continue;
            }
            let Some(answer) = self.market.answer(&id, self.patience).await else {
                checks.note(
                    case.what,
                    false,
                    "accepted, but no answer arrived: check `answers.hosts` and `intake.allow_networks`",
                )?;
                continue;
            };
            let answered: Value = serde_json::from_slice(&answer.body).context("the answer is not JSON")?;
            let right = right(&answered, case.verdicts);
            checks.note(
                case.what,
                right,
                &format!("{} bid {} {}", answered["verdict"], answered["bid"], comments(&answered)),
            )?;
            if case.path == "/eicar" {
                first_eicar = Some(answer.body.clone());
                let again = self.probe.post_bounty("again", body).await?;
                checks.status("the same bounty again is accepted", 202, &again)?;
                tokio::time::sleep(SECOND_ANSWER_TIME).await;
                let once = self.market.answers(&id).len() == 1;
                checks.note("and answered once", once, if once { "once" } else { "twice" })?;
            }
            if case.path == "/eicar-again" {
                let same = first_eicar.as_ref() == Some(&answer.body);
                checks.note("with the same bytes", same, if same { "the same bytes" } else { "other bytes" })?;
            }
        }
        let missing = format!("webhook-test-{run}-missing");
        let gone = WebhookCase { path: "/gone", ..cases().remove(0) };
        let seen = self.probe.post_bounty(&missing, bounty(&missing, &gone, &self.market.url())).await?;
        checks.status("a bounty with a missing artifact is accepted", 202, &seen)?;
        match self.market.answer(&missing, self.patience).await {
            Some(answer) => {
                let answered: Value = serde_json::from_slice(&answer.body).context("the answer is not JSON")?;
                checks.note("and answered", right(&answered, &["unknown"]), &comments(&answered))?;
            }
            None => checks.note("and answered", false, "no answer: the marketplace counts that as a failure")?,
        }
        Ok(())
    }
}

/// What a status that is not the expected one suggests, or nothing.
pub fn hint(status: u16) -> &'static str {
    match status {
        401 => ": the engine has another secret",
        400 => ": the engine sees no signature: does a proxy drop X-POLYSWARM-SIGNATURE?",
        404 | 405 => ": is the path right?",
        503 => ": the engine is not ready",
        _ => "",
    }
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
