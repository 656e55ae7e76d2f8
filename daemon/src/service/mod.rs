//! `stakeout daemon`: the microengine as a service.
//!
//! One edge thread waits for everything that comes over the network and drives the lives of bounties; the pool's
//! threads drive the workers; the journal, the artifact store and the rules have a thread each. What holds between them:
//! a bounty is written down before it is taken, an answer before it is sent, and what is written down is done after a
//! restart just as it would have been without.

mod admin;
mod alarms;
pub mod clock;
mod control;
mod crash;
mod engine;
mod examining;
mod gate;
mod given;
mod health;
mod inbox;
pub mod judge;
pub mod logs;
mod meters;
mod notify;
pub mod old;
mod perform;
pub mod probe;
mod process;
mod reload;
mod reused;
pub mod rules_watch;
pub mod setup;
mod sockets;
pub mod standing;
mod streak;
mod visit;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use daemon_archive::Pending;
use daemon_control::{Door, Entrance};
use daemon_intake::runtime::Runtime;
use daemon_market::{Bounties, Event};
use daemon_pool::{Pool, PoolConfig, Rules};
use daemon_webhook::{Endpoint, Reply};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_local};
use tracing::{error, info, warn};

use crate::cli::DaemonArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::memory::{self, Memory, Shares};
use crate::outcomes::inbox::Inbox;

use admin::Admin;
use clock::Clock;
use control::Desk;
use engine::{Engine, Parts};
use examining::Examining;
use gate::Gate;
use given::Given;
use health::Health;
use reload::Reload;
use rules_watch::{Looking, Nudge, Ready, Watch};
use sockets::Handed;
use standing::{Attempt, Standing};

/// How long bounties that were taken have to be answered once we are asked to end.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// How often the counts are tidied up.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Runs the daemon until it is asked to end.
pub fn run(args: &DaemonArgs) -> anyhow::Result<Exit> {
    let early = reload::listen_early()?;
    let refused = |error: &anyhow::Error| {
        crate::judging::notice(&format!("{error:#}"));
        Ok(Exit::BadConfiguration)
    };
    let given = match given::take(args) {
        Ok(given) => given,
        Err(error) => return refused(&error),
    };
    info!(version = env!("CARGO_PKG_VERSION"), dry_run = args.dry_run, "starts");
    match serve(args, given, early) {
        Err(error) if given::is_lasting(&error) => refused(&error),
        done => done,
    }
}

