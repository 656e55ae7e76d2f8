//! The stream of INSTREAM: pieces, each after its length in four bytes, until one of length 0.

use daemon_download::{FetchError, Fetched, Keep, Keeper};
use tracing::warn;

use crate::client_bytes::ClientBytes;

/// Bytes of a length.
const LENGTH_BYTES: usize = 4;

/// Receives a stream.
pub(crate) struct StreamReader<'k> {
    keep: Keep<'k>,
    /// How much more may come.
    quota: u64,
    /// How much more of the piece comes.
    piece: u64,
}

/// Why a stream was not received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StreamRefused {
    /// It is too large.
    TooLarge,
    /// It could not be kept; the log says why.
    NotKept,
}

impl StreamRefused {
    /// What the client is told.
    pub(crate) fn reply(self) -> &'static str {
        match self {
            StreamRefused::TooLarge => "INSTREAM size limit exceeded. ERROR",
            StreamRefused::NotKept => "Error writing to temporary file ERROR",
        }
    }

    fn by(error: &FetchError) -> StreamRefused {
        match error {
            FetchError::TooLarge { .. } => StreamRefused::TooLarge,
            other => {
                let why = other.to_string();
                let cause = std::error::Error::source(other).map(ToString::to_string);
                warn!(why, cause, "stream not stored");
                StreamRefused::NotKept
            }
        }
    }
}

impl<'k> StreamReader<'k> {
    /// Begins one of at most so many bytes.
    pub(crate) fn begin(keeper: &'k Keeper, bytes_max: u64) -> Self {
        StreamReader { keep: keeper.begin(), quota: bytes_max, piece: 0 }
    }

    /// Takes what is there off `bytes`: whether that was the end. If not, what is left is less than a length.
    pub(crate) async fn take(&mut self, bytes: &mut ClientBytes) -> Result<bool, StreamRefused> {
        loop {
            if self.piece == 0 {
                let Some(length) = bytes.there().first_chunk::<LENGTH_BYTES>() else { return Ok(false) };
                let length = u64::from(u32::from_be_bytes(*length));
                bytes.consume(LENGTH_BYTES);
                if length == 0 {
                    return Ok(true);
                }
                // Before a byte of it is there: it is not waited for.
                self.quota = self.quota.checked_sub(length).ok_or(StreamRefused::TooLarge)?;
                self.piece = length;
            }
            let there = bytes.there();
            if there.is_empty() {
                return Ok(false);
            }
            let count = usize::try_from(self.piece).unwrap_or(usize::MAX).min(there.len());
            self.keep.take(&there[..count]).await.map_err(|error| StreamRefused::by(&error))?;
            bytes.consume(count);
            self.piece -= count as u64;
        }
    }

    /// All of it, kept.
    pub(crate) async fn finish(self) -> Result<Fetched, StreamRefused> {
        self.keep.finish().await.map_err(|error| StreamRefused::by(&error))
    }
}

#[cfg(test)]
mod tests {
    use daemon_download::runtime::{Prefer, Runtime};
    use daemon_download::{ArtifactMemory, FetchLimits};
    use proptest::prelude::*;

    use super::*;

    /// Sends `wire` in pieces of these sizes: what came of it, and what is left.
    fn received(wire: &[u8], cuts: &[usize], bytes_max: u64) -> (Result<Option<Vec<u8>>, StreamRefused>, Vec<u8>) {
        let directory = tempfile::tempdir().unwrap();
        let (runtime, backend) = Runtime::start(Prefer::Plain).unwrap();
        let limits = FetchLimits { memory_bytes_max: 40, ..FetchLimits::default() };
        let memory = ArtifactMemory::new(1 << 20);
        let keeper = Keeper::open(&limits, memory, directory.path().to_owned(), &backend).unwrap();
        runtime.block_on(async {
            let (mut stream, mut bytes, mut at) = (StreamReader::begin(&keeper, bytes_max), ClientBytes::new(), 0);
            let mut cuts = cuts.iter().copied().chain(std::iter::repeat(7));
            let ended = loop {
                match stream.take(&mut bytes).await {
                    Ok(true) => break true,
                    Ok(false) if at == wire.len() => break false,
                    Ok(false) => {}
                    Err(refused) => return (Err(refused), Vec::new()),
                }
                let more = cuts.next().unwrap_or(1).clamp(1, wire.len() - at);
                bytes.room()[..more].copy_from_slice(&wire[at..at + more]);
                bytes.filled(more);
                at += more;
            };
            let left = [bytes.there(), &wire[at..]].concat();
            if !ended {
                return (Ok(None), left);
            }
            let kept = stream.finish().await.unwrap();
            let mut read = vec![0; usize::try_from(kept.size).unwrap()];
            rustix::io::pread(&kept.file, &mut read, 0).unwrap();
            (Ok(Some(read)), left)
        })
    }

    fn piece(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    #[test]
    fn lengths_beyond_the_limit_are_refused_before_their_bytes() {
        let over = u32::MAX.to_be_bytes();
        assert_eq!(received(&over, &[], 100).0, Err(StreamRefused::TooLarge));
        assert_eq!(received(&101_u32.to_be_bytes(), &[1], 100).0, Err(StreamRefused::TooLarge));
        let two = [piece(&[1; 60]), 41_u32.to_be_bytes().to_vec()].concat();
        assert_eq!(received(&two, &[], 100).0, Err(StreamRefused::TooLarge));
        let just = [piece(&[1; 60]), piece(&[2; 40]), vec![0; 4]].concat();
        assert_eq!(received(&just, &[], 100).0.unwrap().unwrap().len(), 100);
    }

    proptest! {
        #[test]
        fn what_was_sent_is_what_is_kept(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..30), 0..6),
            cuts in proptest::collection::vec(1_usize..50, 0..20),
            rest in proptest::collection::vec(any::<u8>(), 0..10),
        ) {
            let sent = pieces.concat();
            let wire: Vec<u8> = pieces.iter().flat_map(|bytes| piece(bytes)).chain([0; 4]).chain(rest.clone()).collect();
            prop_assert_eq!(received(&wire, &cuts, 1_000), (Ok(Some(sent)), rest.clone()));
            // Cut off anywhere, it has no end.
            let cut = &wire[..wire.len() - rest.len() - 1];
            prop_assert_eq!(received(cut, &cuts, 1_000).0, Ok(None));
        }
    }
}
