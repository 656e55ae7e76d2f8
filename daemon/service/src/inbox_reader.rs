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
use daemon_settlement::SettlementLine;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tracing::dispatcher::{get_default, with_default};
use tracing::{error, info, warn};

use crate::engine::Engine;
use crate::settlements::ImportSummary;
use crate::settlements::inbox::{ImportReceipt, Inbox};

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

/// Applies the lines of the inbox. Never returns.
pub(crate) async fn hear(engine: Rc<Engine>, mut asks: UnboundedReceiver<InboxRequest>) {
    while let Some(InboxRequest { lines, reply }) = asks.recv().await {
        let mut hearing = JoinSet::new();
        let count = lines.len();
        for (nth, line) in lines.into_iter().enumerate() {
            let engine = Rc::clone(&engine);
            hearing.spawn_local(async move { (nth, engine.told(line).await) });
        }
        let mut told = vec![ImportSummary::default(); count];
        while let Some(heard) = hearing.join_next().await {
            match heard {
                Ok((nth, became)) => told[nth] = became,
                // One that panicked has failed the engine already.
                Err(error) => engine.fail(format!("importing a settlement panicked: {error}")),
            }
        }
        // The thread ends only after us.
        let _ = reply.send(told);
    }
    // The channel closes only if the thread died of a bug: then nothing that is told gets through.
    engine.fail("the inbox thread has ended".to_owned());
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
