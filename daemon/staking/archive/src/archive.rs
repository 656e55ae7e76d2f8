//! The journal as the daemon sees it: many ask, one thread writes, one commit serves all who wait.
//!
//! ```text
//! take the first that waits; then every other that waits, up to a batch
//! commit once; answer each
//! nobody came for a while: let the journal rest
//! ```
//!
//! A commit waits for the disk, and no task of the daemon may. While one commit waits, others gather for the next: the
//! more there is to do, the more each sync does. What has no place in the queue is refused at once, so that the daemon
//! can tell its caller to come back later.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use daemon_journal::{Filter, Gone, Journal, JournalEntry, JournalError, LetGo, Pending, Story, Write, WriteResult};
use daemon_market::BountyId;
use tokio::sync::oneshot;
use tracing::dispatcher::{get_default, with_default};

/// How many may wait for the journal. A disk that does a hundred syncs a second serves them within a second.
pub const WAITING_MAX: usize = 4096;
/// How many records are committed at once. Larger batches save no more: the sync's share of one is small by then.
const BATCH_MAX: usize = 256;
/// A batch takes no more in when it has so many bytes.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// When nobody came for so long, the journal rests.
const IDLE: Duration = Duration::from_millis(20);

type ReplySender<T> = oneshot::Sender<Result<T, JournalError>>;

enum JournalRequest {
    Write(Write, ReplySender<WriteResult>),
    Pending(ReplySender<Vec<Pending>>),
    Find(BountyId, ReplySender<Vec<JournalEntry>>),
    Query(Filter, usize, ReplySender<Vec<Story>>),
    LetGo(LetGo, ReplySender<Gone>),
    Close,
}

/// What the journal's thread has done. Read whenever you like; each number is right, though not all at one moment.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Commits that succeeded.
    pub commits: AtomicU64,
    /// Writes they served, those already known included.
    pub records: AtomicU64,
    /// Commits that failed.
    pub failures: AtomicU64,
    /// How long the last commit took, in microseconds.
    pub commit_us_last: AtomicU64,
    /// How long the longest took, in microseconds.
    pub commit_us_longest: AtomicU64,
    /// How many wait in the queue.
    pub waiting: AtomicUsize,
    /// Whether nothing will be written any more: fenced, failed or dead. Time to end.
    pub ended: AtomicBool,
}

/// The journal, for many tasks at a time. Clones are of one journal; with the last of them it is closed.
#[derive(Clone, Debug)]
pub struct Archive {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sender: SyncSender<JournalRequest>,
    thread: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<JournalShared>,
}

#[derive(Debug, Default)]
struct JournalShared {
    statistics: Statistics,
    /// Nobody is let in any more.
    closing: AtomicBool,
    /// The thread came to its end as it should.
    closed: AtomicBool,
}

