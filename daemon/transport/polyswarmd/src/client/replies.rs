//! What polyswarmd replies, as far as a microengine needs it. Fields that nobody knows are passed over.

use daemon_base::Nct;
use daemon_market::ArtifactType;
use daemon_transactions::{Address, Guid, U256, UnsignedTransaction};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::event::{self, Metadata};
use crate::lenient;

/// An artifact of a bounty, by `GET /artifacts/URI`. Both texts are a stranger's.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct ArtifactEntry {
    /// What it is called.
    #[serde(default)]
    pub name: String,
    /// What it is known by, on the server: not necessarily a SHA-256.
    #[serde(default)]
    pub hash: String,
}

/// A bounty, by `GET /bounties/GUID`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct BountyState {
    /// The bounty's guid.
    #[serde(deserialize_with = "lenient::text")]
    pub guid: Guid,
    /// What its artifacts are.
    #[serde(deserialize_with = "event::artifact_type")]
    pub artifact_type: ArtifactType,
    /// Who posted it.
    #[serde(deserialize_with = "lenient::address")]
    pub author: Address,
    /// The reward for all its artifacts together.
    #[serde(deserialize_with = "lenient::nct")]
    pub amount: Nct,
    /// The URI under which its artifacts are listed.
    pub uri: String,
    /// Number of its artifacts, if told. The list under the URI may be longer: what is beyond is no part of the bounty.
    #[serde(default, deserialize_with = "lenient::maybe_u64")]
    pub num_artifacts: Option<u64>,
    /// The first block (on fast: second since 1970) in which no assertion is taken any more.
    #[serde(deserialize_with = "lenient::u64")]
    pub expiration: u64,
    /// Whether arbiters reached a quorum.
    #[serde(default)]
    pub quorum_reached: bool,
    /// The block in which they did; 0 if they did not.
    #[serde(default, deserialize_with = "lenient::maybe_u64")]
    pub quorum_reached_block: Option<u64>,
    /// Metadata of its artifacts.
    #[serde(default)]
    pub metadata: Metadata,
}

/// An assertion, by `GET /bounties/GUID/assertions`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct AssertionState {
    /// The expert.
    #[serde(deserialize_with = "lenient::address")]
    pub author: Address,
    /// The bids.
    #[serde(default, deserialize_with = "lenient::ncts")]
    pub bid: Vec<Nct>,
    /// The artifacts it is about.
    #[serde(deserialize_with = "lenient::bools")]
    pub mask: Vec<bool>,
    /// The commitment to its verdicts.
    #[serde(deserialize_with = "lenient::u256")]
    pub commitment: U256,
    /// The nonce of the commitment: 0 as long as it is not revealed.
    #[serde(deserialize_with = "lenient::u256")]
    pub nonce: U256,
    /// The verdicts, `None` as long as they are not revealed.
    #[serde(default, deserialize_with = "revealed")]
    pub verdicts: Option<Vec<bool>>,
    /// What the expert says about the artifacts.
    #[serde(default)]
    pub metadata: Metadata,
}

impl AssertionState {
    /// Whether it was revealed.
    pub fn is_revealed(&self) -> bool {
        !self.nonce.is_zero()
    }
}

/// A vote, by `GET /bounties/GUID/votes`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct VoteState {
    /// The arbiter.
    #[serde(deserialize_with = "lenient::address")]
    pub voter: Address,
    /// True where an artifact is malicious.
    #[serde(deserialize_with = "lenient::bools")]
    pub votes: Vec<bool>,
}

/// Transactions that polyswarmd built. Not to be signed before they are checked.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct BuiltTransactions {
    /// The transactions, in the order in which they have to be mined.
    #[serde(deserialize_with = "few")]
    pub transactions: Vec<UnsignedTransaction>,
}

/// Most transactions that one reply may hold: polyswarmd builds two at most, and posts ten.
const TRANSACTIONS_MAX: usize = 10;

/// What became of one posted transaction, by `POST /transactions`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct PostResult {
    /// Whether the node refused it.
    #[serde(default)]
    pub(super) is_error: bool,
    /// Its hash, or why it was refused. A stranger's text.
    #[serde(default)]
    pub(super) message: String,
}

/// The events of mined transactions, by `GET /transactions`, as far as they concern an expert.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct MinedEvents {
    /// Assertions that were posted.
    #[serde(default, deserialize_with = "bounded")]
    pub assertions: Vec<event::AssertionPosted>,
    /// Assertions that were revealed.
    #[serde(default, deserialize_with = "bounded")]
    pub reveals: Vec<event::Reveal>,
    /// NCT that moved.
    #[serde(default, deserialize_with = "bounded")]
    pub transfers: Vec<Transfer>,
}

/// NCT that moved from one account to another.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Transfer {
    /// Who paid.
    #[serde(deserialize_with = "lenient::address")]
    pub from: Address,
    /// Who was paid.
    #[serde(deserialize_with = "lenient::address")]
    pub to: Address,
    /// How much.
    #[serde(deserialize_with = "lenient::nct")]
    pub value: Nct,
}

/// Balances on fast polyswarmd, by `GET /wallets/ADDRESS/`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Wallet {
    /// NCT.
    #[serde(deserialize_with = "lenient::nct")]
    pub nct: Nct,
    /// Ether, in wei.
    #[serde(default, deserialize_with = "lenient::nct")]
    pub eth: Nct,
}

/// Verdicts are nulls as long as they are not revealed.
fn revealed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<bool>>, D::Error> {
    let list = Option::<lenient::BoundedList<Option<bool>>>::deserialize(deserializer)?;
    Ok(list.and_then(|list| list.0.into_iter().collect()))
}

