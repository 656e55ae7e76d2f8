//! What the marketplace tells of settled bounties, on its way into the journal.
//!
//! A [`Line`] says about which bounty, or about which artifact, something is told. Whether it is news, known, or at odds
//! with what is known is decided in one place ([`judge`]), for a daemon that runs and for a journal that lies still.
//! Where a daemon runs, it alone writes: it finds the lines in its [`inbox`].

mod direct;
pub mod inbox;
mod line;

use daemon_archive::{Recall, Story};
use daemon_market::{Bet, BountyKey, Nct, Outcome, Phase, Reckoning};
use serde::{Deserialize, Serialize};

pub use direct::Direct;
pub use line::{About, Line, Source, read};

/// One artifact may have been in so many bounties that are told about at once.
pub const BOUNTIES_PER_ARTIFACT_MAX: usize = 10_000;

/// What became of lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Told {
    /// Lines read.
    pub lines: u64,
    /// Bounties about which it is written down now.
    pub fresh: u64,
    /// Bounties about which that was known.
    pub known: u64,
    /// Bounties about which something else is known, which stays.
    pub conflicting: u64,
    /// Lines about bounties or artifacts that are not in the journal.
    pub unasked: u64,
    /// Bounties that have not ended yet.
    pub pending: u64,
    /// Times that the purse was opened.
    pub opened: u64,
    /// What could not be written down.
    pub failed: u64,
}

impl Told {
    /// Both together.
    pub fn and(self, other: Told) -> Told {
        Told {
            lines: self.lines + other.lines,
            fresh: self.fresh + other.fresh,
            known: self.known + other.known,
            conflicting: self.conflicting + other.conflicting,
            unasked: self.unasked + other.unasked,
            pending: self.pending + other.pending,
            opened: self.opened + other.opened,
            failed: self.failed + other.failed,
        }
    }
}

/// What is to be done about an outcome that is told of a bounty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// It is to be written down, and comes to this for our stake.
    Fresh(Reckoning),
    /// It is known.
    Known,
    /// Something else is known.
    Conflicting,
    /// The bounty has not ended: it is to be told again later.
    Pending,
}

/// Whether `outcome` is news about the bounty of this story. `fee` is what an assertion costs, where nobody told.
pub fn judge(story: &Story, outcome: &Outcome, fee: Nct) -> News {
    if let Some(before) = &story.settled {
        let before = &before.outcome;
        let differs = before.truth != outcome.truth || (before.payout != outcome.payout && outcome.payout.is_some());
        return if differs { News::Conflicting } else { News::Known };
    }
    if story.ending.is_none() {
        return News::Pending;
    }
    let reckoning = story.answer.as_ref().map_or_else(
        || Reckoning { bid: Nct::ZERO, profit: daemon_market::Profit::ZERO, lost: None },
        |answer| {
            let fee = Bet::from_json(&answer.bet).map_or(fee, |bet| bet.fee);
            Reckoning::of(outcome, answer.verdict, answer.bid, fee)
        },
    );
    News::Fresh(reckoning)
}

/// Which stories a line is about, of those in which something may be told: votes are settled for nobody.
pub fn is_about(about: &About, key: &BountyKey) -> bool {
    match about {
        About::Bounty(id, phase) => key.id == *id && phase.unwrap_or(Phase::Assertion) == key.phase,
        About::Artifact(_) => key.phase == Phase::Assertion,
        About::Purse => false,
    }
}

/// The filter that finds the stories a line is about.
pub fn filter(about: &About) -> Option<daemon_archive::Filter> {
    match about {
        About::Bounty(id, _) => Some(daemon_archive::Filter { id: Some(id.clone()), ..Default::default() }),
        About::Artifact(sha256) => Some(daemon_archive::Filter { sha256: Some(*sha256), ..Default::default() }),
        About::Purse => None,
    }
}

/// The stories in `journal` that a line is about.
pub fn stories(journal: &dyn Recall, about: &About) -> Result<Vec<Story>, daemon_archive::JournalError> {
    let Some(filter) = filter(about) else { return Ok(Vec::new()) };
    let mut stories = journal.query(&filter, BOUNTIES_PER_ARTIFACT_MAX)?;
    stories.retain(|story| is_about(about, &story.bounty.key));
    Ok(stories)
}
