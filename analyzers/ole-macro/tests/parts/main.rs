//! Packages, objects, fields and RTF: each sign fires where it should and not where it should not.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

mod fields;
mod hostile;
mod objects;
mod packages;
mod rtf;
mod vouching;
mod word;

use std::collections::BTreeSet;

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
use analyzers_ole_macro::{Office, catalogue};

/// What an examination gave.
struct ExaminedFile {
    ids: BTreeSet<String>,
    /// The children, by name.
    children: Vec<(String, Vec<u8>)>,
    record: Record,
}

fn examine(bytes: &[u8]) -> ExaminedFile {
    examine_within(bytes, Limits::default())
}

fn examine_within(bytes: &[u8], limits: Limits) -> ExaminedFile {
    let kind = triage::triage(bytes);
    let record = Record::new(kind, Budget::new(limits, Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Office.analyze(Sample { bytes, kind }, &mut findings);
    let (record, children) = findings.finish();
    let children = children.into_iter().map(|child| (child.name, child.bytes.into_owned())).collect();
    let ids = record.evidence.iter().map(|seen| seen.indicator.to_string()).collect();
    for seen in &record.evidence {
        assert!(seen.span.start <= seen.span.end, "{seen:?}");
    }
    ExaminedFile { ids, children, record }
}

/// The signs of these places are exactly these.
#[track_caller]
fn check(bytes: &[u8], expected: &[&str]) {
    for id in expected {
        assert!(
            catalogue::CATALOGUE.iter().copied().flatten().any(|known| known.id.as_str() == *id),
            "{id} is unknown"
        );
    }
    let seen = examine(bytes);
    let places = ["office.package.", "office.object.", "office.dde.", "office.rtf.", "office.word."];
    let ids = seen.ids.iter().map(String::as_str).filter(|id| places.iter().any(|place| id.starts_with(place)));
    let expected: BTreeSet<_> = expected.iter().copied().collect();
    assert_eq!(ids.collect::<BTreeSet<_>>(), expected, "{:?}", seen.record.evidence);
}

/// No limit was hit and everything was looked at.
#[track_caller]
fn check_whole(bytes: &[u8]) {
    let seen = examine(bytes);
    assert_eq!(seen.record.incomplete, []);
    assert_eq!(seen.record.budget.hit().count(), 0);
}

/// The least that is a PE image.
fn program() -> Vec<u8> {
    specimens::pe::ordinary().build()
}
