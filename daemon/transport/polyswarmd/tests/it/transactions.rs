//! Transactions on their way to a chain, and everything that stops them there. `outbox` has what outlives them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use daemon_base::Nct;
use daemon_market::BidBounds;
use daemon_polyswarmd::nonces::NonceManager;
use daemon_polyswarmd::{
    ArtifactVerdict, Assertion, BidForm, Client, ClientOptions, Guid, Outbox, Outcome, SignerClient, TransactError,
    Transactor, U256,
};
use daemon_transactions::signing::{Ask, Bids, SignedTransaction, Wanted};
use daemon_transactions::verify::ChainPolicy;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::chain::{CHAIN_ID, FEE, ScriptedChain, registry, token};
use crate::server::{ScriptedReply, ScriptedServer, run};
use crate::signer::{Signer, address};

pub(crate) struct Rig {
    pub server: ScriptedServer,
    pub chain: Arc<Mutex<ScriptedChain>>,
    pub signer: Signer,
    pub transactor: Transactor,
}

impl Rig {
    pub(crate) async fn start() -> Rig {
        let server = ScriptedServer::start().await;
        let chain = ScriptedChain::serve(&server);
        let signer = Signer::start();
        let transactor = transactor(&server, &signer, Outbox::in_memory());
        Rig { server, chain, signer, transactor }
    }

    pub(crate) async fn prepare(&self, wanted: Wanted) -> Result<Vec<SignedTransaction>, TransactError> {
        prepare(&self.transactor, wanted).await
    }

    /// A client of the same account.
    pub(crate) fn transactor_client(&self) -> Client {
        Client::new(ClientOptions { account: address(1), ..self.server.options() }).unwrap()
    }

    /// Both steps.
    pub(crate) async fn run(&self, wanted: Wanted) -> Outcome {
        let signed = self.prepare(wanted).await.unwrap();
        self.transactor.submit(&signed).await
    }
}

pub(crate) async fn prepare(transactor: &Transactor, wanted: Wanted) -> Result<Vec<SignedTransaction>, TransactError> {
    transactor.prepare(wanted, Instant::now() + Duration::from_millis(200)).await
}

/// As after a start of the process: knows nothing but what is in the outbox.
pub(crate) fn transactor(server: &ScriptedServer, signer: &Signer, outbox: Outbox) -> Transactor {
    let client = Client::new(ClientOptions { account: address(1), ..server.options() }).unwrap();
    let policy =
        ChainPolicy { chain_id: CHAIN_ID, token: token(), registry: registry(), gas_max: 50_000_000, gas_price_max: 0 };
    let signer = SignerClient::new(&signer.socket).with_answer_time_max(Duration::from_millis(300));
    let nonces = NonceManager::with_gap_pause(Duration::from_millis(20));
    Transactor::new(client, signer, nonces, policy, outbox, 0)
}

pub(crate) fn guid(number: u128) -> Guid {
    Guid::from_number(number)
}

pub(crate) fn assertion(bounty: Guid, form: BidForm) -> Assertion {
    let verdict = |malicious, bid| Some(ArtifactVerdict { malicious, bid: Nct::from_base_units(bid) });
    let bounds = BidBounds::default();
    let verdicts = [verdict(true, 10u128.pow(17)), None, verdict(false, 3 * 10u128.pow(17))];
    Assertion::new(address(1), bounty, 3, &verdicts, form, bounds, U256::from(5)).unwrap()
}

pub(crate) fn posting(number: u128) -> Wanted {
    assertion(guid(number), BidForm::Each).posting(Nct::from_base_units(FEE))
}

pub(crate) fn nonces(signed: &[SignedTransaction]) -> Vec<u64> {
    signed.iter().map(|signed| signed.nonce).collect()
}

