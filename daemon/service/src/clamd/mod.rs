//! clamd's protocol for mail filters: a thread of its own, which shares workers and rules with the bounties.
//!
//! What comes this way is no bounty: nothing of it is written down, and nothing is staked on it.

mod desk;
mod scan;
mod verdict;

use std::path::PathBuf;
use std::thread::JoinHandle;

use anyhow::Context;
use daemon_clamd::ClamdListeners;
use daemon_download::runtime::{Prefer, Runtime};
use daemon_download::{ArtifactMemory, FetchLimits, Keeper};
use tokio::sync::oneshot;
use tracing::dispatcher::with_default;
use tracing::{Dispatch, error, info};

pub(crate) use desk::DeskParts;
use desk::ScanDesk;
pub(crate) use scan::{ClamdScan, ClamdTicket};
pub(crate) use verdict::ClamdChoices;

use crate::config::Config;
use crate::metrics::Metrics;

/// Files at the workers at once, of all clients, where the configuration does not say.
const PER_WORKER: usize = 2;

/// Most files of clients at the workers at once.
pub(crate) fn scans_max(config: &Config, workers: usize) -> usize {
    match (config.clamd.is_on(), config.clamd.scans_max) {
        (false, _) => 0,
        (true, 0) => workers.saturating_mul(PER_WORKER),
        (true, most) => most,
    }
}

/// The server, until it runs.
pub(crate) struct ClamdParts {
    /// Where it listens.
    pub listeners: ClamdListeners,
    /// How it scans.
    pub desk: DeskParts,
    /// Memory for artifacts, shared with the downloads.
    pub memory: ArtifactMemory,
    /// Size up to which a stream is kept in memory.
    pub memory_bytes_max: u64,
    /// The directory for larger ones.
    pub spill: PathBuf,
}

/// The server, running.
pub(crate) struct ClamdThread {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<anyhow::Result<()>>,
    thread: JoinHandle<()>,
}

impl ClamdParts {
    /// Begins to serve.
    pub(crate) fn start(self, config: &Config, metrics: Metrics, log: Dispatch) -> anyhow::Result<ClamdThread> {
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let config = config.clone();
        let places = self.listeners.places().join(", ");
        info!(at = places, "clamd protocol listening");
        let thread = std::thread::Builder::new().name("clamd".to_owned()).spawn(move || {
            let served = with_default(&log, || metrics.clone().within(|| self.serve(&config, stopped)));
            // The daemon is told if it still listens.
            let _ = end.send(served);
        });
        Ok(ClamdThread { stop, ended, thread: thread.context("cannot start the thread of clamd's protocol")? })
    }

    fn serve(self, config: &Config, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
        let (runtime, backend) =
            Runtime::start(Prefer::from(config.intake.io)).context("cannot start clamd's thread")?;
        let limits = FetchLimits {
            bytes_max: config.clamd.stream_bytes_max.0,
            memory_bytes_max: self.memory_bytes_max,
            ..FetchLimits::default()
        };
        let keeper = Keeper::open(&limits, self.memory, self.spill, &backend).context("cannot keep streams")?;
        let desk = ScanDesk::new(self.desk);
        let stopped = async {
            // That nobody can stop it any more stops it too.
            let _ = stopped.await;
        };
        let (limits, paths) = (config.clamd.limits(), config.clamd.paths());
        let served = runtime.block_on(daemon_clamd::serve(self.listeners, limits, paths, keeper, desk, stopped));
        // Not waited for: a file system that does not answer may hold a thread of it.
        std::mem::forget(runtime);
        served.context("cannot serve clamd's protocol")
    }
}

impl ClamdThread {
    /// Why it ended before it was told to.
    pub(crate) async fn failure(&mut self) -> anyhow::Error {
        match (&mut self.ended).await {
            Ok(Err(error)) => error,
            Ok(Ok(())) => anyhow::anyhow!("the server of clamd's protocol ended unexpectedly"),
            Err(_) => anyhow::anyhow!("the thread of clamd's protocol panicked"),
        }
    }

    /// Ends it: who is being served is, for some seconds at most.
    pub(crate) async fn stop(self) {
        let ClamdThread { stop, ended, thread } = self;
        let _ = stop.send(());
        match ended.await {
            Ok(Ok(())) => info!("clamd protocol stopped"),
            Ok(Err(why)) => error!(why = format!("{why:#}"), "clamd protocol failed"),
            Err(_) => error!("the thread of clamd's protocol panicked"),
        }
        let _ = thread.join();
    }
}
