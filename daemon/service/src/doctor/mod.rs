//! Whether this machine can run the daemon, and how to fix what is wrong: the checks of `stakeout doctor`.

mod clamd;
mod history;
mod machine;

use std::path::Path;

use anyhow::Context;
use daemon_base::format::counted;
use daemon_base::text::path as shown;
use daemon_control::ControlRequest;
use daemon_detector::RulesCache;
use daemon_market::Nct;
use serde::Serialize;

use crate::config::Config;
use crate::memory::Shares;
use crate::{build, control_client, secrets};

/// Result of a check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// Nothing to do.
    Good,
    /// The daemon runs, but worse than it could.
    Poor,
    /// The daemon cannot run.
    Bad,
}

/// One check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// What was checked.
    pub what: &'static str,
    /// How it is.
    pub health: CheckStatus,
    /// What was seen, and how to fix what is wrong. May have several lines.
    pub seen: String,
}

/// Checks the configuration file, or the defaults without one, and everything that a daemon with this configuration
/// needs.
///
/// # Errors
///
/// The configuration file cannot be read. What is wrong in it is a finding.
pub fn check(file: Option<&Path>) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let config = match build::config(file)? {
        Ok(config) => {
            let seen = file.map_or_else(|| "every key has its default".to_owned(), shown);
            findings.push(good("configuration", seen));
            config
        }
        Err(told) => {
            findings.push(bad("configuration", told));
            Config::default()
        }
    };
    findings.push(losses(&config));
    findings.extend(history::look(&config));
    findings.push(machine::kernel());
    findings.push(machine::edge(&config));
    findings.push(machine::open_files());
    findings.push(machine::memory(&config));
    findings.push(machine::clock());
    findings.push(machine::archive(&config.archive.directory));
    findings.push(machine::disk(&config.archive.directory));
    let (has_webhook, finding) = secret(&config);
    findings.push(finding);
    if has_webhook {
        findings.push(port("webhook port", "webhook.listen", config.webhook.listen));
    }
    findings.extend(clamd::look(&config));
    findings.push(port("admin port", "admin.listen", config.admin.listen));
    findings.push(certificates(&config));
    findings.push(control(&config));
    findings.extend(rules_and_workers(&config));
    Ok(findings)
}

fn good(what: &'static str, seen: impl Into<String>) -> Finding {
    Finding { what, health: CheckStatus::Good, seen: seen.into() }
}

fn poor(what: &'static str, seen: impl Into<String>) -> Finding {
    Finding { what, health: CheckStatus::Poor, seen: seen.into() }
}

fn bad(what: &'static str, seen: impl Into<String>) -> Finding {
    Finding { what, health: CheckStatus::Bad, seen: seen.into() }
}

/// Checks the stake and loss limits.
fn losses(config: &Config) -> Finding {
    let limits = config.market.purse_limits();
    let words = format!("balance {} NCT; {}", config.market.balance, build::limits_in_words(&limits));
    if config.market.balance == Nct::ZERO {
        return poor("purse", format!("{words}; market.balance is 0, so every limit in percent is 0"));
    }
    let losses = limits.losses;
    match (losses.day_max, losses.row_max, losses.drop_max_percent) {
        (None, None, None) => poor(
            "purse",
            format!("{words}: set market.loss_day_max, loss_row_max or loss_drop_max before staking real money"),
        ),
        _ => good("purse", words),
    }
}

/// Checks the webhook's secrets, and says whether there is a webhook.
fn secret(config: &Config) -> (bool, Finding) {
    match secrets::wanted(config) {
        Ok(Some(_)) => (true, good("secret", "configured")),
        Ok(None) => (false, good("secret", "none: there is no webhook")),
        Err(error) => (true, bad("secret", format!("{error:#}"))),
    }
}

fn port(what: &'static str, key: &str, address: std::net::SocketAddr) -> Finding {
    match std::net::TcpListener::bind(address) {
        Ok(_) => good(what, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            poor(what, format!("{address} is in use: by a running daemon, or else change {key}"))
        }
        Err(error) => bad(what, format!("cannot listen at {address}: {error}; change {key}")),
    }
}

/// Checks whether a running daemon answers on the control socket.
fn control(config: &Config) -> Finding {
    let socket = control_client::socket(config, &config.archive.directory);
    match control_client::ask(&socket, &ControlRequest::Health) {
        Ok(Some(_)) => good("control", format!("a daemon answers at {}", shown(&socket))),
        Ok(None) => good("control", format!("no daemon listens at {} now", shown(&socket))),
        Err(error) => poor("control", format!("{error:#}")),
    }
}

fn certificates(config: &Config) -> Finding {
    match config.answers.courier() {
        Ok(_) => good("TLS", "certificates loaded"),
        Err(error) => bad("TLS", format!("{error:#}")),
    }
}

/// Whether the directory exists and belongs to this user.
fn is_ours(directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    directory.metadata().is_ok_and(|about| about.uid() == rustix::process::geteuid().as_raw())
}

/// Loads the rules and has a worker scan the probes, as the daemon does at its start.
fn rules_and_workers(config: &Config) -> Vec<Finding> {
    let mut loader = build::loader(config, &Shares::of(config));
    // In the archive of another nothing is made.
    let in_archive = config.scan.rules_cache.as_os_str().is_empty();
    if in_archive && !is_ours(&config.archive.directory) {
        loader.options.cache = RulesCache::None;
    }
    let ready = match loader.load(false).context("no worker can scan with these rules") {
        Ok(ready) => ready,
        Err(error) => return vec![bad("workers", format!("{error:#}"))],
    };
    let rules = ready.fleet.rules();
    let counted = counted(rules.library().map_or(0, |library| library.rules().len()) as u64, "rule");
    let seen = format!("{counted}, generation {}", rules.generation());
    let rules = match ready.notices.is_empty() {
        true => good("rules", seen),
        false => poor("rules", format!("{seen}\n{}", ready.notices.join("\n"))),
    };
    let missing: Vec<&str> = ready.fleet.walls().missing().map(|wall| wall.name()).collect();
    let walls = match missing.is_empty() {
        true => good("workers", "probes scanned correctly, sandbox complete"),
        false => poor("workers", format!("this kernel lacks parts of the sandbox: {}", missing.join(", "))),
    };
    vec![rules, walls]
}
