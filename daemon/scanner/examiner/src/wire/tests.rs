use analyzers::{Cancel, IndicatorId, Limit};
use daemon_artifact::Artifact;
use daemon_engine::assemble;
use proptest::prelude::*;

use super::*;
use crate::look;

fn looked(bytes: &[u8], rules: &RuleSet, limits: &Limits) -> Looked {
    let ask = LookOptions { sha256: true, ..LookOptions::default() };
    look(&Artifact::from_slice(bytes), &ask, &mut assemble(rules), limits, &Cancel::default())
}

fn answer(outcome: &LookResult, rules: &RuleSet) -> Vec<u8> {
    let mut reply = Vec::new();
    write_answer(outcome, rules, &mut reply);
    reply
}

/// A bot that is packed, so that there is evidence, and the answer about it.
fn example(rules: &RuleSet) -> (Looked, Vec<u8>) {
    let bytes = specimens::elf::upx_like().upx_magic().overlay("\0http://evil-host.top:80/\x0045.9.148.21\0").build();
    let looked = looked(&bytes, rules, &Limits::default());
    let reply = answer(&Ok(looked.clone()), rules);
    (looked, reply)
}

#[test]
fn what_is_asked_crosses_the_wall_whatever_the_artifact_is_called() {
    for path in ["", "/tmp/a.exe", "\u{1b}[2J\n/\u{fffd}", &"x/".repeat(FilePath::BYTES_MAX)] {
        let ask = LookOptions { sha256: true, path: FilePath::new(path), kind_only: true, until: None };
        let bytes = request(&ask);
        assert!(bytes.len() < daemon_worker::REQUEST_BYTES_MAX / 8);
        assert_eq!(read_request(&bytes), Some(ask));
    }
    assert_eq!(read_request(b"\x01\x00\x05ab"), None);
}

#[test]
fn what_was_seen_crosses_the_wall_unchanged() {
    let rules = RuleSet::embedded();
    let (before, reply) = example(&rules);
    assert!(!before.examined.report.evidence.is_empty() && !before.examined.report.hosts.is_empty());
    let mut after = read_answer(&reply, &rules, &Limits::default()).unwrap().unwrap();
    // The wire counts in microseconds.
    after.examined.elapsed = before.examined.elapsed;
    assert_eq!(after, before);
}

#[test]
fn long_ways_down_fit_into_a_reply() {
    let rules = RuleSet::embedded();
    let (mut looked, _) = example(&rules);
    let layers = &mut looked.examined.report.layers;
    for depth in 1..1_000_u16 {
        let way = (1..=depth % 8).map(|step| format!("{step}{}", "x".repeat(150)));
        let name = way.chain([format!("{depth}{}", "y".repeat(150))]).collect::<Vec<_>>().join("!");
        layers.push(Layer { name, subject: LayerId(depth), kind: FileKind::Data, wanted: false });
    }
    let reply = answer(&Ok(looked.clone()), &rules);
    assert!(reply.len() < daemon_worker::REPLY_BYTES_MAX / 2, "{}", reply.len());
    let back = read_answer(&reply, &rules, &Limits::default()).unwrap().unwrap();
    assert_eq!(back.examined.report.layers, looked.examined.report.layers);
}

#[test]
fn why_bytes_cannot_be_had_crosses_the_wall() {
    let rules = RuleSet::embedded();
    for error in [
        LoadError::TooLarge { size_bytes: Some(9), size_bytes_max: 8 },
        LoadError::NotRegular(NotRegular::Fifo),
        LoadError::NoMemory { size_bytes: 7 },
        LoadError::Io { tried: "read", source: io::Error::from_raw_os_error(5) },
    ] {
        let text = error.to_string();
        let reply = answer(&Err(error), &rules);
        let back = read_answer(&reply, &rules, &Limits::default()).unwrap();
        assert_eq!(back.err().map(|error| error.to_string()), Some(text));
    }
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Vec<LayerOnWire<'_>>, &mut Vec<EvidenceOnWire<'_>>)) {
    let rules = RuleSet::embedded();
    let (_, reply) = example(&rules);
    let Ok(WorkerReply::Looked {
        elapsed_us,
        size_bytes,
        sha256,
        mut layers,
        mut evidence,
        measured,
        hosts,
        incomplete,
    }) = postcard::from_bytes(&reply)
    else {
        panic!("it was just written");
    };
    change(&mut layers, &mut evidence);
    let reply =
        encode(&WorkerReply::Looked { elapsed_us, size_bytes, sha256, layers, evidence, measured, hosts, incomplete });
    assert!(read_answer(&reply, &rules, &Limits::default()).is_err());
}

