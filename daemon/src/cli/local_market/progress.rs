//! Progress line of a running marketplace.

use std::time::Duration;

use daemon_base::Cancel;
use daemon_base::format::signed_nct;
use daemon_local_market::loopback::{Marketplace, RunProgress};
use daemon_local_market::polyswarmd::{ChainMarket, ChainProgress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal::format::count;

/// How often the line is drawn and Ctrl-C is checked.
const INTERVAL: Duration = Duration::from_millis(100);

/// How far a run is: the number of bounties that are over, and the text behind the bar.
type Look = Box<dyn Fn() -> (u64, String)>;

/// The progress line.
pub(crate) struct Live {
    bar: ProgressBar,
    look: Option<Look>,
}

impl Live {
    /// Starts the progress line of a marketplace. It is shown only on a terminal.
    pub(crate) fn begin(marketplace: &Marketplace) -> Live {
        let watch = marketplace.watch();
        let look = move || {
            let progress = watch.progress();
            (progress.settled, told(&progress))
        };
        Live::of(marketplace.watch().progress().number, Box::new(look))
    }

    /// Starts the progress line of a marketplace that speaks polyswarmd. It is shown only on a terminal.
    pub(crate) fn begin_chain(market: &ChainMarket) -> Live {
        let control = market.control();
        let look = move || {
            let progress = control.progress();
            (progress.over, told_of_chain(&progress))
        };
        Live::of(market.control().progress().number, Box::new(look))
    }

    fn of(number: u64, look: Look) -> Live {
        let style = ProgressStyle::with_template("{elapsed} {wide_bar:.green/dim} {pos}/{len} settled{msg}");
        let bar = ProgressBar::new(number);
        bar.set_style(style.expect("the template is right, as a test shows"));
        Live { bar, look: Some(look) }
    }

    /// Shows nothing.
    pub(crate) fn silent() -> Live {
        Live { bar: ProgressBar::hidden(), look: None }
    }

    /// Draws the line until `what` is done.
    pub(crate) async fn beside<T>(self, what: impl Future<Output = T>) -> T {
        tokio::pin!(what);
        loop {
            if let Some(look) = &self.look {
                let (position, message) = look();
                self.bar.set_position(position);
                self.bar.set_message(message);
            }
            tokio::select! {
                done = &mut what => {
                    self.bar.finish_and_clear();
                    return done;
                }
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }
}

fn told_of_chain(progress: &ChainProgress) -> String {
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

fn told(progress: &RunProgress) -> String {
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

/// Completes when Ctrl-C is pressed.
pub(crate) async fn stopped(stop: &Cancel) {
    while !stop.is_cancelled() {
        tokio::time::sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use daemon_local_market::loopback::EngineProgress;

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
        assert_eq!(told(&progress), ", 1,500 posted | a: 1,200 answered, p50 12 ms, -1.2500 NCT");
        assert!(ProgressStyle::with_template("{elapsed} {wide_bar:.green/dim} {pos}/{len} settled{msg}").is_ok());
    }
}
