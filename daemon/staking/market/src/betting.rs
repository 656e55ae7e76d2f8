//! How an answer is made of a judgement: verdict, stake and comments.

use std::borrow::Cow;

use crate::{
    Answer, Bet, BidStrategy, Bounty, BountyPolicy, ConvictionMap, Findings, Nct, Phase, Purse, Skip, Stake, Timestamp,
    Verdict,
};

/// What the examination of an artifact came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// What it says.
    pub verdict: Verdict,
    /// The probability that this is right, 0.0 to 1.0.
    pub confidence: f64,
    /// Whether everything was looked at. What is incomplete stakes nothing.
    pub complete: bool,
    /// Why it is no judgement, if it is none.
    pub skip: Option<Skip>,
    /// What people should know.
    pub comments: Vec<String>,
    /// What it rests on.
    pub findings: Findings,
}

/// How much is staked, and from what.
#[derive(Debug)]
pub struct Betting {
    /// How much one would.
    pub strategy: Box<dyn BidStrategy>,
    /// How much one may.
    pub purse: Purse,
    /// How sure one is, by the probability of being right.
    pub conviction: ConvictionMap,
    /// What an assertion costs beside its stake.
    pub fee: Nct,
    /// What there is in all: what Kelly's share is taken of.
    pub balance: Nct,
    /// Losing stake for each winning one among the others, as is assumed.
    pub ratio: f64,
}

impl Betting {
    /// By this strategy, from this purse, and all else as it is by default: conviction `2q - 1`, a fee of 0.03125 NCT (as
    /// every BountyRegistry takes), a hundred NCT in all, three losing for ten winning.
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

    /// The answer to `bounty`, its stake set aside. `now` is the purse's own time.
    ///
    /// The marketplace takes malicious and benign only with a stake. Where nothing is staked on them, what is said is
    /// suspicious or unknown, and a comment tells the rest.
    pub fn answer(&mut self, bounty: &Bounty, judgement: Judgement, policy: &BountyPolicy, now: Timestamp) -> Answer {
        let now = self.purse.time(now);
        let mut question = self.question(bounty, &judgement, policy);
        let Judgement { mut verdict, confidence, complete: _, skip, comments, findings } = judgement;
        let confidence = question.as_ref().map_or_else(|| modified(policy, bounty, confidence), |bet| bet.q);
        let mut said: Vec<String> = skip.iter().map(|skip| skip.comment().to_owned()).collect();
        said.extend(comments);
        let mut stake = None;
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
        Answer { verdict, stake, bet: question.map(Box::new), at: now, confidence, comments: said, findings }
    }

    /// What there is to decide about the stake, before the strategy and the purse are asked; `None` where nothing is to be
    /// staked.
    pub fn question(&self, bounty: &Bounty, judgement: &Judgement, policy: &BountyPolicy) -> Option<Bet> {
        let asserted = matches!(judgement.verdict, Verdict::Malicious | Verdict::Benign);
        if bounty.key.phase != Phase::Assertion || !asserted {
            return None;
        }
        let q = modified(policy, bounty, judgement.confidence);
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
            fee: self.fee,
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
            return Err("its rules allow no bid".into());
        }
        bet.decide(&bounty.key, kind, &*self.strategy, &mut self.purse, now)
    }
}

/// How sure one is after what is known of the bounty beside its artifact.
fn modified(policy: &BountyPolicy, bounty: &Bounty, confidence: f64) -> f64 {
    policy.modifiers.apply(Some(&bounty.metadata), confidence).clamp(0.0, 1.0)
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
            modified(&BountyPolicy { modifiers, ..BountyPolicy::default() }, &bounty, confidence)
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
        }
    }
}