#[test]
fn what_makes_no_sense_is_refused() {
    refused(|layers, _| layers.clear());
    refused(|layers, _| layers[0].subject = 1);
    refused(|layers, _| layers[0].rest = "\u{1b}[2J");
    refused(|layers, _| layers[0].shared = 1);
    refused(|_, evidence| evidence[0].indicator = u32::MAX);
    refused(|_, evidence| evidence[0].layer = 1);
    refused(|_, evidence| (evidence[0].start, evidence[0].end) = (2, 1));
}

#[test]
fn measures_that_make_no_sense_are_refused() {
    let layer = |subject, kind| Layer { name: String::new(), subject: LayerId(subject), kind, wanted: true };
    let bytes = specimens::pe::pe().build();
    let layers = [layer(0, triage::triage(&bytes)), layer(0, FileKind::Data), layer(2, FileKind::Data)];
    let count = MEASURE_SETS[0].measures().len();
    let good = || MeasuredOnWire { subject: 0, set: 0, values: vec![1.0; count] };
    assert_eq!(read_measured(vec![good()], &layers).unwrap()[0].values().len(), count);
    for wrong in [
        vec![good(), good()],
        vec![MeasuredOnWire { subject: 1, ..good() }],
        vec![MeasuredOnWire { subject: 2, ..good() }],
        vec![MeasuredOnWire { subject: 3, ..good() }],
        vec![MeasuredOnWire { set: 1, ..good() }],
        vec![MeasuredOnWire { set: u8::MAX, ..good() }],
        vec![MeasuredOnWire { values: vec![1.0; count - 1], ..good() }],
        vec![MeasuredOnWire { values: vec![1.0; count + 1], ..good() }],
        vec![MeasuredOnWire { values: vec![f32::NAN; count], ..good() }],
        (0..=64).map(|subject| MeasuredOnWire { subject, ..good() }).collect(),
    ] {
        assert!(read_measured(wrong, &layers).is_err());
    }
}

#[test]
fn hosts_that_make_no_sense_are_refused() {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let of = |domains: &[&'static str], addresses: &[&str]| HostsOnWire {
        domains: domains.to_vec(),
        addresses: addresses.iter().map(|text| address(text)).collect(),
        more: true,
    };
    let good = read_hosts(&of(&["a.evil-host.top", "evil-host.top"], &["45.9.148.21", "2a01:4f8::1:1"])).unwrap();
    assert_eq!((good.domains().len(), good.ip_addresses().len(), good.has_more()), (2, 2, true));
    for wrong in [
        of(&["evil-host.top", "a.evil-host.top"], &[]),
        of(&["evil-host.top", "evil-host.top"], &[]),
        of(&["EVIL-HOST.top"], &[]),
        of(&["\u{1b}[2J.top"], &[]),
        of(&["kernel32.dll"], &[]),
        of(&["www.w3.org"], &[]),
        of(&[], &["127.0.0.1"]),
        of(&[], &["::1"]),
        of(&[], &["46.9.148.21", "45.9.148.21"]),
    ] {
        assert!(read_hosts(&wrong).is_err(), "{wrong:?}");
    }
    let names: Vec<String> = (0..=NamedHosts::COUNT_MAX).map(|number| format!("h{number:03}.evil-host.top")).collect();
    let many = HostsOnWire { domains: names.iter().map(String::as_str).collect(), addresses: Vec::new(), more: false };
    assert!(read_hosts(&many).is_err());
}

#[test]
fn hostile_texts_are_shown_as_any_detail_is() {
    let rules = RuleSet::embedded();
    let (mut looked, _) = example(&rules);
    looked.examined.report.incomplete = vec![
        Incomplete::Crashed("\u{1b}[2J".into()),
        Incomplete::Limit(Limit::Time),
        Incomplete::Unaccounted("\n".into()),
    ];
    let reply = answer(&Ok(looked), &rules);
    let report = read_answer(&reply, &rules, &Limits::default()).unwrap().unwrap().examined.report;
    assert_eq!(report.incomplete.len(), 3);
    assert!(report.incomplete.iter().all(|why| why.to_string().chars().all(is_printable)));
    assert_eq!(rules.position(&IndicatorId::new("no.such.sign")), None);
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(at in 0usize..10_000, byte: u8, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let rules = RuleSet::embedded();
        let limits = Limits::default();
        let _ = read_answer(&bytes, &rules, &limits);
        let (_, mut reply) = example(&rules);
        let at = at % reply.len();
        reply[at] = byte;
        let _ = read_answer(&reply, &rules, &limits);
        let _ = read_answer(&reply[..at], &rules, &limits);
    }
}
