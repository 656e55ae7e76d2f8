//! Prints what is promised against each threat, which test holds it, and what a run showed.
//!
//!     promises ROOT FIGURES [LOG]
//!
//! ROOT is the repository, FIGURES the folder in which tests kept what they measured, LOG what `tests/run` printed so far.
//! Ends with 1 where a threat is neither held by a test that was seen to pass nor told as uncovered.

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example prints")]

use std::path::Path;
use std::process::ExitCode;

use testkit::Threats;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (root, figures, log) = match &args[..] {
        [root, figures] => (root, figures, None),
        [root, figures, log] => (root, figures, Some(log)),
        _ => {
            eprintln!("usage: promises ROOT FIGURES [LOG]");
            return ExitCode::from(2);
        }
    };
    let log = log.map(|log| String::from_utf8_lossy(&std::fs::read(log).expect("the log can be read")).into_owned());
    let mut threats = Threats::read(Path::new(root)).expect("the catalogue can be read");
    print!("{}", threats.table(Path::new(figures), log.as_deref()));
    for mistake in &threats.mistakes {
        eprintln!("FAILED: {mistake}");
    }
    let (all, told) = (threats.threats.len(), threats.uncovered.len());
    let held = threats.threats.iter().filter(|threat| !threat.held_by.is_empty()).count();
    println!("{all} threats, {held} held by tests, {told} of them told as uncovered, wholly or in part");
    if threats.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
