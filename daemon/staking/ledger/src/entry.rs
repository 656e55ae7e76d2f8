//! One bounty in the ledger.

use daemon_journal::{Ending, Story, at_stake};
use daemon_market::{Bet, BountyKey, Nct, Profit, SettlementNotice, StepKind, Timestamp, Verdict};
use serde::{Deserialize, Serialize};

use crate::{SettlementRecord, ShadowOpinion};

/// Largest plausible amount: 79 billion NCT, about forty times what was ever made. Anything above counts as unknown, so
/// that nonsense in a record cannot make the sums over two billion bounties overflow.
pub const AMOUNT_MAX: Nct = Nct::from_base_units(1 << 96);
/// Largest ratio of losing to winning stake that an estimate is made for.
const RATIO_MAX: f64 = 1_000.0;

/// Whether a profit is plausible.
pub(crate) fn countable(profit: Profit) -> bool {
    profit.base_units().unsigned_abs() <= AMOUNT_MAX.base_units()
}

/// A bounty that was answered: what was known, what was staked, and what it earned.
#[derive(Clone, PartialEq, Debug)]
pub struct LedgerEntry {
    /// The bounty and its phase.
    pub key: BountyKey,
    /// When the bounty came in.
    pub received: Timestamp,
    /// When the answer was decided.
    pub answered: Timestamp,
    /// The deadline for the answer.
    pub expires: Timestamp,
    /// The verdict of the answer.
    pub verdict: Verdict,
    /// The probability that the verdict was right, 0.0 to 1.0.
    pub confidence: f64,
    /// The stake on the verdict.
    pub bid: Nct,
    /// The artifact's kind, by triage.
    pub kind: String,
    /// The artifact's SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// The malware family; empty if none was found.
    pub family: String,
    /// The rules generation that the verdict rests on.
    pub generation: String,
    /// How the stake was decided; `None` where there was nothing to decide.
    pub bet: Option<Bet>,
    /// The ids of the indicators that were found, YARA rules among them, each once, in order.
    pub indicators: Vec<String>,
    /// How the bounty ended, and after how many attempts to send the answer.
    pub ending: Option<(Ending, u32)>,
    /// Whether the chain has the assertion, or may have it, where the answer goes to a chain.
    pub on_chain: Option<bool>,
    /// How the bounty was settled.
    pub outcome: Option<SettlementNotice>,
    /// When we were told of the settlement.
    pub settled: Option<Timestamp>,
    /// What else we were told of the settlement.
    pub told: SettlementRecord,
    /// What a second set of rules says of it. Nothing was staked on that.
    pub shadow: Option<ShadowOpinion>,
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

/// Reduces a report (JSON) to what the ledger reads of it: the part that an archive must keep for good.
#[expect(clippy::missing_panics_doc, reason = "texts always serialize")]
pub fn essence(report: &str) -> String {
    let seen: ReportSummary = serde_json::from_str(report).unwrap_or_default();
    serde_json::to_string(&seen).expect("texts always serialize")
}

impl LedgerEntry {
    /// The entry of a story; `None` if the bounty was not answered.
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
            on_chain: story.has_step(StepKind::Pledged).then(|| !story.has_step(StepKind::Void)),
            told: outcome.as_ref().map(|outcome| SettlementRecord::read(&outcome.record)).unwrap_or_default(),
            settled: story.settled.as_ref().map(|settled| settled.at),
            shadow: story.shadow.as_ref().and_then(ShadowOpinion::of),
            outcome,
        })
    }

    /// The fee of the assertion, on top of its stake, as far as known.
    pub fn fee(&self) -> Nct {
        let told = self.outcome.as_ref().and_then(|outcome| outcome.fee).or(self.told.assertion_fee);
        told.or(self.bet.as_ref().map(|bet| bet.fee)).unwrap_or(Nct::ZERO)
    }

    /// The YARA rules among the indicators, by their ids.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.indicators.iter().map(String::as_str).filter(|id| id.starts_with("yara."))
    }

    /// The amount that is or was at stake: zero if the marketplace cannot have received the answer, or says that it has
    /// none.
    pub fn staked(&self) -> Nct {
        // A record that names our engine has every engine's assertion.
        if self.told.engine.is_some() && self.told.ours().is_none() {
            return Nct::ZERO;
        }
        match self.on_chain {
            Some(true) => self.bid,
            Some(false) => Nct::ZERO,
            None => at_stake(self.bid, self.ending),
        }
    }

    /// Whether the marketplace cannot have received the answer, except where it was held back on purpose. No other
    /// stake would have earned anything either.
    pub fn missed(&self) -> bool {
        if let Some(arrived) = self.on_chain {
            return !arrived;
        }
        self.ending.is_some_and(|(how, attempts)| {
            how != Ending::Withheld && !daemon_market::Ending::from(how).may_have_arrived(attempts)
        })
    }

    /// The verdict of the examination. Without a stake the answer itself says suspicious or unknown.
    pub fn said(&self) -> Verdict {
        self.bet.as_ref().map_or(self.verdict, |bet| bet.verdict)
    }

    /// The gain or loss, fees included; `None` if unknown or not plausible.
    pub fn profit(&self) -> Option<Profit> {
        self.outcome.as_ref()?.profit(self.verdict, self.staked(), self.fee()).filter(|profit| countable(*profit))
    }

    /// The estimated gain, if the stake won an unknown amount: by the assumed stakes of the others, less the fee. Only
    /// part of sums that are called estimated.
    pub fn estimate(&self) -> Option<Profit> {
        if self.profit().is_some() || self.staked() > AMOUNT_MAX || self.right() != Some(true) {
            return None;
        }
        let ratio = self.bet.as_ref().map(|bet| bet.ratio).filter(|ratio| (0.0..=RATIO_MAX).contains(ratio))?;
        // Below 2^108: no rounding of a guess leaves the range.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "neither negative nor beyond 2^108"
        )]
        let gain = Nct::from_base_units((self.staked().base_units() as f64 * ratio) as u128);
        Profit::of(gain, self.fee())
    }

    /// Whether the verdict of the examination was right; `None` if the verdict or the truth is missing.
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
