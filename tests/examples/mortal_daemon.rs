//! A daemon that dies at a chosen moment, for tests: STAKEOUT_DIE_AT names an effect, and perhaps at which of its
//! occurrences (`send:3`). The process kills itself just before that effect is performed. STAKEOUT_CHAIN names the directory
//! of a chain that it takes bounties from besides.
//!
//! Called as `stakeout daemon --config FILE` is. The shipped program has no such hook.

#[path = "../it/file_chain.rs"]
#[allow(dead_code, unreachable_pub, reason = "the integration tests use the rest of it")]
mod file_chain;

use std::process::ExitCode;
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use daemon_market::{Effect, StepKind};
use daemon_service::daemon::{DaemonEnded, StartOptions, run};
use daemon_service::transport::Transport;

fn main() -> ExitCode {
    // What workers and the compiler of rules run in, if there is no stakeout-worker beside us.
    if let Some(code) = daemon_examiner::main_of_stakeout() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, flag, config] = &arguments[..] else { panic!("called as: daemon --config FILE") };
    assert_eq!((command.as_str(), flag.as_str()), ("daemon", "--config"));
    let transport = std::env::var_os("STAKEOUT_CHAIN").map(|_| chain as fn() -> Rc<dyn Transport>);
    let (config, before_effect) = (Some(config.into()), Some(die_at as fn(&Effect)));
    let options = StartOptions { config, before_effect, transport, ..StartOptions::default() };
    match run(&options).expect("the daemon can start") {
        DaemonEnded::Asked => ExitCode::SUCCESS,
        DaemonEnded::Failed | DaemonEnded::Misconfigured(_) => ExitCode::FAILURE,
    }
}

fn chain() -> Rc<dyn Transport> {
    let directory = std::env::var_os("STAKEOUT_CHAIN").expect("it was there a moment ago");
    file_chain::FileChain::transport(directory.into())
}

fn die_at(effect: &Effect) {
    static WHERE: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);
    let place = WHERE.get_or_init(|| {
        let text = std::env::var("STAKEOUT_DIE_AT").ok()?;
        let (name, nth) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), nth.parse().expect("an effect's occurrence is a number")))
    });
    let Some((name, nth)) = place else { return };
    if name_of(effect) == name && SEEN.fetch_add(1, Ordering::Relaxed) + 1 == *nth {
        // As abrupt as it gets: no destructor, no flush.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::thread::sleep(std::time::Duration::from_secs(10));
    }
}

fn name_of(effect: &Effect) -> &'static str {
    match effect {
        Effect::Reply { .. } => "reply",
        Effect::WriteBounty(_) => "write_bounty",
        Effect::Fetch { .. } => "fetch",
        Effect::Examine { .. } => "examine",
        Effect::WriteAnswer { .. } => "write_answer",
        Effect::Send { .. } => "send",
        Effect::WriteEnding { .. } => "write_ending",
        Effect::WriteOutcome { .. } => "write_outcome",
        Effect::WriteCorrection { .. } => "write_correction",
        Effect::WritePurse { .. } => "write_purse",
        Effect::Opened { .. } => "opened",
        Effect::WriteStep { step, .. } => match step.kind {
            StepKind::Pledged => "write_pledged",
            StepKind::Asserted => "write_asserted",
            StepKind::Revealed => "write_revealed",
            StepKind::Settled => "write_settled",
            StepKind::Missed | StepKind::Settling | StepKind::Abandoned | StepKind::Void => "write_step",
        },
        Effect::LookUp(_) => "look_up",
        Effect::Reveal(_) => "reveal",
        Effect::Settle(_) => "settle",
        Effect::Account(_) => "account",
        Effect::Release(_) => "release",
        Effect::Forget(_) => "forget",
    }
}
