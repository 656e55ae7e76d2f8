//! The work of the pool's threads: scan, and map the report to a judgement for the engine, or to an answer for a client of
//! clamd's protocol.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use daemon_base::text::causes;
use daemon_detector::RulesStatus;
use daemon_engine::RuleSet;
use daemon_market::{Bounty, BountyKey, Event, Judgement};
use daemon_pool::{ExaminationResult, Failure, LookOptions, Work};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tracing::dispatcher::with_default;
use tracing::{Dispatch, error};

use super::clamd::{ClamdScan, ClamdTicket};
use super::metrics::{self, Metrics};
use super::shadow::{HeldFile, JudgedArtifact, Shadow};
use super::verdict_mapping::{self, ReceivedArtifact};

/// What the pool is given.
#[derive(Debug)]
pub(crate) enum PoolJob {
    /// An artifact of a bounty.
    Bounty(Box<Examination>),
    /// A file of a client of clamd's protocol.
    Clamd(Box<ClamdScan>),
}

/// What the pool remembers of a job during its scan.
pub(crate) enum PoolTicket {
    Bounty(Box<Ticket>),
    Clamd(ClamdTicket),
}

/// An artifact to examine.
#[derive(Debug)]
pub(crate) struct Examination {
    /// For which bounty.
    pub key: BountyKey,
    /// The artifact's number.
    pub artifact: usize,
    /// URI of the artifact.
    pub uri: String,
    /// The artifact.
    pub file: OwnedFd,
    /// Digest, size and kind of the artifact.
    pub received: ReceivedArtifact,
    /// Its bounty.
    pub bounty: Arc<Bounty>,
    /// Deadline.
    pub until: Instant,
    /// Who wants the judgement, where it is not the engine itself.
    pub reply: Option<oneshot::Sender<Box<Judgement>>>,
}

/// Scans of this process whose judgement the engine does not wait for alone: others may answer before, so what workers here
/// do shows only from these counts.
#[derive(Debug, Default)]
pub(crate) struct LocalScans {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl LocalScans {
    /// A scan was given to the pool.
    pub(crate) fn began(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// How many have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether some are with the pool.
    pub(crate) fn are_open(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > self.ended()
    }
}

/// Sends the results of scans to the engine.
pub(crate) struct Examining {
    /// To the engine. Not bounded, for the engine never gives out more than a few examinations.
    pub events: UnboundedSender<Event>,
    /// Told whether workers can be had.
    pub rules_status: Arc<RulesStatus>,
    /// Where scans are counted that others wait for.
    pub local_scans: Arc<LocalScans>,
    /// The shadow set, if there is one.
    pub shadow: Option<Arc<Shadow>>,
    /// Where examinations are counted.
    pub metrics: Metrics,
    /// Where failures are logged.
    pub log: Dispatch,
}

/// State of an artifact during its scan.
pub(crate) struct Ticket {
    key: BountyKey,
    artifact: usize,
    uri: String,
    received: ReceivedArtifact,
    bounty: Arc<Bounty>,
    /// The artifact, held for the shadow set.
    held: Option<HeldFile>,
    reply: Option<oneshot::Sender<Box<Judgement>>>,
}

impl Work<PoolJob> for Examining {
    type Ticket = PoolTicket;

    fn open(&self, job: PoolJob) -> Option<(OwnedFd, LookOptions, PoolTicket)> {
        match job {
            PoolJob::Bounty(examination) => {
                let (file, options, ticket) = self.open_artifact(*examination);
                Some((file, options, PoolTicket::Bounty(Box::new(ticket))))
            }
            PoolJob::Clamd(scan) => {
                let opened = scan.open();
                if opened.is_none() {
                    self.local_scans.end();
                }
                opened.map(|(file, options, ticket)| (file, options, PoolTicket::Clamd(ticket)))
            }
        }
    }

    fn done(&self, ticket: PoolTicket, outcome: ExaminationResult, rules: &RuleSet) {
        match ticket {
            PoolTicket::Bounty(ticket) => self.artifact_done(*ticket, outcome, rules),
            PoolTicket::Clamd(ticket) => {
                self.local_scans.end();
                let done = || ticket.done(&outcome, rules, &self.rules_status);
                with_default(&self.log, || self.metrics.within(done));
            }
        }
    }
}

impl Examining {
    fn open_artifact(&self, job: Examination) -> (OwnedFd, LookOptions, Ticket) {
        let Examination { key, artifact, uri, file, received, bounty, until, reply } = job;
        let options = LookOptions { until: Some(until), ..LookOptions::default() };
        let held = self.shadow.as_ref().and_then(|shadow| shadow.hold(&file, received.size));
        (file, options, Ticket { key, artifact, uri, received, bounty, held, reply })
    }

    fn artifact_done(&self, ticket: Ticket, outcome: ExaminationResult, rules: &RuleSet) {
        let Ticket { key, artifact, uri, received, bounty, held, reply } = ticket;
        match &outcome {
            Ok(looked) => {
                self.metrics.within(|| metrics::examined(&looked.examined));
                self.rules_status.worked(true);
            }
            Err(failure) => {
                self.metrics.within(metrics::not_examined);
                with_default(&self.log, || error!(bounty = %key, why = causes(failure), "examination failed"));
                self.rules_status.worked(!matches!(failure, Failure::NoWorker(_)));
            }
        }
        let generation = rules.generation().to_string();
        let judgement = Box::new(verdict_mapping::judgement(&uri, received, &outcome, rules.weights(), &generation));
        let live = judgement.verdict;
        if let Some(reply) = reply {
            self.local_scans.end();
            // Whoever wanted it may have answered without it.
            let _ = reply.send(judgement);
        } else {
            // The engine is gone only when the daemon ends, and then the journal knows what is left to do.
            let _ = self.events.send(Event::Examined { key, artifact, judgement });
        }
        // Only now: no answer waits for it.
        if let Some(shadow) = &self.shadow {
            shadow.judge(JudgedArtifact { bounty, artifact, received, live }, outcome, held, rules);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_that_nobody_waits_for_any_more_is_open_until_it_ends() {
        let scans = LocalScans::default();
        assert!(!scans.are_open());
        scans.began();
        scans.began();
        scans.end();
        assert!(scans.are_open());
        scans.end();
        assert_eq!((scans.are_open(), scans.ended()), (false, 2));
    }
}
