//! The streams dialect against a real Redis: killed, stopped, full, and with consumers that die.

mod redis_server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use daemon_queue::streams::{
    ArtifactReference, Consumer, ConsumerSettings, Producer, ProducerSettings, ReportVerdict, StreamJob, StreamReport,
    TakenJob, Waiter,
};
use daemon_queue::{Address, QueueError};
use redis_server::RedisServer;
use tokio::time::{Instant, sleep};

const DEAD_AFTER: Duration = Duration::from_millis(300);

fn address(server: &RedisServer) -> Address {
    Address::new(&server.address(), None).unwrap()
}

fn producer(server: &RedisServer, jobs_max: usize) -> Arc<Producer> {
    let settings = ProducerSettings {
        queue: "test".to_owned(),
        frontend: "frontend".to_owned(),
        jobs_max,
        reports_kept: Duration::from_secs(30),
    };
    let producer = Producer::new(&address(server), settings);
    tokio::spawn(Arc::clone(&producer).run());
    producer
}

fn consumer(server: &RedisServer, name: &str) -> Consumer {
    Consumer::new(
        &address(server),
        ConsumerSettings {
            queue: "test".to_owned(),
            name: name.to_owned(),
            wait: Duration::from_millis(100),
            dead_after: DEAD_AFTER,
            reports_kept: Duration::from_secs(30),
        },
    )
}

fn job(id: &str, time: Duration) -> StreamJob {
    let artifact = ArtifactReference { uri: format!("https://example.org/{id}"), sha256: None, is_url: false };
    StreamJob::new(id, "frontend", artifact, time)
}

fn report(of: &TakenJob) -> StreamReport {
    let family = of.job.as_ref().unwrap().id.clone();
    StreamReport {
        verdict: ReportVerdict::Malicious,
        confidence: 0.9,
        malware_family: family,
        ..StreamReport::default()
    }
}

async fn take_one(consumer: &Consumer) -> TakenJob {
    for _ in 0..100 {
        if let Some(taken) = consumer.take(1).await.unwrap().pop() {
            return taken;
        }
    }
    panic!("no job comes");
}

async fn replied(waiter: Waiter) -> Option<StreamReport> {
    waiter.report(Instant::now() + Duration::from_secs(20)).await
}

#[tokio::test]
async fn a_job_is_acknowledged_once_its_report_is_stored() {
    let Some(server) = RedisServer::start("streams", &[]) else { return };
    let (producer, consumer) = (producer(&server, 100), consumer(&server, "c"));
    let waiter = producer.submit(job("b:0", Duration::from_secs(20))).await.unwrap();
    let again = producer.submit(job("b:0", Duration::from_secs(20))).await.unwrap();
    let depth = producer.depth().await.unwrap();
    assert_eq!((depth.waiting, depth.in_work), (1, 0), "told twice, queued once");
    assert!(depth.deadline.unwrap() > Duration::from_secs(15));
    let taken = take_one(&consumer).await;
    let depth = producer.depth().await.unwrap();
    assert_eq!((depth.waiting, depth.in_work), (0, 1));
    assert!(consumer.answer(&taken, &report(&taken)).await.unwrap());
    assert!(!consumer.answer(&taken, &StreamReport::default()).await.unwrap(), "the first report counts");
    assert_eq!(replied(again).await.unwrap().malware_family, "b:0");
    drop(waiter);
    assert_eq!(server.cli(&["XLEN", "{test}:jobs"]), "0");
    assert!(server.cli(&["TTL", "{test}:result:b:0"]).parse::<i64>().unwrap() > 30);
    // A frontend that was restarted asks again, and is answered by what is there.
    let restarted = Producer::new(
        &address(&server),
        ProducerSettings {
            queue: "test".to_owned(),
            frontend: "frontend".to_owned(),
            jobs_max: 100,
            reports_kept: Duration::from_secs(30),
        },
    );
    let waiter = restarted.submit(job("b:0", Duration::from_secs(20))).await.unwrap();
    assert_eq!(replied(waiter).await.unwrap().malware_family, "b:0");
}

