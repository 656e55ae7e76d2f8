//! The daemon: built from its configuration, it runs until it is stopped.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context;
use daemon_clamd::ClamdListeners;
use daemon_control::ControlSocket;
use daemon_detector::{Attempt, Loader, Looking, Nudge, Observer, PoolRules, Ready, RulesStatus, RulesWatch};
use daemon_download::runtime::Runtime;
use daemon_market::Bounties;
use daemon_pool::{Fleet, JOBS_MIN, Pool, PoolConfig, Rules};
use tokio::sync::mpsc::unbounded_channel;
use tracing::dispatcher::with_default;
use tracing::{error, info, warn};

use crate::clamd::{self, ClamdChoices, ClamdParts, DeskParts};
use crate::clock::{self, Clock};
use crate::edge::Edge;
pub use crate::edge::Stopper;
use crate::engine::{Engine, Parts};
use crate::examination::{Examining, LocalScans, PoolJob};
pub use crate::given::StartOptions;
use crate::given::{self, Given};
use crate::live::LiveView;
use crate::memory::{self, MachineMemory, Shares};
use crate::metrics::{self, Metrics};
use crate::scan_backends::ScanBackends;
use crate::settlements::inbox::Inbox;
use crate::shadow::{Shadow, ShadowParts};
use crate::transport::Transport;
use crate::webhook::WebhookTransport;
use crate::{build, control, inbox_reader, notify, polyswarmd, reload};

/// How the daemon ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DaemonEnded {
    /// A signal stopped it.
    Asked,
    /// A fatal error occurred; the log has the reason.
    Failed,
    /// The daemon did not start, and will not until a person changes something.
    Misconfigured(String),
}

/// Runs the daemon as its command does, until it is asked to end: takes what it is given by files, environment and service
/// manager, logs as the configuration says, and ends by SIGTERM or Ctrl-C.
///
/// # Errors
/// If it cannot start for a reason that may pass by itself: a full disk, an address in use.
pub fn run(options: &StartOptions) -> anyhow::Result<DaemonEnded> {
    let early = reload::listen_early()?;
    let refused = |error: &anyhow::Error| Ok(DaemonEnded::Misconfigured(format!("{error:#}")));
    let given = match given::take(options, early) {
        Ok(given) => given,
        Err(error) => return refused(&error),
    };
    info!(version = env!("CARGO_PKG_VERSION"), dry_run = options.dry_run, "daemon started");
    let metrics = Metrics::new().context("cannot start the metrics exporter")?;
    match Daemon::build(given, metrics) {
        Err(error) if given::is_lasting(&error) => refused(&error),
        Err(error) => Err(error),
        Ok(daemon) => Ok(daemon.run()),
    }
}

/// A daemon that was built and does not run yet. It stays on the thread that built it, which becomes the edge.
pub struct Daemon {
    given: Given,
    runtime: Runtime,
    /// Where operators come in; removed from the file system when it is dropped.
    control: Option<ControlSocket>,
    edge: Edge,
}

impl Daemon {
    /// Builds a daemon of what it is given: opens the archive, loads the rules and tries them, starts workers and threads, and
    /// begins to listen. Nothing is taken and nothing is sent before [`Daemon::run`].
    ///
    /// Several daemons can live in one process: each counts in its own `metrics`, and logs to its own [`Given::log`].
    ///
    /// # Errors
    /// If something it needs cannot be had; the error says what was tried, and on what.
    pub fn build(given: Given, metrics: Metrics) -> anyhow::Result<Daemon> {
        with_default(&given.log.clone(), || metrics.clone().within(|| Daemon::assemble(given, metrics)))
    }

