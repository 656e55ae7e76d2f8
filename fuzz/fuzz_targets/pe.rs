//! The PE analyzer on any bytes: it does not panic, its evidence is bounded and lies in the file, and the same
//! bytes give the same evidence, whatever was examined before.

#![no_main]

use std::cell::RefCell;

use analyzers::{Analyzer, Budget, Cancel, Evidence, Findings, LayerId, Limits, Record, Sample};
use analyzers_pe::Pe;
use libfuzzer_sys::fuzz_target;
use triage::FileKind;

thread_local! {
    static PE: RefCell<Pe> = RefCell::default();
}

fuzz_target!(|bytes: &[u8]| {
    let evidence = examine(bytes);
    assert!(evidence.len() <= Limits::default().evidence_max);
    for seen in &evidence {
        assert!(seen.span.start <= seen.span.end && seen.span.end <= bytes.len(), "{seen:?}");
    }
    assert_eq!(evidence, examine(bytes));
});

fn examine(bytes: &[u8]) -> Vec<Evidence> {
    // Its kind makes no difference to the analyzer: it is asked only about what triage takes for a PE.
    let kind = FileKind::Data;
    let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    PE.with_borrow_mut(|pe| pe.analyze(Sample { bytes, kind }, &mut findings));
    let (record, children) = findings.finish();
    let handed_over: usize = children.iter().map(|child| child.bytes.len()).sum();
    // Images do not overlap, nor do archives; an image that is stored in an archive is both.
    assert!(handed_over <= 2 * bytes.len(), "children are larger than what they were found in");
    record.evidence
}
