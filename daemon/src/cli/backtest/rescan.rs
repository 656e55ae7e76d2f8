//! Scans the stored artifacts again, each once, in sandboxed workers, and maps the reports to verdicts with the
//! daemon's code.

use std::collections::{BTreeMap, HashMap};
use std::io::IsTerminal;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use analyzers::Weights;
use anyhow::Context;
use crossbeam::channel::{Receiver, Sender, unbounded};
use daemon_archive::Shelf;
use daemon_artifact::Sha256Digest;
use daemon_detector::{Options, RulesCache};
use daemon_engine::RuleSet;
use daemon_journal::{Filter, Recall, Story};
use daemon_ledger::{Judged, Past};
use daemon_market::{Bet, Betting, Bounty, BountyKey, BountyPolicy, Judgement};
use daemon_pool::{ExaminationResult, Failure, LookOptions, Pool, PoolConfig, Work};
use daemon_service::build;
use daemon_service::config::Config;
use daemon_service::memory::Shares;
use daemon_service::verdict_mapping::{self, ReceivedArtifact};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::args::WallArgs;
use crate::cli::backtest::BacktestArgs;
use crate::cli::rules_options;
use crate::open_files;
use crate::terminal::format::shown;
use crate::terminal::interrupt::Interrupt;

/// Maximum number of artifacts that wait for a thread.
const QUEUED_MAX: usize = 64;

/// Results of scanning again.
pub struct Anew {
    /// New judgement of each bounty, by the index of its entry.
    pub judged: HashMap<usize, Judged>,
    /// Counts.
    pub told: RescanSummary,
}

/// Counts of what was scanned again.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct RescanSummary {
    /// Generation of the rules and weights that were used.
    pub generation: String,
    /// Number of stored artifacts that were scanned.
    pub artifacts: u64,
    /// Number of artifacts that are no longer stored, or damaged.
    pub gone: u64,
    /// Number of scanned artifacts that hit the time limit: another run may find more or less.
    pub cut_short: u64,
    /// Number of bounties with a new judgement.
    pub bounties: u64,
    /// Number of bounties whose artifact is not stored.
    pub bounties_gone: u64,
    /// Number of bounties whose verdict changed.
    pub verdicts_changed: u64,
}

/// Result of scanning one artifact.
struct RescannedArtifact {
    sha256: Sha256Digest,
    what: Result<Judgement, Failure>,
    cut_short: bool,
}

/// Scans the stored artifacts again; `None` if interrupted.
pub fn judge(
    args: &BacktestArgs,
    config: &Config,
    directory: &Path,
    journal: &dyn Recall,
    past: &Past,
) -> anyhow::Result<Option<Anew>> {
    let places = places(args, past);
    let mut digests: BTreeMap<[u8; 32], Option<Judgement>> = BTreeMap::new();
    for place in places.values() {
        digests.extend(past.entries()[*place].sha256.map(|sha256| (sha256, None)));
    }
    let mut told = RescanSummary::default();
    if !examine(args, config, directory, &mut digests, &mut told)? {
        return Ok(None);
    }
    let policy = build::policy(config, Shares::of(config).workers, false);
    let mut asking = Asking { betting: config.market.betting()?, policy, digests, judged: HashMap::new() };
    let filter = Filter::default();
    let seen = journal.each(&filter, &mut |story| {
        if let Some(place) = places.get(&story.bounty.key) {
            asking.ask(*place, &story, past, &mut told);
        }
    });
    seen.context("cannot read the archive")?;
    Ok(Some(Anew { judged: asking.judged, told }))
}

/// Returns the bounties of the requested period that have an artifact.
fn places(args: &BacktestArgs, past: &Past) -> HashMap<BountyKey, usize> {
    let entries = past.entries().iter().enumerate();
    let within = entries.filter(|(_, entry)| {
        entry.sha256.is_some()
            && args.since.is_none_or(|since| entry.answered >= since)
            && args.until.is_none_or(|until| entry.answered < until)
    });
    within.map(|(place, entry)| (entry.key.clone(), place)).collect()
}

/// Scans the stored artifacts. Returns false if interrupted.
fn examine(
    args: &BacktestArgs,
    config: &Config,
    directory: &Path,
    digests: &mut BTreeMap<[u8; 32], Option<Judgement>>,
    told: &mut RescanSummary,
) -> anyhow::Result<bool> {
    let loader = build::loader(config);
    let directories = if args.rules.is_empty() { config.scan.rules.clone() } else { args.rules.clone() };
    let no_shipped_rules = args.no_shipped_rules || loader.options.no_shipped_rules;
    let options = Options {
        no_yara: no_shipped_rules && directories.is_empty(),
        directories,
        no_shipped_rules,
        cache: RulesCache::User,
        weights: args.weights.clone(),
        ..loader.options
    };
    let detector = rules_options::load(&options)?;
    let examiners = rules_options::examiners(detector, &WallArgs { in_process: false }, loader.limits, loader.policy)?;
    told.generation = examiners.set().generation().to_string();
    let store = directory.join("artifacts");
    let shelf = Shelf::visit(&store).with_context(|| format!("cannot read the artifacts in {}", shown(&store)))?;
    let Some(shelf) = shelf else {
        told.gone = digests.len() as u64;
        return Ok(true);
    };
    let interrupt = Interrupt::listen().context("cannot listen for Ctrl-C")?;
    let threads = Shares::of(config).workers;
    let queued_max = open_files::queued_max(QUEUED_MAX, threads.get());
    let (sender, receiver) = unbounded();
    let work = Judging { shelf: Arc::new(shelf), interrupt: interrupt.clone(), sender };
    let pool = Pool::start(PoolConfig { threads, queued_max }, examiners, work)
        .context("cannot start the threads of the pool")?;
    let all: Vec<[u8; 32]> = digests.keys().copied().collect();
    let done = std::thread::scope(|scope| {
        let collecting = scope.spawn(|| collect(&receiver, all.len(), digests, told));
        for sha256 in &all {
            if interrupt.is_set() || pool.submit(Sha256Digest(*sha256)).is_err() {
                break;
            }
        }
        // The sender goes with it, and so whoever collects comes to an end.
        pool.finish();
        collecting.join()
    });
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    Ok(!interrupt.is_set())
}

