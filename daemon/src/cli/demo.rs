//! `stakeout demo`: a marketplace, a daemon as its child, and the profit and loss of both.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum, ValueHint};
use daemon_demo::{DemoEnded, DemoObserver, DemoSettings, Listening};

use crate::cli::local_market::progress::MarketProgress;
use crate::exit::Exit;
use crate::terminal::{interrupt, notice};

/// Arguments of `demo`.
#[derive(Args, Debug)]
#[command(
    after_help = "Starts a marketplace on loopback and a daemon in a temporary directory, posts bounties about files of \
this machine and about generated harmless files that look malicious, lets simulated rivals bet, settles all bounties, \
and prints the profit and loss of every party. It uses no real NCT and no network but loopback.

Examples:
  stakeout demo
  stakeout demo --bounties 50 --strategy kelly --keep /tmp/demo
  stakeout demo --market polyswarmd --bounties 100

With --market polyswarmd the marketplace has a chain in memory: the daemon commits to its verdicts by signed \
transactions, reveals and settles them, and stakeout-signer holds a key made for the demo. The signer runs as the same \
user here, for show: in earnest it is a user of its own (docs/wallet.md).

Exit codes: 0 all bounties were answered in time (with polyswarmd: every assertion was revealed and settled) and the sums of all accounts balance, 2 otherwise, or an error, \
130 interrupted."
)]
pub(crate) struct DemoArgs {
    /// Marketplace to play in.
    #[arg(long, value_enum, value_name = "MARKET", default_value = "webhook")]
    pub market: DemoMarket,
    /// Address of the marketplace's API, for other engines that are to play too. Only with --market polyswarmd.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Post nothing until N other engines listen too: PolySwarm's own client, or yours. Only with --market polyswarmd.
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u64).range(..=100))]
    pub others: u64,
    /// Number of bounties. Each is about a different file; with polyswarmd one of three has several.
    #[arg(long, value_name = "N", default_value = "300", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub bounties: u64,
    /// Random seed for files, rivals and votes.
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Bid strategy of the daemon.
    #[arg(long, value_name = "STRATEGY", default_value = "default")]
    pub strategy: String,
    /// Keep the configuration, archive, log, files and report in DIR, which must be empty or missing. Default: a
    /// temporary directory, which is deleted.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub keep: Option<PathBuf>,
    /// Print a JSON document.
    #[arg(long)]
    pub json: bool,
    /// Do not show progress.
    #[arg(long, short = 'q')]
    pub quiet: bool,
}

/// How the demo's marketplace reaches the daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum DemoMarket {
    /// Webhooks: bounties are posted to the daemon, and it answers.
    Webhook,
    /// polyswarmd: websocket, signed transactions, commit and reveal.
    Polyswarmd,
}

/// Runs `stakeout demo`.
pub(crate) fn demo(args: &DemoArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let stop = interrupt::listen().context("cannot listen for signals")?;
    let settings = DemoSettings {
        market: match args.market {
            DemoMarket::Webhook => daemon_demo::DemoMarket::Webhook,
            DemoMarket::Polyswarmd => {
                daemon_demo::DemoMarket::Polyswarmd(Listening { address: args.listen, others: args.others })
            }
        },
        bounties: args.bounties,
        seed: args.seed,
        strategy: args.strategy.clone(),
        keep: args.keep.clone(),
        json: args.json,
    };
    let mut progress = DemoProgress { quiet: args.quiet, line: MarketProgress::silent() };
    Ok(match daemon_demo::run(&settings, &stop, &mut progress, out)? {
        DemoEnded::Whole => Exit::Clean,
        DemoEnded::Incomplete => Exit::Error,
        DemoEnded::Interrupted => Exit::Interrupted,
    })
}

/// Steps as lines, and a progress line while bounties are played.
struct DemoProgress {
    quiet: bool,
    line: MarketProgress,
}

impl DemoObserver for DemoProgress {
    fn notice(&mut self, text: &str) {
        if !self.quiet {
            notice(text);
        }
    }

    fn begin(&mut self, number: u64) {
        self.line = MarketProgress::begin(self.quiet, number);
    }

    fn at(&mut self, settled: u64, engines: &str) {
        self.line.at(settled, engines);
    }

    fn end(&mut self) {
        self.line.end();
    }
}
