//! Transactions of fast polyswarmd: text that is signed as it stands.

mod json;

pub use json::Json;
