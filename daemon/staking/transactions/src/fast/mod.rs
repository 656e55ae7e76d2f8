//! Transactions of fast polyswarmd: text that is signed as it stands.
//!
//! The text is JSON as Python writes it, and the signature is of its Keccak-256, without a prefix. Two texts that mean
//! the same have two signatures, so a text is written in one form, and read in no other.

mod json;
mod python;
#[cfg(test)]
mod tests;

use alloy_primitives::B256;
use daemon_base::Nct;
use serde::Deserialize;

use crate::hash::keccak256;
use crate::{Address, Guid};

pub use json::{Json, JsonNumber};

/// Longest text that is read, in bytes.
const TEXT_MAX: usize = 64 * 1024;

const ASSERTION: &str = "polyswarmtransaction.bounty:AssertionTransaction";
const VOTE: &str = "polyswarmtransaction.bounty:VoteTransaction";
const WITHDRAWAL: &str = "polyswarmtransaction.nectar:WithdrawalTransaction";

/// A transaction of fast polyswarmd.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastTransaction {
    /// Which kind, by the name of the Python class.
    pub name: String,
    /// Who signs it.
    pub from: Address,
    /// What it is about: an object, whose members differ by kind.
    pub data: Json,
}

/// What a transaction says, of the kinds that are known here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FastMessage {
    /// An expert asserts.
    Assertion {
        /// The bounty.
        guid: Guid,
        /// True is malicious.
        verdict: bool,
        /// The stake.
        bid: Nct,
        /// The assertion's metadata.
        metadata: Json,
    },
    /// An arbiter votes.
    Vote {
        /// The bounty.
        guid: Guid,
        /// True is malicious.
        vote: bool,
    },
    /// An account is emptied.
    Withdrawal {
        /// How much.
        amount: Nct,
    },
}

/// Why a text is not a transaction of fast polyswarmd.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FastError {
    /// Too long.
    #[error("the text has {0} bytes, and may have {TEXT_MAX}")]
    TooLong(usize),
    /// Not JSON with `name`, `from` and `data`.
    #[error("the text is no transaction: {0}")]
    Form(String),
    /// It means a transaction, but Python would write it otherwise.
    #[error("the text is not as Python's json.dumps writes it")]
    NotCanonical,
    /// A member of `data` is missing, one too many, or of another type.
    #[error("the data of `{0}` is not what such a transaction has")]
    Data(String),
}

impl FastTransaction {
    /// An assertion, with the bid as a number, as polyswarm-client writes it.
    pub fn assertion(from: Address, guid: Guid, verdict: bool, bid: Nct, metadata: Json) -> FastTransaction {
        let data = vec![
            member("guid", Json::Text(guid.to_string())),
            member("verdict", Json::Bool(verdict)),
            member("bid", Json::Number(bid.base_units().into())),
            member("metadata", metadata),
        ];
        FastTransaction { name: ASSERTION.to_owned(), from, data: Json::Object(data) }
    }

    /// A vote.
    pub fn vote(from: Address, guid: Guid, vote: bool) -> FastTransaction {
        let data = vec![member("guid", Json::Text(guid.to_string())), member("vote", Json::Bool(vote))];
        FastTransaction { name: VOTE.to_owned(), from, data: Json::Object(data) }
    }

    /// The text that is signed and sent.
    pub fn text(&self) -> String {
        python::dumps(&Json::Object(vec![
            member("name", Json::Text(self.name.clone())),
            member("from", Json::Text(self.from.to_string())),
            member("data", self.data.clone()),
        ]))
    }

    /// The hash that is signed.
    pub fn signing_hash(&self) -> B256 {
        keccak256(self.text().as_bytes())
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// If it is no transaction, or is not written as [`FastTransaction::text`] writes it.
    pub fn parse(text: &str) -> Result<FastTransaction, FastError> {
        if text.len() > TEXT_MAX {
            return Err(FastError::TooLong(text.len()));
        }
        let transaction: FastTransaction =
            serde_json::from_str(text).map_err(|error| FastError::Form(error.to_string()))?;
        if transaction.text() == text { Ok(transaction) } else { Err(FastError::NotCanonical) }
    }

    /// What it says.
    ///
    /// # Errors
    ///
    /// If the kind is not known here, or its data has other members than it should.
    pub fn message(&self) -> Result<FastMessage, FastError> {
        let message = match (self.name.as_str(), &self.data) {
            (ASSERTION, Json::Object(data)) => assertion(data),
            (VOTE, Json::Object(data)) => vote(data),
            (WITHDRAWAL, Json::Object(data)) => withdrawal(data),
            _ => None,
        };
        message.ok_or_else(|| FastError::Data(self.name.clone()))
    }
}

fn member(name: &str, value: Json) -> (String, Json) {
    (name.to_owned(), value)
}

fn assertion(data: &[(String, Json)]) -> Option<FastMessage> {
    let [guid, verdict, bid, metadata] = members(data, ["guid", "verdict", "bid", "metadata"])?;
    let Json::Bool(verdict) = verdict else { return None };
    Some(FastMessage::Assertion {
        guid: guid_of(guid)?,
        verdict: *verdict,
        bid: amount_of(bid)?,
        metadata: metadata.clone(),
    })
}

fn vote(data: &[(String, Json)]) -> Option<FastMessage> {
    let [guid, vote] = members(data, ["guid", "vote"])?;
    let Json::Bool(vote) = vote else { return None };
    Some(FastMessage::Vote { guid: guid_of(guid)?, vote: *vote })
}

fn withdrawal(data: &[(String, Json)]) -> Option<FastMessage> {
    let [amount] = members(data, ["amount"])?;
    Some(FastMessage::Withdrawal { amount: amount_of(amount)? })
}

/// The values of exactly these members, whatever their order.
fn members<'d, const N: usize>(data: &'d [(String, Json)], names: [&str; N]) -> Option<[&'d Json; N]> {
    let mut values = [&Json::Null; N];
    for (place, name) in names.into_iter().enumerate() {
        values[place] = data.iter().find(|(member, _)| member == name).map(|(_, value)| value)?;
    }
    (data.len() == N).then_some(values)
}

fn guid_of(value: &Json) -> Option<Guid> {
    let Json::Text(text) = value else { return None };
    text.parse().ok()
}

/// An amount is a number, or decimal digits as text.
fn amount_of(value: &Json) -> Option<Nct> {
    let units = match value {
        Json::Number(number) => number.to_u128(),
        Json::Text(text) if text.bytes().all(|digit| digit.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    units.map(Nct::from_base_units)
}
