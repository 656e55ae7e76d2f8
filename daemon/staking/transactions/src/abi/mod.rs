//! The functions and events of the contracts, and the one form that their arguments are taken in.

mod contracts;
mod strict;

pub(crate) use contracts::{artifact_amounts, one_bid, registry, token, uri_only, without_type};
pub use strict::AbiError;
pub(crate) use strict::{DATA_MAX, decode_call, decode_call_with_text, decode_log};
