//! The shadow set: a second set of rules, weights and models that judges what the live set has judged. Nothing follows
//! from what it says: it is written down beside the answer, and counted.
//!
//! It never delays or changes an answer. It is asked once the live judgement is on its way to the engine, on a thread of
//! its own with the lowest priority; what has no room in its queue is not judged by it. Where its rules are the live ones,
//! what workers saw is weighed a second time; else it examines the artifact with a worker of its own, of the lowest
//! priority too.

mod hold;
mod judge;
#[cfg(test)]
mod tests;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::Context;
use crossbeam::channel::{Sender as JobSender, TrySendError, bounded};
use daemon_archive::Archive;
use daemon_detector::{
    Loader, Looking, Nudge, Observer, RulesStatus, RulesWatch, ShadowHome, ShadowPlace, ShadowSet, Status,
};
use daemon_engine::RuleSet;
use daemon_market::{Bounty, BountyPolicy, Verdict};
use daemon_pool::{ExaminationResult, Looked};
use tokio::sync::oneshot;
use tracing::Dispatch;

use crate::metrics::{self, Metrics, ShadowOutcome};
use crate::shadow_config::ShadowConfig;
use crate::verdict_mapping::ReceivedArtifact;

pub(crate) use hold::HeldFile;

use hold::HeldBytes;
use judge::ShadowJudge;

/// Longest that the end of the daemon waits for opinions to be written down.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(1);

/// What the shadow set is started with.
pub(crate) struct ShadowParts<'p> {
    /// Its section of the configuration.
    pub config: &'p ShadowConfig,
    /// The rules of bids, of which a second opinion only asks what they would ask.
    pub market: daemon_market::Config,
    /// The rules of bounties.
    pub policy: BountyPolicy,
    /// Time without changes before the set is loaded.
    pub settle: Duration,
    /// Loads the live set.
    pub live: Loader,
    /// Where opinions are written down.
    pub archive: Archive,
    /// Where they are counted.
    pub metrics: Metrics,
    /// Where its threads log.
    pub log: Dispatch,
}

/// An artifact that the live set has judged.
#[derive(Debug)]
pub(crate) struct JudgedArtifact {
    /// Its bounty.
    pub bounty: Arc<Bounty>,
    /// Its number.
    pub artifact: usize,
    /// Its digest, size and kind.
    pub received: ReceivedArtifact,
    /// The verdict of the live set.
    pub live: Verdict,
}

/// An artifact to judge by the shadow set.
struct ShadowJob {
    judged: JudgedArtifact,
    set: Arc<ShadowSet>,
    work: ShadowWork,
}

/// What the second opinion is made of.
enum ShadowWork {
    /// What a worker of the live set saw, by the same rules.
    Weigh(Box<Looked>),
    /// The artifact.
    Examine(HeldFile),
}

/// What the thread of the shadow set is asked for.
enum ShadowRequest {
    Judge(Box<ShadowJob>),
    /// To write down what it has.
    Flush(oneshot::Sender<()>),
}

/// The shadow set, as those see it who have artifacts for it.
pub(crate) struct Shadow {
    place: ShadowPlace,
    requests: JobSender<ShadowRequest>,
    held: HeldBytes,
    status: Arc<RulesStatus>,
    metrics: Metrics,
}

impl Shadow {
    /// Starts the threads that load the set and judge by it, and says how the first is nudged.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub(crate) fn start(parts: ShadowParts<'_>) -> anyhow::Result<(Arc<Shadow>, Sender<Nudge>)> {
        let ShadowParts { config, market, policy, settle, live, archive, metrics, log } = parts;
        let (place, status) = (ShadowPlace::default(), Arc::new(RulesStatus::new()));
        let (requests, receiver) = bounded(config.queued_max);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let judge = ShadowJudge {
            market,
            policy,
            time_max: live.limits.wall_time_max,
            archive,
            runtime: runtime.context("cannot start what waits for the journal")?,
            metrics: metrics.clone(),
            log,
        };
        judge.start(receiver).context("cannot start the thread of the shadow set")?;
        let home = ShadowHome { live, directory: config.directory.clone(), place: place.clone() };
        let looking = Looking::begin(&home.directories());
        let observer = ShadowObserver(metrics.clone());
        let nudge = RulesWatch { home, settle, status: Arc::clone(&status), observer }.start(looking)?;
        // Loaded by its own thread: nobody waits for it.
        let _ = nudge.send(Nudge::Asked);
        let held = HeldBytes::new(config.artifacts_bytes_max.0);
        Ok((Arc::new(Shadow { place, requests, held, status, metrics }), nudge))
    }

    /// A second handle of an artifact, if the set will examine it itself and there is room for it.
    pub(crate) fn hold(&self, file: &OwnedFd, size: u64) -> Option<HeldFile> {
        self.place.set()?.fleet.as_ref()?;
        self.held.hold(file, size)
    }

    /// Offers what the live set has judged, by the rules `live`. Never waits.
    pub(crate) fn judge(
        &self,
        judged: JudgedArtifact,
        outcome: ExaminationResult,
        file: Option<HeldFile>,
        live: &RuleSet,
    ) {
        // Of what the live set could not examine there is nothing to compare.
        let Ok(looked) = outcome else { return };
        if let Err(why) = self.offer(judged, looked, file, live) {
            self.metrics.within(|| metrics::shadow_judged(why));
        }
    }

    fn offer(
        &self,
        judged: JudgedArtifact,
        looked: Looked,
        file: Option<HeldFile>,
        live: &RuleSet,
    ) -> Result<(), ShadowOutcome> {
        let set = self.place.set().ok_or(ShadowOutcome::Unready)?;
        let work = if set.rules.sources() == live.sources() {
            ShadowWork::Weigh(Box::new(looked))
        } else if set.fleet.is_some() {
            ShadowWork::Examine(file.ok_or(ShadowOutcome::Dropped)?)
        } else {
            // The live rules are newer than those that it was loaded with, or the other way round.
            return Err(ShadowOutcome::Unready);
        };
        let job = ShadowRequest::Judge(Box::new(ShadowJob { judged, set, work }));
        match self.requests.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(ShadowOutcome::Dropped),
        }
    }

    /// Waits a moment until the opinions that there are are written down.
    pub(crate) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.requests.try_send(ShadowRequest::Flush(done)).is_ok() {
            // What is not written by then is lost, and nothing else.
            let _ = tokio::time::timeout(FLUSH_TIME_MAX, flushed).await;
        }
    }

    /// The generation in use; empty until there is one.
    pub(crate) fn generation(&self) -> String {
        self.status.generation()
    }
}

/// The status of the rules in use, with that of the shadow set.
pub(crate) fn status(live: &RulesStatus, shadow: Option<&Arc<Shadow>>) -> Status {
    Status { shadow: shadow.map(|shadow| Box::new(shadow.status.status())), ..live.status() }
}

/// Counts loads of the shadow set.
struct ShadowObserver(Metrics);

impl Observer for ShadowObserver {
    fn loading(&self) {}

    fn loaded(&self, taken: bool) {
        self.0.within(|| metrics::shadow_reloaded(taken));
    }
}
