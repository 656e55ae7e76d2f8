//! A polyswarmd with a chain behind it: builds transactions, takes signed ones, mines them in order, and tells what became
//! of them; or fails at that in the way it is told to.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use daemon_polyswarmd::{Address, ArtifactBits, B256, Guid, U256};
use daemon_transactions::signing::Bids;
use daemon_transactions::{Call, SignedLegacyTransaction};
use serde_json::{Value, json};

use crate::server::{ScriptedReply, ScriptedServer, Seen};
use crate::signer::address;

pub(crate) const CHAIN_ID: u64 = 1337;
pub(crate) const FEE: u128 = 31_250_000_000_000_000;

pub(crate) fn registry() -> Address {
    Address::from_bytes([0x11; 20])
}

pub(crate) fn token() -> Address {
    Address::from_bytes([0x22; 20])
}

/// Changes a transaction that was built, before it is given out.
pub(crate) type Lie = Box<dyn FnMut(&mut Vec<Value>) + Send>;

#[derive(Default)]
pub(crate) struct ScriptedChain {
    /// Number of the account's transactions that were mined.
    pub mined: u64,
    /// Transactions that wait, by nonce.
    pub pool: BTreeMap<u64, SignedLegacyTransaction>,
    /// Blocks are mined when receipts are asked for, unless this is set.
    pub stands_still: bool,
    /// So many of the next transactions are taken and forgotten.
    pub forgets: u32,
    /// Transactions that are mined fail.
    pub reverts: bool,
    pub lie: Option<Lie>,
    done: HashMap<B256, (SignedLegacyTransaction, bool)>,
    /// Everything that was posted, as it came.
    pub posted: Vec<String>,
}

impl ScriptedChain {
    pub(crate) fn serve(server: &ScriptedServer) -> Arc<Mutex<ScriptedChain>> {
        let chain = Arc::new(Mutex::new(ScriptedChain::default()));
        let shared = Arc::clone(&chain);
        server.with_parameters().handle(move |seen| shared.lock().unwrap().reply(seen));
        chain
    }

    /// Another program of the same account has transactions mined.
    pub(crate) fn others_mined(&mut self, count: u64) {
        self.mined += count;
    }

    fn reply(&mut self, seen: &Seen) -> Option<ScriptedReply> {
        let body = seen.body.clone().unwrap_or_default();
        let parts: Vec<&str> = seen.what.split(['/', ' ']).filter(|part| !part.is_empty()).collect();
        Some(match parts[..] {
            ["GET", "nonce"] => ScriptedReply::Ok(json!(self.mined)),
            ["GET", "pending"] => ScriptedReply::Ok(json!(self.pool.keys().map(u64::to_string).collect::<Vec<_>>())),
            ["POST", "bounties", guid, "assertions"] => self.build(assertion(guid.parse().unwrap(), &body)),
            ["POST", "bounties", guid, "assertions", index, "reveal"] => self.build(vec![(
                registry(),
                Call::RevealAssertion {
                    guid: guid.parse().unwrap(),
                    index: index.parse().unwrap(),
                    nonce: number(&body["nonce"]),
                    verdicts: bits(&body["verdicts"]),
                    metadata: body["metadata"].as_str().unwrap().to_owned(),
                },
            )]),
            ["POST", "bounties", guid, "settle"] => {
                self.build(vec![(registry(), Call::SettleBounty { guid: guid.parse().unwrap() })])
            }
            ["POST", "transactions"] => self.take(body["transactions"][0].as_str().unwrap()),
            ["GET", "transactions"] => self.receipt(body["transactions"][0].as_str().unwrap()),
            _ => return None,
        })
    }

    fn build(&mut self, calls: Vec<(Address, Call)>) -> ScriptedReply {
        let mut transactions: Vec<Value> = calls
            .into_iter()
            .enumerate()
            .map(|(nonce, (to, call))| {
                let data: String = call.encode().iter().map(|byte| format!("{byte:02x}")).collect();
                json!({
                    "nonce": nonce, "chainId": CHAIN_ID, "gas": 50_000_000, "gasPrice": 0, "to": to.to_string(), "value": 0,
                    "data": format!("0x{data}"),
                })
            })
            .collect();
        if let Some(lie) = &mut self.lie {
            lie(&mut transactions);
        }
        ScriptedReply::Ok(json!({ "transactions": transactions, "nonce": 7 }))
    }

