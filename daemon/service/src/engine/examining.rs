//! Has artifacts downloaded and examined.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon_base::text::causes;
use daemon_download::{FetchError, Fetched};
use daemon_market::{Bounty, BountyKey, BountyState, Event, Findings, Refusal, Skip};
use serde_json::json;
use tokio::sync::oneshot;
use tracing::info;
use triage::FileKind;

use super::Engine;
use super::held::LiveArtifact;
use crate::examination::{Examination, PoolJob};
use crate::metrics;
use crate::scan_backends::ScanBackends;
use crate::verdict_mapping::ReceivedArtifact;

impl Engine {
    pub(super) async fn fetch(self: Rc<Self>, key: BountyKey, artifact: usize, by: Duration) {
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

    pub(super) fn examine(self: &Rc<Self>, key: BountyKey, artifact: usize, by: Duration) {
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
            bounty: Arc::clone(&live.bounty),
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
        if self.parts.pool.submit(PoolJob::Bounty(Box::new(examination))).is_err() {
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
            let examination = Examination { reply: Some(reply), ..examination };
            if self.parts.pool.submit(PoolJob::Bounty(Box::new(examination))).is_err() {
                self.fail("the scanner pool has ended".to_owned());
            }
            replied
        };
        let artifact = examination.artifact;
        let judgement = backends.judge(bounty, examination, self.parts.metrics.clone(), local).await;
        self.happen(Event::Examined { key, artifact, judgement });
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
