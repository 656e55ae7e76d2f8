//! The edge thread: one thread that waits for everything that comes over the network, and drives the lives of bounties.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::Context;
use daemon_control::ControlSocket;
use daemon_detector::Nudge;
use daemon_journal::{Pending, PendingAssertion};
use daemon_market::Event;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_local};
use tracing::{error, info};

use crate::admin::{self, Admin, Hosts};
use crate::clamd::{ClamdParts, ClamdThread};
use crate::control::OperatorDesk;
use crate::engine::Engine;
use crate::given::Given;
use crate::health::Health;
use crate::live::LiveView;
use crate::metrics::Metrics;
use crate::reception::reception;
use crate::reload::Reload;
use crate::settlements::inbox::Inbox;
use crate::transport::{Local, Transport};
use crate::{inbox_reader, notify};

/// Maximum time for open bounties at a shutdown.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// How often metrics are cleaned up.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Everything on the edge thread.
pub(crate) struct Edge {
    pub engine: Rc<Engine>,
    pub metrics: Metrics,
    pub events: UnboundedReceiver<Event>,
    pub pending: Vec<Pending>,
    pub assertions: Vec<PendingAssertion>,
    /// Why the purse closes by what was recorded, where that itself is not.
    pub closed: Option<String>,
    /// Requests of the inbox thread.
    pub asks: UnboundedReceiver<inbox_reader::InboxRequest>,
    pub inbox: Inbox,
    /// What serves the live page.
    pub live: LiveView,
    /// Have the rules looked at: the live ones, and those of the shadow set.
    pub nudges: Vec<Sender<Nudge>>,
    pub transports: Vec<Rc<dyn Transport>>,
    /// Where the webhook listens, if there is one.
    pub webhook_address: Option<SocketAddr>,
    pub admin: TcpListener,
    /// The server of clamd's protocol, if there is one.
    pub clamd: Option<ClamdParts>,
    pub stopper: Stopper,
}

