//! Signed transactions come in, and what became of them goes out.

use alloy_primitives::{B256, hex};
use daemon_transactions::{LegacyTransaction, SignedLegacyTransaction};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::call::RegistryCall;
use super::chain::{PoolError, Transaction};
use super::messages::{EventData, Form, bare};
use super::receipt::Reverted;
use super::reply::{fail, ok};
use super::routes::ApiRequest;
use super::shared::Shared;
use super::world::World;
use crate::http::HttpReply;
use crate::settings::ChainFault;

/// Most transactions of one request.
const TRANSACTIONS_MAX: usize = 10;

/// The body of both requests.
#[derive(Deserialize)]
struct TransactionsBody {
    transactions: Vec<String>,
}

/// What became of a transaction that was posted.
#[derive(Serialize)]
struct PostedTransaction {
    is_error: bool,
    message: String,
}

/// `POST /transactions`
pub(super) fn post(shared: &Shared, asked: &ApiRequest, body: &[u8]) -> HttpReply {
    let is_raw = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let body = match read(body, is_raw) {
        Ok(body) => body,
        Err(why) => return invalid(&why),
    };
    let mut world = shared.world();
    let taken: Vec<PostedTransaction> = body.transactions.iter().map(|raw| take(&mut world, asked, raw)).collect();
    if taken.iter().any(|taken| taken.is_error) { fail(StatusCode::BAD_REQUEST, &taken) } else { ok(&taken) }
}

fn take(world: &mut World, asked: &ApiRequest, raw: &str) -> PostedTransaction {
    match try_take(world, asked, raw) {
        Ok(message) => PostedTransaction { is_error: false, message },
        Err(TransactionRefused { kind, message }) => {
            if let (Some(kind), Some(account)) = (kind, asked.account) {
                world.accounts.refused(account, &kind);
            }
            PostedTransaction { is_error: true, message }
        }
    }
}

/// Why a transaction is not taken.
struct TransactionRefused {
    /// The reason without the hash, so that equal ones are counted together. `None` if it was taken all the same.
    kind: Option<String>,
    message: String,
}

fn try_take(world: &mut World, asked: &ApiRequest, raw: &str) -> Result<String, TransactionRefused> {
    let invalid = |why: String| TransactionRefused { message: format!("Invalid transaction: {why}"), kind: Some(why) };
    let bytes = hex::decode(raw).map_err(|error| invalid(error.to_string()))?;
    let signed = SignedLegacyTransaction::decode(&bytes).map_err(|error| invalid(error.to_string()))?;
    let sender = signed.sender().map_err(|error| invalid(error.to_string()))?;
    let hash = bare(signed.hash());
    let wrong = |what: &str, why: String| TransactionRefused {
        kind: Some(format!("invalid transaction {what}")),
        message: format!("Invalid transaction {what} for tx {hash}: {why}"),
    };
    if asked.account != Some(sender) {
        let expected = asked.account.map_or_else(String::new, |account| account.to_string());
        return Err(wrong("sender", format!("expected {expected} got {sender}")));
    }
    let LegacyTransaction { nonce, to, value, data, chain_id, .. } = signed.transaction();
    let to_token = *to == world.chain.token_address();
    if !to_token && *to != world.chain.registry.address {
        return Err(wrong("recipient", to.to_string()));
    }
    let geth = |kind: Option<&str>, why: &str| TransactionRefused {
        kind: kind.map(str::to_owned),
        message: format!("Invalid transaction error for tx {hash}: {{'code': -32000, 'message': '{why}'}}"),
    };
    if *chain_id != world.settings.chain_id {
        return Err(geth(Some("for another chain"), "invalid sender"));
    }
    let call = if value.is_zero() {
        RegistryCall::decode(data, to_token, world.chain.registry.terms.contract)
    } else {
        RegistryCall::Refused("the contract takes no ether".to_owned())
    };
    let transaction = Transaction { hash: signed.hash(), sender, nonce: *nonce, call };
    if let Err(why) = world.chain.submit(transaction) {
        let kind = if let PoolError::Known(_) = why { "known transaction".to_owned() } else { why.to_string() };
        return Err(geth(Some(&kind), &why.to_string()));
    }
    if world.faults.happens(ChainFault::KnownTransaction) {
        return Err(geth(None, &format!("known transaction: {hash}")));
    }
    Ok(format!("0x{hash}"))
}

