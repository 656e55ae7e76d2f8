//! New rules, while the old ones judge: the directories are watched, and what changed is compiled aside, tried, and
//! taken only if nothing at all is wrong with it.
//!
//! A file that is broken, half-written, empty, a link, or gone in between changes nothing; neither does a directory
//! that vanished, or had rules and holds none any more. The rules in use stay, and what was wrong is in the log, in the metrics and
//! in [`RulesStatus`].

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use daemon_base::Timestamp;
use daemon_base::text::path as shown;
use daemon_engine::RuleSet;
use daemon_pool::{Pool, Rules};
use daemon_rules::{FileRole, Problem, Stamp, Survey};
use notify::{RecursiveMode, Watcher};
use tracing::dispatcher::{get_default, with_default};
use tracing::{debug, error, info, warn};

use crate::loader::{Loader, Ready, RulesRefused};
use crate::models::DataRefused;
use crate::status::{Attempt, RulesStatus};

/// If the directories keep changing, they are read after this many times the settle time.
const UNREST_MAX: u32 = 40;
/// How often the directories are checked if they cannot be watched.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// Why the rules are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nudge {
    /// Something in their directories changed.
    Changed,
    /// On request, by SIGHUP.
    Asked,
    /// The daemon ends.
    End,
}

/// Observer of reloads, for metrics and for the service manager.
pub trait Observer: Send + 'static {
    /// Rules are about to be loaded.
    fn loading(&self);
    /// Called after a load, with whether the rules are now in use.
    fn loaded(&self, taken: bool);
}

/// Where rules are used: loads them, and puts them in use.
pub trait RulesHome: Send + 'static {
    /// Whether they judge beside those that count.
    const IS_SHADOW: bool;

    /// Rules that were loaded.
    type Ready;

    /// Loads the rules. Refuses those of which anything is wrong.
    ///
    /// # Errors
    /// [`RulesRefused`] or [`DataRefused`] if something is wrong with them; else if they cannot be loaded.
    fn load(&self) -> anyhow::Result<Self::Ready>;

    /// Puts them in use instead of those of the generation `before`.
    fn take(&self, ready: Self::Ready, before: &str) -> TakenRules;
}

/// Rules that were put in use.
pub struct TakenRules {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// Whether they were compiled before.
    pub from_cache: bool,
    /// What is to be told of them.
    pub notices: Vec<String>,
}

/// The rules that a pool judges by.
pub struct PoolRules<J> {
    /// Loads the rules.
    pub loader: Loader,
    /// The pool that uses the rules.
    pub pool: Arc<Pool<J>>,
}

impl<J: Send + 'static> RulesHome for PoolRules<J> {
    const IS_SHADOW: bool = false;

    type Ready = Ready;

    fn load(&self) -> anyhow::Result<Ready> {
        self.loader.load(true)
    }

    fn take(&self, ready: Ready, before: &str) -> TakenRules {
        let Ready { fleet, from_cache, notices } = ready;
        let rules = Arc::clone(fleet.rules());
        if rules.generation().to_string() != before {
            self.pool.replace_rules(Rules::Walled(fleet));
        }
        TakenRules { rules, from_cache, notices }
    }
}

/// Watches the rules and loads changed ones.
pub struct RulesWatch<H, O> {
    /// Where they are used.
    pub home: H,
    /// Time without changes before the rules are loaded.
    pub settle: Duration,
    /// Status of the rules in use.
    pub status: Arc<RulesStatus>,
    /// The observer of reloads.
    pub observer: O,
}

/// The directories, looked at and watched from a moment on.
pub struct Looking {
    directories: Vec<PathBuf>,
    nudge: Sender<Nudge>,
    nudges: Receiver<Nudge>,
    watcher: Option<notify::RecommendedWatcher>,
    seen: Option<DirectoryState>,
}

/// State of the directories: the rule files and the problems, without test files.
type DirectoryState = (Vec<(FileRole, PathBuf, Stamp)>, Vec<Problem>);

impl Looking {
    /// Looks at them, and watches them from now on: whatever changes later is noticed, also while rules are loaded.
    pub fn begin(directories: &[PathBuf]) -> Looking {
        let (nudge, nudges) = channel();
        let watcher = watch(directories, nudge.clone());
        Looking { directories: directories.to_vec(), nudge, nudges, watcher, seen: look(directories) }
    }
}

/// `None` where they cannot be looked at.
fn look(directories: &[PathBuf]) -> Option<DirectoryState> {
    let survey = Survey::take(directories).ok()?;
    let files = survey.entries.iter().filter(|entry| entry.role == FileRole::Rules || entry.role.is_data());
    Some((files.map(|entry| (entry.role, entry.path.clone(), entry.stamp)).collect(), survey.problems))
}

