//! Import of settlements into the journal.
//!
//! A [`SettlementLine`] is about a bounty or an artifact. Whether it is new, known or contradictory is decided in one
//! place ([`judge`]), both for a running daemon and for a closed journal. A running daemon is the only writer of its
//! journal: it reads the lines from its [`inbox`].

mod direct;
mod impossible;
pub mod inbox;

use daemon_journal::{Recall, Story};
use daemon_market::{Bet, BountyKey, Correction, Nct, Phase, Profit, Reckoning, SettlementNotice};
use daemon_settlement::{About, SettlementLine};
pub use direct::Direct;
use serde::{Deserialize, Serialize};

/// Maximum number of bounties per artifact that one line is applied to.
pub const BOUNTIES_PER_ARTIFACT_MAX: usize = 10_000;
/// Maximum number of reasons for refused lines.
const REASONS_MAX: usize = 20;

/// Summary of an import.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportSummary {
    /// Lines read.
    pub lines: u64,
    /// Bounties about which it is written down now.
    pub fresh: u64,
    /// Bounties about which that was known.
    pub known: u64,
    /// Bounties about which something else is known, which stays.
    pub conflicting: u64,
    /// Number of corrected settlements.
    pub corrected: u64,
    /// Number of impossible settlements.
    pub refused: u64,
    /// Lines about bounties or artifacts that are not in the journal.
    pub unasked: u64,
    /// Bounties that have not ended yet.
    pub pending: u64,
    /// Times that the purse was opened.
    pub opened: u64,
    /// Number of lines that could not be recorded.
    pub failed: u64,
    /// Why what is refused is; the first of them.
    pub reasons: Vec<String>,
}

impl ImportSummary {
    /// Both together.
    pub fn and(mut self, other: ImportSummary) -> ImportSummary {
        self.reasons.extend(other.reasons);
        self.reasons.truncate(REASONS_MAX);
        ImportSummary {
            lines: self.lines + other.lines,
            fresh: self.fresh + other.fresh,
            known: self.known + other.known,
            conflicting: self.conflicting + other.conflicting,
            corrected: self.corrected + other.corrected,
            refused: self.refused + other.refused,
            unasked: self.unasked + other.unasked,
            pending: self.pending + other.pending,
            opened: self.opened + other.opened,
            failed: self.failed + other.failed,
            reasons: self.reasons,
        }
    }
}

/// What to do with a line about a bounty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// Record the settlement, with its effect on the stake.
    Settled(Reckoning),
    /// Record the correction, with its effect on the stake.
    Corrected(Correction, Reckoning),
    /// The line is already recorded.
    Known,
    /// Something else is known.
    Conflicting,
    /// The bounty has not ended: it is to be told again later.
    Pending,
    /// The line is impossible, with the reason.
    Refused(String),
}

impl News {
    /// Summary of a line that is not recorded.
    pub fn told(self) -> ImportSummary {
        let told = ImportSummary::default();
        match self {
            News::Settled(_) | News::Corrected(..) => told,
            News::Known => ImportSummary { known: 1, ..told },
            News::Conflicting => ImportSummary { conflicting: 1, ..told },
            News::Pending => ImportSummary { pending: 1, ..told },
            News::Refused(why) => ImportSummary { refused: 1, reasons: vec![why], ..told },
        }
    }
}

/// Decides whether a line is news about the bounty of this story. `fee` is the fee of an assertion, if it is not known.
///
/// The purse errs on the side of losses: a stake that may not have arrived counts as lost if the verdict was wrong. The
/// ledger is more exact, because it uses the marketplace's list of assertions.
pub fn judge(story: &Story, line: &SettlementLine, fee: Nct) -> News {
    let refused = |why: String| News::Refused(format!("bounty {}: {why}", story.bounty.key));
    let known = story.settled.as_ref().map(|settled| &settled.outcome);
    if let Some(change) = &line.correction {
        let Some(known) = known else {
            return refused("it has no settlement to correct: import one first".to_owned());
        };
        let correction = change.of(known);
        let right = known.corrected(&correction);
        if right == *known {
            return News::Known;
        }
        if let Some(why) = impossible::payout(story, &right) {
            return refused(why);
        }
        return News::Corrected(correction, reckoning(story, &right, fee));
    }
    let outcome = &line.outcome;
    if let Some(known) = known {
        // What was told first, and was corrected since, is no contradiction: it is told once more.
        let first = story.corrected.as_ref().map(|(_, first)| first);
        let news = differs(known, outcome) && first.is_none_or(|first| differs(first, outcome));
        return if news { News::Conflicting } else { News::Known };
    }
    if story.ending.is_none() {
        return News::Pending;
    }
    if let Some(why) = impossible::payout(story, outcome) {
        return refused(why);
    }
    News::Settled(reckoning(story, outcome, fee))
}

fn differs(known: &SettlementNotice, told: &SettlementNotice) -> bool {
    known.truth != told.truth || (known.payout != told.payout && told.payout.is_some())
}

/// Effect of a settlement on the stake.
fn reckoning(story: &Story, outcome: &SettlementNotice, fee: Nct) -> Reckoning {
    let nothing = Reckoning { bid: Nct::ZERO, profit: Profit::ZERO, lost: None };
    story.answer.as_ref().map_or(nothing, |answer| {
        let fee = Bet::from_json(&answer.bet).map_or(fee, |bet| bet.fee);
        Reckoning::of(outcome, answer.verdict, story.staked(), fee)
    })
}

/// Whether a line is about this bounty. Votes are never settled.
pub fn is_about(about: &About, key: &BountyKey) -> bool {
    match about {
        About::Bounty(id, phase) => key.id == *id && phase.unwrap_or(Phase::Assertion) == key.phase,
        About::Artifact(_) => key.phase == Phase::Assertion,
        About::Purse => false,
    }
}

/// The filter that finds the stories a line is about.
pub fn filter(about: &About) -> Option<daemon_journal::Filter> {
    match about {
        About::Bounty(id, _) => Some(daemon_journal::Filter { id: Some(id.clone()), ..Default::default() }),
        About::Artifact(sha256) => Some(daemon_journal::Filter { sha256: Some(*sha256), ..Default::default() }),
        About::Purse => None,
    }
}

/// The stories in `journal` that a line is about.
///
/// # Errors
///
/// [`JournalError`](daemon_journal::JournalError) if the journal cannot be read.
pub fn stories(journal: &dyn Recall, about: &About) -> Result<Vec<Story>, daemon_journal::JournalError> {
    let Some(filter) = filter(about) else { return Ok(Vec::new()) };
    let mut stories = journal.query(&filter, BOUNTIES_PER_ARTIFACT_MAX)?;
    stories.retain(|story| is_about(about, &story.bounty.key));
    Ok(stories)
}
