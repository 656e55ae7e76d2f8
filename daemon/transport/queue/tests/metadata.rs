//! Metadata of results that we give to PolySwarm's client, kept for PolySwarm's own validators: whether they take it is for
//! them to say (tests/polyswarm/validate.py).

use std::io::Write;

use daemon_base::NamedHosts;
use daemon_queue::polyswarm::{JobResult, ResultMetadata};
use serde_json::Value;

#[test]
fn metadata_of_every_kind_are_kept_for_the_validators() {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/metadata-queue.ndjson");
    let mut made = std::fs::File::create(path).unwrap();
    let names: Vec<String> = (0..40).map(|number| format!("{}.h{number}.evil-host.top", "a".repeat(63))).collect();
    let hosts = [
        NamedHosts::default(),
        NamedHosts::read(["evil-host.top"], ["45.9.148.21", "2a01:4f8::1"]),
        NamedHosts::read(names.iter().map(String::as_str), ["255.255.255.255"]),
    ];
    for hosts in hosts {
        for (malware_family, heuristic) in [("", true), ("Mirai", false), ("\u{202e}\"é\0", true)] {
            let metadata = ResultMetadata {
                malware_family: malware_family.to_owned(),
                heuristic,
                hosts: hosts.clone(),
                version: "0.1.0".to_owned(),
                generation: "g".to_owned(),
            };
            let result = JobResult { metadata: metadata.write(), ..JobResult::blank(0) };
            assert_eq!(result.hosts().domains(), hosts.at_most(16).domains());
            let body: Value = serde_json::from_str(&result.metadata).unwrap();
            writeln!(made, "{{\"kind\":\"metadata\",\"body\":{body}}}").unwrap();
        }
    }
}

/// The objects that PolySwarm's validators were asked about, as a hostile worker might send them: read, whatever they are.
#[test]
fn whatever_a_worker_sends_only_hosts_are_read_as_hosts() {
    let vector = include_str!("../../polyswarmd/testdata/verdict-metadata.json");
    let recorded: Value = serde_json::from_str(vector).unwrap();
    let cases = recorded["verdict"].as_array().unwrap();
    let mut named = Vec::new();
    for case in cases {
        let result = JobResult { metadata: case["object"].to_string(), ..JobResult::blank(0) };
        let hosts = result.hosts();
        named.extend(hosts.domains().iter().cloned());
        named.extend(hosts.ip_addresses().iter().map(ToString::to_string));
        let family = case["object"].get("malware_family").and_then(Value::as_str).unwrap_or_default();
        assert_eq!(result.malware_family(), family, "{case}");
    }
    assert_eq!((cases.len(), &named[..]), (28, &["1.2.3.4".to_owned(), "::1".to_owned()][..]));
}
