//! The dialect of PolySwarm's Python client against a real Redis.

mod redis_server;

use std::sync::Arc;
use std::time::Duration;

use daemon_market::{BountyFilter, Filter};
use daemon_queue::polyswarm::{
    ArtifactForm, Consumer, JobResult, Outcome, PostedBounty, Producer, ProducerSettings, RateLimits, TakenJob,
};
use daemon_queue::{Address, Link, QueueError};
use redis_server::RedisServer;
use serde_json::{Map, Value};
use tokio::time::sleep;

fn address(server: &RedisServer) -> Address {
    Address::new(&server.address(), None).unwrap()
}

fn producer(server: &RedisServer, rate_limit: Option<u64>) -> Arc<Producer> {
    let settings = ProducerSettings { queue: "q3".to_owned(), time_to_post: 6, rate_limit };
    Arc::new(Producer::new(&address(server), settings))
}

fn consumer(server: &RedisServer, name: &str) -> Consumer {
    Consumer::new(&address(server), "q3", name, Duration::from_millis(100))
}

fn bounty(guid: &str, artifacts: usize, duration: i64) -> PostedBounty {
    PostedBounty {
        polyswarmd_uri: "http://127.0.0.1:8801".to_owned(),
        guid: guid.to_owned(),
        uri: "QmTest".to_owned(),
        form: ArtifactForm::File,
        duration,
        chain: "side".to_owned(),
        metadata: vec![Map::new(); artifacts],
    }
}

fn scan(
    producer: &Arc<Producer>,
    bounty: PostedBounty,
    allowed: impl Fn(&Map<String, Value>) -> bool + Send + Sync + 'static,
) -> tokio::task::JoinHandle<Result<Outcome, QueueError>> {
    let producer = Arc::clone(producer);
    tokio::spawn(async move { producer.scan(&bounty, allowed).await })
}

async fn take_one(consumer: &Consumer) -> TakenJob {
    for _ in 0..100 {
        if let Some(taken) = consumer.take(Duration::from_millis(100)).await.unwrap() {
            return taken;
        }
    }
    panic!("no job comes");
}

fn result(index: u64) -> JobResult {
    let metadata = "{\"malware_family\": \"x\"}".to_owned();
    JobResult { index, bit: true, verdict: index.is_multiple_of(2), confidence: 0.9, metadata }
}

#[tokio::test]
async fn keys_counters_and_order_are_those_of_the_peers() {
    let Some(server) = RedisServer::start("polyswarm", &[]) else { return };
    let vector: Value = serde_json::from_str(include_str!("../testdata/redis-jobs.json")).unwrap();
    let (producer, consumer) = (producer(&server, None), consumer(&server, "c"));
    let scan = scan(&producer, bounty("g-1", 2, 20), |_| true);
    let (last, first) = (take_one(&consumer).await, take_one(&consumer).await);
    let jobs = [last.job.as_ref().unwrap(), first.job.as_ref().unwrap()];
    assert_eq!(jobs.map(|job| job.index), [1, 0], "the last pushed is taken first");
    assert_eq!(i64::try_from(vector["job"]["duration"].as_u64().unwrap()).unwrap(), jobs[0].duration);
    for taken in [&last, &first] {
        consumer.answer(taken, &result(taken.job.as_ref().unwrap().index)).await.unwrap();
    }
    let outcome = scan.await.unwrap().unwrap();
    assert_eq!(outcome.results, [Some(result(0)), Some(result(1))]);
    let mut keys: Vec<String> = server.cli(&["KEYS", "*"]).lines().map(str::to_owned).collect();
    keys.sort();
    // Those of the vector's trace; lists that are empty are gone.
    assert_eq!(
        keys,
        [
            "q3_job_completion_time_accum",
            "q3_job_completion_time_ratios_accum",
            "q3_job_completion_time_ratios_count",
            "q3_job_completion_times_count",
            "q3_scan_job_counter",
            "q3_scan_result_counter"
        ]
    );
    let trace = vector["trace"].to_string();
    for key in keys {
        assert!(trace.contains(&key), "{key}");
        assert!(!key.ends_with("count") && !key.ends_with("counter") || server.cli(&["GET", &key]) == "2", "{key}");
    }
}