#[tokio::test]
async fn jobs_of_dead_consumers_are_taken_over_and_put_aside_after_two() {
    let Some(server) = RedisServer::start("streams", &[]) else { return };
    let producer = producer(&server, 100);
    let waiter = producer.submit(job("b:0", Duration::from_secs(20))).await.unwrap();
    let first = consumer(&server, "first");
    drop(take_one(&first).await);
    drop(first);
    sleep(DEAD_AFTER * 2).await;
    let second = consumer(&server, "second");
    let taken = second.take_over(10).await.unwrap().pop().unwrap();
    assert_eq!((taken.crashes, taken.job.as_ref().unwrap().id.as_str()), (1, "b:0"));
    // To give it back is no crash; who has it now is not dead as long as it says so.
    second.hand_back(&taken).await.unwrap();
    let taken = take_one(&second).await;
    assert_eq!(taken.crashes, 1, "the consumer that gave it back in order does not count, the first one does");
    let third = consumer(&server, "third");
    for _ in 0..4 {
        sleep(DEAD_AFTER / 2).await;
        second.beat().await.unwrap();
        assert!(third.take_over(10).await.unwrap().is_empty(), "it is alive");
    }
    drop((taken, second));
    sleep(DEAD_AFTER * 2).await;
    assert!(third.take_over(10).await.unwrap().is_empty(), "it is put aside");
    let report = replied(waiter).await.unwrap();
    assert_eq!((report.verdict, report.comments[0].as_str()), (ReportVerdict::Unknown, "consumers died of it"));
    assert_eq!(server.cli(&["XLEN", "{test}:dead"]), "1");
    assert_eq!(server.cli(&["XLEN", "{test}:jobs"]), "0");
    assert_eq!(server.cli(&["HGET", "{test}:counts", "dead"]), "1");
}

#[tokio::test]
async fn the_queue_is_bounded_and_drops_what_has_expired() {
    let Some(server) = RedisServer::start("streams", &[]) else { return };
    let (producer, consumer) = (producer(&server, 3), consumer(&server, "c"));
    let mut waiters = Vec::new();
    for (id, time) in [("a", 300), ("b", 20_000), ("c", 20_000)] {
        waiters.push(producer.submit(job(id, Duration::from_millis(time))).await.unwrap());
    }
    let refused = producer.submit(job("d", Duration::from_secs(20))).await.unwrap_err();
    assert!(matches!(refused, QueueError::TooManyJobs { jobs_max: 3, .. }), "{refused}");
    sleep(Duration::from_millis(400)).await;
    waiters.push(producer.submit(job("d", Duration::from_secs(20))).await.unwrap());
    assert_eq!(server.cli(&["HGET", "{test}:counts", "expired"]), "1");
    let large = StreamJob { id: "x".repeat(70_000), ..job("e", Duration::from_secs(9)) };
    assert!(matches!(producer.submit(large).await, Err(QueueError::TooLarge { what: "job", .. })));
    // One that expires while it is worked on is answered late.
    let taken = take_one(&consumer).await;
    assert_eq!(taken.job.as_ref().unwrap().id, "b");
    consumer.answer(&taken, &report(&taken)).await.unwrap();
    let late = producer.submit(job("late", Duration::from_millis(200))).await.unwrap();
    for expected in ["c", "d", "late"] {
        let taken = take_one(&consumer).await;
        assert_eq!(taken.job.as_ref().unwrap().id, expected);
        if expected == "late" {
            sleep(Duration::from_millis(300)).await;
        }
        consumer.answer(&taken, &report(&taken)).await.unwrap();
    }
    assert!(replied(late).await.unwrap().late);
    assert_eq!(server.cli(&["HGET", "{test}:counts", "late"]), "1");
    // What is no job is dropped.
    server.cli(&["XADD", "{test}:jobs", "*", "job", "{}", "deadline", "x"]);
    server.cli(&["XADD", "{test}:jobs", "*", "other", "y"]);
    for _ in 0..2 {
        let taken = take_one(&consumer).await;
        assert_eq!(taken.job, None);
        consumer.drop_job(&taken, "malformed").await.unwrap();
    }
    assert_eq!(producer.depth().await.unwrap().waiting, 0);
}

/// Consumers that work until they are told to end.
fn work(server: &RedisServer, stop: &Arc<AtomicBool>, answered: &Arc<AtomicU64>) -> Vec<tokio::task::JoinHandle<()>> {
    let workers = ["one", "two"].map(|name| {
        let (consumer, stop, answered) = (consumer(server, name), Arc::clone(stop), Arc::clone(answered));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let _ = consumer.beat().await;
                let mut jobs = consumer.take(4).await.unwrap_or_default();
                jobs.extend(consumer.take_over(4).await.unwrap_or_default());
                for taken in jobs {
                    sleep(Duration::from_millis(2)).await;
                    while taken.job.as_ref().unwrap().left().is_some() {
                        match consumer.answer(&taken, &report(&taken)).await {
                            Ok(first) => {
                                answered.fetch_add(u64::from(first), Ordering::Relaxed);
                                break;
                            }
                            Err(error) => {
                                assert!(error.is_passing(), "{error}");
                                sleep(Duration::from_millis(50)).await;
                            }
                        }
                    }
                }
            }
        })
    });
    workers.into()
}

