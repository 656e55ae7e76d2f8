//! `stakeout consume`: takes jobs of a queue on any host, scans, and sends reports back.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum, ValueHint};
use daemon_base::duration;
use daemon_consumer::{ConsumerEnded, Dialect, Misconfigured, RunSettings};
use daemon_detector::Loader;
use daemon_download::{Credentials, FetchOptions};
use daemon_engine::Policy;
use daemon_queue::polyswarm::{RateLimits, is_queue_name};
use daemon_queue::{Address, streams};
use daemon_service::logs::{LogConfig, LogFormat};

use crate::cli::args::{LimitArgs, RulesArgs};
use crate::exit::Exit;
use crate::terminal::notice;

/// Longest secret that is read from a file.
const SECRET_BYTES_MAX: usize = 4 << 10;

/// Arguments of `consume`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout consume --redis-addr queue.example:6379 --queue stakeout
  stakeout consume --redis-addr queue.example:6379 --queue stakeout --password-file /etc/stakeout/redis --rules /etc/stakeout/rules
  stakeout consume --queue myengine --dialect polyswarm --api-host https://polyswarmd.example --api-key-file /etc/stakeout/api-key
  stakeout consume --queue stakeout --health-listen 127.0.0.1:9182 --daily-rate-limit 100000

It replaces PolySwarm's `worker` with --dialect polyswarm, and takes its environment variables. See docs/queue.md.

Signals: SIGTERM stops taking jobs, finishes those at hand, hands back what takes longer than --grace, and exits. A second \
SIGTERM hands them back at once. SIGHUP loads the rules again.
Exit codes: 0 stopped by a signal, 2 a fatal error, 64 the arguments are wrong, or another problem that a restart cannot fix.")]
pub(crate) struct ConsumeArgs {
    /// Address of Redis or Valkey: host:port, redis://user@host:port/db or unix:///path.
    #[arg(long, value_name = "ADDRESS", env = "REDIS_ADDR", default_value = "localhost:6379")]
    pub redis_addr: String,
    /// File with the password of Redis. Default: the credential `redis` of the systemd unit, where it has one. Example:
    /// /etc/stakeout/redis.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// Name of the queue. Example: stakeout.
    #[arg(long, value_name = "NAME", env = "QUEUE")]
    pub queue: String,
    /// Which jobs the queue holds.
    #[arg(long, value_enum, default_value_t = DialectArg::Streams)]
    pub dialect: DialectArg,
    /// Name of this consumer, its own among all of the queue; the same after a restart where that is possible. Default: the
    /// host's name and the process id. Example: host-1.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Number of worker processes that scan. Default: the number of processors. Example: 4.
    #[arg(long, value_name = "NUMBER")]
    pub workers: Option<NonZeroUsize>,
    /// Maximum number of downloads at once; 0: no limit. Default: twice the number of workers. Example: 8.
    #[arg(long, value_name = "NUMBER", env = "DOWNLOAD_LIMIT")]
    pub download_limit: Option<usize>,
    /// Maximum number of scans at once, waiting for a worker or at one; 0: no limit. The larger of the two limits is the
    /// number of jobs held at once. Default: twice the number of workers. Example: 8.
    #[arg(long, value_name = "NUMBER", env = "SCAN_LIMIT")]
    pub scan_limit: Option<usize>,
    /// Drop jobs with less time left, in seconds or as a duration. Default: 3 with --dialect polyswarm, else 100ms.
    /// Example: 2s.
    #[arg(long, value_name = "TIME", env = "SCAN_TIME_REQUIREMENT", value_parser = parse_time, alias = "scan_time_requirement")]
    pub scan_time_requirement: Option<Duration>,
    /// Maximum number of scans per day by all consumers of the queue. Example: 100000.
    #[arg(long, value_name = "NUMBER", env = "DAILY_RATE_LIMIT")]
    pub daily_rate_limit: Option<u64>,
    /// Maximum number of scans per hour by all consumers of the queue. Example: 5000.
    #[arg(long, value_name = "NUMBER", env = "HOURLY_RATE_LIMIT")]
    pub hourly_rate_limit: Option<u64>,
    /// Maximum number of scans per minute by all consumers of the queue. Example: 100.
    #[arg(long, value_name = "NUMBER", env = "MINUTELY_RATE_LIMIT")]
    pub minutely_rate_limit: Option<u64>,
    /// Maximum number of scans per second by all consumers of the queue. Example: 4.
    #[arg(long, value_name = "NUMBER", env = "SECONDLY_RATE_LIMIT")]
    pub secondly_rate_limit: Option<u64>,
    /// Maximum time of a download. Example: 10s.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_time)]
    pub download_time_max: Duration,
    /// Allow downloads from this private, local or reserved network. May be repeated. Example: 10.0.0.0/8.
    #[arg(long = "allow-network", value_name = "NETWORK")]
    pub allow_networks: Vec<ipnet::IpNet>,
    /// Do not allow unencrypted http: URIs.
    #[arg(long)]
    pub no_http: bool,
    /// File with the API key that is sent to --api-host, and to no other server. Default: the credential `api-key` of the
    /// systemd unit, where it has one.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "api_host")]
    pub api_key_file: Option<PathBuf>,
    /// Server that gets the API key. Example: `https://polyswarmd.example`.
    #[arg(long, value_name = "URL")]
    pub api_host: Option<url::Url>,
    /// Send the API key without encryption too.
    #[arg(long, env = "ALLOW_KEY_OVER_HTTP")]
    pub allow_key_over_http: bool,
    /// Directory for large downloads. Its files have no names. Default: the directory for temporary files.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub spill_directory: Option<PathBuf>,
    /// Liveness file, written each second as PolySwarm's worker does. Default: `liveness` in the directory for temporary
    /// files. Consumers on one host need one each. Example: /run/stakeout/liveness-1.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub liveness_file: Option<PathBuf>,
    /// Address for /live, /ready and /metrics over HTTP. Bind to a private address: there is no authentication. Example:
    /// 127.0.0.1:9182.
    #[arg(long, value_name = "ADDRESS")]
    pub health_listen: Option<SocketAddr>,
    /// Time for jobs at hand after SIGTERM, before they are handed back. Example: 20s.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time)]
    pub grace: Duration,
    /// Time after which a silent consumer is dead, and others take its jobs over (streams). Example: 10s.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_time)]
    pub dead_after: Duration,
    /// How much longer than its job a report is kept in Redis (streams). Example: 5m.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    pub reports_kept: Duration,
    /// Also run the YARA rules on file types that no analyzer parses.
    #[arg(long)]
    pub any_kind: bool,
    #[command(flatten)]
    pub rules: RulesArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Format of the log: text, json or journald.
    #[arg(long, value_name = "FORMAT", env = "LOG_FORMAT", default_value = "text")]
    pub log_format: String,
    /// Level of the log: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", env = "LOG_LEVEL", default_value = "info")]
    pub log_level: String,
}

