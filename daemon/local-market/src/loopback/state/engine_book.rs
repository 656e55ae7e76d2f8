//! What is counted of one engine.

use std::collections::BTreeMap;
use std::time::Duration;

use daemon_market::Profit;

use super::super::progress::percentile;
use super::super::summary::EngineClosing;
use super::EngineSession;
use super::answers::Fate;
use crate::SettledBounty;

/// Record of one engine.
#[derive(Default)]
pub(super) struct EngineBook {
    pub name: String,
    pub statuses: BTreeMap<String, u64>,
    pub answered: u64,
    pub unanswered: u64,
    pub again: u64,
    pub late: u64,
    pub conflicts: u64,
    pub wrong: BTreeMap<String, u64>,
    pub verdicts: BTreeMap<String, u64>,
    pub latencies: Vec<Duration>,
    pub right: u64,
    pub profit: Profit,
}

impl EngineBook {
    pub(super) fn wrong(&mut self, why: String) -> Fate {
        *self.wrong.entry(why.clone()).or_default() += 1;
        Fate::Wrong(why)
    }

    pub(super) fn settled(&mut self, desk: &EngineSession, settled: &SettledBounty) {
        if desk.answer.is_none() {
            self.unanswered += 1;
        }
        self.profit = self.profit.saturating_add(settled.profit(&self.name).unwrap_or_default());
    }

    pub(super) fn close(&self) -> EngineClosing {
        EngineClosing {
            name: self.name.clone(),
            replies: self.statuses.clone(),
            answered: self.answered,
            unanswered: self.unanswered,
            late: self.late,
            again: self.again,
            conflicts: self.conflicts,
            wrong: self.wrong.clone(),
            verdicts: self.verdicts.clone(),
            right: self.right,
            latency_p50_ms: percentile(&self.latencies, 0.5).as_secs_f64() * 1e3,
            latency_p99_ms: percentile(&self.latencies, 0.99).as_secs_f64() * 1e3,
        }
    }
}
