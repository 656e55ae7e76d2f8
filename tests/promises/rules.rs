//! Rule files and directories that are not what they were, while a daemon judges by them.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use rustix::fs::{Mode, mkfifoat};
use serde_json::Value;
use testkit::{Load, Measured, Pace, percentile, processes};

use crate::engine::{DaemonHome, SECRET, bounty};
use crate::figure::keep;

const LIFE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(90);

fn rule(name: &str) -> String {
    format!(
        "rule {name} {{ meta: id = \"yara.test.{name}\" weight = 3.0 source = \"a test\" description = \"A test.\" \
         strings: $a = \"a text of {name}\" condition: $a }}\n"
    )
}

/// A place with one rule in a directory.
fn place_with_rules(market: &TestMarket) -> (DaemonHome, PathBuf) {
    let mut place = DaemonHome::new(market);
    let rules = place.path("rules");
    fs::create_dir(&rules).expect("our directory can be written to");
    fs::write(rules.join("first.yar"), rule("first")).expect("our directory can be written to");
    place.extra = format!("scan.rules = [{rules:?}]\nscan.shipped_rules = false\nscan.rules_settle_time = \"50ms\"\n");
    (place, rules)
}

fn status(place: &DaemonHome) -> Value {
    serde_json::from_str(&place.ask("/rules").1).unwrap_or_default()
}

#[track_caller]
fn until(place: &DaemonHome, what: &str, right: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let status = status(place);
        if right(&status) {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {status}\n{}", place.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Does what is wrong, and checks that the old rules judge on and the place is named; then mends it.
struct BadRules<'p> {
    market: &'p TestMarket,
    place: &'p DaemonHome,
    rules: &'p Path,
    generation: String,
    tried: usize,
}

impl BadRules<'_> {
    #[track_caller]
    fn is(&mut self, what: &str, wrong: impl FnOnce(&Path), mended: impl FnOnce(&Path)) {
        let failures = |status: &Value| status["failures"].as_u64().unwrap_or(0);
        let before = failures(&status(self.place));
        wrong(self.rules);
        let seen = until(self.place, what, |status| failures(status) > before);
        assert_eq!(seen["generation"], self.generation.as_str(), "{what}: {seen}");
        assert_ne!(seen["last"]["problems"].to_string(), "[]", "{what}: {seen}");
        let id = format!("{}", self.tried);
        assert_eq!(self.place.post(&bounty(self.market, &id, &specimens::eicar(), LIFE)), 202, "{what}");
        let answer =
            self.market.wait(&id, PATIENCE).unwrap_or_else(|| panic!("{what}: no answer: {}", self.place.log()));
        let answer: Value = serde_json::from_slice(&answer.body).expect("answers are JSON");
        assert_eq!(answer["verdict"], "malicious", "{what}: {answer}");
        let judged_by = &answer["metadata"]["scanner"]["signatures_version"];
        assert_eq!(judged_by, self.generation.as_str(), "{what}: {answer}");
        mended(self.rules);
        until(self.place, &format!("{what}, mended"), |status| {
            status["last"]["taken"] == true && status["generation"] == self.generation.as_str()
        });
        self.tried += 1;
    }
}

fn first(rules: &Path) -> PathBuf {
    rules.join("first.yar")
}

/// Puts the first rule where it was, whatever is there.
fn mend(rules: &Path) {
    let path = first(rules);
    let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
    fs::write(&path, rule("first")).expect("our directory can be written to");
}

#[test]
fn c3_rule_files_that_are_none_change_nothing() {
    let market = TestMarket::start();
    let (place, rules) = place_with_rules(&market);
    let mut daemon = place.start();
    let generation = status(&place)["generation"].as_str().expect("rules have a generation").to_owned();
    let mut wrong = BadRules { market: &market, place: &place, rules: &rules, generation, tried: 0 };
    let instead = |make: fn(&Path)| {
        move |rules: &Path| {
            fs::remove_file(first(rules)).expect("it is there");
            make(&first(rules));
        }
    };
    let half = rule("first").len() as u64 / 2;
    wrong.is(
        "cut in the middle",
        |rules| File::options().write(true).open(first(rules)).and_then(|file| file.set_len(half)).expect("it is ours"),
        mend,
    );
    wrong.is("cut to nothing", |rules| fs::write(first(rules), "").expect("it is ours"), mend);
    wrong.is(
        "swapped for one half written",
        |rules| {
            let new = rules.join(".first.new");
            fs::write(&new, &rule("first")[..30]).expect("our directory can be written to");
            fs::rename(new, first(rules)).expect("our directory can be written to");
        },
        mend,
    );
    wrong.is("full of NUL", |rules| fs::write(first(rules), [0; 4096]).expect("it is ours"), mend);
    wrong.is("a FIFO", instead(|path| mkfifoat(rustix::fs::CWD, path, Mode::RUSR).expect("a FIFO can be made")), mend);
    wrong.is("a link to endless zeros", instead(|path| symlink("/dev/zero", path).expect("a link can be made")), mend);
    wrong.is("a link to nothing", instead(|path| symlink("nowhere", path).expect("a link can be made")), mend);
    wrong.is("a directory", instead(|path| fs::create_dir(path).expect("a directory can be made")), mend);
    wrong.is(
        "100 MiB",
        |rules| File::create(first(rules)).and_then(|file| file.set_len(100 << 20)).expect("it is ours"),
        mend,
    );
    wrong.is(
        "nonsense appended",
        |rules| {
            fs::write(first(rules), rule("first") + "rule second { condition: nonsense }\n").expect("it is ours");
        },
        mend,
    );
    let tried = wrong.tried;
    assert_eq!(daemon.child.try_wait().expect("our child can be asked"), None);
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    keep(&format!(
        "{tried} ways of a file to be wrong: the old rules judged on in each, it was named, the frontend unchanged"
    ));
}

