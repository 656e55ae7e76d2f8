//! What a person says of a consumer, and the settings that come of it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use analyzers::Limits;
use anyhow::{Context, bail};
use daemon_detector::{Loader, Options};
use daemon_download::{Credentials, FetchOptions};
use daemon_engine::Policy;
use daemon_queue::polyswarm::{RateLimits, is_queue_name};
use daemon_queue::{Address, streams};

use crate::settings::{Dialect, RunSettings};

/// Longest secret that is read from a file.
const SECRET_BYTES_MAX: usize = 4 << 10;

/// What a person says of a consumer, as the arguments of `stakeout consume`.
#[derive(Clone, Debug)]
pub struct ConsumerOptions {
    /// Where Redis is: host:port, redis://user@host:port/db or unix:///path.
    pub redis_addr: String,
    /// File with its password; else the credential `redis` of the systemd unit, where it has one.
    pub password_file: Option<PathBuf>,
    /// The queue's name.
    pub queue: String,
    /// Which jobs it holds.
    pub dialect: Dialect,
    /// The consumer's name; else the host's name and the process id.
    pub name: Option<String>,
    /// Number of worker processes; else that of processors.
    pub workers: Option<NonZeroUsize>,
    /// Downloads at once; 0: no limit.
    pub download_limit: Option<usize>,
    /// Scans at once; 0: no limit.
    pub scan_limit: Option<usize>,
    /// Jobs with less time left are dropped.
    pub scan_time_requirement: Option<Duration>,
    /// Maximum numbers of scans per time, by all consumers of the queue.
    pub rate_limits: RateLimits,
    /// Longest time of a download.
    pub download_time_max: Duration,
    /// Private, local or reserved networks that may be downloaded from.
    pub allow_networks: Vec<ipnet::IpNet>,
    /// Unix socket that all downloads go through, for a consumer without a network.
    pub artifacts_socket: Option<PathBuf>,
    /// Whether unencrypted `http:` URIs are downloaded.
    pub http: bool,
    /// File with the API key; else the credential `api-key` of the systemd unit, where it has one.
    pub api_key_file: Option<PathBuf>,
    /// Server that gets the API key, and no other.
    pub api_host: Option<url::Url>,
    /// Whether the API key may be sent without encryption.
    pub allow_key_over_http: bool,
    /// Directory for large downloads; else that for temporary files.
    pub spill_directory: Option<PathBuf>,
    /// The liveness file; else `liveness` in the directory for temporary files.
    pub liveness_file: Option<PathBuf>,
    /// Where health and counts are told over HTTP.
    pub health_listen: Option<SocketAddr>,
    /// How long jobs may take to be finished when the consumer is asked to end.
    pub grace: Duration,
    /// A consumer that was not heard of for so long is dead.
    pub dead_after: Duration,
    /// How much longer than its job a report is kept.
    pub reports_kept: Duration,
    /// Which rules judge.
    pub rules: Options,
    /// Limits of a scan.
    pub limits: Limits,
    /// Which kinds are scanned.
    pub policy: Policy,
}

impl ConsumerOptions {
    /// Checks them, reads the secrets, and fills in what was not chosen.
    ///
    /// # Errors
    /// If a name or an address cannot be one, or a secret cannot be had.
    pub fn settings(&self) -> anyhow::Result<RunSettings> {
        let dialect = self.dialect;
        let is_name = match dialect {
            Dialect::Streams => streams::is_name(&self.queue),
            Dialect::Polyswarm => is_queue_name(&self.queue),
        };
        if !is_name {
            bail!(
                "--queue or QUEUE: {:?} cannot be the name of a queue: use letters, digits, `.`, `_`, `-`, and no `_results` at the end",
                self.queue
            );
        }
        let name = self.name.clone().unwrap_or_else(own_name);
        if !streams::is_name(&name) {
            bail!("--name: {name:?} cannot be the name of a consumer: use letters, digits, `.`, `_`, `-` and `@`");
        }
        let password = self.password_file.clone().or_else(|| credential("redis")).as_deref().map(secret).transpose()?;
        let redis = Address::new(&self.redis_addr, password.as_deref()).context("--redis-addr or REDIS_ADDR")?;
        let workers =
            self.workers.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN).get();
        let loader = Loader { options: self.rules.clone(), limits: self.limits, policy: self.policy, workers };
        let temporary = std::env::temp_dir();
        let spill = self.spill_directory.clone().unwrap_or_else(|| temporary.clone());
        let mut download = FetchOptions { credentials: self.credentials()?, ..FetchOptions::new(spill) };
        download.limits.bytes_max = self.limits.artifact_bytes_max;
        download.addresses.allow.clone_from(&self.allow_networks);
        download.schemes.http = self.http;
        download.through.clone_from(&self.artifacts_socket);
        let defaults = RunSettings::new(redis, &self.queue, dialect, &name, loader, download);
        Ok(RunSettings {
            download_time_max: self.download_time_max,
            download_limit: self.download_limit.unwrap_or(defaults.download_limit),
            scan_limit: self.scan_limit.unwrap_or(defaults.scan_limit),
            scan_time_requirement: self.scan_time_requirement.unwrap_or(defaults.scan_time_requirement),
            rate_limits: self.rate_limits,
            liveness_file: Some(self.liveness_file.clone().unwrap_or_else(|| temporary.join("liveness"))),
            health_listen: self.health_listen,
            grace: self.grace,
            dead_after: self.dead_after.max(Duration::from_millis(200)),
            reports_kept: self.reports_kept,
            ..defaults
        })
    }

    /// What the API key is sent to. The key is secret, so by default it goes over TLS only.
    fn credentials(&self) -> anyhow::Result<Option<Credentials>> {
        let Some(server) = self.api_host.clone() else { return Ok(None) };
        let Some(file) = self.api_key_file.clone().or_else(|| credential("api-key")) else {
            bail!("--api-host: there is no API key for it: name its file by --api-key-file");
        };
        if server.scheme() != "https" && !self.allow_key_over_http {
            bail!(
                "--api-host: {server} is not https: the API key would be sent without encryption (--allow-key-over-http allows it)"
            );
        }
        Ok(Some(Credentials { server, authorization: secret(&file)? }))
    }
}

