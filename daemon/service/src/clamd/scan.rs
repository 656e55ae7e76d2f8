//! A file of a client, as a job of the pool.

use std::os::fd::OwnedFd;
use std::time::Instant;

use daemon_artifact::Sha256Digest;
use daemon_base::text::causes;
use daemon_clamd::ScanAnswer;
use daemon_detector::RulesStatus;
use daemon_download::MemoryShare;
use daemon_engine::RuleSet;
use daemon_pool::{ExaminationResult, Failure, LookOptions};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::error;

use super::ClamdChoices;
use crate::metrics;

/// A file to scan.
#[derive(Debug)]
pub(crate) struct ClamdScan {
    /// The file.
    pub file: OwnedFd,
    /// Whether its digest is not known yet.
    pub digest: bool,
    /// Deadline.
    pub until: Instant,
    /// What is replied.
    pub choices: ClamdChoices,
    /// Who waits for the answer.
    pub reply: oneshot::Sender<ClamdScanned>,
    /// Its place among those at the workers.
    pub permit: OwnedSemaphorePermit,
    /// Its share of the memory for artifacts.
    pub memory: Option<MemoryShare>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct ClamdScanned {
    /// What is replied.
    pub answer: ScanAnswer,
    /// The verdict behind it.
    pub verdict: &'static str,
    /// The kind of file.
    pub kind: &'static str,
    /// Size and digest, if they were taken.
    pub received: Option<(u64, Sha256Digest)>,
}

/// A file during its scan.
pub(crate) struct ClamdTicket {
    choices: ClamdChoices,
    reply: oneshot::Sender<ClamdScanned>,
    permit: OwnedSemaphorePermit,
    memory: Option<MemoryShare>,
}

impl ClamdScan {
    /// Hands the file to a worker, if anybody still waits for the answer.
    pub(crate) fn open(self) -> Option<(OwnedFd, LookOptions, ClamdTicket)> {
        let ClamdScan { file, digest, until, choices, reply, permit, memory } = self;
        if reply.is_closed() {
            return None;
        }
        let options = LookOptions { sha256: digest, until: Some(until), ..LookOptions::default() };
        Some((file, options, ClamdTicket { choices, reply, permit, memory }))
    }
}

impl ClamdTicket {
    /// The file was scanned, by these rules.
    pub(crate) fn done(self, outcome: &ExaminationResult, rules: &RuleSet, status: &RulesStatus) {
        if let Err(failure) = outcome {
            error!(why = causes(failure), "clamd scan failed");
        }
        status.worked(!matches!(outcome, Err(Failure::NoWorker(_))));
        let answer = self.choices.answer(outcome, rules, |kind| status.opened(kind));
        let scanned = match outcome {
            Ok(looked) => {
                metrics::examined(&looked.examined);
                let report = &looked.examined.report;
                ClamdScanned {
                    answer,
                    verdict: report.opinion.verdict.name(),
                    kind: report.kind.name(),
                    received: looked.size.zip(looked.sha256),
                }
            }
            Err(failure) => {
                metrics::not_examined();
                let verdict = if matches!(failure, Failure::NoWorker(_)) { "none" } else { "unreadable" };
                ClamdScanned { answer, verdict, kind: "", received: None }
            }
        };
        // Whoever has the reply may ask for STATS next, and finds its place free.
        let ClamdTicket { reply, choices: _, permit, memory } = self;
        drop((permit, memory));
        // Whoever wanted it may be gone.
        let _ = reply.send(scanned);
    }
}
