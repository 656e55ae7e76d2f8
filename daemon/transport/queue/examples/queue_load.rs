//! Measures the streams dialect: jobs per second with consumers whose scan sleeps, and what a job costs the producer.
//!
//!     queue_load consume ADDRESS NAME SLEEP_MS SLOTS
//!     queue_load produce ADDRESS JOBS               prints one JSON object

use std::sync::Arc;
use std::time::Duration;

use daemon_queue::Address;
use daemon_queue::streams::{
    ArtifactReference, Consumer, ConsumerSettings, Producer, ProducerSettings, StreamJob, StreamReport,
};
use serde_json::json;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep};

const QUEUE: &str = "load";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be had");
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["consume", address, name, sleep_ms, slots] => {
            LocalSet::new().block_on(&runtime, consume(address, name, number(sleep_ms), number(slots)))
        }
        ["produce", address, jobs] => LocalSet::new().block_on(&runtime, produce(address, number(jobs))),
        _ => panic!("usage: queue_load consume ADDRESS NAME SLEEP_MS SLOTS | produce ADDRESS JOBS"),
    };
    if let Err(error) = done {
        panic!("{error}");
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a whole number")
}

async fn consume(address: &str, name: &str, sleep_ms: usize, slots: usize) -> Result<(), daemon_queue::QueueError> {
    let settings = ConsumerSettings {
        queue: QUEUE.to_owned(),
        name: name.to_owned(),
        wait: Duration::from_secs(1),
        dead_after: Duration::from_secs(5),
        reports_kept: Duration::from_secs(60),
    };
    let consumer = Arc::new(Consumer::new(&Address::new(address, None)?, settings));
    let mut working = JoinSet::new();
    loop {
        while working.len() >= slots {
            working.join_next().await;
        }
        for taken in consumer.take(slots - working.len()).await? {
            let consumer = Arc::clone(&consumer);
            working.spawn_local(async move {
                sleep(Duration::from_millis(sleep_ms as u64)).await;
                consumer.answer(&taken, &StreamReport::default()).await.expect("the report can be stored");
            });
        }
    }
}

async fn produce(address: &str, jobs: usize) -> Result<(), daemon_queue::QueueError> {
    let settings = ProducerSettings {
        queue: QUEUE.to_owned(),
        frontend: "frontend".to_owned(),
        jobs_max: 1_000_000,
        reports_kept: Duration::from_secs(60),
    };
    let producer = Producer::new(&Address::new(address, None)?, settings);
    producer.prepare().await?;
    tokio::task::spawn_local(Arc::clone(&producer).run());
    let began = Instant::now();
    let run = began.elapsed().as_nanos();
    let mut waiters = Vec::new();
    for number in 0..jobs {
        let artifact = ArtifactReference { uri: format!("http://example.org/{number}"), sha256: None, is_url: false };
        let id = format!("{}-{run}-{number}", std::process::id());
        waiters
            .push(producer.submit(StreamJob::new(&id, producer.frontend(), artifact, Duration::from_secs(600))).await?);
    }
    let mut answered = 0;
    for waiter in waiters {
        answered += usize::from(waiter.report(began + Duration::from_secs(600)).await.is_some());
    }
    let seconds = began.elapsed().as_secs_f64();
    let usage = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<i64> = usage
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    // utime and stime, in hundredths of a second; the state before them is no number.
    let ticks: i64 = fields.iter().skip(10).take(2).sum();
    let line = json!({
        "jobs": jobs, "answered": answered, "jobs_per_second": (jobs as f64 / seconds * 10.0).round() / 10.0,
        "producer_cpu_ms_per_job": ticks as f64 * 10.0 / jobs as f64,
    });
    #[expect(clippy::print_stdout, reason = "an example prints its result")]
    {
        println!("{line}");
    }
    Ok(())
}
