//! From the configuration to the parts it describes.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use analyzers::Limits;
use anyhow::{Context, bail};
use daemon_archive::{Archive, Retention, Store};
use daemon_base::format::{counted, nct};
use daemon_base::text::path as shown;
use daemon_detector::{Loader, RulesCache};
use daemon_download::runtime::{Backend, Prefer};
use daemon_download::{Addresses, FetchLimits, FetchOptions, Fetcher, FileUris, Schemes};
use daemon_engine::Policy;
use daemon_journal::{AHEAD_MAX, Ahead, Pending};
use daemon_ledger::{AlarmLimits, Alarms};
use daemon_market::{
    Betting, BountyFilter, BountyPolicy, ConvictionMap, LossLimits, Modifiers, Nct, Now, Purse, PurseLimits, Settings,
    Strategy,
};
use daemon_statement::format::moment;
use daemon_webhook::{Courier, CourierLimits, Hosts, Product, Secrets};

use super::clock::{self, Clock};
use crate::config::{self, Answers, Bytes, Config, ConfigMistake, EdgeIo, Scan, Share, Urls, Webhook};
use crate::memory::Shares;

/// Least memory that a worker may be given for one artifact: rules and a file of some size need that much.
pub const MEMORY_BYTES_MIN: u64 = 16 << 20;
/// Largest configuration taken.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Largest body of a request that can be asked for: the journal takes no more in one record.
const WEBHOOK_BODY_BYTES_MAX: u64 = 16 << 20;
/// Largest file of a secret taken.
const SECRET_BYTES_MAX: u64 = 4 << 10;
/// The secret, where no file holds it.
const SECRET_VARIABLE: &str = "STAKEOUT_WEBHOOK_SECRET";
/// Maximum of loss_row_max: after a restart the purse is counted from this many settlements.
const LOSS_ROW_MAX: u32 = 1_000;
/// Artifacts that a worker has at once: one is examined, one waits, so that the worker need not.
const PER_WORKER: usize = 2;

/// The configuration at `path`, or every mistake in it, told. Without a path every key has its default.
pub fn config(path: Option<&Path>) -> anyhow::Result<Result<Config, String>> {
    config_with(path, None)
}

/// The same with another strategy than it names, where one is given.
pub fn config_with(path: Option<&Path>, bid_strategy: Option<&str>) -> anyhow::Result<Result<Config, String>> {
    let text = match path {
        Some(path) => read_small(path, CONFIG_BYTES_MAX).with_context(|| format!("cannot read {}", shown(path)))?,
        None => String::new(),
    };
    let (mut config, mut mistakes) = config::read(&text);
    // What is given in its place is at fault itself, not the file.
    let given = bid_strategy.map(|name| Strategy::named(name, &settings(&config.market)).map(|_| name));
    match given {
        Some(Ok(name)) => name.clone_into(&mut config.market.bid_strategy),
        Some(Err(error)) => return Ok(Err(format!("--bid-strategy or BID_STRATEGY: {error}"))),
        None => {}
    }
    mistakes.extend(checked(&config));
    if mistakes.is_empty() {
        return Ok(Ok(config));
    }
    let place = path.map_or_else(|| "the defaults".to_owned(), shown);
    let lines: String = mistakes.iter().map(|mistake| format!("{place}:{mistake}\n")).collect();
    Ok(Err(format!("{lines}{} in {place}", counted(mistakes.len() as u64, "mistake"))))
}

