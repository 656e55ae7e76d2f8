//! What goes wrong between an engine and the chain, and how often.

use serde::{Deserialize, Serialize};

use super::faults::Often;

/// A thing that goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainFault {
    /// After a block, every websocket is cut.
    DroppedWebsocket,
    /// A request is answered with 429.
    RateLimited,
    /// A request is answered with 500 and a text that is no JSON.
    ServerError,
    /// A posted transaction is taken, and answered with "known transaction".
    KnownTransaction,
    /// A transaction is mined, but questions about it are answered with a timeout the first time.
    DelayedReceipt,
    /// A transaction is mined and reverted.
    Reverted,
    /// `/nonce` answers with a number that is one too high or, by turns, one too low.
    WrongNonce,
    /// A transaction that an engine is asked to sign calls a contract that nobody knows.
    WrongRecipient,
    /// The amount in it, or else its first argument, is not what was asked for.
    WrongAmount,
    /// It is for another chain.
    WrongChain,
}

impl ChainFault {
    /// All faults.
    pub const ALL: [ChainFault; 10] = [
        ChainFault::DroppedWebsocket,
        ChainFault::RateLimited,
        ChainFault::ServerError,
        ChainFault::KnownTransaction,
        ChainFault::DelayedReceipt,
        ChainFault::Reverted,
        ChainFault::WrongNonce,
        ChainFault::WrongRecipient,
        ChainFault::WrongAmount,
        ChainFault::WrongChain,
    ];

    /// Name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            ChainFault::DroppedWebsocket => "dropped_websocket",
            ChainFault::RateLimited => "rate_limited",
            ChainFault::ServerError => "server_error",
            ChainFault::KnownTransaction => "known_transaction",
            ChainFault::DelayedReceipt => "delayed_receipt",
            ChainFault::Reverted => "reverted",
            ChainFault::WrongNonce => "wrong_nonce",
            ChainFault::WrongRecipient => "wrong_recipient",
            ChainFault::WrongAmount => "wrong_amount",
            ChainFault::WrongChain => "wrong_chain",
        }
    }
}

/// How often each fault happens, of the occasions for it: a share (`0.1`), or a number of first occasions (`3`).
#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChainFaults {
    /// Of blocks.
    pub dropped_websocket: Often,
    /// Of requests.
    pub rate_limited: Often,
    /// Of requests.
    pub server_error: Often,
    /// Of posted transactions.
    pub known_transaction: Often,
    /// Of transactions asked about.
    pub delayed_receipt: Often,
    /// Of mined transactions that were posted.
    pub reverted: Often,
    /// Of questions for it.
    pub wrong_nonce: Often,
    /// Of transactions to sign.
    pub wrong_recipient: Often,
    /// Of transactions to sign.
    pub wrong_amount: Often,
    /// Of transactions to sign.
    pub wrong_chain: Often,
}

impl ChainFaults {
    /// How often this one happens.
    pub fn often(&self, fault: ChainFault) -> Often {
        match fault {
            ChainFault::DroppedWebsocket => self.dropped_websocket,
            ChainFault::RateLimited => self.rate_limited,
            ChainFault::ServerError => self.server_error,
            ChainFault::KnownTransaction => self.known_transaction,
            ChainFault::DelayedReceipt => self.delayed_receipt,
            ChainFault::Reverted => self.reverted,
            ChainFault::WrongNonce => self.wrong_nonce,
            ChainFault::WrongRecipient => self.wrong_recipient,
            ChainFault::WrongAmount => self.wrong_amount,
            ChainFault::WrongChain => self.wrong_chain,
        }
    }
}
