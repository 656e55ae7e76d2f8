//! From the configuration to the parts it describes.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use analyzers::Limits;
use anyhow::{Context, bail};
use daemon_archive::{Archive, Store};
use daemon_base::format::counted;
use daemon_base::text::path as shown;
use daemon_config::Bytes;
use daemon_detector::{Loader, Options};
use daemon_download::Fetcher;
use daemon_download::config::EdgeIo;
use daemon_download::runtime::Backend;
use daemon_engine::Policy;
use daemon_journal::{AHEAD_MAX, Ahead, Pending, PendingAssertion};
use daemon_ledger::{AlarmLimits, Alarms};
use daemon_market::{Betting, BountyPolicy, Nct, Now, PurseLimits, Strategy};
use daemon_statement::format::moment;

use crate::clock::{self, Clock};
use crate::config::{self, Config};
use crate::memory::Shares;
use crate::small_file::read_small;

/// Largest configuration taken.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Artifacts that a worker has at once: one is examined, one waits, so that the worker need not.
const PER_WORKER: usize = 2;

/// The configuration at `path`, or every mistake in it, told. Without a path every key has its default.
///
/// # Errors
///
/// If the file cannot be read. Mistakes in it are the inner error.
pub fn config(path: Option<&Path>) -> anyhow::Result<Result<Config, String>> {
    config_with(path, None)
}

/// The same with another strategy than it names, where one is given.
///
/// # Errors
///
/// If the file cannot be read. Mistakes in it, or in `bid_strategy`, are the inner error.
pub fn config_with(path: Option<&Path>, bid_strategy: Option<&str>) -> anyhow::Result<Result<Config, String>> {
    let text = match path {
        Some(path) => read_small(path, CONFIG_BYTES_MAX).with_context(|| format!("cannot read {}", shown(path)))?,
        None => String::new(),
    };
    let (mut config, mut mistakes) = config::read(&text);
    // What is given in its place is at fault itself, not the file.
    let given = bid_strategy.map(|name| Strategy::named(name, &config.market.settings()).map(|_| name));
    match given {
        Some(Ok(name)) => name.clone_into(&mut config.market.bid_strategy),
        Some(Err(error)) => return Ok(Err(format!("--bid-strategy or BID_STRATEGY: {error}"))),
        None => {}
    }
    mistakes.extend(config::check(&config));
    if mistakes.is_empty() {
        return Ok(Ok(config));
    }
    let place = path.map_or_else(|| "the defaults".to_owned(), shown);
    let lines: String = mistakes.iter().map(|mistake| format!("{place}:{mistake}\n")).collect();
    Ok(Err(format!("{lines}{} in {place}", counted(mistakes.len() as u64, "mistake"))))
}

/// The journal, and what it holds.
pub struct OpenedArchive {
    /// The journal on its thread.
    pub archive: Archive,
    /// Bounties that have not ended.
    pub pending: Vec<Pending>,
    /// Assertions whose stakes are not free yet.
    pub assertions: Vec<PendingAssertion>,
    /// Why the purse closes by what was recorded, where that itself is not.
    pub closed: Option<String>,
    /// Alarms, computed from the archive.
    pub alarms: Alarms,
}

/// The journal in `directory`, on its thread. The purse is brought to where it was.
///
/// # Errors
///
/// If the journal cannot be opened or read, another daemon has it open, or its thread cannot be started.
pub fn archive(
    directory: &Path,
    betting: &mut Betting,
    clock: &Clock,
    limits: AlarmLimits,
    observe: impl Fn(Duration, usize) + Send + 'static,
) -> anyhow::Result<OpenedArchive> {
    let place = || format!("cannot use the archive in {}", shown(directory));
    let journal = daemon_archive::Sqlite::open(directory).with_context(place)?;
    let pending = daemon_journal::Recall::pending(&journal).with_context(place)?;
    let assertions = daemon_journal::Recall::pending_assertions(&journal).with_context(place)?;
    let fee = betting.fee;
    let now = Now { wall: clock::passed(directory), steady: clock.now().steady };
    let recounted = daemon_journal::recount(&mut betting.purse, &journal, now.wall, fee).with_context(place)?;
    betting.purse.now(now);
    tell_times(directory, now, &recounted.ahead);
    let closed = recounted.closed;
    let mut alarms = Alarms::new(limits);
    crate::engine::recall_alarms(&mut alarms, &journal).with_context(place)?;
    let archive = Archive::start(journal, observe).with_context(place)?;
    Ok(OpenedArchive { archive, pending, assertions, closed, alarms })
}

/// Maximum number of records with future times that are logged separately.
const AHEAD_TOLD_MAX: usize = 5;

/// Tells what is odd about times, and notes the time for the next start.
fn tell_times(directory: &Path, now: Now, ahead: &[Ahead]) {
    let skipped = now.wall.until(clock::wall());
    if skipped > AHEAD_MAX {
        tracing::warn!(
            hours = skipped.as_secs_f64() / 3_600.0,
            "clock jumped forward since the last start: the limits of the purse use the elapsed time until the next boot"
        );
    }
    for one in ahead.iter().take(AHEAD_TOLD_MAX) {
        tracing::warn!(record = ahead_in_words(one), "record time in the future: the clock was wrong");
    }
    if ahead.len() > AHEAD_TOLD_MAX {
        tracing::warn!(records = ahead.len(), "more record times in the future");
    }
    if let Err(error) = clock::mark(directory, now.wall) {
        tracing::warn!(why = %error, "clock mark not saved: the next start trusts the clock");
    }
}

