//! Makes an answer from a judgement: verdict, stake and comments.

use std::borrow::Cow;

use crate::{
    Answer, Bet, BidStrategy, Bounty, BountyPolicy, ConvictionMap, Judgement, Nct, Phase, Purse, Stake, Timestamp,
    Verdict,
};

/// Decides stakes: a strategy, a purse, and what is assumed about the market.
#[derive(Debug)]
pub struct Betting {
    /// The strategy, which says how much to stake.
    pub strategy: Box<dyn BidStrategy>,
    /// The purse, which says how much may be staked.
    pub purse: Purse,
    /// The conviction at each probability of being right.
    pub conviction: ConvictionMap,
    /// The fee of an assertion, on top of its stake.
    pub fee: Nct,
    /// The bankroll, which `kelly` stakes a fraction of.
    pub balance: Nct,
    /// The assumed ratio of losing to winning stake among the others.
    pub ratio: f64,
}

impl Betting {
    /// Betting with this strategy and purse and with defaults for the rest: conviction `2q - 1`, a fee of 0.03125 NCT
    /// (which every BountyRegistry takes), a bankroll of 100 NCT, and 0.3 NCT of losing stake for each NCT of winning
    /// stake.
    pub fn new(strategy: Box<dyn BidStrategy>, purse: Purse) -> Betting {
        Betting {
            strategy,
            purse,
            conviction: ConvictionMap::default(),
            fee: Nct::from_base_units(31_250_000_000_000_000),
            balance: Nct::from_base_units(100 * 10u128.pow(18)),
            ratio: 0.3,
        }
    }

    /// The answer to `bounty`, with its stake set aside. `now` is the purse's time.
    ///
    /// The marketplace accepts malicious and benign only with a stake. Without one, the answer says suspicious or
    /// unknown, and a comment gives the reason.
    pub fn answer(&mut self, bounty: &Bounty, judgement: Judgement, policy: &BountyPolicy, now: Timestamp) -> Answer {
        let now = self.purse.time(now);
        let mut question = self.question(bounty, &judgement, policy);
        let Judgement { mut verdict, confidence, complete, skip, comments, findings } = judgement;
        let confidence = question.as_ref().map_or_else(|| modified(policy, bounty, 0, confidence), |bet| bet.q);
        let mut said: Vec<String> = skip.iter().map(|skip| skip.comment().to_owned()).collect();
        said.extend(comments);
        let mut stake = None;
        // An arbiter stakes nothing, and a limit is no sign of harmlessness for him either.
        if question.is_none() && verdict == Verdict::Benign && !complete {
            said.push("benign, and the examination is incomplete".to_owned());
            verdict = Verdict::Unknown;
        }
        if let Some(bet) = &mut question {
            match self.stake(bounty, bet, &findings.kind, now) {
                Ok(given) => stake = Some(given),
                Err(why) => {
                    said.push(format!("{}, and nothing staked: {why}", verdict.name()));
                    verdict = if verdict == Verdict::Malicious { Verdict::Suspicious } else { Verdict::Unknown };
                    bet.why_not = Some(why.into_owned());
                }
            }
        }
        Answer {
            verdict,
            stake,
            bet: question.map(Box::new),
            at: now,
            confidence,
            comments: said,
            findings,
            assertion: None,
        }
    }

    /// The bet before the strategy and the purse are asked; `None` if nothing can be staked on this judgement.
    pub fn question(&self, bounty: &Bounty, judgement: &Judgement, policy: &BountyPolicy) -> Option<Bet> {
        self.question_about(bounty, 0, judgement, policy)
    }

    /// The same about the artifact with this number.
    pub(crate) fn question_about(
        &self,
        bounty: &Bounty,
        artifact: usize,
        judgement: &Judgement,
        policy: &BountyPolicy,
    ) -> Option<Bet> {
        let asserted = matches!(judgement.verdict, Verdict::Malicious | Verdict::Benign);
        if bounty.key.phase != Phase::Assertion || !asserted {
            return None;
        }
        let q = modified(policy, bounty, artifact, judgement.confidence);
        Some(Bet {
            strategy: self.strategy.name().to_owned(),
            verdict: judgement.verdict,
            confidence: judgement.confidence,
            q,
            conviction: self.conviction.of(q).get(),
            family: judgement.findings.malware_family.clone(),
            evidence: judgement.findings.evidence.clone(),
            min: bounty.bounds.min,
            max: bounty.bounds.max.min(self.purse.bounty_max()),
            reward: bounty.reward.unwrap_or(Nct::ZERO),
            fee: bounty.on_chain.as_ref().map_or(self.fee, |terms| terms.fee),
            purse: Nct::ZERO,
            balance: self.balance,
            ratio: self.ratio,
            complete: judgement.complete,
            wanted: Nct::ZERO,
            why_not: None,
        })
    }

    fn stake(
        &mut self,
        bounty: &Bounty,
        bet: &mut Bet,
        kind: &str,
        now: Timestamp,
    ) -> Result<Stake, Cow<'static, str>> {
        if bet.complete && bounty.bounds.min > bounty.bounds.max {
            return Err("the bounty allows no bid".into());
        }
        bet.decide(&bounty.key, kind, &*self.strategy, &mut self.purse, now)
    }
}

/// The confidence after the modifiers that match the artifact's metadata.
pub(crate) fn modified(policy: &BountyPolicy, bounty: &Bounty, artifact: usize, confidence: f64) -> f64 {
    policy.modifiers.apply(Some(bounty.metadata_of(artifact)), confidence).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ArtifactType, Filter, Modifiers};

    #[test]
    fn filters_make_nobody_surer_than_sure() {
        let every: Vec<Filter> = vec!["mimetype contains text".parse().unwrap()];
        let mut metadata = serde_json::Map::new();
        metadata.insert("mimetype".to_owned(), "text/plain".into());
        let bounty = Bounty { metadata, ..bounty() };
        let of = |favor: &[Filter], penalize: &[Filter], confidence: f64| {
            let modifiers = Modifiers { favor: favor.to_vec(), penalize: penalize.to_vec() };
            modified(&BountyPolicy { modifiers, ..BountyPolicy::default() }, &bounty, 0, confidence)
        };
        assert_eq!(of(&every, &[], 0.5), 0.6);
        assert_eq!(of(&[], &every, 0.5), 0.4);
        assert_eq!(of(&every, &[], 0.95), 1.0, "0.95 times 1.2 is no probability");
        assert_eq!(of(&every, &[], 1.0), 1.0);
        assert_eq!(of(&[], &every, -0.5), 0.0);
    }

    fn bounty() -> Bounty {
        Bounty {
            key: crate::BountyKey { id: crate::BountyId::new("7"), phase: Phase::Assertion },
            artifact_type: ArtifactType::File,
            artifact_uri: String::new(),
            sha256: None,
            metadata: serde_json::Map::new(),
            bounds: crate::BidBounds::default(),
            reward: None,
            response_url: None,
            deliverable: true,
            expires: Timestamp::from_micros(0),
            on_chain: None,
        }
    }
}
