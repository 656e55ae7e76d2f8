//! From which size on is it cheaper to map a file than to read it?
//!
//! Each round opens a cached file, takes its bytes the one way or the other, passes over them once, and closes it.
//! With two threads the clock is the wall and the rounds are shared, so a number half of one thread's is what two
//! independent threads should give: maps fall short of that, because they share the address space's lock and
//! each unmap interrupts the other thread's core. `READ_BYTES_MAX` in `daemon-artifact` comes from here.
//!
//! Sketch: `pread` copies at 10 GB/s from the cache and the pass runs at 15 GB/s, so a MiB is 100 us and 70 us;
//! a map saves the copy once it no longer fits the L2 cache, and pays a fault per 16 pages and the unmap.

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use daemon_artifact::{Scratch, load};

const SIZES_KIB: [usize; 9] = [4, 64, 256, 512, 1024, 2048, 4096, 8192, 16384];

fn round(path: &Path, scratch: &mut Scratch) -> u8 {
    let file = File::open(path).expect("the bench made this file");
    let artifact = load(file.into(), scratch, u64::MAX).expect("a regular file with memory for it");
    // Exclusive or: a pass that runs as fast as memory, where a checked sum would hide what is measured.
    artifact.bytes().iter().fold(0, |all, byte| all ^ byte)
}

fn rounds(path: &Path, read_bytes_max: usize, rounds: u64) -> Duration {
    let mut scratch = Scratch::reading_up_to(read_bytes_max);
    black_box(round(path, &mut scratch));
    let start = Instant::now();
    for _ in 0..rounds {
        black_box(round(path, &mut scratch));
    }
    start.elapsed()
}

/// Shares the rounds among `threads` threads; the slowest tells the time.
fn shared(path: &Path, read_bytes_max: usize, all: u64, threads: u64) -> Duration {
    std::thread::scope(|scope| {
        let each = all.div_ceil(threads);
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(move || rounds(path, read_bytes_max, each))).collect();
        running.into_iter().map(|thread| thread.join().expect("no round panics")).max().unwrap_or_default()
    })
}

fn read_or_map(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for threads in [1, 2] {
        let mut group = criterion.benchmark_group(format!("read_or_map/{threads}_threads"));
        for size in SIZES_KIB.map(|kib| kib << 10) {
            let path = dir.path().join(size.to_string());
            std::fs::write(&path, vec![0xA5; size]).expect("room for a file");
            group.throughput(Throughput::Bytes(size as u64));
            for (way, read_bytes_max) in [("read", size), ("map", 0)] {
                group.bench_function(BenchmarkId::new(way, format!("{}KiB", size >> 10)), |bencher| {
                    bencher.iter_custom(|all| shared(&path, read_bytes_max, all, threads));
                });
            }
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    targets = read_or_map
}
criterion_main!(benches);
