//! New rules, while the old ones judge: the directories are watched, and what changed is compiled aside, tried, and
//! taken only if nothing at all is wrong with it.
//!
//! A file that is broken, half-written, empty, a link, or gone in between changes nothing; neither does a directory
//! that vanished or holds no rules any more. The rules in use stay, and what was wrong is in the log, in the metrics and
//! in `stakeout rules status`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use analyzers::{Incomplete, Limits, Verdict};
use anyhow::{Context, bail};
use daemon_engine::{Policy, RuleSet};
use daemon_market::Timestamp;
use daemon_pool::{Ask, Examine, Fleet, Pool, Rules, Walled};
use daemon_rules::{Problem, Role, Severity, Stamp, Survey};
use notify::{RecursiveMode, Watcher};
use tracing::{debug, error, info, warn};

use super::clock::wall;
use super::examining::Examination;
use super::meters;
use super::probe::probes;
use super::standing::{Attempt, Standing};
use crate::cli::RulesArgs;
use crate::judging;

/// Problems told of one attempt.
const PROBLEMS_MAX: usize = 50;
/// However long the directories are written to: after so many times the time they should be still, they are read.
const UNREST_MAX: u32 = 40;
/// How often the directories are looked for where they cannot be watched.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// Why the rules are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nudge {
    /// Something in their directories changed.
    Changed,
    /// Somebody asked (SIGHUP).
    Asked,
    /// The daemon ends.
    End,
}

/// How rules are loaded.
#[derive(Clone, Debug)]
pub struct Loader {
    /// Which.
    pub args: RulesArgs,
    /// What one artifact may cost.
    pub limits: Limits,
    /// What is examined at all.
    pub policy: Policy,
    /// How many workers are made ready.
    pub workers: usize,
}

/// Rules that were loaded and tried.
pub struct Ready {
    /// Workers that judge by them.
    pub fleet: Arc<Fleet>,
    /// Whether they were compiled before.
    pub from_cache: bool,
    /// What was left out, and what is less than it should be.
    pub notices: Vec<String>,
}

impl Loader {
    /// Loads the rules, and tries them. `whole` refuses rules of which anything is wrong.
    pub fn load(&self, whole: bool) -> anyhow::Result<Ready> {
        let judging = judging::load_quietly(&self.args)?;
        let mut problems: Vec<String> = judging
            .mistakes
            .iter()
            .filter(|mistake| mistake.severity == Severity::Error)
            .map(|mistake| mistake.rendered.clone())
            .collect();
        if judging.left_out {
            problems.extend(judging.notices.iter().cloned());
        }
        problems.extend(self.empty_files());
        if whole && !problems.is_empty() {
            problems.truncate(PROBLEMS_MAX);
            return Err(Refused(problems).into());
        }
        let from_cache = judging.from_cache;
        let mut notices = judging.notices.clone();
        if !whole {
            notices.extend(problems.into_iter().filter(|problem| !judging.notices.contains(problem)));
        }
        let (fleet, fleet_notices) = judging.fleet(self.limits, self.policy)?;
        notices.extend(fleet_notices);
        let fleet = Arc::new(fleet);
        try_out(&fleet).context("the new rules do not judge the probe as they should")?;
        fleet.stock(self.workers).context("cannot make workers ready")?;
        Ok(Ready { fleet, from_cache, notices })
    }

    /// A rule file without a byte is one that somebody is writing, or lost.
    fn empty_files(&self) -> Vec<String> {
        let Ok(survey) = Survey::take(&self.args.directories) else { return Vec::new() };
        let empty = survey.of_role(Role::Rules).filter(|entry| entry.stamp.size == 0);
        empty.map(|entry| format!("{}: it is empty", entry.path.display())).collect()
    }
}

/// What was wrong with new rules.
#[derive(Debug, thiserror::Error)]
#[error("{} with the rules", crate::words::counted(self.0.len() as u64, "problem"))]
pub struct Refused(pub Vec<String>);

