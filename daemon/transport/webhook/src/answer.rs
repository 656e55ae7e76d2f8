//! The bytes of an answer, such that both of PolySwarm's SDKs take them.
//!
//! Where the two formats disagree about metadata, the answer uses what both accept: `malware_family` is always present
//! and a string, versions are strings, domains and addresses are such as both take, nothing is null. A family and hosts are
//! told of what is malicious or suspicious only. Equal answers have equal bytes, so a repeated delivery cannot
//! differ.

use std::net::IpAddr;

use daemon_base::NamedHosts;
use daemon_base::text::stripped;
use daemon_market::{Answer, Verdict};
use serde::Serialize;

/// Most comments that are sent.
const COMMENTS_MAX: usize = 16;
/// Longest comment that is sent, in characters.
const COMMENT_CHARS_MAX: usize = 256;
/// Domains, and addresses, that are sent at most.
const HOSTS_MAX: usize = 16;
/// Longest of every other text that is sent, in characters.
const TEXT_CHARS_MAX: usize = 128;

/// The product in the metadata of answers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Product {
    /// The engine's name.
    pub name: String,
    /// Vendor of the engine. Not sent if unset.
    pub vendor: Option<String>,
    /// Author of the engine. Not sent if unset.
    pub author: Option<String>,
    /// Version of the engine, in any format.
    pub version: String,
}

#[derive(Serialize)]
struct AssertionJson<'a> {
    verdict: &'a str,
    bid: u128,
    confidence: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    metadata: Metadata,
}

#[derive(Serialize)]
struct VoteJson<'a> {
    verdict: &'a str,
    metadata: Metadata,
}

#[derive(Serialize)]
struct Metadata {
    malware_family: String,
    product: String,
    comments: Vec<String>,
    heuristic: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    domains: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ip_addresses: Vec<IpAddr>,
    scanner: Scanner,
    #[serde(skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

#[derive(Serialize)]
struct Scanner {
    #[serde(skip_serializing_if = "str::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    vendor_version: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    signatures_version: String,
    environment: Environment,
}

#[derive(Serialize)]
struct Environment {
    operating_system: &'static str,
    architecture: &'static str,
}

/// The body of an assertion.
///
/// A verdict that must be staked on but is not would be refused, and a refused answer counts as none. So `malicious`
/// without a stake is sent as `suspicious`, and `benign` as `unknown`. Nothing is ever bid on those two.
pub fn assertion(answer: &Answer, about: &Product) -> Vec<u8> {
    let bid = answer.bid().base_units();
    let (verdict, bid) = match (answer.verdict, bid) {
        (Verdict::Malicious | Verdict::Benign, 1..) => (answer.verdict, bid),
        (Verdict::Malicious | Verdict::Suspicious, _) => (Verdict::Suspicious, 0),
        (Verdict::Benign | Verdict::Unknown, _) => (Verdict::Unknown, 0),
    };
    json(&AssertionJson {
        verdict: verdict.name(),
        bid,
        confidence: confidence(answer.confidence),
        vendor: about.vendor.as_deref().map(short),
        author: about.author.as_deref().map(short),
        metadata: metadata(answer, about),
    })
}

/// The body of an arbiter's vote: nothing is bid.
pub fn vote(answer: &Answer, about: &Product) -> Vec<u8> {
    json(&VoteJson { verdict: answer.verdict.name(), metadata: metadata(answer, about) })
}

fn json<T: Serialize>(body: &T) -> Vec<u8> {
    serde_json::to_vec(body).expect("texts and numbers always have a JSON form")
}

/// The engine's validator takes a Python float and nothing else, which is what JSON with a fraction or an exponent
/// becomes; `f64` is always written with one. Negative zero is written as zero.
fn confidence(confidence: f64) -> f64 {
    if confidence > 0.0 { confidence.min(1.0) } else { 0.0 }
}

fn metadata(answer: &Answer, about: &Product) -> Metadata {
    let (findings, accuses) = (&answer.findings, answer.verdict.accuses());
    let hosts = if accuses { findings.hosts.at_most(HOSTS_MAX) } else { NamedHosts::default() };
    Metadata {
        malware_family: if accuses { short(&findings.malware_family) } else { String::new() },
        product: short(&about.name),
        comments: answer.comments.iter().take(COMMENTS_MAX).map(|text| stripped(text, COMMENT_CHARS_MAX)).collect(),
        heuristic: findings.heuristic,
        domains: hosts.domains().to_vec(),
        ip_addresses: hosts.ip_addresses().to_vec(),
        scanner: Scanner {
            version: numeric(&about.version).chars().take(TEXT_CHARS_MAX).collect(),
            vendor_version: short(&about.version),
            signatures_version: short(&findings.generation),
            environment: Environment { operating_system: operating_system(), architecture: std::env::consts::ARCH },
        },
        kind: short(&findings.kind),
        sha256: findings.sha256.map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect()),
        size: findings.size,
    }
}

fn short(text: &str) -> String {
    stripped(text, TEXT_CHARS_MAX)
}

/// The longest prefix of `version` that consists of digits with single dots between, as the schema requires.
fn numeric(version: &str) -> &str {
    let mut end = 0;
    for part in version.split_inclusive('.') {
        let number = part.strip_suffix('.').unwrap_or(part);
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            break;
        }
        // The dot before this number belongs to it.
        end = (part.as_ptr() as usize - version.as_ptr() as usize) + digits;
        if digits < number.len() {
            break;
        }
    }
    &version[..end]
}

/// Returns the operating system in the spelling of Python's `platform.system()`.
fn operating_system() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "Darwin",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_version_only_digits_and_dots_are_the_scanners() {
        for (version, scanner) in [
            ("1.2.3", "1.2.3"),
            ("1.2.3-beta.4", "1.2.3"),
            ("1.2rc3.4", "1.2"),
            ("10", "10"),
            ("1..2", "1"),
            ("1.", "1"),
            ("v1", ""),
            (".1", ""),
            ("", ""),
            ("é", ""),
        ] {
            assert_eq!(numeric(version), scanner, "{version}");
        }
    }

    #[test]
    fn confidence_is_a_probability_whatever_it_was() {
        for (given, sent) in [(0.5, 0.5), (7.5, 1.0), (-1.0, 0.0), (-0.0, 0.0), (f64::NAN, 0.0), (f64::INFINITY, 1.0)] {
            assert_eq!(confidence(given).to_bits(), f64::to_bits(sent), "{given}");
        }
    }
}
