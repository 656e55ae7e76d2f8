//! A second opinion on a bounty, as the ledger reads it.

use daemon_journal::Shadowed;
use daemon_market::{Bet, Timestamp, Verdict};

/// What a second set says of a bounty with one artifact.
#[derive(Clone, PartialEq, Debug)]
pub struct ShadowOpinion {
    /// The verdict.
    pub verdict: Verdict,
    /// The artifact's kind, by triage.
    pub kind: String,
    /// The generation of the set.
    pub generation: String,
    /// What a strategy would have been asked; `None` if there was nothing to decide.
    pub bet: Option<Bet>,
    /// When it was judged.
    pub at: Timestamp,
}

impl ShadowOpinion {
    /// The opinion in a record; `None` on one artifact of several, which no answer can be compared with.
    pub(crate) fn of(shadowed: &Shadowed) -> Option<ShadowOpinion> {
        (shadowed.artifacts == 1).then(|| ShadowOpinion {
            verdict: shadowed.verdict,
            kind: shadowed.kind.clone(),
            generation: shadowed.generation.clone(),
            bet: Bet::from_json(&shadowed.bet),
            at: shadowed.at,
        })
    }
}
