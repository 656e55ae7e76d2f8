//! What we post is what we mean to post. Whether PolySwarm's own validators take it is asked of them, by `tests/run`.

use std::fs::File;
use std::io::Write;
use std::sync::{LazyLock, Mutex};

use daemon_base::NamedHosts;
use daemon_market::{Answer, BountyId, BountyKey, Findings, Nct, Phase, Purse, PurseLimits, Skip, Timestamp, Verdict};
use daemon_webhook::{Product, assertion, vote};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::vectors;

/// Where what is made here is kept for PolySwarm's own validators, which `tests/run` sets upon it
/// (tests/polyswarm/validate.py): whether they take an answer is for them to say.
static MADE: LazyLock<Mutex<File>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/answers-made.ndjson");
    Mutex::new(File::create(path).unwrap_or_else(|error| panic!("{path}: {error}")))
});

fn keep(kind: &str, body: &[u8]) {
    let line = format!("{{\"kind\":\"{kind}\",\"body\":{}}}\n", std::str::from_utf8(body).unwrap());
    MADE.lock().unwrap().write_all(line.as_bytes()).unwrap();
}

/// A key, and what its value may be.
type FieldCheck<'f> = (&'f str, &'f dyn Fn(&Value) -> bool);

/// Every key that we write, and nothing else in it than we mean to write.
fn is_ours(posted: &Value) -> bool {
    let text = |value: &Value| value.is_string();
    let fields = |value: &Value, known: &[FieldCheck<'_>]| {
        value.as_object().is_some_and(|fields| {
            fields.iter().all(|(key, value)| known.iter().any(|(name, rule)| name == key && rule(value)))
        })
    };
    let version = |value: &Value| {
        let part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        value.as_str().is_some_and(|text| text.split('.').all(part))
    };
    let environment = |value: &Value| fields(value, &[("operating_system", &text), ("architecture", &text)]);
    let scanner = |value: &Value| {
        let known: [FieldCheck<'_>; 4] = [
            ("version", &version),
            ("vendor_version", &text),
            ("signatures_version", &text),
            ("environment", &environment),
        ];
        fields(value, &known)
    };
    let comments = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    let some = |value: &Value, fits: fn(&str) -> bool| {
        value
            .as_array()
            .is_some_and(|all| (1..=16).contains(&all.len()) && all.iter().all(|one| one.as_str().is_some_and(fits)))
    };
    let domains = |value: &Value| some(value, daemon_base::is_domain);
    let ip_addresses = |value: &Value| some(value, |text| text.parse::<std::net::IpAddr>().is_ok());
    let metadata = |value: &Value| {
        let known: [FieldCheck<'_>; 10] = [
            ("malware_family", &text),
            ("domains", &domains),
            ("ip_addresses", &ip_addresses),
            ("product", &text),
            ("comments", &comments),
            ("heuristic", &Value::is_boolean),
            ("scanner", &scanner),
            ("kind", &text),
            ("sha256", &text),
            ("size", &Value::is_u64),
        ];
        value.get("malware_family").is_some() && fields(value, &known)
    };
    let known: [FieldCheck<'_>; 6] = [
        ("verdict", &text),
        ("bid", &Value::is_number),
        ("confidence", &Value::is_f64),
        ("vendor", &text),
        ("author", &text),
        ("metadata", &metadata),
    ];
    fields(posted, &known)
}

fn product() -> Product {
    Product { name: "stakeout".into(), vendor: Some("Example".into()), author: None, version: "0.1.0-rc.1".into() }
}

fn answer(verdict: Verdict, bid: u128) -> Answer {
    let key = BountyKey { id: BountyId::new("1"), phase: Phase::Assertion };
    let at = Timestamp::from_micros(0);
    let limits = PurseLimits { bounty_max: Nct::from_base_units(u128::MAX), ..PurseLimits::default() };
    Answer {
        verdict,
        stake: Purse::new(limits).stake(&key, Nct::from_base_units(bid), at),
        bet: None,
        at,
        confidence: 1.0,
        comments: vec!["a".into()],
        findings: Findings {
            kind: "pe".into(),
            sha256: Some([0xab; 32]),
            size: Some(68),
            malware_family: "EICAR".into(),
            heuristic: true,
            hosts: NamedHosts::read(["evil-host.top", "xn--e1afmkfd.xn--p1ai"], ["45.9.148.21", "2a01:4f8::1"]),
            evidence: vec!["yara.eicar".into()],
            generation: "7".into(),
            report: "{}".into(),
        },
        assertion: None,
    }
}