impl Archive {
    /// Gives the journal to a thread of its own. `observe` is called there after each commit that succeeded, before those
    /// it served are told, with how long it took and how many writes they were. Everybody waits for it: count, no more. The
    /// thread logs where this one does now.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn start(
        journal: impl Journal + 'static,
        observe: impl Fn(Duration, usize) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let shared = Arc::new(JournalShared::default());
        let scribe = Scribe { journal, observe, receiver, shared: Arc::clone(&shared) };
        let log = get_default(Clone::clone);
        let live = move || with_default(&log, || scribe.live());
        let thread = std::thread::Builder::new().name("journal".into()).spawn(live)?;
        Ok(Archive { inner: Arc::new(Inner { sender, thread: Mutex::new(Some(thread)), shared }) })
    }

    /// Writes one record, durably: on return it survives a power cut. Waits for the disk, not for a place in the queue.
    ///
    /// Once called it is written, whether its outcome is waited for or not.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the write cannot be done; see [`Journal::commit`](daemon_journal::Journal::commit).
    pub async fn write(&self, write: Write) -> Result<WriteResult, JournalError> {
        self.ask(|reply| JournalRequest::Write(write, reply)).await
    }

    /// See [`Recall::pending`](daemon_journal::Recall::pending).
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal cannot be read, or its thread has ended.
    pub async fn pending(&self) -> Result<Vec<Pending>, JournalError> {
        self.ask(JournalRequest::Pending).await
    }

    /// See [`Recall::find`](daemon_journal::Recall::find).
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal cannot be read, or its thread has ended.
    pub async fn find(&self, id: BountyId) -> Result<Vec<JournalEntry>, JournalError> {
        self.ask(|reply| JournalRequest::Find(id, reply)).await
    }

    /// See [`Recall::query`](daemon_journal::Recall::query). Writes wait meanwhile: for long searches open a
    /// [`JournalReader`](crate::JournalReader).
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal cannot be read, or its thread has ended.
    pub async fn query(&self, filter: Filter, limit: usize) -> Result<Vec<Story>, JournalError> {
        self.ask(|reply| JournalRequest::Query(filter, limit, reply)).await
    }

    /// See [`Journal::let_go`](daemon_journal::Journal::let_go). Writes wait meanwhile, for some milliseconds.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal cannot be written, or its thread has ended.
    pub async fn let_go(&self, order: LetGo) -> Result<Gone, JournalError> {
        self.ask(|reply| JournalRequest::LetGo(order, reply)).await
    }

    /// What the journal's thread has done so far.
    pub fn statistics(&self) -> &Statistics {
        &self.inner.shared.statistics
    }

    /// Does what waits, then closes the journal. Who asks from now on, through another clone, is told
    /// [`JournalError::Closed`]. Blocks until the thread is gone; so does dropping the last clone.
    pub fn close(self) {
        self.inner.close();
    }

    async fn ask<T>(&self, ask: impl FnOnce(ReplySender<T>) -> JournalRequest) -> Result<T, JournalError> {
        let shared = &self.inner.shared;
        if shared.closing.load(Ordering::Acquire) {
            return Err(JournalError::Closed);
        }
        let (reply, answer) = oneshot::channel();
        // Counted before it is there: the thread may take it out before we come to count.
        shared.statistics.waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = self.inner.sender.try_send(ask(reply)) {
            shared.statistics.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(match error {
                TrySendError::Full(_) => JournalError::Busy,
                TrySendError::Disconnected(_) => shared.gone(),
            });
        }
        // No answer: it was still in the queue when the thread ended.
        answer.await.unwrap_or_else(|_| Err(shared.gone()))
    }
}

impl JournalShared {
    /// Why the thread does not answer. Unless it came to its end as it should, nobody knows what it had done.
    fn gone(&self) -> JournalError {
        if self.closed.load(Ordering::Acquire) { JournalError::Closed } else { JournalError::Died }
    }
}

