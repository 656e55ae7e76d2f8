//! What a scanner elsewhere says, as an opinion to be weighed.
//!
//! A consumer is trusted as far as its opinion goes, and no further: what it sends is bounded, and a report on other bytes
//! than those that were received is none.

use daemon_artifact::Sha256Digest;
use daemon_base::NamedHosts;
use daemon_market::{Findings, Judgement, ScannerOpinion, Skip, Verdict};
use daemon_queue::polyswarm::JobResult;
use daemon_queue::streams::{ReportVerdict, StreamReport};
use serde_json::json;
use tracing::warn;

use crate::verdict_mapping::ReceivedArtifact;

/// Remarks that are taken over, at most, and their length.
const COMMENTS_MAX: usize = 32;
const TEXT_MAX: usize = 256;
/// Hosts that are looked at, of each kind at most.
const HOSTS_READ_MAX: usize = 2 * NamedHosts::COUNT_MAX;
/// Classes of evidence that are taken over, at most.
const EVIDENCE_MAX: usize = 64;

/// Our own scanner, here.
pub(super) fn of_local(judgement: Judgement, weight: f64) -> ScannerOpinion {
    let group = group(&judgement.findings.generation);
    ScannerOpinion { source: "this host".to_owned(), group, weight, judgement }
}

/// The same scanner with the same rules is one witness, wherever it runs.
fn group(generation: &str) -> String {
    if generation.is_empty() { String::new() } else { format!("stakeout {generation}") }
}

/// A consumer of ours. `None` if it judged other bytes.
pub(super) fn of_consumer(report: StreamReport, received: ReceivedArtifact, weight: f64) -> Option<ScannerOpinion> {
    let own = Sha256Digest(received.sha256).to_string();
    if !report.sha256.is_empty() && report.sha256 != own {
        warn!(consumer = short(&report.consumer), "report ignored: it is about other bytes");
        return None;
    }
    let verdict = match report.verdict {
        ReportVerdict::Malicious => Verdict::Malicious,
        ReportVerdict::Benign => Verdict::Benign,
        ReportVerdict::Suspicious => Verdict::Suspicious,
        ReportVerdict::Unknown => Verdict::Unknown,
    };
    let judgement = Judgement {
        verdict,
        confidence: report.confidence,
        complete: report.complete,
        skip: skip(&report.skip),
        comments: report.comments.iter().take(COMMENTS_MAX).map(|text| short(text)).collect(),
        findings: Findings {
            kind: if report.kind.is_empty() { received.kind.name().to_owned() } else { short(&report.kind) },
            sha256: Some(received.sha256),
            size: Some(received.size),
            malware_family: short(&report.malware_family),
            heuristic: report.heuristic,
            hosts: hosts_of(&report),
            evidence: report.evidence.iter().take(EVIDENCE_MAX).map(|class| short(class)).collect(),
            generation: short(&report.generation),
            report: report.details.map(|details| details.get().to_owned()).unwrap_or_default(),
        },
    };
    let group = group(&judgement.findings.generation);
    Some(ScannerOpinion { source: format!("consumer {}", short(&report.consumer)), group, weight, judgement })
}

/// A Python worker. `None` if it says nothing of the artifact.
pub(super) fn of_python(
    queue: &str,
    result: &JobResult,
    received: ReceivedArtifact,
    weight: f64,
) -> Option<ScannerOpinion> {
    if !result.bit {
        return None;
    }
    let family = result.malware_family();
    let judgement = Judgement {
        verdict: if result.verdict { Verdict::Malicious } else { Verdict::Benign },
        // The client's modifiers can make it more than 1.
        confidence: result.confidence.clamp(0.0, 1.0),
        complete: true,
        skip: None,
        comments: Vec::new(),
        findings: Findings {
            heuristic: family.is_empty(),
            malware_family: family,
            hosts: result.hosts(),
            report: json!({ "queue": queue, "metadata": short(&result.metadata) }).to_string(),
            ..received.findings("")
        },
    };
    Some(ScannerOpinion { source: format!("queue {queue}"), group: String::new(), weight, judgement })
}

