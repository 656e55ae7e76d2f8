//! The examiner behind the wall: a worker process, and what to do when it dies.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use analyzers::{Detail, Incomplete, Limit};
use daemon_artifact::Sha256Digest;
use daemon_examiner::{Examined, LookOptions, Looked, read_answer, request};
use daemon_worker::{Cause, Death, SendError, Served, TemplateError, Worker};
use triage::FileKind;

use crate::batch::{Batch, JOBS_AHEAD_MAX, JOBS_MIN};
use crate::fleet::{Fleet, identity, kind_of, size_of};
use crate::{ExaminationResult, Examine, Failure};

/// Time after the limit at which a worker is killed; normally it stops by itself before.
const GRACE: Duration = Duration::from_millis(100);
/// Maximum time to determine the kind of an artifact that crashed another worker.
const KIND_TIME_MAX: Duration = Duration::from_millis(500);
/// Maximum number of workers per artifact for reasons other than the artifact: missing rules, or a dead template.
const TRIES_MAX: u32 = 4;
/// Maximum number of kills from outside while a worker scans one artifact. If memory runs out, the kernel kills workers
/// first; after two kills in a row, the artifact itself is suspected.
const KILLS_MAX: u32 = 2;
/// Maximum number of workers in a row that die before they start on an artifact. With the pauses in between this takes
/// about five seconds.
const MISSES_MAX: u32 = 16;
/// Number of such deaths after which there are pauses.
const MISSES_BY_CHANCE: u32 = 3;
/// First pause; it doubles each time.
const PAUSE_FIRST: Duration = Duration::from_millis(5);
/// And no longer than this.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Examines in a worker process. If that dies of an artifact, the artifact is `unknown` with the reason; what waited
/// behind it goes to the next worker.
///
/// A worker killed from outside costs no artifact: waiting jobs go to the next worker, and the current artifact is
/// scanned once more.
pub struct Walled {
    fleet: Arc<Fleet>,
    worker: Option<Worker>,
    /// The worker after this one, where this one has its last job.
    next: Option<Worker>,
    begun: VecDeque<Begun>,
    batch: Batch,
    /// Number of jobs in `begun` that were sent to the worker: the first ones.
    sent: usize,
    /// Earliest time at which the worker started the first of them.
    taken_up: Instant,
    /// Time until the worker last answered or died.
    tried: Duration,
    reply: Vec<u8>,
}

struct Begun {
    artifact: OwnedFd,
    ask: LookOptions,
    tries: u32,
    /// Number of kills from outside during its scan.
    kills: u32,
    /// Number of workers in a row that it did not reach.
    misses: u32,
}

/// Why a job was not sent.
struct Unsent {
    why: String,
    /// Whether a worker, or what it comes from, was killed before it could work: the next may live.
    passing: bool,
}

impl Unsent {
    fn by(error: &TemplateError) -> Unsent {
        let passing = match error {
            TemplateError::Gone(_) => true,
            TemplateError::Stillborn(death) => death.is_from_outside(),
            TemplateError::Start { .. }
            | TemplateError::Stuck(_)
            | TemplateError::Refused(_)
            | TemplateError::Weaker
            | TemplateError::TooLarge(_)
            | TemplateError::Io { .. } => false,
        };
        Unsent { why: error_and_causes(error), passing }
    }
}

impl Walled {
    /// An examiner that gets its workers from `fleet`, the first when it is first needed.
    pub fn new(fleet: Arc<Fleet>) -> Self {
        Walled {
            fleet,
            worker: None,
            next: None,
            begun: VecDeque::new(),
            batch: Batch::of(JOBS_MIN),
            sent: 0,
            taken_up: Instant::now(),
            tried: Duration::ZERO,
            reply: Vec::new(),
        }
    }

    /// The same with workers that are given up to so many jobs at once, for work in which nobody waits for a single answer.
    #[must_use]
    pub fn with_jobs_ahead(self, jobs: usize) -> Self {
        Walled { batch: Batch::of(jobs.min(JOBS_AHEAD_MAX)), ..self }
    }

    /// Sends waiting jobs to the worker, as many as it accepts. Starts a worker if there is none.
    fn send(&mut self) -> Result<(), Unsent> {
        while let Some(begun) = self.begun.get(self.sent) {
            let worker = match &mut self.worker {
                Some(worker) => worker,
                None => {
                    let next = self.next.take().map_or_else(|| self.fleet.worker(&begun.artifact), Ok);
                    self.worker.insert(next.map_err(|error| Unsent::by(&error))?)
                }
            };
            if self.fleet.is_spent(worker) {
                if worker.outstanding() > 0 {
                    return Ok(());
                }
                self.part();
                continue;
            }
            let limit = begun.ask.time(self.fleet.limits().wall_time_max);
            match worker.send(begun.artifact.as_fd(), &request(&begun.ask), limit) {
                Ok(()) => {
                    if self.sent == 0 {
                        self.taken_up = Instant::now();
                    }
                    self.sent += 1;
                }
                Err(SendError::Full) => return Ok(()),
                Err(SendError::Dead) => self.part(),
                Err(error @ (SendError::TooLarge | SendError::Io(_))) => {
                    return Err(Unsent { why: error.to_string(), passing: false });
                }
            }
        }
        Ok(())
    }

