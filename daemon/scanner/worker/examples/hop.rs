//! Measures the cost of passing an artifact to a sandboxed worker and back. Compare with `benches/hop.c`, which does
//! the same without sandbox, watchdog and deadline:
//!
//!     cargo run --release -p daemon-worker --example hop
//!     cc -O2 -o /tmp/hop daemon/scanner/worker/benches/hop.c && /tmp/hop
//!
//! Also prints what starting costs: program start to first reply, and a new worker, from a small template and from a
//! heavy one.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use analyzers::Cancel;
use daemon_worker::{Served, Service, Start, Template, Worker, run};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

const ROUNDS: usize = 10_000;
const WARM: usize = 500;
const SIZE: usize = 64 << 10;
const LIMIT: Duration = Duration::from_secs(5);

/// Sums the bytes of an artifact, mapped or read.
struct Sum {
    mapped: bool,
    buffer: Vec<u8>,
    /// What a fork has to share: as many rules as anybody has take 100 MiB.
    _ballast: Vec<u8>,
}

impl Service for Sum {
    fn equip(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn rehearse(&mut self) {}

    fn serve(&mut self, artifact: OwnedFd, _: &[u8], _: &Cancel, reply: &mut Vec<u8>) -> Served {
        let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        let sum = if self.mapped {
            use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
            // SAFETY: a new private map of a sealed memfd, which is not used after it is unmapped.
            unsafe {
                let map = mmap(std::ptr::null_mut(), SIZE, ProtFlags::READ, MapFlags::PRIVATE, &artifact, 0)
                    .expect("the walls allow private maps");
                let sum = sum(std::slice::from_raw_parts(map.cast::<u8>(), SIZE));
                munmap(map, SIZE).expect("it was just mapped");
                sum
            }
        } else {
            let length = rustix::io::pread(&artifact, &mut self.buffer, 0).expect("a memfd can be read");
            sum(&self.buffer[..length])
        };
        reply.resize(300, 0);
        reply[..8].copy_from_slice(&sum.to_le_bytes());
        Served::Done
    }
}

fn round(worker: &mut Worker, bytes: &[u8], reply: &mut Vec<u8>) -> Duration {
    let begun = Instant::now();
    let memfd = memfd_create("artifact", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("a memfd");
    rustix::io::write(&memfd, bytes).expect("it may grow");
    fcntl_add_seals(&memfd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL).expect("seals");
    worker.send(memfd.as_fd(), b"", LIMIT).expect("there is room");
    worker.receive(Instant::now() + LIMIT, reply).expect("it answers");
    drop(memfd);
    begun.elapsed()
}

fn measure(config: &str) {
    let begun = Instant::now();
    let program = std::env::current_exe().expect("we were executed");
    let start = Start { config: config.as_bytes().to_vec(), args: vec!["template".into()], ..Start::new(program) };
    let template = Template::start(start).expect("a template starts");
    let mut worker = template.worker().expect("a worker");
    let (bytes, mut reply) = (vec![7; SIZE], Vec::new());
    round(&mut worker, &bytes, &mut reply);
    let first = begun.elapsed();
    for _ in 0..WARM {
        round(&mut worker, &bytes, &mut reply);
    }
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| round(&mut worker, &bytes, &mut reply)).collect();
    times.sort();
    let mut births: Vec<Duration> = (0..200)
        .map(|_| {
            let begun = Instant::now();
            drop(template.worker().expect("a worker"));
            begun.elapsed()
        })
        .collect();
    births.sort();
    println!(
        "{config}: p50 {:.1?}, p99 {:.1?}; start to first reply {first:.1?}, of it self-test {:.1?}; a worker's birth \
         and burial {:.1?}",
        times[ROUNDS / 2],
        times[ROUNDS * 99 / 100],
        template.self_test(),
        births[100],
    );
    std::io::stdout().flush().expect("somebody reads");
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("template") {
        return run(|config, _| {
            let ballast = if config == b"heavy" { vec![1; 100 << 20] } else { Vec::new() };
            Ok(Box::new(Sum { mapped: config != b"read", buffer: vec![0; SIZE], _ballast: ballast }))
        });
    }
    for config in ["mapped", "read", "heavy"] {
        measure(config);
    }
    ExitCode::SUCCESS
}
