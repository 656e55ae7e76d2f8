//! One bounty in the ledger.

use daemon_archive::{Ending, Story};
use daemon_market::{Bet, BountyKey, Nct, Outcome, Profit, Timestamp, Verdict};
use serde::Deserialize;

use crate::Told;

/// A bounty that was answered: what was known, what was staked, and what it came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Which bounty.
    pub key: BountyKey,
    /// When it came.
    pub received: Timestamp,
    /// When its answer was decided.
    pub answered: Timestamp,
    /// When nobody listened any more.
    pub expires: Timestamp,
    /// What was said.
    pub verdict: Verdict,
    /// The probability that this was right.
    pub confidence: f64,
    /// What was staked on it.
    pub bid: Nct,
    /// What the artifact is, by triage.
    pub kind: String,
    /// Its digest.
    pub sha256: Option<[u8; 32]>,
    /// The rules generation it was judged by.
    pub generation: String,
    /// How the stake was decided, where there was something to decide.
    pub bet: Option<Bet>,
    /// The indicators that were seen, each once, in order; those of YARA rules among them.
    pub indicators: Vec<String>,
    /// How it ended, and after how many attempts to send the answer.
    pub ending: Option<(Ending, u32)>,
    /// How it was settled.
    pub outcome: Option<Outcome>,
    /// When that was heard.
    pub settled: Option<Timestamp>,
    /// What else was told of that.
    pub told: Told,
}

/// What the ledger reads of a report.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Seen {
    evidence: Vec<SeenEvidence>,
}

#[derive(Deserialize)]
struct SeenEvidence {
    id: String,
}

impl Entry {
    /// The entry of a story; `None` where nothing was answered.
    pub fn of(story: &Story) -> Option<Entry> {
        let answer = story.answer.as_ref()?;
        let seen: Seen = serde_json::from_str(&answer.report).unwrap_or_default();
        let mut indicators: Vec<String> = seen.evidence.into_iter().map(|evidence| evidence.id).collect();
        indicators.sort_unstable();
        indicators.dedup();
        let outcome = story.settled.as_ref().map(|settled| settled.outcome.clone());
        Some(Entry {
            key: answer.key.clone(),
            received: story.bounty.received,
            answered: answer.at,
            expires: story.bounty.expires,
            verdict: answer.verdict,
            confidence: answer.confidence,
            bid: answer.bid,
            kind: answer.kind.clone(),
            sha256: answer.sha256,
            generation: answer.generation.clone(),
            bet: Bet::from_json(&answer.bet),
            indicators,
            ending: story.ending.as_ref().map(|ended| (ended.how, ended.attempts)),
            told: outcome.as_ref().map(|outcome| Told::read(&outcome.record)).unwrap_or_default(),
            settled: story.settled.as_ref().map(|settled| settled.at),
            outcome,
        })
    }

    /// What an assertion cost, as far as anybody told.
    pub fn fee(&self) -> Nct {
        let told = self.outcome.as_ref().and_then(|outcome| outcome.fee).or(self.told.assertion_fee);
        told.or(self.bet.as_ref().map(|bet| bet.fee)).unwrap_or(Nct::ZERO)
    }

    /// What is or was at stake: nothing where the marketplace cannot have had the answer.
    pub fn staked(&self) -> Nct {
        match self.ending {
            Some((how, attempts)) if !daemon_market::Ending::from(how).may_have_arrived(attempts) => Nct::ZERO,
            Some(_) | None => self.bid,
        }
    }

    /// What was to be said, before it was softened for want of a stake.
    pub fn said(&self) -> Verdict {
        self.bet.as_ref().map_or(self.verdict, |bet| bet.verdict)
    }

    /// What it gained or lost, fees included; `None` while that is not known.
    pub fn profit(&self) -> Option<Profit> {
        self.outcome.as_ref()?.profit(self.verdict, self.staked(), self.fee())
    }

    /// Whether what was to be said, before it was softened for want of a stake, is borne out by the truth; `None` where
    /// either is missing.
    pub fn right(&self) -> Option<bool> {
        self.outcome.as_ref()?.bears_out(self.said())
    }
}
