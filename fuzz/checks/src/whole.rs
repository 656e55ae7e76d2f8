//! The whole examination, as a worker does it.

use std::cell::RefCell;
use std::sync::LazyLock;

use analyzers::{Cancel, Limits};
use daemon_engine::{Analyzers, Policy, RuleSet, assemble};

/// Without YARA rules: to compile them takes minutes under a fuzzer, and their engine has fuzzers of its own.
pub(crate) static RULES: LazyLock<RuleSet> = LazyLock::new(RuleSet::embedded);

/// Small: what is found at the default limits is slow, not wrong. A password's 100,000 turns of hashing, above all.
pub(crate) fn small_limits() -> Limits {
    Limits { produced_bytes_max: 8 << 20, stream_bytes_max: 1 << 20, steps_max: 500_000, ..Limits::default() }
}

thread_local! {
    /// For all files of a thread, as a worker has them, for each policy: their search automata take longer than a small file.
    static ANALYZERS: [RefCell<Analyzers<'static>>; 2] =
        [true, false].map(|any_kind| RefCell::new(assemble(&RULES).with_policy(Policy { any_kind })));
}

/// It never panics, stays within its budget, and says the same again, whatever the policy for kinds that nobody parses, and
/// whatever the analyzers saw before.
pub(crate) fn examine(bytes: &[u8]) {
    let limits = small_limits();
    let examine = |analyzers: &RefCell<Analyzers<'_>>| {
        daemon_engine::examine(bytes, &mut analyzers.borrow_mut(), &limits, &Cancel::default())
    };
    let (report, others) =
        ANALYZERS.with(|[any_kind, parsed_kinds]| (examine(any_kind), [examine(any_kind), examine(parsed_kinds)]));
    assert!(report.evidence.len() <= limits.evidence_max);
    assert!((0.0..=1.0).contains(&report.opinion.p_malicious), "{}", report.opinion.p_malicious);
    let panicked = report.incomplete.iter().any(|why| matches!(why, analyzers::Incomplete::Panicked(_)));
    assert!(!panicked, "{:?}", report.incomplete);
    let [again, of_parsed_kinds] = others;
    assert_eq!(report, again);
    assert_eq!(report.evidence, of_parsed_kinds.evidence);
}
