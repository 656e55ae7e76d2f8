//! Operators and a daemon that runs, or does not: who may tell it what, and whose files they are afterwards.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use rustix::process::Signal;
use serde_json::Value;

use crate::engine::{Daemon, DaemonHome, SECRET, bounty, printed};
use crate::program;

const PATIENCE: Duration = Duration::from_secs(60);
/// Users and groups that no machine has.
const DAEMON: u32 = 54_321;
const MEMBER: u32 = 54_322;
const STRANGER: u32 = 54_323;

/// Past the capture of tests: what cannot run here is counted by tests/run.
fn skipped_without_root() -> bool {
    let skipped = !rustix::process::geteuid().is_root();
    if skipped {
        let text = b"SKIPPED: only root can act as other users\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text);
    }
    skipped
}

/// A place whose daemon is another user's, with a control socket outside of its archive.
fn place_of_another(market: &TestMarket) -> DaemonHome {
    let mut place = DaemonHome::new(market);
    let socket = place.path("run/control.sock");
    place.extra = format!("scan.shipped_rules = false\ncontrol.socket = {socket:?}\n");
    let open = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    open(place.directory.path(), 0o755);
    for (name, mode) in [("run", 0o755), ("archive", 0o700)] {
        std::fs::create_dir(place.path(name)).expect("a directory of ours can be written to");
        std::os::unix::fs::chown(place.path(name), Some(DAEMON), Some(DAEMON)).expect("we are root");
        open(&place.path(name), mode);
    }
    place
}

fn start_as<'p>(place: &'p DaemonHome, user: u32) -> Daemon<'p> {
    let log = std::fs::File::create(place.path("log")).expect("a log can be kept");
    let mut command = place.command(&["daemon"]);
    command.uid(user).gid(user).stderr(log).stdout(std::process::Stdio::null());
    let mut daemon = Daemon::of(place, command.spawn().expect("stakeout can be started"));
    daemon.wait_ready();
    daemon
}

/// What the command says to this user, who is in this group too.
fn output_as(place: &DaemonHome, user: u32, group: u32, args: &[&str]) -> Output {
    let mut command = place.command(args);
    command.uid(user).gid(group);
    command.output().expect("stakeout can be started")
}

/// Everything in the archive that is not the daemon's.
fn not_the_daemons(place: &DaemonHome) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![place.archive()];
    while let Some(path) = waiting.pop() {
        let about = path.symlink_metadata().expect("root sees everything");
        if about.uid() != DAEMON || about.gid() != DAEMON || about.mode() & 0o007 != 0 {
            found.push(path.clone());
        }
        if about.is_dir() {
            waiting
                .extend(std::fs::read_dir(&path).expect("root reads everything").flatten().map(|entry| entry.path()));
        }
    }
    found
}

