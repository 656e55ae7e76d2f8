//! From a uri to an artifact: downloads of bytes that a stranger offers, from where a stranger says.
//!
//! [`Fetcher::fetch`] accepts `https:`, `http:`, `data:` and, if allowed, `file:` URIs, and returns an open file whose
//! bytes nobody can change: a sealed memfd, or above [`FetchLimits::memory_bytes_max`] an unnamed file. Bytes are
//! counted and hashed as they arrive. Time and size are limited, and the error names the limit that was hit
//! ([`FetchError`]).
//!
//! The author of a URI must not be able to make the daemon connect to private addresses: [`permitted`] decides, and
//! names are checked in the look-up that is used to connect (see `lookup.rs`). Requests carry no cookies, and
//! [`Credentials`] only to the server that they are for; use no proxy, and responses are not decompressed.
//!
//! Network goes through tokio; large files go through io_uring where the [`Runtime`](crate::runtime::Runtime) has one.
//!
//! ```
//! use std::time::Duration;
//!
//! use daemon_artifact::Sha256Digest;
//! use daemon_download::runtime::{Prefer, Runtime};
//! use daemon_download::{FetchOptions, Fetcher};
//! use tokio::time::Instant;
//!
//! let directory = tempfile::tempdir()?;
//! let (runtime, backend) = Runtime::start(Prefer::Plain)?;
//! let fetcher = Fetcher::new(FetchOptions::new(directory.path()), &backend)?;
//! let deadline = Instant::now() + Duration::from_secs(60);
//! let fetched = runtime.block_on(fetcher.fetch("data:,hello", None, deadline))?;
//! assert_eq!((fetched.size, fetched.sha256), (5, Sha256Digest::of(b"hello")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod address;
pub mod config;
mod error;
mod keep;
mod limits;
mod local;
mod lookup;
pub mod runtime;
mod spill;
mod web;

use std::os::fd::OwnedFd;
use std::path::Path;

use daemon_artifact::Sha256Digest;
use rustix::fs::{CWD, Mode, OFlags, openat};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use url::Url;

pub use address::{Addresses, Forbidden, permitted};
pub use config::Config;
pub use error::{FetchError, SetupError};
pub use keep::{ArtifactMemory, Keep, Keeper};
pub use limits::{Credentials, FetchLimits, FetchOptions, FileUris, Schemes};
pub use lookup::{Lookup, LookupFuture, SystemLookup};

use crate::runtime::Backend;
use local::Files;
use web::Web;

/// An artifact that was fetched.
#[derive(Debug)]
pub struct Fetched {
    /// The open file with the bytes from offset 0. The position of the descriptor is unspecified: use `pread` or a map.
    pub file: OwnedFd,
    /// Size in bytes.
    pub size: u64,
    /// Their digest.
    pub sha256: Sha256Digest,
    /// Where the bytes are stored.
    pub place: Storage,
    /// The artifact's share of [`FetchLimits::memory_in_flight_max`]. Keep it as long as the file.
    pub memory: MemoryShare,
}

/// Where the bytes of an artifact are stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Storage {
    /// In a memfd, sealed against every change.
    Memory,
    /// In a file without a name, which only its descriptor leads to.
    File,
}

