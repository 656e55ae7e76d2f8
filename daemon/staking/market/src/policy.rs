//! Which bounties are judged, how many at once, and when they are answered.

use std::time::Duration;

use crate::{ArtifactType, Bounty, BountyFilter, Findings, Judgement, Modifiers, Nct, Skip};

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
pub struct BountyPolicy {
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

impl Default for BountyPolicy {
    fn default() -> Self {
        BountyPolicy {
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

impl BountyPolicy {
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
