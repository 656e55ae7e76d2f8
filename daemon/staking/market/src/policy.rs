//! Which bounties are judged, how many at once, and when they are answered.

use std::time::Duration;

use crate::{ArtifactType, Bounty, BountyFilter, Findings, Judgement, Modifiers, Nct, Skip};

/// A limit on how many bounties are accepted per time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// The number of bounties.
    pub bounties: u32,
    /// The length of the window.
    pub per: Duration,
}

/// The limits and choices that apply to every bounty.
#[derive(Clone, Debug)]
pub struct BountyPolicy {
    /// Most bounties that are open at once. Further ones are refused with "busy".
    pub open_max: usize,
    /// Most artifacts being downloaded or waiting for a worker at once.
    pub fetching_max: usize,
    /// Most artifacts with workers at once, being examined or next in line.
    pub examining_max: usize,
    /// How long before its deadline a bounty is answered with what is known by then. A bounty with little time is
    /// answered when half of its time is over, if that is later.
    pub margin: Duration,
    /// Longest life of a bounty: it is ended after this time even if its deadline is later.
    pub life_max: Duration,
    /// Smallest reward: a bounty that pays less is declined.
    pub reward_min: Nct,
    /// Whether URL artifacts are visited. If not, they are declined.
    pub visit_urls: bool,
    /// Which bounties are judged, by metadata.
    pub filter: BountyFilter,
    /// Which bounties have their confidence raised or lowered, by metadata.
    pub modifiers: Modifiers,
    /// Limits on how many bounties are accepted per time.
    pub rates: Vec<Rate>,
    /// Dry run: answers are recorded and never sent.
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
    /// The reason to decline this bounty, if there is one. The filter looks at artifacts one by one where there may be
    /// several: see [`BountyPolicy::declines_artifact`].
    pub fn declines(&self, bounty: &Bounty) -> Option<Refusal> {
        if bounty.artifact_type == ArtifactType::Url && !self.visit_urls {
            return Some(Refusal { skip: Skip::TypeUnsupported, why: "URLs are not visited".to_owned() });
        }
        if bounty.response_url.is_some() && !bounty.deliverable {
            let why = "answers may not be sent to its response URL".to_owned();
            return Some(Refusal { skip: Skip::Other, why });
        }
        if let Some(reward) = bounty.reward.filter(|reward| *reward < self.reward_min) {
            let why = format!("a reward of {reward} NCT is below the {} NCT that we work for", self.reward_min);
            return Some(Refusal { skip: Skip::Other, why });
        }
        if bounty.on_chain.is_some() {
            return None;
        }
        self.declines_artifact(bounty, 0)
    }

    /// The reason to decline one artifact of a bounty that is judged, if there is one.
    pub fn declines_artifact(&self, bounty: &Bounty, artifact: usize) -> Option<Refusal> {
        let allowed = self.filter.allows(Some(bounty.metadata_of(artifact)));
        (!allowed).then(|| Refusal { skip: Skip::Other, why: "declined by a filter on its metadata".to_owned() })
    }
}

/// Why a bounty is not judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The reason as the marketplace's enumeration has it.
    pub skip: Skip,
    /// The reason in our own words.
    pub why: String,
}

impl Refusal {
    /// A judgement of unknown (or suspicious) that gives this reason.
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
