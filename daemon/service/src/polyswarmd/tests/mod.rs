//! The transport on a scripted chain: what is asked of it, in which order, and that nothing is done twice.

mod script;

use std::cell::RefCell;

use daemon_market::{Answer, ArtifactAnswer, Assertion, AssertionStep, Findings, StepKind, Truth, Verdict};

use super::*;
use script::{Script, US};

const RIVAL: &str = "0xabcd000000000000000000000000000000000002";

fn recorded(artifacts: usize) -> RecordedBounty {
    let mut metadata = serde_json::Map::new();
    metadata.insert("mimetype".to_owned(), "text/plain".into());
    RecordedBounty {
        guid: "50ef2820-1c96-45af-afd2-93351c57096c".to_owned(),
        artifact_type: "FILE".to_owned(),
        author: RIVAL.to_owned(),
        amount: Nct::literal("5"),
        uri: "QmWFvRWwUPFMdSbJzLDUz3vjHiCCRkrKaqBHNDPFgULYTZ".to_owned(),
        artifacts: vec![RecordedArtifact { name: "a".to_owned(), hash: "h".to_owned() }; artifacts],
        metadata: vec![metadata],
        expiration: Some(130),
        block: 100,
        block_millis: 2_000,
        bid_min: Nct::literal("0.0625"),
        bid_max: Nct::literal("1"),
        assertion_fee: Nct::literal("0.03125"),
        bounty_fee: Nct::literal("0.0625"),
        one_bid: false,
        response_url: "https://example.com/bounties/a/assertions".to_owned(),
    }
}

fn transport(script: &Rc<Script>) -> PolyswarmdTransport {
    PolyswarmdTransport::new(Rc::<Script>::clone(script), ContractVersion::V1_6_1, || [9; 32])
}

fn artifact(verdict: Verdict, bid: Option<&str>) -> ArtifactAnswer {
    let findings = Findings { malware_family: "Eicar".to_owned(), ..Findings::default() };
    ArtifactAnswer { verdict, confidence: 0.9, bid: bid.map(Nct::literal), bet: None, comments: Vec::new(), findings }
}

fn answer() -> Answer {
    let artifacts = vec![artifact(Verdict::Malicious, Some("0.5")), artifact(Verdict::Unknown, None)];
    Answer {
        verdict: Verdict::Malicious,
        stake: None,
        bet: None,
        at: Timestamp::from_micros(0),
        confidence: 0.9,
        comments: Vec::new(),
        findings: Findings::default(),
        assertion: Some(Box::new(Assertion { bids: vec![Nct::literal("0.5")], artifacts })),
    }
}

fn sent(transport: &PolyswarmdTransport, artifacts: usize) -> SentAssertion {
    let bounty = recorded(artifacts).bounty(Timestamp::from_micros(0)).unwrap();
    let body = transport.write(&answer(), Phase::Assertion).into();
    SentAssertion { bounty: bounty.into(), body, steps: Vec::new() }
}

fn ours(transport: &PolyswarmdTransport, sent: &SentAssertion, revealed: bool) -> SeenAssertion {
    let answer = RecordedAnswer::read(&sent.body).unwrap();
    SeenAssertion {
        author: US.to_ascii_lowercase(),
        index: 4,
        bids: answer.bids,
        commitment: transport.chain.commitment(&answer.verdicts, &answer.nonce),
        mask: answer.mask,
        verdicts: revealed.then_some(answer.verdicts),
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

fn is_written<'a>(transactions: &'a RefCell<Vec<String>>, written: bool) -> AboutToSend<'a> {
    Box::new(move |transaction| {
        transactions.borrow_mut().push(transaction);
        Box::pin(async move { written })
    })
}