fn bounded<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    lenient::BoundedList::deserialize(deserializer).map(|list| list.0)
}

fn few<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let list: Vec<T> = bounded(deserializer)?;
    if list.len() > TRANSACTIONS_MAX {
        return Err(serde::de::Error::custom("more transactions than any request needs"));
    }
    Ok(list)
}

/// Why posted transactions were refused: what `POST /transactions` says for each, under `errors`.
pub(super) fn post_results(errors: &RawValue) -> Option<Vec<PostResult>> {
    serde_json::from_str::<lenient::BoundedList<PostResult>>(errors.get()).ok().map(|list| list.0)
}

/// Why receipts could not be had: `{"errors": […]}` with other keys, or the list by itself, or one text.
pub(super) fn receipt_errors(errors: &RawValue) -> Vec<String> {
    #[derive(Deserialize)]
    struct Wrapped {
        #[serde(default)]
        errors: Vec<String>,
    }
    let text = errors.get();
    if let Ok(one) = serde_json::from_str::<String>(text) {
        return vec![one];
    }
    serde_json::from_str::<Vec<String>>(text)
        .or_else(|_| serde_json::from_str::<Wrapped>(text).map(|wrapped| wrapped.errors))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ACCOUNT: &str = "0xF2E246BB76DF876Cef8b38ae84130F4F55De395b";
    const GUID: &str = "7f6a1210-9c15-4707-aed3-1a2d587d3374";

    fn samples() -> [serde_json::Value; 6] {
        let assertion = json!({
            "author": ACCOUNT, "mask": [true, false], "commitment": "7", "nonce": "0", "verdicts": [null, null],
            "metadata": "", "bid": ["1"],
        });
        [
            json!({
                "guid": GUID, "artifact_type": "url", "author": ACCOUNT, "amount": "5", "uri": "QmTest", "num_artifacts": 2,
                "expiration": 118, "assigned_arbiter": ACCOUNT, "quorum_reached": false, "quorum_reached_block": 0,
                "quorum_mask": [false, false], "metadata": [{ "protocol": "https", "uri": "example.com" }],
            }),
            json!([assertion]),
            json!([{ "voter": ACCOUNT, "votes": [true, false], "valid_bloom": true }]),
            json!({ "transactions": [{
                "nonce": 0, "chainId": 1337, "gas": 50_000_000, "gasPrice": 0, "to": ACCOUNT, "value": 0, "data": "0x5592d687",
            }] }),
            json!({ "transfers": [{ "from": ACCOUNT, "to": ACCOUNT, "value": "5" }], "assertions": [], "reveals": [{
                "bounty_guid": GUID, "author": ACCOUNT, "index": 0, "nonce": "5", "verdicts": [true], "metadata": "x",
            }] }),
            json!({ "errors": ["transaction ab: receipt not available"], "transfers": [] }),
        ]
    }

    /// Everything that a reply may be read as; how many could be.
    fn read_all(text: &str) -> usize {
        let errors = RawValue::from_string(text.to_owned())
            .ok()
            .map(|raw| receipt_errors(&raw).len() + post_results(&raw).map_or(0, |results| results.len()));
        usize::from(serde_json::from_str::<BountyState>(text).is_ok())
            + usize::from(serde_json::from_str::<lenient::BoundedList<AssertionState>>(text).is_ok())
            + usize::from(serde_json::from_str::<lenient::BoundedList<VoteState>>(text).is_ok())
            + usize::from(serde_json::from_str::<BuiltTransactions>(text).is_ok())
            + usize::from(serde_json::from_str::<MinedEvents>(text).is_ok())
            + usize::from(serde_json::from_str::<Wallet>(text).is_ok())
            + errors.unwrap_or(0)
    }

    #[test]
    fn every_reply_of_polyswarmd_is_read() {
        for sample in samples() {
            assert!(read_all(&sample.to_string()) > 0, "{sample}");
        }
        let [bounty, assertions, ..] = samples();
        let bounty: BountyState = serde_json::from_str(&bounty.to_string()).unwrap();
        assert_eq!((bounty.num_artifacts, bounty.metadata.of(0).unwrap().len()), (Some(2), 2));
        let assertions: lenient::BoundedList<AssertionState> = serde_json::from_str(&assertions.to_string()).unwrap();
        assert!(!assertions.0[0].is_revealed() && assertions.0[0].verdicts.is_none());
    }

    #[test]
    fn lists_are_no_longer_than_any_bounty() {
        let [_, assertions, votes, built, ..] = samples();
        let many = |value: &serde_json::Value, count: usize| {
            serde_json::Value::Array(vec![value[0].clone(); count]).to_string()
        };
        assert!(serde_json::from_str::<lenient::BoundedList<AssertionState>>(&many(&assertions, 256)).is_ok());
        assert!(serde_json::from_str::<lenient::BoundedList<AssertionState>>(&many(&assertions, 257)).is_err());
        assert!(serde_json::from_str::<lenient::BoundedList<VoteState>>(&many(&votes, 257)).is_err());
        let transactions = json!({ "transactions": vec![built["transactions"][0].clone(); 11] }).to_string();
        assert!(serde_json::from_str::<BuiltTransactions>(&transactions).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            read_all(&text);
        }

        /// A byte of a reply that is wrong, left out or put in makes no panic.
        #[test]
        fn no_change_of_a_reply_panics(sample in 0usize..6, place: prop::sample::Index, byte in 0u8..128, change in 0usize..3) {
            let mut bytes = samples()[sample].to_string().into_bytes();
            let place = place.index(bytes.len());
            match change {
                0 => bytes[place] = byte,
                1 => { bytes.remove(place); }
                _ => bytes.insert(place, byte),
            }
            read_all(&String::from_utf8_lossy(&bytes));
        }
    }
}
