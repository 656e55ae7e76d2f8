//! Metadata of every kind that we post, kept for PolySwarm's own validators: whether they take it is for them to say
//! (tests/polyswarm/validate.py).

use std::io::Write;

use daemon_base::NamedHosts;
use daemon_polyswarmd::{ArtifactMetadata, Scanner, is_artifact_metadata};

#[test]
fn metadata_of_every_kind_are_kept_for_the_validators() {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/metadata-polyswarmd.ndjson");
    let mut made = std::fs::File::create(path).unwrap();
    let names: Vec<String> = (0..40).map(|number| format!("{}.h{number}.evil-host.top", "a".repeat(63))).collect();
    let hosts = [
        NamedHosts::default(),
        NamedHosts::read(["evil-host.top"], []),
        NamedHosts::read(["a.b", "_dns.evil-host.top", "xn--e1afmkfd.xn--p1ai"], ["45.9.148.21", "2a01:4f8::1", "::1"]),
        NamedHosts::read(names.iter().map(String::as_str), ["255.255.255.255"]),
    ];
    for hosts in hosts {
        for (malware_family, version) in [("", ""), ("Mirai", "0.1.0"), ("\u{202e}\"é\0", "0.1.0-rc.1")] {
            for heuristic in [None, Some(true), Some(false)] {
                let about =
                    ArtifactMetadata { malware_family: malware_family.to_owned(), heuristic, hosts: hosts.clone() };
                let scanner = Scanner { version: version.to_owned(), signatures_version: "g".to_owned() };
                let body = about.to_json(&scanner);
                assert!(is_artifact_metadata(&body), "{body}");
                writeln!(made, "{{\"kind\":\"metadata\",\"body\":{body}}}").unwrap();
            }
        }
    }
}
