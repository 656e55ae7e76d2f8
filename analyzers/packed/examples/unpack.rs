//! Unpacks programs, and writes what is inside of each into a folder under its name:
//!
//!     cargo run --release -p analyzers-packed --example unpack -- FOLDER FILE…
//!
//! A line for each file says what was seen.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "an example is a program")]

use std::path::Path;

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
use analyzers_packed::Packed;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".".into());
    for path in arguments {
        let bytes = std::fs::read(&path)?;
        let kind = triage::triage(&bytes);
        let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
        let mut findings = Findings::new(record, LayerId::ARTIFACT);
        Packed.analyze(Sample { bytes: &bytes, kind }, &mut findings);
        let (record, children) = findings.finish();
        let seen = record.evidence.iter().map(|seen| seen.indicator.to_string());
        let words: Vec<String> = seen.chain(record.incomplete.iter().map(ToString::to_string)).collect();
        println!("{}: {}", Path::new(&path).display(), words.join(", "));
        for child in children {
            let name = Path::new(&path).file_name().unwrap_or_default();
            std::fs::write(Path::new(&folder).join(name), &child.bytes)?;
        }
    }
    Ok(())
}
