//! Tells what the files below some paths are: `cargo run --release --example sweep -- [--plain|--uring] PATH...`

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example prints")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use daemon_walk::{Mode, Policy, sweep};

fn main() {
    let mut mode = Mode::Auto;
    let mut paths = Vec::new();
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--plain") => mode = Mode::Plain,
            Some("--uring") => mode = Mode::Uring,
            _ => paths.push(argument),
        }
    }
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let summary = sweep(paths, &Policy::default(), mode, &mut |_entry, kind| {
        *counts.entry(kind.name()).or_default() += 1;
        ControlFlow::Continue(())
    });
    for (kind, count) in counts {
        println!("{count:>8} {kind}");
    }
    for (path, why) in &summary.walk.unreadable.named {
        eprintln!("{}: {why}", path.display());
    }
    println!("{} files, {} through io_uring, {:?}", summary.triaged, summary.through_uring, summary.backend);
}
