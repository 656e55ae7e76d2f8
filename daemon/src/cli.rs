//! The command line, declared once: help, completions and man pages all come from here.

mod backtest;
mod demo;
mod local_market;
mod outcomes;
mod purse;
mod report;
mod when;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use daemon_base::{Sha256Digest, duration, size};
use daemon_engine::Limits;
use daemon_market::Nct;
use daemon_service::build::MEMORY_BYTES_MIN;

pub use backtest::BacktestArgs;
pub use demo::DemoArgs;
pub use local_market::LocalMarketArgs;
pub use outcomes::{OutcomesArgs, OutcomesCommand, OutcomesCorrectArgs, OutcomesForm, OutcomesImportArgs};
pub use purse::{PurseArgs, PurseCommand, PurseResumeArgs, PurseStatusArgs};
pub use report::ReportArgs;

/// A static scanner that says why, how sure it is, and what it would stake on its verdict.
#[derive(Parser, Debug)]
#[command(name = "stakeout", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 nothing malicious found, 1 something malicious found, 2 an error, or something \
could not be examined, 130 interrupted, 141 the reader of the output left.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Examine files, and say which are malicious and why.
    Scan(ScanArgs),
    /// Explain the verdict on one file: every indicator, its weight and place, the sum and the stake.
    Explain(ExplainArgs),
    /// Tell what files are, by magic bytes and structure, without examining them.
    Triage(TriageArgs),
    /// Check, list, test and time YARA rules.
    Rules(RulesCommandArgs),
    /// Take bounties from the marketplace, and answer them.
    Daemon(DaemonArgs),
    /// Check a configuration, or print a commented one.
    Config(ConfigArgs),
    /// Look into the memory of what was asked and answered.
    Archive(ArchiveArgs),
    /// Take in what the marketplace tells of settled bounties.
    Outcomes(OutcomesArgs),
    /// Show what was staked, what it came to, and how right we were.
    Report(ReportArgs),
    /// Try another strategy, or other weights or rules, on what was asked and answered.
    Backtest(BacktestArgs),
    /// Show what may still be risked, and open the purse after losses closed it.
    Purse(PurseArgs),
    /// Run a marketplace on loopback, to try an engine in.
    LocalMarket(LocalMarketArgs),
    /// See all of it at once: a marketplace on loopback, this engine in it, profit and loss at the end.
    Demo(DemoArgs),
    /// Try a webhook as the marketplace would.
    Webhook(WebhookArgs),
    /// Look whether this machine has what the daemon needs.
    Doctor(DoctorArgs),
    /// Ask a running daemon whether it works, and whether it takes bounties.
    Health(HealthArgs),
    /// List every indicator, with its weight, meaning, source and ATT&CK technique.
    Indicators(IndicatorsArgs),
    /// Print a shell's completion script.
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command.
    Man(ManArgs),
}

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

/// Arguments of `scan`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout scan /usr/bin                         a table of what stands out, and a summary
  stakeout scan --ndjson -x / > report.ndjson    one JSON object a file
  find . -newer stamp -print0 | stakeout scan -0 --files-from -
  ssh mail cat attachment | stakeout scan -")]
pub struct ScanArgs {
    #[command(flatten)]
    pub walk: WalkArgs,
    #[command(flatten)]
    pub rules: RulesArgs,
    #[command(flatten)]
    pub bid: BidArgs,
    #[command(flatten)]
    pub wall: WallArgs,
    /// How many threads examine. Default: one per processor.
    #[arg(long, short = 'j', value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Leave out kinds of files that no analyzer examines, before any rule is tried on them, as the daemon does.
    #[arg(long)]
    pub known_kinds: bool,
    /// Print one JSON document (see docs/json.md).
    #[arg(long, conflicts_with = "ndjson")]
    pub json: bool,
    /// Print one JSON object a line, as files are done (see docs/json.md).
    #[arg(long)]
    pub ndjson: bool,
    /// Show every file, not only those that stand out.
    #[arg(long, short = 'a', conflicts_with_all = ["json", "ndjson"])]
    pub all: bool,
    /// Show no summary and no progress.
    #[arg(long, short = 'q')]
    pub quiet: bool,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout explain suspicious.exe
  stakeout explain --min-bid 0.0625 --max-bid 1 suspicious.exe
  stakeout explain --bounty 1234567890123 --config /etc/stakeout.toml")]
pub struct ExplainArgs {
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "bounty")]
    pub file: Option<PathBuf>,
    /// Explain what was answered to the bounty with this id, and why it was bid on, or was not.
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    pub bounty: Option<String>,
    #[command(flatten)]
    pub archive: ArchivePlace,
    #[command(flatten)]
    pub rules: RulesArgs,
    #[command(flatten)]
    pub bid: BidArgs,
    #[command(flatten)]
    pub wall: WallArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Print the JSON object that `scan --json` would hold for this file.
    #[arg(long)]
    pub json: bool,
}

