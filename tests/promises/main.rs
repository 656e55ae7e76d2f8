//! What is done to an engine for real, and how well it stands it: tests are named after the threats of `threats.toml`.
//!
//! Each measures, and keeps its figure for the table that `tests/run` prints. No time is judged but what is far off:
//! machines that test are busy.

#![allow(clippy::print_stderr, reason = "a test says what it saw")]
#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

/// A running daemon, for tests.
#[allow(dead_code, reason = "shared with the integration tests, which use all of it")]
#[path = "../it/engine.rs"]
mod engine;
/// Starts the program.
#[allow(dead_code, reason = "shared with the integration tests, which use all of it")]
#[path = "../it/program.rs"]
mod program;

/// Files that change while they are examined.
mod bytes;
/// Faults of the machine that one daemon has.
mod faults;
/// What a test measured.
mod figure;
/// Disks, descriptors, memory and clocks.
mod host;
/// Daemons and workers that are killed or stopped.
mod kills;
/// Peers that are slow, lie, or are not who they should be.
mod network;
/// A network that cuts, delays and garbles.
mod proxy;
/// Rule files and directories that are not what they were.
mod rules;
/// Workers that die, hang, or leak.
mod workers;

use std::path::Path;

use testkit::Threats;

#[test]
fn every_threat_is_held_by_tests_or_told_as_uncovered() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let threats = Threats::read(root).expect("the catalogue can be read");
    assert_eq!(threats.mistakes, [""; 0]);
    assert!(threats.threats.iter().all(|threat| !threat.attack.is_empty() && !threat.promise.is_empty()));
}