fn skipped(skip: Skip) -> Answer {
    Answer {
        verdict: skip.verdict(),
        stake: None,
        bet: None,
        at: Timestamp::from_micros(0),
        confidence: 0.0,
        comments: vec![skip.comment().into()],
        findings: Findings::default(),
        assertion: None,
    }
}

/// Checks the body of an assertion and of a vote, keeps both for PolySwarm's validators, and returns the assertion.
fn check(answer: &Answer) -> Value {
    let body = assertion(answer, &product());
    keep("assertions", &body);
    assert!(!String::from_utf8_lossy(&body).contains("null"));
    assert_eq!(body, assertion(answer, &product()), "the same answer is the same bytes");
    let posted: Value = serde_json::from_slice(&body).unwrap();
    assert!(is_ours(&posted), "{posted}");
    assert!((0.0..=1.0).contains(&posted["confidence"].as_f64().unwrap()));

    let vote = vote(answer, &product());
    keep("votes", &vote);
    let voted: Value = serde_json::from_slice(&vote).unwrap();
    assert_eq!(voted, json!({ "verdict": answer.verdict.name(), "metadata": posted["metadata"] }));
    posted
}

#[test]
fn every_verdict_with_and_without_a_stake_is_posted() {
    for (verdict, bid, posted_as, bid_as) in [
        (Verdict::Malicious, 5, "malicious", 5),
        (Verdict::Benign, 5, "benign", 5),
        // Refused if they were posted as they are.
        (Verdict::Malicious, 0, "suspicious", 0),
        (Verdict::Benign, 0, "unknown", 0),
        (Verdict::Suspicious, 0, "suspicious", 0),
        (Verdict::Unknown, 0, "unknown", 0),
        // Never to come, and not bid if they do.
        (Verdict::Suspicious, 5, "suspicious", 0),
        (Verdict::Unknown, 5, "unknown", 0),
    ] {
        let posted = check(&answer(verdict, bid));
        assert_eq!(
            (posted["verdict"].as_str(), posted["bid"].as_u64()),
            (Some(posted_as), Some(bid_as)),
            "{verdict:?}"
        );
        let (metadata, accuses) = (&posted["metadata"], ["malicious", "suspicious"].contains(&posted_as));
        assert_eq!(metadata["malware_family"], if accuses { "EICAR" } else { "" }, "{verdict:?}");
        assert_eq!(metadata.get("domains").is_some(), accuses, "{verdict:?}");
        assert_eq!(metadata.get("ip_addresses").is_some(), accuses, "{verdict:?}");
    }
}

/// The vectors that PolySwarm's validators were asked about: what both take of our part of the schema is what is posted.
#[test]
fn metadata_is_within_what_both_validators_were_seen_to_take() {
    let recorded = vectors("verdict-metadata");
    let cases = recorded["verdict"].as_array().unwrap();
    let posted = check(&answer(Verdict::Malicious, 5));
    let mut tried = 0;
    for case in cases {
        let both = case["valid_2_2_4"] == true && case["valid_1_4_4"] == true;
        let Some(object) = case["object"].as_object() else { continue };
        for (key, value) in
            object.iter().filter(|(key, _)| *key != "malware_family" && posted["metadata"].get(*key).is_some())
        {
            let mut other = posted.clone();
            other["metadata"][key] = value.clone();
            assert!(both || !is_ours(&other), "{key}: {value} is refused by one of them");
            tried += 1;
        }
    }
    assert_eq!((cases.len(), tried), (28, 19));
}

#[test]
fn of_very_many_hosts_the_first_are_posted() {
    let mut answer = answer(Verdict::Suspicious, 0);
    let names: Vec<String> = (0..64).map(|number| format!("{}.h{number:02}.evil-host.top", "a".repeat(60))).collect();
    answer.findings.hosts = NamedHosts::read(names.iter().map(String::as_str), []);
    let posted = check(&answer);
    assert_eq!(posted["metadata"]["domains"].as_array().unwrap().len(), 16);
    assert!(posted.to_string().len() < 20_000);
}

