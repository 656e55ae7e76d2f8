//! Artifacts that a frontend holds, handed out to consumers over HTTP by the route that PolySwarm's workers use:
//! `/artifacts/<name>/<index>/`.
//!
//! Each artifact has a random name while it is out for scanning, and none afterwards. Who knows the name may download it;
//! nothing is listed, and nothing is taken in.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rand::TryRng;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::debug;

/// Bytes that are read at once.
const PIECE_BYTES: usize = 64 << 10;
/// Connections at once; more wait.
const CONNECTIONS_MAX: usize = 512;
/// Maximum time for the head of a request, and of an idle connection.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Maximum time of a connection: an artifact is of use for less.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(300);
/// Pause after an error of the listener.
const REST: Duration = Duration::from_millis(100);

/// Files and their sizes, by name.
type HeldFiles = HashMap<String, (Arc<File>, u64)>;

/// Artifacts that are out for scanning.
#[derive(Clone, Debug, Default)]
pub struct ArtifactStore {
    held: Arc<Mutex<HeldFiles>>,
}

/// An artifact can be downloaded until this is dropped.
#[derive(Debug)]
pub struct HandedOut {
    name: String,
    store: ArtifactStore,
}

impl HandedOut {
    /// Its name: 32 hexadecimal digits.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for HandedOut {
    fn drop(&mut self) {
        self.store.held().remove(&self.name);
    }
}

impl ArtifactStore {
    /// Hands out a file of `size` bytes, which does not change.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn hand_out(&self, file: OwnedFd, size: u64) -> io::Result<HandedOut> {
        let mut bytes = [0; 16];
        rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
        let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.held().insert(name.clone(), (Arc::new(File::from(file)), size));
        Ok(HandedOut { name, store: self.clone() })
    }

    /// How many are handed out.
    pub fn count(&self) -> usize {
        self.held().len()
    }

    /// Answers downloads, for ever.
    pub async fn serve(self, listener: TcpListener) {
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            // It is closed by nobody.
            let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    debug!(why = error.to_string(), "accept failed");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            let store = self.clone();
            tokio::spawn(async move {
                let _permit = permit;
                let answer = service_fn(move |request| {
                    let reply = store.answer(&request);
                    async { Ok::<_, Infallible>(reply) }
                });
                let mut http = hyper::server::conn::http1::Builder::new();
                http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
                let connection = http.serve_connection(TokioIo::new(stream), answer);
                // The connection was lost, or took too long: the consumer's affair.
                let _ = tokio::time::timeout(CONNECTION_TIME_MAX, connection).await;
            });
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<FileBody> {
        let empty = |status: StatusCode| {
            let mut reply = Response::new(FileBody { file: None, at: 0, size: 0 });
            *reply.status_mut() = status;
            reply
        };
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let mut parts = request.uri().path().split('/').filter(|part| !part.is_empty());
        // There is one artifact of a name, whatever its position in the bounty.
        let found = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("artifacts"), Some(name), _, None) => self.held().get(name).cloned(),
            _ => None,
        };
        match found {
            Some((file, size)) => Response::new(FileBody { file: Some(file), at: 0, size }),
            None => empty(StatusCode::NOT_FOUND),
        }
    }

    fn held(&self) -> MutexGuard<'_, HeldFiles> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a file, read as they are sent. Artifacts are in memory, or were just written: reading does not wait long.
struct FileBody {
    file: Option<Arc<File>>,
    at: u64,
    size: u64,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let left = self.size.saturating_sub(self.at);
        let Some(file) = self.file.clone().filter(|_| left > 0) else { return Poll::Ready(None) };
        let mut piece = vec![0; usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES)];
        Poll::Ready(Some(match file.read_at(&mut piece, self.at) {
            Ok(0) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            Ok(read) => {
                piece.truncate(read);
                self.at += read as u64;
                Ok(Frame::data(Bytes::from(piece)))
            }
            Err(error) => Err(error),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.file.is_none() || self.at >= self.size
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.size.saturating_sub(self.at))
    }
}
