//! The command line's side.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use crate::ControlRequest;
use crate::ask::NAME_HEADER;

/// Largest answer taken, in bytes. The longest that there is tells what is wrong with rules.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Delay before a connection is tried again if the backlog is full.
const REST: Duration = Duration::from_millis(20);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// No daemon listens.
    #[error("no daemon listens at {}", path.display())]
    Nobody {
        /// The socket.
        path: PathBuf,
    },
    /// We may not.
    #[error("cannot talk to the daemon at {}: only root, its owner and members of {} may; \
        `usermod -aG GROUP USER` adds a member, who must log in again", path.display(),
        group.as_deref().map_or_else(|| "its group".to_owned(), |group| format!("the group {group}")))]
    Forbidden {
        /// The socket.
        path: PathBuf,
        /// Group of the socket, if known.
        group: Option<String>,
    },
    /// There is nothing yet.
    #[error("not finished yet")]
    NotYet,
    /// The daemon says that what was sent means nothing.
    #[error("the daemon rejected the request: {0}")]
    Wrong(String),
    /// The daemon says that it cannot.
    #[error("the daemon failed: {0}")]
    Cannot(String),
    /// The daemon does not answer in time.
    #[error("the daemon at {} did not answer within {} s", path.display(), time.as_secs())]
    Late {
        /// The socket.
        path: PathBuf,
        /// Time waited.
        time: Duration,
    },
    /// The conversation broke off.
    #[error("the connection to the daemon at {} was interrupted", path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// The error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Asks the daemon that listens at a socket.
#[derive(Clone, Debug)]
pub struct ControlClient {
    path: PathBuf,
}

impl ControlClient {
    /// Makes a client of the daemon at this socket.
    pub fn new(path: impl Into<PathBuf>) -> ControlClient {
        ControlClient { path: path.into() }
    }

    /// Returns the path of the socket.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Asks, and waits for the answer, but not for longer than `patience`.
    ///
    /// # Errors
    ///
    /// [`AskError`] if no daemon listens, this user may not talk to it, it refuses or fails, or `patience` is over.
    pub fn ask(&self, ask: &ControlRequest, patience: Duration) -> Result<String, AskError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| self.broken(error))?;
        runtime.block_on(async {
            let late = || AskError::Late { path: self.path.clone(), time: patience };
            timeout(patience, self.exchange(ask)).await.unwrap_or_else(|_| Err(late()))
        })
    }

    async fn exchange(&self, ask: &ControlRequest) -> Result<String, AskError> {
        let stream = self.connect().await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        // It ends with this runtime, and what ends it the exchange is told too.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let written = ask.write();
        let mut request = Request::builder().method(written.method).uri(written.path).header(HOST, "stakeout");
        if let Some(name) = written.name {
            request = request.header(NAME_HEADER, name);
        }
        let request = request.body(Full::new(written.body)).map_err(|error| self.broken(error))?;
        let response = sender.send_request(request).await.map_err(|error| self.broken(error))?;
        let status = response.status();
        let body: Result<Bytes, _> =
            Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.map(|body| body.to_bytes());
        let body = body.map_err(|source| AskError::Broken { path: self.path.clone(), source })?;
        let text = String::from_utf8_lossy(&body).trim_end().to_owned();
        match status {
            StatusCode::OK => Ok(text),
            StatusCode::NOT_FOUND => Err(AskError::NotYet),
            StatusCode::FORBIDDEN => Err(self.forbidden()),
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => Err(AskError::Wrong(text)),
            status => Err(AskError::Cannot(format!("{status}: {text}"))),
        }
    }

    async fn connect(&self) -> Result<UnixStream, AskError> {
        loop {
            match UnixStream::connect(&self.path).await {
                Ok(stream) => return Ok(stream),
                // As many wait as may.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(REST).await,
                Err(error) => {
                    return Err(match error.kind() {
                        io::ErrorKind::NotFound
                        | io::ErrorKind::NotADirectory
                        | io::ErrorKind::ConnectionRefused
                        // Longer than the address of a socket can be: then nobody listens there.
                        | io::ErrorKind::InvalidInput => AskError::Nobody { path: self.path.clone() },
                        io::ErrorKind::PermissionDenied => self.forbidden(),
                        _ => self.broken(error),
                    });
                }
            }
        }
    }

    fn forbidden(&self) -> AskError {
        let group = self.path.symlink_metadata().ok().map(|about| group_name(about.gid()));
        AskError::Forbidden { path: self.path.clone(), group }
    }

    fn broken(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AskError {
        AskError::Broken { path: self.path.clone(), source: source.into() }
    }
}

/// The name of a group, as /etc/group has it; else its number.
fn group_name(gid: u32) -> String {
    let number = gid.to_string();
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let name = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(&number)).then(|| name.to_owned())
    });
    name.unwrap_or(number)
}