/// Has a worker judge files whose verdicts are known.
fn try_out(fleet: &Arc<Fleet>) -> anyhow::Result<()> {
    for probe in probes() {
        let file = daemon_artifact::keep_stream(&probe.bytes[..], u64::MAX).context("cannot make a probe")?;
        let outcome = Walled::new(Arc::clone(fleet)).examine(file, Ask::default());
        let report = outcome.with_context(|| format!("cannot examine {}", probe.name))?.examined.report;
        // A bare head is cut short, or nobody can account for it, and is told so; anything else is the rules' doing.
        let of_the_head = |why: &Incomplete| *why == Incomplete::CutShort || why.withholds_benign_only();
        if let Some(why) = report.incomplete.iter().find(|why| !of_the_head(why)) {
            bail!("{} was not wholly examined: {why}", probe.name);
        }
        let malicious = report.opinion.verdict == Verdict::Malicious;
        if malicious != probe.malicious {
            bail!("{} came out as {}", probe.name, report.opinion.verdict);
        }
    }
    Ok(())
}

/// What watches the rules, and to whom it gives new ones.
pub struct Watch {
    /// How they are loaded.
    pub loader: Loader,
    /// How long the directories must have been still.
    pub settle: Duration,
    /// What is judged by.
    pub standing: Arc<Standing>,
    /// Who judges.
    pub pool: Arc<Pool<Examination>>,
}

/// The directories, looked at and watched from a moment on.
pub struct Looking {
    directories: Vec<PathBuf>,
    nudge: Sender<Nudge>,
    nudges: Receiver<Nudge>,
    watcher: Option<notify::RecommendedWatcher>,
    seen: Option<Seen>,
}

/// How the directories lay there: what each file was, and what was wrong. Not what the tests of rules were.
type Seen = (Vec<(PathBuf, Stamp)>, Vec<Problem>);

impl Looking {
    /// Looks at them, and watches them from now on: whatever changes later is noticed, also while rules are loaded.
    pub fn begin(directories: &[PathBuf]) -> Looking {
        let (nudge, nudges) = channel();
        let watcher = watch(directories, nudge.clone());
        Looking { directories: directories.to_vec(), nudge, nudges, watcher, seen: look(directories) }
    }
}

/// `None` where they cannot be looked at.
fn look(directories: &[PathBuf]) -> Option<Seen> {
    let survey = Survey::take(directories).ok()?;
    let matters = |role: &Role| matches!(role, Role::Rules | Role::Weights);
    let files = survey.entries.iter().filter(|entry| matters(&entry.role));
    Some((files.map(|entry| (entry.path.clone(), entry.stamp)).collect(), survey.problems))
}

impl Watch {
    /// Starts the thread that watches. It ends with [`Nudge::End`].
    pub fn start(self, looking: Looking) -> anyhow::Result<Sender<Nudge>> {
        let nudge = looking.nudge.clone();
        let thread = std::thread::Builder::new().name("rules".to_owned());
        thread.spawn(move || self.run(looking)).context("cannot start a thread")?;
        Ok(nudge)
    }

