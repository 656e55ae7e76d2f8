//! Prints which indicators fire on files: a line per file and per image inside one, its depth, the ids, and why
//! the examination is incomplete, if it is.
//! `cargo run --release -p analyzers-pe --example fire_pe -- DIRECTORY…`; totals go to standard error.

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example prints")]
#![allow(clippy::disallowed_methods, reason = "an example reads files")]

use std::borrow::Cow;
use std::time::{Duration, Instant};

use analyzers::{Analyzer, Budget, Cancel, Findings, Incomplete, LayerId, Limits, Record, Sample};
use analyzers_pe::Pe;
use triage::FileKind;

fn main() -> std::io::Result<()> {
    let (mut pe, mut files, mut bytes, mut spent) = (Pe::default(), 0, 0, Duration::ZERO);
    for directory in std::env::args().skip(1) {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            let content = std::fs::read(&path)?;
            (files, bytes) = (files + 1, bytes + content.len());
            let mut layers = vec![(0, Cow::Borrowed(content.as_slice()))];
            while let Some((depth, layer)) = layers.pop() {
                let record = Record::new(FileKind::Data, Budget::new(Limits::default(), Cancel::default()));
                let mut findings = Findings::new(record, LayerId::ARTIFACT);
                let start = Instant::now();
                pe.analyze(Sample { bytes: &layer, kind: FileKind::Data }, &mut findings);
                spent += start.elapsed();
                let (record, children) = findings.finish();
                let mut ids: Vec<&str> = record.evidence.iter().map(|seen| seen.indicator.as_str()).collect();
                ids.dedup();
                let limits = record.budget.hit().map(Incomplete::Limit);
                let why: Vec<String> = record.incomplete.iter().cloned().chain(limits).map(|w| w.to_string()).collect();
                println!("{}\t{depth}\t{}\t{}", path.display(), ids.join(" "), why.join(" "));
                if depth < 8 {
                    layers.extend(children.into_iter().map(|c| (depth + 1, Cow::Owned(c.bytes.into_owned()))));
                }
            }
        }
    }
    eprintln!("{files} files, {bytes} bytes, {spent:?}, {:.3} ms per MB", spent.as_secs_f64() * 1e9 / bytes as f64);
    Ok(())
}
