//! Transactions that polyswarmd builds for an engine to sign.
//!
//! An engine must not sign what it is given without a look. So that this can be tried, three faults change one of the
//! transactions: whom it calls, what it says, or which chain it is for.

use alloy_primitives::U256;
use daemon_market::Nct;
use daemon_transactions::{ArtifactBits, Bloom, Guid, UnsignedTransaction, commitment};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::call::RegistryCall;
use super::registry::Posting;
use super::reply::{fail, ok};
use super::routes::ApiRequest;
use super::shared::Shared;
use super::world::World;
use crate::http::HttpReply;
use crate::settings::ChainFault;

/// Gas of every transaction: polyswarmd's upper bound, for gas costs nothing here.
const GAS: u64 = 50_000_000;
/// Longest metadata of a reveal, and longest decimal number, in bytes: as polyswarmd's schemas have it.
const METADATA_BYTES_MAX: usize = 1_024;
const DIGITS_MAX: usize = 100;

/// What is built.
#[derive(Serialize)]
struct Built {
    transactions: Vec<UnsignedTransaction>,
    /// Where the server chose the nonce of the commitment.
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<Box<serde_json::value::RawValue>>,
}

/// A bid of older contracts, or the list of later ones.
#[derive(Deserialize)]
#[serde(untagged)]
enum Bid {
    One(String),
    Each(Vec<String>),
}

/// `POST /bounties/<guid>/assertions`
pub(super) fn assertion(shared: &Shared, asked: &ApiRequest, guid: Guid, body: &[u8]) -> HttpReply {
    #[derive(Deserialize)]
    struct AssertionBody {
        bid: Bid,
        mask: ArtifactBits,
        verdicts: Option<ArtifactBits>,
        commitment: Option<String>,
    }
    let body: AssertionBody = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(error) => return invalid(&error),
    };
    let Some(account) = asked.account else { return fail(StatusCode::BAD_REQUEST, &"Account must be provided") };
    let bids = match &body.bid {
        Bid::One(bid) => std::slice::from_ref(bid),
        Bid::Each(bids) => bids.as_slice(),
    };
    let Some(bids) = bids.iter().map(|bid| amount(bid)).collect::<Option<Vec<Nct>>>() else {
        return fail(StatusCode::BAD_REQUEST, &"Invalid JSON: data.bid must be decimal digits");
    };
    let mut world = shared.world();
    let terms = world.chain.registry.terms;
    let expected = if terms.contract.one_bid() { 1 } else { body.mask.count() };
    if bids.is_empty() || bids.len() != expected {
        let told = "bid_portions must be equal in length to the number of true mask values";
        return fail(StatusCode::BAD_REQUEST, &told);
    }
    let (commitment, nonce) = match (&body.commitment, &body.verdicts) {
        (Some(text), _) => match number(text) {
            Some(commitment) => (commitment, None),
            None => return fail(StatusCode::BAD_REQUEST, &"Invalid JSON: data.commitment must be decimal digits"),
        },
        (None, Some(verdicts)) => {
            let nonce = world.draw_nonce();
            (commitment(account, nonce, verdicts), Some(nonce))
        }
        (None, None) => {
            return fail(StatusCode::BAD_REQUEST, &"Require verdicts and bid_portions or a commitment");
        }
    };
    let Some(sum) = daemon_transactions::amount::sum(bids.iter().copied().chain([terms.fees.assertion])) else {
        return fail(StatusCode::BAD_REQUEST, &"Invalid assertion bid");
    };
    let approve = RegistryCall::Approve { spender: world.chain.registry.address, amount: sum };
    let post = RegistryCall::PostAssertion { guid, bids, mask: body.mask.to_number(), commitment };
    answer(&mut world, asked, vec![approve, post], nonce)
}

/// `POST /bounties/<guid>/assertions/<index>/reveal`
pub(super) fn reveal(shared: &Shared, asked: &ApiRequest, guid: Guid, index: u64, body: &[u8]) -> HttpReply {
    #[derive(Deserialize)]
    struct RevealBody {
        nonce: String,
        verdicts: ArtifactBits,
        metadata: String,
    }
    let RevealBody { nonce, verdicts, metadata } = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(error) => return invalid(&error),
    };
    let Some(nonce) = number(&nonce) else {
        return fail(StatusCode::BAD_REQUEST, &"Invalid JSON: data.nonce must be decimal digits");
    };
    if metadata.chars().count() > METADATA_BYTES_MAX {
        return fail(
            StatusCode::BAD_REQUEST,
            &"Invalid JSON: data.metadata must be shorter than or equal to 1024 characters",
        );
    }
    let call = RegistryCall::RevealAssertion { guid, index, nonce, verdicts: verdicts.to_number(), metadata };
    answer(&mut shared.world(), asked, vec![call], None)
}

