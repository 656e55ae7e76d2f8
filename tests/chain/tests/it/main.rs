//! Bounties on a real chain: what we sign is taken, and what is paid is what the rules of settlement say.

mod drive;
mod plan;
mod refusals;
mod settles;
mod signer;
mod world;
