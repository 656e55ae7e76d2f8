//! What each kind of record says.

use daemon_market::{
    Answer, AssertionStep, BountyKey, Correction, Findings, Nct, PurseNote, SettlementNotice, Timestamp, Verdict,
};

use crate::Ending;

/// The dialect of PolySwarm's webhooks, and of every record from before dialects were recorded.
pub const WEBHOOK: &str = "webhook";

/// A bounty came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// The bounty and its phase.
    pub key: BountyKey,
    /// The transport that the bounty came by, which is the dialect that `wire` is in: [`WEBHOOK`], for one.
    pub dialect: String,
    /// The transport's name for this delivery, for the log.
    pub delivery: String,
    /// When the bounty came in.
    pub received: Timestamp,
    /// The deadline: an answer after this moment is worthless.
    pub expires: Timestamp,
    /// What came in, byte for byte: of a webhook, the signed request body.
    pub wire: Vec<u8>,
}

/// Our answer to a bounty: decided, but not yet sent.
#[derive(Clone, PartialEq, Debug)]
pub struct Answered {
    /// The bounty that is answered.
    pub key: BountyKey,
    /// When the answer was decided.
    pub at: Timestamp,
    /// The bytes that are sent, at the first and at every later attempt.
    pub body: Vec<u8>,
    /// The verdict of the answer.
    pub verdict: Verdict,
    /// The stake on that verdict.
    pub bid: Nct,
    /// The probability that the verdict is right, 0.0 to 1.0. A value outside is stored as the nearer end, NaN as 0.0.
    pub confidence: f64,
    /// The artifact's kind, by triage.
    pub kind: String,
    /// The SHA-256 of the artifact that was examined.
    pub sha256: Option<[u8; 32]>,
    /// The artifact's size in bytes. Stored as at most `i64::MAX`.
    pub size: Option<u64>,
    /// The rules generation that the verdict rests on.
    pub generation: String,
    /// The remarks that went to the marketplace beside the verdict.
    pub comments: Vec<String>,
    /// The full report as JSON, to explain the verdict later.
    pub report: String,
    /// How the stake was decided, as JSON (a [`daemon_market::Bet`]). Empty where there was nothing to decide.
    pub bet: String,
}

impl Answered {
    /// The record of an answer that is sent as `body`.
    pub fn of(key: &BountyKey, answer: &Answer, body: Vec<u8>) -> Answered {
        let Findings { kind, sha256, size, generation, report, .. } = answer.findings.clone();
        Answered {
            key: key.clone(),
            at: answer.at,
            body,
            verdict: answer.verdict,
            bid: answer.bid(),
            confidence: answer.confidence,
            kind,
            sha256,
            size,
            generation,
            comments: answer.comments.clone(),
            report,
            bet: answer.bet.as_ref().map_or_else(String::new, |bet| bet.to_json()),
        }
    }

    /// The confidence as it is stored: SQLite has neither NaN nor a negative zero.
    pub fn confidence_written(&self) -> f64 {
        if self.confidence.is_nan() { 0.0 } else { self.confidence.clamp(0.0, 1.0) + 0.0 }
    }

    /// The size as it is stored, in bytes: SQLite's integers are signed.
    pub fn size_written(&self) -> Option<i64> {
        self.size.map(|size| i64::try_from(size).unwrap_or(i64::MAX))
    }
}

/// A bounty has ended: we do nothing more about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// The bounty that ended.
    pub key: BountyKey,
    /// When the bounty ended.
    pub at: Timestamp,
    /// How the bounty ended.
    pub how: Ending,
    /// How many times we tried to send the answer.
    pub attempts: u32,
    /// Further details, for people.
    pub detail: String,
}

/// How the marketplace settled a bounty, as we were told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    /// The bounty that was settled.
    pub key: BountyKey,
    /// When we were told.
    pub at: Timestamp,
    /// What we were told.
    pub outcome: SettlementNotice,
}

/// A correction of what we were told about a settled bounty. The first account stays in the journal beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Corrected {
    /// The bounty whose settlement is corrected.
    pub key: BountyKey,
    /// When a person corrected it.
    pub at: Timestamp,
    /// The right values, and the reason.
    pub correction: Correction,
}

/// A step of the life of an assertion on the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stepped {
    /// The bounty that the assertion is about.
    pub key: BountyKey,
    /// When the step was taken, or was heard of.
    pub at: Timestamp,
    /// The step.
    pub step: AssertionStep,
}

/// What a second set of rules, weights and models says of an artifact, beside our answer. Nothing is staked on it, and
/// nothing that we do follows from it.
#[derive(Clone, PartialEq, Debug)]
pub struct Shadowed {
    /// The bounty.
    pub key: BountyKey,
    /// The number of the artifact among those of the bounty, from 0.
    pub artifact: u32,
    /// How many artifacts the bounty has. The opinion on one of several cannot be compared with the answer.
    pub artifacts: u32,
    /// When it was judged.
    pub at: Timestamp,
    /// The verdict.
    pub verdict: Verdict,
    /// The probability that the verdict is right, 0.0 to 1.0. A value outside is stored as the nearer end, NaN as 0.0.
    pub confidence: f64,
    /// The artifact's kind, by triage.
    pub kind: String,
    /// The generation of the second set.
    pub generation: String,
    /// What a strategy would have been asked, as JSON (a [`daemon_market::Bet`]). Empty where there is nothing to decide.
    pub bet: String,
}

impl Shadowed {
    /// The confidence as it is stored: SQLite has neither NaN nor a negative zero.
    pub fn confidence_written(&self) -> f64 {
        if self.confidence.is_nan() { 0.0 } else { self.confidence.clamp(0.0, 1.0) + 0.0 }
    }
}

/// The purse was closed, or a person opened it again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PurseEntry {
    /// When the purse was closed or opened.
    pub at: Timestamp,
    /// Closed or opened.
    pub note: PurseNote,
    /// Why it was closed, or who opened it.
    pub detail: String,
}
