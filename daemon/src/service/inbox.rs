//! Takes in what is put into the daemon's inbox: how bounties were settled, and that a person opens the purse.
//!
//! A thread of its own looks into the directory and reads; the edge, which alone knows the lives of bounties and the
//! purse, does what they say. A file is taken away only after everything in it is written down.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use daemon_archive::{JournalError, Story};
use daemon_market::{BountyKey, Event};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::engine::Engine;
use crate::outcomes::inbox::{Inbox, Receipt};
use crate::outcomes::{About, BOUNTIES_PER_ARTIFACT_MAX, Line, News, Told, filter, is_about, judge};
use crate::words::shown;

/// How often is looked for new files.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// So many lines are given to the edge at once: they share commits.
const LINES_AT_ONCE: usize = 256;
/// What is told about a bounty that has not ended is tried again after this time.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// And no longer than this: by then every bounty has ended.
const PENDING_TIME_MAX: Duration = Duration::from_secs(2 * 3_600);

/// Lines for the edge, and where it says what became of each.
pub struct Ask {
    lines: Vec<Line>,
    reply: SyncSender<Vec<Told>>,
}

/// Begins to look into the inbox of the archive in `directory`. The thread ends when nobody asks any more.
pub fn start(directory: &Path) -> anyhow::Result<UnboundedReceiver<Ask>> {
    let inbox = Inbox::of(directory)?;
    let (asks, heard) = unbounded_channel();
    let reader = Reader { inbox, asks, waiting: HashMap::new() };
    std::thread::Builder::new()
        .name("inbox".to_owned())
        .spawn(move || reader.live())
        .context("cannot start the thread that reads the inbox")?;
    Ok(heard)
}

/// A file in which something waits for a bounty to end.
struct Waiting {
    lines: Vec<Line>,
    since: Instant,
    next: Instant,
}

/// The thread's own.
struct Reader {
    inbox: Inbox,
    asks: UnboundedSender<Ask>,
    waiting: HashMap<PathBuf, Waiting>,
}