    /// Drops the worker. Its jobs go to the next one.
    fn part(&mut self) {
        self.worker = None;
        self.sent = 0;
    }

    /// Takes the first artifact off the list.
    fn pop(&mut self) -> Option<Begun> {
        self.sent = self.sent.saturating_sub(1);
        self.batch.end_first();
        self.begun.pop_front()
    }

    /// The first artifact will not be examined, and this is why.
    fn not_examined(&mut self, why: Incomplete) -> Option<ExaminationResult> {
        // Nobody lived to tell of the bytes, but whoever asked for their digest wants to look the file up.
        let begun = self.begun.front()?;
        let identity = begun.ask.sha256.then(|| identity(&begun.artifact)).flatten();
        self.give_up(why, identity)
    }

    /// Says of the first artifact why it was not examined, and its size and digest where they are known.
    fn give_up(&mut self, why: Incomplete, identity: Option<(u64, Sha256Digest)>) -> Option<ExaminationResult> {
        let begun = self.pop()?;
        let kind = self.told_kind(&begun).unwrap_or_else(|| kind_of(&begun.artifact));
        let mut examined = Examined::not(kind, why, self.fleet.rules());
        examined.elapsed = self.tried;
        let size = identity.map(|(size, _)| size).or_else(|| size_of(&begun.artifact));
        let sha256 = identity.filter(|_| begun.ask.sha256).map(|(_, sha256)| sha256);
        Some(Ok(Looked { examined, sha256, size }))
    }

    /// Kind of an artifact that will not be scanned, determined by another worker. Magic bytes alone, which are all
    /// that is parsed outside of the sandbox, do not distinguish a document from an archive.
    fn told_kind(&mut self, begun: &Begun) -> Option<FileKind> {
        let idle = self.worker.take_if(|worker| worker.outstanding() == 0);
        let mut worker = match idle {
            Some(worker) => worker,
            // The one there is has jobs of its own, and is not to be waited for.
            None if self.worker.is_some() => return None,
            None => self.fleet.worker(&begun.artifact).ok()?,
        };
        let limit = begun.ask.time(KIND_TIME_MAX);
        let ask = LookOptions { kind_only: true, ..LookOptions::default() };
        worker.send(begun.artifact.as_fd(), &request(&ask), limit).ok()?;
        let served = worker.receive(Instant::now() + limit + GRACE, &mut self.reply).ok()?;
        let said = (served == Served::Done).then(|| read_answer(&self.reply, self.fleet.rules(), self.fleet.limits()));
        self.worker = Some(worker);
        Some(said?.ok()?.ok()?.examined.report.kind)
    }

    /// The worker died of the first artifact.
    fn crashed(&mut self, why: Incomplete) -> Option<ExaminationResult> {
        self.part();
        // What only takes long ends in the same way next time, and may be large: not worth hashing to remember it.
        if why == Incomplete::Limit(Limit::Time) {
            return self.not_examined(why);
        }
        let begun = self.begun.front()?;
        let (identity, deaths) = (identity(&begun.artifact), begun.kills.max(1));
        if let Some(identity) = identity {
            self.fleet.crashed(identity, deaths);
        }
        self.give_up(why, identity)
    }

    /// The worker was killed from outside while it examined the first artifact, which gets one more worker, not two.
    fn killed(&mut self, death: &Death) -> Option<ExaminationResult> {
        let begun = self.begun.front_mut()?;
        begun.kills += 1;
        if begun.kills < KILLS_MAX {
            self.part();
            return None;
        }
        self.crashed(reason(death))
    }

    /// The first artifact did not reach a worker. It goes to another one, after a while if that happened often.
    fn missed(&mut self, why: &str) -> Option<ExaminationResult> {
        self.part();
        let begun = self.begun.front_mut()?;
        begun.misses += 1;
        let (misses, until) = (begun.misses, begun.ask.until);
        if until.is_some_and(|until| until <= Instant::now()) {
            self.tried = Duration::ZERO;
            return self.not_examined(Incomplete::Limit(Limit::Time));
        }
        if misses >= MISSES_MAX {
            self.pop();
            let why = format!("{misses} workers in a row were killed before they started: {why}");
            return Some(Err(Failure::NoWorker(why)));
        }
        if let Some(doublings) = misses.checked_sub(MISSES_BY_CHANCE + 1) {
            let pause = PAUSE_FIRST.saturating_mul(1 << doublings.min(16)).min(PAUSE_MAX);
            let left = until.map_or(pause, |until| until.saturating_duration_since(Instant::now()));
            std::thread::sleep(pause.min(left));
        }
        None
    }

    /// Starts the next worker while this one does its last job. If that fails now, it is tried again when it is needed.
    fn fork_next(&mut self) {
        if self.next.is_none()
            && self.worker.as_ref().is_some_and(|worker| self.fleet.is_spent(worker))
            && let Some(begun) = self.begun.front()
        {
            self.next = self.fleet.worker(&begun.artifact).ok();
        }
    }

