//! The one function everything rests on.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use analyzers::{
    Budget, Cancel, Child, Detail, FilePath, Findings, Incomplete, LayerId, Limit, Limits, Record, Sample,
};
use triage::{FileKind, triage};

use crate::{Analyzers, Report, RuleSet};

/// Deepest nesting there can be, whatever the limits say: one stack frame each.
const DEPTH_CEILING: u32 = 64;

/// Triages `bytes`, lets the analyzers that want them testify, does the same with every child they hand over, and
/// weighs the evidence.
///
/// A panic of an analyzer is caught: its earlier findings are kept, the other analyzers run, it is rebuilt, and the
/// report is incomplete. A report is also incomplete if a limit was hit or `cancel` was set.
pub fn examine(bytes: &[u8], analyzers: &mut Analyzers<'_>, limits: &Limits, cancel: &Cancel) -> Report {
    examine_called(bytes, FilePath::default(), analyzers, limits, cancel)
}

/// The same of an artifact that is called so, which makes a difference to rules that ask for it and to nothing else.
pub fn examine_called(
    bytes: &[u8],
    path: FilePath,
    analyzers: &mut Analyzers<'_>,
    limits: &Limits,
    cancel: &Cancel,
) -> Report {
    let rules = analyzers.rules();
    if u64::try_from(bytes.len()).is_ok_and(|size| size > limits.artifact_bytes_max) {
        return Report::unexamined(kind_of(bytes).0, Incomplete::Limit(Limit::Size), rules);
    }
    let (kind, panicked) = kind_of(bytes);
    let mut record = Record::new(kind, Budget::new(*limits, cancel.clone())).called(path);
    if panicked {
        record.note(Incomplete::Panicked(Cow::Borrowed("triage")));
    }
    let record = examine_layer(Sample { bytes, kind }, LayerId::ARTIFACT, 0, analyzers, record);
    Report::new(record, rules)
}

/// The report on an artifact that is not to be examined: what it is, and nothing of what is in it.
pub fn triaged(bytes: &[u8], why: Incomplete, rules: &RuleSet) -> Report {
    Report::unexamined(kind_of(bytes).0, why, rules)
}

/// Kind by triage, and whether triage panicked, which is a bug but must not end the process.
fn kind_of(bytes: &[u8]) -> (FileKind, bool) {
    match catch_unwind(|| triage(bytes)) {
        Ok(kind) => (kind, false),
        Err(_) => (FileKind::Data, true),
    }
}

fn examine_layer(
    sample: Sample<'_>,
    subject: LayerId,
    depth: u32,
    analyzers: &mut Analyzers<'_>,
    mut record: Record,
) -> Record {
    if let Some(layer) = record.layers.get_mut(subject.index()) {
        layer.wanted = analyzers.vouch(sample.kind);
    }
    // A word about artifacts: what is inside of one that is examined is examined whole, or a macro would be judged
    // without the rules that know it.
    if depth == 0 && !analyzers.take(sample.kind) {
        return record;
    }
    let mut findings = Findings::new(record, subject);
    let rules = analyzers.rules();
    for seat in analyzers.slots_mut() {
        if !seat.analyzer.wants(sample.kind) {
            continue;
        }
        if findings.budget().step(1).is_err() {
            break;
        }
        let testified = catch_unwind(AssertUnwindSafe(|| seat.analyzer.analyze(sample, &mut findings)));
        if testified.is_err() {
            findings.leave_parts();
            findings.incomplete(Incomplete::Panicked(Cow::Borrowed(seat.analyzer.name())));
            seat.rebuild(rules);
        }
    }
    let (record, children) = findings.finish();
    children.into_iter().fold(record, |record, child| examine_child(child, subject, depth + 1, analyzers, record))
}

fn examine_child(
    child: Child<'_>,
    parent: LayerId,
    depth: u32,
    analyzers: &mut Analyzers<'_>,
    mut record: Record,
) -> Record {
    if record.budget.step(1).is_err() {
        return record;
    }
    if depth > record.budget.limits().depth_max.min(DEPTH_CEILING) {
        record.budget.exhaust(Limit::Depth);
        return record;
    }
    let (kind, panicked) = child.kind.map_or_else(|| kind_of(&child.bytes), |kind| (kind, false));
    if panicked {
        record.note(Incomplete::Panicked(Cow::Borrowed("triage")));
    }
    let layer = record.add_layer(parent, &child.name, Some(kind));
    if child.is_part && !analyzers.account_for(kind) {
        let name = layer.and_then(|layer| record.layers.get(layer.index())).map_or(&child.name, |layer| &layer.name);
        let name = Detail::new(name).to_string();
        record.note(Incomplete::Unaccounted(name.into()));
    }
    match layer {
        Some(layer) => examine_layer(Sample { bytes: &child.bytes, kind }, layer, depth, analyzers, record),
        None => record,
    }
}
