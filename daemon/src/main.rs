//! stakeout: command line and wiring.

fn main() {}
