//! Filters and confidence modifiers of `polyswarm-client` 2.13.3, artifact by artifact: its own cases, on the way that
//! bounties of a chain take.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::tests::{Life, SECOND, at, bounty, judgement, key};
use crate::{Bounty, BountyFilter, BountyPolicy, Effect, Event, Filter, Modifiers, Nct, OnChain, Verdict};

fn cases(text: &str) -> Vec<Value> {
    let vector: Value = serde_json::from_str(text).unwrap();
    vector["cases"].as_array().unwrap().clone()
}

/// A bounty of two artifacts: of the first nothing is known, of the second this.
fn on_chain(metadata: &Value) -> Event {
    let known = metadata.as_object().cloned().unwrap_or_default();
    let fee = Nct::from_base_units(5);
    let metadata = vec![Map::new(), known];
    let terms = OnChain { metadata, expiration: Some(100), one_bid: false, fee, bounty_fee: fee };
    let bounty = Bounty { on_chain: Some(Box::new(terms)), ..(*bounty("7", 60 * SECOND)).clone() };
    Event::Received { caller: 1, bounty: Arc::new(bounty) }
}

/// Which of the two artifacts are examined.
fn examined(policy: BountyPolicy, metadata: &Value) -> (Life, Vec<usize>) {
    let mut life = Life::new(policy);
    life.step(on_chain(metadata));
    let mut effects = Vec::new();
    let written = Event::BountyWritten { key: key("7"), written: crate::Written::Fresh };
    life.bounties.step(written, at(life.now), &mut effects);
    let fetched = effects.iter().filter_map(|effect| match effect {
        Effect::Fetch { artifact, .. } => Some(*artifact),
        _ => None,
    });
    let fetched = fetched.collect();
    (life, fetched)
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn a_filter_accepts_the_artifacts_that_the_clients_accepts() {
    let cases = cases(include_str!("../../../testdata/filters-client-2.13.3.json"));
    for case in &cases {
        let part = |name: &str| case[name].as_str().unwrap();
        let filter = Filter::new(part("key"), part("comparison"), part("target")).unwrap();
        let reject = BountyFilter { accept: Vec::new(), reject: vec![filter] };
        let (_, fetched) = examined(BountyPolicy { filter: reject, ..BountyPolicy::default() }, &case["metadata"]);
        let matches = case["match"].as_bool().unwrap();
        assert_eq!(fetched.contains(&1), !matches, "{case}");
        assert!(fetched.contains(&0), "of which nothing is known nothing matches: {case}");
    }
    println!("filters-client-2.13.3.json: {} cases", cases.len());
    assert_eq!(cases.len(), 415);
}

#[test]
fn lists_of_filters_accept_the_artifacts_that_the_clients_accept() {
    let filters = |pairs: &Value| -> Vec<Filter> {
        let pairs = pairs.as_array().cloned().unwrap_or_default();
        pairs.iter().map(|pair| Filter::new(texts(pair)[0], "==", texts(pair)[1]).unwrap()).collect()
    };
    let cases = cases(include_str!("../../../testdata/bounty-filter-2.13.3.json"));
    for case in &cases {
        let filter = BountyFilter { accept: filters(&case["accept"]), reject: filters(&case["reject"]) };
        let (_, fetched) = examined(BountyPolicy { filter, ..BountyPolicy::default() }, &case["metadata"]);
        assert_eq!(fetched.contains(&1), case["allowed"].as_bool().unwrap(), "{case}");
    }
    println!("bounty-filter-2.13.3.json: {} cases", cases.len());
    assert_eq!(cases.len(), 21);
}

#[test]
fn the_confidence_of_each_artifact_is_modified_as_the_clients_is_and_stays_a_probability() {
    let bits = |value: &Value| f64::from_bits(u64::from_str_radix(value["bits"].as_str().unwrap(), 16).unwrap());
    let filter = |key: &str, on: &Value| -> Vec<Filter> {
        on.as_bool().unwrap().then(|| Filter::new(key, "==", "1").unwrap()).into_iter().collect()
    };
    let cases = cases(include_str!("../../../testdata/confidence-modifier-2.13.3.json"));
    for case in &cases {
        let modifiers = Modifiers { favor: filter("a", &case["favor_a"]), penalize: filter("b", &case["penalize_b"]) };
        let (mut life, fetched) = examined(BountyPolicy { modifiers, ..BountyPolicy::default() }, &case["metadata"]);
        assert_eq!(fetched, [0, 1], "{case}");
        let mut effects = Vec::new();
        for artifact in fetched {
            life.step(Event::Fetched { key: key("7"), artifact, declined: None });
            let mut judgement = judgement(Verdict::Malicious);
            judgement.confidence = bits(&case["confidence"]);
            let examined = Event::Examined { key: key("7"), artifact, judgement };
            life.bounties.step(examined, at(life.now), &mut effects);
        }
        let Some(Effect::WriteAnswer { answer, .. }) = effects.pop() else { panic!("{effects:?}") };
        let artifacts = &answer.assertion.as_ref().unwrap().artifacts;
        let expected = bits(&case["out"]).clamp(0.0, 1.0);
        assert_eq!(artifacts[1].confidence.to_bits(), expected.to_bits(), "{case}");
        assert_eq!(artifacts[0].confidence, bits(&case["confidence"]).clamp(0.0, 1.0), "{case}");
    }
    println!("confidence-modifier-2.13.3.json: {} cases", cases.len());
    assert_eq!(cases.len(), 108);
}