/// What a consumer says that the artifact names, as far as it has the form of hosts.
fn hosts_of(report: &StreamReport) -> NamedHosts {
    fn texts(list: &[String]) -> impl Iterator<Item = &str> {
        list.iter().take(HOSTS_READ_MAX).map(String::as_str)
    }
    NamedHosts::read(texts(&report.domains), texts(&report.ip_addresses))
}

/// Whether a scanner did not get so far as to judge: another one may.
pub(super) fn is_failure(judgement: &Judgement) -> bool {
    matches!(judgement.skip, Some(Skip::CannotFetch)) || (judgement.skip == Some(Skip::Other) && !judgement.complete)
}

fn skip(comment: &str) -> Option<Skip> {
    let all = [Skip::Other, Skip::Encrypted, Skip::DecompressionUnsafe, Skip::TypeUnsupported, Skip::CannotFetch];
    match comment {
        "" => None,
        comment => Some(all.into_iter().find(|skip| skip.comment() == comment).unwrap_or(Skip::Other)),
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received() -> ReceivedArtifact {
        ReceivedArtifact { sha256: [7; 32], size: 9, kind: triage::FileKind::Data }
    }

    #[test]
    fn a_report_on_other_bytes_is_no_opinion() {
        let report = StreamReport { verdict: ReportVerdict::Malicious, confidence: 0.9, ..StreamReport::default() };
        assert!(of_consumer(report.clone(), received(), 1.0).is_some());
        let other = StreamReport { sha256: "00".repeat(32), ..report.clone() };
        assert_eq!(of_consumer(other, received(), 1.0), None);
        let same = StreamReport { sha256: "07".repeat(32), generation: "g".to_owned(), ..report };
        let opinion = of_consumer(same, received(), 1.0).unwrap();
        assert_eq!((opinion.group.as_str(), opinion.judgement.verdict), ("stakeout g", Verdict::Malicious));
        let local =
            Judgement { findings: Findings { generation: "g".to_owned(), ..Findings::default() }, ..opinion.judgement };
        assert_eq!(of_local(local, 1.0).group, opinion.group);
    }

    #[test]
    fn what_a_consumer_sends_is_bounded() {
        let report = StreamReport {
            comments: vec!["x".repeat(10_000); 1_000],
            evidence: vec!["y".repeat(10_000); 1_000],
            malware_family: "z".repeat(10_000),
            skip: "SKIPPED:NEW".to_owned(),
            domains: (0..1_000).map(|number| format!("h{number}.top")).chain(["\u{1b}[2J.top".to_owned()]).collect(),
            ip_addresses: vec!["1.2.3.0/24".to_owned(); 1_000],
            ..StreamReport::default()
        };
        let judgement = of_consumer(report, received(), 1.0).unwrap().judgement;
        assert_eq!((judgement.comments.len(), judgement.comments[0].len()), (COMMENTS_MAX, TEXT_MAX));
        assert_eq!(
            (judgement.findings.evidence.len(), judgement.findings.malware_family.len()),
            (EVIDENCE_MAX, TEXT_MAX)
        );
        assert_eq!(judgement.skip, Some(Skip::Other));
        let hosts = judgement.findings.hosts;
        assert_eq!((hosts.domains().len(), hosts.ip_addresses().len()), (NamedHosts::COUNT_MAX, 0));
    }

    #[test]
    fn a_python_worker_that_says_nothing_has_no_opinion() {
        let result = JobResult { verdict: true, confidence: 1.2, bit: true, ..JobResult::blank(0) };
        let opinion = of_python("q", &result, received(), 1.0).unwrap();
        assert_eq!((opinion.judgement.verdict, opinion.judgement.confidence), (Verdict::Malicious, 1.0));
        assert_eq!(of_python("q", &JobResult::blank(0), received(), 1.0), None);
    }
}