/// A record whose time lies ahead, named.
pub fn ahead_in_words(ahead: &Ahead) -> String {
    let about = ahead.key.as_ref().map_or_else(|| "the purse".to_owned(), |key| format!("bounty {key}"));
    format!("{} about {about}, of {} UTC, counted as of {} UTC", ahead.n, moment(ahead.at), moment(ahead.counted_at))
}

/// Opens the artifact store, if it is enabled.
///
/// # Errors
///
/// If the directory cannot be made or used, or other users may use it.
pub fn store(archive: &daemon_archive::Config) -> anyhow::Result<Option<Store>> {
    if archive.artifacts_bytes_max == Bytes(0) {
        return Ok(None);
    }
    let directory = archive.directory.join("artifacts");
    let store = Store::open(&directory, archive.retention());
    Ok(Some(store.with_context(|| format!("cannot store artifacts in {}", shown(&directory)))?))
}

/// Maximum number of artifacts at workers.
pub fn examining_max(config: &Config, workers: NonZeroUsize) -> usize {
    let here = workers.get().saturating_mul(PER_WORKER);
    if config.queue.redis.is_empty() { here } else { here.max(config.queue.out_max) }
}

/// Returns an error if the configured backend is not available.
///
/// # Errors
///
/// If io_uring is asked for and not available.
pub fn check_backend(io: EdgeIo, backend: &Backend) -> anyhow::Result<()> {
    if io == EdgeIo::Uring && !matches!(backend, Backend::Uring) {
        bail!("intake.io is \"uring\", but only {backend} are available");
    }
    Ok(())
}

/// Describes the stake and loss limits.
pub fn limits_in_words(limits: &PurseLimits) -> String {
    let amount = |most: Option<Nct>, when: &str| match most {
        Some(most) => format!("{most} NCT {when}"),
        None => format!("any amount {when}"),
    };
    let stakes = [
        amount(Some(limits.bounty_max), "on one bounty"),
        amount(limits.hour_max, "within an hour"),
        amount(limits.day_max, "within a day"),
        amount(limits.open_max, "at once"),
    ];
    let losses = [
        limits.losses.day_max.map(|most| format!("a loss of more than {most} NCT within a day")),
        limits.losses.row_max.map(|most| format!("{most} losses in a row")),
        limits.losses.drop_max_percent.map(|most| format!("a drop of the return by {most} points")),
    ];
    let losses: Vec<String> = losses.into_iter().flatten().collect();
    let closes = match &losses[..] {
        [] => "no losses close the purse".to_owned(),
        [one] => format!("{one} closes the purse"),
        several => format!("{} close the purse", several.join(", or ")),
    };
    format!("it stakes at most {}; {closes}", stakes.join(", "))
}

/// Tells what may be staked and lost.
pub fn tell_limits(market: &daemon_market::Config) {
    let limits = market.purse_limits();
    let words = limits_in_words(&limits);
    match (limits.losses.day_max, limits.losses.row_max, limits.losses.drop_max_percent) {
        (None, None, None) => {
            tracing::warn!(balance = %market.balance, limits = words, "purse limits: no losses close the purse")
        }
        _ => tracing::info!(balance = %market.balance, limits = words, "purse limits"),
    }
}

/// How rules are loaded.
pub fn rules_options(config: &Config) -> Options {
    config.scan.options(&config.archive.directory.join("rules"))
}

/// Makes the loader of rules.
pub fn loader(config: &Config, shares: &Shares) -> Loader {
    let limits = Limits {
        artifact_bytes_max: config.intake.artifact_bytes_max.0,
        wall_time_max: config.scan.time_max,
        memory_bytes_max: shares.worker,
        ..Limits::default()
    };
    Loader {
        options: rules_options(config),
        limits,
        // Clients of clamd's protocol send files of any kind; bounties about others are declined before.
        policy: Policy { any_kind: config.scan.any_kind || config.clamd.is_on() },
        workers: shares.workers.get(),
    }
}

/// The directory of artifacts that are too large for memory.
pub fn spill_directory(config: &Config) -> std::path::PathBuf {
    match &config.intake.spill_directory {
        empty if empty.as_os_str().is_empty() => config.archive.directory.clone(),
        path => path.clone(),
    }
}

/// Makes the downloader.
///
/// # Errors
/// If the directory for large ones cannot be opened.
pub fn fetcher(config: &Config, shares: &Shares, backend: &Backend) -> anyhow::Result<Fetcher> {
    let options = config.intake.fetch_options(shares.artifact, shares.artifacts, spill_directory(config));
    Fetcher::new(options, backend).context("cannot download artifacts")
}

/// Policy for bounties.
pub fn policy(config: &Config, workers: NonZeroUsize, dry_run: bool) -> BountyPolicy {
    BountyPolicy {
        fetching_max: config.intake.downloads_max,
        examining_max: examining_max(config, workers),
        dry_run,
        ..config.market.policy()
    }
}
