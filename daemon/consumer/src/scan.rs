//! The work of the pool's threads.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use daemon_detector::RulesStatus;
use daemon_engine::RuleSet;
use daemon_pool::{ExaminationResult, Failure, LookOptions, Work};
use daemon_queue::streams::StreamReport;
use tokio::sync::oneshot;

use crate::verdict::{self, Received};

/// An artifact to scan.
pub(crate) struct Scan {
    pub file: OwnedFd,
    pub uri: String,
    pub received: Received,
    pub until: Instant,
    /// A report, or one that says that there is none.
    pub reply: oneshot::Sender<Result<Box<StreamReport>, Box<StreamReport>>>,
}

/// Scans, and replies.
pub(crate) struct Scanning {
    /// Told whether workers can be had.
    pub rules_status: Arc<RulesStatus>,
}

/// What is kept of a scan while a worker has it.
pub(crate) struct Ticket {
    uri: String,
    received: Received,
    reply: oneshot::Sender<Result<Box<StreamReport>, Box<StreamReport>>>,
}

impl Work<Scan> for Scanning {
    type Ticket = Ticket;

    fn open(&self, job: Scan) -> Option<(OwnedFd, LookOptions, Ticket)> {
        let Scan { file, uri, received, until, reply } = job;
        // Whoever waited has given up: the worker need not begin.
        if reply.is_closed() {
            return None;
        }
        Some((file, LookOptions { until: Some(until), ..LookOptions::default() }, Ticket { uri, received, reply }))
    }

    fn done(&self, ticket: Ticket, outcome: ExaminationResult, rules: &RuleSet) {
        let Ticket { uri, received, reply } = ticket;
        self.rules_status.worked(!matches!(outcome, Err(Failure::NoWorker(_))));
        let generation = rules.generation().to_string();
        let report = verdict::report(&uri, received, outcome, rules.weights(), &generation);
        // Whoever waited may have given up.
        let _ = reply.send(report);
    }
}