    fn assemble(mut given: Given, metrics: Metrics) -> anyhow::Result<Daemon> {
        let mut handed = std::mem::take(&mut given.handed);
        let made_elsewhere = std::mem::take(&mut given.transports);
        let config = &given.config;
        let shares = Shares::of(config);
        let directory = config.archive.directory(given.dry_run);
        // Both clocks at the same moment: from here on the purse goes by the steady one.
        let clock = Clock::start();
        let committed = metrics.clone();
        let observe = move |took, records| committed.within(|| metrics::committed(took, records));
        let mut betting = config.market.betting()?;
        let opened = build::archive(&directory, &mut betting, &clock, config.alarms.limits(), observe)?;
        // Who only speaks clamd's protocol stakes nothing.
        if given.secrets.is_some() || config.polyswarmd.is_on() || !made_elsewhere.is_empty() {
            build::tell_limits(&config.market);
        }
        let store = build::store(&config.archive)?;
        let loader = build::loader(config, &shares);
        let status = Arc::new(RulesStatus::new());
        let observer = RulesObserver { status: Arc::clone(&status), metrics: metrics.clone() };
        // Before they are loaded, so that no change falls between.
        let looking = Looking::begin(&loader.options.directories);
        let fleet = load_rules(&loader, &status, &observer)?;

        if let Some(memory) = MachineMemory::look().filter(|_| !shares.cut.is_empty()) {
            let memory = memory::told(&memory);
            shares.cut.iter().for_each(|less| warn!(memory, limit = less, "memory limit lowered"));
        }
        let threads = shares.workers;
        let (sender, events) = unbounded_channel();
        let scans_max = clamd::scans_max(config, threads.get());
        // As many as may be examined at once: so nobody who submits waits.
        let queued_max = build::examining_max(config, threads).saturating_add(scans_max);
        let pool_config = PoolConfig { threads, queued_max, jobs_ahead: JOBS_MIN };
        let local_scans = Arc::new(LocalScans::default());
        let mut nudges = Vec::new();
        let mut shadow = None;
        if config.shadow.is_on() {
            let (started, nudge) = Shadow::start(ShadowParts {
                config: &config.shadow,
                market: config.market.clone(),
                policy: build::policy(config, threads, given.dry_run),
                settle: config.scan.rules_settle_time,
                live: loader.clone(),
                archive: opened.archive.clone(),
                metrics: metrics.clone(),
                log: given.log.clone(),
            })?;
            shadow = Some(started);
            nudges.push(nudge);
        }
        let examining = Examining {
            events: sender,
            rules_status: Arc::clone(&status),
            local_scans: Arc::clone(&local_scans),
            shadow: shadow.clone(),
            metrics: metrics.clone(),
            log: given.log.clone(),
        };
        let pool = Pool::start(pool_config, Rules::Walled(fleet), examining);
        let pool = Arc::new(pool.context("cannot start the threads of the pool")?);
        let settle = config.scan.rules_settle_time;
        let home = PoolRules { loader, pool: Arc::clone(&pool) };
        nudges.push(RulesWatch { home, settle, status: Arc::clone(&status), observer }.start(looking)?);

        let (runtime, backend) = Runtime::start(config.intake.io.into()).context("cannot start the edge thread")?;
        build::check_backend(config.intake.io, &backend)?;
        info!(files = backend.to_string(), "I/O backend selected");
        let control = control::socket(handed.control.take(), config, &directory)?;
        if let Some(socket) = &control {
            let at = daemon_base::text::path(socket.path());
            info!(at, group = socket.group(), "control socket listening");
        }
        let (webhook, admin) = handed.listeners(config, given.secrets.is_some())?;
        let webhook_address = webhook.as_ref().map(std::net::TcpListener::local_addr);
        let webhook_address = webhook_address.transpose().context("the webhook socket has no address")?;
        let mut transports: Vec<Rc<dyn Transport>> = vec![Rc::new(WebhookTransport {
            listener: Cell::new(webhook),
            secrets: given.secrets.clone(),
            limits: config.webhook.limits(),
            courier: config.answers.courier().context("cannot send answers")?,
            product: config.answers.product(env!("CARGO_PKG_VERSION")),
            metrics: metrics.clone(),
        })];
        if config.polyswarmd.is_on() {
            transports.push(Rc::new(polyswarmd::configured(&config.polyswarmd, &directory)));
        }
        transports.extend(made_elsewhere.into_iter().map(|make| make()));
        let backends = ScanBackends::of(&config.queue)?.map(Rc::new);
        let fetcher = build::fetcher(config, &shares, &backend)?;
        let clamd = match config.clamd.is_on() {
            false => None,
            true => Some(ClamdParts {
                listeners: ClamdListeners::bind(&config.clamd)?,
                desk: DeskParts {
                    submit: {
                        let (pool, local_scans) = (Arc::clone(&pool), Arc::clone(&local_scans));
                        Box::new(move |scan| {
                            local_scans.began();
                            pool.submit(PoolJob::Clamd(Box::new(scan)))
                        })
                    },
                    scans_max,
                    choices: ClamdChoices::of(&config.clamd),
                    rules_status: Arc::clone(&status),
                    nudges: nudges.clone(),
                    metrics: metrics.clone(),
                },
                memory: fetcher.memory(),
                memory_bytes_max: shares.artifact,
                spill: build::spill_directory(config),
            }),
        };
        let parts = Parts {
            fetcher,
            transports: transports.clone(),
            any_kind: config.scan.any_kind,
            fetch_time_max: config.intake.time_max,
            fee: config.market.assertion_fee,
            clock,
            archive: opened.archive,
            store,
            pool,
            local_scans,
            shadow,
            backends,
            metrics: metrics.clone(),
            workers: threads,
            rules_status: status,
            before_effect: given.before_effect,
        };
        let policy = build::policy(config, threads, given.dry_run);
        let engine = Engine::new(parts, Bounties::new(policy, betting), opened.alarms);
        let edge = Edge {
            engine,
            metrics,
            events,
            pending: opened.pending,
            assertions: opened.assertions,
            closed: opened.closed,
            asks: inbox_reader::start(&directory)?,
            inbox: Inbox::of(&directory)?,
            live: LiveView::start(config, &directory, given.dry_run)
                .context("cannot start the thread of the live page")?,
            nudges,
            transports,
            webhook_address,
            admin,
            clamd,
            stopper: Stopper::default(),
        };
        Ok(Daemon { given, runtime, control, edge })
    }

