//! Scans for the clients: takes a place among the workers for each file, and logs what was found.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use daemon_artifact::Sha256Digest;
use daemon_clamd::{ClamdCount, ClamdDesk, FileToScan, ScanAnswer, ScannerLoad};
use daemon_detector::{Nudge, RulesStatus};
use daemon_pool::Closed;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{debug, info, warn};

use super::{ClamdChoices, ClamdScan};
use crate::clamd::scan::ClamdScanned;
use crate::metrics::{self, Metrics};

/// How much longer than its time a scan is waited for: the pool ends it, and says what was seen until then.
const GRACE: Duration = Duration::from_secs(2);
/// Least time between two reloads of the rules that clients ask for.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);
/// Time in the form that clamd tells.
const TIME_FORM: &str = "%a %b %e %H:%M:%S %Y";
/// Told where a scan did not end in its time.
const LATE: &str = "Time limit reached";

/// What the desk is made of.
pub(crate) struct DeskParts {
    /// Gives the pool a file. Must not wait while there are no more than `scans_max` of them.
    pub submit: Box<dyn Fn(ClamdScan) -> Result<(), Closed> + Send>,
    /// Most files at the workers at once.
    pub scans_max: usize,
    /// What is replied.
    pub choices: ClamdChoices,
    /// Status of the rules in use.
    pub rules_status: Arc<RulesStatus>,
    /// Have the rules looked at.
    pub nudges: Vec<Sender<Nudge>>,
    /// Where it is counted.
    pub metrics: Metrics,
}

/// Scans for clients.
pub(crate) struct ScanDesk {
    parts: DeskParts,
    places: Arc<Semaphore>,
    waiting: Rc<Cell<usize>>,
    reloads: Rc<Reloads>,
}

/// Reloads of the rules, many of which can be asked for at once.
struct Reloads {
    nudges: Vec<Sender<Nudge>>,
    /// Time of the last one.
    last: Cell<Option<Instant>>,
    /// Whether one is on its way.
    due: Cell<bool>,
}

/// One that waits for a place, as long as it does.
struct Waiting(Rc<Cell<usize>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl ScanDesk {
    pub(crate) fn new(parts: DeskParts) -> ScanDesk {
        let places = Arc::new(Semaphore::new(parts.scans_max));
        let nudges = parts.nudges.clone();
        let reloads = Rc::new(Reloads { nudges, last: Cell::default(), due: Cell::default() });
        ScanDesk { parts, places, waiting: Rc::default(), reloads }
    }

    /// Has it scanned by a worker. If that did not happen in time, or there is no pool any more: why, as the client is told.
    async fn scanned(&self, file: FileToScan, until: Instant) -> Result<ClamdScanned, &'static str> {
        let waiting = Waiting(Rc::clone(&self.waiting));
        self.waiting.set(self.waiting.get() + 1);
        let place = timeout_at(until, Arc::clone(&self.places).acquire_owned()).await;
        drop(waiting);
        let permit = place.map_err(|_| LATE)?.map_err(|_| "The scanner has ended")?;
        let (reply, replied) = oneshot::channel();
        let FileToScan { file, received, memory, name: _, client: _ } = file;
        let scan = ClamdScan {
            file,
            digest: received.is_none(),
            until: until.into(),
            choices: self.parts.choices,
            reply,
            permit,
            memory,
        };
        // It does not wait: there is room for as many as there are places.
        (self.parts.submit)(scan).map_err(|Closed| "The scanner has ended")?;
        let replied = timeout_at(until + GRACE, replied).await.map_err(|_| LATE)?;
        replied.map_err(|_| "The scanner has ended")
    }
}

impl ClamdDesk for ScanDesk {
    async fn scan(&self, file: FileToScan, until: Instant) -> ScanAnswer {
        let (name, client, received) = (file.name.clone(), file.client.clone(), file.received);
        let scanned = match self.scanned(file, until).await {
            Ok(scanned) => scanned,
            Err(why) => {
                warn!(file = shown(&name), %client, why, "clamd scan failed");
                return ScanAnswer::Failed(why.to_owned());
            }
        };
        let ClamdScanned { answer, verdict, kind, received: measured } = scanned;
        let (size, sha256) = received.or(measured).unzip();
        let sha256 = sha256.as_ref().map(Sha256Digest::to_string);
        let file = shown(&name);
        match &answer {
            ScanAnswer::Found(names) => {
                info!(file, %client, found = names[0], verdict, kind, size, sha256, "clamd file found");
            }
            ScanAnswer::Failed(why) => {
                info!(file, %client, why, verdict, kind, size, sha256, "clamd file without verdict");
            }
            ScanAnswer::Clean if verdict == "suspicious" => {
                info!(file, %client, verdict, kind, size, sha256, "clamd file suspicious");
            }
            ScanAnswer::Clean => debug!(file, %client, verdict, kind, size, sha256, "clamd file clean"),
        }
        answer
    }

    fn version(&self) -> String {
        let status = self.parts.rules_status.status();
        let since = jiff::Timestamp::from_microsecond(status.since).unwrap_or_default();
        let since = jiff::tz::Offset::UTC.to_datetime(since).strftime(TIME_FORM);
        format!("stakeout {}/{}/{since}", env!("CARGO_PKG_VERSION"), status.generation)
    }

    fn reload(&self) {
        let reloads = Rc::clone(&self.reloads);
        if reloads.due.replace(true) {
            return;
        }
        info!("rules reload requested over clamd's protocol");
        let at = reloads.last.get().map_or_else(Instant::now, |last| last + RELOAD_INTERVAL);
        spawn_local(async move {
            sleep_until(at).await;
            reloads.due.set(false);
            reloads.last.set(Some(Instant::now()));
            for nudge in &reloads.nudges {
                // The threads that watch the rules end after us.
                let _ = nudge.send(Nudge::Asked);
            }
        });
    }

    fn load(&self) -> ScannerLoad {
        let most = self.parts.scans_max;
        let scanning = most.saturating_sub(self.places.available_permits());
        ScannerLoad { most, scanning, waiting: self.waiting.get() }
    }

    fn count(&self, what: ClamdCount) {
        self.parts.metrics.within(|| metrics::clamd_counted(what));
    }
}

/// A name that is fit to be logged.
fn shown(name: &str) -> String {
    daemon_base::text::path(name.as_ref())
}