#[test]
fn c5_rules_directory_removed() {
    let market = TestMarket::start();
    let (place, rules) = place_with_rules(&market);
    let mut daemon = place.start();
    let generation = status(&place)["generation"].as_str().expect("rules have a generation").to_owned();
    let mut wrong = BadRules { market: &market, place: &place, rules: &rules, generation, tried: 0 };
    let again = |rules: &Path| {
        let _ = fs::remove_file(rules);
        let _ = fs::create_dir(rules);
        mend(rules);
    };
    wrong.is("removed", |rules| fs::remove_dir_all(rules).expect("it is ours"), again);
    wrong.is("emptied", |rules| fs::remove_file(first(rules)).expect("it is ours"), again);
    wrong.is(
        "a file in its place",
        |rules| {
            fs::remove_dir_all(rules).expect("it is ours");
            fs::write(rules, rule("first")).expect("our directory can be written to");
        },
        again,
    );
    let mut over = "";
    let can_mount = rustix::process::geteuid().is_root();
    if can_mount {
        let mount = |rules: &Path| {
            let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(rules).status();
            assert!(mounted.expect("mount can be started").success());
        };
        let unmount = |rules: &Path| {
            let unmounted = Command::new("umount").arg("--lazy").arg(rules).status();
            assert!(unmounted.expect("umount can be started").success());
        };
        wrong.is("something mounted over it", mount, unmount);
        over = ", once by something mounted over it";
    }
    let tried = wrong.tried;
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    keep(&format!("{tried} ways of a directory to go away{over}: the old rules judged on in each, and it was told"));
}

#[test]
fn c6_rules_replaced_under_load() {
    const RELOADS: u32 = 20;
    let market = Arc::new(TestMarket::start());
    let (place, rules) = place_with_rules(&market);
    let mut daemon = place.start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be had");
    let mut next = 1;
    let mut round = |all: &mut Measured| {
        let load = Load {
            engine: format!("http://127.0.0.1:{}/", place.webhook),
            secret: SECRET.to_owned(),
            first_id: next,
            bounties: 50,
            pace: Pace::InFlight(4),
            artifacts: Arc::new(vec![specimens::elf::tool().build().into()]),
            life: LIFE,
        };
        next += 50;
        let more = runtime.block_on(load.run(Arc::clone(&market)));
        assert_eq!((more.lost.len(), more.conflicting), (0, 0), "{}", place.log());
        assert_eq!(more.statuses.keys().collect::<Vec<_>>(), [&202], "{:?}", more.statuses);
        all.latencies.extend(more.latencies);
    };
    let mut quiet = Measured::default();
    (0..4).for_each(|_| round(&mut quiet));
    let pids = [daemon.child.id()];
    let before = processes::memory(&pids);
    let stop = AtomicBool::new(false);
    let (mut busy, mut generations, mut peak) =
        (Measured::default(), vec![status(&place)["generation"].to_string()], before);
    std::thread::scope(|scope| {
        let replacing = scope.spawn(|| {
            let (mut seen, mut peak) = (Vec::new(), 0);
            for nth in 0..RELOADS {
                let old = status(&place)["generation"].clone();
                fs::write(rules.join("changing.yar"), rule(&format!("changing_{nth}")))
                    .expect("our directory can be written to");
                let begun = Instant::now();
                let new = loop {
                    peak = peak.max(processes::memory(&pids));
                    let now = status(&place)["generation"].clone();
                    if now != old && now.is_string() {
                        break now;
                    }
                    if begun.elapsed() > PATIENCE {
                        stop.store(true, Ordering::Relaxed);
                        panic!("reload {nth} is not taken: {}", place.log());
                    }
                    std::thread::sleep(Duration::from_millis(20));
                };
                seen.push(new.to_string());
            }
            stop.store(true, Ordering::Relaxed);
            (seen, peak)
        });
        while !stop.load(Ordering::Relaxed) {
            round(&mut busy);
        }
        let (seen, most) = replacing.join().expect("replacing rules does not panic");
        generations.extend(seen);
        peak = peak.max(most);
    });
    let unnamed = market.all_answers().into_values().flatten().filter(|answer| {
        let answer: Value = serde_json::from_slice(&answer.body).expect("answers are JSON");
        !generations.contains(&answer["metadata"]["scanner"]["signatures_version"].to_string())
    });
    assert_eq!(unnamed.count(), 0, "answers that do not say which rules they are from");
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    let ms = |measured: &mut Measured, share| {
        measured.latencies.sort_unstable();
        percentile(&measured.latencies, share).as_secs_f64() * 1e3
    };
    let times = [ms(&mut quiet, 0.5), ms(&mut quiet, 0.99), ms(&mut busy, 0.5), ms(&mut busy, 0.99)];
    let ratio = peak as f64 / before as f64;
    assert!(ratio < 15.0, "memory grew to {ratio} of what it was");
    keep(&format!(
        "{RELOADS} reloads under load: {} bounties, 0 lost, each names its rules; p50 {:.0} ms before and {:.0} meanwhile, p99 {:.0} \
         and {:.0}; memory at most {ratio:.2} of before",
        busy.latencies.len(),
        times[0],
        times[2],
        times[1],
        times[3]
    ));
}
