//! Dying at a chosen moment, for tests: STAKEOUT_DIE_AT names an effect, and perhaps at which of its occurrences
//! (`send:3`). The process kills itself just before that effect is performed. Not in release builds.

use daemon_market::Effect;

#[cfg(debug_assertions)]
pub fn at(effect: &Effect) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WHERE: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);
    let place = WHERE.get_or_init(|| {
        let text = std::env::var("STAKEOUT_DIE_AT").ok()?;
        let (name, nth) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), nth.parse().unwrap_or(1)))
    });
    let Some((name, nth)) = place else { return };
    if name_of(effect) == name && SEEN.fetch_add(1, Ordering::Relaxed) + 1 == *nth {
        // As abrupt as it gets: no destructor, no flush.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::thread::sleep(std::time::Duration::from_secs(10));
    }
}

#[cfg(not(debug_assertions))]
pub fn at(_: &Effect) {}

#[cfg(debug_assertions)]
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
        Effect::Forget(_) => "forget",
    }
}
