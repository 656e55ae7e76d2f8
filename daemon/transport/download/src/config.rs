//! What downloads can be told: their section of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use daemon_config::{Bytes, choice, section};
use ipnet::IpNet;

use crate::runtime::Prefer;
use crate::{Addresses, FetchLimits, FetchOptions, FileUris, Schemes};

choice! {
    /// How the edge thread reads and writes files.
    EdgeIo: "\"auto\", \"uring\" or \"plain\"" {
        /// Through io_uring where the kernel allows it.
        Auto = "auto",
        /// Through io_uring, or not at all.
        Uring = "uring",
        /// Without io_uring.
        Plain = "plain",
    }
}

impl From<EdgeIo> for Prefer {
    fn from(io: EdgeIo) -> Prefer {
        match io {
            EdgeIo::Auto => Prefer::Auto,
            EdgeIo::Uring => Prefer::Uring,
            EdgeIo::Plain => Prefer::Plain,
        }
    }
}

section! {
    check = check;

    /// Download of artifacts.
    pub struct Config {
        /// Maximum size of an artifact. Larger ones are answered `unknown`.
        artifact_bytes_max: Bytes = Bytes(FetchLimits::default().bytes_max);
        /// Maximum size of an artifact in memory. Larger ones are stored in an unnamed file.
        memory_bytes_max: Bytes = Bytes(FetchLimits::default().memory_bytes_max);
        /// Maximum memory for all artifacts together; lowered to a quarter of the available memory. Further artifacts
        /// are stored in files.
        memory_total_max: Bytes = Bytes(FetchLimits::default().memory_in_flight_max);
        /// Directory of those files. Default (empty): the archive's directory.
        spill_directory: PathBuf = PathBuf::new();
        /// Maximum number of simultaneous downloads.
        downloads_max: usize = 64;
        /// Minimum rate of a download per second.
        rate_bytes_min: Bytes = Bytes(FetchLimits::default().rate_bytes_min());
        /// Maximum time of a download, including all attempts.
        time_max: Duration = Duration::from_secs(60);
        /// Maximum time to connect.
        connect_time_max: Duration = FetchLimits::default().connect_max;
        /// Maximum number of attempts per download.
        attempts_max: usize = FetchLimits::default().attempts_max as usize;
        /// Maximum number of redirects.
        redirects_max: usize = FetchLimits::default().redirects_max as usize;
        /// Allow unencrypted `http:` URIs.
        http: bool = true;
        /// Allow `file:` URIs. Only for tests: anybody who can sign bounties could read your files.
        file: bool = false;
        /// Private, local or reserved networks from which artifacts may be downloaded. By default none is allowed.
        /// Example: `["10.0.0.0/8"]`.
        allow_networks: Vec<IpNet> = Vec::new();
        /// File I/O: "uring" requires io_uring, "plain" does not use it, "auto" uses it if the kernel allows it.
        io: EdgeIo = EdgeIo::Auto;
    }
}

fn check(config: &Config, wrong: &mut dyn FnMut(String)) {
    for (key, count) in [("downloads_max", config.downloads_max), ("attempts_max", config.attempts_max)] {
        if count == 0 {
            wrong(format!("{key} must be at least 1"));
        }
    }
}

impl Config {
    /// What a fetcher is made from. `memory_bytes_max` and `memory_total_max` are what there is of memory for one artifact and
    /// for all, `spill_directory` is where large ones go: `self.spill_directory`, or the caller's own if that is empty.
    pub fn fetch_options(
        &self,
        memory_bytes_max: u64,
        memory_total_max: u64,
        spill_directory: PathBuf,
    ) -> FetchOptions {
        let defaults = FetchLimits::default();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let limits = FetchLimits {
            bytes_max: self.artifact_bytes_max.0,
            memory_bytes_max,
            memory_in_flight_max: memory_total_max,
            redirects_max: count(self.redirects_max),
            attempts_max: count(self.attempts_max),
            connect_max: self.connect_time_max,
            watch_bytes_min: self.rate_bytes_min.0.saturating_mul(defaults.watch.as_secs()),
            idle_max: self.downloads_max,
            ..defaults
        };
        FetchOptions {
            limits,
            addresses: Addresses { allow: self.allow_networks.clone() },
            schemes: Schemes {
                http: self.http,
                file: if self.file { FileUris::Anywhere } else { FileUris::Refused },
                ..Schemes::default()
            },
            ..FetchOptions::new(spill_directory)
        }
    }
}
