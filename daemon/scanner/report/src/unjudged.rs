//! What of a report matters to whoever passes its verdict on: why it is none, and which classes of evidence there were.

use std::collections::BTreeSet;

use analyzers::{Incomplete, Limit, Verdict};
use daemon_engine::Report;

/// More classes of evidence than this are not told.
const EVIDENCE_CLASSES_MAX: usize = 64;

/// Why a report is not a judgement.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unjudged {
    /// The artifact unpacks to more than is safe.
    DecompressionUnsafe,
    /// The artifact's content is encrypted.
    Encrypted,
    /// No analyzer examines files of this kind.
    TypeUnsupported,
    /// Not everything was looked at, for another reason.
    Other,
}

impl Unjudged {
    /// Why `report` is not a judgement; `None` if it is one. A malicious or suspicious report is one, even if it is
    /// incomplete.
    pub fn of(report: &Report) -> Option<Unjudged> {
        match report.opinion.verdict {
            Verdict::Malicious | Verdict::Suspicious => return None,
            Verdict::Benign | Verdict::Unknown => {}
        }
        let unpacks_too_far = |why: &Incomplete| {
            matches!(why, Incomplete::Limit(Limit::Produced | Limit::Stream | Limit::Entries | Limit::Depth))
        };
        if report.incomplete.iter().any(unpacks_too_far) {
            Some(Unjudged::DecompressionUnsafe)
        } else if report.incomplete.contains(&Incomplete::Encrypted) {
            Some(Unjudged::Encrypted)
        } else if !report.incomplete.is_empty() {
            Some(Unjudged::Other)
        } else if !report.was_judged() {
            Some(Unjudged::TypeUnsupported)
        } else {
            None
        }
    }
}

/// The classes of what was seen, each once: the first two parts of indicators' ids, in order.
pub fn evidence_classes(report: &Report) -> Vec<String> {
    let class = |id: &str| id.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    let classes: BTreeSet<String> = report.evidence.iter().map(|seen| class(&seen.indicator.to_string())).collect();
    classes.into_iter().take(EVIDENCE_CLASSES_MAX).collect()
}