/// Collects the results of the threads until all of them are done.
fn collect(
    receiver: &Receiver<Option<RescannedArtifact>>,
    all: usize,
    digests: &mut BTreeMap<[u8; 32], Option<Judgement>>,
    told: &mut RescanSummary,
) -> anyhow::Result<()> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(all as u64) } else { ProgressBar::hidden() };
    let mut failed = None;
    for seen in receiver {
        bar.inc(1);
        let Some(RescannedArtifact { sha256, what, cut_short }) = seen else {
            told.gone += 1;
            continue;
        };
        match what {
            Ok(judgement) => {
                told.artifacts += 1;
                told.cut_short += u64::from(cut_short);
                digests.insert(sha256.0, Some(judgement));
            }
            Err(failure) => failed = failed.or(Some((sha256, failure))),
        }
    }
    bar.finish_and_clear();
    match failed {
        Some((sha256, failure)) => {
            Err(anyhow::Error::new(failure).context(format!("the artifact {sha256} was not scanned")))
        }
        None => Ok(()),
    }
}

/// The work of the pool's threads.
struct Judging {
    shelf: Arc<Shelf>,
    interrupt: Interrupt,
    sender: Sender<Option<RescannedArtifact>>,
}

impl Work<Sha256Digest> for Judging {
    type Ticket = ReceivedArtifact;

    fn open(&self, sha256: Sha256Digest) -> Option<(OwnedFd, LookOptions, ReceivedArtifact)> {
        if self.interrupt.is_set() {
            return None;
        }
        // What cannot be read, or is not what it was, is as good as gone.
        let kept = self.shelf.get(&sha256).ok().flatten();
        let opened = kept.and_then(|file| {
            let size = file.metadata().ok()?.len();
            Some((OwnedFd::from(file), size))
        });
        let Some((file, size)) = opened else {
            let _ = self.sender.send(None);
            return None;
        };
        let kind = if size == 0 { triage::FileKind::Empty } else { daemon_pool::kind_of(&file) };
        Some((file, LookOptions::default(), ReceivedArtifact { sha256: sha256.0, size, kind }))
    }

    fn done(&self, received: ReceivedArtifact, outcome: ExaminationResult, rules: &RuleSet) {
        let sha256 = Sha256Digest(received.sha256);
        let cut_short = outcome.as_ref().is_ok_and(|looked| {
            let time = analyzers::Incomplete::Limit(analyzers::Limit::Time);
            looked.examined.report.incomplete.contains(&time)
        });
        let what = match outcome {
            // That nobody could be found to examine it says nothing about it.
            Err(failure @ Failure::NoWorker(_)) => Err(failure),
            outcome => Ok(judged(received, outcome, rules.weights(), &rules.generation().to_string())),
        };
        // Who collects is there until the last of us is gone.
        let _ = self.sender.send(Some(RescannedArtifact { sha256, what, cut_short }));
    }
}

/// Maps the result as the daemon does. The JSON report is dropped, because it is not used here.
fn judged(received: ReceivedArtifact, outcome: ExaminationResult, weights: &Weights, generation: &str) -> Judgement {
    let mut judgement = verdict_mapping::judgement("", received, outcome, weights, generation);
    judgement.findings.report = String::new();
    judgement
}

/// Turns judgements into questions to the strategies.
struct Asking {
    betting: Betting,
    policy: BountyPolicy,
    digests: BTreeMap<[u8; 32], Option<Judgement>>,
    judged: HashMap<usize, Judged>,
}

impl Asking {
    fn ask(&mut self, place: usize, story: &Story, past: &Past, told: &mut RescanSummary) {
        let entry = &past.entries()[place];
        let judgement = entry.sha256.and_then(|sha256| self.digests.get(&sha256)?.as_ref());
        let bounty = daemon_service::transport::recorded_bounty(&story.bounty);
        let Some((judgement, bounty)) = judgement.zip(bounty) else {
            told.bounties_gone += 1;
            return;
        };
        told.bounties += 1;
        told.verdicts_changed += u64::from(judgement.verdict != entry.said());
        let bet = self.question(bounty, judgement).map(|bet| match &entry.bet {
            // What was known then beside the artifact is still what was known.
            Some(then) => {
                Bet { strategy: then.strategy.clone(), fee: then.fee, balance: then.balance, ratio: then.ratio, ..bet }
            }
            None => bet,
        });
        self.judged.insert(place, Judged { bet, kind: judgement.findings.kind.clone() });
    }

    fn question(&self, mut bounty: Bounty, judgement: &Judgement) -> Option<Bet> {
        // As `Engine::admitted` has it.
        bounty.metadata.retain(|_, value| !value.is_array() && !value.is_object());
        self.betting.question(&bounty, judgement, &self.policy)
    }
}
