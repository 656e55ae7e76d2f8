//! Maps what a worker saw to a report for the queue.

use analyzers::{Verdict, Weights};
use daemon_base::text::causes;
use daemon_base::{NamedHosts, Sha256Digest};
use daemon_pool::{ExaminationResult, Looked};
use daemon_queue::streams::{ReportVerdict, StreamReport};
use daemon_report::{FileRecord, Subject, Unjudged, evidence_classes};
use serde_json::value::RawValue;
use tracing::error;

/// An artifact as it was downloaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub sha256: Sha256Digest,
    pub size: u64,
    pub kind: triage::FileKind,
}

/// Comments that are passed on, at most.
const COMMENTS_MAX: usize = 32;

/// The report on an artifact that no worker was asked about, because nothing here takes its kind apart.
pub(crate) fn declined(received: Received, generation: &str) -> StreamReport {
    let why = format!("unsupported file type: {}", received.kind.name());
    of_received(received, generation, StreamReport::unjudged("SKIPPED:TYPE-UNSUPPORTED", &why))
}

fn of_received(received: Received, generation: &str, report: StreamReport) -> StreamReport {
    StreamReport {
        kind: received.kind.name().to_owned(),
        sha256: received.sha256.to_string(),
        size: Some(received.size),
        generation: generation.to_owned(),
        ..report
    }
}

/// The report on an artifact that a worker was asked about.
pub(crate) fn report(
    uri: &str,
    received: Received,
    outcome: ExaminationResult,
    weights: &Weights,
    generation: &str,
) -> Result<Box<StreamReport>, Box<StreamReport>> {
    let looked = match outcome {
        Ok(looked) => looked,
        Err(failure) => {
            error!(why = causes(&failure), "examination failed");
            let report = of_received(received, generation, StreamReport::unjudged("SKIPPED", "examination failed"));
            return Err(Box::new(report));
        }
    };
    let Looked { examined, .. } = looked;
    let seen = &examined.report;
    let subject = Subject { path: uri.as_ref(), sha256: Some(received.sha256), size: Some(received.size) };
    let details = serde_json::to_string(&FileRecord::new(&subject, &examined, weights)).unwrap_or_default();
    let unjudged = Unjudged::of(seen);
    let verdict = match (seen.opinion.verdict, unjudged) {
        (Verdict::Malicious, _) => ReportVerdict::Malicious,
        (_, Some(Unjudged::DecompressionUnsafe)) => ReportVerdict::Suspicious,
        (_, Some(_)) => ReportVerdict::Unknown,
        (Verdict::Benign, None) => ReportVerdict::Benign,
        (Verdict::Suspicious, None) => ReportVerdict::Suspicious,
        (Verdict::Unknown, None) => ReportVerdict::Unknown,
    };
    let skip = unjudged.map_or("", |why| match why {
        Unjudged::DecompressionUnsafe => "SKIPPED:DECOMPRESSION-UNSAFE",
        Unjudged::Encrypted => "SKIPPED:ENCRYPTED",
        Unjudged::TypeUnsupported => "SKIPPED:TYPE-UNSUPPORTED",
        Unjudged::Other => "SKIPPED",
    });
    let family = seen.malware_family.clone().unwrap_or_default();
    let accuses = matches!(verdict, ReportVerdict::Malicious | ReportVerdict::Suspicious);
    let hosts = if accuses { seen.hosts.clone() } else { NamedHosts::default() };
    Ok(Box::new(StreamReport {
        verdict,
        confidence: seen.opinion.confidence.get(),
        complete: seen.rests_on_all(),
        skip: skip.to_owned(),
        comments: seen.incomplete.iter().take(COMMENTS_MAX).map(ToString::to_string).collect(),
        kind: seen.kind.name().to_owned(),
        heuristic: family.is_empty(),
        malware_family: family,
        domains: hosts.domains().to_vec(),
        ip_addresses: hosts.ip_addresses().iter().map(ToString::to_string).collect(),
        evidence: evidence_classes(seen),
        details: RawValue::from_string(details).ok(),
        ..of_received(received, generation, StreamReport::default())
    }))
}
