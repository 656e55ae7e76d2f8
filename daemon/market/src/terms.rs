//! On what terms the engine does business: which bounties it judges, when it answers, and how it bids.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::{
    Abstention, Answer, ArtifactType, BidBounds, BidRequest, BidStrategy, Bounty, BountyFilter, Conviction, Findings,
    Modifiers, Nct, Phase,
};
use crate::{Purse, Skip, Stake, Verdict};

/// How many bounties may be taken in a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// So many.
    pub bounties: u32,
    /// In each stretch of this length.
    pub per: Duration,
}

/// What the life of every bounty keeps to.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Bounties taken and not ended yet, at most. Further ones are refused before they are taken.
    pub open_max: usize,
    /// Artifacts being downloaded, or waiting to be examined, at most.
    pub fetching_max: usize,
    /// Artifacts with workers at most: examined, or next.
    pub examining_max: usize,
    /// How long before a bounty expires it is answered with what is known. A bounty with little time is answered when
    /// half of its time is over, if that is later.
    pub margin: Duration,
    /// A bounty that lives longer is ended after this time all the same: none holds its place for days.
    pub life_max: Duration,
    /// A bounty that says it pays less is declined.
    pub reward_min: Nct,
    /// Whether addresses are visited. If not, they are declined.
    pub visit_urls: bool,
    /// Which bounties are judged, by their metadata.
    pub filter: BountyFilter,
    /// Whose confidence is raised or lowered, by their metadata.
    pub modifiers: Modifiers,
    /// How many bounties are taken in a time.
    pub rates: Vec<Rate>,
    /// Answers are written down, and never sent.
    pub dry_run: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            open_max: 1024,
            fetching_max: 64,
            examining_max: 4,
            margin: Duration::from_secs(2),
            life_max: Duration::from_secs(3_600),
            reward_min: Nct::ZERO,
            visit_urls: false,
            filter: BountyFilter::default(),
            modifiers: Modifiers::default(),
            rates: Vec::new(),
            dry_run: false,
        }
    }
}

impl Terms {
    /// Why this bounty is not judged, if it is not.
    pub fn declines(&self, bounty: &Bounty) -> Option<Refusal> {
        if bounty.artifact_type == ArtifactType::Url && !self.visit_urls {
            return Some(Refusal { skip: Skip::TypeUnsupported, why: "addresses are not visited".to_owned() });
        }
        if bounty.response_url.is_some() && !bounty.deliverable {
            let why = "answers may not be sent to where it wants its answer".to_owned();
            return Some(Refusal { skip: Skip::Other, why });
        }
        if let Some(reward) = bounty.reward.filter(|reward| *reward < self.reward_min) {
            let why = format!("a reward of {reward} NCT is below the {} NCT worth working for", self.reward_min);
            return Some(Refusal { skip: Skip::Other, why });
        }
        if !self.filter.allows(Some(&bounty.metadata)) {
            return Some(Refusal { skip: Skip::Other, why: "declined by a filter on its metadata".to_owned() });
        }
        None
    }
}

/// Why a bounty is not judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// In the marketplace's words.
    pub skip: Skip,
    /// In ours.
    pub why: String,
}

impl Refusal {
    /// The judgement that says so.
    pub fn judgement(&self) -> Judgement {
        Judgement {
            verdict: self.skip.verdict(),
            confidence: 0.5,
            complete: false,
            skip: Some(self.skip),
            comments: vec![self.why.clone()],
            findings: Findings::default(),
        }
    }
}

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
pub struct Betting {
    /// How much one would.
    pub strategy: Box<dyn BidStrategy>,
    /// How much one may.
    pub purse: Box<dyn Purse + Send>,
}

impl fmt::Debug for Betting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Betting")
    }
}

impl Betting {
    /// The answer to `bounty`, its stake set aside.
    ///
    /// The marketplace takes malicious and benign only with a stake. Where nothing is staked on them, what is said is
    /// suspicious or unknown, and a comment tells the rest.
    pub fn answer(&mut self, bounty: &Bounty, judgement: Judgement, terms: &Terms) -> Answer {
        let Judgement { mut verdict, confidence, complete, skip, comments, findings } = judgement;
        let confidence = terms.modifiers.apply(Some(&bounty.metadata), confidence).clamp(0.0, 1.0);
        let mut said: Vec<String> = skip.iter().map(|skip| skip.comment().to_owned()).collect();
        said.extend(comments);
        let mut stake = None;
        if bounty.key.phase == Phase::Assertion && matches!(verdict, Verdict::Malicious | Verdict::Benign) {
            match self.stake(bounty, confidence, complete, verdict, &findings) {
                Ok(given) => stake = Some(given),
                Err(why) => {
                    said.push(format!("{}, and nothing staked: {why}", verdict.name()));
                    verdict = if verdict == Verdict::Malicious { Verdict::Suspicious } else { Verdict::Unknown };
                }
            }
        }
        Answer { verdict, stake, confidence, comments: said, findings }
    }

    fn stake(
        &mut self,
        bounty: &Bounty,
        confidence: f64,
        complete: bool,
        verdict: Verdict,
        findings: &Findings,
    ) -> Result<Stake, Cow<'static, str>> {
        if !complete {
            return Err("not everything was looked at".into());
        }
        let BidBounds { min, max } = bounty.bounds;
        if min > max {
            return Err("its rules allow no bid".into());
        }
        // Bounds first, so that what is surest stakes as much as may be, rather than nothing.
        let bounds = BidBounds { min, max: max.min(self.purse.most()) };
        if bounds.min > bounds.max {
            return Err("the least that it allows is more than the purse gives".into());
        }
        let request = BidRequest {
            q: confidence,
            conviction: Conviction::from_probability(confidence),
            verdict,
            kind: &findings.kind,
            family: &findings.malware_family,
            evidence: &[],
            bounds,
            reward: bounty.reward.unwrap_or(Nct::ZERO),
            fee: Nct::ZERO,
            purse: self.purse.most(),
            balance: self.purse.most(),
            ratio: 1.0,
        };
        let wanted = self.strategy.bid(&request).map_err(|Abstention(why)| why)?;
        self.purse.stake(wanted).ok_or("the purse does not give that much".into())
    }
}
