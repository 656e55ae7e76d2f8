//! The contract (in the making).
