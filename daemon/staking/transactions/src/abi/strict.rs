//! Decoding that takes one form only: the one that Solidity's own encoder writes.
//!
//! A contract reads more than that (offsets that overlap, bytes behind the last argument); whoever checks a call before
//! it is signed must not, for two readers could then see two calls.

use alloy_primitives::B256;
use alloy_sol_types::abi::AbiDecoderConfig;
use alloy_sol_types::{SolCall, SolEvent};

/// Longest call and longest data of an event, in bytes. The longest that the registry takes is a bounty with its
/// metadata; 256 bids are 8 KiB.
pub(crate) const DATA_MAX: usize = 64 * 1024;

/// Most memory that the arguments of one call may take.
const MEMORY_MAX: usize = 1024 * 1024;

/// Bytes in a word of the ABI.
const WORD: usize = 32;

/// Why bytes are no call or event of ours.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AbiError {
    /// Longer than any call.
    #[error("{0} bytes are more than any call or event has ({DATA_MAX})")]
    TooLong(usize),
    /// The first four bytes are no function that is known here.
    #[error("no known function begins with 0x{}", alloy_primitives::hex::encode(.0))]
    UnknownFunction(Vec<u8>),
    /// The first topic is no event that is known here.
    #[error("no known event has the topic {0}")]
    UnknownEvent(B256),
    /// An event without topics.
    #[error("the event has no topic")]
    NoTopic,
    /// The arguments are not in the canonical form.
    #[error("the arguments of {function} are not canonical: {reason}")]
    Form {
        /// Name and types.
        function: &'static str,
        /// What the decoder found.
        reason: String,
    },
    /// A number is larger than it can be.
    #[error("{argument} of {function} is too large")]
    Range {
        /// Name and types.
        function: &'static str,
        /// The argument's name.
        argument: &'static str,
    },
}

const fn config() -> AbiDecoderConfig {
    AbiDecoderConfig::new().strict(true).memory_limit(MEMORY_MAX)
}

/// Decodes a call: selector and arguments.
pub(crate) fn decode_call<C: SolCall>(data: &[u8]) -> Result<C, AbiError> {
    let form = |reason: String| AbiError::Form { function: C::SIGNATURE, reason };
    let call = C::abi_decode_with_config(data, config()).map_err(|error| form(error.to_string()))?;
    if call.abi_encode() == data { Ok(call) } else { Err(form("it would be encoded otherwise".to_owned())) }
}

/// Decodes a call whose last argument is a text, which `text` returns.
///
/// eth-abi below version 3, and so every polyswarmd, encodes an empty text as its length and one more word of zeros.
/// With an empty text, and nowhere else, that word is taken.
pub(crate) fn decode_call_with_text<C: SolCall>(data: &[u8], text: fn(&C) -> &str) -> Result<C, AbiError> {
    let strict = decode_call(data);
    if strict.is_ok() {
        return strict;
    }
    let without_padding = data.split_last_chunk::<WORD>().filter(|(_, last)| *last == &[0; WORD]).map(|(rest, _)| rest);
    match without_padding.map(decode_call::<C>) {
        Some(Ok(call)) if text(&call).is_empty() => Ok(call),
        _ => strict,
    }
}

/// Decodes an event of its topics and data.
pub(crate) fn decode_log<E: SolEvent>(topics: &[B256], data: &[u8]) -> Result<E, AbiError> {
    let form = |reason: String| AbiError::Form { function: E::SIGNATURE, reason };
    let event = E::decode_raw_log_with_config(topics.iter().copied(), data, config());
    let event = event.map_err(|error| form(error.to_string()))?;
    let log = event.encode_log_data();
    let is_same = log.topics() == topics && *log.data == *data;
    if is_same { Ok(event) } else { Err(form("it would be encoded otherwise".to_owned())) }
}