/// How files are opened and read by `triage`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Io {
    /// Begin plainly, and change to io_uring while files come from disk rather than memory.
    Auto,
    /// One file at a time.
    Plain,
    /// Many files in flight through io_uring, where the kernel allows it.
    Uring,
}

/// Arguments of `triage`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout triage /usr              kinds, how many of each, files per second
  stakeout triage --list ~/Downloads")]
pub struct TriageArgs {
    #[command(flatten)]
    pub walk: WalkArgs,
    /// Print the kind and path of every file.
    #[arg(long, short = 'l')]
    pub list: bool,
    /// Print JSON: with --list an object a line, else one of the counts.
    #[arg(long)]
    pub json: bool,
    /// How files are opened and read.
    #[arg(long, value_enum, default_value_t = Io::Auto)]
    pub io: Io,
}

/// Arguments of `rules`.
#[derive(Args, Debug)]
pub struct RulesCommandArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: RulesCommand,
}

/// What to do with rules.
#[derive(Subcommand, Debug)]
pub enum RulesCommand {
    /// Compile rules, and show every mistake with file, line and column.
    Check(RulesCheckArgs),
    /// List rules: weight, ATT&CK technique, id, file and line.
    List(RulesListArgs),
    /// Run the tests that stand beside rules (NAME.test.toml beside NAME.yar).
    Test(RulesTestArgs),
    /// Time each rule by itself on files.
    Bench(RulesBenchArgs),
    /// Ask a running daemon which rules it judges by, and what became of new ones.
    Status(RulesStatusArgs),
}

/// Which rules a command is about.
#[derive(Args, Debug)]
pub struct OwnRulesArgs {
    /// Directories of rules. Default: the rules built in.
    #[arg(id = "own_directories", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directories: Vec<PathBuf>,
    #[command(flatten)]
    pub rules: RulesArgs,
}

/// Arguments of `rules check`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout rules check /etc/stakeout/rules && systemctl reload stakeout")]
pub struct RulesCheckArgs {
    #[command(flatten)]
    pub own: OwnRulesArgs,
    /// Print a JSON array of mistakes.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rules list`.
#[derive(Args, Debug)]
pub struct RulesListArgs {
    #[command(flatten)]
    pub own: OwnRulesArgs,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rules test`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout rules test rules")]
pub struct RulesTestArgs {
    /// Directories of rules and their tests.
    #[arg(id = "own_directories", value_name = "DIR", value_hint = ValueHint::DirPath, required = true)]
    pub directories: Vec<PathBuf>,
    #[command(flatten)]
    pub rules: RulesArgs,
}

/// Arguments of `rules bench`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout rules bench rules --on /usr/bin --top 10")]
pub struct RulesBenchArgs {
    /// Directories of rules. Default: the rules built in.
    #[arg(id = "own_directories", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directories: Vec<PathBuf>,
    /// A file, or a directory whose files, to try the rules on. May be repeated.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, required = true)]
    pub on: Vec<PathBuf>,
    /// Show only the N dearest.
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rules status`.
#[derive(Args, Debug)]
pub struct RulesStatusArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Print the JSON object that the daemon gives.
    #[arg(long)]
    pub json: bool,
}

/// Which configuration.
#[derive(Args, Debug)]
pub struct ConfigFile {
    /// The daemon's configuration. Without it every key has its default.
    #[arg(long = "config", short = 'c', value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub path: Option<PathBuf>,
}

/// Arguments of `daemon`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout config example > /etc/stakeout.toml
  STAKEOUT_WEBHOOK_SECRET=… stakeout daemon --config /etc/stakeout.toml
  stakeout daemon --config /etc/stakeout.toml --dry-run      judges, and answers nobody

SIGTERM: takes no more bounties, answers those it took, and ends. SIGHUP: loads the rules and the secrets anew.
Exit codes: 0 asked to end, 2 cannot go on, 64 the configuration is wrong, or what else only a person can mend.")]
pub struct DaemonArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// How much is staked, whatever the configuration says.
    #[arg(long, value_name = "STRATEGY", env = "BID_STRATEGY")]
    pub bid_strategy: Option<String>,
    /// Write answers down, in an archive of their own (`dry-run` in the archive's directory), and send none.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with configurations.
#[derive(Subcommand, Debug)]
pub enum ConfigCommand {
    /// Find every mistake at once, with line, column and what would be right.
    Check(ConfigFile),
    /// Print a commented configuration with every key at its default.
    Example,
}

/// Arguments of `archive`.
#[derive(Args, Debug)]
pub struct ArchiveArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ArchiveCommand,
}

