//! How long a commit takes, and how much of that is the processor's: `cargo run --release --example commit DIRECTORY`.
//!
//! The directory must be on the disk that is meant, and is left empty. On a tmpfs, where a sync costs nothing, it tells
//! what everything else costs.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "its numbers are its own, and small"
)]
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::time::{Duration, Instant};

use daemon_archive::Sqlite;
use daemon_journal::{Answered, Ended, Ending, Journal, Received, Write};
use daemon_market::{BountyId, BountyKey, Nct, Phase, Timestamp, Verdict};

/// What a usual bounty makes us write: 900 bytes in, 300 out, a report of 2 KiB; ids and digests are scattered.
fn life(n: u64) -> [Write; 3] {
    let scattered = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let key = BountyKey { id: BountyId::new(&format!("{scattered:020}")), phase: Phase::Assertion };
    let at = Timestamp::from_micros(1_700_000_000_000_000 + n as i64);
    let mut sha256 = [0; 32];
    sha256[..8].copy_from_slice(&scattered.to_be_bytes());
    let (wire, delivery) = (vec![b'w'; 900], format!("{n}"));
    let received = Received {
        key: key.clone(),
        dialect: daemon_journal::WEBHOOK.to_owned(),
        delivery,
        received: at,
        expires: at,
        wire,
    };
    let answered = Answered {
        key: key.clone(),
        at,
        body: vec![b'b'; 300],
        verdict: Verdict::Malicious,
        bid: Nct::from_base_units(62_500_000_000_000_000 + u128::from(n)),
        confidence: 0.9,
        kind: "pe".into(),
        sha256: Some(sha256),
        size: Some(n),
        generation: "0123456789abcdef".into(),
        comments: vec!["packed".into()],
        report: "r".repeat(2048),
        bet: "b".repeat(400),
    };
    let how = Ending::Sent { status: 200 };
    let ended = Ended { key, at, how, attempts: 1, detail: String::new() };
    [Write::Bounty(received), Write::Answer(answered), Write::Ending(ended)]
}

/// Time this thread was on a processor.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("/proc is there");
    Duration::from_nanos(text.split(' ').next().and_then(|first| first.parse().ok()).expect("nanoseconds first"))
}

fn measure(journal: &mut Sqlite, what: &str, batches: &[Vec<Write>]) {
    let mut times = Vec::with_capacity(batches.len());
    let mut rests = Vec::new();
    let (cpu, began) = (busy(), Instant::now());
    for batch in batches {
        let start = Instant::now();
        journal.commit(batch).expect("the disk works");
        times.push(start.elapsed());
        let start = Instant::now();
        journal.rest(false).expect("the disk works");
        if start.elapsed() > Duration::from_millis(1) {
            rests.push(start.elapsed());
        }
    }
    let on_cpu = busy() - cpu;
    let (all, records) = (began.elapsed(), batches.iter().map(Vec::len).sum::<usize>());
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{what}: {} commits, p50 {:?} p99 {:?} max {:?}, processor {:?} a commit, {:.0} commits/s, {:.0} records/s, \
         carried over {} times, at most {:?}",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0),
        on_cpu / times.len() as u32,
        times.len() as f64 / all.as_secs_f64(),
        records as f64 / all.as_secs_f64(),
        rests.len(),
        rests.iter().max().copied().unwrap_or_default(),
    );
    journal.rest(true).expect("the disk works");
}

fn main() {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "/tmp".into());
    let ours = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let directory = tempfile::Builder::new().permissions(ours).tempdir_in(directory).expect("a directory to write in");
    let mut journal = Sqlite::open(directory.path()).expect("an empty archive opens");
    let mut next = 0;
    let mut lives = |count: u64| {
        next += count;
        (next - count..next).map(life)
    };
    for round in ["log growing", "log used anew"] {
        println!("{round}");
        let lives: Vec<_> = lives(1000).collect();
        for (at, what) in ["bounty alone", "answer alone", "ending alone"].into_iter().enumerate() {
            let batches: Vec<_> = lives.iter().map(|life| vec![life[at].clone()]).collect();
            measure(&mut journal, what, &batches);
        }
    }
    for size in [16, 64, 256] {
        let batches: Vec<Vec<Write>> =
            (0..40_000 / size).map(|_| lives(size).map(|[bounty, ..]| bounty).collect()).collect();
        measure(&mut journal, &format!("{size} bounties at once"), &batches);
    }
    let lives: Vec<_> = lives(5000).collect();
    let batches: Vec<_> = lives.iter().flat_map(|life| life.iter().map(|write| vec![write.clone()])).collect();
    measure(&mut journal, "one by one, in a journal of 130 MB", &batches);
}
