//! Daemons and workers killed at every moment, under load: whatever was taken is answered or has expired, and nobody
//! ever sees two answers to one bounty.
//!
//! `STAKEOUT_KILLS` says how often (by default few enough for every day), `STAKEOUT_KILLS_SEED` where to begin.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::engine::{Daemon, DaemonHome, bounty, printed};

const LIFE: Duration = Duration::from_secs(30);
/// How often, unless somebody says otherwise.
const KILLS: u64 = 60;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Numbers that look random, from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// What holds after any sequence of deaths.
#[track_caller]
fn check(market: &TestMarket, place: &DaemonHome, accepted: &BTreeSet<String>, seed: u64) {
    let told = printed(&place.output(&["archive", "query", "--json", "--limit", "1000000"]), 0);
    let stories: Vec<Value> =
        told.lines().map(|line| serde_json::from_str(line).expect("JSON was asked for")).collect();
    let text =
        |story: &Value, name: &str| story[name].as_str().expect("every story has an id and an ending").to_owned();
    let endings: HashMap<String, String> =
        stories.iter().map(|story| (text(story, "id"), text(story, "ending"))).collect();
    let ending = |id: &str| endings.get(id).map_or("not in the archive", String::as_str);
    for id in accepted {
        let answers = market.answers(id);
        let ending = ending(id);
        assert!(matches!(ending, "sent" | "expired"), "seed {seed}: bounty {id} was taken and is {ending}");
        assert!(ending != "sent" || !answers.is_empty(), "seed {seed}: bounty {id} is said to be answered");
    }
    for (id, answers) in market.all_answers() {
        assert!(answers.iter().all(|answer| answer.body == answers[0].body), "seed {seed}: {id} has two answers");
    }
    let verified = printed(&place.output(&["archive", "verify"]), 0);
    assert!(verified.starts_with("intact: "), "seed {seed}: {verified}");
}

/// Waits until everything that was taken has ended.
fn settle(place: &DaemonHome, daemon: &mut Daemon<'_>) {
    daemon.wait_ready();
    let begun = Instant::now();
    let open = || {
        let (_, metrics) = place.ask("/metrics");
        let counts = metrics.lines().filter(|line| line.starts_with("stakeout_open_bounties{"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
    };
    while open() > 0.0 {
        assert!(begun.elapsed() < 3 * LIFE, "bounties do not end\n{}", place.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn kill(pid: u32) {
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::KILL);
    }
}

#[test]
fn nothing_that_was_taken_is_lost_whoever_is_killed_and_whenever() {
    let kills = number("STAKEOUT_KILLS", KILLS);
    let seed = number("STAKEOUT_KILLS_SEED", std::process::id().into());
    let mut dice = Dice(seed);
    let market = Arc::new(TestMarket::start());
    let place = Arc::new(DaemonHome::new(&market).with("scan.shipped_rules = false\nlog.level = \"warn\"\n"));
    let accepted: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    let next = Arc::new(AtomicU64::new(1));
    let artifacts = [specimens::eicar(), specimens::elf::elf().build(), b"nothing to see here".to_vec()];
    let posters: Vec<_> = (0..4_u8)
        .map(|_| {
            let (market, place, accepted) = (Arc::clone(&market), Arc::clone(&place), Arc::clone(&accepted));
            let (stop, next, artifacts) = (Arc::clone(&stop), Arc::clone(&next), artifacts.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let id = number.to_string();
                    let artifact = &artifacts[number as usize % artifacts.len()];
                    let bounty = bounty(&market, &id, artifact, LIFE);
                    // As a marketplace does: what was not taken for certain is posted again.
                    while !stop.load(Ordering::Relaxed) {
                        if place.post(&bounty) == 202 {
                            accepted.lock().unwrap().insert(id);
                            break;
                        }
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
            })
        })
        .collect();

    let mut daemon = place.spawn(&[], &[]);
    let mut deaths = [0_u64; 3];
    for _ in 0..kills {
        // From the first instructions on: a start is as good a moment as any.
        std::thread::sleep(Duration::from_micros(dice.roll(600_000)));
        let victim = dice.roll(4);
        let descendants = daemon.descendants();
        match victim {
            0 => {
                let worker = descendants.get(dice.roll(descendants.len().max(1) as u64) as usize);
                worker.copied().into_iter().for_each(kill);
                deaths[0] += 1;
                continue;
            }
            1 => {
                descendants.into_iter().for_each(kill);
                deaths[2] += 1;
            }
            _ => deaths[1] += 1,
        }
        daemon.kill();
        daemon = place.spawn(&[], &[]);
    }
    daemon.wait_ready();
    stop.store(true, Ordering::Relaxed);
    for poster in posters {
        poster.join().expect("posters do not panic");
    }
    settle(&place, &mut daemon);
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    let accepted = accepted.lock().unwrap();
    check(&market, &place, &accepted, seed);
    let answers = market.all_answers();
    let expired = accepted.iter().filter(|id| !answers.contains_key(*id)).count();
    assert!(expired * 100 <= accepted.len(), "{expired} of {} expired: nothing here takes that long", accepted.len());
    let twice = answers.values().filter(|answers| answers.len() > 1).count();
    let told = format!(
        "killed {} workers, {} daemons, {} with all their workers; {} bounties taken, {} answered, {twice} more than once with \
         the same bytes, 0 conflicts",
        deaths[0],
        deaths[1],
        deaths[2],
        accepted.len(),
        answers.len(),
    );
    println!("seed {seed}: {told}");
    let figures = Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/promises"));
    testkit::keep_figure(figures, "nothing_that_was_taken_is_lost_whoever_is_killed_and_whenever", &told);
    assert!(accepted.len() as u64 > kills / 4, "too few bounties were taken to say anything: {}", accepted.len());
}

#[test]
fn a_daemon_that_dies_just_before_anything_it_does_goes_on_where_it_was() {
    for effect in ["write_bounty", "reply", "fetch", "examine", "write_answer", "send", "write_ending", "forget"] {
        for nth in [1, 3] {
            let market = TestMarket::start();
            let place = DaemonHome::new(&market).with("scan.shipped_rules = false\n");
            let point = format!("{effect}:{nth}");
            let mut daemon = place.spawn(&[], &[("STAKEOUT_DIE_AT", &point)]);
            daemon.wait_ready();
            let mut accepted = BTreeSet::new();
            let mut waiting = Vec::new();
            for number in 0..6 {
                let id = format!("{effect}-{nth}-{number}");
                let bounty = bounty(&market, &id, &specimens::eicar(), LIFE);
                if place.post(&bounty) == 202 {
                    accepted.insert(id);
                } else {
                    waiting.push((id, bounty));
                }
            }
            let begun = Instant::now();
            while daemon.child.try_wait().expect("our child can be asked").is_none() {
                assert!(begun.elapsed() < LIFE, "it does not die at {point}\n{}", place.log());
                std::thread::sleep(Duration::from_millis(5));
            }
            drop(daemon);
            let mut daemon = place.start();
            for (id, bounty) in waiting {
                assert_eq!(place.post(&bounty), 202, "{point}");
                accepted.insert(id);
            }
            settle(&place, &mut daemon);
            assert_eq!(daemon.end(), Some(0));
            check(&market, &place, &accepted, 0);
            assert_eq!(market.all_answers().len(), 6, "{point}: not all are answered");
        }
    }
}
