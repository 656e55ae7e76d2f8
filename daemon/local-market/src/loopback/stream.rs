//! The bytes of an artifact on their way: a part of the file at a time, however large it is.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;
use tokio::time::Sleep;

/// Number of bytes read at a time.
const PART_BYTES: u64 = 256 << 10;
/// In how many parts a slow artifact comes.
const SLOW_PARTS: u32 = 8;

/// How the bytes are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Manner {
    /// Minimum time for the whole artifact.
    pub takes: Duration,
    /// Whether the connection is closed in the middle.
    pub truncated: bool,
    /// Whether other bytes are sent.
    pub lying: bool,
}

/// A file, and what was read of it.
type FilePart = (File, Vec<u8>);

/// A file on its way.
pub(super) struct Streamed {
    file: Option<File>,
    reading: Option<JoinHandle<io::Result<FilePart>>>,
    /// Promised bytes that remain.
    left: u64,
    /// Promised bytes that are not sent.
    withheld: u64,
    part: u64,
    pause: Duration,
    sleeping: Option<Pin<Box<Sleep>>>,
    lying: bool,
}

impl Streamed {
    /// The file at `path`. Blocks for as long as opening takes.
    pub(super) fn open(path: &Path, manner: Manner) -> io::Result<Streamed> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let slow = manner.takes > Duration::ZERO;
        let part = if slow { size.div_ceil(u64::from(SLOW_PARTS)).clamp(1, PART_BYTES) } else { PART_BYTES };
        let parts = u32::try_from(size.div_ceil(part)).unwrap_or(u32::MAX).max(1);
        Ok(Streamed {
            file: Some(file),
            reading: None,
            left: size,
            withheld: if manner.truncated { size - size / 2 } else { 0 },
            part,
            pause: manner.takes / parts,
            sleeping: slow.then(|| Box::pin(tokio::time::sleep(manner.takes / parts))),
            lying: manner.lying,
        })
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if self.left <= self.withheld {
            return Poll::Ready(Some(Err(io::Error::other("connection closed on purpose"))));
        }
        if let Some(sleeping) = &mut self.sleeping {
            ready!(sleeping.as_mut().poll(context));
            self.sleeping = None;
        }
        if let Some(mut file) = self.file.take() {
            let length =
                usize::try_from(self.part.min(self.left - self.withheld)).expect("a part is at most PART_BYTES");
            self.reading = Some(tokio::task::spawn_blocking(move || {
                let mut bytes = vec![0; length];
                // A file that has shrunk since cannot be sent as it was promised.
                file.read_exact(&mut bytes).map(|()| (file, bytes))
            }));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(context)).map_err(io::Error::other).flatten();
        self.reading = None;
        let (file, mut bytes) = match read {
            Ok(read) => read,
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        if self.lying {
            bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
        }
        self.file = Some(file);
        self.left -= bytes.len() as u64;
        if self.pause > Duration::ZERO {
            self.sleeping = Some(Box::pin(tokio::time::sleep(self.pause)));
        }
        Poll::Ready(Some(Ok(Frame::data(bytes.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn come(size: usize, manner: Manner) -> (u64, Result<Bytes, String>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![b'x'; size]).unwrap();
        let body = Streamed::open(file.path(), manner).unwrap();
        let promised = body.size_hint().exact().unwrap();
        (promised, body.collect().await.map(|all| all.to_bytes()).map_err(|error| error.to_string()))
    }

    #[tokio::test]
    async fn a_file_comes_as_it_is_unless_it_is_to_be_otherwise() {
        let whole = Manner::default();
        for size in [0, 1, 300_000] {
            assert_eq!(come(size, whole).await, (size as u64, Ok(vec![b'x'; size].into())));
            let lying = come(size, Manner { lying: true, ..whole }).await;
            assert_eq!(lying, (size as u64, Ok(vec![b'y'; size].into())));
        }
        for size in [1, 2, 300_000] {
            let cut = come(size, Manner { truncated: true, ..whole }).await;
            assert_eq!(cut, (size as u64, Err("connection closed on purpose".to_owned())));
        }
    }
}
