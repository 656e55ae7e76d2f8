//! Prints what fires: `fire [--weights FILE] < PATHS`, one path per line. For measuring indicators on a corpus.
//!
//! A line per file: path, size, microseconds, probability (or `-`), the ids with their details.

#![allow(clippy::disallowed_methods, reason = "an example reads files")]

use std::io::{BufRead, Write};
use std::time::Instant;

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample, Weights, weigh};
use analyzers_elf::{Elf, catalogue};
use triage::{ByteOrder, ElfKind, ElfType, FileKind, WordSize};

/// The line that the indicators begin at: groups before it may be anybody's.
fn groups_end(text: &str) -> usize {
    text.lines().position(|line| line.starts_with("[indicators]")).unwrap_or(0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let weights = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--weights"), Some(path)) => {
            let text = std::fs::read_to_string(path)?;
            // The file has every analyzer's indicators, and loading wants to know each.
            let foreign = |line: &&str| line.starts_with('"') && !line.starts_with("\"elf.");
            let ours: Vec<&str> = text
                .lines()
                .enumerate()
                .filter(|(at, line)| *at < groups_end(&text) || !foreign(line))
                .map(|(_, line)| line)
                .collect();
            Some(Weights::parse(&ours.join("\n"), catalogue::ALL.iter().copied())?)
        }
        (None, _) => None,
        _ => return Err("usage: fire [--weights FILE] < PATHS".into()),
    };
    // The analyzer reads the header itself; only the family matters to the weighing.
    let kind = FileKind::Elf(ElfKind {
        word_size: WordSize::Odd,
        byte_order: ByteOrder::Odd,
        elf_type: ElfType::Other,
        machine: 0,
    });
    let mut elf = Elf::new();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for path in std::io::stdin().lock().lines() {
        let path = path?;
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let mut record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
        record.layers[0].wanted = true;
        let start = Instant::now();
        let mut findings = Findings::new(record, LayerId::ARTIFACT);
        elf.analyze(Sample { bytes: &bytes, kind }, &mut findings);
        let (record, _) = findings.finish();
        let micros = start.elapsed().as_micros();
        write!(out, "{path}\t{}\t{micros}\t", bytes.len())?;
        match &weights {
            Some(weights) => write!(out, "{:.3}", weigh(&record, weights).p_malicious)?,
            None => write!(out, "-")?,
        }
        for why in &record.incomplete {
            write!(out, "\t{why}")?;
        }
        for limit in record.budget.hit() {
            write!(out, "\tlimit.{}", limit.name())?;
        }
        for seen in &record.evidence {
            write!(out, "\t{} {}", seen.indicator, seen.detail)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
