//! The marketplace against an engine of a few lines: one that answers right, late, twice, or never.

mod toy;

use crate::Participant;
use crate::settings::Fault;
use crate::settings::Often;
use std::collections::BTreeSet;
use std::path::Path;

use daemon_market::{Nct, Profit};
use serde_json::Value;
use tokio::net::TcpListener;

use super::*;
use toy::{Habit, SECRET, Toy};

/// So many files each that are malicious and benign.
fn files(each: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (label, text) in [("malicious", "bad"), ("benign", "good")] {
        std::fs::create_dir(directory.path().join(label)).unwrap();
        for nth in 0..each {
            let path = directory.path().join(label).join(nth.to_string());
            std::fs::write(path, format!("{text} {nth}")).unwrap();
        }
    }
    directory
}

/// Ten bounties, as fast as can be, with two rivals that are always wrong.
fn settings(directory: &Path, more: &str) -> MarketSettings {
    let text = format!(
        "{more}
         rival = [{{ name = \"fool\", number = 2, true_positive = 0.0, false_positive = 1.0 }}]
         [bounties]
         number = 10
         per_second = 1e6
         directory = \"files\"
         life_seconds = 30.0"
    );
    let mut settings = MarketSettings::read(&text, directory).unwrap();
    settings.bounties.directory = Some(directory.to_path_buf());
    settings
}

async fn market(settings: MarketSettings, engines: &[(&str, &str)]) -> Closing {
    let mut marketplace = Marketplace::bind(settings).await.unwrap();
    for (name, url) in engines {
        let (name, url, secret) = ((*name).to_owned(), (*url).to_owned(), Some(SECRET.to_owned()));
        let balance = "1000".parse().unwrap();
        marketplace.admit(&TestedEngine { name, url, secret, secret_file: None, balance }).unwrap();
    }
    let closing = marketplace.run(std::future::pending()).await.unwrap();
    assert!(closing.conserved, "{:?}", closing.imbalance);
    assert_eq!(closing.settled, closing.posted);
    closing
}

/// One engine of this habit.
async fn alone(habit: Habit, change: impl FnOnce(&mut MarketSettings)) -> (Closing, Vec<u16>) {
    let directory = files(5);
    let mut settings = settings(directory.path(), "");
    change(&mut settings);
    let (toy, url) = Toy::start(habit).await;
    let closing = market(settings, &[("toy", &url)]).await;
    let statuses = toy.statuses.lock().unwrap().clone();
    (closing, statuses)
}

#[tokio::test]
async fn who_is_right_wins_what_fools_stake() {
    let (closing, statuses) = alone(Habit::Right, |_| {}).await;
    let engine = &closing.engines[0];
    assert_eq!((engine.answered, engine.unanswered, engine.right, closing.malicious), (10, 0, 10, 5));
    assert_eq!(statuses, [200; 10]);
    let party = |name| closing.parties.iter().find(|party| party.name == name).unwrap().clone();
    // Ten rewards of 2, and whatever the fools lost, less ten fees, and dust: fools lose their fees to arbiters too.
    let fools = party("fool-1").lost.checked_add(party("fool-2").lost).unwrap();
    let fees: Nct = "0.9375".parse().unwrap();
    let most = "20".parse::<Nct>().unwrap().checked_add(fools).unwrap().checked_sub(fees).unwrap();
    let short = Profit::of(most, party("toy").won).unwrap().base_units();
    assert!((0..1_000).contains(&short), "{short}");
    assert_eq!((party("toy").bets, party("toy").lost), (10, Nct::ZERO));
    assert_eq!(party("ambassador").profit.to_string(), "-20.625");
}

#[tokio::test]
async fn who_is_late_wins_nothing_and_is_told() {
    let (closing, _) = alone(Habit::Late, |settings| {
        settings.bounties.number = 2;
        settings.bounties.life_seconds = 0.2;
        // The second is posted when the first has been answered, too late.
        settings.bounties.per_second = 2.5;
    })
    .await;
    let engine = &closing.engines[0];
    assert_eq!((engine.answered, engine.unanswered), (0, 2));
    assert!(engine.late >= 1);
    assert_eq!(closing.parties.iter().find(|party| party.name == "toy").unwrap().profit, Profit::ZERO);
}

#[tokio::test]
async fn the_same_again_is_fine_and_something_else_is_a_conflict() {
    let slow = |settings: &mut MarketSettings| settings.bounties.number = 4;
    // The second answers are sent after the settlement, and may come after the end: so another engine keeps it open.
    let directory = files(2);
    let mut settings = settings(directory.path(), "");
    slow(&mut settings);
    settings.bounties.life_seconds = 0.4;
    let [(twice, twice_url), (other, other_url), (_, never_url)] =
        [Toy::start(Habit::Twice).await, Toy::start(Habit::Otherwise).await, Toy::start(Habit::Never).await];
    let closing = market(settings, &[("twice", &twice_url), ("other", &other_url), ("never", &never_url)]).await;
    let seen: Vec<_> = closing
        .engines
        .iter()
        .map(|engine| (engine.answered, engine.again, engine.conflicts, engine.unanswered))
        .collect();
    assert_eq!(seen, [(4, 4, 0, 0), (4, 0, 4, 0), (0, 0, 0, 4)]);
    assert_eq!(*twice.statuses.lock().unwrap(), [200; 8]);
    let mut statuses = other.statuses.lock().unwrap().clone();
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 4], [409; 4]].concat());
}

