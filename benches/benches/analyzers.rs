//! What one analyzer costs, bare: no file, no triage, no weighing.
//!
//! Sketch: an analyzer passes over all bytes about twice (entropy, text), so 1 to 2 ms a MB on one core; small
//! files cost the headers and the reset of scratch memory, some microseconds.

use std::hint::black_box;

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use specimens::pe::{CODE, DATA, noise, plain_code};
use specimens::{elf, pe};

fn analyze(analyzer: &mut dyn Analyzer, bytes: &[u8]) -> usize {
    let kind = triage::triage(bytes);
    let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    analyzer.analyze(Sample { bytes, kind }, &mut findings);
    findings.finish().0.evidence.len()
}

fn bench(c: &mut Criterion, name: &str, analyzer: &mut dyn Analyzer, files: &[(&str, Vec<u8>)]) {
    let mut group = c.benchmark_group(name);
    for (what, bytes) in files {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(what), bytes, |b, bytes| {
            b.iter(|| analyze(analyzer, black_box(bytes)));
        });
    }
    group.finish();
}

fn pe_analyzer(c: &mut Criterion) {
    let text = b"An ordinary program says ordinary things to whoever reads it.\0".repeat(16 << 10);
    let files = [
        ("small", pe::ordinary().build()),
        ("code 1 MiB", pe::pe().section(".text", CODE, plain_code(1 << 20)).build()),
        ("text 1 MiB", pe::pe().section(".data", DATA, text).build()),
        ("noise 1 MiB", pe::pe().section(".data", DATA, noise(1 << 20)).build()),
    ];
    bench(c, "pe", &mut analyzers_pe::Pe::default(), &files);
}

fn elf_analyzer(c: &mut Criterion) {
    let text = b"An ordinary program says ordinary things to whoever reads it.\0".repeat(16 << 10);
    let files = [
        ("small", elf::ordinary().build()),
        ("code 1 MiB", elf::elf().load(elf::R | elf::X, plain_code(1 << 20)).build()),
        ("text 1 MiB", elf::elf().load(elf::R, text).build()),
        ("noise 1 MiB", elf::elf().load(elf::R | elf::X, elf::noise(1 << 20, 1)).build()),
    ];
    bench(c, "elf", &mut analyzers_elf::Elf::default(), &files);
}

criterion_group!(benches, pe_analyzer, elf_analyzer);
criterion_main!(benches);
