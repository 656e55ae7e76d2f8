//! What a consumer is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use daemon_detector::Loader;
use daemon_download::FetchOptions;
use daemon_download::runtime::Prefer;
use daemon_queue::Address;
use daemon_queue::polyswarm::RateLimits;

/// Which jobs a queue holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// Those of our own frontends.
    Streams,
    /// Those of PolySwarm's Python client, and of our frontends for it.
    Polyswarm,
}

/// What a consumer is told.
#[derive(Clone)]
pub struct RunSettings {
    /// Where Redis is.
    pub redis: Address,
    /// The queue's name.
    pub queue: String,
    /// Which jobs it holds.
    pub dialect: Dialect,
    /// The consumer's name, its own among all of the queue.
    pub name: String,
    /// Rules, limits and workers.
    pub loader: Loader,
    /// Time without changes before changed rules are loaded.
    pub rules_settle: Duration,
    /// How artifacts are downloaded.
    pub download: FetchOptions,
    /// How files are read and written.
    pub io: Prefer,
    /// Longest time of a download.
    pub download_time_max: Duration,
    /// Downloads at once; 0: as many as there are jobs.
    pub download_limit: usize,
    /// Scans at once; 0: as many as there are jobs.
    pub scan_limit: usize,
    /// Jobs with less time left are dropped.
    pub scan_time_requirement: Duration,
    /// Maximum numbers of scans per time, by all consumers of the queue.
    pub rate_limits: RateLimits,
    /// The liveness file, as PolySwarm's worker writes it.
    pub liveness_file: Option<PathBuf>,
    /// Where health and counts are told over HTTP.
    pub health_listen: Option<SocketAddr>,
    /// How long jobs may take to be finished when the consumer is asked to end; then they are handed back.
    pub grace: Duration,
    /// A consumer that was not heard of for so long is dead: others take its jobs over.
    pub dead_after: Duration,
    /// How much longer than its job a report is kept.
    pub reports_kept: Duration,
}

/// Jobs at once where neither downloads nor scans are limited.
const JOBS_MAX: usize = 256;

impl RunSettings {
    /// Defaults for everything else.
    pub fn new(
        redis: Address,
        queue: &str,
        dialect: Dialect,
        name: &str,
        loader: Loader,
        download: FetchOptions,
    ) -> RunSettings {
        let workers = loader.workers;
        RunSettings {
            redis,
            queue: queue.to_owned(),
            dialect,
            name: name.to_owned(),
            loader,
            rules_settle: Duration::from_millis(250),
            download,
            io: Prefer::Auto,
            download_time_max: Duration::from_secs(5),
            download_limit: workers.saturating_mul(2),
            scan_limit: workers.saturating_mul(2),
            scan_time_requirement: RunSettings::scan_time_requirement_default(dialect),
            rate_limits: RateLimits::default(),
            liveness_file: None,
            health_listen: None,
            grace: Duration::from_secs(10),
            dead_after: Duration::from_secs(5),
            reports_kept: Duration::from_secs(60),
        }
    }

    /// The time that a job must have left: with the Python client's queue its 3 s, because it counts in whole seconds.
    pub fn scan_time_requirement_default(dialect: Dialect) -> Duration {
        match dialect {
            Dialect::Polyswarm => Duration::from_secs(3),
            Dialect::Streams => Duration::from_millis(100),
        }
    }

    /// Jobs that are held at once, as the Python worker counts its slots.
    pub(crate) fn slots(&self) -> usize {
        match (self.download_limit, self.scan_limit) {
            (0, _) | (_, 0) => JOBS_MAX,
            (downloads, scans) => downloads.max(scans),
        }
    }
}
