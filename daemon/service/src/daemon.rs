//! The daemon: built from its configuration, it runs until it is stopped.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use daemon_control::{ControlSocket, Entrance};
use daemon_detector::{Attempt, Looking, Nudge, Observer, Ready, RulesStatus, RulesWatch};
use daemon_download::runtime::Runtime;
use daemon_journal::Pending;
use daemon_market::{Bounties, Event};
use daemon_pool::{Pool, PoolConfig, Rules};
use daemon_webhook::{Endpoint, Reply};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_local};
use tracing::{error, info, warn};

use crate::admin::{self, Admin};
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::control::{self, OperatorDesk};
use crate::engine::{Engine, Parts};
use crate::examination::Examining;
use crate::gate::Gate;
use crate::given::{self, Given};
use crate::health::Health;
use crate::memory::{self, MachineMemory, Shares};
use crate::reload::{self, Reload};
use crate::settlements::inbox::Inbox;
use crate::sockets::Handed;
use crate::{build, inbox_reader, metrics, notify};

/// Maximum time for open bounties at a shutdown.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// How often metrics are cleaned up.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Options of the daemon.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The configuration file. None: every key has its default.
    pub config: Option<PathBuf>,
    /// The bid strategy, which overrides the configuration's.
    pub bid_strategy: Option<String>,
    /// Whether answers are recorded, in an archive of their own, and not sent.
    pub dry_run: bool,
}

/// How the daemon ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// A signal stopped it.
    Asked,
    /// A fatal error occurred; the log has the reason.
    Failed,
    /// The daemon did not start, and will not until a person changes something.
    Misconfigured(String),
}

/// Runs the daemon until a signal stops it.
///
/// # Errors
/// If it cannot start for a reason that may pass by itself: a full disk, an address in use.
pub fn run(args: &Options) -> anyhow::Result<Ended> {
    let early = reload::listen_early()?;
    let refused = |error: &anyhow::Error| Ok(Ended::Misconfigured(format!("{error:#}")));
    let given = match given::take(args) {
        Ok(given) => given,
        Err(error) => return refused(&error),
    };
    info!(version = env!("CARGO_PKG_VERSION"), dry_run = args.dry_run, "daemon started");
    match serve(args, given, early) {
        Err(error) if given::is_lasting(&error) => refused(&error),
        done => done,
    }
}

