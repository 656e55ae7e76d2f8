//! What polyswarmd tells over its websocket: one JSON text a message, `{"event", "data", "block_number", "txhash"}`.
//!
//! Read strictly where money depends on it, and tolerant of everything that has been seen: fields that nobody knows,
//! amounts as numbers or as strings, hashes with and without `0x`, metadata as a list or as the text that it was posted as.
//! An event that nobody knows is [`Parsed::Unknown`], to be told and skipped.

mod kinds;
mod metadata;
#[cfg(test)]
mod tests;

use daemon_transactions::B256;
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use kinds::artifact_type;
pub use kinds::{
    AssertionPosted, BountyPosted, Event, FeeUpdate, InitializedChannel, Reveal, SettledBounty, VoteCast, WindowUpdate,
};
pub use metadata::Metadata;

use crate::lenient;

/// Most bytes of a message that are read at all.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Longest name of an event that is repeated in the log, in characters.
const NAME_CHARS_MAX: usize = 40;

/// A message of the websocket.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    /// What happened.
    pub event: Event,
    /// The block in which it happened, if told: `connected` and `block` come without.
    pub block_number: Option<u64>,
    /// The transaction by which it happened, if told.
    pub txhash: Option<B256>,
}

/// What a message was.
#[derive(Clone, PartialEq, Debug)]
pub enum Parsed {
    /// An event that is known.
    Known(Message),
    /// One that is not: its name, fit to be logged.
    Unknown {
        /// The name of the event.
        name: String,
    },
}

/// Why a message means nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EventError {
    /// It is too long to be read.
    #[error("a message of {0} bytes is longer than the {MESSAGE_BYTES_MAX} that are read")]
    TooLong(usize),
    /// It is not an object with an event.
    #[error("a message is not of the form {{\"event\", \"data\", …}}: {0}")]
    Envelope(String),
    /// Its data is not that of its event.
    #[error("the data of the event `{event}` is not as it should be: {why}")]
    Data {
        /// The event.
        event: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

#[derive(Deserialize)]
struct Envelope<'m> {
    #[serde(borrow)]
    event: std::borrow::Cow<'m, str>,
    #[serde(borrow, default)]
    data: Option<&'m RawValue>,
    #[serde(default, deserialize_with = "lenient::maybe_u64")]
    block_number: Option<u64>,
    // It only says where to look; a bounty is not lost because it is malformed.
    #[serde(borrow, default)]
    txhash: Option<&'m RawValue>,
}

/// Reads a message. Never panics, whatever the bytes are, and keeps no more than they hold.
///
/// # Errors
/// If it is too long, no JSON object, or an event whose data is not as it should be.
pub fn parse(message: &[u8]) -> Result<Parsed, EventError> {
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(EventError::TooLong(message.len()));
    }
    // A struct of serde may be read from a list too, which polyswarmd never writes.
    if !message.trim_ascii_start().starts_with(b"{") {
        return Err(EventError::Envelope("it is no JSON object".to_owned()));
    }
    let envelope: Envelope<'_> =
        serde_json::from_slice(message).map_err(|error| EventError::Envelope(lenient::told(&error)))?;
    let txhash = envelope.txhash.and_then(|raw| lenient::hash(&serde_json::from_str::<String>(raw.get()).ok()?));
    match kinds::read(&envelope.event, envelope.data)? {
        Some(event) => Ok(Parsed::Known(Message { event, block_number: envelope.block_number, txhash })),
        None => Ok(Parsed::Unknown { name: daemon_base::text::shortened(&envelope.event, NAME_CHARS_MAX) }),
    }
}
