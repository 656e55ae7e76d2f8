//! Prints which signs fire on macro text: a line per file with the ids, where each file holds the modules of one
//! project one after another.
//! `cargo run --release -p analyzers-ole-macro --example fire_source -- DIRECTORY…`; totals go to standard error.

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example prints")]
#![allow(clippy::disallowed_methods, reason = "an example reads files")]

use std::time::{Duration, Instant};

use analyzers::{Budget, Cancel, Findings, LayerId, Limits, Record};
use analyzers_ole_macro::source::{Module, examine};
use triage::FileKind;

fn main() -> std::io::Result<()> {
    let (mut files, mut bytes, mut spent) = (0, 0, Duration::ZERO);
    for directory in std::env::args().skip(1) {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            (files, bytes) = (files + 1, bytes + text.len());
            let starts: Vec<usize> = text.match_indices("Attribute VB_Name").map(|(at, _)| at).skip(1).collect();
            let ends = starts.iter().copied().chain([text.len()]);
            let spans = [0].into_iter().chain(starts.iter().copied()).zip(ends);
            let modules: Vec<Module<'_>> =
                spans.map(|(start, end)| Module { name: "Module", source: &text[start..end] }).collect();
            let record = Record::new(FileKind::Data, Budget::new(Limits::default(), Cancel::default()));
            let mut findings = Findings::new(record, LayerId::ARTIFACT);
            let start = Instant::now();
            examine(&modules, &mut findings);
            spent += start.elapsed();
            let (record, _) = findings.finish();
            let mut ids: Vec<&str> = record.evidence.iter().map(|seen| seen.indicator.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            println!("{}\t{}", path.display(), ids.join(" "));
        }
    }
    let us = spent.as_secs_f64() * 1e6;
    eprintln!(
        "{files} files, {bytes} bytes, {spent:?}: {:.1} us a file, {:.0} MB/s",
        us / f64::from(files),
        bytes as f64 / us
    );
    Ok(())
}
