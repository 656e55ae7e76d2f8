//! Performs the effects of the state machine: short ones at once, the others in a task that returns an event.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon_base::text::causes;
use daemon_download::{FetchError, Fetched};
use daemon_journal::{Answered, Corrected, Ended, PurseEntry, Received as Taken, Settled, Write, WriteResult};
use daemon_market::{
    Answer, Bounty, BountyKey, BountyState, Effect, Ending, Event, Findings, PurseNote, Refusal, Skip, Written as Noted,
};
use daemon_webhook::Backoff;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tracing::{debug, error, info, warn};
use triage::FileKind;

use super::engine::{Engine, LiveArtifact};
use super::examination::Examination;
use super::metrics;
use super::scan_backends::ScanBackends;
use super::transport::{Delivery, Transport};
use super::verdict_mapping::ReceivedArtifact;

/// How long an ending may wait to be recorded together with others. A restart before that repeats the answer with the
/// same bytes, which does no harm.
const ENDINGS_WAIT: Duration = Duration::from_millis(100);

impl Engine {
    pub(super) fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::Reply { caller, admission } => {
                metrics::admitted(admission);
                // Nobody waits any more where the connection was lost.
                if let Some(reply) = self.inner.borrow_mut().callers.remove(&caller) {
                    let _ = reply.send(admission);
                }
            }
            Effect::WriteBounty(key) => self.begin(key, Self::write_bounty),
            Effect::Fetch { key, artifact, by } => self.begin(key, move |engine, key| engine.fetch(key, artifact, by)),
            Effect::Examine { key, artifact, by } => self.examine(key, artifact, by),
            Effect::WriteAnswer { key, answer } => self.begin(key, |engine, key| engine.write_answer(key, answer)),
            Effect::Send { key, by } => self.begin(key, move |engine, key| engine.send(key, by)),
            Effect::WriteEnding { key, ending, attempts, detail, at } => {
                let how = daemon_journal::Ending::from(ending);
                match ending {
                    Ending::Sent(status) => debug!(bounty = %key, status, attempts, "answer delivered"),
                    Ending::Withheld => info!(bounty = %key, why = detail, "answer withheld"),
                    Ending::Refused(status) => warn!(bounty = %key, status, why = detail, "answer rejected"),
                    Ending::Expired => warn!(bounty = %key, attempts, why = detail, "bounty expired"),
                }
                self.inner.borrow_mut().endings.push(Ended { key, at, how, attempts, detail });
                self.endings.notify_one();
            }
            Effect::WriteOutcome { key, outcome, at } => {
                let truth = outcome.truth;
                let settled = Settled { key: key.clone(), at, outcome: *outcome };
                self.begin(key, move |engine, key| async move {
                    let written = engine.write_outcome(&key, Write::Settled(settled), "settlement").await;
                    if written == Noted::Fresh {
                        metrics::settled(truth);
                        debug!(bounty = %key, ?truth, "bounty settled");
                    }
                    engine.outcome_written(key, written);
                });
            }
            Effect::WriteCorrection { key, correction, at } => {
                let corrected = Corrected { key: key.clone(), at, correction: *correction };
                self.begin(key, move |engine, key| async move {
                    let (truth, reason) = (corrected.correction.truth, corrected.correction.reason.clone());
                    let written = engine.write_outcome(&key, Write::Corrected(corrected), "correction").await;
                    if written == Noted::Fresh {
                        warn!(bounty = %key, ?truth, reason, "settlement corrected");
                    }
                    engine.outcome_written(key, written);
                });
            }
            Effect::WritePurse { note, detail, at } => self.write_purse(PurseEntry { at, note, detail }),
            Effect::Opened { caller, opened } => {
                // Who asked for it may have gone.
                let told = self.inner.borrow_mut().opening.remove(&caller);
                let _ = told.map(|told| told.send(opened));
            }
            Effect::WriteStep { key, step, at } => {
                self.begin(key, move |engine, key| engine.write_step_and_tell(key, step, at))
            }
            Effect::LookUp(key) => self.begin(key, Self::look_up),
            Effect::Reveal(key) => self.begin(key, Self::reveal),
            Effect::Settle(key) => self.begin(key, Self::settle_on_chain),
            Effect::Account(key) => self.begin(key, Self::account),
            Effect::Release(key) => drop(self.inner.borrow_mut().assertions.remove(&key)),
            Effect::Forget(key) => self.forget(&key),
        }
    }

    pub(super) fn begin<F: Future<Output = ()> + 'static>(
        self: &Rc<Self>,
        key: BountyKey,
        task: impl FnOnce(Rc<Engine>, BountyKey) -> F,
    ) {
        let loud = FailOnPanic(Rc::clone(self));
        let task = task(Rc::clone(self), key);
        spawn_local(async move {
            let _loud = loud;
            task.await;
        });
    }

    /// A bounty that is held, and the transport that it came by.
    pub(super) fn bounty_and_transport(&self, key: &BountyKey) -> Option<(Arc<Bounty>, Rc<dyn Transport>)> {
        let inner = self.inner.borrow();
        inner.live.get(key).map(|live| (Arc::clone(&live.bounty), Rc::clone(&live.transport)))
    }

    async fn write_bounty(self: Rc<Self>, key: BountyKey) {
        // The purse's time, as all times of records: so that how long an answer took does not depend on who sets a clock.
        let received = self.time();
        let taken = self.inner.borrow_mut().live.get_mut(&key).map(|live| Taken {
            key: key.clone(),
            dialect: live.transport.name().to_owned(),
            delivery: live.delivery.clone(),
            received,
            expires: live.bounty.expires,
            wire: std::mem::take(&mut live.wire).to_vec(),
        });
        let Some(taken) = taken else { return };
        let written = match self.parts.archive.write(Write::Bounty(taken)).await {
            Ok(WriteResult::Fresh) => Noted::Fresh,
            Ok(WriteResult::Known | WriteResult::Answered(_)) => Noted::Known,
            Err(error) => {
                self.refused(&error, &key.to_string(), "bounty");
                Noted::Failed
            }
        };
        self.happen(Event::BountyWritten { key, written });
    }

    async fn fetch(self: Rc<Self>, key: BountyKey, artifact: usize, by: Duration) {
        let Some((bounty, transport)) = self.bounty_and_transport(&key) else { return };
        let deadline = self.parts.clock.instant(by).min(Instant::now() + self.parts.fetch_time_max);
        let fetched = transport.fetch(&bounty, artifact, &self.parts.fetcher, deadline.into()).await;
        let now = self.parts.clock.now().wall;
        match fetched {
            Ok(fetched) => {
                self.fetching.tried(true);
                self.alarms.borrow_mut().downloaded(now, true);
                self.fetched(key, artifact, fetched);
            }
            Err(error) => {
                metrics::not_fetched();
                // An artifact that is gone or too large says nothing of the next one.
                self.fetching.tried(!is_ours(&error));
                self.alarms.borrow_mut().downloaded(now, matches!(error, FetchError::TooLarge { .. }));
                let why = causes(&error);
                info!(bounty = %key, why, "download failed");
                let (skip, said) = (skip(&error), error.remark());
                let refusal = Refusal { skip, why: said.to_owned() };
                // The marketplace is told what sort of thing happened; what exactly is ours to know.
                let findings = Findings { report: json!({ "why": why }).to_string(), ..Findings::default() };
                self.happen(Event::NotFetched { key, artifact, refusal, findings });
            }
        }
    }

    fn fetched(self: &Rc<Self>, key: BountyKey, artifact: usize, fetched: Fetched) {
        let Fetched { file, size, sha256, place: _, memory } = fetched;
        // No more of it is looked at on this side of the wall than its first bytes.
        let kind = if size == 0 { FileKind::Empty } else { daemon_pool::kind_of(&file) };
        let received = ReceivedArtifact { sha256: sha256.0, size, kind };
        let others = self.parts.backends.as_ref().is_some_and(|backends| backends.take_any_kind());
        let wanted = self.parts.any_kind || others || self.parts.rules_status.opened(kind);
        let declined = (!wanted).then(|| {
            metrics::declined_kind(kind.name());
            let refusal =
                Refusal { skip: Skip::TypeUnsupported, why: format!("unsupported file type: {}", kind.name()) };
            (refusal, received.findings(&self.parts.rules_status.generation()))
        });
        // Until all of its artifacts are judged, a bounty waits for each.
        let waited_for = self.state(&key).is_some_and(|state| state <= BountyState::Examining);
        if let Some(live) = self.inner.borrow_mut().live.get_mut(&key).filter(|_| waited_for && declined.is_none()) {
            let fetched = LiveArtifact { file: Some(file), keep: None, _memory: memory, received };
            live.artifacts.insert(artifact, fetched);
        }
        self.happen(Event::Fetched { key, artifact, declined });
    }

    fn examine(self: &Rc<Self>, key: BountyKey, artifact: usize, by: Duration) {
        let mut inner = self.inner.borrow_mut();
        let Some(live) = inner.live.get_mut(&key) else { return };
        let Some(fetched) = live.artifacts.get_mut(&artifact) else { return };
        let Some(file) = fetched.file.take() else { return };
        fetched.keep = self.parts.store.as_ref().and_then(|_| file.try_clone().ok());
        let received = fetched.received;
        let examination = Examination {
            key,
            artifact,
            uri: live.bounty.artifact_uri.clone(),
            file,
            received,
            until: self.parts.clock.instant(by),
            reply: None,
        };
        let bounty = Arc::clone(&live.bounty);
        drop(inner);
        if let Some(backends) = &self.parts.backends {
            let backends = Rc::clone(backends);
            return self.begin(examination.key.clone(), move |engine, key| {
                engine.examine_by(backends, key, bounty, examination)
            });
        }
        if self.parts.pool.submit(examination).is_err() {
            // It closes by itself only when a thread of it died of a bug.
            self.fail("the scanner pool has ended".to_owned());
        }
    }

    /// Has an artifact examined by all scanners that there are.
    async fn examine_by(
        self: Rc<Self>,
        backends: Rc<ScanBackends>,
        key: BountyKey,
        bounty: Arc<Bounty>,
        examination: Examination,
    ) {
        let local = |examination: Examination| {
            let (reply, replied) = oneshot::channel();
            self.parts.local_scans.began();
            if self.parts.pool.submit(Examination { reply: Some(reply), ..examination }).is_err() {
                self.fail("the scanner pool has ended".to_owned());
            }
            replied
        };
        let artifact = examination.artifact;
        let judgement = backends.judge(bounty, examination, self.parts.metrics.clone(), local).await;
        self.happen(Event::Examined { key, artifact, judgement });
    }

    async fn write_answer(self: Rc<Self>, key: BountyKey, mut answer: Box<Answer>) {
        // Also what was not examined was judged by somebody's rules: by those that decline it.
        if answer.findings.generation.is_empty() {
            answer.findings.generation = self.parts.rules_status.generation();
        }
        let Some((_, transport)) = self.bounty_and_transport(&key) else { return };
        let body = Bytes::from(transport.write(&answer, key.phase));
        let Findings { kind, sha256, size, generation, report, .. } = answer.findings.clone();
        let answered = Answered {
            key: key.clone(),
            at: answer.at,
            body: body.to_vec(),
            verdict: answer.verdict,
            bid: answer.bid(),
            confidence: answer.confidence,
            kind,
            sha256,
            size,
            generation,
            comments: answer.comments.clone(),
            report,
            bet: answer.bet.as_ref().map_or_else(String::new, |bet| bet.to_json()),
        };
        let body = match self.parts.archive.write(Write::Answer(answered)).await {
            Ok(WriteResult::Fresh) => body,
            // What was written down once is the truth.
            Ok(WriteResult::Answered(before)) => Bytes::from(before),
            Ok(WriteResult::Known) => body,
            Err(error) => {
                self.refused(&error, &key.to_string(), "answer");
                return self.happen(Event::AnswerNotWritten { key, answer });
            }
        };
        let took = self.inner.borrow_mut().live.get_mut(&key).map(|live| {
            // What was late, or never examined, is not needed any more.
            live.artifacts.retain(|_, artifact| artifact.file.is_none());
            live.answer = Some(body);
            live.began.elapsed()
        });
        metrics::answered(answer.verdict, answer.bid(), took.unwrap_or_default());
        info!(
            bounty = %key,
            verdict = answer.verdict.name(),
            bid = %answer.bid(),
            confidence = answer.confidence,
            kind = answer.findings.kind,
            family = answer.findings.malware_family,
            generation = answer.findings.generation,
            comments = ?answer.comments,
            took_us = u64::try_from(took.unwrap_or_default().as_micros()).unwrap_or(u64::MAX),
            "bounty answered"
        );
        self.happen(Event::AnswerWritten { key });
    }

    async fn send(self: Rc<Self>, key: BountyKey, by: Duration) {
        let Some((bounty, transport)) = self.bounty_and_transport(&key) else { return };
        let Some(body) = self.inner.borrow().live.get(&key).and_then(|live| live.answer.clone()) else { return };
        let deadline = self.parts.clock.instant(by);
        let delivered = tokio::time::timeout_at(deadline.into(), transport.send(&bounty, body)).await;
        // A refusal is an answer too, and so is a url that nothing is sent to.
        self.sending.tried(!matches!(delivered, Ok(Delivery::Retry { .. }) | Err(_)));
        let event = match delivered {
            Ok(Delivery::Taken { status }) => Event::Taken { key, status },
            Ok(Delivery::Asserted { index, place }) => {
                self.happen(Event::Asserted { key: key.clone(), index, place });
                Event::Taken { key, status: 200 }
            }
            Ok(Delivery::Refused { status, why }) => Event::Refused { key, status, why },
            Ok(Delivery::Retry { why, after }) => {
                metrics::not_sent();
                let attempts = self.attempts(&key);
                let after = after
                    .unwrap_or_default()
                    .max(Backoff::default().delay(attempts.saturating_sub(1), key.id.as_str()));
                info!(bounty = %key, why, attempts, "delivery failed");
                Event::NotSent { key, after, why }
            }
            Err(_) => {
                metrics::not_sent();
                let why = "expired during delivery: whether the answer arrived is not known".to_owned();
                Event::NotSent { key, after: Duration::MAX, why }
            }
        };
        self.happen(event);
    }

    /// Writes down endings, many at once; for ever.
    pub(crate) async fn write_endings(self: Rc<Self>) {
        loop {
            self.endings.notified().await;
            tokio::time::sleep(ENDINGS_WAIT).await;
            self.flush_endings();
        }
    }

    /// Writes down the endings that there are.
    pub(crate) fn flush_endings(self: &Rc<Self>) {
        for ended in std::mem::take(&mut self.inner.borrow_mut().endings) {
            self.begin(ended.key.clone(), |engine, key| engine.write_ending(key, ended));
        }
    }

    /// Ends a bounty that cannot be recovered.
    pub(super) fn end_unread(self: &Rc<Self>, key: BountyKey, detail: String) {
        let how = daemon_journal::Ending::Expired;
        let ended = Ended { key: key.clone(), at: self.time(), how, attempts: 0, detail };
        self.begin(key, |engine, key| engine.write_ending(key, ended));
    }

    async fn write_ending(self: Rc<Self>, key: BountyKey, ended: Ended) {
        let how = ended.how.outcome();
        let written = match self.parts.archive.write(Write::Ending(ended)).await {
            Ok(WriteResult::Fresh) => {
                metrics::ended(how);
                self.alarms.borrow_mut().ended(self.parts.clock.now().wall, how.into());
                Noted::Fresh
            }
            Ok(WriteResult::Known | WriteResult::Answered(_)) => Noted::Known,
            Err(error) => {
                self.refused(&error, &key.to_string(), "ending");
                Noted::Failed
            }
        };
        self.happen(Event::EndingWritten { key, written });
    }
}