#[test]
fn a_bounty_is_read_back_from_its_record_with_the_time_that_its_blocks_take() {
    let wire = recorded(3).to_wire();
    let now = Timestamp::from_micros(1_000_000);
    let bounty = read(&wire, now).unwrap();
    assert_eq!(bounty.key.id.as_str(), "polyswarmd:50ef2820-1c96-45af-afd2-93351c57096c");
    assert_eq!(now.until(bounty.expires), Duration::from_secs(60), "30 blocks of 2 s");
    assert_eq!((bounty.artifacts(), bounty.reward, bounty.bounds.max), (3, Some(Nct::literal("5")), Nct::literal("1")));
    let terms = bounty.on_chain.as_ref().unwrap();
    assert_eq!((terms.expiration, terms.fee, terms.metadata.len()), (Some(130), Nct::literal("0.03125"), 3));
    assert_eq!(terms.metadata[0]["mimetype"], "text/plain");
    assert!(terms.metadata[2].is_empty(), "of which nothing is said nothing is known");
    let received = daemon_journal::Received {
        key: bounty.key.clone(),
        dialect: NAME.to_owned(),
        delivery: String::new(),
        received: now,
        expires: bounty.expires,
        wire,
    };
    assert_eq!(crate::dialects::recorded_bounty(&received), Some(bounty), "for explain and backtest");
    for (artifacts, why) in [(0, "a bounty has 1 to 256 artifacts, not 0"), (257, "not 257")] {
        assert!(recorded(artifacts).bounty(now).unwrap_err().contains(why));
    }
    assert!(recorded(256).bounty(now).is_ok());
    let strange = RecordedBounty { artifact_type: "smell".to_owned(), ..recorded(1) };
    assert!(strange.bounty(now).unwrap_err().contains("`smell`"));
    for hostile in [&b""[..], b"[]", b"{\"guid\": 7}", b"\xff"] {
        assert!(read(hostile, now).is_err());
    }
    let long = RecordedBounty { expiration: Some(u64::MAX), block_millis: u64::MAX, ..recorded(1) };
    assert!(long.bounty(now).is_ok(), "a hostile number is a late deadline, which others bound");
}

#[test]
fn an_answer_holds_all_that_its_reveal_needs() {
    let body = transport(&Rc::default()).write(&answer(), Phase::Assertion);
    let read = RecordedAnswer::read(&body).unwrap();
    assert_eq!((&read.mask[..], &read.verdicts[..]), (&[true, false][..], &[true, false][..]));
    assert_eq!((&read.bids[..], read.nonce), (&[Nct::literal("0.5")][..], [9; 32]));
    assert_eq!(read.metadata[0]["malware_family"], "Eicar");
    assert_eq!(read.metadata.as_array().unwrap().len(), 2);
    assert_eq!(read.to_body(), body, "byte for byte");
    let told = RecordedAnswer::read(b"{}").unwrap_err();
    assert!(told.contains("cannot be read"), "{told}");
    assert_ne!(random_nonce(), random_nonce());
}

#[test]
fn a_commitment_that_is_there_is_not_made_again() {
    let script = Rc::<Script>::default();
    let transport = transport(&script);
    let sent = sent(&transport, 2);
    let send = || run(transport.send(&sent.bounty, sent.body.clone()));
    let place = ChainPosition { transaction: "0x1".to_owned(), block: Some(7) };
    assert_eq!(send(), Delivery::Asserted { index: 3, place });
    assert_eq!(script.done(), ["prepare commit", "send 0x1"]);
    // The reply was lost with us: the chain is asked first.
    *script.assertions.borrow_mut() = vec![ours(&transport, &sent, false)];
    assert_eq!(send(), Delivery::Asserted { index: 4, place: ChainPosition::default() });
    assert_eq!(script.done(), [""; 0]);
    let expected = Standing::Asserted { index: 4, revealed: false, place: ChainPosition::default() };
    assert_eq!(run(transport.look_up(&sent)), expected);
    // Somebody else's, and one that was made with our key and is not ours.
    let foreign = SeenAssertion { commitment: [1; 32], ..ours(&transport, &sent, false) };
    let rival = SeenAssertion { author: RIVAL.to_owned(), ..ours(&transport, &sent, false) };
    *script.assertions.borrow_mut() = vec![foreign, rival];
    assert_eq!(run(transport.look_up(&sent)), Standing::Absent);
}

