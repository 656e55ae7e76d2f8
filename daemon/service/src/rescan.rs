//! Scans the stored artifacts again, each once, in sandboxed workers, and maps the reports to verdicts with the
//! daemon's code.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use analyzers::Weights;
use anyhow::Context;
use crossbeam::channel::{Receiver, Sender, unbounded};
use daemon_archive::Shelf;
use daemon_artifact::Sha256Digest;
use daemon_backtest::RescanSummary;
use daemon_base::Timestamp;
use daemon_base::text::path as shown;
use daemon_detector::{Options, RulesCache};
use daemon_engine::RuleSet;
use daemon_journal::{Filter, Recall, Story};
use daemon_ledger::{Judged, Past};
use daemon_market::{Bet, Betting, Bounty, BountyKey, BountyPolicy, Judgement};
use daemon_pool::{ExaminationResult, Failure, LookOptions, Pool, Rules, Work};

use crate::config::Config;
use crate::memory::Shares;
use crate::verdict_mapping::{self, ReceivedArtifact};
use crate::{build, dialects, open_files};

/// Maximum number of artifacts that wait for a thread.
const QUEUED_MAX: usize = 64;

/// What to scan again: the stored artifacts of bounties.
#[derive(Clone, Copy)]
pub struct Rescan<'r> {
    /// The configuration, with the rules of bounties and bids.
    pub config: &'r Config,
    /// Memory and number of workers.
    pub shares: &'r Shares,
    /// Directory of the archive.
    pub directory: &'r Path,
    /// Its journal.
    pub journal: &'r dyn Recall,
    /// What was read of the journal.
    pub past: &'r Past,
    /// Only bounties answered at or after this time.
    pub since: Option<Timestamp>,
    /// Only bounties answered before this time.
    pub until: Option<Timestamp>,
}

/// Whether to stop early.
pub type Interrupted = Arc<dyn Fn() -> bool + Send + Sync>;

/// Results of scanning again.
#[derive(Debug)]
pub struct Rescanned {
    /// New judgement of each bounty, by the index of its entry.
    pub judged: HashMap<usize, Judged>,
    /// Counts.
    pub summary: RescanSummary,
}

/// Result of scanning one artifact.
struct RescannedArtifact {
    sha256: Sha256Digest,
    what: Result<Judgement, Failure>,
    cut_short: bool,
}

/// Returns how rules are loaded to scan again: as the configuration says, but with other `weights` and `models`, and with
/// the rules in `directories` if there are any.
pub fn options(
    config: &Config,
    directories: &[PathBuf],
    no_shipped_rules: bool,
    weights: Option<PathBuf>,
    models: &[PathBuf],
) -> Options {
    let configured = build::rules_options(config);
    let directories = if directories.is_empty() { config.scan.rules.clone() } else { directories.to_vec() };
    let no_shipped_rules = no_shipped_rules || configured.no_shipped_rules;
    Options {
        no_yara: no_shipped_rules && directories.is_empty(),
        directories,
        no_shipped_rules,
        cache: RulesCache::User,
        weights,
        models: models.to_vec(),
        ..configured
    }
}

