//! The journal on a simulated disk: one thread writes batches, which may fail; a crash loses what was not committed, and
//! the commit that was under way is there or is not. What was told to be written stays.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use daemon_journal::{Filter, Journal, MemoryJournal, Recall, Story, Write, WriteResult};
use daemon_market::BountyKey;

use crate::clockwork::Awaited;
use crate::scenario::{How, Op};
use crate::scene::{Scene, number};

/// Why something is not written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DiskError {
    /// It is not there, and may be tried again.
    Full,
    /// Nobody knows whether it is there: the process must end.
    Broken,
}

/// What becomes of a write.
type DiskReply = Awaited<Result<WriteResult, DiskError>>;

enum Asked {
    Write {
        write: Box<Write>,
        how: Option<How>,
        told: DiskReply,
    },
    /// What was asked for before is done: reads come after it.
    Read(Awaited<()>),
}

/// The disk.
#[derive(Default)]
pub(crate) struct SimulatedDisk {
    journal: RefCell<MemoryJournal>,
    queue: RefCell<VecDeque<Asked>>,
    committing: RefCell<Vec<Asked>>,
    busy: Cell<bool>,
    broken: Cell<bool>,
    commits: Cell<u64>,
}

fn op(write: &Write) -> Op {
    match write {
        Write::Bounty(_) => Op::WriteBounty,
        Write::Answer(_) => Op::WriteAnswer,
        Write::Ending(_) => Op::WriteEnding,
        Write::Settled(_) => Op::WriteOutcome,
        Write::Corrected(_) => Op::WriteCorrection,
        Write::Step(_) | Write::Shadow(_) => Op::WriteStep,
        Write::Purse(_) => Op::WritePurse,
    }
}

fn name(write: &Write) -> String {
    match write {
        Write::Step(stepped) => format!("step {} of {}", stepped.step.kind.name(), stepped.key),
        Write::Purse(entry) => format!("note {}", entry.note.name()),
        Write::Ending(ended) => format!("ending {:?} after {} attempts of {}", ended.how, ended.attempts, ended.key),
        Write::Answer(answer) => format!("answer {} with {} to {}", answer.verdict.name(), answer.bid, answer.key),
        _ => format!("{:?} of {}", op(write), write.key().map(ToString::to_string).unwrap_or_default()),
    }
}

impl SimulatedDisk {
    /// Writes, and waits until that is durable. Once called it is written, whether its result is waited for or not.
    pub(crate) fn write(scene: &Rc<Scene>, write: Write) -> DiskReply {
        let (disk, told) = (&scene.disk, scene.clockwork.awaited());
        let how = scene.trouble(write.key().map(number), op(&write));
        if how == Some(How::DiesBefore) {
            scene.die("before a write");
            return told;
        }
        if disk.broken.get() {
            told.tell(Err(DiskError::Broken));
            return told;
        }
        let asked = Asked::Write { write: Box::new(write), how, told: told.clone() };
        disk.ask(scene, asked);
        told
    }

    /// Waits until what was asked for before is done.
    pub(crate) fn caught_up(scene: &Rc<Scene>) -> Awaited<()> {
        let told = scene.clockwork.awaited();
        scene.disk.ask(scene, Asked::Read(told.clone()));
        told
    }

    fn ask(&self, scene: &Rc<Scene>, asked: Asked) {
        self.queue.borrow_mut().push_back(asked);
        if !self.busy.replace(true) {
            scene.clockwork.spawn(serve(Rc::clone(scene)));
        }
    }

