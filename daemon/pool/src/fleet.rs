//! Where walled examiners get their workers: one template, what it was equipped with, and what killed workers before.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use analyzers::Limits;
use daemon_artifact::{Sha256Digest, load_owned};
use daemon_engine::RuleSet;
use daemon_examiner::{Program, Setup};
use daemon_worker::{Template, TemplateError, Walls, Worker};
use triage::FileKind;

/// Crashes after which an artifact is not examined again.
const CRASHES_MAX: u32 = 2;
/// Artifacts whose crashes are remembered; the oldest are forgotten first.
const POISONOUS_MAX: usize = 1_000;

/// Why there are no workers.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// There is no program to try.
    #[error("there is no program that workers could run in")]
    NoProgram,
    /// The template cannot be set up.
    #[error("cannot hand the rules to workers")]
    Setup(#[from] std::io::Error),
    /// The template does not start.
    #[error("cannot start workers")]
    Template(#[from] TemplateError),
}

/// The source of workers that all judge by one set of rules. Shared by any number of [`Walled`](crate::Walled).
#[derive(Debug)]
pub struct Fleet {
    template: Template,
    rules: Arc<RuleSet>,
    limits: Limits,
    crashes: Mutex<Vec<Crash>>,
}

/// An artifact that killed workers.
#[derive(Debug)]
struct Crash {
    size: u64,
    sha256: Sha256Digest,
    count: u32,
}

impl Fleet {
    /// Starts a template in the first of `programs` that will do. `rules` are those that `setup` describes. With the
    /// fleet comes a word on every better program that would not do.
    pub fn start(programs: &[Program], setup: &Setup, rules: Arc<RuleSet>) -> Result<(Fleet, Vec<String>), FleetError> {
        let mut notices = Vec::new();
        let mut programs = programs.iter().peekable();
        while let Some(program) = programs.next() {
            match Template::start(setup.start(program)?) {
                Ok(template) => {
                    let fleet = Fleet { template, rules, limits: setup.limits, crashes: Mutex::default() };
                    return Ok((fleet, notices));
                }
                Err(error) if programs.peek().is_none() => return Err(error.into()),
                Err(error) => notices.push(format!("{} will not do: {error}", program.path.display())),
            }
        }
        Err(FleetError::NoProgram)
    }

    /// What its workers judge by.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// What one artifact may cost.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Which walls stand around its workers.
    pub fn walls(&self) -> Walls {
        self.template.walls()
    }

    /// A new worker. Starts the template anew if it died.
    pub(crate) fn worker(&self) -> Result<Worker, TemplateError> {
        match self.template.worker() {
            Err(TemplateError::Gone(_) | TemplateError::Stuck(_)) => {
                // What the old one was equipped with, workers of the new one ask for again.
                self.template.restart()?;
                self.template.worker()
            }
            other => other,
        }
    }

    /// Has workers that come from now on hold what one said it needs.
    pub(crate) fn equip(&self, need: &[u8]) -> Result<(), TemplateError> {
        self.template.equip(need)
    }

    /// Remembers that `artifact` killed a worker.
    pub(crate) fn crashed(&self, artifact: &OwnedFd) {
        let Some((size, sha256)) = identity(artifact) else { return };
        let mut crashes = self.crashes();
        match crashes.iter_mut().find(|crash| crash.sha256 == sha256) {
            Some(crash) => crash.count += 1,
            None => {
                if crashes.len() >= POISONOUS_MAX {
                    crashes.remove(0);
                }
                crashes.push(Crash { size, sha256, count: 1 });
            }
        }
    }

    /// Whether `artifact` killed so many workers that it gets no other. Hashes only what has the size of one that did.
    pub(crate) fn is_poisonous(&self, artifact: &OwnedFd) -> bool {
        let suspects = |size: u64| self.crashes().iter().any(|crash| crash.count >= CRASHES_MAX && crash.size == size);
        if self.crashes().is_empty() || !size_of(artifact).is_some_and(suspects) {
            return false;
        }
        let Some((_, sha256)) = identity(artifact) else { return false };
        self.crashes().iter().any(|crash| crash.count >= CRASHES_MAX && crash.sha256 == sha256)
    }

    fn crashes(&self) -> MutexGuard<'_, Vec<Crash>> {
        // Every change is one step, so a panic elsewhere leaves nothing half done.
        self.crashes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size_of(artifact: &OwnedFd) -> Option<u64> {
    let file = File::from(artifact.try_clone().ok()?);
    Some(file.metadata().ok()?.size())
}

/// Its size and digest; `None` where it cannot be read, and so cannot kill anybody again.
fn identity(artifact: &OwnedFd) -> Option<(u64, Sha256Digest)> {
    let artifact = load_owned(artifact.try_clone().ok()?, u64::MAX).ok()?;
    Some((artifact.size(), artifact.sha256()))
}

/// What the magic bytes say of an artifact that no worker tells of. No more of it is looked at on this side of the wall.
pub fn kind_of(artifact: &OwnedFd) -> FileKind {
    let mut head = [0; 64];
    let got = artifact.try_clone().and_then(|file| File::from(file).read_at(&mut head, 0)).unwrap_or(0);
    triage::magic(head.get(..got).unwrap_or_default()).kind().unwrap_or(FileKind::Data)
}