#[tokio::test]
async fn results_are_read_by_artifact_where_some_have_no_job() {
    let Some(server) = RedisServer::start("polyswarm", &[]) else { return };
    let (producer, consumer) = (producer(&server, None), consumer(&server, "c"));
    let mut bounty = bounty("g", 3, 20);
    bounty.metadata[1].insert("keep".to_owned(), Value::Bool(true));
    // The Python producer raises IndexError here.
    let scan = scan(&producer, bounty, |metadata| metadata.contains_key("keep"));
    let taken = take_one(&consumer).await;
    server.cli(&[
        "RPUSH",
        "q3_g_side_results",
        "{\"index\": 7, \"bit\": true}",
        "no JSON",
        "{\"index\": 0, \"bit\": true}",
    ]);
    consumer.answer(&taken, &result(1)).await.unwrap();
    let outcome = scan.await.unwrap().unwrap();
    assert_eq!(outcome.results, [None, Some(result(1)), None]);
    assert_eq!(outcome.sent, [false, true, false]);
}

#[tokio::test]
async fn filters_decide_which_jobs_are_sent_exactly_as_the_clients() {
    let Some(server) = RedisServer::start("polyswarm", &[]) else { return };
    let vector: Value =
        serde_json::from_str(include_str!("../../../staking/market/testdata/bounty-filter-2.13.3.json")).unwrap();
    let cases = vector["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 21);
    let filters = |pairs: &Value| -> Vec<Filter> {
        let pairs = pairs.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        pairs.iter().map(|pair| Filter::new(&text(&pair[0]), "==", &text(&pair[1])).unwrap()).collect()
    };
    let producer = producer(&server, None);
    for (number, case) in cases.iter().enumerate() {
        let filter = BountyFilter { accept: filters(&case["accept"]), reject: filters(&case["reject"]) };
        let mut bounty = bounty(&format!("g{number}"), 1, 6);
        bounty.metadata[0] = case["metadata"].as_object().cloned().unwrap_or_default();
        // The time is over at once: it is only of interest what was sent.
        let outcome = producer.scan(&bounty, |metadata| filter.allows(Some(metadata))).await.unwrap();
        assert_eq!(outcome.sent, [case["allowed"].as_bool().unwrap()], "{case}");
    }
}

#[tokio::test]
async fn bad_jobs_and_dead_consumers_wedge_nobody() {
    let Some(server) = RedisServer::start("polyswarm", &[]) else { return };
    let first = consumer(&server, "first");
    first.beat().await.unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let good = format!(
        "{{\"polyswarmd_uri\":\"http://x\",\"guid\":\"g\",\"index\":0,\"uri\":\"u\",\"chain\":\"side\",\"ts\":{now},\"duration\":30,\"extra\":1}}"
    );
    for text in ["not JSON", "{}", &good] {
        server.cli(&["LPUSH", "q3", text]);
    }
    for _ in 0..2 {
        let taken = take_one(&first).await;
        assert!(taken.job.is_err());
        first.drop_job(&taken).await.unwrap();
    }
    let taken = take_one(&first).await;
    assert_eq!(taken.job.as_ref().unwrap().guid, "g");
    // It dies; another one gives back what it held, once it is known to be dead.
    drop((taken, first));
    assert_eq!(server.cli(&["LLEN", "q3_taken_first"]), "1");
    let second = consumer(&server, "second");
    assert_eq!(second.recover().await.unwrap(), 0, "it may be alive");
    server.cli(&["DEL", "q3_alive_first"]);
    assert_eq!(second.recover().await.unwrap(), 1);
    let taken = take_one(&second).await;
    second.hand_back(&taken).await.unwrap();
    assert_eq!(
        (server.cli(&["LLEN", "q3"]), server.cli(&["LLEN", "q3_taken_second"])),
        ("1".to_owned(), "0".to_owned())
    );
    // One that was restarted under its name gives back what it had, and takes it again.
    drop(take_one(&second).await);
    let restarted = consumer(&server, "second");
    let taken = take_one(&restarted).await;
    restarted.answer(&taken, &result(0)).await.unwrap();
    let kept: i64 = server.cli(&["TTL", "q3_g_side_results"]).parse().unwrap();
    assert!((11..=40).contains(&kept), "the results' key goes away by itself: {kept}");
    // A full Redis is emptied all the same.
    server.cli(&["RPUSH", "q3", &good]);
    server.cli(&["CONFIG", "SET", "maxmemory", "1mb"]);
    let taken = take_one(&restarted).await;
    let error = restarted.answer(&taken, &result(0)).await.unwrap_err();
    assert!(matches!(error, QueueError::Full { .. }), "{error}");
}

#[tokio::test]
async fn late_results_are_removed() {
    let Some(server) = RedisServer::start("polyswarm", &[]) else { return };
    let producer = producer(&server, None);
    // 6 of them go to the answer: nothing is left, and nobody waits.
    let outcome = producer.scan(&bounty("g", 1, -9), |_| true).await.unwrap();
    assert_eq!((outcome.results, outcome.sent), (vec![None], vec![true]));
    server.cli(&["RPUSH", "q3_g_side_results", "{}"]);
    sleep(Duration::from_millis(1_100)).await;
    producer.tidy().await.unwrap();
    assert_eq!(server.cli(&["EXISTS", "q3_g_side_results"]), "0");
}

#[tokio::test]
async fn jobs_are_sent_again_when_redis_lost_them() {
    let Some(mut server) = RedisServer::start("polyswarm", &[]) else { return };
    let producer = producer(&server, None);
    let scan = scan(&producer, bounty("g", 1, 40), |_| true);
    let first = consumer(&server, "c");
    drop(take_one(&first).await);
    // The producer knows that its job was queued; before, a death is an error that it tells.
    sleep(Duration::from_millis(300)).await;
    server.kill();
    sleep(Duration::from_millis(300)).await;
    server.start_again();
    let taken = loop {
        if scan.is_finished() {
            panic!("the producer gave up: {:?}", scan.await);
        }
        match first.take(Duration::from_millis(100)).await {
            Ok(Some(taken)) => break taken,
            Ok(None) => {}
            Err(error) => assert!(error.is_passing(), "{error}"),
        }
    };
    first.answer(&taken, &result(0)).await.unwrap();
    assert_eq!(scan.await.unwrap().unwrap().results, [Some(result(0))]);
}

#[tokio::test]
async fn limits_are_counted_as_the_peers_count_them() {
    let Some(server) = RedisServer::start("polyswarm", &[]) else { return };
    let link = Link::new(&address(&server));
    let limits = RateLimits { secondly: Some(9), minutely: Some(9), hourly: Some(9), daily: Some(2) };
    for (peeked, used) in [(true, true), (true, true), (false, false)] {
        assert_eq!(limits.peek(&link, "q3").await.unwrap(), peeked);
        assert_eq!(limits.use_one(&link, "q3").await.unwrap(), used);
    }
    let keys = server.cli(&["KEYS", "q3_backend_*"]);
    let daily = keys.lines().find(|key| key.len() == "q3_backend_2026-11-02".len()).unwrap();
    assert_eq!(server.cli(&["GET", daily]), "3");
    assert!(server.cli(&["TTL", daily]).parse::<i64>().unwrap() > 86_000);
    let hourly = keys.lines().find(|key| key.len() == "q3_backend_2026-11-02T03".len()).unwrap();
    assert!(server.cli(&["TTL", hourly]).parse::<i64>().unwrap() > 3_500);
    // The producer's own: of the day, by the queue's name alone.
    let producer = producer(&server, Some(1));
    let outcome = producer.scan(&bounty("g", 2, 6), |_| true).await.unwrap();
    assert_eq!(outcome.sent, [true, false]);
}
