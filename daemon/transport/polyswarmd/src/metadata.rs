//! What an assertion says about its artifacts, besides the verdicts: a JSON list with an object for each.
//!
//! What is made here is taken by polyswarm-artifact 1.4.4, which polyswarmd of that time checks with, and by 2.2.4: a malware
//! family always and as a string, versions as strings of numbers and dots, and no nulls.

use daemon_base::{NamedHosts, is_domain};
use serde_json::{Map, Value, json};

/// Longest text in metadata, in characters.
const TEXT_CHARS_MAX: usize = 256;
/// Domains, and addresses, that are told of an artifact at most.
const HOSTS_MAX: usize = 16;

/// What is said about one artifact.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ArtifactMetadata {
    /// The malware family; empty if there is none.
    pub malware_family: String,
    /// Whether the verdict rests on signs rather than on knowing this very file.
    pub heuristic: Option<bool>,
    /// Hosts that it names.
    pub hosts: NamedHosts,
}

/// Who says it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scanner {
    /// Version of the engine: numbers and dots. Left out if it is anything else.
    pub version: String,
    /// Version of the rules, in any form. Left out if empty.
    pub signatures_version: String,
}

impl ArtifactMetadata {
    /// The object, as both validators take it.
    pub fn to_json(&self, scanner: &Scanner) -> Value {
        let mut object = Map::new();
        object.insert("malware_family".to_owned(), text(&self.malware_family).into());
        if let Some(heuristic) = self.heuristic {
            object.insert("heuristic".to_owned(), heuristic.into());
        }
        let hosts = self.hosts.at_most(HOSTS_MAX);
        if !hosts.domains().is_empty() {
            object.insert("domains".to_owned(), hosts.domains().into());
        }
        if !hosts.ip_addresses().is_empty() {
            let addresses = hosts.ip_addresses().iter().map(ToString::to_string);
            object.insert("ip_addresses".to_owned(), addresses.collect());
        }
        let mut about = Map::new();
        if is_version(&scanner.version) {
            about.insert("version".to_owned(), scanner.version.as_str().into());
        }
        if !scanner.signatures_version.is_empty() {
            about.insert("signatures_version".to_owned(), text(&scanner.signatures_version).into());
        }
        let environment = json!({ "operating_system": system(), "architecture": std::env::consts::ARCH });
        about.insert("environment".to_owned(), environment);
        object.insert("scanner".to_owned(), about.into());
        object.into()
    }
}

/// The metadata of all artifacts of a bounty, in order, as it is posted.
pub fn metadata_json(artifacts: &[ArtifactMetadata], scanner: &Scanner) -> String {
    Value::Array(artifacts.iter().map(|artifact| artifact.to_json(scanner)).collect()).to_string()
}

/// The text of a list of metadata with at most `chars_max` characters: without the hosts where it would have more, and
/// nothing where it still has.
pub fn shortened(list: &Value, chars_max: usize) -> String {
    let fits = |text: &String| text.chars().count() <= chars_max;
    let less = || {
        let mut list = list.clone();
        for object in list.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            object.remove("domains");
            object.remove("ip_addresses");
        }
        list.to_string()
    };
    Some(list.to_string()).filter(fits).or_else(|| Some(less()).filter(fits)).unwrap_or_default()
}

/// Whether both versions of polyswarm-artifact take `value` as what is said about one artifact.
///
/// Stricter than either: what only one of them takes is refused, and so are nulls, which neither needs.
pub fn is_artifact_metadata(value: &Value) -> bool {
    let Some(object) = value.as_object() else { return false };
    let strings = |value: &Value, is_right: fn(&str) -> bool| {
        value.as_array().is_some_and(|list| list.iter().all(|item| item.as_str().is_some_and(is_right)))
    };
    object.get("malware_family").is_some_and(Value::is_string)
        && object.iter().all(|(key, value)| match key.as_str() {
            "malware_family" => true,
            "domains" => strings(value, is_domain),
            "ip_addresses" => strings(value, |text| text.parse::<std::net::IpAddr>().is_ok()),
            "stix" => value.as_array().is_some_and(|list| list.iter().all(is_stix)),
            "scanner" => is_scanner(value),
            "heuristic" => value.is_boolean(),
            _ => true,
        })
}

fn is_stix(value: &Value) -> bool {
    value.as_object().is_some_and(|object| {
        object.get("schema").is_some_and(Value::is_string)
            && object.get("signature").is_some_and(|value| !value.is_null())
    })
}

fn is_scanner(value: &Value) -> bool {
    value.as_object().is_some_and(|object| {
        object.iter().all(|(key, value)| match key.as_str() {
            "version" | "polyswarmclient_version" => value.as_str().is_some_and(is_version),
            "vendor_version" | "signatures_version" => value.is_string(),
            "environment" => value.is_object(),
            _ => true,
        })
    })
}

