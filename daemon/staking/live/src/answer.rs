//! One of the last answers, with what it rests on.

use daemon_base::Sha256Digest;
use daemon_base::text::shortened;
use daemon_journal::{Answered, BountyStatus, Story};
use daemon_ledger::LedgerEntry;
use daemon_market::Nct;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most pieces of evidence of an answer: the weightiest.
const EVIDENCE_MAX: usize = 4;
/// Longest text from outside, in characters.
const TEXT_CHARS_MAX: usize = 120;

/// An answer. Texts from outside are shortened and printable.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct AnswerNow {
    /// The bounty's id, as it came: the only text that is not shortened, because it leads to the bounty.
    pub id: String,
    /// Its phase.
    pub phase: String,
    /// When it was answered, in microseconds since 1970.
    pub at: i64,
    /// How long that took, in microseconds.
    pub took_us: u64,
    /// The verdict.
    pub verdict: String,
    /// The probability that it is right, 0.0 to 1.0.
    pub confidence: f64,
    /// The artifact's kind, by triage.
    pub kind: String,
    /// The artifact's size in bytes.
    pub size: Option<u64>,
    /// The artifact's SHA-256.
    pub sha256: Option<String>,
    /// The bid.
    pub bid: Nct,
    /// How the bounty ended; `pending` until it has.
    pub ending: String,
    /// What was true in the end; null until it is told.
    pub truth: Option<String>,
    /// The profit, if it is known, in NCT.
    pub profit: Option<String>,
    /// Why there is no verdict, or no stake.
    pub why: Option<String>,
    /// The weightiest evidence.
    pub evidence: Vec<SeenIndicator>,
    /// How much more there is.
    pub more: u64,
}

/// A piece of evidence.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SeenIndicator {
    /// The indicator, or the rule.
    pub id: String,
    /// Its weight, in nats.
    pub weight: f64,
    /// Where it was seen, and what.
    pub detail: String,
}

impl AnswerNow {
    /// The answer of a story; `None` if there is none yet.
    pub(crate) fn of(story: &Story) -> Option<AnswerNow> {
        let answer = story.answer.as_ref()?;
        let report = serde_json::from_str::<Value>(&answer.report).unwrap_or_default();
        let (evidence, more) = evidence(&report);
        let entry = LedgerEntry::of(story);
        let profit = entry.and_then(|entry| entry.profit()).filter(|_| story.staked() > Nct::ZERO);
        let took = story.bounty.received.until(answer.at).as_micros();
        Some(AnswerNow {
            id: answer.key.id.as_str().to_owned(),
            phase: answer.key.phase.name().to_owned(),
            at: answer.at.micros(),
            took_us: u64::try_from(took).unwrap_or(u64::MAX),
            verdict: answer.verdict.name().to_owned(),
            confidence: answer.confidence_written(),
            kind: shortened(&answer.kind, TEXT_CHARS_MAX),
            size: answer.size,
            sha256: answer.sha256.map(|sha256| Sha256Digest(sha256).to_string()),
            bid: answer.bid,
            ending: story.ending.as_ref().map_or(BountyStatus::Pending, |ended| ended.how.outcome()).name().to_owned(),
            truth: story.settled.as_ref().and_then(|told| told.outcome.truth).map(|truth| truth.name().to_owned()),
            profit: profit.map(|profit| profit.to_string()),
            why: why(&report, answer).map(|why| shortened(&why, TEXT_CHARS_MAX)),
            evidence,
            more,
        })
    }
}

/// What the report says of a missing verdict; or what the answer says where nothing is staked.
fn why(report: &Value, answer: &Answered) -> Option<String> {
    let of_report = report["why"].as_str().map(str::to_owned);
    of_report.or_else(|| (answer.bid == Nct::ZERO && !answer.comments.is_empty()).then(|| answer.comments.join("; ")))
}

/// The weightiest evidence of a report, and how much more there is.
fn evidence(report: &Value) -> (Vec<SeenIndicator>, u64) {
    let all = report["evidence"].as_array().map(Vec::as_slice).unwrap_or_default();
    let seen = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default();
        let place = [text("layer"), text("detail")].into_iter().filter(|part| !part.is_empty());
        SeenIndicator {
            id: shortened(text("id"), TEXT_CHARS_MAX),
            weight: one["weight"].as_f64().unwrap_or_default(),
            detail: shortened(&place.collect::<Vec<_>>().join("  "), TEXT_CHARS_MAX),
        }
    };
    let mut evidence: Vec<SeenIndicator> = all.iter().map(seen).collect();
    evidence.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    let more = evidence.len().saturating_sub(EVIDENCE_MAX) as u64;
    evidence.truncate(EVIDENCE_MAX);
    (evidence, more)
}
