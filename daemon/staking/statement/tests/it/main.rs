//! What a report looks like. The archives that it is made of are those of the ledger's own tests.

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "its numbers are its own, and small")]

mod page;
#[path = "../../../ledger/examples/fill_archive/plausible.rs"]
mod plausible;
#[allow(dead_code, reason = "the ledger's tests use all of it")]
#[path = "../../../ledger/tests/it/story.rs"]
mod story;