#[tokio::test]
async fn an_engine_that_cannot_now_is_asked_again_and_one_that_does_not_want_to_is_not() {
    let (closing, _) = alone(Habit::NotNow, |_| {}).await;
    let engine = &closing.engines[0];
    assert_eq!((engine.answered, &engine.replies["503"], &engine.replies["202"]), (10, &10, &10));
    let (closing, _) = alone(Habit::Declines, |_| {}).await;
    let engine = &closing.engines[0];
    assert_eq!((engine.answered, engine.unanswered, &engine.replies["400"]), (0, 10, &10));
}

#[tokio::test]
async fn what_is_no_answer_is_refused_and_counted() {
    let (closing, statuses) = alone(Habit::Nonsense, |settings| {
        settings.bounties.number = 1;
        settings.bounties.life_seconds = 0.3;
    })
    .await;
    let engine = &closing.engines[0];
    assert_eq!((engine.answered, engine.unanswered, engine.wrong.values().sum::<u64>()), (0, 1, 1));
    assert_eq!(statuses, [400]);
}

#[tokio::test]
async fn every_fault_happens_and_what_the_engine_did_about_it_is_told() {
    let (closing, _) = alone(Habit::Right, |settings| {
        let faults = &mut settings.faults;
        faults.slow_milliseconds = Some(20);
        for often in [
            &mut faults.slow_artifact,
            &mut faults.duplicate,
            &mut faults.replay,
            &mut faults.wrong_signature,
            &mut faults.lost_answer,
            &mut faults.refused_answer,
        ] {
            *often = Often::Share(1.0);
        }
        faults.out_of_order = Often::First(3);
    })
    .await;
    let told = |fault| {
        let happened = closing.faults.of(fault);
        format!("{} {:?}", happened.times, happened.then)
    };
    assert_eq!(told(Fault::WrongSignature), r#"10 {"401": 10}"#);
    assert_eq!(told(Fault::Duplicate), r#"10 {"202": 10}"#);
    assert_eq!(told(Fault::Replay), r#"10 {"202": 10}"#);
    assert_eq!(told(Fault::LostAnswer), r#"10 {"the same bytes again": 10}"#);
    assert_eq!(told(Fault::RefusedAnswer), r#"10 {"the same bytes again": 10}"#);
    for (fault, times) in [(Fault::OutOfOrder, 3), (Fault::SlowArtifact, 10)] {
        let happened = closing.faults.of(fault);
        // By verdict.
        assert_eq!((happened.times, happened.then.values().sum::<u64>()), (times, times), "{fault:?}");
        assert!(!happened.then.contains_key("no answer"), "{fault:?}");
    }
    assert_eq!((closing.engines[0].answered, closing.engines[0].conflicts), (10, 0));
}

#[tokio::test]
async fn artifacts_that_do_not_come_or_are_others_are_not_bet_on() {
    for fault in [Fault::TruncatedArtifact, Fault::LyingArtifact, Fault::DeadArtifact] {
        let (closing, _) = alone(Habit::Right, |settings| {
            let faults = &mut settings.faults;
            let often = match fault {
                Fault::TruncatedArtifact => &mut faults.truncated_artifact,
                Fault::LyingArtifact => &mut faults.lying_artifact,
                _ => &mut faults.dead_artifact,
            };
            *often = Often::First(4);
        })
        .await;
        let happened = closing.faults.of(fault);
        assert_eq!((happened.times, happened.then["unknown"]), (4, 4), "{fault:?}");
        assert_eq!((closing.engines[0].right, closing.engines[0].verdicts["unknown"]), (6, 4), "{fault:?}");
    }
}

#[tokio::test]
async fn engines_that_vote_stake_nothing() {
    let (closing, _) = alone(Habit::Right, |settings| {
        settings.bounties.arbitration = 1.0;
        settings.arbiters.number = 0;
    })
    .await;
    let engine = &closing.engines[0];
    assert_eq!((engine.answered, engine.right), (10, 10));
    let toys: Vec<_> = closing.parties.iter().filter(|party| party.name == "toy").collect();
    assert_eq!((toys[0].role, toys[0].bets, toys[0].profit), (Participant::Engine, 0, Profit::ZERO));
    // The fees, and what was bet against the truth and for nobody.
    assert_eq!(toys[1].role, Participant::Arbiter);
    assert!(!toys[1].profit.is_loss() && toys[1].profit > Profit::ZERO);
}

#[tokio::test]
async fn each_engine_is_told_of_each_bounty_once() {
    let directory = files(5);
    let mut settings = settings(directory.path(), "");
    let outcomes = tempfile::tempdir().unwrap();
    settings.outcomes_directory = Some(outcomes.path().join("new"));
    let ((_, right), (_, declines)) = (Toy::start(Habit::Right).await, Toy::start(Habit::Declines).await);
    let closing = market(settings, &[("right", &right), ("declines", &declines)]).await;
    let lines = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(outcomes.path().join("new").join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (told, not) = (lines("right.ndjson"), lines("declines.ndjson"));
    let ids: BTreeSet<&str> = told.iter().map(|line| line["bounty"].as_str().unwrap()).collect();
    assert_eq!((told.len(), ids.len(), not.len()), (10, 10, 10));
    assert!(not.iter().all(|line| line.get("payout").is_none() && line["engine"] == "declines"));
    let won: u128 = told.iter().map(|line| line["payout"].as_str().unwrap().parse::<Nct>().unwrap().base_units()).sum();
    let party = closing.parties.iter().find(|party| party.name == "right").unwrap();
    // Stakes and fees were paid, payouts came.
    let paid = party.staked.checked_add("0.3125".parse().unwrap()).unwrap();
    assert_eq!(Profit::of(Nct::from_base_units(won), paid), Some(party.profit));
}

#[tokio::test]
async fn whoever_does_not_know_the_nonce_is_refused() {
    let directory = files(1);
    let mut settings = settings(directory.path(), "");
    settings.bounties.number = 1;
    settings.bounties.life_seconds = 0.5;
    let (toy, never) = Toy::start(Habit::Never).await;
    let mut marketplace = Marketplace::bind(settings).await.unwrap();
    let engine = format!("name = \"toy\"\nurl = \"{never}\"\nsecret = \"{SECRET}\"");
    marketplace.admit(&toml::from_str(&engine).unwrap()).unwrap();
    let url = marketplace.url();
    let client = ambassador::client().unwrap();
    let stranger = async {
        let status = client.post(format!("{url}/v3/bounties/1/assertions/?nonce=x")).body("{}").send().await.unwrap();
        assert_eq!(status.status(), 404);
        assert_eq!(client.get(format!("{url}/artifacts/1")).send().await.unwrap().status(), 404);
        assert_eq!(client.get(format!("{url}/")).send().await.unwrap().status(), 404);
        let id = loop {
            if let Some(id) = toy.seen.lock().unwrap().first().copied() {
                break id;
            }
            tokio::task::yield_now().await;
        };
        let status =
            client.post(format!("{url}/v3/bounties/{id}/assertions/?nonce=x")).body("{}").send().await.unwrap();
        assert_eq!(status.status(), 403);
    };
    let (closing, ()) = tokio::join!(marketplace.run(std::future::pending()), stranger);
    assert_eq!(closing.unwrap().strangers, 1);
}

#[tokio::test]
async fn asked_to_end_it_settles_what_is_open_and_posts_no_more() {
    let directory = files(5);
    let mut settings = settings(directory.path(), "");
    settings.bounties.in_flight_max = 3;
    let (_, never) = Toy::start(Habit::Never).await;
    let mut marketplace = Marketplace::bind(settings).await.unwrap();
    let engine = format!("name = \"toy\"\nurl = \"{never}\"\nsecret = \"{SECRET}\"");
    marketplace.admit(&toml::from_str(&engine).unwrap()).unwrap();
    let watch = marketplace.watch();
    let three_are_posted = async move {
        while watch.progress().posted < 3 {
            tokio::task::yield_now().await;
        }
    };
    let closing = marketplace.run(three_are_posted).await.unwrap();
    assert_eq!((closing.posted, closing.settled, closing.conserved), (3, 3, true));
}

#[tokio::test]
async fn where_somebody_listens_already_it_says_so() {
    let directory = files(1);
    let mut settings = settings(directory.path(), "");
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    settings.listen = taken.local_addr().unwrap();
    let error = Marketplace::bind(settings).await.err().unwrap().to_string();
    assert!(error.contains("cannot listen at 127.0.0.1"), "{error}");
}