/// Submits jobs as a frontend does: until they are queued.
async fn submit_all(producer: &Arc<Producer>, count: usize) -> BTreeMap<String, Waiter> {
    let mut waiters = BTreeMap::new();
    for number in 0..count {
        let id = format!("b:{number}");
        let waiter = loop {
            match producer.submit(job(&id, Duration::from_secs(60))).await {
                Ok(waiter) => break waiter,
                Err(error) => {
                    assert!(error.is_passing(), "{error}");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        };
        waiters.insert(id, waiter);
        sleep(Duration::from_millis(3)).await;
    }
    waiters
}

async fn all_answered(waiters: BTreeMap<String, Waiter>) {
    for (id, waiter) in waiters {
        let report = waiter.report(Instant::now() + Duration::from_secs(60)).await;
        assert_eq!(report.map(|report| report.malware_family), Some(id));
    }
}

#[tokio::test]
async fn nothing_is_lost_when_redis_is_killed_whatever_it_wrote_to_disk() {
    for options in [&["--appendonly", "yes", "--appendfsync", "always"][..], &[]] {
        let Some(mut server) = RedisServer::start("streams", options) else { return };
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let producer = producer(&server, 1_000);
        producer.prepare().await.unwrap();
        let workers = work(&server, &stop, &answered);
        let submitting = tokio::spawn({
            let producer = Arc::clone(&producer);
            async move { submit_all(&producer, 200).await }
        });
        for _ in 0..3 {
            sleep(Duration::from_millis(300)).await;
            server.kill();
            sleep(Duration::from_millis(100)).await;
            server.start_again();
        }
        all_answered(submitting.await.unwrap()).await;
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.await.unwrap();
        }
        if !options.is_empty() {
            assert_eq!(server.cli(&["XLEN", "{test}:jobs"]), "0");
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_when_redis_is_stopped_or_connections_are_cut() {
    let Some(server) = RedisServer::start("streams", &[]) else { return };
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let producer = producer(&server, 1_000);
    producer.prepare().await.unwrap();
    let workers = work(&server, &stop, &answered);
    let submitting = tokio::spawn({
        let producer = Arc::clone(&producer);
        async move { submit_all(&producer, 300).await }
    });
    for _ in 0..20 {
        sleep(Duration::from_millis(60)).await;
        server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    }
    server.freeze();
    sleep(Duration::from_secs(7)).await;
    server.thaw();
    all_answered(submitting.await.unwrap()).await;
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(answered.load(Ordering::Relaxed).max(300), 300, "each is answered once");
    assert_eq!(server.cli(&["XLEN", "{test}:jobs"]), "0");
}

#[tokio::test]
async fn a_stopped_redis_and_a_full_one_are_errors_of_their_own() {
    let Some(server) = RedisServer::start("streams", &["--maxmemory", "100mb"]) else { return };
    let (producer, consumer) = (producer(&server, 100_000), consumer(&server, "c"));
    let waiter = producer.submit(job("before", Duration::from_secs(60))).await.unwrap();
    server.cli(&["CONFIG", "SET", "maxmemory", "1mb"]);
    let error = producer.submit(job("full", Duration::from_secs(60))).await.unwrap_err();
    assert!(matches!(error, QueueError::Full { .. }), "{error}");
    assert_eq!(server.cli(&["EXISTS", "{test}:job:full"]), "0", "all or nothing");
    // What is queued can still be taken, and is held until its report can be stored.
    let taken = take_one(&consumer).await;
    let error = consumer.answer(&taken, &report(&taken)).await.unwrap_err();
    assert!(matches!(error, QueueError::Full { .. }), "{error}");
    assert_eq!(server.cli(&["XLEN", "{test}:jobs"]), "1");
    server.cli(&["CONFIG", "SET", "maxmemory", "100mb"]);
    assert!(consumer.answer(&taken, &report(&taken)).await.unwrap());
    assert!(replied(waiter).await.is_some());
    server.freeze();
    let error = producer.submit(job("stopped", Duration::from_secs(60))).await.unwrap_err();
    assert!(matches!(error, QueueError::Silent { .. }), "{error}");
    server.thaw();
}

#[tokio::test]
async fn a_redis_that_is_not_there_or_wants_a_password_is_told() {
    let Some(mut server) = RedisServer::start("streams", &["--requirepass", "word"]) else { return };
    let of = |password| {
        let address = Address::new(&server.address(), password).unwrap();
        Producer::new(
            &address,
            ProducerSettings {
                queue: "test".to_owned(),
                frontend: "f".to_owned(),
                jobs_max: 9,
                reports_kept: Duration::from_secs(1),
            },
        )
    };
    let (open, wrong, right) = (of(None), of(Some("other")), of(Some("word")));
    for producer in [open, wrong] {
        let error = producer.prepare().await.unwrap_err();
        assert!(matches!(error, QueueError::Refused { .. }), "{error}");
        assert!(!error.to_string().contains("other"));
    }
    right.prepare().await.unwrap();
    server.kill();
    let error = right.prepare().await.unwrap_err();
    assert!(matches!(error, QueueError::Unreachable { .. }), "{error}");
}
