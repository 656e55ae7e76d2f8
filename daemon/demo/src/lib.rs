//! The demo: a marketplace in this process and a daemon as its child, which bets on files of this machine until all is settled
//! and reported.
//!
//! [`run`] is the whole of it: it chooses the files, starts the engine, plays, hands over the settlements, and writes the
//! report. The parts are those of `daemon-local-market`; here the marketplace and the engine's books meet. The child is the
//! program itself, so only `stakeout` can run it.
//!
//! ```no_run
//! use daemon_base::Cancel;
//! use daemon_demo::{DemoEnded, DemoMarket, DemoObserver, DemoSettings, run};
//!
//! struct Silent;
//! impl DemoObserver for Silent {
//!     fn notice(&mut self, _: &str) {}
//!     fn begin(&mut self, _: u64) {}
//!     fn at(&mut self, _: u64, _: &str) {}
//!     fn end(&mut self) {}
//! }
//!
//! # fn main() -> anyhow::Result<()> {
//! let (market, strategy) = (DemoMarket::Webhook, "default".to_owned());
//! let settings = DemoSettings { market, bounties: 50, seed: 1, strategy, keep: None, json: false };
//! let mut told = Vec::new();
//! assert_eq!(run(&settings, &Cancel::default(), &mut Silent, &mut told)?, DemoEnded::Whole);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod engine;
mod polyswarmd;
mod report;
mod settings;
mod webhook;

use std::io::Write;

use anyhow::Context;
use daemon_base::Cancel;
use daemon_base::format::{count, counted};
use daemon_local_market::demo::{Workdir, choose};
use daemon_market::{Strategy, StrategySettings};
use daemon_rules::Cache;

pub use settings::{DemoEnded, DemoMarket, DemoObserver, DemoSettings, Listening};

/// Runs the demo until everything is settled, or `stop` is set. Writes the result to `out`.
///
/// # Errors
/// If something cannot be made, started or written, or the daemon ends early.
pub fn run(
    demo: &DemoSettings,
    stop: &Cancel,
    observer: &mut dyn DemoObserver,
    out: &mut dyn Write,
) -> anyhow::Result<DemoEnded> {
    // Before anything is made.
    Strategy::named(&demo.strategy, &StrategySettings::default()).context("cannot use --strategy")?;
    let place = Workdir::make(demo.keep.as_deref(), Cache::usual_place())?;
    let chosen = choose(demo.bounties, demo.seed, place.path())?;
    observer.notice(&format!(
        "{}: {} of this machine, {} generated to look malicious",
        counted(chosen.number, "file"),
        count(chosen.number - chosen.malicious),
        count(chosen.malicious)
    ));
    match demo.market {
        DemoMarket::Webhook => webhook::run(demo, &place, &chosen, stop, observer, out),
        DemoMarket::Polyswarmd(listening) => polyswarmd::run(demo, listening, &place, &chosen, stop, observer, out),
    }
}