/// `^[0-9]+([.][0-9]+)*$`
fn is_version(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn text(text: &str) -> String {
    daemon_base::text::stripped(text, TEXT_CHARS_MAX)
}

/// The system as Python's `platform.system()` calls it.
fn system() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vector() -> Value {
        serde_json::from_str(include_str!("../testdata/verdict-metadata.json")).unwrap()
    }

    /// Whatever this takes, both of them take.
    #[test]
    fn what_is_taken_here_is_taken_by_both_versions() {
        let vector = vector();
        let cases = vector["verdict"].as_array().unwrap();
        let mut taken = 0;
        for case in cases {
            let both = case["valid_2_2_4"] == true && case["valid_1_4_4"] == true;
            let ours = is_artifact_metadata(&case["object"]);
            assert!(!ours || both, "{case}");
            taken += usize::from(ours);
            // Of what both take, only nulls, odd domains and texts in place of booleans are refused here.
            let odd = case["object"].to_string();
            let is_odd = odd.contains("null") || odd.contains("has space") || odd.contains("\"yes\"");
            assert!(ours || !both || is_odd, "{case}");
        }
        println!("verdict-metadata.json: {} cases, {taken} taken", cases.len());
        assert_eq!((cases.len(), taken), (28, 7));
    }

    /// The list of an assertion: 1 to 256 of them.
    #[test]
    fn lists_are_judged_as_by_both_versions() {
        let vector = vector();
        let cases = vector["assertion"].as_array().unwrap();
        for case in cases {
            let both = case["valid_2_2_4"] == true && case["valid_1_4_4"] == true;
            let list = case["object"].as_array().unwrap();
            assert_eq!(!list.is_empty() && list.iter().all(is_artifact_metadata), both, "{case}");
        }
        assert_eq!(cases.len(), 4);
    }

    #[test]
    fn a_family_is_always_there_and_nothing_is_null() {
        let scanner = Scanner { version: "0.1.0".to_owned(), signatures_version: "2026-11-29".to_owned() };
        let artifacts = [
            ArtifactMetadata::default(),
            ArtifactMetadata {
                malware_family: "EICAR\u{202e}".to_owned(),
                heuristic: Some(true),
                hosts: NamedHosts::read(["evil-host.top"], ["45.9.148.21", "2a01:4f8::1"]),
            },
        ];
        let json = metadata_json(&artifacts, &scanner);
        let list: Vec<Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(list[0]["malware_family"], "");
        assert_eq!(list[1]["malware_family"], "EICAR");
        assert_eq!((&list[0]["domains"], &list[0]["ip_addresses"]), (&Value::Null, &Value::Null));
        assert_eq!(list[1]["domains"], json!(["evil-host.top"]));
        assert_eq!(list[1]["ip_addresses"], json!(["45.9.148.21", "2a01:4f8::1"]));
        assert_eq!(list[1]["scanner"]["version"], "0.1.0");
        assert_eq!(list[1]["scanner"]["environment"]["operating_system"], "Linux");
        assert!(!json.contains("null"));
    }

    #[test]
    fn what_does_not_fit_into_a_reveal_goes_without_hosts_or_not_at_all() {
        let names: Vec<String> = (0..16).map(|number| format!("host{number:02}.evil-host.top")).collect();
        let hosts = NamedHosts::read(names.iter().map(String::as_str), []);
        let about = ArtifactMetadata { malware_family: "Mirai".to_owned(), heuristic: Some(false), hosts };
        let list: Value = Value::Array(vec![about.to_json(&Scanner::default()); 4]);
        let (long, short) = (shortened(&list, 10_000), shortened(&list, 1_024));
        assert_eq!(long, list.to_string());
        assert!(short.len() <= 1_024 && short.contains("Mirai") && !short.contains("domains"), "{short}");
        let kept: Vec<Value> = serde_json::from_str(&short).unwrap();
        assert!(kept.len() == 4 && kept.iter().all(is_artifact_metadata));
        assert_eq!(shortened(&list, 100), "");
    }

    proptest! {
        #[test]
        fn what_is_made_here_is_taken(
            family: String, heuristic: Option<bool>, version: String, signatures_version: String,
            domains in proptest::collection::vec("[a-zA-Z0-9._ -]{0,130}", 0..40), addresses: Vec<std::net::IpAddr>,
        ) {
            let scanner = Scanner { version, signatures_version };
            let mut hosts = NamedHosts::default();
            domains.iter().for_each(|domain| hosts.add_domain(domain));
            addresses.into_iter().for_each(|address| hosts.add_address(address));
            let json = metadata_json(&[ArtifactMetadata { malware_family: family, heuristic, hosts }], &scanner);
            let list: Vec<Value> = serde_json::from_str(&json).unwrap();
            prop_assert!(list.iter().all(is_artifact_metadata), "{}", json);
        }
    }
}
