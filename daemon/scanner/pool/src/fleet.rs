//! The source of workers: one template, its setup, and the artifacts that crashed workers.

use std::fs::File;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use analyzers::Limits;
use daemon_artifact::{Sha256Digest, load_owned};
use daemon_engine::{Policy, RuleSet, assemble};
use daemon_examiner::{Program, Setup};
use daemon_worker::{JOBS_MAX, Template, TemplateError, WaitingTemplate, Walls, Worker};
use triage::FileKind;

/// Crashes after which an artifact is not examined again.
const CRASHES_MAX: u32 = 2;
/// Times that workers say which rules they need; after that the next ones get all. Few files need rules that are not run on
/// every file, and loading all takes memory and time; but a worker that needs some more is forked in vain.
const ASKED_MAX: u32 = 8;
/// Artifacts whose crashes are remembered; the oldest are forgotten first.
const POISONOUS_MAX: usize = 1_000;

/// Why there are no workers.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// No program was found.
    #[error("found no program to run workers")]
    NoProgram,
    /// The template cannot be set up.
    #[error("cannot pass the rules to workers")]
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
    policy: Policy,
    crashes: Mutex<Vec<Crash>>,
    /// Jobs after which a worker is replaced.
    jobs_per_worker: u64,
    /// Times that a worker said which rules it needs.
    asked: AtomicU32,
    /// Workers that are not in use yet.
    spares: Mutex<Vec<Worker>>,
}

/// An artifact that killed workers.
#[derive(Debug)]
struct Crash {
    size: u64,
    sha256: Sha256Digest,
    count: u32,
}

impl Fleet {
    /// A fleet of workers from this template. `rules` are those that `setup` describes.
    pub fn new(template: Template, setup: &Setup, rules: Arc<RuleSet>) -> Fleet {
        Fleet {
            template,
            rules,
            limits: setup.limits,
            policy: setup.policy,
            crashes: Mutex::default(),
            jobs_per_worker: JOBS_MAX,
            asked: AtomicU32::new(0),
            spares: Mutex::default(),
        }
    }

    /// The same with workers that are replaced after this many jobs, if it says so, and after [`JOBS_MAX`] in any case.
    #[must_use]
    pub fn with_jobs_per_worker(self, jobs: Option<NonZeroUsize>) -> Fleet {
        Fleet { jobs_per_worker: jobs.map_or(JOBS_MAX, |jobs| (jobs.get() as u64).min(JOBS_MAX)), ..self }
    }

    /// Starts a template in the first of `programs` that will do. With it comes a word on every better program that
    /// would not do. `waiting` is a process of the first program that was started before.
    ///
    /// # Errors
    ///
    /// [`FleetError`] if `programs` is empty, the setup cannot be made, or the last program does not start.
    pub fn template(
        programs: &[Program],
        setup: &Setup,
        mut waiting: Option<WaitingTemplate>,
    ) -> Result<(Template, Vec<String>), FleetError> {
        let mut notices = Vec::new();
        let mut programs = programs.iter().peekable();
        while let Some(program) = programs.next() {
            let start = setup.start(program)?;
            let started = match waiting.take() {
                Some(process) => process.load(start),
                None => Template::start(start),
            };
            match started {
                Ok(template) => return Ok((template, notices)),
                Err(error) if programs.peek().is_none() => return Err(error.into()),
                Err(error) => notices.push(format!("cannot use {}: {error}", program.path.display())),
            }
        }
        Err(FleetError::NoProgram)
    }

    /// Returns the rules of the workers.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// Returns the limits for one artifact.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether a worker was given as many jobs as it gets.
    pub(crate) fn is_spent(&self, worker: &Worker) -> bool {
        worker.jobs_begun() >= self.jobs_per_worker
    }

    /// Returns the sandbox layers of the workers.
    pub fn walls(&self) -> Walls {
        self.template.walls()
    }