    /// Commits what is under way. Returns whether the process dies by it.
    fn commit(&self, scene: &Scene) -> bool {
        let batch = std::mem::take(&mut *self.committing.borrow_mut());
        let full = scene.scenario.is_disk_full(scene.now());
        let mut dies = false;
        let mut results = Vec::new();
        for asked in batch {
            let Asked::Write { write, how, told } = asked else { continue };
            let refused = match how {
                _ if self.broken.get() => Some(DiskError::Broken),
                Some(How::Unheard) => {
                    if scene.draw.of("is it there").nth(self.commits.get()).one_in(2) {
                        self.apply(scene, &write);
                    }
                    self.broken.set(true);
                    Some(DiskError::Broken)
                }
                Some(How::Fails) => Some(DiskError::Full),
                _ if full => Some(DiskError::Full),
                _ => None,
            };
            dies |= how == Some(How::DiesAfter) && refused.is_none();
            let result = match refused {
                Some(error) => {
                    scene.note(|| format!("not written: {} ({error:?})", name(&write)));
                    Err(error)
                }
                None => Ok(self.apply(scene, &write)),
            };
            results.push((told, result));
        }
        if !dies {
            results.into_iter().for_each(|(told, result)| told.tell(result));
        }
        dies
    }

    fn apply(&self, scene: &Scene, write: &Write) -> WriteResult {
        let result = self.journal.borrow_mut().commit(std::slice::from_ref(write));
        let result = match result {
            Ok(mut results) => results.remove(0),
            Err(error) => {
                scene.violated("records fit the journal", format!("{}: {error}", name(write)));
                return WriteResult::Known;
            }
        };
        let fresh = result == WriteResult::Fresh;
        scene.note(|| format!("{}: {}", if fresh { "written" } else { "known" }, name(write)));
        if fresh {
            let story = write.key().map(|key| self.story(key).expect("its bounty is there"));
            scene.invariants.borrow_mut().written(write, story.as_ref(), scene);
        }
        result
    }

    /// The process died.
    pub(crate) fn crash(&self, scene: &Scene) {
        self.queue.borrow_mut().clear();
        // A commit that was under way is there as a whole, or not at all.
        let batch = std::mem::take(&mut *self.committing.borrow_mut());
        let there = !self.broken.get() && !scene.scenario.is_disk_full(scene.now());
        if there && scene.draw.of("last commit").nth(self.commits.get()).one_in(2) {
            for asked in batch {
                if let Asked::Write { write, how: None | Some(How::Slow | How::Twice | How::DiesAfter), .. } = asked {
                    self.apply(scene, &write);
                }
            }
        }
        self.busy.set(false);
        self.broken.set(false);
    }

    /// Whether nothing is being written.
    pub(crate) fn is_idle(&self) -> bool {
        !self.busy.get()
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&MemoryJournal) -> T) -> T {
        read(&self.journal.borrow())
    }

    pub(crate) fn story(&self, key: &BountyKey) -> Option<Story> {
        let filter = Filter { id: Some(key.id.clone()), ..Filter::default() };
        let mut stories = self.read(|journal| journal.query(&filter, 2)).expect("memory can be read");
        stories.retain(|story| story.bounty.key == *key);
        stories.pop()
    }

    pub(crate) fn stories(&self) -> Vec<Story> {
        self.read(|journal| journal.query(&Filter::default(), usize::MAX)).expect("memory can be read")
    }
}

/// The journal's thread, until nothing waits.
async fn serve(scene: Rc<Scene>) {
    let disk = &scene.disk;
    loop {
        let mut slow = false;
        let mut read = None;
        while read.is_none() {
            let Some(asked) = disk.queue.borrow_mut().pop_front() else { break };
            match asked {
                Asked::Read(told) => read = Some(told),
                Asked::Write { how, .. } => {
                    slow |= how == Some(How::Slow);
                    disk.committing.borrow_mut().push(asked);
                }
            }
        }
        if !disk.committing.borrow().is_empty() {
            disk.commits.set(disk.commits.get() + 1);
            let draw = scene.draw.of("commit").nth(disk.commits.get());
            let time = Duration::from_micros(draw.between(200, 20_000));
            scene.clockwork.sleep(if slow { time + Duration::from_secs(3) } else { time }).await;
            if disk.commit(&scene) {
                scene.die("after a write");
                return std::future::pending().await;
            }
        }
        match read {
            Some(told) => told.tell(()),
            None if disk.queue.borrow().is_empty() => break,
            None => {}
        }
    }
    disk.busy.set(false);
}