    fn take(&mut self, raw: &str) -> ScriptedReply {
        self.posted.push(raw.to_owned());
        let bytes: Vec<u8> =
            (0..raw.len()).step_by(2).map(|i| u8::from_str_radix(&raw[i..i + 2], 16).unwrap()).collect();
        let transaction = SignedLegacyTransaction::decode(&bytes).unwrap();
        assert_eq!(transaction.sender().unwrap(), address(1));
        let (hash, nonce) = (transaction.hash(), transaction.transaction().nonce);
        let error = |message: &str| {
            let message =
                format!("Invalid transaction error for tx {hash}: {{'code': -32000, 'message': '{message}'}}");
            ScriptedReply::Fail(400, json!([{ "is_error": true, "message": message }]))
        };
        if nonce < self.mined {
            return error("nonce too low");
        }
        match self.pool.get(&nonce) {
            Some(waiting) if waiting.hash() == hash => return error("known transaction: ab"),
            Some(_) => return error("replacement transaction underpriced"),
            None if self.forgets > 0 => self.forgets -= 1,
            None => drop(self.pool.insert(nonce, transaction)),
        }
        ScriptedReply::Ok(json!([{ "is_error": false, "message": hash.to_string() }]))
    }

    pub(crate) fn mine(&mut self) {
        while !self.stands_still {
            let Some(transaction) = self.pool.remove(&self.mined) else { return };
            self.done.insert(transaction.hash(), (transaction, !self.reverts));
            self.mined += 1;
        }
    }

    fn receipt(&mut self, hash: &str) -> ScriptedReply {
        self.mine();
        let errors =
            |text: &str| ScriptedReply::Fail(400, json!({ "errors": [format!("transaction {hash}: {text}")] }));
        match self.done.get(&hash.parse::<B256>().unwrap()) {
            None => errors("timeout during wait for receipt"),
            Some((_, false)) => errors("transaction failed at block 7, check parameters"),
            Some((transaction, true)) => {
                ScriptedReply::Ok(events(&Call::decode(&transaction.transaction().data).unwrap()))
            }
        }
    }
}

fn number(value: &Value) -> U256 {
    value.as_str().unwrap().parse().unwrap()
}

fn bits(value: &Value) -> U256 {
    serde_json::from_value::<ArtifactBits>(value.clone()).unwrap().to_number()
}

fn assertion(guid: Guid, body: &Value) -> Vec<(Address, Call)> {
    let nct = |value: &Value| daemon_base::Nct::from_base_units(value.as_str().unwrap().parse().unwrap());
    let bids = match &body["bid"] {
        Value::Array(list) => Bids::Each(list.iter().map(nct).collect()),
        bid => Bids::Single(nct(bid)),
    };
    let amount = U256::from(bids.sum().unwrap().base_units() + FEE);
    let (mask, commitment) = (bits(&body["mask"]), number(&body["commitment"]));
    vec![
        (token(), Call::Approve { spender: registry(), amount }),
        (registry(), Call::PostAssertion { guid, bids, mask, commitment }),
    ]
}

fn events(call: &Call) -> Value {
    match call {
        Call::PostAssertion { guid, bids, mask, commitment } => {
            let bids: Vec<String> = bids.as_slice().iter().map(|bid| bid.base_units().to_string()).collect();
            json!({ "assertions": [{
                "bounty_guid": guid.to_string(), "author": address(1).to_string(), "index": 3, "bid": bids,
                "mask": ArtifactBits::from_number(*mask, 2), "commitment": commitment.to_string(),
            }] })
        }
        Call::SettleBounty { .. } => json!({ "transfers": [{
            "from": registry().to_string(), "to": address(1).to_string(), "value": "5",
        }] }),
        _ => json!({}),
    }
}
