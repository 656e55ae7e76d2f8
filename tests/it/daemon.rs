//! The daemon as the marketplace and its operators see it.

use std::time::Duration;

use daemon_local_market::TestMarket;
use serde_json::{Value, json};

use crate::engine::{DaemonHome, SECRET, bounty, free_ports, printed};
use crate::program::{stderr, stdout};

const LIFE: Duration = Duration::from_secs(60);
/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A PE file that is not malicious and not huge.
fn harmless() -> Vec<u8> {
    specimens::elf::elf().build()
}

fn answered(market: &TestMarket, id: &str) -> Value {
    let answer = market.wait(id, PATIENCE).unwrap_or_else(|| panic!("{id} is not answered"));
    serde_json::from_slice(&answer.body).expect("answers are JSON")
}

fn comments(answer: &Value) -> Vec<&str> {
    answer["metadata"]["comments"].as_array().expect("comments are a list").iter().filter_map(Value::as_str).collect()
}

#[test]
fn the_marketplaces_probes_are_answered_as_they_should_be() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    let ping = daemon_webhook::sign(SECRET.as_bytes(), b"");
    let signed = |body: &[u8]| daemon_webhook::sign(SECRET.as_bytes(), body);
    let ping_with =
        |signature: &str| place.post_raw(b"", &[("x-polyswarm-event", "ping"), ("x-polyswarm-signature", signature)]).0;
    assert_eq!(ping_with(&ping), 200);
    assert_eq!(place.post_raw(b"", &[("x-polyswarm-event", "ping")]).0, 400);
    assert_eq!(ping_with(&"0".repeat(64)), 401);
    assert_eq!(ping_with(&ping.to_uppercase()), 401);
    assert_eq!(ping_with(&format!("sha256={ping}")), 401);
    assert_eq!(place.post_raw(b"{}", &[("x-polyswarm-signature", &signed(b"{}"))]).0, 400);
    let event = |event: &str| {
        place.post_raw(b"{}", &[("x-polyswarm-event", event), ("x-polyswarm-signature", &signed(b"{}"))]).0
    };
    assert_eq!(event("analyze"), 400);
    assert_eq!(event("BOUNTY"), 400);
    let nope = b"{nope";
    let reply = place.post_raw(nope, &[("x-polyswarm-event", "bounty"), ("x-polyswarm-signature", &signed(nope))]);
    assert_eq!(reply.0, 400);

    let eicar = specimens::eicar();
    assert_eq!(place.post(&bounty(&market, "1", &eicar, LIFE)), 202);
    assert_eq!(place.post(&bounty(&market, "2", &harmless(), LIFE)), 202);
    let mut surprise = bounty(&market, "3", b"text", LIFE);
    surprise["surprise"] = json!("žluťoučký");
    assert_eq!(place.post(&surprise), 202);
    let mut vote = bounty(&market, "5", &eicar, LIFE);
    vote["phase"] = json!("arbitration");
    vote["response_url"] = json!(format!("{}/v3/bounties/5/votes/?nonce=n5", market.url()));
    assert_eq!(place.post(&vote), 202);
    assert_eq!(place.post(&bounty(&market, "6", &eicar, Duration::ZERO)), 202);
    let gone = bounty(&market, "7", &eicar, LIFE);
    market.withdraw("/a/7");
    assert_eq!(place.post(&gone), 202);
    let mut no_rules = bounty(&market, "8", &eicar, LIFE);
    no_rules.as_object_mut().unwrap().remove("rules");
    assert_eq!(place.post(&no_rules), 400);
    let text_id = "a7e8818a-95fc-4487-ad9a-522f6cd88cb2";
    assert_eq!(place.post(&bounty(&market, text_id, &eicar, LIFE)), 202);
    let mut no_id = bounty(&market, "9", &eicar, LIFE);
    no_id.as_object_mut().unwrap().remove("id");
    assert_eq!(place.post(&no_id), 400);
    let mut address = bounty(&market, "10", b"", LIFE);
    address["artifact_type"] = json!("url");
    address["artifact_uri"] = json!("data:text/uri-list;base64,aHR0cDovL2V4YW1wbGUuY29tLw==");
    assert_eq!(place.post(&address), 202);
    let mut naive = bounty(&market, "11", &eicar, LIFE);
    naive["expiration"] = json!("2121-06-24T10:03:28.006071");
    assert_eq!(place.post(&naive), 202);

    for id in ["1", text_id, "11"] {
        let answer = answered(&market, id);
        assert_eq!(answer["verdict"], "malicious", "{answer}");
        assert!(answer["bid"].as_u64().unwrap() > 62_500_000_000_000_000, "{answer}");
        assert_eq!(answer["metadata"]["malware_family"], "EICAR-Test-File", "{answer}");
    }
    let generation = answered(&market, "1")["metadata"]["scanner"]["signatures_version"].clone();
    assert_eq!(generation.as_str().map(str::len), Some(16), "{generation}");
    let unknown = |id: &str, comment: &str| {
        let answer = answered(&market, id);
        assert_eq!((&answer["verdict"], &answer["bid"]), (&json!("unknown"), &json!(0)), "{answer}");
        assert!(comments(&answer).iter().any(|said| said.contains(comment)), "{answer}");
        assert_eq!(answer["metadata"]["scanner"]["signatures_version"], generation, "{answer}");
    };
    unknown("3", "SKIPPED:TYPE-UNSUPPORTED");
    unknown("7", "SKIPPED:CANNOT-FETCH");
    unknown("10", "SKIPPED:TYPE-UNSUPPORTED");
    let vote = answered(&market, "5");
    assert_eq!(market.answers("5")[0].kind, "votes");
    assert_eq!(vote["verdict"], "malicious");
    assert!(vote.get("bid").is_none(), "{vote}");
    assert_ne!(answered(&market, "2")["verdict"], "malicious");
    assert!(market.answers("6").is_empty(), "an expired bounty was answered");

    // For PolySwarm's own validators, which tests/run sets upon what was answered here.
    let kept: String = market
        .all_answers()
        .into_values()
        .flatten()
        .map(|answer| json!({ "kind": answer.kind, "body": serde_json::from_slice::<Value>(&answer.body).unwrap() }))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/answers.ndjson"), kept).unwrap();
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
}