impl Edge {
    /// Runs it until the daemon is asked to end, or cannot go on. Operators come in by `control`.
    pub(crate) async fn run(self, given: &Given, control: Option<&ControlSocket>) -> anyhow::Result<()> {
        let Edge {
            engine,
            metrics,
            mut events,
            pending,
            assertions,
            closed,
            asks,
            inbox,
            live,
            nudges,
            transports,
            webhook_address,
            admin,
            clamd,
            stopper,
        } = self;
        let config = &given.config;
        let mut signals = given.command.as_ref().map(|_| Signals::listen()).transpose();
        let signals = signals.as_mut().map_err(|error| anyhow::anyhow!("cannot listen for signals: {error}"))?;
        let admin_listener = tokio::net::TcpListener::from_std(admin).context("cannot set up a listener")?;
        let health = Health::new(&engine, config.scan.time_max);
        // None of these ever ends, unless by a bug: then the daemon does, and is started anew.
        let mut vital = JoinSet::new();
        vital.spawn_local(Rc::clone(&engine).ring());
        vital.spawn_local(Rc::clone(&engine).write_endings());
        vital.spawn_local(Rc::clone(&health).watch());
        if let Some(why) = closed {
            engine.happen(Event::FoundClosed { why });
        }
        vital.spawn_local(inbox_reader::hear(Rc::clone(&engine), asks));
        vital.spawn_local(Rc::clone(&engine).watch_alarms());
        vital.spawn_local(Rc::clone(&engine).let_go(config.archive.details_age_max));
        let heard = Rc::clone(&engine);
        vital.spawn_local(async move {
            while let Some(event) = events.recv().await {
                heard.happen(event);
            }
        });
        if let Some(command) = &given.command {
            let reload = Reload {
                path: command.path.clone(),
                strategy: command.strategy.clone(),
                config: config.clone(),
                secrets: given.secrets.clone(),
                nudges,
                early: Arc::clone(&command.early),
            };
            spawn_local(reload.whenever_asked()?);
        }
        let exporter = metrics.exporter();
        let upkeep = exporter.clone();
        spawn_local(async move {
            loop {
                tokio::time::sleep(UPKEEP_INTERVAL).await;
                upkeep.run_upkeep();
            }
        });
        let address = admin_listener.local_addr().context("the admin socket has no address")?;
        let admin = Rc::new(Admin {
            metrics: exporter,
            health: Rc::clone(&health),
            engine: Rc::clone(&engine),
            live,
            hosts: Hosts::of(address, &config.admin.hosts),
        });
        info!(%address, "admin server listening");
        spawn_local(admin::serve(admin_listener, admin));
        let entrance = control.map(ControlSocket::open).transpose().context("cannot open the control socket")?;
        if let Some(entrance) = entrance {
            let (engine, health) = (Rc::clone(&engine), Rc::clone(&health));
            let desk = OperatorDesk { engine, health, inbox, dry_run: given.dry_run };
            spawn_local(async move {
                let Err(error) = daemon_control::serve(entrance, desk).await;
                error!(why = error.to_string(), "control socket failed");
            });
        }

        if let Some(backends) = &engine.parts.backends {
            backends.start(&metrics)?;
        }
        assertions.into_iter().for_each(|assertion| engine.recover_assertion(assertion));
        pending.into_iter().for_each(|pending| engine.recover(pending));
        let (stop, stopped) = watch::channel(false);
        let mut serving = JoinSet::new();
        for transport in &transports {
            let reception = reception(Rc::clone(&engine), Rc::clone(&health), Rc::clone(transport));
            let mut stopped = stopped.clone();
            let stopped: Local<'static, ()> = Box::pin(async move {
                // That nobody can stop it any more stops it too.
                let _ = stopped.wait_for(|stop| *stop).await;
            });
            serving.spawn_local(Rc::clone(transport).receive(reception, stopped));
        }
        let mut clamd = clamd.map(|parts| parts.start(config, metrics.clone(), given.log.clone())).transpose()?;
        match webhook_address {
            Some(address) => info!(%address, "webhook listening"),
            None => info!("no webhook: no secret is configured"),
        }
        health.takes(true);
        notify::ready(&match webhook_address {
            Some(address) => format!("receiving bounties at {address}"),
            None => "running without a webhook".to_owned(),
        });

        let failure = tokio::select! {
            () = stopper.0.notified() => None,
            () = Signals::asked(signals.as_mut()) => None,
            why = engine.failure() => Some(why),
            why = clamd_failure(clamd.as_mut()) => Some(why),
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
        let _ = stop.send(true);
        let clamd_stopped = async {
            if let Some(clamd) = clamd {
                clamd.stop().await;
            }
        };
        tokio::join!(engine.drain(DRAIN_TIME_MAX), clamd_stopped);
        let _ = tokio::time::timeout(DRAIN_TIME_MAX, async { while serving.join_next().await.is_some() {} }).await;
        engine.close().await;
        Ok(())
    }
}

/// Why the server of clamd's protocol ended; never, where there is none.
async fn clamd_failure(clamd: Option<&mut ClamdThread>) -> anyhow::Error {
    match clamd {
        Some(clamd) => clamd.failure().await,
        None => std::future::pending().await,
    }
}

/// Ends a daemon, from any thread.
#[derive(Clone, Default, Debug)]
pub struct Stopper(Arc<Notify>);

impl Stopper {
    /// Asks the daemon to end. It answers what it took first, for some seconds at most.
    pub fn stop(&self) {
        self.0.notify_one();
    }
}

/// SIGTERM, and Ctrl-C.
struct Signals {
    terminated: Signal,
    interrupted: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        let (terminated, interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Signals { terminated, interrupted })
    }

    /// When one of them came; never, where nobody listens.
    async fn asked(signals: Option<&mut Signals>) {
        let Some(Signals { terminated, interrupted }) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    }
}