impl Inner {
    fn close(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(thread) = thread.take() else { return };
        self.shared.closing.store(true, Ordering::Release);
        // Waits for a place; fails only if the thread is gone.
        let _ = self.sender.send(JournalRequest::Close);
        // It has told of a panic itself.
        let _ = thread.join();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread's own.
struct Scribe<J, O> {
    journal: J,
    observe: O,
    receiver: Receiver<JournalRequest>,
    shared: Arc<JournalShared>,
}

impl<J: Journal, O: Fn(Duration, usize)> Scribe<J, O> {
    fn live(mut self) {
        // Unwind safe: after a panic the journal is closed, not used.
        let lived = catch_unwind(AssertUnwindSafe(|| self.serve()));
        match lived {
            Ok(()) => self.shared.closed.store(true, Ordering::Release),
            Err(_) => {
                self.shared.statistics.ended.store(true, Ordering::Release);
                tracing::error!("the journal's thread has died of a bug: nothing is written any more");
            }
        }
        // Now the receiver goes, and with it the replies of all who still wait: they are told why.
    }

    /// Until it is closed, and nobody waits.
    fn serve(&mut self) {
        let mut batch = Vec::new();
        let mut replies = Vec::new();
        let mut rested = true;
        let mut closing = false;
        loop {
            let first = if closing {
                let Ok(ask) = self.receiver.try_recv() else { return };
                ask
            } else if rested {
                let Ok(ask) = self.receiver.recv() else { return };
                ask
            } else {
                match self.receiver.recv_timeout(IDLE) {
                    Ok(ask) => ask,
                    Err(RecvTimeoutError::Timeout) => {
                        self.rest(true);
                        rested = true;
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            };
            let mut next = Some(first);
            let mut bytes = 0;
            // Reads come after the writes that were asked for before them, and end a batch.
            let mut read = None;
            while let Some(ask) = next.take() {
                self.shared
                    .statistics
                    .waiting
                    .fetch_sub(usize::from(!matches!(ask, JournalRequest::Close)), Ordering::Relaxed);
                match ask {
                    JournalRequest::Write(write, reply) => {
                        bytes += write.size_bytes();
                        batch.push(write);
                        replies.push(reply);
                        if batch.len() < BATCH_MAX && bytes < BATCH_BYTES_MAX {
                            next = self.receiver.try_recv().ok();
                        }
                    }
                    JournalRequest::Close => closing = true,
                    JournalRequest::Pending(_)
                    | JournalRequest::Find(..)
                    | JournalRequest::Query(..)
                    | JournalRequest::LetGo(..) => read = Some(ask),
                }
            }
            if !batch.is_empty() {
                self.commit(&batch, replies.drain(..));
                batch.clear();
                rested = false;
                self.rest(false);
            }
            match read {
                Some(JournalRequest::Pending(reply)) => drop(reply.send(self.journal.pending())),
                Some(JournalRequest::Find(id, reply)) => drop(reply.send(self.journal.find(&id))),
                Some(JournalRequest::Query(filter, limit, reply)) => {
                    drop(reply.send(self.journal.query(&filter, limit)))
                }
                Some(JournalRequest::LetGo(order, reply)) => {
                    drop(reply.send(self.journal.let_go(&order).inspect_err(|error| self.failed(error))));
                    rested = false;
                    self.rest(false);
                }
                Some(JournalRequest::Write(..) | JournalRequest::Close) | None => {}
            }
        }
    }

    /// Commits a batch and answers everybody in it.
    fn commit(&mut self, batch: &[Write], replies: impl ExactSizeIterator<Item = ReplySender<WriteResult>>) {
        let began = Instant::now();
        let committed = self.journal.commit(batch);
        let took = began.elapsed();
        match committed {
            Ok(written) => {
                self.count(took, batch.len());
                (self.observe)(took, batch.len());
                // Who no longer waits has dropped the other end.
                replies.zip(written).for_each(|(reply, written)| drop(reply.send(Ok(written))));
            }
            // One bad write must not spoil what others wrote.
            Err(JournalError::Unfit { .. }) if batch.len() > 1 => {
                batch.chunks(1).zip(replies).for_each(|(write, reply)| self.commit(write, [reply].into_iter()));
            }
            Err(error) => {
                self.failed(&error);
                replies.for_each(|reply| drop(reply.send(Err(error.clone()))));
            }
        }
    }

    fn rest(&mut self, idle: bool) {
        if let Err(error) = self.journal.rest(idle) {
            self.failed(&error);
        }
    }

    fn count(&self, took: Duration, records: usize) {
        let statistics = &self.shared.statistics;
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        statistics.commits.fetch_add(1, Ordering::Relaxed);
        statistics.records.fetch_add(records as u64, Ordering::Relaxed);
        statistics.commit_us_last.store(took, Ordering::Relaxed);
        statistics.commit_us_longest.fetch_max(took, Ordering::Relaxed);
    }

    fn failed(&self, error: &JournalError) {
        let statistics = &self.shared.statistics;
        statistics.failures.fetch_add(1, Ordering::Relaxed);
        // Said once, not for every write that comes after.
        if error.is_final() && !statistics.ended.swap(true, Ordering::AcqRel) {
            let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, source, "nothing is written to the journal any more");
        } else if !error.is_final() {
            tracing::debug!(%error, "not written to the journal");
        }
    }
}