#[test]
fn root_and_the_group_may_talk_to_a_daemon_of_another_user_and_a_stranger_may_not() {
    if skipped_without_root() {
        return;
    }
    let market = TestMarket::start();
    let place = place_of_another(&market);
    let file = place.path("settled.csv");
    std::fs::write(&file, "bounty,truth\n1,malicious\n").expect("our directory can be written to");
    let file = file.to_str().expect("its name is text");
    let mut daemon = start_as(&place, DAEMON);
    assert_eq!(place.post(&bounty(&market, "1", &specimens::eicar(), PATIENCE)), 202);
    market.wait("1", PATIENCE).expect("an answer comes");
    let asks: [&[&str]; 5] = [
        &["health", "--json"],
        &["purse", "--json"],
        &["purse", "resume", "--reason", "seen", "--yes"],
        &["rules", "status", "--json"],
        &["outcomes", "import", "--json", file],
    ];
    let mut known = 0;
    for (user, group) in [(0, 0), (DAEMON, DAEMON), (MEMBER, DAEMON)] {
        for ask in asks {
            let said = output_as(&place, user, group, ask);
            let said = printed(&said, 0);
            if ask[0] == "outcomes" {
                let told: Value = serde_json::from_str(&said).expect("it is JSON");
                // A bounty ends a moment after its answer is taken.
                known += told["known"].as_u64().unwrap() + told["fresh"].as_u64().unwrap();
                assert_eq!((&told["lines"], &told["failed"]), (&1.into(), &0.into()), "{told}");
            }
        }
    }
    assert!(known > 0, "nobody could tell how it was settled: {}", place.log());
    for ask in asks.iter().filter(|ask| ask[0] != "rules") {
        let told = printed(&output_as(&place, STRANGER, STRANGER, ask), 2);
        assert!(told.contains("cannot talk to the daemon") && told.contains("members of"), "{told}");
    }
    // Should the permissions be opened by mistake, who is known to be a stranger is refused all the same.
    let socket = place.path("run/control.sock");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).expect("we are root");
    printed(&output_as(&place, STRANGER, STRANGER, &["purse"]), 2);
    printed(&output_as(&place, MEMBER, DAEMON, &["purse"]), 0);
    assert!(place.log().contains("control connection from a stranger"), "{}", place.log());
    assert_eq!(not_the_daemons(&place), Vec::<PathBuf>::new());
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    assert!(!socket.exists(), "it is taken away");
}

#[test]
fn without_a_daemon_root_uses_the_archive_of_another_and_it_stays_theirs() {
    if skipped_without_root() {
        return;
    }
    let market = TestMarket::start();
    let place = place_of_another(&market);
    let file = place.path("settled.csv");
    std::fs::write(&file, "bounty,truth\n1,malicious\n").expect("our directory can be written to");
    // None but root reads it.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    let file = file.to_str().expect("its name is text");
    let import = ["outcomes", "import", "--json", file];
    // Into an archive in which there is nothing yet, and again.
    for _ in 0..2 {
        let told: Value = serde_json::from_str(&printed(&place.output(&import), 0)).expect("it is JSON");
        assert_eq!(told["unasked"], 1, "{told}");
        assert_eq!(not_the_daemons(&place), Vec::<PathBuf>::new());
    }
    for ask in [&["purse"][..], &["archive", "verify"], &["archive", "query"], &["report"], &["doctor"]] {
        let output = place.output(ask);
        assert!(output.status.code() < Some(2), "{ask:?}: {}", program::stderr(&output));
        assert_eq!(not_the_daemons(&place), Vec::<PathBuf>::new(), "{ask:?}");
    }
    // A daemon of its owner finds everything as it needs it; one of root says whose it is.
    let told = printed(&place.output(&["daemon"]), 64);
    assert!(told.contains(&format!("belongs to user {DAEMON}")) && !told.contains("chown"), "{told}");
    let mut daemon = start_as(&place, DAEMON);
    // One without a control socket is told through its inbox, by files that it takes for its own.
    std::fs::remove_file(place.path("run/control.sock")).expect("root removes everything");
    let told: Value = serde_json::from_str(&printed(&place.output(&import), 0)).expect("it is JSON");
    assert_eq!(told["unasked"], 1, "{told}");
    assert_eq!(not_the_daemons(&place), Vec::<PathBuf>::new());
    printed(&output_as(&place, MEMBER, DAEMON, &import), 2);
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
}

