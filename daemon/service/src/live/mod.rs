//! The live page: what the engine knows, and what its archive says of the last hours.
//!
//! Nothing here waits on the edge: archives are read by a thread of its own, one query at a time, and what it read is good for
//! some seconds; pages are made where blocking is allowed, and are good for a second. So any number of readers costs what one
//! does.

mod archives;
mod now;
mod reader;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon_live::{Overview, Refresh, page};
use daemon_market::{BountyId, Timestamp};
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::spawn_blocking;

pub use self::archives::{NamedArchive, archives};
use self::reader::{LiveRequest, ReadBooks};
use crate::clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::health::Health;

/// How long a page is good for.
const PAGE_AGE_MAX: Duration = Duration::from_secs(1);
/// How long is waited for archives, before a page is made of what was read before.
const BOOKS_PATIENCE: Duration = Duration::from_secs(2);
/// How long is waited for one bounty.
const STORY_PATIENCE: Duration = Duration::from_secs(5);
/// Longest id that is looked for, in bytes.
const ID_BYTES_MAX: usize = 1_024;

/// A form in which the overview is told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum LiveForm {
    /// A page that loads itself anew.
    Page,
    /// A page that does not.
    Still,
    /// JSON.
    Json,
}

/// What serves the live page, on the edge.
pub(crate) struct LiveView {
    name: String,
    dry_run: bool,
    started: Timestamp,
    requests: SyncSender<LiveRequest>,
    books: watch::Receiver<Option<ReadBooks>>,
    /// Whether archives are being read, or are about to be.
    reading: Arc<AtomicBool>,
    /// What was made last, in each form. Locked while it is made, so that nothing is made twice.
    made: Mutex<HashMap<LiveForm, (Instant, Bytes)>>,
}

impl LiveView {
    /// Starts the thread that reads the archive in `directory`, and those that the configuration names.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(crate) fn start(config: &Config, directory: &Path, dry_run: bool) -> std::io::Result<LiveView> {
        let name = config.answers.product.clone();
        let ours = NamedArchive { engine: name.clone(), directory: directory.to_path_buf() };
        let archives = std::iter::once(ours).chain(archives(&config.admin.archives)).collect();
        let (sender, books) = watch::channel(None);
        let reading = Arc::new(AtomicBool::new(false));
        let requests = reader::start(archives, sender, Arc::clone(&reading))?;
        Ok(LiveView { name, dry_run, started: clock::wall(), requests, books, reading, made: Mutex::default() })
    }

    /// The overview, at most some seconds old.
    pub(crate) async fn overview(&self, form: LiveForm, engine: &Engine, health: &Health) -> Bytes {
        let mut made = self.made.lock().await;
        if let Some((at, bytes)) = made.get(&form)
            && at.elapsed() < PAGE_AGE_MAX
        {
            return bytes.clone();
        }
        self.look().await;
        let books = self.books.borrow().as_ref().map(|read| Arc::clone(&read.books));
        let engine = now::engine_now(&self.name, self.dry_run, self.started, engine, health);
        let bytes = spawn_blocking(move || {
            let books = books.map(|books| books.to_vec()).unwrap_or_default();
            render(&Overview::new(clock::wall(), engine, books), form)
        });
        // It is not cancelled, and does not panic: an empty page would be a bug to see.
        let bytes = Bytes::from(bytes.await.unwrap_or_default());
        made.insert(form, (Instant::now(), bytes.clone()));
        bytes
    }

    /// Has archives read where that is too long ago, and waits for it, but not for long.
    async fn look(&self) {
        if self.books.borrow().as_ref().is_some_and(ReadBooks::is_fresh) {
            return;
        }
        let mut books = self.books.clone();
        books.mark_unchanged();
        if !self.reading.swap(true, Ordering::AcqRel) && self.requests.try_send(LiveRequest::Books).is_err() {
            // The thread is busy with bounties: what was read before is told.
            self.reading.store(false, Ordering::Release);
            return;
        }
        let _ = tokio::time::timeout(BOOKS_PATIENCE, books.changed()).await;
    }

    /// The page of one bounty, and whether any archive has it; or why it cannot be looked for now.
    pub(crate) async fn story(&self, id: &str) -> Result<(bool, String), String> {
        let busy = || "the archive is busy: try again in a moment".to_owned();
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            return Ok((false, daemon_live::story_page(id.get(..ID_BYTES_MAX).unwrap_or_default(), &[])));
        }
        let (reply, replied) = oneshot::channel();
        self.requests.try_send(LiveRequest::Story { id: BountyId::new(id), reply }).map_err(|_| busy())?;
        match tokio::time::timeout(STORY_PATIENCE, replied).await {
            Ok(Ok(page)) => page,
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }
}

fn render(overview: &Overview, form: LiveForm) -> String {
    match form {
        LiveForm::Page => page(overview, Refresh::On),
        LiveForm::Still => page(overview, Refresh::Off),
        LiveForm::Json => serde_json::to_string_pretty(overview).unwrap_or_default() + "\n",
    }
}