#[test]
fn an_assertion_is_committed_to_revealed_and_settled() {
    run(async {
        let rig = Rig::start().await;
        let assertion = assertion(guid(7), BidForm::Each);
        let Outcome::Mined(events) = rig.run(assertion.posting(Nct::from_base_units(FEE))).await else { panic!() };
        let ours = events.assertion(guid(7), address(1)).unwrap();
        assert_eq!((ours.index, ours.commitment), (3, assertion.commitment));
        assert_eq!(events.assertion(guid(8), address(1)), None);
        assert!(matches!(rig.run(assertion.revealing(3, "[]".to_owned())).await, Outcome::Mined(_)));
        let Outcome::Mined(events) = rig.run(assertion.settling()).await else { panic!() };
        assert_eq!(events.transfers[0].value.base_units(), 5);
        let asked = rig.signer.asked();
        let signed: Vec<_> = asked
            .iter()
            .map(|ask| match ask {
                Ask::Transactions(asked) => {
                    let nonces: Vec<u64> = asked.transactions.iter().map(|transaction| transaction.nonce).collect();
                    (nonces, asked.amount.base_units())
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(signed, [(vec![0, 1], 4 * 10u128.pow(17) + FEE), (vec![2], 0), (vec![3], 0)]);
        // Nonces were looked at once, which is two questions; transactions were posted one at a time.
        assert_eq!(rig.server.count("GET /nonce"), 2);
        assert_eq!(rig.server.count("POST /transactions"), 4);
    });
}

#[test]
fn older_contracts_take_one_bid() {
    run(async {
        let rig = Rig::start().await;
        let assertion = assertion(guid(7), BidForm::Single);
        assert_eq!(assertion.bids, Bids::Single(Nct::from_base_units(2 * 10u128.pow(17))));
        assert!(matches!(rig.run(assertion.posting(Nct::from_base_units(FEE))).await, Outcome::Mined(_)));
    });
}

/// Whatever polyswarmd builds instead of what was wanted, the signer is not even asked, and no nonce is lost.
#[test]
fn nothing_is_signed_but_what_was_wanted() {
    run(async {
        let rig = Rig::start().await;
        let other = "0x3333333333333333333333333333333333333333";
        type Change = Box<dyn Fn(&mut Vec<Value>) + Send>;
        let set = |place: usize, key: &'static str, value: Value| -> Change {
            Box::new(move |built| built[place][key] = value.clone())
        };
        // One digit of the call, from its end.
        let digit = |place: usize, from_end: usize| -> Change {
            Box::new(move |built| {
                let mut data = built[place]["data"].as_str().unwrap().to_owned();
                let at = data.len() - from_end;
                let flipped = if &data[at..=at] == "1" { "2" } else { "1" };
                data.replace_range(at..=at, flipped);
                built[place]["data"] = json!(data);
            })
        };
        let lies: Vec<Change> = vec![
            set(0, "value", json!(1)),
            set(1, "value", json!(1)),
            set(0, "to", json!(other)),
            set(1, "to", json!(other)),
            set(0, "chainId", json!(1)),
            set(1, "chainId", json!(1)),
            set(0, "gasPrice", json!(1)),
            set(1, "gas", json!(50_000_001)),
            set(0, "data", json!("0x")),
            set(0, "data", json!("0xa9059cbb")),
            digit(0, 1),
            // The spender.
            digit(0, 65),
            // The selector.
            Box::new(|built| {
                let data = built[0]["data"].as_str().unwrap().replace("095ea7b3", "a9059cbb");
                built[0]["data"] = json!(data);
            }),
            digit(1, 1),
            digit(1, 65),
            digit(1, 129),
            // Guid, mask and commitment.
            Box::new(|built| {
                let data = built[1]["data"].as_str().unwrap().to_owned();
                built[1]["data"] = json!(format!("{}f{}", &data[..73], &data[74..]));
            }),
            Box::new(|built| built[1]["data"] = json!(format!("{}00", built[1]["data"].as_str().unwrap()))),
            Box::new(|built| built.swap(0, 1)),
            Box::new(|built| drop(built.pop())),
            Box::new(|built| drop(built.remove(0))),
            Box::new(|built| built.push(built[1].clone())),
            Box::new(Vec::clear),
            Box::new(|built| built.extend(vec![built[0].clone(); 20])),
        ];
        let count = lies.len();
        for (place, lie) in lies.into_iter().enumerate() {
            rig.chain.lock().unwrap().lie = Some(Box::new(move |built| lie(built)));
            let error = rig.prepare(posting(7)).await.expect_err(&format!("lie {place}"));
            assert!(!error.is_passing(), "{place}: {error}");
        }
        assert_eq!(rig.signer.asked(), []);
        assert_eq!(rig.server.count("POST /transactions"), 0);
        println!("{count} lies");
        rig.chain.lock().unwrap().lie = None;
        assert_eq!(nonces(&rig.prepare(posting(7)).await.unwrap()), [0, 1]);
    });
}

#[test]
fn replies_that_hold_no_transactions_are_errors() {
    run(async {
        let rig = Rig::start().await;
        let what = format!("POST /bounties/{}/assertions", guid(7));
        for reply in [
            ScriptedReply::Ok(json!({})),
            ScriptedReply::Ok(Value::Null),
            ScriptedReply::Ok(json!({ "transactions": [{}] })),
            ScriptedReply::Ok(
                json!({ "transactions": [{ "nonce": 0, "chainId": 1, "gas": 1, "gasPrice": -1, "to": "", "value": 0, "data": "" }] }),
            ),
            ScriptedReply::Ok(json!({ "transactions": vec![json!({}); 500] })),
            ScriptedReply::Fail(400, json!("Invalid JSON")),
            ScriptedReply::Drop,
        ] {
            rig.server.on(&what, [reply.clone()]);
            let error = rig.prepare(posting(7)).await.unwrap_err();
            assert!(matches!(error, TransactError::Build(_)), "{reply:?}: {error}");
        }
    });
}

#[test]
fn nonces_are_read_anew_when_another_program_used_them() {
    run(async {
        let rig = Rig::start().await;
        assert!(matches!(rig.run(posting(7)).await, Outcome::Mined(_)));
        rig.chain.lock().unwrap().others_mined(3);
        let signed = rig.prepare(posting(8)).await.unwrap();
        assert_eq!(nonces(&signed), [2, 3]);
        assert!(matches!(rig.transactor.submit(&signed).await, Outcome::Desync { .. }));
        let signed = rig.prepare(posting(8)).await.unwrap();
        assert_eq!(nonces(&signed), [5, 6]);
        assert!(matches!(rig.transactor.submit(&signed).await, Outcome::Mined(_)));
    });
}

#[test]
fn a_gap_that_is_too_small_is_waited_for() {
    run(async {
        let rig = Rig::start().await;
        let five = || ScriptedReply::Ok(json!(5));
        // Each look asks until it is told the same twice.
        rig.server.on(
            "GET /nonce",
            [five(), ScriptedReply::Ok(json!(6)), five(), five(), five(), five(), ScriptedReply::Ok(json!(7))],
        );
        rig.server.on(
            "GET /pending",
            [ScriptedReply::Ok(json!(["6"])), ScriptedReply::Ok(json!(["6"])), ScriptedReply::Ok(json!([]))],
        );
        assert_eq!(nonces(&rig.prepare(posting(7)).await.unwrap()), [7, 8]);
        // Not for ever.
        let rig = Rig::start().await;
        rig.server.on("GET /nonce", [ScriptedReply::Ok(json!(5))]).on("GET /pending", [ScriptedReply::Ok(json!([6]))]);
        let error = rig.prepare(posting(7)).await.unwrap_err();
        assert!(matches!(error, TransactError::Nonces(_)) && error.is_passing(), "{error}");
        assert_eq!(nonces(&rig.prepare(Wanted::Settle { bounty: guid(7) }).await.unwrap()), [5], "one fits");
    });
}

#[test]
fn many_at_once_get_nonces_of_their_own() {
    run(async {
        let rig = Rig::start().await;
        let (a, b, c) = tokio::join!(rig.run(posting(1)), rig.run(posting(2)), rig.run(posting(3)));
        for outcome in [a, b, c] {
            assert!(matches!(outcome, Outcome::Mined(_)), "{outcome:?}");
        }
        assert_eq!(rig.chain.lock().unwrap().mined, 6);
    });
}

#[test]
fn what_fails_on_the_chain_is_not_tried_again() {
    run(async {
        let rig = Rig::start().await;
        rig.chain.lock().unwrap().reverts = true;
        let outcome = rig.run(posting(7)).await;
        assert!(matches!(&outcome, Outcome::Reverted { why } if why.contains("check parameters")), "{outcome:?}");
        assert!(!outcome.is_open());
    });
}

#[test]
fn where_nobody_knows_nothing_is_assumed() {
    run(async {
        for (what, reply) in [
            ("POST /transactions", ScriptedReply::Drop),
            ("POST /transactions", ScriptedReply::Hang),
            ("POST /transactions", ScriptedReply::status(429)),
            ("POST /transactions", ScriptedReply::Ok(json!([]))),
            ("GET /transactions", ScriptedReply::Drop),
            ("GET /transactions", ScriptedReply::Fail(500, json!("trouble"))),
            (
                "GET /transactions",
                ScriptedReply::Fail(400, json!({ "errors": ["transaction ab: receipt not available"] })),
            ),
        ] {
            let rig = Rig::start().await;
            rig.server.on(what, [reply.clone()]);
            let outcome = rig.run(posting(7)).await;
            assert!(matches!(outcome, Outcome::Unknown { .. }) && outcome.is_open(), "{what} {reply:?}: {outcome:?}");
        }
        // Without ether for gas it is certain.
        let rig = Rig::start().await;
        let message = "Invalid transaction error for tx 0xab: insufficient funds for gas * price + value";
        rig.server
            .on("POST /transactions", [ScriptedReply::Fail(400, json!([{ "is_error": true, "message": message }]))]);
        let outcome = rig.run(posting(7)).await;
        assert!(matches!(outcome, Outcome::Refused { .. }) && !outcome.is_open(), "{outcome:?}");
    });
}