impl Engine {
    /// Writes down how a bounty was settled, or what corrects that.
    async fn write_outcome(&self, key: &BountyKey, write: Write, what: &str) -> Noted {
        match self.parts.archive.write(write).await {
            Ok(WriteResult::Fresh) => Noted::Fresh,
            Ok(WriteResult::Known | WriteResult::Answered(_)) => Noted::Known,
            // Whoever told it keeps it until it is written down, and tells it again.
            Err(error) => {
                self.refused(&error, &key.to_string(), what);
                Noted::Failed
            }
        }
    }

    /// Lets the purse know, and then who told it.
    fn outcome_written(self: &Rc<Self>, key: BountyKey, written: Noted) {
        self.happen(Event::OutcomeWritten { key: key.clone(), written });
        let told = self.inner.borrow_mut().settling.remove(&key);
        // Who told it may have gone.
        for told in told.into_iter().flatten() {
            let _ = told.send(written);
        }
    }

    /// Records that the purse was closed or resumed. A closing takes effect at once, and recording it is retried; a
    /// resume takes effect when it is recorded.
    fn write_purse(self: &Rc<Self>, entry: PurseEntry) {
        // Told once, however often it is tried.
        let closed = (entry.note == PurseNote::Closed).then_some(entry.at);
        if closed.is_some() && std::mem::replace(&mut self.inner.borrow_mut().closed, closed) != closed {
            metrics::purse_noted(entry.note);
            error!(why = entry.detail, "purse closed: nothing is staked until `stakeout purse resume`");
        }
        let loud = FailOnPanic(Rc::clone(self));
        let engine = Rc::clone(self);
        spawn_local(async move {
            let _loud = loud;
            let PurseEntry { note, detail, .. } = entry.clone();
            let written = match engine.parts.archive.write(Write::Purse(entry)).await {
                Ok(_) => Noted::Fresh,
                Err(error) => {
                    engine.refused(&error, "the purse", "note");
                    Noted::Failed
                }
            };
            if written == Noted::Fresh && note == PurseNote::Opened {
                metrics::purse_noted(note);
                info!(why = detail, "purse resumed");
            }
            engine.happen(Event::PurseWritten { written });
        });
    }
}

