//! What an assertion says of the artifacts of its bounty, and what it leaves out.

use std::sync::Arc;

use super::super::tests::{Life, SECOND, at, judgement, key};
use super::tests::{EXPIRATION, answered, on_chain};
use crate::{BountyPolicy, Effect, Event, Findings, Refusal, Skip, Verdict};

#[test]
fn every_artifact_is_judged_and_one_assertion_made_of_all() {
    let (life, mut effects) = answered(256, &[Verdict::Malicious, Verdict::Benign, Verdict::Unknown]);
    let Some(Effect::WriteAnswer { answer, .. }) = effects.pop() else { panic!("{effects:?}") };
    let assertion = answer.assertion.as_ref().unwrap();
    // At most 1 NCT for a bounty: one bid of 0.8125, and what is left of it for two more of 0.0625 at least.
    let bids: Vec<String> = assertion.bids.iter().map(ToString::to_string).collect();
    assert_eq!(bids, ["0.8125", "0.1875"], "the surest first, and of equally sure ones the first");
    let mask = assertion.mask();
    assert_eq!((mask.len(), mask.iter().filter(|masked| **masked).count(), mask[0], mask[1]), (256, 2, true, true));
    assert_eq!(assertion.verdicts()[..3], [true, false, false]);
    assert_eq!((answer.verdict, answer.bid().to_string().as_str()), (Verdict::Malicious, "1"));
    assert_eq!(life.bounties.purse().open_stakes().to_string(), "1", "one stake, the sum of the bids");
    assert!(assertion.artifacts[3].comments[0].contains("nothing staked"), "{:?}", assertion.artifacts[3].comments);
}

#[test]
fn contracts_with_one_bid_get_the_mean() {
    let mut life = Life::new(BountyPolicy::default());
    let mut bounty = (*on_chain("7", 3, Some(EXPIRATION))).clone();
    bounty.on_chain.as_mut().unwrap().one_bid = true;
    life.step(Event::Received { caller: 1, bounty: Arc::new(bounty) });
    life.written("7");
    let mut last = Vec::new();
    for (artifact, (verdict, confidence)) in
        [(Verdict::Malicious, 0.9), (Verdict::Unknown, 0.5), (Verdict::Benign, 0.75)].into_iter().enumerate()
    {
        life.step(Event::Fetched { key: key("7"), artifact, declined: None });
        let mut judgement = judgement(verdict);
        judgement.confidence = confidence;
        last.clear();
        life.bounties.step(Event::Examined { key: key("7"), artifact, judgement }, at(life.now), &mut last);
    }
    let Some(Effect::WriteAnswer { answer, .. }) = last.pop() else { panic!("{last:?}") };
    let assertion = answer.assertion.as_ref().unwrap();
    // Of 0.8125 and 0.53125.
    assert_eq!(assertion.bids.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0.671875"]);
    assert_eq!(answer.bid().to_string(), "0.671875");
    assert_eq!(assertion.mask(), [true, false, true]);
}

#[test]
fn what_came_in_time_is_asserted_and_the_rest_is_left_out() {
    let mut life = Life::new(BountyPolicy { examining_max: 1, ..BountyPolicy::default() });
    life.step(Event::Received { caller: 1, bounty: on_chain("7", 5, Some(EXPIRATION)) });
    assert_eq!(life.written("7"), ["reply 1 Accepted", "fetch 7", "fetch 7/1", "fetch 7/2", "fetch 7/3", "fetch 7/4"]);
    assert_eq!(life.step(Event::Fetched { key: key("7"), artifact: 1, declined: None }), ["examine 7/1"]);
    assert_eq!(life.step(Event::Fetched { key: key("7"), artifact: 2, declined: None }), [""; 0]);
    let examined = |artifact| Event::Examined { key: key("7"), artifact, judgement: judgement(Verdict::Malicious) };
    assert_eq!(life.step(examined(1)), ["examine 7/2"]);
    assert_eq!(life.step(examined(1)), [""; 0], "told twice");
    let refusal = Refusal { skip: Skip::CannotFetch, why: "gone".to_owned() };
    let lost = Event::NotFetched { key: key("7"), artifact: 3, refusal, findings: Findings::default() };
    assert_eq!(life.step(lost), [""; 0]);
    assert_eq!(life.tick(58 * SECOND), [""; 0], "a worker is waited for a little longer");
    assert_eq!(life.bounties.fetching, 0, "the others are not");
    let mut effects = Vec::new();
    life.now = 58 * SECOND + SECOND / 2;
    life.bounties.step(Event::Tick, at(life.now), &mut effects);
    let Some(Effect::WriteAnswer { answer, .. }) = effects.pop() else { panic!("{effects:?}") };
    let assertion = answer.assertion.as_ref().unwrap();
    assert_eq!(assertion.mask(), [false, true, false, false, false]);
    let why: Vec<&str> =
        assertion.artifacts.iter().map(|artifact| artifact.comments.last().map_or("", String::as_str)).collect();
    let late = "limit.time: the download was not finished when the answer was due";
    let slow = "limit.time: the examination was not finished when the answer was due";
    assert_eq!(why, [late, "", slow, "gone", late]);
    // What comes afterwards frees what it held, and changes nothing.
    assert_eq!(life.step(examined(2)), [""; 0]);
    assert_eq!((life.bounties.examining, life.bounties.to_fetch.len(), life.bounties.to_examine.len()), (0, 0, 0));
}

#[test]
fn filters_look_at_each_artifact_and_an_assertion_of_nothing_is_not_sent() {
    let metadata = |mimetype: &str| {
        let mut metadata = serde_json::Map::new();
        metadata.insert("mimetype".to_owned(), mimetype.into());
        metadata
    };
    let mut policy = BountyPolicy::default();
    policy.filter.reject.push("mimetype == text/html".parse().unwrap());
    policy.modifiers.penalize.push("mimetype == text/plain".parse().unwrap());
    let mut life = Life::new(policy);
    let with = |id: &str, kinds: &[&str]| {
        let mut bounty = (*on_chain(id, kinds.len(), Some(EXPIRATION))).clone();
        bounty.on_chain.as_mut().unwrap().metadata = kinds.iter().map(|kind| metadata(kind)).collect();
        Event::Received { caller: 1, bounty: Arc::new(bounty) }
    };
    life.step(with("7", &["text/html", "text/plain"]));
    assert_eq!(life.written("7"), ["reply 1 Accepted", "fetch 7/1"]);
    life.step(Event::Fetched { key: key("7"), artifact: 1, declined: None });
    let mut effects = Vec::new();
    let examined = Event::Examined { key: key("7"), artifact: 1, judgement: judgement(Verdict::Benign) };
    life.bounties.step(examined, at(life.now), &mut effects);
    let Some(Effect::WriteAnswer { answer, .. }) = effects.pop() else { panic!("{effects:?}") };
    assert_eq!(answer.assertion.as_ref().unwrap().mask(), [false, true]);
    assert_eq!(answer.confidence, 0.9 * 0.8);
    life.step(with("8", &["text/html"]));
    let effects = life.written("8");
    assert_eq!(effects, ["reply 1 Accepted", "answer 8 unknown 0 SKIPPED; declined by a filter on its metadata"]);
    let effects = life.step(Event::AnswerWritten { key: key("8") });
    assert_eq!(effects, ["end 8 Withheld 0"], "there is nothing to assert");
    assert_eq!(effects.iter().filter(|effect| effect.starts_with("step")).count(), 0);
}
