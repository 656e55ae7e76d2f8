//! One bounty in the ledger.

use daemon_journal::{Ending, Story, at_stake};
use daemon_market::{Bet, BountyKey, Nct, Profit, SettlementNotice, Timestamp, Verdict};
use serde::{Deserialize, Serialize};

use crate::SettlementRecord;

/// Amounts above this are no amounts: 79 billion NCT, some forty times what was ever made. They are counted as unknown,
/// so that no told nonsense can make the sums of two thousand million bounties overflow.
pub const AMOUNT_MAX: Nct = Nct::from_base_units(1 << 96);
/// Who assumes that a stake earns more than a thousandfold assumes nothing that is worth an estimate.
const RATIO_MAX: f64 = 1_000.0;

/// Whether a profit is an amount that there can be.
pub(crate) fn countable(profit: Profit) -> bool {
    profit.base_units().unsigned_abs() <= AMOUNT_MAX.base_units()
}

/// A bounty that was answered: what was known, what was staked, and what it came to.
#[derive(Clone, PartialEq, Debug)]
pub struct LedgerEntry {
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
    /// The malware family that was seen; empty where none was.
    pub family: String,
    /// The rules generation it was judged by.
    pub generation: String,
    /// How the stake was decided, where there was something to decide.
    pub bet: Option<Bet>,
    /// The indicators that were seen, each once, in order; those of YARA rules among them.
    pub indicators: Vec<String>,
    /// How it ended, and after how many attempts to send the answer.
    pub ending: Option<(Ending, u32)>,
    /// How it was settled.
    pub outcome: Option<SettlementNotice>,
    /// When that was heard.
    pub settled: Option<Timestamp>,
    /// What else was told of that.
    pub told: SettlementRecord,
}

/// What the ledger reads of a report.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct ReportSummary {
    family: Option<String>,
    evidence: Vec<SeenEvidence>,
}

#[derive(Deserialize, Serialize)]
struct SeenEvidence {
    id: String,
}

/// All that the ledger reads of a report, as a report: what an archive has to keep of it for good.
pub fn essence(report: &str) -> String {
    let seen: ReportSummary = serde_json::from_str(report).unwrap_or_default();
    serde_json::to_string(&seen).expect("texts always serialize")
}

impl LedgerEntry {
    /// The entry of a story; `None` where nothing was answered.
    pub fn of(story: &Story) -> Option<LedgerEntry> {
        let answer = story.answer.as_ref()?;
        let seen: ReportSummary = serde_json::from_str(&answer.report).unwrap_or_default();
        let mut indicators: Vec<String> = seen.evidence.into_iter().map(|evidence| evidence.id).collect();
        indicators.sort_unstable();
        indicators.dedup();
        let outcome = story.settled.as_ref().map(|settled| settled.outcome.clone());
        let bet = Bet::from_json(&answer.bet);
        Some(LedgerEntry {
            key: answer.key.clone(),
            received: story.bounty.received,
            answered: answer.at,
            expires: story.bounty.expires,
            verdict: answer.verdict,
            confidence: answer.confidence,
            bid: answer.bid,
            kind: answer.kind.clone(),
            sha256: answer.sha256,
            family: bet.as_ref().map(|bet| bet.family.clone()).or(seen.family).unwrap_or_default(),
            generation: answer.generation.clone(),
            bet,
            indicators,
            ending: story.ending.as_ref().map(|ended| (ended.how, ended.attempts)),
            told: outcome.as_ref().map(|outcome| SettlementRecord::read(&outcome.record)).unwrap_or_default(),
            settled: story.settled.as_ref().map(|settled| settled.at),
            outcome,
        })
    }

    /// What an assertion cost, as far as anybody told.
    pub fn fee(&self) -> Nct {
        let told = self.outcome.as_ref().and_then(|outcome| outcome.fee).or(self.told.assertion_fee);
        told.or(self.bet.as_ref().map(|bet| bet.fee)).unwrap_or(Nct::ZERO)
    }

    /// The YARA rules among the indicators, by their ids.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.indicators.iter().map(String::as_str).filter(|id| id.starts_with("yara."))
    }

    /// What is or was at stake: nothing where the marketplace cannot have had the answer, or says that it had none.
    pub fn staked(&self) -> Nct {
        // Who says which engine is us says what each of them asserted.
        if self.told.engine.is_some() && self.told.ours().is_none() {
            return Nct::ZERO;
        }
        at_stake(self.bid, self.ending)
    }

    /// Whether the marketplace cannot have had the answer, and not because it was kept back on purpose: then no other
    /// stake would have earned anything either.
    pub fn missed(&self) -> bool {
        self.ending.is_some_and(|(how, attempts)| {
            how != Ending::Withheld && !daemon_market::Ending::from(how).may_have_arrived(attempts)
        })
    }

    /// What was to be said, before it was softened for want of a stake.
    pub fn said(&self) -> Verdict {
        self.bet.as_ref().map_or(self.verdict, |bet| bet.verdict)
    }

    /// What it gained or lost, fees included; `None` while that is not known, and for amounts that are none.
    pub fn profit(&self) -> Option<Profit> {
        self.outcome.as_ref()?.profit(self.verdict, self.staked(), self.fee()).filter(|profit| countable(*profit))
    }

    /// What it may have gained, where it won nobody told how much: what is assumed of the others' stakes, less the fee.
    /// A guess, and no part of any sum but those called estimated.
    pub fn estimate(&self) -> Option<Profit> {
        if self.profit().is_some() || self.staked() > AMOUNT_MAX || self.right() != Some(true) {
            return None;
        }
        let ratio = self.bet.as_ref().map(|bet| bet.ratio).filter(|ratio| (0.0..=RATIO_MAX).contains(ratio))?;
        // Below 2^108: no rounding of a guess leaves the range.
        let gain = Nct::from_base_units((self.staked().base_units() as f64 * ratio) as u128);
        Profit::of(gain, self.fee())
    }

    /// Whether what was to be said, before it was softened for want of a stake, is borne out by the truth; `None` where
    /// either is missing.
    pub fn right(&self) -> Option<bool> {
        self.outcome.as_ref()?.bears_out(self.said())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_essence_of_a_report_is_all_that_is_read_of_it() {
        let report = r#"{"family": "Emotet", "why": "long", "evidence": [
            {"id": "pe.b", "place": "0x10", "detail": "much"}, {"id": "yara.a", "weight": 3.0}]}"#;
        let kept = essence(report);
        assert_eq!(kept, r#"{"family":"Emotet","evidence":[{"id":"pe.b"},{"id":"yara.a"}]}"#);
        assert_eq!(essence(&kept), kept);
        for nothing in ["", "{}", "not JSON", "{\"evidence\": 7}"] {
            assert_eq!(essence(nothing), r#"{"family":null,"evidence":[]}"#, "{nothing}");
        }
    }
}