/// The same, with what was given.
fn serve(args: &DaemonArgs, given: Given, early: Arc<AtomicBool>) -> anyhow::Result<Exit> {
    let Given { config, secrets, mut betting, mut handed } = given;
    let metrics = meters::start().context("cannot begin to count")?;
    let directory = setup::archive_directory(&config.archive, args.dry_run);
    // Both clocks at the same moment: from here on the purse goes by the steady one.
    let clock = Clock::start();
    let opened = setup::archive(&directory, &mut betting, &clock, setup::alarms(&config.alarms), meters::committed)?;
    setup::tell_limits(&config.market);
    let (archive, pending, alarms) = (opened.archive, opened.pending, opened.alarms);
    let store = setup::store(&config.archive)?;
    let loader = setup::loader(&config)?;
    let standing = Arc::new(Standing::new());
    // Before they are loaded, so that no change falls between.
    let looking = Looking::begin(&loader.args.directories);
    let began = clock::wall();
    let Ready { fleet, from_cache, notices } = loader.load(false)?;
    notices.iter().for_each(|text| warn!(text, "rules"));
    let attempt = Attempt::ended(began, clock::wall(), true, notices);
    rules_watch::took(&standing, fleet.rules(), from_cache, attempt);
    let status = standing.status();
    info!(generation = status.generation, rules = status.rules, from_cache, "rules loaded");

    let shares = Shares::of(&config);
    if let Some(memory) = Memory::look().filter(|_| !shares.cut.is_empty()) {
        let memory = memory::told(&memory);
        shares.cut.iter().for_each(|less| warn!(memory, "less memory than asked for: {less}"));
    }
    let threads = shares.workers;
    let (sender, events) = unbounded_channel();
    let pool_config = PoolConfig { threads, queued_max: setup::examining_max(threads) };
    let pool =
        Pool::start(pool_config, Rules::Walled(fleet), Examining { events: sender, standing: Arc::clone(&standing) });
    let pool = Arc::new(pool.context("cannot start the threads of the pool")?);
    let watch = Watch {
        loader,
        settle: config.scan.rules_settle_time,
        standing: Arc::clone(&standing),
        pool: Arc::clone(&pool),
    };
    let nudge = watch.start(looking)?;

    let (runtime, backend) = Runtime::start(setup::prefer(config.intake.io)).context("cannot start the edge thread")?;
    setup::check_backend(config.intake.io, &backend)?;
    info!(files = backend.to_string(), "the edge reads and writes");
    let parts = Parts {
        fetcher: setup::fetcher(&config, &backend)?,
        courier: setup::courier(&config.answers)?,
        product: setup::product(&config.answers),
        any_kind: config.scan.any_kind,
        fetch_time_max: config.intake.time_max,
        fee: config.market.assertion_fee,
        clock,
        archive,
        store,
        pool,
        standing,
    };
    let bounties = Bounties::new(setup::terms(&config, threads, args.dry_run), betting);
    let engine = Engine::new(parts, bounties, alarms);
    let asks = inbox::start(&directory)?;
    let closed = opened.closed;
    let reload = Reload {
        path: args.config.path.clone(),
        strategy: given::strategy(args).map(str::to_owned),
        config: config.clone(),
        secrets: secrets.clone(),
        nudge: nudge.clone(),
        early,
    };
    let door = control::door(handed.control.take(), &config, &directory)?;
    let entrance = door.as_ref().map(Door::open).transpose().context("cannot open the control socket")?;
    if let Some(door) = &door {
        info!(at = crate::words::shown(door.path()), group = door.group(), "the command line is answered");
    }
    let operators = (entrance, Inbox::of(&directory)?, args.dry_run);
    let edge =
        Edge { config: &config, engine, secrets, metrics, events, pending, closed, asks, handed, reload, operators };
    let ended = runtime.block_on(edge.run());
    // Not waited for: it may be compiling, and a look-up of a name may hang in the runtime. What counts is written down.
    let _ = nudge.send(Nudge::End);
    std::mem::forget(runtime);
    Ok(match ended {
        Ok(()) => {
            info!("ends");
            Exit::Clean
        }
        Err(error) => {
            error!(why = format!("{error:#}"), "cannot go on");
            Exit::Error
        }
    })
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
    /// What comes into the inbox.
    asks: UnboundedReceiver<inbox::Ask>,
    /// What the service manager handed over.
    handed: Handed,
    /// What is read anew at SIGHUP.
    reload: Reload,
    /// Where operators come in, where what they tell is put, and whether nobody is answered.
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
        let address = admins.local_addr().context("the admin's socket has no address")?;
        info!(%address, "operators are answered");
        spawn_local(admin::serve(admins, admin));
        let (entrance, inbox, dry_run) = operators;
        if let Some(entrance) = entrance {
            let desk = Desk { engine: Rc::clone(&engine), health: Rc::clone(&health), inbox, dry_run };
            spawn_local(async move {
                let Err(error) = daemon_control::serve(entrance, desk).await;
                error!(why = error.to_string(), "the command line is not answered any more");
            });
        }

        pending.into_iter().for_each(|pending| engine.recover(pending));
        let address = webhook.local_addr().context("the webhook's socket has no address")?;
        let (stop, stopped) = oneshot::channel::<()>();
        let gate = Gate::new(Rc::clone(&engine), Rc::clone(&health));
        let endpoint = Endpoint {
            secrets,
            path: None,
            gate,
            observer: |reply: Reply, _: Duration| meters::requested(reply.name()),
            limits: setup::server_limits(&config.webhook),
        };
        let serving = spawn_local(daemon_webhook::serve(webhook, endpoint, async {
            let _ = stopped.await;
        }));
        info!(%address, "bounties are taken");
        health.takes(true);
        notify::ready(&format!("taking bounties at {address}"));

        let failure = tokio::select! {
            () = ending.asked() => None,
            why = engine.failure() => Some(why),
            ended = vital.join_next() => Some(match ended {
                Some(Err(error)) => anyhow::anyhow!("a part of the edge ended by a bug: {error}"),
                Some(Ok(())) | None => anyhow::anyhow!("a part of the edge ended, which none ever should"),
            }),
        };
        health.takes(false);
        notify::stopping();
        if let Some(why) = failure {
            return Err(why.context("what was taken is taken up at the next start"));
        }
        info!(open = engine.open(), "asked to end: what was taken is answered first");
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
