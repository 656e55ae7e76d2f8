//! What is told of a run: its progress, and its summary.

use std::time::Duration;

use super::super::progress::{EngineProgress, RunProgress, percentile};
use super::super::summary::{Closing, Parties};
use super::engine_book::EngineBook;
use super::{Book, Lost};
use crate::settings::Fault;

impl Book {
    /// Returns the progress of the run.
    pub(in super::super) fn progress(&self) -> RunProgress {
        let state = self.state();
        let engine = |engine: &EngineBook| EngineProgress {
            name: engine.name.clone(),
            answered: engine.answered,
            latency: percentile(&engine.latencies, 0.5),
            profit: engine.profit,
        };
        RunProgress {
            number: self.settings.bounties.number,
            posted: state.cases.len() as u64,
            settled: state.settled,
            engines: state.engines.iter().map(engine).collect(),
        }
    }

    /// Returns the summary of the run.
    pub(in super::super) fn closing(&self, took: Duration, skipped: u64) -> Closing {
        let mut state = self.state();
        let state = &mut *state;
        for desk in state.cases.values_mut().flat_map(|case| &mut case.desks) {
            if desk.lost == Lost::Waiting {
                state.happenings.then(Fault::LostAnswer, "not sent again");
                desk.lost = Lost::Resolved;
            }
        }
        let imbalance = state.exchange.audit().err().map(|imbalance| imbalance.to_string());
        let imbalance = state.imbalance.clone().or(imbalance);
        let parties = state.parties.close(&state.exchange);
        let bad = state.cases.values().filter(|case| case.specimen.malicious).count() as u64;
        Closing {
            seed: self.settings.seed,
            contract: self.settings.contract.version().to_owned(),
            posted: state.cases.len() as u64,
            malicious: bad,
            settled: state.settled,
            skipped,
            took_seconds: took.as_secs_f64(),
            engines: state.engines.iter().map(EngineBook::close).collect(),
            conserved: imbalance.is_none() && Parties::come_to_nothing(&parties),
            imbalance,
            parties,
            total: state.exchange.total(),
            stuck: state.stuck,
            strangers: state.strangers,
            faults: state.happenings.clone(),
        }
    }
}
