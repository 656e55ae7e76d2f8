use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use daemon_archive::{Archive, Sqlite, WAITING_MAX};
use daemon_journal::{
    Counts, Filter, Journal, JournalEntry, JournalError, MemoryJournal, Moment, Pending, PendingAssertion, PurseRow,
    Recall, Story, Verified, Write, WriteResult,
};
use daemon_market::{BountyId, Timestamp};

use crate::make::{answer, bounty, key, life};

/// Waits for a future of ours, which needs no runtime.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Begins a future; it goes on when it is waited for.
fn begin<T>(future: &mut std::pin::Pin<Box<dyn Future<Output = T> + '_>>) {
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

/// A journal whose commits say that they began, and wait until they are told how to go on.
struct Slow {
    memory: MemoryJournal,
    began: Sender<usize>,
    go_on: Receiver<Option<JournalError>>,
}

fn slow() -> (Slow, Receiver<usize>, Sender<Option<JournalError>>) {
    let ((began, begins), (tell, go_on)) = (channel(), channel());
    (Slow { memory: MemoryJournal::new(), began, go_on }, begins, tell)
}

impl Journal for Slow {
    fn commit(&mut self, batch: &[Write]) -> Result<Vec<WriteResult>, JournalError> {
        self.began.send(batch.len()).unwrap();
        match self.go_on.recv().expect("a bug, for the test") {
            Some(error) => Err(error),
            None => self.memory.commit(batch),
        }
    }
}

impl Recall for Slow {
    fn pending(&self) -> Result<Vec<Pending>, JournalError> {
        self.memory.pending()
    }
    fn pending_assertions(&self) -> Result<Vec<PendingAssertion>, JournalError> {
        self.memory.pending_assertions()
    }
    fn find(&self, id: &BountyId) -> Result<Vec<JournalEntry>, JournalError> {
        self.memory.find(id)
    }
    fn query(&self, filter: &Filter, limit: usize) -> Result<Vec<Story>, JournalError> {
        self.memory.query(filter, limit)
    }
    fn each(&self, filter: &Filter, see: &mut dyn FnMut(Story)) -> Result<(), JournalError> {
        self.memory.each(filter, see)
    }
    fn purse(&self, since: Timestamp) -> Result<Vec<PurseRow>, JournalError> {
        self.memory.purse(since)
    }
    fn past(&self) -> Result<Vec<Moment>, JournalError> {
        self.memory.past()
    }
    fn counts(&self) -> Result<Counts, JournalError> {
        self.memory.counts()
    }
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, JournalError> {
        self.memory.verify(progress)
    }
}

#[test]
fn those_who_wait_share_a_commit_and_a_bad_one_spoils_only_itself() {
    let (journal, begins, tell) = slow();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observed = Arc::clone(&seen);
    let archive = Archive::start(journal, move |_, records| observed.lock().unwrap().push(records)).unwrap();
    let mut first: std::pin::Pin<Box<dyn Future<Output = _>>> = Box::pin(archive.write(bounty(&key("0"))));
    begin(&mut first);
    assert_eq!(begins.recv().unwrap(), 1);
    let writes = [bounty(&key("1")), answer(&key("nobody"), ""), bounty(&key("2")), bounty(&key("0"))];
    let mut others: Vec<std::pin::Pin<Box<dyn Future<Output = _>>>> = Vec::new();
    for write in writes {
        others.push(Box::pin(archive.write(write)));
        begin(others.last_mut().unwrap());
    }
    assert_eq!(archive.statistics().waiting.load(Ordering::Relaxed), 4);
    (0..6).for_each(|_| tell.send(None).unwrap());
    assert_eq!(wait(first).unwrap(), WriteResult::Fresh);
    let outcomes: Vec<_> = others.into_iter().map(wait).collect();
    assert!(matches!(
        outcomes[..],
        [Ok(WriteResult::Fresh), Err(JournalError::Unfit { .. }), Ok(WriteResult::Fresh), Ok(WriteResult::Known)]
    ));
    assert_eq!(begins.try_iter().collect::<Vec<_>>(), [4, 1, 1, 1, 1]);
    assert_eq!(*seen.lock().unwrap(), [1, 1, 1, 1]);
    assert_eq!(archive.statistics().records.load(Ordering::Relaxed), 4);
}

#[test]
fn who_finds_no_place_is_refused_at_once() {
    let (journal, begins, tell) = slow();
    let archive = Archive::start(journal, |_, _| {}).unwrap();
    let mut waiting: Vec<std::pin::Pin<Box<dyn Future<Output = _>>>> = Vec::new();
    for n in 0..=WAITING_MAX {
        waiting.push(Box::pin(archive.write(bounty(&key(&n.to_string())))));
        begin(waiting.last_mut().unwrap());
        if n == 0 {
            begins.recv().unwrap();
        }
    }
    assert!(matches!(wait(archive.write(bounty(&key("one more")))), Err(JournalError::Busy)));
    (0..=WAITING_MAX).for_each(|_| tell.send(None).unwrap());
    assert!(waiting.into_iter().map(wait).all(|outcome| matches!(outcome, Ok(WriteResult::Fresh))));
    assert_eq!(archive.statistics().waiting.load(Ordering::Relaxed), 0);
}

#[test]
fn closing_does_what_waits_and_refuses_what_comes() {
    let directory = crate::make::directory();
    let archive = Archive::start(Sqlite::open(directory.path()).unwrap(), |_, _| {}).unwrap();
    let other = archive.clone();
    for write in life("1") {
        let mut unheard: std::pin::Pin<Box<dyn Future<Output = _>>> = Box::pin(archive.write(write));
        begin(&mut unheard);
    }
    archive.close();
    assert!(matches!(wait(other.write(bounty(&key("2")))), Err(JournalError::Closed)));
    assert!(matches!(wait(other.pending()), Err(JournalError::Closed)));
    let reopened = Archive::start(Sqlite::open(directory.path()).unwrap(), |_, _| {}).unwrap();
    assert_eq!(wait(reopened.find(BountyId::new("1"))).unwrap().len(), 3);
    assert_eq!(wait(reopened.query(Filter::default(), 10)).unwrap().len(), 1);
    assert_eq!(wait(reopened.pending()).unwrap(), []);
}

#[test]
fn a_panic_in_the_thread_is_told_to_everybody() {
    let (journal, begins, tell) = slow();
    let archive = Archive::start(journal, |_, _| {}).unwrap();
    let mut caught: std::pin::Pin<Box<dyn Future<Output = _>>> = Box::pin(archive.write(bounty(&key("1"))));
    begin(&mut caught);
    begins.recv().unwrap();
    let mut waiting: std::pin::Pin<Box<dyn Future<Output = _>>> = Box::pin(archive.write(bounty(&key("2"))));
    begin(&mut waiting);
    drop(tell);
    assert!(matches!(wait(caught), Err(JournalError::Died)));
    assert!(matches!(wait(waiting), Err(JournalError::Died)));
    assert!(matches!(wait(archive.write(bounty(&key("3")))), Err(JournalError::Died)));
    assert!(archive.statistics().ended.load(Ordering::Relaxed));
}

#[test]
fn a_failure_is_told_and_a_final_one_is_flagged() {
    let (journal, _begins, tell) = slow();
    let archive = Archive::start(journal, |_, _| {}).unwrap();
    tell.send(Some(JournalError::Full)).unwrap();
    assert!(matches!(wait(archive.write(bounty(&key("1")))), Err(JournalError::Full)));
    assert!(!archive.statistics().ended.load(Ordering::Relaxed));
    tell.send(None).unwrap();
    assert_eq!(wait(archive.write(bounty(&key("1")))).unwrap(), WriteResult::Fresh);
    tell.send(Some(JournalError::Fenced { ours: 1, theirs: 2 })).unwrap();
    assert!(matches!(wait(archive.write(bounty(&key("2")))), Err(JournalError::Fenced { .. })));
    assert!(archive.statistics().ended.load(Ordering::Relaxed));
    assert_eq!(archive.statistics().failures.load(Ordering::Relaxed), 2);
}