    /// The first artifact goes to another worker, unless it did so too often.
    fn try_again(&mut self, because: &'static str) -> Option<ExaminationResult> {
        self.part();
        let begun = self.begun.front_mut()?;
        begun.tries += 1;
        if begun.tries < TRIES_MAX { None } else { self.not_examined(Incomplete::Crashed(Cow::Borrowed(because))) }
    }

    /// Waits for the answer about the first artifact; `None` if it is to be asked for again.
    fn receive(&mut self) -> Option<ExaminationResult> {
        let wall_time_max = self.fleet.limits().wall_time_max;
        let until = self.begun.front().and_then(|begun| begun.ask.until);
        let all = self.taken_up + wall_time_max;
        // What waited behind another took up its own time later, but nobody waits for it any longer.
        let deadline = until.map_or(all, |until| until.clamp(self.taken_up, all)) + GRACE;
        self.fork_next();
        self.batch.pause();
        let worker = self.worker.as_mut()?;
        let served = worker.receive(deadline, &mut self.reply);
        self.tried = self.taken_up.elapsed();
        self.taken_up = Instant::now();
        match served {
            Ok(Served::Done) => match read_answer(&self.reply, self.fleet.rules(), self.fleet.limits()) {
                Ok(outcome) => {
                    let worn = self.fleet.is_spent(worker) && worker.outstanding() == 0;
                    self.pop();
                    if worn {
                        self.part();
                    }
                    Some(outcome.map_err(Failure::from))
                }
                Err(garbled) => self.crashed(Incomplete::Crashed(Cow::Borrowed(garbled.0))),
            },
            Ok(Served::Needs(need)) => match self.fleet.equip(&need) {
                Ok(()) => self.try_again("the rules that the file needs cannot be loaded"),
                Err(TemplateError::Gone(_) | TemplateError::Stuck(_)) => {
                    self.try_again("the worker template dies repeatedly")
                }
                Err(error) => {
                    self.part();
                    self.pop();
                    Some(Err(Failure::NoWorker(error_and_causes(&error))))
                }
            },
            Err(death) => self.died(&death),
        }
    }
}

impl Walled {
    /// The worker died before it answered about the first artifact.
    fn died(&mut self, death: &Death) -> Option<ExaminationResult> {
        if death.cause == Cause::Orphaned {
            // Those that were forked beforehand died with it.
            self.fleet.drop_spares();
            self.next = None;
        }
        if !death.reached {
            return self.missed(&death.to_string());
        }
        if let Some(begun) = self.begun.front_mut() {
            begun.misses = 0;
        }
        match death.cause {
            Cause::Orphaned => self.try_again("the worker template dies repeatedly"),
            _ if death.is_from_outside() => self.killed(death),
            _ => self.crashed(reason(death)),
        }
    }
}

impl Examine for Walled {
    fn room(&self) -> bool {
        self.batch.has_room()
    }

    fn begin(&mut self, artifact: OwnedFd, ask: LookOptions) {
        // Who cannot tell its size cannot read it either.
        self.batch.add(size_of(&artifact).unwrap_or(0));
        self.begun.push_back(Begun { artifact, ask, tries: 0, kills: 0, misses: 0 });
        // What killed workers is not sent to one; nor is what comes after it, so that answers keep their order.
        let poisonous = self.begun.iter().any(|begun| self.fleet.is_poisonous(&begun.artifact));
        if !poisonous {
            // If it cannot be sent now, `end` tries again and says why not.
            let _ = self.send();
        }
    }

    fn end(&mut self) -> Option<ExaminationResult> {
        while let Some(first) = self.begun.front() {
            if self.sent == 0 {
                if self.fleet.is_poisonous(&first.artifact) {
                    self.tried = Duration::ZERO;
                    return self.not_examined(Incomplete::Poisonous);
                }
                match self.send() {
                    Ok(()) => {}
                    Err(Unsent { why, passing: true }) => match self.missed(&why) {
                        Some(outcome) => return Some(outcome),
                        None => continue,
                    },
                    Err(Unsent { why, passing: false }) => {
                        self.part();
                        self.pop();
                        return Some(Err(Failure::NoWorker(why)));
                    }
                }
            }
            if let Some(outcome) = self.receive() {
                return Some(outcome);
            }
        }
        None
    }
}

/// Maps the death of a worker to a reason in the report.
fn reason(death: &Death) -> Incomplete {
    match death.cause {
        Cause::Killed => Incomplete::Limit(Limit::Time),
        Cause::Memory(_) => Incomplete::Limit(Limit::Memory),
        // Its words are the artifact's as much as ours: shown as any detail is.
        Cause::Signal(_) | Cause::Exit(_) | Cause::Garbled(_) | Cause::Orphaned => {
            Incomplete::Crashed(Detail::new(death).to_string().into())
        }
    }
}

fn error_and_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ")
}
