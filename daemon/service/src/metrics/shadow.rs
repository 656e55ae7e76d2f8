//! What is counted of the shadow set.

use metrics::counter;

/// What came of offering an artifact to the shadow set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShadowOutcome {
    /// The verdict of the live set.
    Agreed,
    /// Another verdict.
    Differed,
    /// There was no room for it.
    Dropped,
    /// No set is in use, or one of other rules than the live ones that has no worker.
    Unready,
    /// It could not be examined, or its opinion not be written down.
    Failed,
}

impl ShadowOutcome {
    /// Every outcome.
    pub const ALL: [ShadowOutcome; 5] = [
        ShadowOutcome::Agreed,
        ShadowOutcome::Differed,
        ShadowOutcome::Dropped,
        ShadowOutcome::Unready,
        ShadowOutcome::Failed,
    ];

    /// The outcome's name.
    pub fn name(self) -> &'static str {
        match self {
            ShadowOutcome::Agreed => "agreed",
            ShadowOutcome::Differed => "differed",
            ShadowOutcome::Dropped => "dropped",
            ShadowOutcome::Unready => "unready",
            ShadowOutcome::Failed => "failed",
        }
    }
}

/// Counts what came of offering an artifact to the shadow set.
pub fn shadow_judged(outcome: ShadowOutcome) {
    counter!("stakeout_shadow_opinions_total", "outcome" => outcome.name()).increment(1);
}

/// The shadow set was loaded, or was not.
pub fn shadow_reloaded(taken: bool) {
    counter!("stakeout_shadow_reloads_total", "taken" => if taken { "yes" } else { "no" }).increment(1);
}