/// Finds mistakes in values that are valid separately.
pub fn checked(config: &Config) -> Vec<ConfigMistake> {
    let mut mistakes = Vec::new();
    let mut wrong = |what: String| mistakes.push(ConfigMistake { place: None, what: format!(" {what}") });
    if let Err(error) = Hosts::parse(&config.answers.hosts) {
        error.entries().for_each(|(host, why)| wrong(format!("answers.hosts: {host:?}: {why}")));
    }
    if config.answers.hosts.is_empty() {
        wrong("answers.hosts is empty: list the hosts to which answers may be sent".to_owned());
    }
    if config.webhook.secret_files.len() > 2 {
        wrong("webhook.secret_files: at most two secrets can be valid at the same time".to_owned());
    }
    // Port 0 is a free one, and never the same.
    if config.webhook.listen == config.admin.listen && config.webhook.listen.port() != 0 {
        wrong("webhook.listen and admin.listen are the same address".to_owned());
    }
    if let Err(error) = super::logs::filter(&config.log.level) {
        wrong(error.to_string());
    }
    for (key, number) in [
        ("market.open_max", config.market.open_max),
        ("intake.downloads_max", config.intake.downloads_max),
        ("intake.attempts_max", config.intake.attempts_max),
        ("webhook.connections_max", config.webhook.connections_max),
        ("webhook.connections_per_address_max", config.webhook.connections_per_address_max),
    ] {
        if number == 0 {
            wrong(format!("{key} must be at least 1"));
        }
    }
    if config.market.rates.iter().any(|rate| rate.bounties == 0) {
        wrong("market.rates: a rate must not be 0".to_owned());
    }
    if let Err(error) = Strategy::named(&config.market.bid_strategy, &settings(&config.market)) {
        wrong(format!("market.bid_strategy: {error}"));
    }
    if let Err(error) = ConvictionMap::through(config.market.conviction.clone()) {
        wrong(format!("market.conviction: {error}"));
    }
    if config.market.loss_row_max.0.is_some_and(|most| most > LOSS_ROW_MAX) {
        wrong(format!("market.loss_row_max must be at most {LOSS_ROW_MAX}"));
    }
    if config.scan.rules_settle_time < Duration::from_millis(10) {
        wrong("scan.rules_settle_time must be at least 10ms".to_owned());
    }
    if !(1 << 10..=WEBHOOK_BODY_BYTES_MAX).contains(&config.webhook.body_bytes_max.0) {
        wrong("webhook.body_bytes_max must be from \"1K\" to \"16M\"".to_owned());
    }
    if config.scan.memory_max.0 < MEMORY_BYTES_MIN {
        wrong("scan.memory_max must be at least \"16M\"".to_owned());
    }
    if config.scan.time_max < Duration::from_millis(10) {
        wrong("scan.time_max must be at least 10ms".to_owned());
    }
    mistakes
}

fn read_small(path: &Path, bytes_max: u64) -> anyhow::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        bail!("the file exceeds the limit of {bytes_max} bytes");
    }
    Ok(text)
}

/// The secrets that bounties are signed with.
pub fn secrets(webhook: &Webhook) -> anyhow::Result<Secrets> {
    let secrets = secret_texts(webhook)?;
    let previous = secrets.get(1).map(String::as_bytes);
    Secrets::new(secrets[0].as_bytes(), previous).context("cannot use the webhook secrets")
}

/// The same as texts, at least one: for who signs with them.
pub fn secret_texts(webhook: &Webhook) -> anyhow::Result<Vec<String>> {
    let mut secrets = Vec::new();
    for path in &webhook.secret_files {
        let text = read_small(path, SECRET_BYTES_MAX)
            .with_context(|| format!("cannot read the webhook secret in {}", shown(path)))?;
        let secret = one_line(&text).map_err(|why| anyhow::anyhow!("the webhook secret in {} {why}", shown(path)))?;
        if secret.is_empty() {
            bail!("{} is empty: write the webhook secret into it, or remove it from webhook.secret_files", shown(path));
        }
        secrets.push(secret.to_owned());
    }
    if secrets.is_empty() {
        let secret = std::env::var(SECRET_VARIABLE).map_err(|_| {
            anyhow::anyhow!(
                "no webhook secret is configured: name its file in webhook.secret_files (for `webhook ping` and `webhook test`, \
                 in --secret-file), or set {SECRET_VARIABLE}"
            )
        })?;
        if secret.is_empty() {
            bail!("{SECRET_VARIABLE} is empty: set it to the secret that PolySwarm shows for this webhook");
        }
        secrets.push(secret);
    }
    Ok(secrets)
}

