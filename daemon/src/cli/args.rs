//! Arguments that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use daemon_base::{Cancel, duration, size};
use daemon_detector::MEMORY_BYTES_MIN;
use daemon_engine::Limits;
use daemon_market::{BidBounds, Nct};
use daemon_scan::Paths;
use daemon_walk::{Policy, Separator, Symlinks};

/// Which files to scan.
#[derive(Args, Debug)]
pub(crate) struct WalkArgs {
    /// Files and directories. For `scan`, `-` is standard input.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Read paths from FILE, one per line. `-` is standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files_from: Option<PathBuf>,
    /// Separate the paths of --files-from with NUL bytes instead of newlines, as `find -print0` does.
    #[arg(long, short = '0', requires = "files_from")]
    pub null: bool,
    /// Do not cross into other file systems than those of the given paths.
    #[arg(long, short = 'x')]
    pub one_file_system: bool,
    /// Follow symbolic links found in directories. Links given as arguments are always followed.
    #[arg(long, short = 'L')]
    pub follow: bool,
}

impl WalkArgs {
    /// Returns these arguments as policy of a walk.
    pub(crate) fn policy(&self) -> Policy {
        let symlinks = if self.follow { Symlinks::All } else { Symlinks::Named };
        Policy { symlinks, one_file_system: self.one_file_system, ..Policy::default() }
    }

    /// Checks the paths, and opens the list of files. Standard input ends where `stop` is set.
    pub(crate) fn open(&self, stop: &Cancel) -> anyhow::Result<Paths> {
        let separator = if self.null { Separator::Nul } else { Separator::Newline };
        Paths::open(&self.paths, self.files_from.as_deref().map(|list| (list, separator)), stop)
    }
}

/// Which rules and weights to use.
#[derive(Args, Clone, Debug)]
pub(crate) struct RulesArgs {
    /// Add the YARA rules in DIR and its subdirectories. DIR/weights.toml, if present, replaces the built-in weights, and
    /// DIR/pe.model.json, DIR/elf.model.json or DIR/office.model.json the built-in model. May be repeated.
    #[arg(long = "rules", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directories: Vec<PathBuf>,
    /// Do not use the built-in YARA rules.
    #[arg(long)]
    pub no_shipped_rules: bool,
    /// Do not use any YARA rules.
    #[arg(long)]
    pub no_yara: bool,
    /// Cache compiled rules in DIR. Default: stakeout/rules in the user's cache directory.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub rules_cache: Option<PathBuf>,
    /// Compile the rules again, and do not cache them.
    #[arg(long, conflicts_with = "rules_cache")]
    pub no_rules_cache: bool,
    /// Program to run as worker and rules compiler. Default: stakeout-worker in the directory of this program, or else
    /// this program.
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::ExecutablePath)]
    pub worker: Option<PathBuf>,
}

/// Limits for scanning one file.
#[derive(Args, Debug)]
pub(crate) struct LimitArgs {
    /// Maximum size of a file, in bytes or with K, M or G. Larger files get the verdict unknown.
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = size::parse)]
    pub max_size: u64,
    /// Maximum time to scan one file, from 10ms to 1h. A file that takes longer gets the verdict unknown, unless the
    /// evidence found so far makes it malicious.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_wait)]
    pub max_time: Duration,
    /// Maximum memory of a worker, in bytes or with K, M or G; at least 16M. A file that needs more gets the verdict
    /// unknown. Ignored with --in-process.
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = parse_memory)]
    pub max_memory: u64,
}

impl LimitArgs {
    /// Returns these arguments as scan limits.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            artifact_bytes_max: self.max_size,
            wall_time_max: self.max_time,
            memory_bytes_max: self.max_memory,
            ..Limits::default()
        }
    }
}

/// Which process scans files.
#[derive(Args, Debug)]
pub(crate) struct WallArgs {
    /// Scan in this process instead of in sandboxed worker processes. For debugging and comparison only: a file that
    /// crashes an analyzer ends the scan.
    #[arg(long)]
    pub in_process: bool,
}

/// Limits of bids.
#[derive(Args, Debug)]
pub(crate) struct BidArgs {
    /// Minimum bid on an artifact, in NCT.
    #[arg(long, value_name = "NCT", default_value = "0.0625")]
    pub min_bid: Nct,
    /// Maximum bid on an artifact, in NCT.
    #[arg(long, value_name = "NCT", default_value = "1")]
    pub max_bid: Nct,
}

/// Which configuration file to use.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigFile {
    /// Configuration file of the daemon. Without it, every key has its default.
    #[arg(long = "config", short = 'c', value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub path: Option<PathBuf>,
}

/// Which archive to use.
#[derive(Args, Clone, Debug)]
pub(crate) struct ArchivePlace {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Directory of the archive. Overrides archive.directory of the configuration. The archive of dry runs is its
    /// subdirectory `dry-run`.
    #[arg(long = "archive", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
}

/// Parses a time to wait: a duration (`250ms`, `5s`, `2m`) or a number of seconds (`5`, `0.5`), from 10ms to 1h.
pub(crate) fn parse_wait(text: &str) -> Result<Duration, String> {
    let seconds = || text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let bounds = Duration::from_millis(10)..=Duration::from_secs(3600);
    duration::parse(text)
        .ok()
        .or_else(seconds)
        .filter(|time| bounds.contains(time))
        .ok_or_else(|| format!("`{text}` is not a duration from 10ms to 1h: use for example 500ms, 5s or 2m"))
}

/// Parses the memory limit of a worker, which is at least `MEMORY_BYTES_MIN`.
fn parse_memory(text: &str) -> Result<u64, String> {
    let bytes = size::parse(text).map_err(|error| error.to_string())?;
    if bytes < MEMORY_BYTES_MIN {
        return Err("a worker needs at least 16M".to_owned());
    }
    Ok(bytes)
}

/// Returns the limits of bids, or an error if the minimum exceeds the maximum.
pub(crate) fn bounds(args: &BidArgs) -> anyhow::Result<BidBounds> {
    if args.min_bid > args.max_bid {
        anyhow::bail!("--min-bid {} exceeds --max-bid {}", args.min_bid, args.max_bid);
    }
    Ok(BidBounds { min: args.min_bid, max: args.max_bid })
}
