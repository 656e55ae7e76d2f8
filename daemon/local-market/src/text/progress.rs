//! How far a run is, on one line.

use daemon_base::format::{count, signed_nct};

use crate::loopback::RunProgress;
use crate::polyswarmd::ChainProgress;

/// What stands beside the number of settled bounties while a marketplace runs.
pub fn progress_text(progress: &RunProgress) -> String {
    let mut told = format!(", {} posted", count(progress.posted));
    for engine in &progress.engines {
        told.push_str(&format!(
            " | {}: {} answered, p50 {:.0} ms, {} NCT",
            engine.name,
            count(engine.answered),
            engine.latency.as_secs_f64() * 1e3,
            signed_nct(engine.profit.base_units())
        ));
    }
    told
}

/// The same for a marketplace with a chain.
pub fn chain_progress_text(progress: &ChainProgress) -> String {
    let mut told = format!(", {} posted, block {}", count(progress.posted), count(progress.block));
    for engine in &progress.engines {
        told.push_str(&format!(
            " | {}: {} asserted, {} revealed, {} settled, {} NCT",
            engine.name,
            count(engine.asserted),
            count(engine.revealed),
            count(engine.settled),
            signed_nct(engine.profit.base_units())
        ));
    }
    told
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::loopback::EngineProgress;

    use super::*;

    #[test]
    fn the_line_says_how_engines_do() {
        let engine = EngineProgress {
            name: "a".to_owned(),
            answered: 1_200,
            latency: Duration::from_millis(12),
            profit: "-1.25".parse().unwrap(),
        };
        let progress = RunProgress { number: 2_000, posted: 1_500, settled: 1_100, engines: vec![engine] };
        assert_eq!(progress_text(&progress), ", 1,500 posted | a: 1,200 answered, p50 12 ms, -1.2500 NCT");
    }
}
