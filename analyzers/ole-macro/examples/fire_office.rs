//! Prints what fires: `fire_office [--weights FILE] < PATHS`, one path per line. For measuring indicators on a corpus.
//!
//! Prints one line per file: path, kind, size, microseconds, probability (or `-`), then the reasons why it is
//! incomplete, and the ids with their details. With `--times N`, each file is scanned N times and the median is
//! printed. Children are not scanned.

#![allow(clippy::disallowed_methods, reason = "an example reads files")]

use std::io::{BufRead, Write};
use std::time::Instant;

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample, Weights, weigh};
use analyzers_ole_macro::{Office, catalogue};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut weights = None;
    let mut times = 1;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().ok_or("usage: fire_office [--weights FILE] [--times N] < PATHS")?;
        match argument.as_str() {
            "--weights" => {
                let all = catalogue::CATALOGUE.iter().copied().flatten().copied();
                weights = Some(Weights::parse(&std::fs::read_to_string(value)?, all)?);
            }
            "--times" => times = value.parse::<usize>()?.max(1),
            _ => return Err("usage: fire_office [--weights FILE] [--times N] < PATHS".into()),
        }
    }
    let mut office = Office;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for path in std::io::stdin().lock().lines() {
        let path = path?;
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let kind = triage::triage(&bytes);
        if !office.wants(kind) {
            writeln!(out, "{path}\t{}\tnot wanted", kind.name())?;
            continue;
        }
        let mut turns = Vec::with_capacity(times);
        let mut last = None;
        for _ in 0..times {
            let mut record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
            record.layers[0].wanted = true;
            let start = Instant::now();
            let mut findings = Findings::new(record, LayerId::ARTIFACT);
            office.analyze(Sample { bytes: &bytes, kind }, &mut findings);
            let (record, children) = findings.finish();
            turns.push(start.elapsed());
            last = Some((record, children.len()));
        }
        turns.sort_unstable();
        let micros = turns[times / 2].as_micros();
        let (record, children) = last.expect("a file is examined at least once");
        write!(out, "{path}\t{}\t{}\t{micros}\t", kind.name(), bytes.len())?;
        match &weights {
            Some(weights) => write!(out, "{:.3}", weigh(&record, weights).p_malicious)?,
            None => write!(out, "-")?,
        }
        write!(out, "\tchildren {children}")?;
        for why in &record.incomplete {
            write!(out, "\t{why}")?;
        }
        for limit in record.budget.hit() {
            write!(out, "\tlimit.{}", limit.name())?;
        }
        for seen in &record.evidence {
            let layer = record.layers.get(seen.layer.index()).map_or("", |layer| layer.name.as_str());
            write!(out, "\t{} [{layer}] {}", seen.indicator, seen.detail)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