#[test]
fn a_commitment_that_is_on_its_way_is_waited_for() {
    let script = Rc::<Script>::default();
    let transport = transport(&script);
    let sent = sent(&transport, 2);
    let send = || run(transport.send(&sent.bounty, sent.body.clone()));
    *script.becomes.borrow_mut() = Some(Err(FailedRequest::new("no reply in 10s".to_owned())));
    assert!(matches!(send(), Delivery::Retry { why, .. } if why == "no reply in 10s"));
    assert!(matches!(send(), Delivery::Retry { why, .. } if why.contains("0x1 is in no block yet")));
    assert_eq!(script.done(), ["prepare commit", "send 0x1"], "no second one beside it");
    // It failed in its block: a new one may succeed.
    let reverted = Mined {
        transaction: "0x1".to_owned(),
        block: Some(8),
        failed: Some("reverted".to_owned()),
        index: None,
        paid: None,
    };
    script.mined.borrow_mut().insert("0x1".to_owned(), reverted.clone());
    *script.becomes.borrow_mut() = Some(Ok(reverted));
    assert!(matches!(send(), Delivery::Retry { why, .. } if why.contains("failed: reverted")));
    assert_eq!(script.done(), ["prepare commit", "send 0x2"]);
}

#[test]
fn a_reveal_that_is_there_is_not_made_again() {
    let script = Rc::<Script>::default();
    let transport = transport(&script);
    let mut sent = sent(&transport, 2);
    let failed = run(transport.reveal(&sent)).unwrap_err();
    assert!(failed.why.contains("number is not known"), "{failed:?}");
    sent.steps.push(AssertionStep { index: Some(3), ..AssertionStep::new(StepKind::Asserted) });
    assert_eq!(run(transport.reveal(&sent)).unwrap().transaction, "0x1", "the list may lag behind");
    assert_eq!(script.done(), ["prepare reveal", "send 0x1"]);
    *script.assertions.borrow_mut() = vec![ours(&transport, &sent, true)];
    assert_eq!(run(transport.reveal(&sent)), Ok(ChainPosition::default()));
    assert_eq!(script.done(), [""; 0]);
}

#[test]
fn a_settlement_is_written_down_before_it_is_sent_and_found_after_a_crash() {
    let script = Rc::<Script>::default();
    let transport = transport(&script);
    let mut sent = sent(&transport, 2);
    let written = RefCell::default();
    let failed = run(transport.settle(&sent, is_written(&written, false))).unwrap_err();
    assert!(failed.why.contains("could not be written down"), "{failed:?}");
    assert_eq!((script.done(), written.take()), (vec!["prepare settle".to_owned()], vec!["0x1".to_owned()]));
    let (place, paid) = run(transport.settle(&sent, is_written(&written, true))).unwrap();
    assert_eq!((place.transaction.as_str(), paid), ("0x2", Some(Nct::literal("2"))));
    assert_eq!((script.done().len(), written.take()), (2, vec!["0x2".to_owned()]));
    // Killed after it was sent: what was written down is looked for.
    let place = ChainPosition { transaction: "0x2".to_owned(), block: None };
    sent.steps.push(AssertionStep { place, ..AssertionStep::new(StepKind::Settling) });
    let mined = Mined {
        transaction: "0x2".to_owned(),
        block: Some(9),
        failed: None,
        index: None,
        paid: Some(Nct::literal("3")),
    };
    script.mined.borrow_mut().insert("0x2".to_owned(), mined);
    let (place, paid) = run(transport.settle(&sent, is_written(&written, true))).unwrap();
    assert_eq!((place.block, paid, script.done().len()), (Some(9), Some(Nct::literal("3")), 0));
}

#[test]
fn what_was_settled_by_a_transaction_that_nobody_wrote_down_is_settled() {
    let script = Rc::<Script>::default();
    let transport = transport(&script);
    let sent = sent(&transport, 1);
    let written = RefCell::default();
    let reverted = |why: &str| {
        let failed = Some(format!("transaction 0x1: transaction failed at block 152, error: {why}"));
        Ok(Mined { transaction: "0x1".to_owned(), block: Some(152), failed, index: None, paid: None })
    };
    *script.becomes.borrow_mut() = Some(reverted("Sender already settled"));
    let settled = run(transport.settle(&sent, is_written(&written, true)));
    assert_eq!(settled.unwrap(), (ChainPosition::default(), None), "its payout follows from the rules");
    *script.becomes.borrow_mut() = Some(reverted("Not yet"));
    assert!(run(transport.settle(&sent, is_written(&written, true))).is_err());
}

