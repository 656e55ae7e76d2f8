//! Measures a start with a warm cache: median of many loads of N small rule files and a bundle of M megabytes.
//!
//! `cargo run --release -p daemon-rules --example warm_start -- 2056 16`

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::time::Instant;

use daemon_rules::{Cache, Compiler, Options, Survey, digest, load};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let (files, megabytes) =
        (arguments.next().transpose()?.unwrap_or(2056), arguments.next().transpose()?.unwrap_or(16));
    let home = tempfile::tempdir()?;
    for number in 0..files {
        let directory = home.path().join(format!("rules/{}", number % 40));
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join(format!("{number}.yar")), format!("rule r{number} {{ condition: true }}"))?;
    }
    let bytes = megabytes << 20;
    let script = format!(
        "/usr/bin/head -c {bytes} /dev/urandom; echo '{{\"done\":{{\"bundle_bytes\":{bytes},\"withheld\":0}}}}' >&2"
    );
    let options = Options {
        directories: vec![home.path().join("rules")],
        shipped: true,
        cache: Some(home.path().join("cache")),
        compiler: Compiler::new("/bin/sh", ["-c", &script]),
        compiler_key: "example".into(),
    };
    let start = Instant::now();
    let source_digest = load(&options)?.source_digest;
    println!("cold, with a compiler that only writes: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let cache = Cache::open(options.cache.as_deref().expect("set just above"))?;
    median("all of it", || assert!(load(&options).expect("it loaded before").from_cache));
    median("survey", || drop(Survey::take(&options.directories)));
    let survey = Survey::take(&options.directories)?;
    median("rules we ship, unmasked", || drop(daemon_rules::shipped()));
    median("digest", || drop(digest(&survey, &daemon_rules::shipped(), "example").to_string()));
    median("cache, checked", || assert!(cache.get(&source_digest).is_ok_and(|cached| cached.is_some())));
    Ok(())
}

/// Wall time, and time on the processor, which does not depend on who else is at work.
fn median(what: &str, mut once: impl FnMut()) {
    let (mut walls, mut processor) = (Vec::new(), Vec::new());
    for _ in 0..51 {
        let (start, before) = (Instant::now(), on_processor());
        once();
        processor.push(on_processor() - before);
        walls.push(start.elapsed().as_secs_f64() * 1e3);
    }
    walls.sort_by(f64::total_cmp);
    processor.sort_by(f64::total_cmp);
    println!("{what}: median {:.2} ms, on the processor {:.2} ms, of {}", walls[25], processor[25], walls.len());
}

/// Milliseconds that this thread has spent on a processor.
fn on_processor() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has this file");
    let nanoseconds: f64 = statistics.split(' ').next().and_then(|first| first.parse().ok()).expect("it is a number");
    nanoseconds / 1e6
}
