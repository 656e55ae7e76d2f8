//! Everything the archive promises, tried from outside.

/// A child that writes until it is killed.
mod child;
/// What the tests write.
mod make;

/// Both homes of the journal do the same.
mod alike;
/// The daemon's handle: batches, refusals, ends.
mod archive;
/// Assertions on the chain: their steps, and which of them are not done with.
mod assertions;
/// What a full disk does.
mod full;
/// `kill -9` at any moment loses nothing that was acknowledged.
mod kill;
/// Details of old bounties go, and nothing that is counted.
mod let_go;
/// Locks, epochs, schemas: who may open a journal.
mod open;
/// The latest bounties, without a look at older ones.
mod recent;
mod recount;
/// The store of artifacts.
mod store;
/// Damage is found and named.
mod verify;
