//! Questions to the signer, and every way in which they are not answered.

use std::time::Duration;

use daemon_base::Nct;
use daemon_polyswarmd::{
    BidForm, Config, Market, MarketUnusable, Outbox, Outcome, SignerClient, SignerError, TransactError,
};
use daemon_transactions::signing::{Ask, FastAssertion, RefusalCode, Wanted};
use serde_json::json;

use crate::chain::{FEE, ScriptedChain};
use crate::server::{ScriptedReply, ScriptedServer, run};
use crate::signer::{Signer, SignerFault, address};
use crate::transactions::{Rig, assertion, guid, prepare};

fn settle(number: u128) -> Wanted {
    Wanted::Settle { bounty: guid(number) }
}

#[test]
fn a_signer_that_dies_in_the_middle_is_asked_the_same_again() {
    run(async {
        for fault in [
            SignerFault::DropBefore,
            SignerFault::DropAfter,
            SignerFault::Hang,
            SignerFault::Refuse(RefusalCode::Unavailable),
        ] {
            let rig = Rig::start().await;
            rig.signer.faults([fault, fault]);
            assert!(matches!(rig.run(settle(7)).await, Outcome::Mined(_)), "{fault:?}");
            let asked = rig.signer.asked();
            assert!(asked.iter().all(|ask| *ask == asked[0]), "{fault:?}");
            // Not for ever; and what may have been signed keeps its nonce.
            rig.signer.faults([fault; 3]);
            let error = rig.prepare(settle(8)).await.unwrap_err();
            assert!(error.is_passing(), "{fault:?}: {error}");
            let may_be_signed = !matches!(fault, SignerFault::Refuse(_));
            assert_eq!(rig.transactor.outbox().all().len(), usize::from(may_be_signed), "{fault:?}");
            // It is signed first: behind a nonce that was left out nothing would ever be mined.
            let other = rig.prepare(settle(9)).await.unwrap();
            assert_eq!(other[0].nonce, 1 + u64::from(may_be_signed), "{fault:?}");
            let (first, second) = (rig.run(settle(8)).await, rig.transactor.submit(&other).await);
            assert!(
                matches!((&first, &second), (Outcome::Mined(_), Outcome::Mined(_))),
                "{fault:?}: {first:?} {second:?}"
            );
            assert_eq!(rig.chain.lock().unwrap().mined, 3, "{fault:?}");
        }
    });
}

#[test]
fn what_the_signer_refuses_costs_no_nonce() {
    run(async {
        let rig = Rig::start().await;
        for code in [RefusalCode::OverHour, RefusalCode::NotAsWanted, RefusalCode::BountyTaken, RefusalCode::OverTotal]
        {
            rig.signer.faults([SignerFault::Refuse(code)]);
            match rig.prepare(settle(7)).await.unwrap_err() {
                error @ TransactError::Signer(SignerError::Refused(_)) => assert!(!error.is_passing(), "{error}"),
                other => panic!("{other}"),
            }
        }
        let signed = rig.prepare(settle(7)).await.unwrap();
        assert_eq!(signed[0].nonce, 0);
        assert!(matches!(rig.transactor.submit(&signed).await, Outcome::Mined(_)));
    });
}

#[test]
fn a_nonce_that_the_signer_has_used_is_not_asked_for_again() {
    run(async {
        let rig = Rig::start().await;
        rig.signer.book.lock().unwrap().next_nonce = 4;
        let error = rig.prepare(settle(7)).await.unwrap_err();
        assert!(error.is_passing(), "{error}");
        // Those before it are the signer's to have sent; the chain waits for them, and this one waits behind.
        let signed = rig.prepare(settle(7)).await.unwrap();
        assert_eq!(signed[0].nonce, 4);
        rig.chain.lock().unwrap().others_mined(4);
        assert!(matches!(rig.transactor.submit(&signed).await, Outcome::Mined(_)));
    });
}

