//! Limits of downloads, with the default at each field.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::address::Addresses;
use super::lookup::{Lookup, SystemLookup};

/// Limits of every download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// Largest artifact that is taken. Counted as it comes, whatever was announced. Default: 256 MiB.
    pub bytes_max: u64,
    /// Up to this size an artifact stays in memory, above it goes to an unnamed file. Default: 64 MiB.
    pub memory_bytes_max: u64,
    /// Maximum memory of all artifacts together, including those returned to the caller. Further artifacts go to files.
    /// Default: 512 MiB.
    pub memory_in_flight_max: u64,
    /// Longest uri, `data:` uris excepted. Default: 8 KiB.
    pub uri_bytes_max: usize,
    /// Longest `data:` uri, before it is decoded. Default: 1 MiB.
    pub data_uri_bytes_max: usize,
    /// Maximum number of redirects. Default: 3.
    pub redirects_max: u32,
    /// Maximum number of attempts, including the first. Default: 3.
    pub attempts_max: u32,
    /// The pause after the first failure; it doubles with each. A server's `Retry-After` may make it longer. Default:
    /// 200 ms.
    pub retry_pause: Duration,
    /// Maximum time for the name look-up, the connection and TLS together. Default: 5 s.
    pub connect_max: Duration,
    /// Maximum time for the head of a response, for each redirect. Default: 15 s.
    pub answer_max: Duration,
    /// How many bytes have to come in every [`FetchLimits::watch`] of a body. Default: 5 KiB, so 1 KiB/s.
    pub watch_bytes_min: u64,
    /// Period in which the rate of a body is checked, and so also its initial grace. Default: 5 s.
    pub watch: Duration,
    /// Maximum number of idle connections per host. Default: 16.
    pub idle_max: usize,
    /// Maximum time of an idle connection. Default: 60 s.
    pub idle: Duration,
}

impl Default for FetchLimits {
    fn default() -> Self {
        FetchLimits {
            bytes_max: 256 << 20,
            memory_bytes_max: 64 << 20,
            memory_in_flight_max: 512 << 20,
            uri_bytes_max: 8 << 10,
            data_uri_bytes_max: 1 << 20,
            redirects_max: 3,
            attempts_max: 3,
            retry_pause: Duration::from_millis(200),
            connect_max: Duration::from_secs(5),
            answer_max: Duration::from_secs(15),
            watch_bytes_min: 5 << 10,
            watch: Duration::from_secs(5),
            idle_max: 16,
            idle: Duration::from_secs(60),
        }
    }
}

impl FetchLimits {
    /// The least rate of a body, in bytes per second.
    pub fn rate_bytes_min(&self) -> u64 {
        self.watch_bytes_min / self.watch.as_secs().max(1)
    }
}

/// Allowed URI schemes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schemes {
    /// HTTP over TLS. Default: yes.
    pub https: bool,
    /// Allow unencrypted HTTP. Changes on the way are detected by the digest of the bounty. Default: true.
    pub http: bool,
    /// The artifact in the uri itself (RFC 2397). Default: yes.
    pub data: bool,
    /// Files of this machine. Default: refused.
    pub file: FileUris,
}

impl Default for Schemes {
    fn default() -> Self {
        Schemes { https: true, http: true, data: true, file: FileUris::Refused }
    }
}

/// Which files a `file:` URI may name. Symbolic links are not followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FileUris {
    /// None.
    #[default]
    Refused,
    /// Files below this directory.
    Beneath(PathBuf),
    /// Any that we may read. For who writes the uris himself.
    Anywhere,
}

/// Everything that a [`Fetcher`](super::Fetcher) is made from.
#[derive(Clone)]
pub struct FetchOptions {
    /// Limits of a download.
    pub limits: FetchLimits,
    /// Addresses that may be connected to.
    pub addresses: Addresses,
    /// Allowed URI schemes.
    pub schemes: Schemes,
    /// Directory for what is too large for memory. Its files have no names, so nothing is left behind, whatever
    /// happens; its file system has to know `O_TMPFILE` (ext4, xfs, btrfs, tmpfs do).
    pub spill_dir: PathBuf,
    /// Certificates, each in PEM, that are trusted besides the system's. Default: none.
    pub roots_pem: Vec<Vec<u8>>,
    /// Resolver of names. Default: the system.
    pub lookup: Arc<dyn Lookup>,
    /// What is sent to one server, and to no other. Default: nothing.
    pub credentials: Option<Credentials>,
    /// Unix socket that every connection goes to, whatever host and port a uri names: for a process without a network. Who
    /// listens there decides where it leads, so names are not looked up, and addresses are not judged. Default: none.
    pub through: Option<PathBuf>,
}

/// What a server wants to know of who downloads from it: an API key. Redirects to other servers do not get it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The server: scheme, host and port, as `https://example.org`. What else the URL says is not looked at.
    pub server: Url,
    /// The value of the header `Authorization`.
    pub authorization: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("server", &self.server.as_str()).finish_non_exhaustive()
    }
}

impl FetchOptions {
    /// Defaults all over, with large downloads in `spill_dir`.
    pub fn new(spill_dir: impl Into<PathBuf>) -> FetchOptions {
        FetchOptions {
            limits: FetchLimits::default(),
            addresses: Addresses::default(),
            schemes: Schemes::default(),
            spill_dir: spill_dir.into(),
            roots_pem: Vec::new(),
            lookup: Arc::new(SystemLookup),
            credentials: None,
            through: None,
        }
    }
}