/// Stops the daemon if a task panics, because the task's bounty would otherwise wait forever. The service manager
/// restarts it.
struct FailOnPanic(Rc<Engine>);

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("a task of the edge thread panicked".to_owned());
        }
    }
}

/// Whether a download failed in a way that the next one is likely to fail in too.
fn is_ours(error: &FetchError) -> bool {
    match error {
        FetchError::Storage { .. }
        | FetchError::Connect { .. }
        | FetchError::TooSlow { .. }
        | FetchError::Deadline
        | FetchError::Broken { .. } => true,
        FetchError::Status(status) => *status >= 500,
        FetchError::TooLarge { .. }
        | FetchError::Scheme { .. }
        | FetchError::Uri { .. }
        | FetchError::Address { .. }
        | FetchError::Redirects { .. }
        | FetchError::WrongDigest { .. }
        | FetchError::File { .. } => false,
    }
}

/// What a failed download means for the bounty.
fn skip(error: &FetchError) -> Skip {
    match error {
        FetchError::TooLarge { .. } | FetchError::Storage { .. } => Skip::Other,
        FetchError::Scheme { .. }
        | FetchError::Uri { .. }
        | FetchError::Address { .. }
        | FetchError::Connect { .. }
        | FetchError::Status(_)
        | FetchError::TooSlow { .. }
        | FetchError::Deadline
        | FetchError::Broken { .. }
        | FetchError::Redirects { .. }
        | FetchError::WrongDigest { .. }
        | FetchError::File { .. } => Skip::CannotFetch,
    }
}
