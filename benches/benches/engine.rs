//! What an examination costs beyond its analyzers, and what the pool costs beyond examinations.
//!
//! Sketch: most files of a tree are wanted by nobody, so `examine` of a text is the number that a walk multiplies:
//! triage (0.1 to 0.3 us), a record and a report (a few allocations). The pool adds two locks and a wake-up.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use daemon_engine::{Cancel, Limits, Policy, RuleSet, assemble, examine};
use daemon_pool::{ExaminationResult, LookOptions, Pool, PoolConfig, Rules, Work};
use specimens::{elf, pe};

fn examine_files(c: &mut Criterion) {
    let rules = RuleSet::embedded();
    let mut analyzers = assemble(&rules);
    let (limits, cancel) = (Limits::default(), Cancel::default());
    let mut group = c.benchmark_group("examine");
    let files = [
        ("text", b"nothing to see here\n".repeat(200)),
        ("eicar", specimens::eicar()),
        ("pe", pe::ordinary().build()),
        ("elf", elf::ordinary().build()),
    ];
    for (what, bytes) in &files {
        group.bench_function(*what, |b| b.iter(|| examine(black_box(bytes), &mut analyzers, &limits, &cancel)));
    }
    group.finish();
}

/// Work that is done as soon as it is begun.
struct Nothing;

impl Work<u64> for Nothing {
    type Ticket = ();

    fn open(&self, job: u64) -> Option<(OwnedFd, LookOptions, ())> {
        black_box(job);
        None
    }

    fn done(&self, (): (), _: ExaminationResult, _: &RuleSet) {}
}

fn pool(c: &mut Criterion) {
    const JOBS: u64 = 10_000;
    let mut group = c.benchmark_group("pool");
    group.throughput(Throughput::Elements(JOBS));
    for threads in [1, 2] {
        let threads = NonZeroUsize::new(threads).expect("there are threads");
        let (rules, limits, policy) = (Arc::new(RuleSet::embedded()), Limits::default(), Policy::default());
        let rules = Rules::InProcess { rules, limits, policy };
        let config = PoolConfig { threads, queued_max: 256, jobs_ahead: daemon_pool::JOBS_AHEAD_MAX };
        let start = || Pool::start(config, rules.clone(), Nothing).expect("threads can be started");
        group.bench_function(format!("{JOBS} empty jobs, {threads} threads"), |b| {
            b.iter_batched(
                start,
                |pool| {
                    (0..JOBS).for_each(|job| pool.submit(job).expect("the pool is open"));
                    pool.finish();
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, examine_files, pool);
criterion_main!(benches);