/// What is told of transactions: their events by kind, and errors.
#[derive(Default, Serialize)]
struct Results {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
    #[serde(flatten)]
    events: std::collections::BTreeMap<&'static str, Vec<EventData>>,
}

/// `GET /transactions`, which has a body. Answers when all are mined and one more block is there, or time is over.
pub(super) async fn get(shared: &Shared, body: &[u8]) -> HttpReply {
    let is_hash = |text: &String| hash(text).is_some();
    let body = match read(body, is_hash) {
        Ok(body) => body,
        Err(why) => return invalid(&why),
    };
    let mut results = Results::default();
    for hash in body.transactions.iter().filter_map(|text| hash(text)) {
        match wait(shared, hash).await {
            Some(Ok(events)) => {
                for (kind, more) in events {
                    results.events.entry(kind).or_default().extend(more);
                }
            }
            Some(Err((block, why))) => {
                let told = format!("transaction {}: transaction failed at block {block}, error: {why}", bare(hash));
                results.errors.push(told);
            }
            None => results.errors.push(format!("transaction {}: timeout during wait for receipt", bare(hash))),
        }
    }
    if results.errors.is_empty() { ok(&results) } else { fail(StatusCode::BAD_REQUEST, &results) }
}

type Events = std::collections::BTreeMap<&'static str, Vec<EventData>>;

/// What became of a transaction; `None` if that is not known in time.
async fn wait(shared: &Shared, hash: B256) -> Option<Result<Events, (u64, Reverted)>> {
    let time = {
        let mut world = shared.world();
        // A receipt that is delayed is not told before the client has given up once.
        let is_mined = world.chain.receipt(hash).is_some();
        if is_mined && world.hides_receipt(hash) {
            return None;
        }
        world.settings.receipt_time()
    };
    let mut blocks = shared.blocks();
    let told = async {
        loop {
            blocks.borrow_and_update();
            if let Some(told) = look(shared, hash) {
                return Some(told);
            }
            blocks.changed().await.ok()?;
        }
    };
    tokio::time::timeout(time, told).await.ok().flatten()
}

fn look(shared: &Shared, hash: B256) -> Option<Result<Events, (u64, Reverted)>> {
    let world = shared.world();
    let receipt = world.chain.receipt(hash).filter(|receipt| receipt.block < world.chain.block())?;
    // The URIs of metadata, not what they stand for: that is what clients compare.
    let form = Form { one_bid: world.chain.registry.terms.contract.one_bid(), metadata: None };
    Some(match &receipt.outcome {
        Ok(events) => Ok(form.by_kind(events)),
        Err(why) => Err((receipt.block, why.clone())),
    })
}

fn read(body: &[u8], is_right: impl Fn(&String) -> bool) -> Result<TransactionsBody, String> {
    let body: TransactionsBody = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if body.transactions.len() > TRANSACTIONS_MAX {
        return Err(format!("data.transactions must contain less than or equal to {TRANSACTIONS_MAX} items"));
    }
    if !body.transactions.iter().all(is_right) {
        return Err("data.transactions must be hexadecimal digits".to_owned());
    }
    Ok(body)
}

fn invalid(why: &str) -> HttpReply {
    fail(StatusCode::BAD_REQUEST, &format!("Invalid JSON: {why}"))
}

fn hash(text: &str) -> Option<B256> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() != 64 || digits.starts_with("0x") {
        return None;
    }
    hex::decode(digits).ok().map(|bytes| B256::from_slice(&bytes))
}
