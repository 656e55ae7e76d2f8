//! `stakeout doctor`: checks whether this machine can run the daemon, and says how to fix what is wrong.

use clap::Args;

use crate::cli::args::ConfigFile;

mod history;

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use daemon_control::ControlRequest;
use daemon_detector::RulesCache;
use daemon_download::runtime::{Backend, Prefer, Runtime};
use daemon_market::Nct;
use daemon_service::config::Config;
use daemon_service::control_client;
use daemon_service::memory::{self, MachineMemory, Shares};
use daemon_service::{build, secrets};
use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use crate::exit::Exit;
use crate::terminal::format::{bytes, counted, shown};

/// Arguments of `doctor`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 all checks are good, 1 some are poor, 2 some are bad: the daemon cannot run here."
)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Number of open files that a busy daemon needs for connections, artifacts and workers.
const FILES_MIN: u64 = 4096;
/// Free disk space below which a warning is given, in bytes.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// A clock before this time was never set: the day this line was written, in seconds since 1970.
const EARLIEST: i64 = 1_795_000_000;

/// Result of a check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum CheckStatus {
    Good,
    Poor,
    Bad,
}

/// One check.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    health: CheckStatus,
    seen: String,
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

/// Runs `stakeout doctor`.
pub fn doctor(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let mut findings = Vec::new();
    let config = match build::config(args.config.path.as_deref())? {
        Ok(config) => {
            let seen = args.config.path.as_deref().map_or_else(|| "every key has its default".to_owned(), shown);
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
    findings.push(kernel());
    findings.push(edge(&config));
    findings.push(open_files());
    findings.push(memory(&config));
    findings.push(clock());
    findings.push(archive(&config.archive.directory));
    findings.push(disk(&config.archive.directory));
    findings.push(secret(&config));
    findings.push(port("webhook port", "webhook.listen", config.webhook.listen));
    findings.push(port("admin port", "admin.listen", config.admin.listen));
    findings.push(certificates(&config));
    findings.push(control(&config));
    findings.extend(rules_and_workers(&config));
    show(&findings, args.json, out)?;
    Ok(match findings.iter().map(|finding| finding.health).max() {
        None | Some(CheckStatus::Good) => Exit::Clean,
        Some(CheckStatus::Poor) => Exit::Found,
        Some(CheckStatus::Bad) => Exit::Error,
    })
}

fn show(findings: &[Finding], json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        serde_json::to_writer_pretty(&mut *out, findings)?;
        return Ok(writeln!(out)?);
    }
    for finding in findings {
        let (word, colour) = match finding.health {
            CheckStatus::Good => ("good", anstyle::AnsiColor::Green),
            CheckStatus::Poor => ("poor", anstyle::AnsiColor::Yellow),
            CheckStatus::Bad => ("BAD ", anstyle::AnsiColor::Red),
        };
        let style = colour.on_default();
        writeln!(out, "{style}{word}{style:#}  {:<14} {}", finding.what, finding.seen.replace('\n', "\n      "))?;
    }
    Ok(())
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

fn kernel() -> Finding {
    match std::fs::read_to_string("/proc/sys/kernel/osrelease") {
        Ok(release) => good("kernel", format!("Linux {}", release.trim())),
        Err(error) => poor("kernel", format!("cannot read /proc ({error}): the memory of workers cannot be limited")),
    }
}

fn edge(config: &Config) -> Finding {
    match Runtime::start(Prefer::Auto) {
        Ok((_, backend)) => match build::check_backend(config.intake.io, &backend) {
            Err(error) => bad("io_uring", error.to_string()),
            Ok(()) if matches!(backend, Backend::Uring) => good("io_uring", "available"),
            Ok(()) => poor("io_uring", format!("{backend}: large downloads and cold disks are slower")),
        },
        Err(error) => bad("io_uring", format!("cannot start the runtime: {error}")),
    }
}

fn open_files() -> Finding {
    // The hard limit counts: the soft one is raised to it at the start.
    match getrlimit(Resource::Nofile).maximum {
        Some(files) if files < FILES_MIN => poor(
            "open files",
            format!("the limit is {files}, at least {FILES_MIN} is recommended: set LimitNOFILE= in the unit"),
        ),
        files => {
            good("open files", files.map_or_else(|| "no limit".to_owned(), |files| format!("the limit is {files}")))
        }
    }
}

/// Checks whether the machine, or its control group, has as much memory as is configured.
fn memory(config: &Config) -> Finding {
    let Some(memory) = MachineMemory::look() else {
        return poor("memory", "/proc does not give the size of the memory: the configured limits are used");
    };
    let (there, shares) = (memory::told(&memory), Shares::of(config));
    if shares.cut.is_empty() {
        let (workers, worker) = (counted(shares.workers.get() as u64, "worker"), bytes(shares.worker));
        good(
            "memory",
            format!("{there}: enough for {workers} of {worker} and {} of artifacts", bytes(shares.artifacts)),
        )
    } else {
        poor("memory", format!("{there}, less than configured: {}", shares.cut.join("; ")))
    }
}

fn clock() -> Finding {
    let now = jiff::Timestamp::now();
    if now.as_second() < EARLIEST {
        return bad("clock", format!("the clock is wrong, it says {now:.0}: set it"));
    }
    // adjtimex would tell whether it is kept right; /run tells as much of systemd-timesyncd and chrony.
    let kept = ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.sock", "/run/ntpd.pid"];
    if kept.iter().any(|path| Path::new(path).exists()) {
        good("clock", format!("{now:.0}, synchronized"))
    } else {
        poor(
            "clock",
            format!(
                "{now:.0}; no time synchronization found, and deadlines of bounties depend on the clock: install chrony"
            ),
        )
    }
}

fn archive(directory: &Path) -> Finding {
    use rustix::fs::{Access, access};
    let place = shown(directory);
    if !directory.exists() {
        let parent = directory.ancestors().find(|parent| parent.exists()).unwrap_or(Path::new("/"));
        return match access(parent, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => good("archive", format!("{place} will be created")),
            Err(error) => bad("archive", format!("{place} does not exist and cannot be created: {error}")),
        };
    }
    use std::os::unix::fs::MetadataExt;
    if let Ok(about) = directory.metadata() {
        let us = rustix::process::geteuid().as_raw();
        let (owner, mode) = (about.uid(), about.mode() & 0o7777);
        if mode & 0o077 != 0 {
            return bad("archive", format!("other users can access {place} (mode {mode:o}): run `chmod 700`"));
        }
        if owner != us {
            let seen = format!("{place} belongs to user {owner}: the daemon must run as that user");
            // Root sees to the daemon of another; anybody else would be that daemon.
            return if us == 0 { good("archive", seen) } else { bad("archive", format!("{seen}, not as user {us}")) };
        }
    }
    match access(directory, Access::WRITE_OK | Access::EXEC_OK | Access::READ_OK) {
        Ok(()) => good("archive", format!("{place} is readable and writable")),
        Err(error) => bad("archive", format!("cannot write to {place}: {error}")),
    }
}

fn disk(directory: &Path) -> Finding {
    let there = directory.ancestors().find(|parent| parent.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(there) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let files = disk.f_favail;
            let seen = format!("{} and {files} files are free in {}", bytes(free), shown(there));
            // Some file systems count no files.
            if free < FREE_BYTES_MIN || (disk.f_files > 0 && files < 1_000) {
                poor("disk", seen)
            } else {
                good("disk", seen)
            }
        }
        Err(error) => bad("disk", format!("cannot get the free space: {error}")),
    }
}

fn secret(config: &Config) -> Finding {
    match secrets::load(&config.webhook) {
        Ok(_) => good("secret", "configured"),
        Err(error) => bad("secret", format!("{error:#}")),
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
    let mut loader = build::loader(config);
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
