//! `stakeout rules bench`: measures the scan time of each rule on given files.
//!
//! Each rule is compiled separately, with the rules it refers to, and run on all files in this process. The times show
//! which rules are slow, not the cost of a scan: rules that are compiled together share the search for their patterns.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use analyzers_yara::{Library, Source, compile, single_rules};
use anyhow::{Context, bail};
use clap::{Args, ValueHint};
use indicatif::ProgressBar;
use serde::Serialize;

use super::RuleTrial;
use crate::exit::Exit;
use crate::terminal::format::{HEADING, bytes, counted};

/// Arguments of `rules bench`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout rules bench rules --on /usr/bin --top 10")]
pub(crate) struct RulesBenchArgs {
    /// Directories with rules. Default: the built-in rules.
    #[arg(id = "own_directories", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directories: Vec<PathBuf>,
    /// File to scan, or a directory whose files are scanned. May be repeated.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, required = true)]
    pub on: Vec<PathBuf>,
    /// Show only the N slowest rules.
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Maximum total size of the files, which are held in memory.
const FILES_BYTES_MAX: u64 = 1 << 30;
/// Number of rounds; the fastest counts.
const ROUNDS: u32 = 3;

#[derive(Serialize)]
struct Cost {
    rule: String,
    /// Microseconds per file, on average.
    us_per_file: f64,
    /// Microseconds per megabyte (10^6 bytes), on average.
    us_per_mb: f64,
    hits: usize,
}

pub(super) fn bench(args: &RulesBenchArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let files = read_files(args)?;
    let size: usize = files.iter().map(Vec::len).sum();
    let mut texts = if args.directories.is_empty() { daemon_rules::shipped() } else { Vec::new() };
    texts.extend(daemon_rules::read(&args.directories)?.files);
    let singles: Vec<(String, String, String)> = texts
        .iter()
        .flat_map(|file| {
            let source = Source::new(&file.name, &file.text);
            single_rules(source).into_iter().map(|(rule, text)| (file.name.clone(), rule, text))
        })
        .collect();
    let progress =
        if std::io::stderr().is_terminal() { ProgressBar::new(singles.len() as u64) } else { ProgressBar::hidden() };
    let mut costs = Vec::new();
    let mut untimed = 0;
    for (file, rule, text) in progress.wrap_iter(singles.iter()) {
        // What is wrong with it is told by `rules check`, unless it refers to another rule that reports.
        let compiled =
            compile(&[Source::new(file, text.as_bytes())]).and_then(|made| Library::open(Box::new(made.bundle)));
        let Some(library) = compiled.ok().filter(|library| !library.rules().is_empty()) else {
            untimed += 1;
            continue;
        };
        let (time, hits) = time(&library, &files);
        costs.push(Cost {
            rule: format!("{file}:{rule}"),
            us_per_file: time.as_secs_f64() * 1e6 / files.len() as f64,
            us_per_mb: time.as_secs_f64() * 1e12 / size.max(1) as f64,
            hits,
        });
    }
    progress.finish_and_clear();
    costs.sort_by(|a, b| b.us_per_file.total_cmp(&a.us_per_file));
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &costs)?;
        writeln!(out)?;
        return Ok(Exit::Clean);
    }
    writeln!(out, "{HEADING}{:>9}  {:>9}  {:>6}  RULE{HEADING:#}", "US/FILE", "US/MB", "HITS")?;
    for cost in costs.iter().take(args.top.unwrap_or(usize::MAX)) {
        writeln!(out, "{:>9.1}  {:>9.1}  {:>6}  {}", cost.us_per_file, cost.us_per_mb, cost.hits, cost.rule)?;
    }
    let measured = counted(costs.len() as u64, "rule");
    writeln!(out, "{measured}, each run alone on {}, {}", counted(files.len() as u64, "file"), bytes(size as u64))?;
    if untimed > 0 {
        writeln!(out, "not measured: {} that cannot be compiled alone", counted(untimed, "rule"))?;
    }
    Ok(Exit::Clean)
}

fn read_files(args: &RulesBenchArgs) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    let mut size = 0;
    let mut read = |path: &std::path::Path| -> anyhow::Result<()> {
        if !path.is_file() {
            bail!("{} is not a file", path.display());
        }
        let file = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        size += file.len() as u64;
        if size > FILES_BYTES_MAX {
            bail!("the files have more than {} in total: use fewer", bytes(FILES_BYTES_MAX));
        }
        files.push(file);
        Ok(())
    };
    for path in &args.on {
        if path.is_dir() {
            for entry in std::fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
                let path = entry?.path();
                if path.is_file() {
                    read(&path)?;
                }
            }
        } else {
            read(path)?;
        }
    }
    if files.is_empty() {
        bail!("there are no files to scan");
    }
    Ok(files)
}

/// Returns the time for all files and the number of hits.
fn time(library: &Library, files: &[Vec<u8>]) -> (Duration, usize) {
    let mut rules = RuleTrial::new(library);
    let mut best = (Duration::MAX, 0);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let hits = files.iter().map(|file| rules.hits(file).len()).sum();
        best = best.min((begun.elapsed(), hits));
    }
    best
}
