//! What is counted of bounties: they come, are answered and settled.

use std::time::Duration;

use daemon_journal::BountyStatus;
use daemon_market::{Admission, Nct, StepKind, Truth, Verdict};
use metrics::{counter, histogram};

/// A request to the webhook was answered.
pub fn requested(reply: &'static str) {
    counter!("stakeout_requests_total", "reply" => reply).increment(1);
}

/// Values of the label `admission`.
pub(super) const ADMISSIONS: [&str; 5] = ["accepted", "known", "busy", "unrecorded", "draining"];

/// A bounty was taken, or was not.
pub fn admitted(admission: Admission) {
    let [accepted, known, busy, unrecorded, draining] = ADMISSIONS;
    let name = match admission {
        Admission::Accepted => accepted,
        Admission::Known => known,
        Admission::Busy { .. } => busy,
        Admission::Unrecorded => unrecorded,
        Admission::Draining => draining,
    };
    counter!("stakeout_bounties_total", "admission" => name).increment(1);
}

/// A bounty came again under a known id and says something else.
pub fn reused_id() {
    counter!("stakeout_reused_ids_total").increment(1);
}

/// An artifact could not be had.
pub fn not_fetched() {
    counter!("stakeout_fetch_failures_total").increment(1);
}

/// An answer was written down.
pub fn answered(verdict: Verdict, bid: Nct, took: Duration) {
    counter!("stakeout_answers_total", "verdict" => verdict.name()).increment(1);
    histogram!("stakeout_answer_seconds").record(took.as_secs_f64());
    // For a diagram, where rounding does no harm.
    histogram!("stakeout_bid_nct").record(bid.base_units() as f64 / 1e18);
}

/// An answer did not get there.
pub fn not_sent() {
    counter!("stakeout_send_failures_total").increment(1);
}

/// A bounty ended.
pub fn ended(how: BountyStatus) {
    counter!("stakeout_endings_total", "ending" => how.name()).increment(1);
}

/// The marketplace told how a bounty was settled.
pub fn settled(truth: Option<Truth>) {
    counter!("stakeout_settled_total", "truth" => truth_name(truth)).increment(1);
}

pub(super) fn truth_name(truth: Option<Truth>) -> &'static str {
    truth.map_or("none", Truth::name)
}

/// A step of an assertion was written down.
pub fn stepped(kind: StepKind) {
    counter!("stakeout_assertion_steps_total", "step" => kind.name()).increment(1);
}

/// A request about an assertion on the chain failed.
pub fn request_failed() {
    counter!("stakeout_chain_failures_total").increment(1);
}