impl Rescan<'_> {
    /// Scans the stored artifacts again with `rules`; `None` if `interrupted`. Calls `progress` with the number of
    /// artifacts that are done, and of all.
    ///
    /// # Errors
    ///
    /// The archive cannot be read, or no worker can be started.
    pub fn run(
        &self,
        rules: Rules,
        interrupted: Interrupted,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> anyhow::Result<Option<Rescanned>> {
        let places = self.places();
        let mut digests: BTreeMap<[u8; 32], Option<Judgement>> = BTreeMap::new();
        for place in places.values() {
            digests.extend(self.past.entries()[*place].sha256.map(|sha256| (sha256, None)));
        }
        let mut summary = RescanSummary::default();
        if !self.examine(rules, interrupted, &mut digests, &mut summary, progress)? {
            return Ok(None);
        }
        let policy = build::policy(self.config, self.shares.workers, false);
        let mut asking = Asking { betting: self.config.market.betting()?, policy, digests, judged: HashMap::new() };
        let filter = Filter::default();
        let seen = self.journal.each(&filter, &mut |story| {
            if let Some(place) = places.get(&story.bounty.key) {
                asking.ask(*place, &story, self.past, &mut summary);
            }
        });
        seen.context("cannot read the archive")?;
        Ok(Some(Rescanned { judged: asking.judged, summary }))
    }

    /// Returns the bounties of the requested period that have an artifact.
    fn places(&self) -> HashMap<BountyKey, usize> {
        let entries = self.past.entries().iter().enumerate();
        let within = entries.filter(|(_, entry)| {
            entry.sha256.is_some()
                && self.since.is_none_or(|since| entry.answered >= since)
                && self.until.is_none_or(|until| entry.answered < until)
        });
        within.map(|(place, entry)| (entry.key.clone(), place)).collect()
    }

    /// Scans the stored artifacts. Returns false if interrupted.
    fn examine(
        &self,
        rules: Rules,
        interrupted: Interrupted,
        digests: &mut BTreeMap<[u8; 32], Option<Judgement>>,
        summary: &mut RescanSummary,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> anyhow::Result<bool> {
        summary.generation = rules.set().generation().to_string();
        let store = self.directory.join("artifacts");
        let shelf = Shelf::visit(&store).with_context(|| format!("cannot read the artifacts in {}", shown(&store)))?;
        let Some(shelf) = shelf else {
            summary.gone = digests.len() as u64;
            return Ok(true);
        };
        let threads = self.shares.workers;
        let (sender, receiver) = unbounded();
        let work = Judging { shelf: Arc::new(shelf), interrupted: Arc::clone(&interrupted), sender };
        let pool = Pool::start(open_files::pool_config(QUEUED_MAX, threads), rules, work)
            .context("cannot start the threads of the pool")?;
        let all: Vec<[u8; 32]> = digests.keys().copied().collect();
        let number = all.len() as u64;
        let done = std::thread::scope(|scope| {
            let collecting = scope.spawn(|| collect(&receiver, digests, summary, &mut |done| progress(done, number)));
            for sha256 in &all {
                if interrupted() || pool.submit(Sha256Digest(*sha256)).is_err() {
                    break;
                }
            }
            // The sender goes with it, and so whoever collects comes to an end.
            pool.finish();
            collecting.join()
        });
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(!interrupted())
    }
}

/// Collects the results of the threads until all of them are done.
fn collect(
    receiver: &Receiver<Option<RescannedArtifact>>,
    digests: &mut BTreeMap<[u8; 32], Option<Judgement>>,
    summary: &mut RescanSummary,
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<()> {
    let mut failed = None;
    for (done, seen) in (1..).zip(receiver) {
        progress(done);
        let Some(RescannedArtifact { sha256, what, cut_short }) = seen else {
            summary.gone += 1;
            continue;
        };
        match what {
            Ok(judgement) => {
                summary.artifacts += 1;
                summary.cut_short += u64::from(cut_short);
                digests.insert(sha256.0, Some(judgement));
            }
            Err(failure) => failed = failed.or(Some((sha256, failure))),
        }
    }
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
    interrupted: Interrupted,
    sender: Sender<Option<RescannedArtifact>>,
}

impl Work<Sha256Digest> for Judging {
    type Ticket = ReceivedArtifact;

    fn open(&self, sha256: Sha256Digest) -> Option<(OwnedFd, LookOptions, ReceivedArtifact)> {
        if (self.interrupted)() {
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
    let mut judgement = verdict_mapping::judgement("", received, &outcome, weights, generation);
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
    fn ask(&mut self, place: usize, story: &Story, past: &Past, summary: &mut RescanSummary) {
        let entry = &past.entries()[place];
        let judgement = entry.sha256.and_then(|sha256| self.digests.get(&sha256)?.as_ref());
        let bounty = dialects::recorded_bounty(&story.bounty);
        let Some((judgement, bounty)) = judgement.zip(bounty) else {
            summary.bounties_gone += 1;
            return;
        };
        summary.bounties += 1;
        summary.verdicts_changed += u64::from(judgement.verdict != entry.said());
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
