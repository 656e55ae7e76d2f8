//! What the analyzer sees in built images, and that hostile ones cost little.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

// Each indicator fires on what it describes and not on an ordinary program.
mod indicators;
// What nearly shows a sign but does not, and what shows several.
mod cases;
// Hosts that the text names.
mod hosts;
// Where the loader of Windows reads.
mod loader;
// Import tables of interpreters.
mod interpreters;
// Bytes that belong to nothing withdraw the voucher, and what is accounted for does not.
mod overlay;
// Images that are hidden, and archives, behind the program and in its resources.
mod inside;
// Metadata of .NET: what nearly shows a sign, and what lies.
mod dotnet;
// What the evidence comes to by the shipped weights.
mod verdicts;
// Truncated, absurd, cyclic and mutated images: no panic, little time, little evidence.
mod hostile;
// What is more than is looked at makes the report incomplete.
mod caps;
// What the file lacks makes it incomplete too.
mod cut_short;

use std::cell::RefCell;

use analyzers::{Analyzer, Budget, Cancel, Child, Findings, LayerId, Limits, Record, Sample};
use analyzers_pe::Pe;
use triage::FileKind;

thread_local! {
    /// One for all tests of a thread, as in use: what one image leaves behind would show in another.
    static PE: RefCell<Pe> = RefCell::default();
}

/// Examines an image with default limits.
fn examine(image: &[u8]) -> (Record, Vec<Child<'_>>) {
    PE.with_borrow_mut(|pe| examine_with(pe, image, Limits::default()))
}

fn examine_with<'a>(pe: &mut Pe, image: &'a [u8], limits: Limits) -> (Record, Vec<Child<'a>>) {
    let record = Record::new(FileKind::Data, Budget::new(limits, Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    pe.analyze(Sample { bytes: image, kind: FileKind::Data }, &mut findings);
    findings.finish()
}

/// The ids seen, each once, in the order they were seen.
fn ids(record: &Record) -> Vec<&str> {
    let mut ids = Vec::new();
    for seen in &record.evidence {
        if !ids.contains(&seen.indicator.as_str()) {
            ids.push(seen.indicator.as_str());
        }
    }
    ids
}

#[track_caller]
fn check_seen(image: &[u8], id: &str) {
    let (record, _) = examine(image);
    assert!(ids(&record).contains(&id), "{id} is not among {:?}", ids(&record));
}

#[track_caller]
fn check_not_seen(image: &[u8], id: &str) {
    let (record, _) = examine(image);
    let seen = record.evidence.iter().find(|seen| seen.indicator.as_str() == id);
    assert!(seen.is_none(), "{seen:?}");
}
