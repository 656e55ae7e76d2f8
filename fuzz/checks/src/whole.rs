//! The whole examination, as a worker does it.

use std::sync::LazyLock;

use analyzers::{Cancel, Limits};
use daemon_engine::{Policy, RuleSet, assemble};

/// Without YARA rules: to compile them takes minutes under a fuzzer, and their engine has fuzzers of its own.
pub(crate) static RULES: LazyLock<RuleSet> = LazyLock::new(RuleSet::embedded);

/// Small: what is found at the default limits is slow, not wrong. A password's 100,000 turns of hashing, above all.
pub(crate) fn small_limits() -> Limits {
    Limits { produced_bytes_max: 8 << 20, stream_bytes_max: 1 << 20, steps_max: 500_000, ..Limits::default() }
}

/// It never panics, stays within its budget, and says the same again, whatever the policy for kinds that nobody parses.
pub(crate) fn examine(bytes: &[u8]) {
    let limits = small_limits();
    let examine = |any_kind: bool| {
        let mut analyzers = assemble(&RULES).with_policy(Policy { any_kind });
        daemon_engine::examine(bytes, &mut analyzers, &limits, &Cancel::default())
    };
    let report = examine(true);
    assert!(report.evidence.len() <= limits.evidence_max);
    assert!((0.0..=1.0).contains(&report.opinion.p_malicious), "{}", report.opinion.p_malicious);
    let panicked = report.incomplete.iter().any(|why| matches!(why, analyzers::Incomplete::Panicked(_)));
    assert!(!panicked, "{:?}", report.incomplete);
    assert_eq!(report, examine(true));
    assert_eq!(report.evidence, examine(false).evidence);
}