/// The directories that hold rules.
fn with_rules(directories: &[PathBuf], state: &Option<DirectoryState>) -> Vec<PathBuf> {
    let files = state.iter().flat_map(|(files, _)| files);
    let rules: Vec<&PathBuf> = files.filter(|(role, _, _)| *role == FileRole::Rules).map(|(_, path, _)| path).collect();
    directories.iter().filter(|directory| rules.iter().any(|path| path.starts_with(directory))).cloned().collect()
}

/// How a reload ended.
enum Reloaded {
    /// The rules are in use.
    Taken,
    /// Something is wrong with the rules, weights or models.
    Refused,
    /// It failed for another reason, which may pass by itself.
    Failed,
}

impl<H: RulesHome, O: Observer> RulesWatch<H, O> {
    /// Starts the thread that watches. It ends with [`Nudge::End`], and logs where this thread does now.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn start(self, looking: Looking) -> anyhow::Result<Sender<Nudge>> {
        let nudge = looking.nudge.clone();
        let thread = std::thread::Builder::new().name("rules".to_owned());
        let log = get_default(Clone::clone);
        thread.spawn(move || with_default(&log, || self.run(looking))).context("cannot start a thread")?;
        Ok(nudge)
    }

    fn run(self, looking: Looking) {
        let Looking { directories, nudge: _nudge, nudges, mut watcher, mut seen } = looking;
        // Of the set in use: rules that vanish all at once were lost rather than removed.
        let mut held = with_rules(&directories, &seen);
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
                let holding = with_rules(&directories, &seen);
                let lost: Vec<&PathBuf> = held.iter().filter(|directory| !holding.contains(directory)).collect();
                again = match self.reload(&lost) {
                    Reloaded::Taken => {
                        held = holding;
                        false
                    }
                    Reloaded::Refused => false,
                    Reloaded::Failed => true,
                };
            }
        }
    }

    /// Waits until nothing has changed for a while. Returns whether a reload was requested, or `None` at the end.
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

    /// Loads the rules, and passes them to the pool if they are valid. No rules are left in the directories `lost`.
    fn reload(&self, lost: &[&PathBuf]) -> Reloaded {
        let at = now();
        self.observer.loading();
        let loaded = self.home.load().and_then(|ready| match lost {
            [] => Ok(ready),
            lost => {
                let problem = |path: &&PathBuf| format!("{}: the directory contains no rules any more", shown(path));
                Err(RulesRefused(lost.iter().map(problem).collect()).into())
            }
        });
        let error = match loaded {
            Ok(ready) => {
                self.take(ready, at);
                return Reloaded::Taken;
            }
            Err(error) => error,
        };
        let (outcome, problems) = match error.downcast::<RulesRefused>() {
            Ok(RulesRefused(problems)) => (Reloaded::Refused, problems),
            Err(error) => {
                let told = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
                let outcome = if error.is::<DataRefused>() { Reloaded::Refused } else { Reloaded::Failed };
                (outcome, vec![told])
            }
        };
        let generation = self.status.generation();
        for problem in &problems {
            if H::IS_SHADOW {
                error!(problem, generation, "shadow set rejected");
            } else {
                error!(problem, generation, "rules reload rejected");
            }
        }
        self.status.refused(Attempt::ended(at, now(), false, problems));
        self.observer.loaded(false);
        outcome
    }

    fn take(&self, ready: H::Ready, at: Timestamp) {
        let before = self.status.generation();
        let TakenRules { rules, from_cache, notices } = self.home.take(ready, &before);
        notices.iter().for_each(|text| warn!(text, "rules loaded with problems"));
        let attempt = Attempt::ended(at, now(), true, notices);
        let (generation, took_ms) = (rules.generation(), attempt.took_ms);
        if H::IS_SHADOW {
            info!(%generation, before, took_ms, from_cache, "shadow set loaded");
        } else {
            info!(%generation, before, took_ms, from_cache, "rules loaded");
        }
        self.status.took(&rules, from_cache, attempt);
        self.observer.loaded(true);
    }
}

fn now() -> Timestamp {
    SystemTime::now().into()
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
            warn!(why = error.to_string(), "rules directory not watched: checked periodically and at SIGHUP");
            None
        }
    }
}

fn follow(watcher: &mut notify::RecommendedWatcher, directories: &[PathBuf]) {
    for directory in directories {
        if let Err(error) = watcher.watch(directory, RecursiveMode::Recursive) {
            debug!(?directory, why = error.to_string(), "directory not watched");
        }
        if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            let _ = watcher.watch(parent, RecursiveMode::NonRecursive);
        }
    }
}
