//! The thread that judges by the shadow set.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};
use daemon_archive::Archive;
use daemon_base::text::causes;
use daemon_detector::{ShadowSet, lower_priority};
use daemon_engine::Report;
use daemon_journal::{JournalError, Shadowed, Write};
use daemon_market::{Betting, BountyPolicy, Judgement};
use daemon_pool::{ExaminationResult, Examine, LookOptions, Looked, Walled};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::dispatcher::with_default;
use tracing::{Dispatch, debug, warn};

use super::{JudgedArtifact, ShadowJob, ShadowRequest, ShadowWork};
use crate::metrics::{self, Metrics, ShadowOutcome};
use crate::{clock, verdict_mapping};

/// Opinions are written down together, at most this often: each commit of the journal waits for the disk.
const WRITE_INTERVAL: Duration = Duration::from_millis(500);
/// So many are written down at once.
const WRITES_MAX: usize = 64;

/// What the thread judges with.
pub(super) struct ShadowJudge {
    pub market: daemon_market::Config,
    pub policy: BountyPolicy,
    pub time_max: Duration,
    pub archive: Archive,
    pub runtime: tokio::runtime::Runtime,
    pub metrics: Metrics,
    pub log: Dispatch,
}

impl ShadowJudge {
    /// Starts the thread. It ends when nobody can ask it any more.
    pub(super) fn start(self, requests: Receiver<ShadowRequest>) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name("shadow".to_owned());
        thread.spawn(move || with_default(&self.log.clone(), || self.run(&requests)))?;
        Ok(())
    }

    fn run(&self, requests: &Receiver<ShadowRequest>) {
        lower_priority();
        // It was made once at the start of the daemon, so it can be made.
        let Ok(betting) = self.market.betting() else { return };
        let question = Asked { betting, policy: &self.policy };
        let mut writes: Vec<Write> = Vec::new();
        let mut worker: Option<(Arc<ShadowSet>, Walled)> = None;
        let mut due = Instant::now() + WRITE_INTERVAL;
        loop {
            // With nothing to write down and no worker to let go of there is nothing to wake up for.
            let request = match (writes.is_empty(), &worker) {
                (true, None) => requests.recv().map_err(RecvTimeoutError::from),
                _ => requests.recv_deadline(due),
            };
            let mut flushed: Option<oneshot::Sender<()>> = None;
            match request {
                Ok(ShadowRequest::Judge(job)) => {
                    if writes.is_empty() {
                        due = Instant::now() + WRITE_INTERVAL;
                    }
                    writes.extend(self.judge(*job, &mut worker, &question));
                }
                Ok(ShadowRequest::Flush(done)) => flushed = Some(done),
                // Nobody to judge for: a worker of a set that was replaced is let go.
                Err(RecvTimeoutError::Timeout) => worker = None,
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if flushed.is_some() || writes.len() >= WRITES_MAX || Instant::now() >= due {
                self.write(&mut writes);
                due = Instant::now() + WRITE_INTERVAL;
            }
            if let Some(done) = flushed {
                // Whoever asked may not wait any more.
                let _ = done.send(());
            }
        }
        self.write(&mut writes);
    }

    /// Judges an artifact, and counts whether the verdict is the live one.
    fn judge(
        &self,
        job: ShadowJob,
        worker: &mut Option<(Arc<ShadowSet>, Walled)>,
        question: &Asked<'_>,
    ) -> Option<Write> {
        let ShadowJob { judged, set, work } = job;
        let looked = match work {
            ShadowWork::Weigh(looked) => Ok(weighed(*looked, &set)),
            ShadowWork::Examine(held) => self.examined(&set, held, worker),
        };
        if let Err(failure) = &looked {
            debug!(bounty = %judged.bounty.key, why = causes(failure), "artifact not judged by the shadow set");
            self.count(ShadowOutcome::Failed);
            return None;
        }
        let generation = set.rules.generation().to_string();
        let weights = set.rules.weights();
        let judgement = verdict_mapping::judgement("", judged.received, &looked, weights, &generation);
        let is_same = judgement.verdict == judged.live;
        self.count(if is_same { ShadowOutcome::Agreed } else { ShadowOutcome::Differed });
        debug!(
            bounty = %judged.bounty.key,
            verdict = judgement.verdict.name(),
            live = judged.live.name(),
            generation,
            "artifact judged by the shadow set"
        );
        Some(Write::Shadow(question.record(&judged, &judgement)))
    }

    /// Has the worker of the set examine an artifact.
    fn examined(
        &self,
        set: &Arc<ShadowSet>,
        held: super::HeldFile,
        worker: &mut Option<(Arc<ShadowSet>, Walled)>,
    ) -> ExaminationResult {
        let is_current = worker.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, set));
        if !is_current {
            *worker = None;
        }
        let (_, walled) = match (worker, &set.fleet) {
            (Some(worker), _) => worker,
            (none, Some(fleet)) => none.insert((Arc::clone(set), Walled::new(Arc::clone(fleet)))),
            (None, None) => unreachable!("only a set with workers is given artifacts"),
        };
        let options = LookOptions { until: Some(Instant::now() + self.time_max), ..LookOptions::default() };
        walled.examine(held.file, options)
    }

    /// Writes down opinions, many in one commit. What cannot be written is lost, and nothing else.
    fn write(&self, writes: &mut Vec<Write>) {
        if writes.is_empty() {
            return;
        }
        let mut failed = None;
        self.runtime.block_on(async {
            let mut open = JoinSet::new();
            for write in writes.drain(..) {
                let archive = self.archive.clone();
                open.spawn(async move { archive.write(write).await });
            }
            while let Some(written) = open.join_next().await {
                match written {
                    Ok(Ok(_) | Err(JournalError::Closed)) | Err(_) => {}
                    Ok(Err(error)) => failed = Some(error),
                }
            }
        });
        if let Some(error) = failed {
            self.count(ShadowOutcome::Failed);
            warn!(why = causes(&error), "opinions of the shadow set not written down");
        }
    }

    fn count(&self, outcome: ShadowOutcome) {
        self.metrics.within(|| metrics::shadow_judged(outcome));
    }
}

/// What a worker of the live set saw, weighed by another set of the same rules.
fn weighed(mut looked: Looked, set: &ShadowSet) -> Looked {
    let Report { evidence, layers, measured, hosts, incomplete, .. } = looked.examined.report;
    looked.examined.report = Report::of(evidence, layers, measured, hosts, incomplete, &set.rules);
    looked
}

/// What strategies would be asked. Its purse is empty, and nobody takes from it.
struct Asked<'j> {
    betting: Betting,
    policy: &'j BountyPolicy,
}

impl Asked<'_> {
    fn record(&self, judged: &JudgedArtifact, judgement: &Judgement) -> Shadowed {
        let bounty = &judged.bounty;
        let artifacts = bounty.artifacts();
        // One of several artifacts has no bet of its own.
        let bet = (artifacts == 1).then(|| self.betting.question(bounty, judgement, self.policy)).flatten();
        Shadowed {
            key: bounty.key.clone(),
            artifact: u32::try_from(judged.artifact).unwrap_or(u32::MAX),
            artifacts: u32::try_from(artifacts).unwrap_or(u32::MAX),
            at: clock::wall(),
            verdict: judgement.verdict,
            confidence: judgement.confidence,
            kind: judgement.findings.kind.clone(),
            generation: judgement.findings.generation.clone(),
            bet: bet.map_or_else(String::new, |bet| bet.to_json()),
        }
    }
}