#[test]
fn secrets_are_changed_without_a_restart() {
    let market = TestMarket::start();
    let mut place = DaemonHome::new(&market);
    let [first, second] = ["first", "second"].map(|name| place.path(name));
    std::fs::write(&first, "correct horse battery staple\n").expect("our directory can be written to");
    assert_eq!(SECRET, "correct horse battery staple");
    place.extra = format!("scan.shipped_rules = false\nwebhook.secret_files = {:?}\n", [&first]);
    let mut daemon = place.start();
    let ping = |secret: &Path| {
        let mut command = program::stakeout();
        command.args(["webhook", "ping", &format!("http://127.0.0.1:{}/", place.webhook), "--secret-file"]).arg(secret);
        command.output().expect("stakeout can be started").status.success()
    };
    let until = |what: &str, right: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !right() {
            assert!(begun.elapsed() < PATIENCE, "{what}: {}", place.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    // Some editors put a byte order mark first.
    std::fs::write(&second, "\u{feff}another\r\n").expect("our directory can be written to");
    assert!(ping(&first) && !ping(&second));
    let rewrite = |extra: String| {
        let text = std::fs::read_to_string(place.path("stakeout.toml")).expect("it was written");
        let kept = text.lines().filter(|line| !line.starts_with("webhook.secret_files"));
        let text: String = kept.map(|line| format!("{line}\n")).collect();
        std::fs::write(place.path("stakeout.toml"), format!("{text}{extra}")).expect("our directory can be written to");
        daemon.signal(Signal::HUP);
    };
    rewrite(format!("webhook.secret_files = {:?}\n", [&second, &first]));
    until("the second secret is not taken", &|| ping(&second));
    assert!(ping(&first), "both are valid");
    // What is wrong changes nothing, and is told.
    std::fs::write(&second, "two\nlines\n").expect("our directory can be written to");
    rewrite(format!("webhook.secret_files = {:?}\n", [&second]));
    until("nothing is told", &|| place.log().contains("more than one line"));
    assert!(ping(&first));
    std::fs::write(&second, "another").expect("our directory can be written to");
    rewrite(format!("webhook.secret_files = {:?}\nmarket.open_max = 7\n", [&second]));
    until("the first secret is still taken", &|| !ping(&first));
    assert!(ping(&second));
    until("what waits for a restart is not told", &|| place.log().contains("market.open_max"));
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
}

#[test]
fn a_hangup_at_the_start_ends_nothing() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("scan.shipped_rules = false\n");
    let mut daemon = place.spawn(&[], &[]);
    let begun = Instant::now();
    while !place.log().contains("daemon started") {
        assert!(begun.elapsed() < PATIENCE, "{}", place.log());
    }
    daemon.signal(Signal::HUP);
    daemon.wait_ready();
    while !place.log().contains("webhook secrets reloaded") {
        assert!(begun.elapsed() < PATIENCE, "{}", place.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn what_only_a_person_can_mend_ends_with_64_and_what_may_pass_does_not() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("scan.shipped_rules = false\n");
    let daemon = |args: &[&str], secret: bool| {
        let mut command = program::stakeout();
        command.arg("daemon").args(args).env_remove("STAKEOUT_WEBHOOK_SECRET");
        if secret {
            command.env("STAKEOUT_WEBHOOK_SECRET", SECRET);
        }
        command.output().expect("stakeout can be started")
    };
    let config = place.config();
    let config = config.to_str().expect("its name is text");
    printed(&daemon(&["--config", "/nonexistent/stakeout.toml"], true), 64);
    printed(&daemon(&["--config", config, "--no-such-flag"], true), 64);
    printed(&daemon(&["--config", config, "--bid-strategy", "greedy"], true), 64);
    let told = printed(&daemon(&["--config", config], false), 64);
    assert!(told.contains("no webhook secret is configured"), "{told}");
    std::fs::create_dir(place.archive()).expect("our directory can be written to");
    std::fs::set_permissions(place.archive(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let told = printed(&daemon(&["--config", config], true), 64);
    assert!(told.contains("may be used by others"), "{told}");
    std::fs::set_permissions(place.archive(), std::fs::Permissions::from_mode(0o700)).expect("it is ours");
    // A port in use may be free again in a moment.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", place.webhook)).expect("it is free");
    let told = printed(&daemon(&["--config", config], true), 2);
    assert!(told.contains("cannot listen at"), "{told}");
    // No other command means this by it.
    printed(&program::stakeout().args(["health", "--no-such-flag"]).output().expect("it can be started"), 2);
}

/// Puts another program where this one is, as a package manager does.
fn replace(path: &Path, with: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, with).expect("our directory can be written to");
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    std::fs::rename(&new, path).expect("it is ours");
}

/// Starts a program that was just written. A process that another test forks at that moment holds the file open for
/// writing until it becomes another program, and so long nobody can start it.
fn started(command: &mut Command) -> std::process::Child {
    let begun = Instant::now();
    loop {
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy && begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            started => return started.expect("stakeout can be started"),
        }
    }
}

#[test]
fn after_an_upgrade_rules_are_reloaded_and_workers_come_from_the_program_that_runs() {
    for (what, beside) in [("alone", false), ("with stakeout-worker beside it", true)] {
        let market = TestMarket::start();
        let mut place = DaemonHome::new(&market);
        let (bin, rules) = (place.path("bin"), place.path("rules"));
        for path in [&bin, &rules] {
            std::fs::create_dir(path).expect("our directory can be written to");
        }
        let rule = |name: &str| {
            let text = format!(
                "rule {name} {{ meta: id = \"yara.test.{name}\" weight = 3.0 source = \"a test\" \
                 description = \"A test.\" strings: $a = \"a text of {name}\" condition: $a }}"
            );
            std::fs::write(rules.join(format!("{name}.yar")), text).expect("our directory can be written to");
        };
        rule("first");
        let cache = place.path("cache");
        place.extra = format!(
            "scan.shipped_rules = false\nscan.workers = 1\nscan.rules = [{rules:?}]\nscan.rules_settle_time = \"50ms\"\n"
        );
        let ours = bin.join("stakeout");
        std::fs::copy(program::path(), &ours).expect("our directory can be written to");
        let worker = bin.join("stakeout-worker");
        let built = program::path().with_file_name("stakeout-worker");
        if beside && built.is_file() {
            std::fs::copy(built, &worker).expect("our directory can be written to");
        }
        // Not the shared cache: the rules must be compiled after the upgrade.
        let config = place.config();
        let text = std::fs::read_to_string(&config).expect("it was just written");
        let kept = text.lines().filter(|line| !line.starts_with("scan.rules_cache"));
        let text: String = kept.map(|line| format!("{line}\n")).collect();
        let text = format!("{text}scan.rules_cache = {cache:?}\n");
        std::fs::write(&config, text).expect("our directory can be written to");
        let log = std::fs::File::create(place.path("log")).expect("a log can be kept");
        let mut command = Command::new(&ours);
        command.args(["daemon", "--config"]).arg(&config).env("STAKEOUT_WEBHOOK_SECRET", SECRET).stderr(log);
        let mut daemon = Daemon::of(&place, started(&mut command));
        daemon.wait_ready();
        // A new version that cannot serve the old one, in place of either.
        let other = std::fs::read("/bin/false").expect("there is one");
        replace(&ours, &other);
        replace(&worker, &other);
        rule("second");
        let begun = Instant::now();
        let status = || serde_json::from_str::<Value>(&place.ask("/rules").1).unwrap_or_default();
        while status()["rules"] != 2 {
            assert!(begun.elapsed() < PATIENCE, "{what}: {}\n{}", status(), place.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        // And should all workers die, others come.
        for pid in daemon.descendants() {
            let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
            let _ = pid.map(|pid| rustix::process::kill_process(pid, Signal::KILL));
        }
        assert_eq!(place.post(&bounty(&market, "1", &specimens::eicar(), PATIENCE)), 202);
        let answer = market.wait("1", PATIENCE).unwrap_or_else(|| panic!("{what}: {}", place.log()));
        let answer: Value = serde_json::from_slice(&answer.body).expect("answers are JSON");
        assert_eq!(answer["verdict"], "malicious", "{what}: {answer}\n{}", place.log());
        assert_eq!(daemon.end(), Some(0), "{what}: {}", place.log());
    }
}
