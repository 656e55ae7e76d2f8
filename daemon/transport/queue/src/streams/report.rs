//! A consumer's report on one artifact.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::REPORT_BYTES_MAX;

/// What a consumer says of an artifact.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportVerdict {
    /// It is malware.
    Malicious,
    /// It is harmless.
    Benign,
    /// It is probably malware.
    Suspicious,
    /// It cannot be told; also what a later version may call otherwise.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A report on the wire. All that is not there has its default, so that versions can be mixed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamReport {
    /// The verdict.
    pub verdict: ReportVerdict,
    /// The probability that the verdict is right, 0 to 1.
    pub confidence: f64,
    /// Whether the verdict rests on all of the artifact.
    pub complete: bool,
    /// Why the artifact was not judged, in the words of PolySwarm's SDK: `SKIPPED:ENCRYPTED`; empty where it was.
    pub skip: String,
    /// Remarks for people.
    pub comments: Vec<String>,
    /// What the artifact is: `pe32+.dll`.
    pub kind: String,
    /// SHA-256 of the bytes that were scanned, as hex; empty where none were.
    pub sha256: String,
    /// Their number.
    pub size: Option<u64>,
    /// The malware family; empty if unknown.
    pub malware_family: String,
    /// Whether the verdict rests on signs rather than on knowing this very file.
    pub heuristic: bool,
    /// Domains that the artifact names; only of what is malicious or suspicious.
    pub domains: Vec<String>,
    /// IP addresses that it names, likewise.
    pub ip_addresses: Vec<String>,
    /// Classes of evidence that were seen: `pe.import`.
    pub evidence: Vec<String>,
    /// The generation of the rules that it was judged by.
    pub generation: String,
    /// The consumer that says so.
    pub consumer: String,
    /// The consumer's version.
    pub version: String,
    /// The whole report as JSON, as `stakeout scan --json` prints it.
    pub details: Option<Box<RawValue>>,
    /// Milliseconds from taking the job to the report.
    pub took_ms: u64,
    /// Whether it came after the deadline of its job. Set when it is stored.
    pub late: bool,
}

impl PartialEq for StreamReport {
    fn eq(&self, other: &StreamReport) -> bool {
        self.write() == other.write()
    }
}

impl StreamReport {
    /// Reads a report; `None` if it is none, or too large.
    pub fn read(text: &[u8]) -> Option<StreamReport> {
        let report: StreamReport = serde_json::from_slice(text).ok().filter(|_| text.len() <= REPORT_BYTES_MAX)?;
        (0.0..=1.0).contains(&report.confidence).then_some(report)
    }

    /// Its JSON; without the details where they would make it too large.
    pub fn write(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        if text.len() <= REPORT_BYTES_MAX {
            return text;
        }
        let less =
            StreamReport { details: None, comments: self.comments.iter().take(16).cloned().collect(), ..self.clone() };
        serde_json::to_string(&less).unwrap_or_default()
    }

    /// The report on an artifact that was not judged.
    pub fn unjudged(skip: &str, why: &str) -> StreamReport {
        StreamReport { skip: skip.to_owned(), comments: vec![why.to_owned()], ..StreamReport::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_can_be_mixed() {
        let report = StreamReport::read(b"{\"verdict\":\"malicious\",\"confidence\":0.9,\"new\":[1]}").unwrap();
        assert_eq!((report.verdict, report.confidence), (ReportVerdict::Malicious, 0.9));
        assert_eq!(StreamReport::read(b"{\"verdict\":\"sinister\"}").unwrap().verdict, ReportVerdict::Unknown);
        assert_eq!(StreamReport::read(report.write().as_bytes()).unwrap(), report);
        for text in ["", "[]x", "{\"confidence\":1.5}", "{\"confidence\":-0.1}", "{\"confidence\":null}"] {
            assert!(StreamReport::read(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn a_report_that_is_too_large_goes_without_its_details() {
        let details = RawValue::from_string(format!("\"{}\"", "x".repeat(REPORT_BYTES_MAX))).unwrap();
        let report = StreamReport { details: Some(details), generation: "g".to_owned(), ..StreamReport::default() };
        let text = report.write();
        assert!(text.len() < 1_000);
        assert_eq!(StreamReport::read(text.as_bytes()).unwrap().generation, "g");
    }
}
