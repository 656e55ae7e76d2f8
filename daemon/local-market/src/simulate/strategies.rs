//! The strategies of the daemon, for a simulation.

use daemon_market::{BidRequest, BidStrategy, Conviction, Nct};

use super::{Question, StrategyTrial};
use crate::ArtifactKind;

/// Assumed ratio of other parties' losses to their wins until it is observed, as in the daemon.
const RATIO: f64 = 0.3;

/// Kinds to simulate: programs give more evidence than documents and scripts.
pub fn example_kinds() -> Vec<ArtifactKind> {
    let kind =
        |name: &str, share, malicious, mu| ArtifactKind { name: name.to_owned(), share, malicious, mu, sigma: 1.0 };
    vec![
        kind("pe32", 5.0, 0.5, 1.2),
        kind("elf", 2.0, 0.3, 1.5),
        kind("office", 2.0, 0.35, 1.0),
        kind("script", 1.0, 0.4, 0.5),
    ]
}

/// Wraps a strategy of the daemon for the simulation.
pub fn trial<'a>(name: &'a str, strategy: &'a dyn BidStrategy) -> StrategyTrial<'a> {
    (name, Box::new(move |question: &Question<'_>| ask(strategy, question)))
}

fn ask(strategy: &dyn BidStrategy, question: &Question<'_>) -> Option<Nct> {
    let request = BidRequest {
        q: question.q,
        conviction: Conviction::from_probability(question.q),
        verdict: question.verdict,
        kind: question.kind,
        family: "",
        evidence: &[],
        bounds: question.bounds,
        reward: question.reward,
        fee: question.fee,
        purse: question.balance.checked_sub(question.fee).unwrap_or_default(),
        balance: question.balance,
        ratio: question.ratio.unwrap_or(RATIO),
    };
    strategy.bid(&request).ok()
}
