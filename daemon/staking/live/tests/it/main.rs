//! What a running engine shows. The archives that it is made of are those of the ledger's own tests.

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "its numbers are its own, and small")]

mod page;
#[allow(dead_code, reason = "the ledger's tests use all of it")]
#[path = "../../../ledger/tests/it/story.rs"]
mod story;
mod text;