#[test]
fn every_skip_says_what_the_engine_says() {
    let samples = vectors("bounty-samples");
    let skips = samples["engine_skips"].as_object().unwrap();
    assert_eq!(skips.len(), 5);
    for (name, skip) in [
        ("SKIPPED", Skip::Other),
        ("ENCRYPTED", Skip::Encrypted),
        ("UNSAFE_DECOMPRESSION", Skip::DecompressionUnsafe),
        ("UNSUPPORTED", Skip::TypeUnsupported),
        ("CANNOT_FETCH", Skip::CannotFetch),
    ] {
        let posted = check(&skipped(skip));
        for path in ["/verdict", "/bid", "/metadata/comments"] {
            assert_eq!(posted.pointer(path), skips[name].pointer(path), "{name} {path}");
        }
    }
}

#[test]
fn an_assertion_is_these_bytes() {
    let body = String::from_utf8(assertion(&answer(Verdict::Malicious, u128::MAX), &product())).unwrap();
    let expected = r#"{"verdict":"malicious","bid":340282366920938463463374607431768211455,"confidence":1.0,"vendor":"Example","metadata":{"malware_family":"EICAR","product":"stakeout","comments":["a"],"heuristic":true,"domains":["evil-host.top","xn--e1afmkfd.xn--p1ai"],"ip_addresses":["45.9.148.21","2a01:4f8::1"],"scanner":{"version":"0.1.0","vendor_version":"0.1.0-rc.1","signatures_version":"7","environment":{"operating_system":"OS","architecture":"ARCH"}},"kind":"pe","sha256":"DIGEST","size":68}}"#
        .replace("\"OS\"", if cfg!(target_os = "linux") { "\"Linux\"" } else { "\"Darwin\"" })
        .replace("ARCH", std::env::consts::ARCH)
        .replace("DIGEST", &"ab".repeat(32));
    assert_eq!(body, expected);
}

#[test]
fn what_an_artifact_wrote_is_bounded_and_cleaned() {
    let mut answer = answer(Verdict::Suspicious, 0);
    answer.comments = vec![format!("\r\n\u{1b}[31m\u{202e}{}", "é".repeat(10_000)); 100];
    answer.findings.malware_family = "\0x".repeat(10_000);
    let posted = check(&answer);
    let comments = posted["metadata"]["comments"].as_array().unwrap();
    assert_eq!(comments.len(), 16);
    assert_eq!(comments[0].as_str().unwrap().chars().count(), 256);
    assert!(comments[0].as_str().unwrap().starts_with("[31mé"));
    assert_eq!(posted["metadata"]["malware_family"], "x".repeat(128));
    assert!(posted.to_string().len() < 20_000);
}

#[test]
fn a_product_that_says_little_is_described_by_little() {
    let body = assertion(&skipped(Skip::Other), &Product { version: "dev".into(), ..Product::default() });
    keep("assertions", &body);
    let posted: Value = serde_json::from_slice(&body).unwrap();
    assert!(is_ours(&posted), "{posted}");
    assert_eq!(posted["metadata"]["scanner"].get("version"), None);
    assert_eq!(posted.get("vendor"), None);
}

proptest! {
    #[test]
    fn whatever_was_found_is_posted_as_we_mean_it(
        confidence: f64, bid: u128, verdict in 0..4, comments: Vec<String>, text: String, heuristic: bool, size: Option<u64>,
    ) {
        let verdict = [Verdict::Malicious, Verdict::Benign, Verdict::Suspicious, Verdict::Unknown][verdict as usize];
        let mut answer = answer(verdict, bid);
        answer.confidence = confidence;
        // `check` looks for the word null.
        answer.comments = comments.into_iter().map(|comment| comment.replace("null", "")).collect();
        let text = text.replace("null", "");
        answer.findings = Findings {
            kind: text.clone(), malware_family: text.clone(), generation: text, heuristic, size, ..Findings::default()
        };
        check(&answer);
    }
}