/// What to do with the archive.
#[derive(Subcommand, Debug)]
pub enum ArchiveCommand {
    /// Check every record, and that none was changed or is missing.
    Verify(ArchiveVerifyArgs),
    /// Show bounties and what was answered, the latest first.
    Query(ArchiveQueryArgs),
    /// Let go of the details of old bounties, and give the room back to the file system.
    Compact(ArchiveCompactArgs),
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

/// Arguments of `archive verify`.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes: 0 all is as it was written, 1 it is not, 2 it could not be checked.")]
pub struct ArchiveVerifyArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `archive compact`.
#[derive(Args, Debug)]
#[command(
    after_help = "Not while a daemon runs: that lets go of details by itself (archive.details_age_max), and uses \
    the room again, but does not give it back. Takes as much room again meanwhile."
)]
pub struct ArchiveCompactArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Keep the details of bounties so long, like 90d. 0s: let go of none. Default: what the configuration says.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub older_than: Option<std::time::Duration>,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `archive query`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout archive query --verdict malicious --limit 20
  stakeout archive query --ending pending --json
  stakeout archive query --sha256 275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f")]
pub struct ArchiveQueryArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Only the bounty with this id.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Only those answered so.
    #[arg(long, value_name = "VERDICT", value_parser = ["malicious", "benign", "suspicious", "unknown"])]
    pub verdict: Option<String>,
    /// Only those that ended so.
    #[arg(long, value_name = "ENDING", value_parser = ["pending", "sent", "refused", "expired", "withheld"])]
    pub ending: Option<String>,
    /// Only those about this artifact.
    #[arg(long, value_name = "DIGEST")]
    pub sha256: Option<Sha256Digest>,
    /// Only those where this text occurs: in the kind, a comment, the evidence.
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// So many at most.
    #[arg(long, short = 'n', value_name = "N", default_value = "50")]
    pub limit: usize,
    /// Print one JSON object a line.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `webhook`.
#[derive(Args, Debug)]
pub struct WebhookArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: WebhookCommand,
}

/// What to do with a webhook.
#[derive(Subcommand, Debug)]
pub enum WebhookCommand {
    /// Send a signed ping.
    Ping(WebhookTarget),
    /// Send pings and bounties, good and bad, and look at the answers, as the marketplace does before it lists an
    /// engine.
    Test(WebhookTestArgs),
}

/// Which webhook.
#[derive(Args, Debug)]
pub struct WebhookTarget {
    /// The webhook's address.
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8000/")]
    pub url: String,
    /// A file that holds the shared secret. Default: what STAKEOUT_WEBHOOK_SECRET holds.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub secret_file: Option<PathBuf>,
}

/// Arguments of `webhook test`.
#[derive(Args, Debug)]
#[command(after_help = "Artifacts are served, and answers are taken, at an address of this machine. So for the test
the engine must be allowed to use it; with a port of your choice:
  [answers]  hosts = [\"http://127.0.0.1:8899\"]
  [intake]   allow_networks = [\"127.0.0.0/8\"]
Example:
  STAKEOUT_WEBHOOK_SECRET=… stakeout webhook test --port 8899 http://127.0.0.1:8000/")]
pub struct WebhookTestArgs {
    #[command(flatten)]
    pub target: WebhookTarget,
    /// Where artifacts are served and answers are taken.
    #[arg(long, value_name = "PORT", default_value = "8899")]
    pub port: u16,
    /// Longest to wait for an answer.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_wait)]
    pub patience: Duration,
}

/// Arguments of `doctor`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 all is well, 1 something is less than it should be, 2 the daemon cannot run here."
)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `health`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 all is well, 1 it does not work or takes no bounties, 2 no daemon could be asked."
)]
pub struct HealthArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Print the JSON object that the daemon gives.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `indicators`.
#[derive(Args, Debug)]
pub struct IndicatorsArgs {
    #[command(flatten)]
    pub rules: RulesArgs,
    /// Only those whose id begins with PREFIX.
    #[arg(value_name = "PREFIX", default_value = "")]
    pub prefix: String,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `completions`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout completions bash > /etc/bash_completion.d/stakeout")]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout man | man -l -
  stakeout man --dir /usr/local/share/man/man1")]
pub struct ManArgs {
    /// Write a page for every command into DIR.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

/// Reads how long to wait: a duration (`250ms`, `5s`, `2m`), or a number of seconds (`5`, `0.5`).
fn parse_wait(text: &str) -> Result<Duration, String> {
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
