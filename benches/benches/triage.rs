//! What telling files apart costs once the head is in memory: nanoseconds a head.
//!
//! ```text
//! cargo bench -p benches --bench triage
//! STAKEOUT_BENCH_HEADS=/usr cargo bench -p benches --bench triage     # real heads besides
//! ```
//!
//! The sketch: opening a file and reading its head takes 2,800 ns, so everything here has to stay below a
//! tenth of that. `magic` is the SIMD compare, `magic_scalar` its plain twin; `triage` is the whole answer.
//! Each group is measured over all of its heads in turn, as a walk of a tree would meet them.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]
#![allow(clippy::print_stdout, reason = "a bench says what it measures")]

use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use specimens::cfb::CfbBuilder;
use specimens::zip::ZipBuilder;
use triage::{Candidate, HEAD_BYTES, magic, magic_scalar, triage_window};

/// Real heads are taken from at most this many files, spread over the tree.
const HEADS_MAX: usize = 4096;

/// One file of each sort that a tree is made of.
fn made() -> Vec<(&'static str, Vec<u8>)> {
    let prose = "A line of text, as source files and manuals have them.\n".repeat(100);
    let wide = "Ein Satz mit Umläuten und – natürlich – Gedankenstrichen.\n".repeat(100);
    // The marks of a Python byte code file, then bytes that are no text.
    let noise: Vec<u8> = (0..HEAD_BYTES as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut elf = vec![0; HEAD_BYTES];
    elf[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
    let mut pe = vec![0; HEAD_BYTES];
    pe[..2].copy_from_slice(b"MZ");
    pe[0x3c] = 0x80;
    pe[0x80..0x86].copy_from_slice(b"PE\0\0\x64\x86");
    let docx =
        ZipBuilder::new().entry("[Content_Types].xml", &[b'x'; 400]).entry("word/document.xml", &[b'y'; 8000]).build();
    let doc = CfbBuilder::new().stream("WordDocument", &[0; 9000]).stream("1Table", &[0; 5000]).build();
    vec![
        ("text", prose.into_bytes()),
        ("text-utf8", wide.into_bytes()),
        ("data", noise),
        ("zeros", vec![0; HEAD_BYTES]),
        ("gzip", [&[0x1f, 0x8b, 8], &[7; 4000][..]].concat()),
        ("elf", elf),
        ("pe", pe),
        ("docx", docx),
        ("doc", doc),
        ("shebang", b"#!/usr/bin/env python3\nimport sys\n".to_vec()),
    ]
}

fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(HEAD_BYTES)]
}

fn made_heads(criterion: &mut Criterion) {
    let files = made();
    let mut group = criterion.benchmark_group("triage/made");
    for (name, bytes) in &files {
        group.bench_function(*name, |b| b.iter(|| triage_window(black_box(head(bytes)), &mut &bytes[..])));
    }
    group.finish();
    let heads: Vec<_> = files.iter().map(|(_, bytes)| head(bytes).to_vec()).collect();
    compare(criterion, "magic/made", &heads);
}

/// The table compare and its twin, over all heads.
fn compare(criterion: &mut Criterion, name: &str, heads: &[Vec<u8>]) {
    // 64 bytes each, side by side: what is measured is the compare, not the memory.
    let heads: Vec<[u8; 64]> = heads.iter().filter_map(|head| head.first_chunk().copied()).collect();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(heads.len() as u64));
    group.bench_function("simd", |b| {
        b.iter(|| heads.iter().filter(|head| magic(black_box(&head[..])) == Candidate::NONE).count());
    });
    group.bench_function("scalar", |b| {
        b.iter(|| heads.iter().filter(|head| magic_scalar(black_box(&head[..])) == Candidate::NONE).count());
    });
    group.finish();
}

/// The same over the files of a tree that the caller names. Files whose structure lies beyond their head are
/// told by the head alone: reading on is I/O, and measured by `benches/peers.sh`.
fn real_heads(criterion: &mut Criterion) {
    let Some(root) = std::env::var_os("STAKEOUT_BENCH_HEADS") else { return };
    let mut paths = Vec::new();
    walk(Path::new(&root), &mut paths);
    let step = paths.len().div_ceil(HEADS_MAX).max(1);
    let heads: Vec<Vec<u8>> = paths.iter().step_by(step).filter_map(|path| read_head(path)).collect();
    println!("{} heads of {} files under {}", heads.len(), paths.len(), root.display());
    compare(criterion, "magic/real", &heads);
    let mut group = criterion.benchmark_group("triage/real");
    group.bench_function("head", |b| {
        // A fresh read leaves a head in the cache; here each is copied just before it is judged, untimed.
        let mut next = heads.iter().cycle();
        b.iter_batched_ref(
            || next.next().expect("a cycle does not end").clone(),
            |head| triage_window(head, &mut &head[..]),
            BatchSize::NumIterations(64),
        );
    });
    group.finish();
}

fn walk(folder: &Path, paths: &mut Vec<std::path::PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), paths),
            Ok(kind) if kind.is_file() => paths.push(entry.path()),
            _ => {}
        }
    }
}

fn read_head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD_BYTES as u64).read_to_end(&mut head).ok()?;
    Some(head)
}

criterion_group!(benches, made_heads, real_heads);
criterion_main!(benches);