/// Which jobs a queue holds.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum DialectArg {
    /// Those of our own daemon: nothing is lost when a consumer dies.
    Streams,
    /// Those of PolySwarm's Python client 2.13.3.
    Polyswarm,
}

/// Runs `stakeout consume`.
pub(crate) fn consume(args: &ConsumeArgs) -> anyhow::Result<Exit> {
    let settings = match log(args).and_then(|()| settings(args)) {
        Ok(settings) => settings,
        Err(error) => return Ok(misconfigured(&error)),
    };
    match daemon_consumer::run(settings) {
        Ok(ConsumerEnded::Asked) => Ok(Exit::Clean),
        Ok(ConsumerEnded::Failed) => Ok(Exit::Error),
        Err(error) if error.chain().any(|cause| cause.is::<Misconfigured>()) => Ok(misconfigured(&error)),
        Err(error) => Err(error),
    }
}

fn misconfigured(error: &anyhow::Error) -> Exit {
    notice(&format!("{error:#}"));
    Exit::BadConfiguration
}

fn log(args: &ConsumeArgs) -> anyhow::Result<()> {
    let format = match args.log_format.to_ascii_lowercase().as_str() {
        "text" => LogFormat::Text,
        // What PolySwarm's worker calls datadog is JSON of other fields.
        "json" | "datadog" => LogFormat::Json,
        "journald" => LogFormat::Journald,
        other => bail!("--log-format or LOG_FORMAT must be text, json or journald, not {other:?}"),
    };
    // The levels of Python too, for the same variable is taken.
    let level = match args.log_level.to_ascii_lowercase().as_str() {
        "warning" => "warn".to_owned(),
        "critical" | "fatal" => "error".to_owned(),
        level => level.to_owned(),
    };
    daemon_service::logs::start(&LogConfig { format, level }).context("--log-level or LOG_LEVEL")
}

