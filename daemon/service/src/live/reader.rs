//! The thread that reads archives for the live page: one query at a time, behind everything else that wants the processor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use daemon_archive::JournalReader;
use daemon_base::text::causes;
use daemon_journal::{Filter, Recall};
use daemon_live::{Books, BooksReader, story_page};
use daemon_market::{BountyId, Timestamp};
use tokio::sync::{oneshot, watch};

use super::archives::NamedArchive;
use crate::clock;
use crate::dialects::recorded_bounty;

/// The period that is told of.
const PERIOD_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// Most bounties of an archive that are read: the latest. Takes a second or two.
const BOUNTIES_MAX: usize = 20_000;
/// How long what was read is good for.
const BOOKS_AGE_MAX: Duration = Duration::from_secs(5);
/// And no less than so many times what reading took: so at most a fifth of a processor goes into it.
const REST_FACTOR: u32 = 4;
/// Requests that wait. What finds no room is told to come again.
const WAITING_MAX: usize = 8;
/// Most phases of a bounty, and some more.
const STORIES_MAX: usize = 16;
/// How far the thread stands back, as `nice` counts.
const NICE: i32 = 10;

/// What the thread is asked for.
pub(super) enum LiveRequest {
    /// To read the archives.
    Books,
    /// For the page of one bounty.
    Story {
        /// The bounty.
        id: BountyId,
        /// Gets whether there is one, and the page, or why it cannot be read.
        reply: oneshot::Sender<Result<(bool, String), String>>,
    },
}

/// What was read last.
#[derive(Clone)]
pub(super) struct ReadBooks {
    at: Instant,
    took: Duration,
    pub(super) books: Arc<[Books]>,
}

impl ReadBooks {
    /// Whether it need not be read again yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.at.elapsed() < BOOKS_AGE_MAX.max(self.took * REST_FACTOR)
    }
}

/// Starts the thread. It ends when nobody can ask it any more. Clears `reading` after each reading.
pub(super) fn start(
    archives: Vec<NamedArchive>,
    books: watch::Sender<Option<ReadBooks>>,
    reading: Arc<AtomicBool>,
) -> std::io::Result<SyncSender<LiveRequest>> {
    let (sender, requests) = sync_channel(WAITING_MAX);
    std::thread::Builder::new().name("live".to_owned()).spawn(move || {
        // If the system does not let it stand back, it does its work all the same.
        let _ = rustix::process::setpriority_process(None, NICE);
        serve(&requests, &archives, &books, &reading);
    })?;
    Ok(sender)
}

fn serve(
    requests: &Receiver<LiveRequest>,
    archives: &[NamedArchive],
    books: &watch::Sender<Option<ReadBooks>>,
    reading: &AtomicBool,
) {
    while let Ok(request) = requests.recv() {
        match request {
            LiveRequest::Books => {
                let began = Instant::now();
                let read: Arc<[Books]> = archives.iter().map(read).collect();
                reading.store(false, Ordering::Release);
                books.send_replace(Some(ReadBooks { at: Instant::now(), took: began.elapsed(), books: read }));
            }
            LiveRequest::Story { id, reply } => {
                // Nobody may wait any more.
                let _ = reply.send(story(archives, &id));
            }
        }
    }
}

/// What one archive says.
fn read(archive: &NamedArchive) -> Books {
    let now = clock::wall();
    let since = Timestamp::from_micros(now.micros().saturating_sub(PERIOD_MICROS));
    let mut reader = BooksReader::new(&archive.engine, since);
    let journal = JournalReader::open(&archive.directory);
    let cut = journal.and_then(|journal| journal.recent(since, BOUNTIES_MAX, &mut |story| reader.see(story)));
    match cut {
        Ok(cut) => reader.close(now, cut),
        Err(error) => reader.failed(now, &causes(&error)),
    }
}

/// The page of one bounty, of all archives that have it.
fn story(archives: &[NamedArchive], id: &BountyId) -> Result<(bool, String), String> {
    let filter = Filter { id: Some(id.clone()), ..Filter::default() };
    let mut stories = Vec::new();
    let mut failure = None;
    for archive in archives {
        let found = JournalReader::open(&archive.directory).and_then(|journal| journal.query(&filter, STORIES_MAX));
        match found {
            Ok(found) => stories.extend(found),
            Err(error) => {
                failure = Some(format!("the archive of {} cannot be read: {}", archive.engine, causes(&error)))
            }
        }
    }
    match failure {
        Some(why) if stories.is_empty() => Err(why),
        _ => {
            let with_bounty = |story: daemon_journal::Story| {
                let bounty = recorded_bounty(&story.bounty);
                (story, bounty)
            };
            let stories: Vec<_> = stories.into_iter().map(with_bounty).collect();
            Ok((!stories.is_empty(), story_page(id.as_str(), &stories)))
        }
    }
}
