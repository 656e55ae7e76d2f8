//! Takes in what is put into the daemon's inbox: how bounties were settled, and that a person opens the purse.
//!
//! A separate thread reads the directory. The edge thread, which alone has the state of bounties and the purse, applies
//! the lines. A file is removed only after all of its lines are recorded.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use daemon_base::text::path as shown;
use daemon_journal::{JournalError, Story};
use daemon_market::{BountyKey, Event, SettlementNotice, Written};
use daemon_settlement::{About, SettlementLine};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::dispatcher::{get_default, with_default};
use tracing::{error, info, warn};

use super::engine::Engine;
use crate::settlements::inbox::{ImportReceipt, Inbox};
use crate::settlements::{BOUNTIES_PER_ARTIFACT_MAX, ImportSummary, News, filter, is_about, judge};

/// How often the inbox is checked for new files.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// Number of lines passed to the edge thread at a time: they share commits.
const LINES_AT_ONCE: usize = 256;
/// Time after which lines about open bounties are tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// And no longer than this: by then every bounty has ended.
const PENDING_TIME_MAX: Duration = Duration::from_secs(2 * 3_600);

/// Lines for the edge, and where it says what became of each.
pub(crate) struct InboxRequest {
    lines: Vec<SettlementLine>,
    reply: SyncSender<Vec<ImportSummary>>,
}

/// Starts reading the inbox of the archive in `directory`. The thread ends when the receiver is dropped.
pub(crate) fn start(directory: &Path) -> anyhow::Result<UnboundedReceiver<InboxRequest>> {
    let inbox = Inbox::of(directory)?;
    let (asks, heard) = unbounded_channel();
    let reader = InboxReader { inbox, asks, waiting: HashMap::new() };
    let log = get_default(Clone::clone);
    std::thread::Builder::new()
        .name("inbox".to_owned())
        .spawn(move || with_default(&log, || reader.live()))
        .context("cannot start the inbox thread")?;
    Ok(heard)
}

/// A file in which something waits for a bounty to end.
struct WaitingFile {
    lines: Vec<SettlementLine>,
    since: Instant,
    next: Instant,
}

/// The thread's own.
struct InboxReader {
    inbox: Inbox,
    asks: UnboundedSender<InboxRequest>,
    waiting: HashMap<PathBuf, WaitingFile>,
}

impl InboxReader {
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
                    error!(why = error.to_string(), "inbox read failed");
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
                    warn!(file = shown(letter), why, "inbox file rejected");
                    finish(letter, Some(&ImportReceipt { told: ImportSummary::default(), error: Some(why) }), true);
                    return Some(());
                }
            },
        };
        let mut told = ImportSummary::default();
        let mut left = Vec::new();
        for chunk in lines.chunks(LINES_AT_ONCE) {
            let (reply, replied) = sync_channel(1);
            self.asks.send(InboxRequest { lines: chunk.to_vec(), reply }).ok()?;
            for (line, became) in chunk.iter().zip(replied.recv().ok()?) {
                if became.pending + became.failed > 0 {
                    left.push(line.clone());
                }
                told = told.and(became);
            }
        }
        if first {
            info!(file = shown(letter), ?told, "settlements imported");
        }
        let given_up = since.elapsed() > PENDING_TIME_MAX;
        if given_up && !left.is_empty() {
            warn!(file = shown(letter), lines = left.len(), "settlements dropped: their bounties did not end in time");
        }
        let done = left.is_empty() || given_up;
        finish(letter, first.then_some(&ImportReceipt { told, error: None }), done);
        if !done {
            self.waiting.insert(letter.to_owned(), WaitingFile { lines: left, since, next: now + AGAIN_AFTER });
        }
        Some(())
    }
}

/// Says what became of a file, and takes it away if it is done with.
fn finish(letter: &Path, receipt: Option<&ImportReceipt>, done: bool) {
    // The receipt last: who has it need not look for the file.
    let removed = if done { Inbox::discard(letter) } else { Ok(()) };
    let answered = receipt.map_or(Ok(()), |receipt| Inbox::answer(letter, receipt));
    if let Err(error) = removed.and(answered) {
        error!(file = shown(letter), why = error.to_string(), "inbox file not removed");
    }
}

impl Engine {
    /// Applies the lines of the inbox. Never returns.
    pub(crate) async fn hear(self: Rc<Self>, mut asks: UnboundedReceiver<InboxRequest>) {
        while let Some(InboxRequest { lines, reply }) = asks.recv().await {
            let mut hearing = JoinSet::new();
            let count = lines.len();
            for (nth, line) in lines.into_iter().enumerate() {
                let engine = Rc::clone(&self);
                hearing.spawn_local(async move { (nth, engine.told(line).await) });
            }
            let mut told = vec![ImportSummary::default(); count];
            while let Some(heard) = hearing.join_next().await {
                match heard {
                    Ok((nth, became)) => told[nth] = became,
                    // One that panicked has failed the engine already.
                    Err(error) => self.fail(format!("importing a settlement panicked: {error}")),
                }
            }
            // The thread ends only after us.
            let _ = reply.send(told);
        }
        // The channel closes only if the thread died of a bug: then nothing that is told gets through.
        self.fail("the inbox thread has ended".to_owned());
    }