#[test]
fn an_outcome_has_truth_payout_and_everybodys_assertion() {
    let script = Rc::<Script>::default();
    let transport = transport(&script);
    let mut sent = sent(&transport, 1);
    sent.body = {
        let mut one = answer();
        one.assertion.as_mut().unwrap().artifacts.truncate(1);
        transport.write(&one, Phase::Assertion).into()
    };
    let rival = SeenAssertion {
        author: RIVAL.to_owned(),
        index: 0,
        bids: vec![Nct::literal("1")],
        mask: vec![true],
        commitment: [1; 32],
        verdicts: Some(vec![false]),
    };
    let unrevealed = SeenAssertion { author: "0x03".to_owned(), index: 1, verdicts: None, ..rival.clone() };
    *script.assertions.borrow_mut() = vec![rival, unrevealed, ours(&transport, &sent, true)];
    *script.votes.borrow_mut() = vec![vec![true], vec![true], vec![false]];
    let outcome = run(transport.outcome(&sent)).unwrap();
    assert_eq!(outcome.truth, Some(Truth::Malicious));
    // Its bid back, both losers' bids, and the reward: by the contract's rules.
    assert_eq!(outcome.payout, Some(Nct::literal("7.5")));
    assert_eq!((outcome.fee, outcome.source.as_str()), (Some(Nct::literal("0.03125")), "polyswarmd"));
    let record = daemon_settlement::SettlementRecord::read(&outcome.record);
    assert_eq!(record.ours().map(|ours| (ours.verdict, ours.bid)), Some((Verdict::Malicious, Nct::literal("0.5"))));
    assert_eq!(record.rivals().count(), 2);
    assert_eq!(record.votes.map(|votes| (votes.malicious, votes.benign)), Some((2, 1)));
    // What was paid out counts, whatever the rules say.
    let settled = AssertionStep { payout: Some(Nct::literal("7")), ..AssertionStep::new(StepKind::Settled) };
    sent.steps.push(settled);
    assert_eq!(run(transport.outcome(&sent)).unwrap().payout, Some(Nct::literal("7")));
}

#[test]
fn of_several_artifacts_there_is_no_one_truth_and_the_payout_is_all_of_it() {
    let script = Rc::<Script>::default();
    let transport = transport(&script);
    let sent = sent(&transport, 2);
    *script.assertions.borrow_mut() = vec![ours(&transport, &sent, true)];
    *script.votes.borrow_mut() = vec![vec![false, true]];
    let outcome = run(transport.outcome(&sent)).unwrap();
    assert_eq!((outcome.truth, outcome.payout), (None, Some(Nct::ZERO)), "wrong about the only one asserted on");
    let record: serde_json::Value = serde_json::from_str(&outcome.record).unwrap();
    assert_eq!(record["votes_by_artifact"][1]["malicious"], 1);
    assert_eq!(record["assertions_by_artifact"][0]["mask"], serde_json::json!([true, false]));
    assert_eq!(daemon_settlement::SettlementRecord::read(&outcome.record).assertions, []);
}

#[test]
fn it_is_not_ready_while_the_websocket_is_down_or_the_signer_refuses() {
    let told = transport(&Rc::default()).ready().unwrap_err();
    assert!(told.starts_with("polyswarmd: the websocket is not connected"), "{told}");
}

#[test]
fn a_bounty_that_is_heard_again_later_says_the_same() {
    let fields = |recorded: &RecordedBounty| {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&recorded.to_wire()).unwrap();
        fields
    };
    let (first, later) =
        (recorded(1), RecordedBounty { block: 120, block_millis: 900, bid_max: Nct::literal("2"), ..recorded(1) });
    let transport = transport(&Rc::default());
    let differ: Vec<String> = fields(&first)
        .into_iter()
        .filter(|(name, value)| fields(&later)[name] != *value)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(differ.len(), 3, "{differ:?}");
    assert!(differ.iter().all(|name| transport.observed().contains(&name.as_str())), "{differ:?}");
    assert!(transport.observed().iter().all(|name| fields(&first).contains_key(*name)), "each is a field");
    assert!(!transport.observed().contains(&"uri"), "what the market says");
}
