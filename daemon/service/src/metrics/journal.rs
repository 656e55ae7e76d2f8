//! What is counted of the journal, and what is told of everything that is open.

use std::sync::atomic::Ordering;
use std::time::Duration;

use daemon_archive::{Archive, Store};
use daemon_market::{AssertionState, BountyState};
use metrics::{counter, gauge, histogram};

/// Counts a commit of the journal.
pub fn committed(took: Duration, records: usize) {
    histogram!("stakeout_journal_commit_seconds").record(took.as_secs_f64());
    counter!("stakeout_journal_records_total").increment(records as u64);
}

/// The journal did not write a record.
pub fn journal_failed() {
    counter!("stakeout_journal_failures_total").increment(1);
}

/// Counts bounties whose details were deleted.
pub fn let_go(bounties: u64) {
    counter!("stakeout_details_dropped_total").increment(bounties);
}

/// Updates the gauges that are computed on request.
pub fn census(
    states: &[(BountyState, usize)],
    assertions: &[(AssertionState, usize)],
    ready: bool,
    archive: &Archive,
    store: Option<&Store>,
) {
    gauge!("stakeout_journal_waiting").set(archive.statistics().waiting.load(Ordering::Relaxed) as f64);
    if let Some(store) = store {
        let statistics = store.statistics();
        gauge!("stakeout_artifacts_bytes").set(statistics.bytes.load(Ordering::Relaxed) as f64);
        counter!("stakeout_artifacts_dropped_total").absolute(statistics.dropped.load(Ordering::Relaxed));
    }
    for (state, count) in states {
        gauge!("stakeout_open_bounties", "state" => state.name()).set(*count as f64);
    }
    for (state, count) in assertions {
        gauge!("stakeout_open_assertions", "state" => state.name()).set(*count as f64);
    }
    gauge!("stakeout_ready").set(if ready { 1.0 } else { 0.0 });
}
