//! SIGHUP: checks the rules and reloads the secrets.
//!
//! The configuration is read again too, for which files hold the secrets stands there. What else has changed in it waits
//! for the next start, and the log says so: what bounties were taken under must hold until they have ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use anyhow::Context;
use daemon_config::Configuration;
use daemon_detector::Nudge;
use daemon_webhook::Secrets;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::{build, secrets};
use crate::config::Config;

/// The one key that counts at once.
const SECRET_FILES: (&str, &str) = ("webhook", "secret_files");

/// SIGHUP from the start on: one that comes before anybody could do what it asks for must not end the daemon.
pub(crate) fn listen_early() -> anyhow::Result<Arc<AtomicBool>> {
    let asked = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&asked)).context("cannot listen for SIGHUP")?;
    Ok(asked)
}

/// What SIGHUP reloads.
pub(crate) struct Reload {
    /// The configuration's file, if there is one.
    pub path: Option<PathBuf>,
    /// The strategy that goes before the configuration's.
    pub strategy: Option<String>,
    /// Configuration at the start of the daemon.
    pub config: Config,
    /// Webhook secrets, if there is a webhook. Their clones change with them.
    pub secrets: Option<Secrets>,
    /// Have the rules looked at.
    pub nudges: Vec<Sender<Nudge>>,
    /// Whether SIGHUP came before this was ready.
    pub early: Arc<AtomicBool>,
}

impl Reload {
    /// Reloads at every SIGHUP. Never returns.
    pub(crate) fn whenever_asked(self) -> anyhow::Result<impl Future<Output = ()>> {
        let mut hangups = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
        Ok(async move {
            if self.early.load(Ordering::Relaxed) {
                self.now().await;
            }
            while hangups.recv().await.is_some() {
                self.now().await;
            }
        })
    }

    async fn now(&self) {
        for nudge in &self.nudges {
            // The threads that watch the rules end after us.
            let _ = nudge.send(Nudge::Asked);
        }
        let (path, strategy) = (self.path.clone(), self.strategy.clone());
        // Files may lie where reading them takes long.
        let read = spawn_blocking(move || read(path, strategy)).await;
        match read.unwrap_or_else(|error| Err(error.into())) {
            Ok((config, secrets, count)) => {
                match (&self.secrets, &secrets) {
                    (Some(before), Some(secrets)) => {
                        before.replace(secrets);
                        info!(secrets = count, "webhook secrets reloaded");
                    }
                    (None, None) => {}
                    (before, _) => {
                        let has_webhook = before.is_some();
                        warn!(has_webhook, "whether there is a webhook is decided at the start: restart the daemon");
                    }
                }
                let later = changed(&self.config, &config);
                if !later.is_empty() {
                    warn!(keys = later.join(", "), "changed keys take effect at the next start");
                }
            }
            Err(error) => error!(why = format!("{error:#}"), "configuration reload rejected"),
        }
    }
}

fn read(path: Option<PathBuf>, strategy: Option<String>) -> anyhow::Result<(Config, Option<Secrets>, usize)> {
    let config = build::config_with(path.as_deref(), strategy.as_deref())?;
    let config = config.map_err(|told| anyhow::anyhow!("the configuration is wrong\n{told}"))?;
    let count = config.webhook.secret_files.len().max(1);
    let secrets = secrets::wanted(&config)?;
    Ok((config, secrets, count))
}

/// The keys that have another value, but for those that count at once.
fn changed(before: &Config, after: &Config) -> Vec<String> {
    let mut changed = Vec::new();
    for section in Config::SECTIONS {
        let keys = (section.show)(before).into_iter().zip((section.show)(after));
        for ((key, _, before), (_, _, after)) in keys {
            if (section.name, key) != SECRET_FILES && before != after {
                changed.push(format!("{}.{key}", section.name));
            }
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_only_after_a_restart_is_named() {
        let before = Config::default();
        let mut after = before.clone();
        assert_eq!(changed(&before, &after), Vec::<String>::new());
        after.webhook.secret_files = vec!["/etc/stakeout/webhook.secret".into()];
        assert_eq!(changed(&before, &after), Vec::<String>::new(), "that counts at once");
        after.market.open_max += 1;
        after.log.level = "debug".to_owned();
        assert_eq!(changed(&before, &after), ["market.open_max", "log.level"]);
    }
}
