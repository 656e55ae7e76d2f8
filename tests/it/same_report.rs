//! Same bytes, rules and limits: same report, times aside, on any number of threads and in any order of files.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use daemon_engine::{Cancel, Limits, Policy, Report, RuleSet, assemble, examine};
use daemon_pool::{ExaminationResult, LookOptions, Pool, PoolConfig, Rules, Work};
use specimens::pe::{CODE, WRITABLE_CODE, noise, pe};
use specimens::{elf, pe};

/// Some of everything, broken ones included.
fn corpus() -> Vec<Vec<u8>> {
    let whole = [
        pe::ordinary().build(),
        pe().section("UPX1", WRITABLE_CODE, noise(20_000)).overlay(noise(5_000)).build(),
        pe().section(".text", CODE, pe::ordinary().build())
            .import("kernel32.dll", &["VirtualAllocEx", "WinExec"])
            .build(),
        elf::ordinary().build(),
        elf::upx_like().upx_magic().build(),
        elf::elf().narrow().big_endian().strings(&["/dev/watchdog", "UDPFLOOD", "198.51.100.9"]).build(),
        specimens::eicar(),
        b"text\n".to_vec(),
        Vec::new(),
    ];
    let cut = |bytes: &Vec<u8>| (1..8).map(|part| bytes[..bytes.len() * part / 8].to_vec()).collect::<Vec<_>>();
    whole.iter().flat_map(cut).chain(whole.iter().cloned()).collect()
}

struct Collecting {
    files: Arc<Vec<Vec<u8>>>,
    collected: Arc<Mutex<BTreeMap<usize, Report>>>,
}

impl Work<usize> for Collecting {
    type Ticket = usize;

    fn open(&self, index: usize) -> Option<(OwnedFd, LookOptions, usize)> {
        let file = daemon_artifact::keep_stream(&*self.files[index], u64::MAX).expect("memory takes a file");
        Some((file, LookOptions::default(), index))
    }

    fn done(&self, index: usize, outcome: ExaminationResult, _: &RuleSet) {
        let report = outcome.expect("the file can be read").examined.report;
        self.collected.lock().expect("nobody panics").insert(index, report);
    }
}

fn in_pool(corpus: &Arc<Vec<Vec<u8>>>, threads: usize, order: impl Iterator<Item = usize>) -> Vec<Report> {
    let reports: Arc<Mutex<BTreeMap<usize, Report>>> = Arc::default();
    let (files, collected) = (Arc::clone(corpus), Arc::clone(&reports));
    let work = Collecting { files, collected };
    let threads = NonZeroUsize::new(threads).expect("there are threads");
    // Time is not under test; a slow machine must not make a difference.
    let limits = Limits { wall_time_max: std::time::Duration::from_secs(3600), ..Limits::default() };
    let config = PoolConfig { threads, queued_max: 16, jobs_ahead: daemon_pool::JOBS_AHEAD_MAX };
    let rules = Rules::InProcess { rules: Arc::new(RuleSet::embedded()), limits, policy: Policy::default() };
    let pool = Pool::start(config, rules, work).expect("threads can be started");
    order.for_each(|index| pool.submit(index).expect("the pool is open"));
    pool.finish();
    Arc::into_inner(reports).expect("the pool is gone").into_inner().expect("nobody panicked").into_values().collect()
}

#[test]
fn threads_and_order_make_no_difference() {
    let corpus = Arc::new(corpus());
    let rules = RuleSet::embedded();
    let limits = Limits { wall_time_max: std::time::Duration::from_secs(3600), ..Limits::default() };
    let alone: Vec<Report> =
        corpus.iter().map(|bytes| examine(bytes, &mut assemble(&rules), &limits, &Cancel::default())).collect();
    assert!(alone.iter().any(|report| report.evidence.len() > 3));
    for threads in [1, 2, 5] {
        assert_eq!(in_pool(&corpus, threads, 0..corpus.len()), alone, "{threads} threads");
        assert_eq!(in_pool(&corpus, threads, (0..corpus.len()).rev()), alone, "{threads} threads, backwards");
    }
}
