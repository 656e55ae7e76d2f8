//! What is shown, who watches, and how it ended.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What a demo shows.
#[derive(Clone, Debug)]
pub struct DemoSettings {
    /// Marketplace to play in.
    pub market: DemoMarket,
    /// Number of bounties.
    pub bounties: u64,
    /// Random seed for files, rivals and votes.
    pub seed: u64,
    /// Bid strategy of the daemon.
    pub strategy: String,
    /// Directory that is kept; without one all but the report is deleted.
    pub keep: Option<PathBuf>,
    /// Whether the result is a JSON document.
    pub json: bool,
}

/// How the marketplace reaches the daemon.
#[derive(Clone, Copy, Debug)]
pub enum DemoMarket {
    /// Bounties are posted to the daemon, and it answers.
    Webhook,
    /// By websocket, signed transactions, commit and reveal.
    Polyswarmd(Listening),
}

/// Who listens to the marketplace.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// Address of its API. Port 0 selects a free one.
    pub address: SocketAddr,
    /// Number of other engines without which nothing is posted.
    pub others: u64,
}

/// Who watches a demo while it runs.
pub trait DemoObserver {
    /// A step is done, or begins.
    fn notice(&mut self, text: &str);

    /// So many bounties will be played.
    fn begin(&mut self, number: u64);

    /// So many of them are settled; `engines` says how the engines do.
    fn at(&mut self, settled: u64, engines: &str);

    /// All are played, or the demo was stopped.
    fn end(&mut self);
}

/// How a demo ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DemoEnded {
    /// Everything was answered, or revealed and settled, and the sums of all accounts balance.
    Whole,
    /// Something was not, or they do not.
    Incomplete,
    /// It was asked to stop.
    Interrupted,
}
