//! What the daemon is given before it is built: configuration, secrets, sockets. What is wrong with these stays wrong until a
//! person changes it, so the service manager is told by the exit code not to try again.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use daemon_archive::PrivateError;
use daemon_clamd::ClamdSocketError;
use daemon_control::ControlSocketError;
use daemon_journal::JournalError;
use daemon_market::Effect;
use daemon_webhook::Secrets;
use tracing::Dispatch;

use crate::config::Config;
use crate::sockets::Handed;
use crate::transport::Transport;
use crate::{build, logs, secrets};

/// How the daemon is started by its command.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// The configuration file. None: every key has its default.
    pub config: Option<PathBuf>,
    /// The bid strategy, which overrides the configuration's.
    pub bid_strategy: Option<String>,
    /// Whether answers are recorded, in an archive of their own, and not sent.
    pub dry_run: bool,
    /// Called before each effect is performed: for tests of sudden death. The shipped command has none.
    pub before_effect: Option<fn(&Effect)>,
    /// Makes a further transport, on the thread that becomes the edge: for tests. The shipped command has none.
    pub transport: Option<fn() -> Rc<dyn Transport>>,
}

/// Makes a transport.
pub type MakeTransport = Box<dyn FnOnce() -> Rc<dyn Transport> + Send>;

/// What a daemon is built of.
pub struct Given {
    /// The configuration.
    pub config: Config,
    /// The webhook secrets. None: there is no webhook.
    pub secrets: Option<Secrets>,
    /// Whether answers are recorded, in an archive of their own, and not sent.
    pub dry_run: bool,
    /// Called before each effect is performed: for tests of sudden death.
    pub before_effect: Option<fn(&Effect)>,
    /// What makes further transports, on the thread that becomes the edge.
    pub transports: Vec<MakeTransport>,
    /// Where the daemon logs, on all of its threads.
    pub log: Dispatch,
    /// Sockets passed by the service manager.
    pub(crate) handed: Handed,
    /// How the command was called. None: the daemon is a part of another program, and listens for no signals.
    pub(crate) command: Option<CommandLine>,
}

/// How the command was called, for what is read anew at SIGHUP.
pub(crate) struct CommandLine {
    /// The configuration's file, if there is one.
    pub path: Option<PathBuf>,
    /// The strategy that overrides the configuration's.
    pub strategy: Option<String>,
    /// Whether SIGHUP came already.
    pub early: Arc<AtomicBool>,
}

impl Given {
    /// For a daemon that is a part of another program: it ends by its [`Stopper`](crate::daemon::Stopper) alone, and logs
    /// where this thread does now.
    pub fn new(config: Config, secrets: impl Into<Option<Secrets>>) -> Given {
        Given {
            config,
            secrets: secrets.into(),
            dry_run: false,
            before_effect: None,
            transports: Vec::new(),
            log: current_log(),
            handed: Handed::default(),
            command: None,
        }
    }
}

/// Takes what the command is given, and begins to log.
pub(crate) fn take(options: &StartOptions, early: Arc<AtomicBool>) -> anyhow::Result<Given> {
    // First, so that nothing that is started inherits them.
    let handed = Handed::take().context("cannot use the sockets passed by the service manager")?;
    let strategy = strategy(options);
    let config = build::config_with(options.config.as_deref(), strategy)?.map_err(anyhow::Error::msg)?;
    logs::start(&config.log)?;
    let secrets = secrets::wanted(&config)?;
    let command = CommandLine { path: options.config.clone(), strategy: strategy.map(str::to_owned), early };
    let StartOptions { dry_run, before_effect, transport, .. } = *options;
    let transports = transport.into_iter().map(|make| Box::new(make) as MakeTransport).collect();
    let log = current_log();
    Ok(Given { config, secrets, dry_run, before_effect, transports, log, handed, command: Some(command) })
}

fn current_log() -> Dispatch {
    tracing::dispatcher::get_default(Clone::clone)
}

/// The strategy that overrides the configuration's; an empty one, as from an empty BID_STRATEGY, is none.
fn strategy(options: &StartOptions) -> Option<&str> {
    options.bid_strategy.as_deref().filter(|name| !name.is_empty())
}

/// Whether an error stays until a person does something about it, so that to try again helps nothing.
pub fn is_lasting(error: &anyhow::Error) -> bool {
    if let Some(error) = error.downcast_ref::<JournalError>() {
        return match error {
            JournalError::Newer { .. } | JournalError::Foreign { .. } | JournalError::Shortened { .. } => true,
            JournalError::Private(why) => why.downcast_ref().is_some_and(stays),
            _ => false,
        };
    }
    if let Some(daemon_archive::StoreError::Private(why)) = error.downcast_ref() {
        return stays(why);
    }
    if let Some(error) = error.downcast_ref::<ClamdSocketError>() {
        return error.is_lasting();
    }
    error.downcast_ref::<ControlSocketError>().is_some_and(ControlSocketError::is_lasting)
}

fn stays(why: &PrivateError) -> bool {
    matches!(why, PrivateError::Owner { .. } | PrivateError::Open { .. } | PrivateError::NotAFile { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_person_must_mend_is_not_tried_again() {
        let lasting = |error: JournalError| is_lasting(&anyhow::Error::new(error).context("cannot use the archive"));
        let private = |error: PrivateError| JournalError::from(error);
        assert!(lasting(private(PrivateError::Owner { path: "a".into(), owner: 1, us: 2 })));
        assert!(lasting(private(PrivateError::Open { path: "a".into(), mode: 0o755 })));
        assert!(lasting(JournalError::Newer { path: "a".into(), found: 9, known: 2 }));
        let full = std::io::Error::from_raw_os_error(28);
        assert!(!lasting(private(PrivateError::System { what: "making", path: "a".into(), source: full })));
        assert!(!lasting(JournalError::Full));
        assert!(!lasting(JournalError::Locked { path: "a".into(), pid: None }), "who has it may be about to end");
        assert!(is_lasting(&ControlSocketError::Nameless.into()));
    }
}