/// The file of a credential that the service manager handed over.
fn credential(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(name);
    path.exists().then_some(path)
}

/// The first line of a file that holds a secret.
fn secret(path: &Path) -> anyhow::Result<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ConsumerOptions {
        ConsumerOptions {
            redis_addr: "localhost:6379".to_owned(),
            password_file: None,
            queue: "stakeout".to_owned(),
            dialect: Dialect::Streams,
            name: Some("host-1".to_owned()),
            workers: NonZeroUsize::new(3),
            download_limit: None,
            scan_limit: Some(0),
            scan_time_requirement: None,
            rate_limits: RateLimits::default(),
            download_time_max: Duration::from_secs(5),
            allow_networks: Vec::new(),
            artifacts_socket: None,
            http: false,
            api_key_file: None,
            api_host: None,
            allow_key_over_http: false,
            spill_directory: None,
            liveness_file: None,
            health_listen: None,
            grace: Duration::from_secs(10),
            dead_after: Duration::ZERO,
            reports_kept: Duration::from_secs(60),
            rules: Options::default(),
            limits: Limits { artifact_bytes_max: 1_000, ..Limits::default() },
            policy: Policy::default(),
        }
    }

    fn refused(options: &ConsumerOptions) -> String {
        options.settings().err().map(|error| format!("{error:#}")).expect("it is refused")
    }

    #[test]
    fn what_is_not_chosen_has_its_default() {
        let settings = options().settings().unwrap();
        assert_eq!((settings.download_limit, settings.scan_limit), (6, 0), "twice the number of workers, or no limit");
        assert_eq!(settings.scan_time_requirement, Duration::from_millis(100));
        assert_eq!(settings.download.limits.bytes_max, 1_000);
        assert!(!settings.download.schemes.http && settings.download.credentials.is_none());
        assert_eq!(settings.liveness_file, Some(std::env::temp_dir().join("liveness")));
        // Consumers would take each other for dead between two signs of life.
        assert_eq!(settings.dead_after, Duration::from_millis(200));
        assert!(streams::is_name(&own_name()), "{}", own_name());
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        assert!(refused(&ConsumerOptions { queue: "a b".to_owned(), ..options() }).contains("name of a queue"));
        assert!(refused(&ConsumerOptions { name: Some("a b".to_owned()), ..options() }).contains("name of a consumer"));
        let dialect = Dialect::Polyswarm;
        let queue = "a_results".to_owned();
        assert!(refused(&ConsumerOptions { queue, dialect, ..options() }).contains("name of a queue"));
    }

    #[test]
    fn the_api_key_is_the_first_line_of_its_file_and_goes_over_tls() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("api-key");
        std::fs::write(&file, "s3cret \nanother line\n").unwrap();
        let host = |text: &str| text.parse::<url::Url>().ok();
        let with = |api_host| ConsumerOptions { api_key_file: Some(file.clone()), api_host, ..options() };
        let sent = with(host("https://polyswarmd.example")).settings().unwrap().download.credentials.unwrap();
        assert_eq!(sent.authorization, "s3cret");
        let plain = with(host("http://polyswarmd.example"));
        assert!(refused(&plain).contains("without encryption"));
        assert!(ConsumerOptions { allow_key_over_http: true, ..plain }.settings().is_ok());
        std::fs::write(&file, "\n").unwrap();
        assert!(refused(&with(host("https://polyswarmd.example"))).contains("empty or too long"));
    }
}
