//! What is counted of examinations and of rules.

use daemon_pool::Examined;
use metrics::{counter, gauge, histogram};

/// An artifact was declined by its magic bytes.
pub fn declined_kind(kind: &'static str) {
    counter!("stakeout_declined_kinds_total", "kind" => kind).increment(1);
}

/// An artifact was examined.
pub fn examined(examined: &Examined) {
    let verdict = examined.report.opinion.verdict.name();
    counter!("stakeout_examinations_total", "verdict" => verdict).increment(1);
    histogram!("stakeout_examination_seconds").record(examined.elapsed.as_secs_f64());
    for why in &examined.report.incomplete {
        counter!("stakeout_incomplete_total", "reason" => why.class()).increment(1);
    }
}

/// Counts an artifact for which no worker was available.
pub fn not_examined() {
    counter!("stakeout_examination_failures_total").increment(1);
}

/// Rules were loaded, or were not.
pub fn reloaded(taken: bool) {
    counter!("stakeout_rules_reloads_total", "taken" => if taken { "yes" } else { "no" }).increment(1);
}

/// Sets the number of rules in use.
pub fn rules_in_use(rules: usize) {
    gauge!("stakeout_rules_loaded").set(rules as f64);
}