/// The one line of a file that holds a secret, without the byte order mark and the line break that editors put around it.
/// Nothing else is taken away: a blank may be part of a secret.
fn one_line(text: &str) -> Result<&str, &'static str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.contains(['\r', '\n']) {
        return Err(
            "has more than one line: write one secret per file; list two files while a secret is being replaced",
        );
    }
    if secret.contains('\0') {
        return Err("contains a NUL byte: save the file as UTF-8 or ASCII text");
    }
    Ok(secret)
}

/// Returns the retention limits of the artifact store.
fn retention(archive: &config::Archive) -> Retention {
    Retention { bytes_max: archive.artifacts_bytes_max.0, age_max: archive.artifacts_age_max }
}

/// Directory of the archive. A dry run has its own, so that its records and those of the real engine do not mix.
pub fn archive_directory(archive: &config::Archive, dry_run: bool) -> PathBuf {
    if dry_run { archive.directory.join("dry-run") } else { archive.directory.clone() }
}

/// The journal, and what it holds.
pub struct OpenedArchive {
    /// The journal on its thread.
    pub archive: Archive,
    /// Bounties that have not ended.
    pub pending: Vec<Pending>,
    /// Why the purse closes by what was recorded, where that itself is not.
    pub closed: Option<String>,
    /// Alarms, computed from the archive.
    pub alarms: Alarms,
}

/// Returns the limits of alarms.
pub fn alarms(alarms: &config::Alarms) -> AlarmLimits {
    let share = |share: Share| Some(share.0).filter(|share| *share > 0.0);
    AlarmLimits {
        return_fall_max_percent: u32::try_from(alarms.return_fall_max).ok().filter(|most| *most > 0),
        brier_rise_max: share(alarms.brier_rise_max),
        confidence_gap_max: share(alarms.confidence_gap_max),
        silence_max: Some(alarms.silence_max).filter(|most| !most.is_zero()),
        expired_share_max: share(alarms.expired_max),
        refused_share_max: share(alarms.refused_max),
        failed_downloads_share_max: share(alarms.failed_downloads_max),
        bounty_life_max: Some(alarms.bounty_life_max).filter(|most| !most.is_zero()),
    }
}

/// The journal in `directory`, on its thread. The purse is brought to where it was.
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
    let fee = betting.fee;
    let now = Now { wall: clock::passed(directory), steady: clock.now().steady };
    let recounted = daemon_journal::recount(&mut betting.purse, &journal, now.wall, fee).with_context(place)?;
    betting.purse.now(now);
    tell_times(directory, now, &recounted.ahead);
    let closed = recounted.closed;
    let mut alarms = Alarms::new(limits);
    super::alarms::recall(&mut alarms, &journal).with_context(place)?;
    let archive = Archive::start(journal, observe).with_context(place)?;
    Ok(OpenedArchive { archive, pending, closed, alarms })
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
pub fn store(archive: &config::Archive) -> anyhow::Result<Option<Store>> {
    if archive.artifacts_bytes_max == Bytes(0) {
        return Ok(None);
    }
    let directory = archive.directory.join("artifacts");
    let store = Store::open(&directory, retention(archive));
    Ok(Some(store.with_context(|| format!("cannot store artifacts in {}", shown(&directory)))?))
}

