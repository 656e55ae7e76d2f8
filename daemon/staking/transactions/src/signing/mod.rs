//! What the signer is asked over its socket, and what it answers: one line of JSON each.
//!
//! The signer signs only what it understands: a request says what is wanted and carries the transactions that
//! polyswarmd built for it; the signer decodes these and compares. Nobody can ask for the signature of a bare hash.
//!
//! ```
//! use daemon_transactions::signing::{Answer, Ask, SignerReply, SignerRequest, from_line, to_line};
//!
//! let request = SignerRequest { id: 7, ask: Ask::Status };
//! let line = to_line(&request);
//! assert_eq!(line, b"{\"id\":7,\"ask\":\"status\"}\n");
//! assert_eq!(from_line::<SignerRequest>(&line), Ok(request));
//!
//! let refused = br#"{"id":7,"reply":{"refused":{"code":"over_day","reason":"0.5 NCT more than today's limit"}}}"#;
//! let answer: Answer = from_line(refused).unwrap();
//! assert!(matches!(answer.reply, SignerReply::Refused(refusal) if refusal.code.is_over_limit()));
//! ```

mod answer;
mod request;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use answer::{
    Answer, ChainStatus, ClaimSignature, FastPayload, Refusal, RefusalCode, SignedTransaction, SignerReply,
    SpendingLimits, Spent, Status,
};
pub use request::{Ask, Bids, ClaimMessage, FastAssertion, FastVote, SignTransactions, SignerRequest, Wanted};

/// Longest line, in bytes, with its end. The largest request is a reveal of 256 artifacts or an assertion with 256
/// bids, which is below 64 KiB.
pub const LINE_MAX: usize = 128 * 1024;

/// Why a line is not a message.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LineError {
    /// The line is longer than [`LINE_MAX`].
    #[error("the line has {0} bytes, and may have {LINE_MAX}")]
    TooLong(usize),
    /// The line is not the JSON of such a message.
    #[error("the line is not understood: {0}")]
    Form(String),
}

/// A message as a line, with its end.
///
/// # Panics
///
/// If the message cannot be JSON at all: every message of this module can.
#[must_use]
pub fn to_line<T: Serialize>(message: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).expect("messages have text keys and no fallible parts");
    line.push(b'\n');
    line
}

/// The message that a line holds, with or without its end.
///
/// # Errors
///
/// If the line is too long, or is not the JSON of a message.
pub fn from_line<T: DeserializeOwned>(line: &[u8]) -> Result<T, LineError> {
    if line.len() > LINE_MAX {
        return Err(LineError::TooLong(line.len()));
    }
    serde_json::from_slice(line).map_err(|error| LineError::Form(error.to_string()))
}

#[cfg(test)]
mod tests;