fn settings(args: &ConsumeArgs) -> anyhow::Result<RunSettings> {
    let dialect = match args.dialect {
        DialectArg::Streams => Dialect::Streams,
        DialectArg::Polyswarm => Dialect::Polyswarm,
    };
    let is_name = match dialect {
        Dialect::Streams => streams::is_name(&args.queue),
        Dialect::Polyswarm => is_queue_name(&args.queue),
    };
    if !is_name {
        bail!(
            "--queue or QUEUE: {:?} cannot be the name of a queue: use letters, digits, `.`, `_`, `-`, and no `_results` at the end",
            args.queue
        );
    }
    let name = args.name.clone().unwrap_or_else(own_name);
    if !streams::is_name(&name) {
        bail!("--name: {name:?} cannot be the name of a consumer: use letters, digits, `.`, `_`, `-` and `@`");
    }
    let password = args.password_file.clone().or_else(|| credential("redis")).as_ref().map(secret).transpose()?;
    let redis = Address::new(&args.redis_addr, password.as_deref()).context("--redis-addr or REDIS_ADDR")?;
    let workers = args.workers.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN).get();
    let loader = Loader {
        options: args.rules.options(),
        limits: args.limits.limits(),
        policy: Policy { any_kind: args.any_kind },
        workers,
    };
    let temporary = std::env::temp_dir();
    let spill = args.spill_directory.clone().unwrap_or_else(|| temporary.clone());
    let mut download = FetchOptions { credentials: credentials(args)?, ..FetchOptions::new(spill) };
    download.limits.bytes_max = args.limits.max_size;
    download.addresses.allow.clone_from(&args.allow_networks);
    download.schemes.http = !args.no_http;
    let defaults = RunSettings::new(redis, &args.queue, dialect, &name, loader, download);
    Ok(RunSettings {
        download_time_max: args.download_time_max,
        download_limit: args.download_limit.unwrap_or(defaults.download_limit),
        scan_limit: args.scan_limit.unwrap_or(defaults.scan_limit),
        scan_time_requirement: args.scan_time_requirement.unwrap_or(defaults.scan_time_requirement),
        rate_limits: RateLimits {
            secondly: args.secondly_rate_limit,
            minutely: args.minutely_rate_limit,
            hourly: args.hourly_rate_limit,
            daily: args.daily_rate_limit,
        },
        liveness_file: Some(args.liveness_file.clone().unwrap_or_else(|| temporary.join("liveness"))),
        health_listen: args.health_listen,
        grace: args.grace,
        dead_after: args.dead_after.max(Duration::from_millis(200)),
        reports_kept: args.reports_kept,
        ..defaults
    })
}

/// What the API key is sent to. The key is secret, so by default it goes over TLS only.
fn credentials(args: &ConsumeArgs) -> anyhow::Result<Option<Credentials>> {
    let Some(server) = args.api_host.clone() else { return Ok(None) };
    let Some(file) = args.api_key_file.clone().or_else(|| credential("api-key")) else {
        bail!("--api-host: there is no API key for it: name its file by --api-key-file");
    };
    if server.scheme() != "https" && !args.allow_key_over_http {
        bail!(
            "--api-host: {server} is not https: the API key would be sent without encryption (--allow-key-over-http allows it)"
        );
    }
    Ok(Some(Credentials { server, authorization: secret(&file)? }))
}

/// The file of a credential that the service manager handed over.
fn credential(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(name);
    path.exists().then_some(path)
}

/// The first line of a file that holds a secret.
fn secret(path: &PathBuf) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() || text.len() > SECRET_BYTES_MAX {
        bail!("{} does not hold a secret: it is empty or too long", path.display());
    }
    Ok(line.to_owned())
}

/// The host's name and the process id.
fn own_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host: String =
        host.chars().filter(|character| character.is_ascii_alphanumeric() || "._-".contains(*character)).collect();
    format!("{}-{}", host.chars().take(64).collect::<String>(), std::process::id())
}

/// A duration, or seconds as PolySwarm's worker takes them; none is allowed.
fn parse_time(text: &str) -> Result<Duration, String> {
    let seconds = || text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let time = duration::parse(text).ok().or_else(seconds).filter(|time| *time <= Duration::from_secs(86_400));
    time.ok_or_else(|| format!("`{text}` is not a duration up to a day: use for example 500ms, 5s or 2m"))
}