/// Runs the daemon with the collected inputs.
fn serve(args: &Options, given: Given, early: Arc<AtomicBool>) -> anyhow::Result<Ended> {
    let Given { config, secrets, mut betting, mut handed } = given;
    let exporter = metrics::start().context("cannot start the metrics exporter")?;
    let directory = build::archive_directory(&config.archive, args.dry_run);
    // Both clocks at the same moment: from here on the purse goes by the steady one.
    let clock = Clock::start();
    let opened = build::archive(&directory, &mut betting, &clock, build::alarms(&config.alarms), metrics::committed)?;
    build::tell_limits(&config.market);
    let (archive, pending, alarms) = (opened.archive, opened.pending, opened.alarms);
    let store = build::store(&config.archive)?;
    let loader = build::loader(&config)?;
    let standing = Arc::new(RulesStatus::new());
    // Before they are loaded, so that no change falls between.
    let looking = Looking::begin(&loader.options.directories);
    let began = clock::wall();
    let Ready { fleet, from_cache, notices } = loader.load(false)?;
    notices.iter().for_each(|text| warn!(text, "rules loaded with problems"));
    let attempt = Attempt::ended(began, clock::wall(), true, notices);
    standing.took(fleet.rules(), from_cache, attempt);
    let observer = RulesObserver { status: Arc::clone(&standing) };
    observer.counted(true);
    let status = standing.status();
    info!(generation = status.generation, rules = status.rules, from_cache, "rules loaded");

    let shares = Shares::of(&config);
    if let Some(memory) = MachineMemory::look().filter(|_| !shares.cut.is_empty()) {
        let memory = memory::told(&memory);
        shares.cut.iter().for_each(|less| warn!(memory, limit = less, "memory limit lowered"));
    }
    let threads = shares.workers;
    let (sender, events) = unbounded_channel();
    let pool_config = PoolConfig { threads, queued_max: build::examining_max(threads) };
    let pool =
        Pool::start(pool_config, Rules::Walled(fleet), Examining { events: sender, standing: Arc::clone(&standing) });
    let pool = Arc::new(pool.context("cannot start the threads of the pool")?);
    let watch = RulesWatch {
        loader,
        settle: config.scan.rules_settle_time,
        status: Arc::clone(&standing),
        pool: Arc::clone(&pool),
        observer,
    };
    let nudge = watch.start(looking)?;

    let (runtime, backend) = Runtime::start(build::prefer(config.intake.io)).context("cannot start the edge thread")?;
    build::check_backend(config.intake.io, &backend)?;
    info!(files = backend.to_string(), "I/O backend selected");
    let parts = Parts {
        fetcher: build::fetcher(&config, &backend)?,
        courier: build::courier(&config.answers)?,
        product: build::product(&config.answers),
        any_kind: config.scan.any_kind,
        fetch_time_max: config.intake.time_max,
        fee: config.market.assertion_fee,
        clock,
        archive,
        store,
        pool,
        standing,
    };
    let bounties = Bounties::new(build::policy(&config, threads, args.dry_run), betting);
    let engine = Engine::new(parts, bounties, alarms);
    let asks = inbox_reader::start(&directory)?;
    let closed = opened.closed;
    let reload = Reload {
        path: args.config.clone(),
        strategy: given::strategy(args).map(str::to_owned),
        config: config.clone(),
        secrets: secrets.clone(),
        nudge: nudge.clone(),
        early,
    };
    let door = control::door(handed.control.take(), &config, &directory)?;
    let entrance = door.as_ref().map(ControlSocket::open).transpose().context("cannot open the control socket")?;
    if let Some(door) = &door {
        info!(at = daemon_base::text::path(door.path()), group = door.group(), "control socket listening");
    }
    let operators = (entrance, Inbox::of(&directory)?, args.dry_run);
    let edge = Edge {
        config: &config,
        engine,
        secrets,
        metrics: exporter,
        events,
        pending,
        closed,
        asks,
        handed,
        reload,
        operators,
    };
    let ended = runtime.block_on(edge.run());
    // Not waited for: it may be compiling, and a look-up of a name may hang in the runtime. What counts is written down.
    let _ = nudge.send(Nudge::End);
    std::mem::forget(runtime);
    Ok(match ended {
        Ok(()) => {
            info!("daemon stopped");
            Ended::Asked
        }
        Err(error) => {
            error!(why = format!("{error:#}"), "fatal error");
            Ended::Failed
        }
    })
}

/// Tells metrics and the service manager of new rules.
struct RulesObserver {
    status: Arc<RulesStatus>,
}