    /// Where the webhook listens, if there is one.
    pub fn webhook_address(&self) -> Option<SocketAddr> {
        self.edge.webhook_address
    }

    /// Where metrics and health are told.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn admin_address(&self) -> std::io::Result<SocketAddr> {
        self.edge.admin.local_addr()
    }

    /// What ends the daemon, from any thread.
    pub fn stopper(&self) -> Stopper {
        self.edge.stopper.clone()
    }

    /// Takes bounties and answers them, until it is asked to end: by its [`Stopper`] or, run as a command, by SIGTERM or
    /// Ctrl-C. Then answers what was taken, for some seconds at most.
    pub fn run(self) -> DaemonEnded {
        with_default(&self.given.log.clone(), || self.run_logged())
    }

    fn run_logged(self) -> DaemonEnded {
        let Daemon { given, runtime, control, edge } = self;
        let (metrics, nudges) = (edge.metrics.clone(), edge.nudges.clone());
        let ended = metrics.within(|| runtime.block_on(edge.run(&given, control.as_ref())));
        // Not waited for: it may be compiling, and a look-up of a name may hang in the runtime. What counts is written down.
        for nudge in nudges {
            let _ = nudge.send(Nudge::End);
        }
        std::mem::forget(runtime);
        match ended {
            Ok(()) => {
                info!("daemon stopped");
                DaemonEnded::Asked
            }
            Err(error) => {
                error!(why = format!("{error:#}"), "fatal error");
                DaemonEnded::Failed
            }
        }
    }
}

/// Loads the rules, tries them, and notes that they are in use.
fn load_rules(loader: &Loader, status: &RulesStatus, observer: &RulesObserver) -> anyhow::Result<Arc<Fleet>> {
    let began = clock::wall();
    let Ready { fleet, from_cache, notices } = loader.load(false)?;
    notices.iter().for_each(|text| warn!(text, "rules loaded with problems"));
    let attempt = Attempt::ended(began, clock::wall(), true, notices);
    status.took(fleet.rules(), from_cache, attempt);
    observer.counted(true);
    let in_use = status.status();
    info!(generation = in_use.generation, rules = in_use.rules, from_cache, "rules loaded");
    Ok(fleet)
}

/// Tells metrics and the service manager of new rules.
struct RulesObserver {
    status: Arc<RulesStatus>,
    metrics: Metrics,
}

impl RulesObserver {
    fn counted(&self, taken: bool) {
        self.metrics.within(|| {
            metrics::reloaded(taken);
            metrics::rules_in_use(self.status.status().rules);
        });
    }
}

impl Observer for RulesObserver {
    fn loading(&self) {
        notify::reloading();
    }

    fn loaded(&self, taken: bool) {
        self.counted(taken);
        notify::reloaded();
    }
}