/// Returns the configured number of workers.
pub fn workers(scan: &Scan) -> NonZeroUsize {
    let configured = NonZeroUsize::new(scan.workers);
    configured.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

/// Maximum number of artifacts at workers.
pub fn examining_max(workers: NonZeroUsize) -> usize {
    workers.get().saturating_mul(PER_WORKER)
}

/// Makes the loader of rules.
pub fn loader(config: &Config) -> anyhow::Result<Loader> {
    let cache = match &config.scan.rules_cache {
        empty if empty.as_os_str().is_empty() => config.archive.directory.join("rules"),
        path => path.clone(),
    };
    let worker = Some(config.scan.worker.clone()).filter(|path| !path.as_os_str().is_empty());
    let options = daemon_detector::Options {
        directories: config.scan.rules.clone(),
        no_shipped_rules: !config.scan.shipped_rules,
        no_yara: !config.scan.shipped_rules && config.scan.rules.is_empty(),
        cache: RulesCache::At(cache),
        worker,
        weights: None,
    };
    let shares = Shares::of(config);
    let limits = Limits {
        artifact_bytes_max: config.intake.artifact_bytes_max.0,
        wall_time_max: config.scan.time_max,
        memory_bytes_max: shares.worker,
        ..Limits::default()
    };
    let policy = Policy { any_kind: config.scan.any_kind };
    Ok(Loader { options, limits, policy, workers: shares.workers.get() })
}

/// Returns the preferred I/O backend.
pub fn prefer(io: EdgeIo) -> Prefer {
    match io {
        EdgeIo::Auto => Prefer::Auto,
        EdgeIo::Uring => Prefer::Uring,
        EdgeIo::Plain => Prefer::Plain,
    }
}

/// Returns an error if the configured backend is not available.
pub fn check_backend(io: EdgeIo, backend: &Backend) -> anyhow::Result<()> {
    if io == EdgeIo::Uring && !matches!(backend, Backend::Uring) {
        bail!("intake.io is \"uring\", but only {backend} are available");
    }
    Ok(())
}

/// Makes the downloader.
pub fn fetcher(config: &Config, backend: &Backend) -> anyhow::Result<Fetcher> {
    let intake = &config.intake;
    let spill = match &intake.spill_directory {
        empty if empty.as_os_str().is_empty() => config.archive.directory.clone(),
        path => path.clone(),
    };
    let defaults = FetchLimits::default();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let shares = Shares::of(config);
    let limits = FetchLimits {
        bytes_max: intake.artifact_bytes_max.0,
        memory_bytes_max: shares.artifact,
        memory_in_flight_max: shares.artifacts,
        redirects_max: count(intake.redirects_max),
        attempts_max: count(intake.attempts_max),
        connect_max: intake.connect_time_max,
        watch_bytes_min: intake.rate_bytes_min.0.saturating_mul(defaults.watch.as_secs()),
        idle_max: intake.downloads_max,
        ..defaults
    };
    let options = FetchOptions {
        limits,
        addresses: Addresses { allow: intake.allow_networks.clone() },
        schemes: Schemes {
            http: intake.http,
            file: if intake.file { FileUris::Anywhere } else { FileUris::Refused },
            ..Schemes::default()
        },
        ..FetchOptions::new(spill)
    };
    Fetcher::new(options, backend).context("cannot download artifacts")
}

/// Limits for senders.
pub fn server_limits(webhook: &Webhook) -> daemon_webhook::Limits {
    let defaults = daemon_webhook::Limits::default();
    daemon_webhook::Limits {
        body_bytes_max: usize::try_from(webhook.body_bytes_max.0).unwrap_or(usize::MAX),
        head_time_max: webhook.head_time_max,
        body_time_max: webhook.body_time_max,
        idle_time_max: webhook.idle_time_max,
        connections_max: webhook.connections_max,
        connections_per_peer_max: webhook.connections_per_address_max,
        ..defaults
    }
}

/// Makes the client that delivers answers.
pub fn courier(answers: &Answers) -> anyhow::Result<Courier> {
    let hosts = Hosts::parse(&answers.hosts).context("answers.hosts contains an invalid host")?;
    let limits = CourierLimits { attempt_time_max: answers.attempt_time_max, ..CourierLimits::default() };
    Courier::new(hosts, limits).context("cannot send answers")
}

/// Returns the product in the metadata of answers.
pub fn product(answers: &Answers) -> Product {
    Product {
        name: answers.product.clone(),
        vendor: Some(answers.vendor.clone()).filter(|vendor| !vendor.is_empty()),
        author: Some(answers.author.clone()).filter(|author| !author.is_empty()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Policy for bounties.
pub fn policy(config: &Config, workers: NonZeroUsize, dry_run: bool) -> BountyPolicy {
    let market = &config.market;
    BountyPolicy {
        open_max: market.open_max,
        fetching_max: config.intake.downloads_max,
        examining_max: examining_max(workers),
        margin: market.margin,
        life_max: market.life_max,
        reward_min: market.reward_min,
        visit_urls: market.urls == Urls::Visit,
        filter: BountyFilter { accept: market.accept.clone(), reject: market.reject.clone() },
        modifiers: Modifiers { favor: market.favor.clone(), penalize: market.penalize.clone() },
        rates: market.rates.clone(),
        dry_run,
    }
}

/// Returns the settings of strategies.
pub fn settings(market: &config::Market) -> Settings {
    Settings {
        threshold: market.bid_threshold.0,
        kelly_fraction: market.kelly_fraction.0,
        table: market.bid_table.clone(),
        expression: market.bid_expression.clone(),
    }
}

/// Returns the limits of the purse.
pub fn purse_limits(market: &config::Market) -> PurseLimits {
    let balance = market.balance;
    PurseLimits {
        bounty_max: market.stake_max,
        hour_max: market.stake_hour_max.of(balance),
        day_max: market.stake_day_max.of(balance),
        open_max: market.stake_open_max.of(balance),
        open_time: market.stake_open_time,
        losses: LossLimits {
            day_max: market.loss_day_max.of(balance),
            row_max: market.loss_row_max.0,
            drop_max_percent: market.loss_drop_max.0,
        },
    }
}

/// Describes the stake and loss limits.
pub fn limits_in_words(limits: &PurseLimits) -> String {
    let amount = |most: Option<Nct>, when: &str| match most {
        Some(most) => format!("{} NCT {when}", nct(most)),
        None => format!("any amount {when}"),
    };
    let stakes = [
        amount(Some(limits.bounty_max), "on one bounty"),
        amount(limits.hour_max, "within an hour"),
        amount(limits.day_max, "within a day"),
        amount(limits.open_max, "at once"),
    ];
    let losses = [
        limits.losses.day_max.map(|most| format!("a loss of more than {} NCT within a day", nct(most))),
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
pub fn tell_limits(market: &config::Market) {
    let limits = purse_limits(market);
    let words = limits_in_words(&limits);
    match (limits.losses.day_max, limits.losses.row_max, limits.losses.drop_max_percent) {
        (None, None, None) => {
            tracing::warn!(balance = %market.balance, limits = words, "purse limits: no losses close the purse")
        }
        _ => tracing::info!(balance = %market.balance, limits = words, "purse limits"),
    }
}

/// Makes the bid strategy and its settings.
pub fn betting(market: &config::Market) -> anyhow::Result<Betting> {
    let strategy =
        Strategy::named(&market.bid_strategy, &settings(market)).context("cannot use market.bid_strategy")?;
    Ok(Betting {
        conviction: ConvictionMap::through(market.conviction.clone()).context("cannot use market.conviction")?,
        fee: market.assertion_fee,
        balance: market.balance,
        ratio: market.loser_ratio.0,
        ..Betting::new(strategy, Purse::new(purse_limits(market)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_without_what_editors_put_around_it() {
        for (text, secret) in [
            ("s3cret", Ok("s3cret")),
            ("s3cret\r\n", Ok("s3cret")),
            ("\u{feff}s3cret\n", Ok("s3cret")),
            (" s3cret \n\n", Ok(" s3cret ")),
            ("", Ok("")),
        ] {
            assert_eq!(one_line(text), secret, "{text:?}");
        }
        assert!(one_line("new\nold\n").unwrap_err().contains("more than one line"));
        assert!(one_line("s\u{0}e\u{0}").unwrap_err().contains("UTF-8"));
    }
}
