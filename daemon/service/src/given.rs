//! The inputs of the daemon at its start: configuration, secrets, strategy, sockets. A mistake in them remains until a
//! person fixes it, so the exit code tells the service manager not to restart.

use anyhow::Context;
use daemon_archive::PrivateError;
use daemon_control::ControlSocketError;
use daemon_journal::JournalError;
use daemon_market::Betting;
use daemon_webhook::Secrets;

use super::sockets::Handed;
use super::{build, logs};
use crate::config::Config;
use crate::daemon::Options;

/// The inputs of the daemon.
pub struct Given {
    /// The configuration.
    pub config: Config,
    /// The webhook secrets.
    pub secrets: Secrets,
    /// The bid strategy and its settings.
    pub betting: Betting,
    /// Sockets passed by the service manager.
    pub handed: Handed,
}

/// Takes it, and begins to log.
pub fn take(args: &Options) -> anyhow::Result<Given> {
    // First, so that nothing that is started inherits them.
    let handed = Handed::take().context("cannot use the sockets passed by the service manager")?;
    let config = build::config_with(args.config.as_deref(), strategy(args))?.map_err(anyhow::Error::msg)?;
    logs::start(&config.log)?;
    let secrets = build::secrets(&config.webhook)?;
    let betting = build::betting(&config.market)?;
    Ok(Given { config, secrets, betting, handed })
}

/// The strategy that overrides the configuration. An empty one, as from an empty BID_STRATEGY, is ignored.
pub fn strategy(args: &Options) -> Option<&str> {
    args.bid_strategy.as_deref().filter(|name| !name.is_empty())
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