    fn run(self, looking: Looking) {
        let Looking { directories, nudge: _nudge, nudges, mut watcher, mut seen } = looking;
        // Whether the last attempt failed for a reason that may pass by itself.
        let mut again = false;
        loop {
            let asked = match nudges.recv_timeout(LOOK_INTERVAL) {
                Ok(Nudge::End) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Nudge::Asked) => true,
                Ok(Nudge::Changed) => match self.settled(&nudges) {
                    Some(asked) => asked,
                    None => return,
                },
                Err(RecvTimeoutError::Timeout) => again,
            };
            // A directory that went away and came back is another one.
            if let Some(watcher) = &mut watcher {
                follow(watcher, &directories);
            }
            let now = look(&directories);
            if asked || now != seen {
                seen = now;
                again = !self.reload();
            }
        }
    }

    /// Waits until nothing changes for a while; whether somebody asked meanwhile, or `None` at the end.
    fn settled(&self, nudges: &Receiver<Nudge>) -> Option<bool> {
        let patience = Instant::now() + self.settle * UNREST_MAX;
        let mut asked = false;
        while Instant::now() < patience {
            match nudges.recv_timeout(self.settle) {
                Ok(Nudge::Changed) => {}
                Ok(Nudge::Asked) => asked = true,
                Ok(Nudge::End) | Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        Some(asked)
    }

    /// Loads the rules anew, and has the pool take them if nothing is wrong with them. False where that failed for a
    /// reason that is not the rules' own.
    fn reload(&self) -> bool {
        let at = wall();
        super::notify::reloading();
        let settled = match self.loader.load(true) {
            Ok(ready) => {
                self.take(ready, at);
                true
            }
            Err(error) => {
                let (own, problems) = match error.downcast::<Refused>() {
                    Ok(Refused(problems)) => (true, problems),
                    Err(error) => (false, vec![error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")]),
                };
                for problem in &problems {
                    error!(problem, generation = self.standing.generation(), "the rules in use stay");
                }
                meters::reloaded(false);
                self.standing.refused(Attempt::ended(at, wall(), false, problems));
                own
            }
        };
        super::notify::reloaded();
        settled
    }

    fn take(&self, ready: Ready, at: Timestamp) {
        let Ready { fleet, from_cache, notices } = ready;
        let rules = Arc::clone(fleet.rules());
        let before = self.standing.generation();
        notices.iter().for_each(|text| warn!(text, "rules"));
        if rules.generation().to_string() != before {
            self.pool.replace_rules(Rules::Walled(fleet));
        }
        let attempt = Attempt::ended(at, wall(), true, notices);
        info!(generation = %rules.generation(), before, took_ms = attempt.took_ms, from_cache, "rules loaded");
        took(&self.standing, &rules, from_cache, attempt);
    }
}

/// Notes that these rules are in use.
pub fn took(standing: &Standing, rules: &RuleSet, from_cache: bool, attempt: Attempt) {
    standing.took(rules, from_cache, attempt);
    meters::reloaded(true);
    meters::rules_in_use(standing.status().rules);
}

/// Watches the directories, and those they lie in, where the kernel lets us.
fn watch(directories: &[PathBuf], nudge: Sender<Nudge>) -> Option<notify::RecommendedWatcher> {
    if directories.is_empty() {
        return None;
    }
    let ours = directories.to_vec();
    let changed = move |event: notify::Result<notify::Event>| {
        let matters = event.is_ok_and(|event| {
            // Reading a rule is no change of it: else loading them would have them loaded again. And of what lies beside
            // a directory of rules only the directory itself is of interest.
            let ours = |path: &PathBuf| ours.iter().any(|directory| path.starts_with(directory));
            !event.kind.is_access() && (event.paths.is_empty() || event.paths.iter().any(ours))
        });
        if matters {
            // The thread that listens has ended: so will this watcher.
            let _ = nudge.send(Nudge::Changed);
        }
    };
    match notify::recommended_watcher(changed) {
        Ok(mut watcher) => {
            follow(&mut watcher, directories);
            Some(watcher)
        }
        Err(error) => {
            warn!(why = error.to_string(), "cannot watch the rules: they are looked at now and then, and at SIGHUP");
            None
        }
    }
}

fn follow(watcher: &mut notify::RecommendedWatcher, directories: &[PathBuf]) {
    for directory in directories {
        if let Err(error) = watcher.watch(directory, RecursiveMode::Recursive) {
            debug!(?directory, why = error.to_string(), "cannot watch");
        }
        if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            let _ = watcher.watch(parent, RecursiveMode::NonRecursive);
        }
    }
}
