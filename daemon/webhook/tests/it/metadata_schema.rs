//! What both metadata schemas of PolySwarm take, polyswarm-artifact 2.2.4 and 1.4.4, written again in Rust.
//!
//! The recorded cases say whether it is the same; only then is it fit to check what we send.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::support::vectors;

/// Whether both take `value` as the metadata of one verdict.
pub fn takes(value: &Value) -> bool {
    let Some(fields) = value.as_object() else { return false };
    fields.get("malware_family").is_some_and(Value::is_string)
        && each(fields, "domains", is_domain)
        && each(fields, "ip_addresses", |ip| ip.as_str().is_some_and(|ip| ip.parse::<IpAddr>().is_ok()))
        && each(fields, "stix", |stix| stix["schema"].is_string() && stix.get("signature").is_some())
        && optional(fields, "scanner", |scanner| scanner.as_object().is_some_and(is_scanner))
        && optional(fields, "heuristic", is_truth)
}

/// Whether both take `value` as the metadata of an assertion: one for each artifact.
fn takes_assertion(value: &Value) -> bool {
    value.as_array().is_some_and(|all| (1..=256).contains(&all.len()) && all.iter().all(takes))
}

fn optional(fields: &Map<String, Value>, key: &str, rule: impl Fn(&Value) -> bool) -> bool {
    fields.get(key).is_none_or(|value| value.is_null() || rule(value))
}

fn each(fields: &Map<String, Value>, key: &str, rule: impl Fn(&Value) -> bool) -> bool {
    optional(fields, key, |value| value.as_array().is_some_and(|all| all.iter().all(&rule)))
}

/// Every part of the pattern but one character is optional, and nothing ties it to the end. So whatever begins with
/// that character passes, `has space.com` included.
fn is_domain(value: &Value) -> bool {
    let begins = |text: &str| text.starts_with(|c| matches!(c, '_' | '0'..='9' | 'a'..='\u{40000}'));
    value.as_str().is_some_and(|text| (3..=127).contains(&text.chars().count()) && begins(text))
}

fn is_scanner(scanner: &Map<String, Value>) -> bool {
    let is_version = |value: &Value| {
        value.as_str().is_some_and(|text| {
            text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        })
    };
    ["version", "polyswarmclient_version"].iter().all(|key| optional(scanner, key, is_version))
        && ["vendor_version", "signatures_version"].iter().all(|key| optional(scanner, key, Value::is_string))
        && optional(scanner, "environment", Value::is_object)
}

/// What pydantic takes for a bool.
fn is_truth(value: &Value) -> bool {
    const TEXTS: [&str; 12] = ["0", "off", "f", "false", "n", "no", "1", "on", "t", "true", "y", "yes"];
    match value {
        Value::Bool(_) => true,
        Value::Number(number) => matches!(number.as_f64(), Some(0.0 | 1.0)),
        Value::String(text) => TEXTS.contains(&text.to_ascii_lowercase().as_str()),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

#[test]
fn the_schema_agrees_with_every_recorded_case() {
    let vectors = vectors("verdict-metadata");
    let both = |case: &Value| case["valid_2_2_4"] == true && case["valid_1_4_4"] == true;
    let (verdicts, assertions) = (vectors["verdict"].as_array().unwrap(), vectors["assertion"].as_array().unwrap());
    assert_eq!((verdicts.len(), assertions.len()), (28, 4));
    for case in verdicts {
        assert_eq!(takes(&case["object"]), both(case), "{case}");
    }
    for case in assertions {
        assert_eq!(takes_assertion(&case["object"]), both(case), "{case}");
    }
    // The `bounty` cases are about what the marketplace sends on its older transport: we make none of those.
}