    /// Forks workers before they are needed, so that who changes to this fleet need not wait for them.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] if a worker cannot be forked. Those forked before it are kept.
    pub fn stock(&self, workers: usize) -> Result<(), TemplateError> {
        for _ in 0..workers {
            let worker = self.template.worker()?;
            self.spares().push(worker);
        }
        Ok(())
    }

    /// Drops the unused workers.
    pub(crate) fn drop_spares(&self) {
        self.spares().clear();
    }

    fn spares(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a worker that will first scan `artifact`. Restarts the template if it died.
    pub(crate) fn worker(&self, artifact: &OwnedFd) -> Result<Worker, TemplateError> {
        if let Some(spare) = self.spares().pop() {
            return Ok(spare);
        }
        match self.equipped_worker(artifact) {
            Err(TemplateError::Gone(_) | TemplateError::Stuck(_)) => {
                // What the old one was equipped with, workers of the new one ask for again.
                self.template.restart()?;
                self.equipped_worker(artifact)
            }
            other => other,
        }
    }

    fn equipped_worker(&self, artifact: &OwnedFd) -> Result<Worker, TemplateError> {
        if let Some(need) = self.need(artifact) {
            self.template.equip(&need)?;
        }
        self.template.worker()
    }

    /// The rules that a look at `artifact` is likely to need. A worker that lacks some says so, but then it was forked
    /// in vain.
    fn need(&self, artifact: &OwnedFd) -> Option<Vec<u8>> {
        let library = self.rules.library()?;
        let (head, kind) = head_of(artifact);
        // Analyzers are dear to make, so they are asked only where it depends on them.
        let taken = self.policy.any_kind || assemble(&self.rules).open(kind);
        taken.then(|| library.parts_needed(&head, kind).as_bytes().to_vec())
    }

    /// Has workers that come from now on hold the rules that one said it needs.
    pub(crate) fn equip(&self, need: &[u8]) -> Result<(), TemplateError> {
        match self.rules.library() {
            Some(library) if self.asked.fetch_add(1, Ordering::Relaxed) >= ASKED_MAX => {
                self.template.equip(library.all().as_bytes())
            }
            Some(_) | None => self.template.equip(need),
        }
    }

    /// Records the number of workers that died while scanning the artifact of this size and digest.
    pub(crate) fn crashed(&self, (size, sha256): (u64, Sha256Digest), deaths: u32) {
        let mut crashes = self.crashes();
        match crashes.iter_mut().find(|crash| crash.sha256 == sha256) {
            Some(crash) => crash.count = crash.count.saturating_add(deaths),
            None => {
                if crashes.len() >= POISONOUS_MAX {
                    // Those on the list stay as long as there are others to forget.
                    let first = crashes.iter().position(|crash| crash.count < CRASHES_MAX).unwrap_or(0);
                    crashes.remove(first);
                }
                crashes.push(Crash { size, sha256, count: deaths });
            }
        }
    }

    /// Whether `artifact` crashed too many workers. Hashes only files of the size of one that did.
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

/// Size in bytes, by the file system.
pub(crate) fn size_of(artifact: &OwnedFd) -> Option<u64> {
    let file = File::from(artifact.try_clone().ok()?);
    Some(file.metadata().ok()?.size())
}

/// Size and digest; `None` if the file cannot be read.
pub(crate) fn identity(artifact: &OwnedFd) -> Option<(u64, Sha256Digest)> {
    let artifact = load_owned(artifact.try_clone().ok()?, u64::MAX).ok()?;
    Some((artifact.size(), artifact.sha256()))
}

/// Kind of an artifact by its magic bytes, if no worker could determine it. Nothing else is parsed outside of the
/// sandbox.
pub fn kind_of(artifact: &OwnedFd) -> FileKind {
    head_of(artifact).1
}

fn head_of(artifact: &OwnedFd) -> (Vec<u8>, FileKind) {
    let mut head = vec![0; 64];
    let got = artifact.try_clone().and_then(|file| File::from(file).read_at(&mut head, 0)).unwrap_or(0);
    head.truncate(got);
    let kind = triage::magic(&head).kind().unwrap_or(FileKind::Data);
    (head, kind)
}
