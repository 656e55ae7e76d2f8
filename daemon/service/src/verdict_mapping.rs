//! Maps a report to the verdict for the marketplace.

use analyzers::{Verdict, Weights};
use daemon_artifact::Sha256Digest;
use daemon_base::text::causes;
use daemon_engine::Report;
use daemon_market::{Findings, Judgement, Refusal, Skip};
use daemon_pool::{ExaminationResult, Looked};
use daemon_report::{FileRecord, Subject, Unjudged, evidence_classes};
use serde_json::json;
use triage::FileKind;

/// Properties of an artifact that are known before the scan.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedArtifact {
    /// SHA-256 of the artifact.
    pub sha256: [u8; 32],
    /// Size of the artifact in bytes.
    pub size: u64,
    /// The most it can be, by its first bytes.
    pub kind: FileKind,
}

impl ReceivedArtifact {
    /// Findings of an artifact that was not scanned.
    pub fn findings(&self, generation: &str) -> Findings {
        Findings {
            kind: self.kind.name().to_owned(),
            sha256: Some(self.sha256),
            size: Some(self.size),
            generation: generation.to_owned(),
            ..Findings::default()
        }
    }
}

/// Maps the result of a scan to a judgement.
pub fn judgement(
    uri: &str,
    received: ReceivedArtifact,
    outcome: &ExaminationResult,
    weights: &Weights,
    generation: &str,
) -> Judgement {
    let looked = match outcome {
        Ok(looked) => looked,
        Err(failure) => {
            // What exactly failed is ours to know, and in the log.
            let refusal = Refusal { skip: Skip::Other, why: "examination failed".to_owned() };
            let report = json!({ "why": causes(failure) }).to_string();
            return Judgement { findings: Findings { report, ..received.findings(generation) }, ..refusal.judgement() };
        }
    };
    let Looked { examined, .. } = looked;
    let report = &examined.report;
    let subject =
        Subject { path: uri.as_ref(), sha256: Some(Sha256Digest(received.sha256)), size: Some(received.size) };
    let record = FileRecord::new(&subject, examined, weights);
    let skip = skip(report);
    let verdict = match (report.opinion.verdict, skip) {
        (Verdict::Malicious, _) => daemon_market::Verdict::Malicious,
        (_, Some(skip)) => skip.verdict(),
        (Verdict::Benign, None) => daemon_market::Verdict::Benign,
        (Verdict::Suspicious, None) => daemon_market::Verdict::Suspicious,
        (Verdict::Unknown, None) => daemon_market::Verdict::Unknown,
    };
    let family = report.malware_family.clone().unwrap_or_default();
    Judgement {
        verdict,
        confidence: report.opinion.confidence.get(),
        complete: report.rests_on_all(),
        skip,
        comments: report.incomplete.iter().map(ToString::to_string).collect(),
        findings: Findings {
            kind: report.kind.name().to_owned(),
            sha256: Some(received.sha256),
            size: Some(received.size),
            heuristic: family.is_empty(),
            malware_family: family,
            hosts: report.hosts.clone(),
            evidence: evidence_classes(report),
            generation: report.rules_generation.to_string(),
            report: serde_json::to_string(&record).unwrap_or_default(),
        },
    }
}

/// Why a report is not a judgement, in the marketplace's words.
fn skip(report: &Report) -> Option<Skip> {
    Unjudged::of(report).map(|why| match why {
        Unjudged::DecompressionUnsafe => Skip::DecompressionUnsafe,
        Unjudged::Encrypted => Skip::Encrypted,
        Unjudged::TypeUnsupported => Skip::TypeUnsupported,
        Unjudged::Other => Skip::Other,
    })
}
