//! What the threads of the pool do for the engine: examine, and put what they saw in the market's words.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use daemon_engine::RuleSet;
use daemon_market::{BidBounds, BountyKey, Event};
use daemon_pool::{Ask, Failure, Outcome, Work};
use tokio::sync::mpsc::UnboundedSender;
use tracing::error;

use super::judge::{self, Received};
use super::meters;
use super::standing::Standing;
use crate::walk::causes;

/// An artifact to examine.
#[derive(Debug)]
pub struct Examination {
    /// For which bounty.
    pub key: BountyKey,
    /// Where it is from.
    pub uri: String,
    /// What may be bid on it.
    pub bounds: BidBounds,
    /// The artifact.
    pub file: OwnedFd,
    /// What is known of it.
    pub received: Received,
    /// When nobody waits any more.
    pub until: Instant,
}

/// Sends the engine what came of examinations.
pub struct Examining {
    /// To the engine. Not bounded, for the engine never gives out more than a few examinations.
    pub events: UnboundedSender<Event>,
    /// Told whether workers can be had.
    pub standing: Arc<Standing>,
}

/// What is remembered of one meanwhile.
pub struct Ticket {
    key: BountyKey,
    uri: String,
    bounds: BidBounds,
    received: Received,
}

impl Work<Examination> for Examining {
    type Ticket = Ticket;

    fn open(&self, job: Examination) -> Option<(OwnedFd, Ask, Ticket)> {
        let Examination { key, uri, bounds, file, received, until } = job;
        Some((file, Ask { until: Some(until), ..Ask::default() }, Ticket { key, uri, bounds, received }))
    }

    fn done(&self, ticket: Ticket, outcome: Outcome, rules: &RuleSet) {
        let Ticket { key, uri, bounds, received } = ticket;
        match &outcome {
            Ok(looked) => {
                meters::examined(&looked.examined);
                self.standing.worked(true);
            }
            Err(failure) => {
                meters::not_examined();
                error!(bounty = %key, why = causes(failure), "it could not be examined");
                self.standing.worked(!matches!(failure, Failure::NoWorker(_)));
            }
        }
        let generation = rules.generation().to_string();
        let judgement = Box::new(judge::judgement(&uri, received, outcome, bounds, rules.weights(), &generation));
        // The engine is gone only when the daemon ends, and then the journal knows what is left to do.
        let _ = self.events.send(Event::Examined { key, judgement });
    }
}
