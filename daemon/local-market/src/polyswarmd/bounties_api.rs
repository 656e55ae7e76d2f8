//! What is asked about bounties and artifacts.

use alloy_primitives::U256;
use daemon_transactions::{Address, ArtifactBits, Guid};
use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::artifacts::{ListedArtifact, MarketArtifact, is_assertion_metadata, is_bounty_metadata};
use super::messages::{artifact_type, bits};
use super::registry::{self, RegistryBounty};
use super::reply::{bytes, fail, ok};
use super::routes::ApiRequest;
use super::shared::Shared;
use super::world::World;
use crate::http::HttpReply;

/// Bounties of a page, and most pages of one request: `PAGE_SIZE` of the contract and a constant of polyswarmd.
const PAGE: u64 = 25;
const PAGES_MAX: u64 = 3;
/// The address of nobody.
const NOBODY: Address = Address::from_bytes([0; Address::LENGTH]);

/// `GET /artifacts/<uri>`
pub(super) fn artifacts(shared: &Shared, uri: &str) -> HttpReply {
    let world = shared.world();
    match world.store.artifacts(uri) {
        Some(artifacts) => {
            let list: Vec<ListedArtifact<'_>> = artifacts.iter().map(MarketArtifact::listed).collect();
            ok(&list)
        }
        None if world.store.document(uri).is_some() => ok(&[ListedArtifact { name: "", hash: uri }]),
        None => fail(StatusCode::NOT_FOUND, &format!("Artifact with URI {uri} not found")),
    }
}

/// `GET /artifacts/<uri>/<index>`
pub(super) fn artifact(shared: &Shared, uri: &str, index: usize) -> HttpReply {
    let world = shared.world();
    let artifact = world.store.artifacts(uri).and_then(|artifacts| artifacts.get(index));
    let document = || world.store.document(uri).filter(|_| index == 0).map(|document| document.to_string().into());
    match artifact.map(|artifact| artifact.bytes.clone()).or_else(document) {
        Some(found) => bytes(found),
        None => fail(StatusCode::NOT_FOUND, &format!("Artifact with URI {uri}/{index} not found")),
    }
}

/// `GET /bounties`
pub(super) fn guids(shared: &Shared, asked: &ApiRequest) -> HttpReply {
    let count = asked.count.unwrap_or(PAGE);
    if !count.is_multiple_of(PAGE) || count / PAGE > PAGES_MAX {
        return fail(StatusCode::BAD_REQUEST, &format!("Count must be a multiple of page size {PAGE}"));
    }
    let world = shared.world();
    let first = usize::try_from(asked.page.saturating_mul(count)).unwrap_or(usize::MAX);
    let guids: Vec<Guid> = world
        .chain
        .registry
        .order
        .iter()
        .skip(first)
        .take(usize::try_from(count).unwrap_or(usize::MAX))
        .copied()
        .collect();
    ok(&guids)
}

/// `GET /bounties/<guid>`
pub(super) fn bounty(shared: &Shared, guid: Guid) -> HttpReply {
    #[derive(Serialize)]
    struct Told<'a> {
        guid: Guid,
        artifact_type: &'static str,
        author: Address,
        amount: String,
        uri: &'a str,
        num_artifacts: usize,
        expiration: u64,
        assigned_arbiter: Address,
        quorum_reached: bool,
        quorum_reached_block: u64,
        quorum_mask: ArtifactBits,
        metadata: Option<Value>,
    }
    about(shared, guid, |world, bounty| {
        let metadata =
            (!bounty.metadata.is_empty()).then(|| world.store.substitute(&bounty.metadata, is_bounty_metadata));
        ok(&Told {
            guid,
            artifact_type: artifact_type(bounty.url),
            author: bounty.author,
            amount: bounty.amount.base_units().to_string(),
            uri: &bounty.uri,
            num_artifacts: bounty.num_artifacts,
            expiration: bounty.expiration,
            assigned_arbiter: bounty.assigned.unwrap_or(NOBODY),
            quorum_reached: bounty.quorum_block.is_some(),
            quorum_reached_block: bounty.quorum_block.unwrap_or_default(),
            quorum_mask: bits(bounty.quorum_mask, bounty.num_artifacts),
            metadata,
        })
    })
}

#[derive(Serialize)]
struct ToldAssertion {
    author: Address,
    mask: ArtifactBits,
    commitment: String,
    nonce: String,
    /// Each `null` until they are revealed, in a list of assertions.
    verdicts: Vec<Option<bool>>,
    metadata: Value,
    bid: Value,
}