    /// Applies one line.
    pub(super) async fn told(self: &Rc<Self>, line: SettlementLine) -> ImportSummary {
        let told = ImportSummary { lines: 1, ..ImportSummary::default() };
        if line.about == About::Purse {
            let opened = self.open_purse(line.outcome.source).await;
            return ImportSummary { opened: opened.into(), failed: (!opened).into(), ..told };
        }
        let stories = match self.stories(&line.about).await {
            Ok(stories) => stories,
            Err(error) => {
                error!(why = daemon_base::text::causes(&error), "journal lookup failed");
                return ImportSummary { failed: 1, ..told };
            }
        };
        if stories.is_empty() {
            return ImportSummary { unasked: 1, ..told };
        }
        let mut sum = told;
        for story in stories {
            let key = story.bounty.key.clone();
            let became = self.told_of(story, &line).await;
            if let Some(why) = became.reasons.first() {
                warn!(bounty = %key, why, "settlement rejected");
            }
            sum = sum.and(became);
        }
        sum
    }

    /// A person opens the purse: whether that is written down.
    async fn open_purse(self: &Rc<Self>, detail: String) -> bool {
        let (sender, written) = oneshot::channel();
        let caller = {
            let mut inner = self.inner.borrow_mut();
            let caller = inner.next_caller;
            inner.next_caller += 1;
            inner.opening.insert(caller, sender);
            caller
        };
        self.happen(Event::Reopened { caller, detail });
        written.await.unwrap_or(false)
    }

    /// Takes in what a line says of this bounty.
    async fn told_of(self: &Rc<Self>, mut story: Story, line: &SettlementLine) -> ImportSummary {
        let key = story.bounty.key.clone();
        loop {
            let event = match judge(&story, line, self.parts.fee) {
                News::Settled(reckoning) => {
                    let outcome = Box::new(line.outcome.clone());
                    Event::Settled { key: key.clone(), outcome, reckoning }
                }
                News::Corrected(correction, reckoning) => {
                    Event::Corrected { key: key.clone(), correction: Box::new(correction), reckoning }
                }
                other => return other.told(),
            };
            let corrects = line.correction.is_some();
            match self.write_down(&key, event).await {
                Some(Written::Fresh) => {
                    self.heard_of(story, line).await;
                    return if corrects {
                        ImportSummary { corrected: 1, ..ImportSummary::default() }
                    } else {
                        ImportSummary { fresh: 1, ..ImportSummary::default() }
                    };
                }
                Some(Written::Failed) => return ImportSummary { failed: 1, ..ImportSummary::default() },
                // It does not fit the bounty's life at the moment.
                None if !self.settling(&key) => return ImportSummary { pending: 1, ..ImportSummary::default() },
                // Told twice at once, or known by now: what does the journal say?
                Some(Written::Known) | None => {}
            }
            self.written_down(&key).await;
            match self.stories(&About::Bounty(key.id.clone(), Some(key.phase))).await {
                Ok(mut stories) if stories.len() == 1 => story = stories.remove(0),
                Ok(_) => return ImportSummary { unasked: 1, ..ImportSummary::default() },
                Err(error) => {
                    error!(why = daemon_base::text::causes(&error), "journal lookup failed");
                    return ImportSummary { failed: 1, ..ImportSummary::default() };
                }
            }
        }
    }

    /// Has it written down: what became of that. `None` where something else about the bounty is on its way, or it does
    /// not fit its life.
    async fn write_down(self: &Rc<Self>, key: &BountyKey, event: Event) -> Option<Written> {
        if self.settling(key) {
            return None;
        }
        self.happen(event);
        if !self.settling(key) {
            return None;
        }
        Some(self.written_down(key).await)
    }

    /// Waits until what is being written down about the bounty is, or is not.
    async fn written_down(&self, key: &BountyKey) -> Written {
        if !self.settling(key) {
            return Written::Known;
        }
        let (sender, written) = oneshot::channel();
        self.inner.borrow_mut().settling.entry(key.clone()).or_default().push(sender);
        // The sender is dropped only with the engine itself.
        written.await.unwrap_or(Written::Failed)
    }

    /// Tells the alarms.
    async fn heard_of(&self, story: Story, line: &SettlementLine) {
        if line.correction.is_none() {
            let outcome: SettlementNotice = line.outcome.clone();
            return self.heard(story, outcome, self.time());
        }
        // They look back on all that was settled, in order: what was corrected long ago changes what came after it.
        if let Err(error) = self.recall_alarms().await {
            error!(why = daemon_base::text::causes(&error), "alarms not recomputed after a correction");
        }
    }

    async fn stories(&self, about: &About) -> Result<Vec<Story>, JournalError> {
        let Some(filter) = filter(about) else { return Ok(Vec::new()) };
        let mut stories = self.parts.archive.query(filter, BOUNTIES_PER_ARTIFACT_MAX).await?;
        stories.retain(|story| is_about(about, &story.bounty.key));
        Ok(stories)
    }
}