/// Room in memory that is counted until this is dropped. An artifact in a file holds none.
#[derive(Debug)]
pub struct MemoryShare(#[expect(dead_code, reason = "held, never read")] Option<OwnedSemaphorePermit>);

/// Fetches artifacts. One per edge thread: it keeps connections for the next artifact.
pub struct Fetcher {
    web: Web,
    files: Files,
    keeper: Keeper,
    schemes: Schemes,
    limits: FetchLimits,
}

impl Fetcher {
    /// Opens the directories, loads the trusted certificates.
    ///
    /// `backend` is the one of the runtime that will fetch: with [`Backend::Uring`], [`Fetcher::fetch`] panics in any
    /// other runtime.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if a directory cannot be opened, or the trusted certificates cannot be loaded.
    pub fn new(options: FetchOptions, backend: &Backend) -> Result<Fetcher, SetupError> {
        let web = Web::new(&options)?;
        let files = match &options.schemes.file {
            FileUris::Refused => Files::Refused,
            FileUris::Beneath(path) => Files::Beneath { path: path.clone(), dir: directory(path)? },
            FileUris::Anywhere => Files::Anywhere,
        };
        let memory = ArtifactMemory::new(options.limits.memory_in_flight_max);
        let keeper = Keeper::open(&options.limits, memory, options.spill_dir, backend)?;
        Ok(Fetcher { web, files, keeper, schemes: options.schemes, limits: options.limits })
    }

    /// Fetches the artifact at `uri`, all of it or nothing, before `deadline`.
    ///
    /// With `expect_sha256` other bytes are refused. Dropping the future ends the download; nothing is left behind.
    ///
    /// # Errors
    ///
    /// [`FetchError`] if the URI is not allowed, the server fails or is not to be connected to, a limit or the deadline
    /// is exceeded, or the digest is another.
    pub async fn fetch(
        &self,
        uri: &str,
        expect_sha256: Option<Sha256Digest>,
        deadline: Instant,
    ) -> Result<Fetched, FetchError> {
        let fetched = timeout_at(deadline, self.fetch_at_leisure(uri, expect_sha256, deadline)).await;
        let fetched = fetched.unwrap_or(Err(FetchError::Deadline))?;
        match expect_sha256 {
            Some(expected) if expected != fetched.sha256 => {
                Err(FetchError::WrongDigest { expected, got: fetched.sha256, size_bytes: fetched.size })
            }
            Some(_) | None => Ok(fetched),
        }
    }

    /// Keeps the body of a response that the caller asked for himself, all of it or nothing, before `deadline`: for
    /// artifacts that need credentials, which a [`Fetcher`] never sends. The limits of size, rate and memory hold; whether
    /// the host may be asked is the caller's to know.
    ///
    /// # Errors
    /// If it is too large, too slow, breaks off, or cannot be stored.
    pub async fn keep(&self, response: reqwest::Response, deadline: Instant) -> Result<Fetched, FetchError> {
        let kept = async { self.web.body(&self.keeper, response).await?.finish().await };
        timeout_at(deadline, kept).await.unwrap_or(Err(FetchError::Deadline))
    }

    /// Memory for artifacts, all together: for whoever keeps others beside the downloads.
    pub fn memory(&self) -> ArtifactMemory {
        self.keeper.memory()
    }

    async fn fetch_at_leisure(
        &self,
        uri: &str,
        expect_sha256: Option<Sha256Digest>,
        deadline: Instant,
    ) -> Result<Fetched, FetchError> {
        let (keeper, limits) = (&self.keeper, &self.limits);
        let length_max = if is_data(uri) { limits.data_uri_bytes_max } else { limits.uri_bytes_max };
        if uri.len() > length_max {
            return Err(FetchError::uri(format_args!("it has {} bytes, more than {length_max}", uri.len())));
        }
        if is_data(uri) && self.schemes.data {
            return local::carried(keeper, uri, limits.bytes_max).await?.finish().await;
        }
        let url = Url::parse(uri).map_err(FetchError::uri)?;
        let keep = match (url.scheme(), &self.files) {
            ("http" | "https", _) => self.web.download(keeper, &url, expect_sha256, deadline).await?,
            ("file", Files::Beneath { .. } | Files::Anywhere) => self.files.copied(keeper, &url).await?,
            (scheme, _) => {
                let why = "it is not in the list of allowed schemes";
                return Err(FetchError::Scheme { scheme: scheme.to_owned(), why });
            }
        };
        keep.finish().await
    }
}

/// Whether `uri` is a `data:` uri, told without reading it: it may be long.
fn is_data(uri: &str) -> bool {
    uri.as_bytes().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:"))
}

fn directory(path: &Path) -> Result<OwnedFd, SetupError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty())
        .map_err(|errno| SetupError::Directory { path: path.to_owned(), source: errno.into() })
}