#[test]
fn a_replay_is_answered_once_whatever_its_delivery_and_across_restarts() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    let eicar = bounty(&market, "1", &specimens::eicar(), LIFE);
    let mut other = eicar.clone();
    other["response_url"] = json!(format!("{}/v3/bounties/elsewhere/assertions/?nonce=x", market.url()));
    for _ in 0..20 {
        assert_eq!(place.post(&eicar), 202);
    }
    answered(&market, "1");
    assert_eq!(place.post(&other), 202);
    assert_eq!(daemon.end(), Some(0));
    let mut daemon = place.start();
    for _ in 0..20 {
        assert_eq!(place.post(&eicar), 202);
    }
    // Something new gets through behind them, so they had their turn.
    assert_eq!(place.post(&bounty(&market, "2", &specimens::eicar(), LIFE)), 202);
    answered(&market, "2");
    assert_eq!(market.answers("1").len(), 1);
    assert!(market.answers("elsewhere").is_empty());
    assert_eq!(place.metric("stakeout_bounties_total{admission=\"known\"}"), 20.0);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn an_answer_that_is_lost_or_refused_for_now_is_sent_again_byte_for_byte() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    market.faults().refuse.store(2, std::sync::atomic::Ordering::Relaxed);
    market.faults().lose.store(1, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(place.post(&bounty(&market, "1", &specimens::eicar(), LIFE)), 202);
    let until = std::time::Instant::now() + PATIENCE;
    while market.answers("1").len() < 2 && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    let answers = market.answers("1");
    assert_eq!(answers.len(), 2, "{}", place.log());
    assert_eq!(answers[0].body, answers[1].body);
    assert_eq!(daemon.end(), Some(0));
    let told = printed(&place.output(&["archive", "query", "--json"]), 0);
    let story: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&story["ending"], &story["attempts"], &story["status"]), (&json!("sent"), &json!(4), &json!(200)));
}