impl ToldAssertion {
    fn new(
        world: &World,
        bounty: &RegistryBounty,
        assertion: &registry::RegistryAssertion,
        hides: bool,
    ) -> ToldAssertion {
        let verdicts = if hides && assertion.nonce.is_zero() {
            vec![None; bounty.num_artifacts]
        } else {
            let verdicts = bits(assertion.verdicts, bounty.num_artifacts);
            verdicts.as_slice().iter().map(|verdict| Some(*verdict)).collect()
        };
        let bids = || assertion.bids.iter().map(|bid| Value::from(bid.base_units().to_string()));
        let one_bid = world.chain.registry.terms.contract.one_bid();
        ToldAssertion {
            author: assertion.author,
            mask: bits(assertion.mask, bounty.num_artifacts),
            commitment: assertion.commitment.to_string(),
            nonce: assertion.nonce.to_string(),
            verdicts,
            metadata: world.store.substitute(&assertion.metadata, is_assertion_metadata),
            bid: if one_bid { bids().next().unwrap_or_default() } else { bids().collect() },
        }
    }
}

/// `GET /bounties/<guid>/assertions`
pub(super) fn assertions(shared: &Shared, guid: Guid) -> HttpReply {
    about(shared, guid, |world, bounty| {
        let told = bounty.assertions.iter().map(|assertion| ToldAssertion::new(world, bounty, assertion, true));
        ok(&told.collect::<Vec<_>>())
    })
}

/// `GET /bounties/<guid>/assertions/<index>`
pub(super) fn assertion(shared: &Shared, guid: Guid, index: usize) -> HttpReply {
    about(shared, guid, |world, bounty| match bounty.assertions.get(index) {
        Some(assertion) => ok(&ToldAssertion::new(world, bounty, assertion, false)),
        None => fail(StatusCode::NOT_FOUND, &"Assertion not found"),
    })
}

#[derive(Serialize)]
struct ToldVote {
    voter: Address,
    votes: ArtifactBits,
    valid_bloom: bool,
}

impl ToldVote {
    fn new(bounty: &RegistryBounty, vote: &registry::RegistryVote) -> ToldVote {
        ToldVote { voter: vote.voter, votes: bits(vote.votes, bounty.num_artifacts), valid_bloom: vote.valid_bloom }
    }
}

/// `GET /bounties/<guid>/votes`
pub(super) fn votes(shared: &Shared, guid: Guid) -> HttpReply {
    about(shared, guid, |_, bounty| {
        ok(&bounty.votes.iter().map(|vote| ToldVote::new(bounty, vote)).collect::<Vec<_>>())
    })
}

/// `GET /bounties/<guid>/votes/<index>`
pub(super) fn vote(shared: &Shared, guid: Guid, index: usize) -> HttpReply {
    about(shared, guid, |_, bounty| match bounty.votes.get(index) {
        Some(vote) => ok(&ToldVote::new(bounty, vote)),
        None => fail(StatusCode::NOT_FOUND, &"Vote not found"),
    })
}

/// `GET /bounties/<guid>/bloom`: eight numbers of 256 bits, which no JSON library of ours writes as numbers.
pub(super) fn bloom(shared: &Shared, guid: Guid) -> HttpReply {
    #[derive(Serialize)]
    struct Bloom {
        bloom: Vec<Box<serde_json::value::RawValue>>,
    }
    let number = |word: &U256| {
        serde_json::value::RawValue::from_string(word.to_string()).expect("decimal digits are a JSON number")
    };
    about(shared, guid, |_, bounty| ok(&Bloom { bloom: bounty.bloom.to_words().iter().map(number).collect() }))
}

/// `POST /bounties/metadata`
pub(super) fn post_metadata(shared: &Shared, body: &[u8]) -> HttpReply {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    // A client may send the JSON as a text within JSON.
    let document = match parsed {
        Some(Value::String(text)) => serde_json::from_str(&text).ok(),
        other => other,
    };
    match document.filter(|document| is_assertion_metadata(document) || is_bounty_metadata(document)) {
        Some(document) => ok(&shared.world().store.add_document(document)),
        None => fail(StatusCode::BAD_REQUEST, &"Invalid metadata"),
    }
}

/// Answers about a bounty, if there is such a one.
fn about(shared: &Shared, guid: Guid, answer: impl FnOnce(&World, &RegistryBounty) -> HttpReply) -> HttpReply {
    let world = shared.world();
    match world.chain.registry.bounties.get(&guid) {
        Some(bounty) => answer(&world, bounty),
        None => fail(StatusCode::NOT_FOUND, &"Bounty not found"),
    }
}
