//! The program `stakeout-signer`, as a process among others.

mod kills;
mod memory;
mod place;
mod serve;