#[test]
fn what_cannot_be_judged_in_time_is_answered_before_its_time_is_over() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    market.faults().slow_ms.store(20_000, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(place.post(&bounty(&market, "1", &specimens::eicar(), Duration::from_secs(4))), 202);
    let answer = answered(&market, "1");
    assert_eq!(answer["verdict"], "unknown", "{answer}");
    assert!(comments(&answer).iter().any(|said| said.starts_with("limit.time")), "{answer}");
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn bytes_that_are_not_the_promised_ones_are_not_judged() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    let promised = bounty(&market, "1", &specimens::eicar(), LIFE);
    market.serve("/a/1", harmless());
    assert_eq!(place.post(&promised), 202);
    let answer = answered(&market, "1");
    assert_eq!(answer["verdict"], "unknown", "{answer}");
    assert!(comments(&answer).iter().any(|said| said.contains("wrong SHA-256")), "{answer}");
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn an_artifact_from_this_machine_is_not_had_unless_that_is_allowed() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("intake.file = false");
    let config = std::fs::read_to_string(place.config()).unwrap();
    let mut daemon = {
        // The same without the network of the tests.
        let place = &place;
        std::fs::write(place.path("stakeout.toml"), config.replace("[\"127.0.0.0/8\"]", "[]")).unwrap();
        let mut command = crate::program::stakeout();
        command.args(["daemon", "--config"]).arg(place.path("stakeout.toml")).env("STAKEOUT_WEBHOOK_SECRET", SECRET);
        command.stderr(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    while place.ask("/ready").0 != 200 {
        assert!(daemon.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(place.post(&bounty(&market, "1", &specimens::eicar(), LIFE)), 202);
    let mut file = bounty(&market, "2", &specimens::eicar(), LIFE);
    file["artifact_uri"] = json!("file:///etc/passwd");
    assert_eq!(place.post(&file), 202);
    for id in ["1", "2"] {
        let answer = answered(&market, id);
        assert!(comments(&answer).iter().any(|said| said.starts_with("SKIPPED:CANNOT-FETCH")), "{answer}");
        let reasons = ["address not allowed", "unsupported URI scheme"];
        assert!(comments(&answer).iter().any(|said| reasons.iter().any(|why| said.contains(why))), "{answer}");
    }
    let _ = daemon.kill();
    let _ = daemon.wait();
}

#[test]
fn a_file_that_kills_its_worker_is_answered_and_the_next_one_is_judged() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    assert_eq!(place.post(&bounty(&market, "1", &specimens::eicar(), LIFE)), 202);
    answered(&market, "1");
    for pid in daemon.descendants() {
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    assert_eq!(place.post(&bounty(&market, "2", &specimens::eicar(), LIFE)), 202);
    assert_eq!(answered(&market, "2")["verdict"], "malicious");
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn two_daemons_never_share_an_archive() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    let second = place.output(&["daemon"]);
    assert_eq!(second.status.code(), Some(2));
    assert!(stderr(&second).contains(&daemon.child.id().to_string()), "{}", stderr(&second));
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn a_dry_run_answers_nobody_and_remembers() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.spawn(&["--dry-run"], &[]);
    daemon.wait_ready();
    assert_eq!(place.post(&bounty(&market, "77", &specimens::eicar(), LIFE)), 202);
    let until = std::time::Instant::now() + PATIENCE;
    while place.metric("stakeout_endings_total{ending=\"withheld\"}") < 1.0 {
        assert!(std::time::Instant::now() < until, "{}", place.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(daemon.end(), Some(0));
    assert!(market.all_answers().is_empty());
    let archive = place.archive().join("dry-run");
    let archive = archive.to_str().expect("our directories have plain names");
    let told = printed(&place.output(&["explain", "--bounty", "77", "--archive", archive]), 0);
    for expected in ["malicious with", "eicar.file.test", "bid 0.", "a dry run sends nothing"] {
        assert!(told.contains(expected), "{expected} is not in\n{told}");
    }
    let verified = printed(&place.output(&["archive", "verify", "--archive", archive]), 0);
    assert!(
        verified.starts_with("intact: 1 bounty, 1 answer, 1 ending, 0 outcomes and 0 notes of the purse"),
        "{verified}"
    );
    // Started for good, it does not send what a dry run wrote down.
    let mut daemon = place.start();
    assert_eq!(daemon.end(), Some(0));
    assert!(market.all_answers().is_empty());
}

#[test]
fn a_configuration_is_checked_as_a_whole_before_anything_starts() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.margn = \"1s\"\nlog.level = \"loud\"\n");
    let output = place.output(&["daemon"]);
    assert_eq!(output.status.code(), Some(64));
    for expected in ["did you mean `margin`?", "log.level must be", "2 mistakes in"] {
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    let place = DaemonHome::new(&market);
    assert!(printed(&place.output(&["config", "check"]), 0).contains("is valid"));
    let mut command = crate::program::stakeout();
    let example = command.args(["config", "example"]).output().unwrap();
    assert!(stdout(&example).contains("[webhook]\n"));
}

#[test]
fn operators_are_told_and_no_secret_is() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("log.format = \"json\"\nlog.level = \"trace\"\n");
    let mut daemon = place.start();
    assert_eq!(place.post(&bounty(&market, "1", &specimens::eicar(), LIFE)), 202);
    answered(&market, "1");
    assert_eq!(place.ask("/live"), (200, "yes\n".to_owned()));
    let (status, metrics) = place.ask("/metrics");
    assert_eq!(status, 200);
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/metrics.txt"), &metrics).unwrap();
    for expected in ["stakeout_answers_total{verdict=\"malicious\"} 1", "stakeout_journal_commit_seconds_count"] {
        assert!(metrics.contains(expected), "{metrics}");
    }
    assert_eq!(daemon.end(), Some(0));
    let log = place.log();
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line["message"].is_string()), "{line}");
    }
    let archive = std::fs::read(place.archive().join("journal.sqlite")).unwrap();
    let said = [log.as_bytes(), metrics.as_bytes(), &archive].concat();
    assert!(!said.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
}

#[test]
fn webhook_ping_and_test_do_what_the_marketplace_does() {
    let market = TestMarket::start();
    let mut place = DaemonHome::new(&market);
    let [port, _] = free_ports();
    place.market_of_the_test(port);
    let mut daemon = place.start();
    let url = format!("http://127.0.0.1:{}/", place.webhook);
    let run = |args: &[&str], secret: &str| {
        let mut command = crate::program::stakeout();
        command.args(["webhook"]).args(args).arg(&url).env("STAKEOUT_WEBHOOK_SECRET", secret).output().unwrap()
    };
    assert!(printed(&run(&["ping"], SECRET), 0).starts_with("200 in "));
    assert!(printed(&run(&["ping"], "another"), 2).contains("the engine has another secret"));
    let told = printed(&run(&["test", "--port", &port.to_string()], SECRET), 0);
    assert!(told.contains(" passed, 0 failed"), "{told}");
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn the_doctor_looks_at_everything() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let output = place.output(&["doctor", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON was asked for");
    let health = |what: &str| {
        let found = found.as_array().unwrap().iter().find(|finding| finding["what"] == what);
        found.unwrap_or_else(|| panic!("nothing is said of {what}"))["health"].as_str().unwrap().to_owned()
    };
    for what in ["configuration", "secret", "workers", "rules", "webhook port"] {
        assert_eq!(health(what), "good", "{}", stdout(&output));
    }
    let mut command = place.command(&["doctor"]);
    let output = command.env_remove("STAKEOUT_WEBHOOK_SECRET").output().unwrap();
    assert!(printed(&output, 2).contains("no webhook secret is configured"));
}

#[test]
fn what_is_wrong_is_blamed_on_the_right_place() {
    let market = TestMarket::start();
    let mut place = DaemonHome::new(&market);
    // Writes the configuration.
    drop(place.output(&["config", "check"]));
    for (args, env) in [(&["daemon", "--bid-strategy", "bogus"][..], ""), (&["daemon"], "bogus")] {
        let told = printed(&place.command(args).env("BID_STRATEGY", env).output().unwrap(), 64);
        assert!(told.contains("--bid-strategy or BID_STRATEGY: there is no strategy `bogus`"), "{told}");
        assert!(!told.contains("stakeout.toml"), "{told}");
    }
    let told = printed(&place.command(&["doctor"]).env("STAKEOUT_WEBHOOK_SECRET", "").output().unwrap(), 2);
    assert!(told.contains("STAKEOUT_WEBHOOK_SECRET is empty"), "{told}");
    std::fs::write(place.path("empty"), "\n").expect("our directory can be written to");
    place.extra = format!("webhook.secret_files = [{:?}]\n", place.path("empty"));
    let told = printed(&place.output(&["doctor"]), 2);
    assert!(told.contains(&format!("{} is empty", place.path("empty").display())), "{told}");
    let told = printed(&place.output(&["report", "--archive", "/nowhere/at/all"]), 2);
    assert!(told.contains("there is no archive at /nowhere/at/all") && !told.contains("journal.sqlite"), "{told}");
}