impl Reader {
    fn live(mut self) {
        let mut could_look = true;
        while !self.asks.is_closed() {
            match self.inbox.letters() {
                Ok(letters) => {
                    could_look = true;
                    for letter in letters {
                        if self.letter(&letter).is_none() {
                            return;
                        }
                    }
                }
                Err(error) if could_look => {
                    could_look = false;
                    error!(why = error.to_string(), "the inbox cannot be read");
                }
                Err(_) => {}
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Reads a file, or what waits in it. `None` once the edge has gone: it is left for the next daemon.
    fn letter(&mut self, letter: &Path) -> Option<()> {
        let now = Instant::now();
        let first = !self.waiting.contains_key(letter);
        let (lines, since) = match self.waiting.remove(letter) {
            Some(waiting) if waiting.next > now => {
                self.waiting.insert(letter.to_owned(), waiting);
                return Some(());
            }
            Some(waiting) => (waiting.lines, waiting.since),
            None => match Inbox::open(letter) {
                Ok(lines) => (lines, now),
                Err(why) => {
                    warn!(file = shown(letter), why, "this is not taken in");
                    finish(letter, Some(&Receipt { told: Told::default(), error: Some(why) }), true);
                    return Some(());
                }
            },
        };
        let mut told = Told::default();
        let mut left = Vec::new();
        for chunk in lines.chunks(LINES_AT_ONCE) {
            let (reply, replied) = sync_channel(1);
            self.asks.send(Ask { lines: chunk.to_vec(), reply }).ok()?;
            for (line, became) in chunk.iter().zip(replied.recv().ok()?) {
                told = told.and(became);
                if became.pending + became.failed > 0 {
                    left.push(line.clone());
                }
            }
        }
        if first {
            info!(file = shown(letter), ?told, "told how bounties were settled");
        }
        let given_up = since.elapsed() > PENDING_TIME_MAX;
        if given_up && !left.is_empty() {
            warn!(file = shown(letter), lines = left.len(), "waited long enough for bounties to end: not taken in");
        }
        let done = left.is_empty() || given_up;
        finish(letter, first.then_some(&Receipt { told, error: None }), done);
        if !done {
            self.waiting.insert(letter.to_owned(), Waiting { lines: left, since, next: now + AGAIN_AFTER });
        }
        Some(())
    }
}

/// Says what became of a file, and takes it away if it is done with.
fn finish(letter: &Path, receipt: Option<&Receipt>, done: bool) {
    // The receipt last: who has it need not look for the file.
    let removed = if done { Inbox::discard(letter) } else { Ok(()) };
    let answered = receipt.map_or(Ok(()), |receipt| Inbox::answer(letter, receipt));
    if let Err(error) = removed.and(answered) {
        error!(file = shown(letter), why = error.to_string(), "cannot finish with a file in the inbox");
    }
}

impl Engine {
    /// Does what the inbox says; for ever.
    pub async fn hear(self: Rc<Self>, mut asks: UnboundedReceiver<Ask>) {
        while let Some(Ask { lines, reply }) = asks.recv().await {
            let mut hearing = JoinSet::new();
            let count = lines.len();
            for (nth, line) in lines.into_iter().enumerate() {
                let engine = Rc::clone(&self);
                hearing.spawn_local(async move { (nth, engine.told(line).await) });
            }
            let mut told = vec![Told::default(); count];
            while let Some(heard) = hearing.join_next().await {
                match heard {
                    Ok((nth, became)) => told[nth] = became,
                    // One that panicked has failed the engine already.
                    Err(error) => self.fail(format!("taking in an outcome ended by a bug: {error}")),
                }
            }
            // The thread ends only after us.
            let _ = reply.send(told);
        }
        // The channel closes only if the thread died of a bug: then nothing that is told gets through.
        self.fail("the thread that reads the inbox has ended".to_owned());
    }

    /// Does what one line says.
    async fn told(self: &Rc<Self>, line: Line) -> Told {
        let told = Told { lines: 1, ..Told::default() };
        if line.about == About::Purse {
            let (sender, written) = oneshot::channel();
            self.inner.borrow_mut().opening.push(sender);
            self.happen(Event::Reopened { detail: line.outcome.source });
            let opened = written.await.unwrap_or(false);
            return Told { opened: opened.into(), failed: (!opened).into(), ..told };
        }
        let stories = match self.stories(&line.about).await {
            Ok(stories) => stories,
            Err(error) => {
                error!(why = crate::walk::causes(&error), "cannot look up what is told about");
                return Told { failed: 1, ..told };
            }
        };
        if stories.is_empty() {
            return Told { unasked: 1, ..told };
        }
        let mut sum = told;
        for story in stories {
            let became = match judge(&story, &line.outcome, self.parts.fee) {
                News::Known => Told { known: 1, ..Told::default() },
                News::Conflicting => Told { conflicting: 1, ..Told::default() },
                News::Pending => Told { pending: 1, ..Told::default() },
                News::Fresh(reckoning) => {
                    let outcome = Box::new(line.outcome.clone());
                    let key = story.bounty.key;
                    self.settle(key.clone(), Event::Settled { key, outcome, reckoning }).await
                }
            };
            sum = sum.and(became);
        }
        sum
    }

    async fn settle(self: &Rc<Self>, key: BountyKey, event: Event) -> Told {
        let (sender, written) = oneshot::channel();
        if self.inner.borrow_mut().settling.insert(key.clone(), sender).is_some() {
            // Told twice at once: the other is on its way, and who is told again will find it.
            return Told { pending: 1, ..Told::default() };
        }
        self.happen(event);
        // Still there: it does not fit the bounty's life at the moment.
        if self.inner.borrow_mut().settling.remove(&key).is_some() {
            return Told { pending: 1, ..Told::default() };
        }
        match written.await {
            Ok(true) => Told { fresh: 1, ..Told::default() },
            Ok(false) | Err(_) => Told { failed: 1, ..Told::default() },
        }
    }

    async fn stories(&self, about: &About) -> Result<Vec<Story>, JournalError> {
        let Some(filter) = filter(about) else { return Ok(Vec::new()) };
        let mut stories = self.parts.archive.query(filter, BOUNTIES_PER_ARTIFACT_MAX).await?;
        stories.retain(|story| is_about(about, &story.bounty.key));
        Ok(stories)
    }
}
