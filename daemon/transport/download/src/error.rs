//! Why a download came to nothing, told apart by what the caller does about it.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use daemon_artifact::Sha256Digest;

use daemon_artifact::OpenError;

/// Why a download failed. Messages do not contain the URI, because it may carry a secret signature; the caller adds it
/// where it is safe.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A scheme that is not permitted, or a redirect to a lesser one.
    #[error("URI scheme {scheme:?} is not allowed: {why}")]
    Scheme {
        /// The scheme.
        scheme: String,
        /// Why it is not allowed.
        why: &'static str,
    },
    /// Not a uri that can be fetched from.
    #[error("invalid URI: {why}")]
    Uri {
        /// What is wrong with the URI.
        why: String,
    },
    /// The uri, or a redirect, leads to an address that is not public, and that no allowed network holds.
    #[error(
        "connection to {host} is not allowed: {address} is {why}; allow its network in intake.allow_networks if you need it"
    )]
    Address {
        /// The host as the uri names it.
        host: String,
        /// The address it is or has.
        address: IpAddr,
        /// Kind of the address.
        why: &'static str,
    },
    /// The connection failed: unknown name, refused, no route, untrusted certificate.
    #[error("cannot connect to {host}")]
    Connect {
        /// The host as the uri names it.
        host: String,
        /// The error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server answered, but not with the artifact.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// More bytes than are allowed: as the server announces, or as they came.
    #[error("{}", too_large(*size_bytes, *size_bytes_max))]
    TooLarge {
        /// Announced size, if any.
        size_bytes: Option<u64>,
        /// Maximum size in bytes.
        size_bytes_max: u64,
    },
    /// The server gave too few bytes in the time that was watched.
    #[error("download too slow: {bytes} bytes in {within:?}")]
    TooSlow {
        /// Number of bytes received.
        bytes: u64,
        /// Time in which they were received.
        within: Duration,
    },
    /// The caller's deadline passed first.
    #[error("download not finished before the deadline")]
    Deadline,
    /// The answer broke off, or is not HTTP.
    #[error("the response is incomplete or invalid")]
    Broken {
        /// The error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// More redirects than are followed. A circle is one of these.
    #[error("redirected more than {redirects_max} times")]
    Redirects {
        /// Maximum number of redirects.
        redirects_max: u32,
    },
    /// Other bytes than were promised.
    #[error("wrong SHA-256: got {got} of {size_bytes} bytes, expected {expected}")]
    WrongDigest {
        /// The digest that was promised.
        expected: Sha256Digest,
        /// The digest of what came.
        got: Sha256Digest,
        /// Size in bytes.
        size_bytes: u64,
    },
    /// The bytes could not be kept: the disk is full, descriptors ran out. Nothing is wrong with the server.
    #[error("cannot {tried} {on}: free some space there, or set another spill directory")]
    Storage {
        /// The operation that failed, for example `"write to"`.
        tried: &'static str,
        /// On what.
        on: String,
        /// Error of the operating system.
        #[source]
        source: io::Error,
    },
    /// A `file:` uri that is allowed, whose file could not be had.
    #[error("cannot use {}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// The error.
        #[source]
        source: OpenError,
    },
}

fn too_large(size_bytes: Option<u64>, size_bytes_max: u64) -> String {
    match size_bytes {
        Some(size_bytes) => format!("has {size_bytes} bytes, more than the {size_bytes_max} allowed"),
        None => format!("has more than the {size_bytes_max} bytes allowed"),
    }
}

impl FetchError {
    /// Whether the same uri may give something better in a moment.
    pub fn is_worth_retrying(&self) -> bool {
        match self {
            FetchError::Connect { .. } | FetchError::Broken { .. } => true,
            FetchError::Status(status) => matches!(status, 408 | 429 | 500..=599),
            FetchError::Scheme { .. }
            | FetchError::Uri { .. }
            | FetchError::Address { .. }
            | FetchError::TooLarge { .. }
            | FetchError::TooSlow { .. }
            | FetchError::Deadline
            | FetchError::Redirects { .. }
            | FetchError::WrongDigest { .. }
            | FetchError::Storage { .. }
            | FetchError::File { .. } => false,
        }
    }

    /// The reason for others than the operator: no addresses and no paths, nothing that whoever gave the uri does not know.
    pub fn remark(&self) -> &'static str {
        match self {
            FetchError::TooLarge { .. } => "limit.size",
            FetchError::Storage { .. } => "no space for the artifact",
            FetchError::Scheme { .. } => "unsupported URI scheme",
            FetchError::Uri { .. } => "invalid URI",
            FetchError::Address { .. } => "address not allowed",
            FetchError::Connect { .. } => "connection failed",
            FetchError::Status(_) => "artifact server refused the request",
            FetchError::TooSlow { .. } => "artifact server too slow",
            FetchError::Deadline => "download timed out",
            FetchError::Broken { .. } => "download interrupted",
            FetchError::Redirects { .. } => "too many redirects",
            FetchError::WrongDigest { .. } => "wrong SHA-256",
            FetchError::File { .. } => "file not available",
        }
    }

    pub(super) fn uri(why: impl ToString) -> FetchError {
        FetchError::Uri { why: why.to_string() }
    }
}

/// Why there is no [`Fetcher`](super::Fetcher): something that was configured does not hold.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The directory for large downloads, or the root of `file:` uris, cannot be opened.
    #[error("cannot open the directory {}: create it, or configure another", path.display())]
    Directory {
        /// Path of the directory.
        path: PathBuf,
        /// Error of the operating system.
        #[source]
        source: io::Error,
    },
    /// TLS is not available: no trusted roots on this machine, or an invalid configured root.
    #[error("cannot set up TLS: install the system's CA certificates, or configure roots in PEM")]
    Tls {
        /// The error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The credentials cannot be sent in a header.
    #[error("cannot send the credentials: use printable ASCII, on one line")]
    Credentials {
        /// The error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_says_what_sort_of_thing_happened_and_no_more() {
        let host = "inside.example".to_owned();
        let address = FetchError::Address { host, address: IpAddr::from([10, 0, 0, 1]), why: "it is private" };
        assert_eq!(
            (address.remark(), FetchError::Status(404).remark()),
            ("address not allowed", "artifact server refused the request")
        );
        let (expected, got) = (Sha256Digest::of(b"one"), Sha256Digest::of(b"two"));
        assert_eq!(FetchError::WrongDigest { expected, got, size_bytes: 3 }.remark(), "wrong SHA-256");
    }
}
