//! Arguments that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use daemon_base::{duration, size};
use daemon_engine::Limits;
use daemon_market::{BidBounds, Nct};
use daemon_service::build::MEMORY_BYTES_MIN;

/// Where to look, and where not.
#[derive(Args, Debug)]
pub struct WalkArgs {
    /// Files and directories; for `scan`, `-` is standard input.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Read paths from FILE, one a line; `-` is standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files_from: Option<PathBuf>,
    /// Paths read by --files-from end with a NUL byte rather than a newline, as `find -print0` writes them.
    #[arg(long, short = '0', requires = "files_from")]
    pub null: bool,
    /// Stay on the file systems of the given paths.
    #[arg(long, short = 'x')]
    pub one_file_system: bool,
    /// Follow symbolic links found in directories. Those given by name are always followed.
    #[arg(long, short = 'L')]
    pub follow: bool,
}

/// Which rules to judge by.
#[derive(Args, Clone, Debug)]
pub struct RulesArgs {
    /// Use the YARA rules beneath DIR too, and DIR/weights.toml rather than the weights built in. May be repeated.
    #[arg(long = "rules", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directories: Vec<PathBuf>,
    /// Leave out the YARA rules built in.
    #[arg(long)]
    pub no_shipped_rules: bool,
    /// Use no YARA rules at all.
    #[arg(long)]
    pub no_yara: bool,
    /// Keep compiled rules in DIR. Default: stakeout/rules below the user's cache directory.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub rules_cache: Option<PathBuf>,
    /// Compile the rules anew, and do not keep them.
    #[arg(long, conflicts_with = "rules_cache")]
    pub no_rules_cache: bool,
    /// Run workers and the rules compiler in this program. Default: stakeout-worker beside this one, else itself.
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::ExecutablePath)]
    pub worker: Option<PathBuf>,
}

/// What one file may cost.
#[derive(Args, Debug)]
pub struct LimitArgs {
    /// Largest file examined: bytes, or with K, M or G. Larger ones are unknown.
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = size::parse)]
    pub max_size: u64,
    /// Longest that one file is examined. What takes longer is unknown, unless it is malicious already.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_wait)]
    pub max_time: Duration,
    /// Most memory that a worker may take for one file: bytes, or with K, M or G, from 16M. What takes more is unknown. Does
    /// not hold with --in-process.
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = parse_memory)]
    pub max_memory: u64,
}

impl LimitArgs {
    /// The limits they come to.
    pub fn limits(&self) -> Limits {
        Limits {
            artifact_bytes_max: self.max_size,
            wall_time_max: self.max_time,
            memory_bytes_max: self.max_memory,
            ..Limits::default()
        }
    }
}

/// Where files are examined.
#[derive(Args, Debug)]
pub struct WallArgs {
    /// Examine in this process rather than behind the wall, in worker processes that can do nothing else. For
    /// comparison: a file that crashes an analyzer then ends the scan.
    #[arg(long)]
    pub in_process: bool,
}

/// Between what bids may lie.
#[derive(Args, Debug)]
pub struct BidArgs {
    /// Least that may be bid on an artifact, in NCT.
    #[arg(long, value_name = "NCT", default_value = "0.0625")]
    pub min_bid: Nct,
    /// Most that may be bid on an artifact, in NCT.
    #[arg(long, value_name = "NCT", default_value = "1")]
    pub max_bid: Nct,
}

/// Which configuration.
#[derive(Args, Debug)]
pub struct ConfigFile {
    /// The daemon's configuration. Without it every key has its default.
    #[arg(long = "config", short = 'c', value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub path: Option<PathBuf>,
}

/// Where the archive is.
#[derive(Args, Debug)]
pub struct ArchivePlace {
    #[command(flatten)]
    pub config: ConfigFile,
    /// The archive's directory, whatever the configuration says. That of dry runs is `dry-run` in it.
    #[arg(long = "archive", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
}

/// Reads how long to wait: a duration (`250ms`, `5s`, `2m`), or a number of seconds (`5`, `0.5`).
pub fn parse_wait(text: &str) -> Result<Duration, String> {
    let seconds = || text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let bounds = Duration::from_millis(10)..=Duration::from_secs(3600);
    duration::parse(text)
        .ok()
        .or_else(seconds)
        .filter(|time| bounds.contains(time))
        .ok_or_else(|| format!("`{text}` is no duration from 10ms to 1h, like 500ms, 5s or 2m"))
}

/// Reads how much memory a worker may take: a size that one can work with.
fn parse_memory(text: &str) -> Result<u64, String> {
    let bytes = size::parse(text).map_err(|error| error.to_string())?;
    if bytes < MEMORY_BYTES_MIN {
        return Err("a worker needs at least 16M".to_owned());
    }
    Ok(bytes)
}

/// The bounds of bids, checked.
pub fn bounds(args: &BidArgs) -> anyhow::Result<BidBounds> {
    if args.min_bid > args.max_bid {
        anyhow::bail!("--min-bid {} is more than --max-bid {}", args.min_bid, args.max_bid);
    }
    Ok(BidBounds { min: args.min_bid, max: args.max_bid })
}
