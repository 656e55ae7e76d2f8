//! `stakeout consume`: takes jobs of a queue on any host, scans, and sends reports back.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum, ValueHint};
use daemon_base::duration;
use daemon_consumer::{ConsumerEnded, ConsumerOptions, Dialect, Misconfigured};
use daemon_engine::Policy;
use daemon_queue::polyswarm::RateLimits;
use daemon_service::logs::{LogConfig, LogFormat};

use crate::cli::args::{LimitArgs, RulesArgs};
use crate::exit::Exit;
use crate::terminal::notice;

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
    /// Unix socket that all downloads go through, whatever host a URI names, for a consumer without a network. Example:
    /// /run/stakeout-consume/artifacts.sock.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "allow_networks")]
    pub artifacts_socket: Option<PathBuf>,
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
    let settings = match log(args).and_then(|()| options(args).settings()) {
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

fn options(args: &ConsumeArgs) -> ConsumerOptions {
    ConsumerOptions {
        redis_addr: args.redis_addr.clone(),
        password_file: args.password_file.clone(),
        queue: args.queue.clone(),
        dialect: match args.dialect {
            DialectArg::Streams => Dialect::Streams,
            DialectArg::Polyswarm => Dialect::Polyswarm,
        },
        name: args.name.clone(),
        workers: args.workers,
        download_limit: args.download_limit,
        scan_limit: args.scan_limit,
        scan_time_requirement: args.scan_time_requirement,
        rate_limits: RateLimits {
            secondly: args.secondly_rate_limit,
            minutely: args.minutely_rate_limit,
            hourly: args.hourly_rate_limit,
            daily: args.daily_rate_limit,
        },
        download_time_max: args.download_time_max,
        allow_networks: args.allow_networks.clone(),
        artifacts_socket: args.artifacts_socket.clone(),
        http: !args.no_http,
        api_key_file: args.api_key_file.clone(),
        api_host: args.api_host.clone(),
        allow_key_over_http: args.allow_key_over_http,
        spill_directory: args.spill_directory.clone(),
        liveness_file: args.liveness_file.clone(),
        health_listen: args.health_listen,
        grace: args.grace,
        dead_after: args.dead_after,
        reports_kept: args.reports_kept,
        rules: args.rules.options(),
        limits: args.limits.limits(),
        policy: Policy { any_kind: args.any_kind },
    }
}

/// A duration, or seconds as PolySwarm's worker takes them; none is allowed.
fn parse_time(text: &str) -> Result<Duration, String> {
    let seconds = || text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let time = duration::parse(text).ok().or_else(seconds).filter(|time| *time <= Duration::from_secs(86_400));
    time.ok_or_else(|| format!("`{text}` is not a duration up to a day: use for example 500ms, 5s or 2m"))
}