/// `POST /bounties/<guid>/vote`
pub(super) fn vote(shared: &Shared, asked: &ApiRequest, guid: Guid, body: &[u8]) -> HttpReply {
    #[derive(Deserialize)]
    struct VoteBody {
        votes: ArtifactBits,
        valid_bloom: bool,
    }
    match serde_json::from_slice(body) {
        Ok(VoteBody { votes, valid_bloom }) => {
            let call = RegistryCall::VoteOnBounty { guid, votes: votes.to_number(), valid_bloom };
            answer(&mut shared.world(), asked, vec![call], None)
        }
        Err(error) => invalid(&error),
    }
}

/// `POST /bounties/<guid>/settle`
pub(super) fn settle(shared: &Shared, asked: &ApiRequest, guid: Guid) -> HttpReply {
    answer(&mut shared.world(), asked, vec![RegistryCall::SettleBounty { guid }], None)
}

/// `POST /bounties`
pub(super) fn bounty(shared: &Shared, asked: &ApiRequest, body: &[u8]) -> HttpReply {
    #[derive(Deserialize)]
    struct BountyBody {
        artifact_type: String,
        amount: String,
        uri: String,
        duration: u64,
        #[serde(default)]
        metadata: String,
    }
    let body: BountyBody = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(error) => return invalid(&error),
    };
    let artifact_type = match body.artifact_type.as_str() {
        "file" => 0,
        "url" => 1,
        _ => return fail(StatusCode::BAD_REQUEST, &"Invalid JSON: data.artifact_type must be one of ['file', 'url']"),
    };
    let Some(amount) = amount(&body.amount) else {
        return fail(StatusCode::BAD_REQUEST, &"Invalid JSON: data.amount must be decimal digits");
    };
    let mut world = shared.world();
    let Some(artifacts) = world.store.artifacts(&body.uri) else {
        return fail(StatusCode::INTERNAL_SERVER_ERROR, &"Failed to check artifact uri");
    };
    let artifact_count = artifacts.len() as u64;
    let bloom = Bloom::of(artifacts.iter().map(|artifact| artifact.sha256.as_str()));
    let Some(sum) = daemon_transactions::amount::sum([amount, world.chain.registry.terms.fees.bounty]) else {
        return fail(StatusCode::BAD_REQUEST, &"Invalid bounty amount");
    };
    let approve = RegistryCall::Approve { spender: world.chain.registry.address, amount: sum };
    let posting = Posting {
        guid: world.draw_guid(),
        artifact_type,
        amount,
        uri: body.uri,
        artifact_count,
        duration: body.duration,
        bloom,
        metadata: body.metadata,
    };
    answer(&mut world, asked, vec![approve, RegistryCall::PostBounty(Box::new(posting))], None)
}

/// The transactions of these calls, with a fault where one happens.
fn answer(world: &mut World, asked: &ApiRequest, calls: Vec<RegistryCall>, nonce: Option<U256>) -> HttpReply {
    let Some(account) = asked.account else { return fail(StatusCode::BAD_REQUEST, &"Account must be provided") };
    let first = asked.base_nonce.unwrap_or_else(|| world.chain.count(account));
    let (token, registry) = (world.chain.token_address(), world.chain.registry.address);
    let contract = world.chain.registry.terms.contract;
    let mut transactions = Vec::new();
    for (later, call) in (0..).zip(calls) {
        transactions.push(UnsignedTransaction {
            // Whatever was asked for: the client puts its own.
            nonce: first.saturating_add(later),
            chain_id: world.settings.chain_id,
            gas: GAS,
            gas_price: 0,
            to: if matches!(call, RegistryCall::Approve { .. } | RegistryCall::Transfer { .. }) {
                token
            } else {
                registry
            },
            value: 0,
            data: call.encode(contract),
        });
    }
    for transaction in &mut transactions {
        if world.faults.happens(ChainFault::WrongRecipient) {
            transaction.to = World::stranger();
        }
        if world.faults.happens(ChainFault::WrongAmount)
            && let Some(last) = transaction.data.last_mut()
        {
            *last ^= 1;
        }
        if world.faults.happens(ChainFault::WrongChain) {
            transaction.chain_id += 1;
        }
    }
    let nonce = nonce.map(|nonce| {
        serde_json::value::RawValue::from_string(nonce.to_string()).expect("decimal digits are a JSON number")
    });
    ok(&Built { transactions, nonce })
}

fn invalid(error: &serde_json::Error) -> HttpReply {
    fail(StatusCode::BAD_REQUEST, &format!("Invalid JSON: {error}"))
}

/// A number of up to 256 bits in decimal digits.
fn number(text: &str) -> Option<U256> {
    let is_number = (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| U256::from_str_radix(text, 10).ok())?
}

fn amount(text: &str) -> Option<Nct> {
    daemon_transactions::amount::to_nct(number(text)?).ok()
}