#[test]
fn nothing_is_posted_that_was_not_asked_for() {
    run(async {
        for fault in [
            SignerFault::OtherKey,
            SignerFault::OtherTransaction,
            SignerFault::OtherId,
            SignerFault::Garbage,
            SignerFault::Endless,
        ] {
            let rig = Rig::start().await;
            rig.signer.faults([fault]);
            let error = rig.prepare(settle(7)).await.unwrap_err();
            assert!(!error.is_passing(), "{fault:?}: {error}");
            assert_eq!(rig.server.count("POST /transactions"), 0);
        }
    });
}

#[test]
fn a_signer_that_is_not_there_is_told_with_its_path() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let error = SignerClient::new(&directory.path().join("no.sock")).status().await.unwrap_err();
        assert!(error.to_string().contains("no.sock") && error.is_passing() && error.nothing_signed(), "{error}");
    });
}

fn config(server: &ScriptedServer, signer: &Signer) -> Config {
    Config {
        url: format!("http://{}", server.address),
        signer_socket: signer.socket.clone(),
        request_time_max: Duration::from_millis(500),
        ..Config::default()
    }
}

#[test]
fn a_market_is_opened_by_its_configuration() {
    run(async {
        let server = ScriptedServer::start().await;
        let chain = ScriptedChain::serve(&server);
        server.on("OPTIONS /wallets", [ScriptedReply::status(404)]);
        let signer = Signer::start();
        let market = Market::open(&config(&server, &signer), Outbox::in_memory(), Vec::new()).await.unwrap();
        assert_eq!(market.client.account(), address(1));
        let wanted = assertion(guid(7), BidForm::Each).posting(Nct::from_base_units(FEE));
        let signed = prepare(&market.transactor, wanted).await.unwrap();
        assert!(matches!(market.transactor.submit(&signed).await, Outcome::Mined(_)));
        assert_eq!(chain.lock().unwrap().mined, 2);

        let named = Config { account: address(2).to_string(), ..config(&server, &signer) };
        assert!(matches!(
            Market::open(&named, Outbox::in_memory(), Vec::new()).await,
            Err(MarketUnusable::Account { .. })
        ));
        let other = Config { chain_id: 7, ..config(&server, &signer) };
        let error = Market::open(&other, Outbox::in_memory(), Vec::new()).await.unwrap_err();
        assert!(
            matches!(&error, MarketUnusable::Chain { wanted: 7, known } if *known == [1337]) && !error.is_passing()
        );
        let absent = Config { signer_socket: "/nonexistent/signer.sock".into(), ..config(&server, &signer) };
        assert!(Market::open(&absent, Outbox::in_memory(), Vec::new()).await.unwrap_err().is_passing());
        server.on("OPTIONS /wallets", [ScriptedReply::status(500)]);
        assert!(
            Market::open(&config(&server, &signer), Outbox::in_memory(), Vec::new()).await.unwrap_err().is_passing()
        );
    });
}

#[test]
fn on_fast_polyswarmd_an_assertion_is_signed_and_posted_at_once() {
    run(async {
        let server = ScriptedServer::start().await;
        let signer = Signer::start();
        server.on("OPTIONS /wallets", [ScriptedReply::status(200)]);
        server.on(&format!("POST /bounties/{}/assertions", guid(7)), [ScriptedReply::Ok(json!({}))]);
        let market = Market::open(&config(&server, &signer), Outbox::in_memory(), Vec::new()).await.unwrap();
        let metadata = serde_json::from_value(json!({ "malware_family": "EICAR" })).unwrap();
        let fast = assertion(guid(7), BidForm::Each).fast(metadata).unwrap();
        let payload = market.transactor.signer().sign_fast(fast.clone()).await.unwrap();
        market.client.post_fast_assertion(guid(7), &payload).await.unwrap();
        let Ask::FastAssertion(FastAssertion { verdict: true, bid, .. }) = &signer.asked()[0] else { panic!() };
        assert_eq!(bid.base_units(), 10u128.pow(17), "the first artifact's");
        assert_eq!(server.seen().last().unwrap().body.as_ref().unwrap()["signature"], "0x00");
    });
}