impl RulesObserver {
    fn counted(&self, taken: bool) {
        metrics::reloaded(taken);
        metrics::rules_in_use(self.status.status().rules);
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

/// Everything on the edge thread.
struct Edge<'c> {
    config: &'c Config,
    engine: Rc<Engine>,
    secrets: daemon_webhook::Secrets,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
    events: UnboundedReceiver<Event>,
    pending: Vec<Pending>,
    /// Why the purse closes by what was recorded, where that itself is not.
    closed: Option<String>,
    /// Requests of the inbox thread.
    asks: UnboundedReceiver<inbox_reader::InboxRequest>,
    /// Sockets passed by the service manager.
    handed: Handed,
    /// What SIGHUP reloads.
    reload: Reload,
    /// The control socket, the inbox, and whether this is a dry run.
    operators: (Option<Entrance>, Inbox, bool),
}

impl Edge<'_> {
    async fn run(self) -> anyhow::Result<()> {
        let Edge { config, engine, secrets, metrics, mut events, pending, closed, asks, handed, reload, operators } =
            self;
        let mut ending = Endings::listen().context("cannot listen for signals")?;
        let [webhook, admins] = handed.listeners(config)?;
        let health = Health::new(&engine, config.scan.time_max);
        // None of these ever ends, unless by a bug: then the daemon does, and is started anew.
        let mut vital = JoinSet::new();
        vital.spawn_local(Rc::clone(&engine).ring());
        vital.spawn_local(Rc::clone(&engine).write_endings());
        vital.spawn_local(Rc::clone(&health).watch());
        if let Some(why) = closed {
            engine.happen(Event::FoundClosed { why });
        }
        vital.spawn_local(Rc::clone(&engine).hear(asks));
        vital.spawn_local(Rc::clone(&engine).watch_alarms());
        vital.spawn_local(Rc::clone(&engine).let_go(config.archive.details_age_max));
        let heard = Rc::clone(&engine);
        vital.spawn_local(async move {
            while let Some(event) = events.recv().await {
                heard.happen(event);
            }
        });
        spawn_local(reload.whenever_asked()?);
        let upkeep = metrics.clone();
        spawn_local(async move {
            loop {
                tokio::time::sleep(UPKEEP_INTERVAL).await;
                upkeep.run_upkeep();
            }
        });
        let admin = Rc::new(Admin { metrics, health: Rc::clone(&health), engine: Rc::clone(&engine) });
        let address = admins.local_addr().context("the admin socket has no address")?;
        info!(%address, "admin server listening");
        spawn_local(admin::serve(admins, admin));
        let (entrance, inbox, dry_run) = operators;
        if let Some(entrance) = entrance {
            let desk = OperatorDesk { engine: Rc::clone(&engine), health: Rc::clone(&health), inbox, dry_run };
            spawn_local(async move {
                let Err(error) = daemon_control::serve(entrance, desk).await;
                error!(why = error.to_string(), "control socket failed");
            });
        }

        pending.into_iter().for_each(|pending| engine.recover(pending));
        let address = webhook.local_addr().context("the webhook socket has no address")?;
        let (stop, stopped) = oneshot::channel::<()>();
        let gate = Gate::new(Rc::clone(&engine), Rc::clone(&health));
        let endpoint = Endpoint {
            secrets,
            path: None,
            gate,
            observer: |reply: Reply, _: Duration| metrics::requested(reply.name()),
            limits: build::server_limits(&config.webhook),
        };
        let serving = spawn_local(daemon_webhook::serve(webhook, endpoint, async {
            let _ = stopped.await;
        }));
        info!(%address, "webhook listening");
        health.takes(true);
        notify::ready(&format!("receiving bounties at {address}"));

        let failure = tokio::select! {
            () = ending.asked() => None,
            why = engine.failure() => Some(why),
            ended = vital.join_next() => Some(match ended {
                Some(Err(error)) => anyhow::anyhow!("a task of the edge thread panicked: {error}"),
                Some(Ok(())) | None => anyhow::anyhow!("a task of the edge thread ended unexpectedly"),
            }),
        };
        health.takes(false);
        notify::stopping();
        if let Some(why) = failure {
            return Err(why.context("open bounties are recovered at the next start"));
        }
        info!(open = engine.open(), "shutdown requested: answering open bounties first");
        // The listener first: a socket of the service manager then keeps for our successor who comes from now on.
        // Its receiver is gone only if the server ended by itself.
        let _ = stop.send(());
        engine.drain(DRAIN_TIME_MAX).await;
        let _ = tokio::time::timeout(DRAIN_TIME_MAX, serving).await;
        engine.close().await;
        Ok(())
    }
}

/// SIGTERM, and Ctrl-C.
struct Endings {
    terminated: Signal,
    interrupted: Signal,
}

impl Endings {
    fn listen() -> std::io::Result<Endings> {
        let (terminated, interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Endings { terminated, interrupted })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminated.recv() => {}
            _ = self.interrupted.recv() => {}
        }
    }
}
