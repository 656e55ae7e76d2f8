//! Why Redis did not do what it was asked, told apart by what the caller does about it.

use redis::{ErrorKind, RedisError};

/// Why a command to Redis came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The address is not one of Redis.
    #[error("`{address}` is not an address of Redis: use host:port, redis://host:port/db or unix:///path")]
    Address {
        /// What was given, without its password.
        address: String,
    },
    /// There is no connection, or it broke. What was sent may have been done or not.
    #[error("no connection to Redis at {address}: {why}")]
    Unreachable {
        /// Where it was tried.
        address: String,
        /// What went wrong.
        why: String,
    },
    /// Redis did not answer in time. What was sent may be done later.
    #[error("Redis at {address} did not answer {command} in time: is it stopped or overloaded?")]
    Silent {
        /// Where it was tried.
        address: String,
        /// The command.
        command: String,
    },
    /// Redis is starting, or a replica that takes no writes.
    #[error("Redis at {address} is not ready: {why}")]
    NotReady {
        /// Where it was tried.
        address: String,
        /// What it said.
        why: String,
    },
    /// The memory of Redis is used up (`maxmemory`). Nothing was written.
    #[error("the memory of Redis at {address} is full (maxmemory): raise it, or have more consumers")]
    Full {
        /// Where it was tried.
        address: String,
    },
    /// The queue has as many jobs as it may have. Nothing was written.
    #[error("the queue {queue} has its maximum of {jobs_max} jobs: have more consumers, or raise the limit")]
    TooManyJobs {
        /// The queue's name.
        queue: String,
        /// Its limit.
        jobs_max: usize,
    },
    /// A job or a result is larger than is taken. Nothing was written.
    #[error("the {what} has {bytes} bytes, more than the limit of {bytes_max}")]
    TooLarge {
        /// `"job"` or `"result"`.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Redis does not do that: a wrong password, no permission, a key of another type, a server that is too old.
    #[error("Redis at {address} refused {command}: {why}")]
    Refused {
        /// Where it was tried.
        address: String,
        /// The command.
        command: String,
        /// What it said.
        why: String,
    },
}

impl QueueError {
    /// Whether the same may work later, without anybody changing a setting.
    pub fn is_passing(&self) -> bool {
        match self {
            QueueError::Unreachable { .. }
            | QueueError::Silent { .. }
            | QueueError::NotReady { .. }
            | QueueError::Full { .. }
            | QueueError::TooManyJobs { .. } => true,
            QueueError::Address { .. } | QueueError::TooLarge { .. } | QueueError::Refused { .. } => false,
        }
    }

    /// Whether it is not known what became of the command.
    pub fn is_unknown(&self) -> bool {
        matches!(self, QueueError::Unreachable { .. } | QueueError::Silent { .. })
    }

    pub(crate) fn of(error: &RedisError, address: &str, command: &str) -> QueueError {
        let (address, command) = (address.to_owned(), command.to_owned());
        let text = error.to_string();
        if error.is_timeout() {
            return QueueError::Silent { address, command };
        }
        if error.is_io_error() || error.is_connection_dropped() {
            return QueueError::Unreachable { address, why: text };
        }
        // Scripts and pipelines say it in the middle of messages of their own.
        if text.contains("command not allowed when used memory") || error.code() == Some("OOM") {
            return QueueError::Full { address };
        }
        const NOT_READY: [&str; 7] =
            ["LOADING", "READONLY", "MASTERDOWN", "TRYAGAIN", "BUSY", "MISCONF", "CLUSTERDOWN"];
        if error.code().is_some_and(|code| NOT_READY.contains(&code)) || text.contains("MISCONF ") {
            return QueueError::NotReady { address, why: text };
        }
        // What cannot be parsed leaves a connection that nobody knows the state of.
        if error.kind() == ErrorKind::Parse {
            return QueueError::Unreachable { address, why: text };
        }
        QueueError::Refused { address, command, why: text }
    }
}
