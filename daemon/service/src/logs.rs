//! The log: one event a line, as text, JSON or to the system's journal.

use std::io::IsTerminal;

use anyhow::{Context, bail};
use daemon_config::{choice, section};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

choice! {
    /// In which form the log is written.
    LogFormat: "\"text\", \"json\" or \"journald\"" {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
        /// To the system's journal, field by field.
        Journald = "journald",
    }
}

section! {
    check = check_log;

    /// Logging.
    pub struct LogConfig {
        /// Format: "text", "json" or "journald".
        format: LogFormat = LogFormat::Text;
        /// Level: error, warn, info, debug or trace.
        level: String = "info".to_owned();
    }
}

fn check_log(config: &LogConfig, wrong: &mut dyn FnMut(String)) {
    if let Err(error) = filter(&config.level) {
        wrong(error.to_string());
    }
}

/// Begins to log, to standard error or to the journal.
///
/// # Errors
///
/// If the level is unknown, systemd's journal cannot be reached, or logging was started before.
pub fn start(log: &LogConfig) -> anyhow::Result<()> {
    let filter = filter(&log.level)?;
    let registry = tracing_subscriber::registry().with(filter);
    let line = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    match log.format {
        LogFormat::Text => registry.with(line.with_ansi(std::io::stderr().is_terminal())).try_init(),
        LogFormat::Json => registry.with(line.json().flatten_event(true)).try_init(),
        LogFormat::Journald => {
            let journal = tracing_journald::layer()
                .context("cannot reach the journal at /run/systemd/journal: set log.format to \"text\" or \"json\"")?;
            registry.with(journal.with_syslog_identifier("stakeout".to_owned())).try_init()
        }
    }
    .context("cannot start logging")
}

/// Filter of log events: those of this project at the level, those of libraries from warnings on.
///
/// # Errors
///
/// If there is no such level.
pub fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    if !["error", "warn", "info", "debug", "trace"].contains(&level) {
        bail!("level must be error, warn, info, debug or trace, not {level:?}");
    }
    let others = if level == "error" { "error" } else { "warn" };
    let ours = ["stakeout", "daemon_"];
    let directives = ours.map(|name| format!("{name}={level}")).join(",");
    Ok(EnvFilter::new(format!("{others},{directives}")))
}
