//! Triage of many files: what is each file below these paths?
//!
//! With a warm cache there are three system calls per file: open, read of the first 4 KiB, close. The size is requested
//! only if structure needs it. If reads would wait for the disk, files go through an io_uring with many in flight, if
//! the machine allows it (containers often do not).
//!
//! The choice between the two depends on measurements: see `pace.rs`. Both give the same kinds and errors, and each
//! file exactly once; only the order differs.

mod flight;
mod pace;
mod plain;

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use triage::{FileKind, HEAD_BYTES, triage_window};

use daemon_artifact::OpenError;

use crate::entry::EntryRef;
use crate::policy::Policy;
use crate::summary::{Unreadable, WalkSummary};
use crate::walk::walk;

use flight::{Flight, Landed};
use pace::Pace;
use plain::{OfFile, Reopened};

/// How files are read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Mode {
    /// Plain while the cache is warm, io_uring while it is cold and the machine allows it.
    #[default]
    Auto,
    /// One blocking read after the other.
    Plain,
    /// Everything through io_uring, if the machine allows it.
    Uring,
}

/// How the files were read.
#[derive(Debug, Default)]
pub enum Backend {
    /// Blocking reads; io_uring was not wanted or never needed.
    #[default]
    Plain,
    /// io_uring, for [`SweepSummary::through_uring`] of the files.
    Uring,
    /// Blocking reads, for io_uring was wanted but could not be had. This is why: forbidden by the kernel or a
    /// container (EPERM), unknown to it (ENOSYS), no memory that may be locked (ENOMEM).
    Refused(io::Error),
}

/// Summary of a sweep.
#[derive(Debug, Default)]
pub struct SweepSummary {
    /// Summary of the walk. Files that could not be opened or read are among the unreadable ones.
    pub walk: WalkSummary,
    /// Number of files that were identified.
    pub triaged: u64,
    /// Number of files read through io_uring.
    pub through_uring: u64,
    /// How the files were read.
    pub backend: Backend,
}

/// Tells `each` the kind of every file below `paths`, on one thread, until it breaks.
pub fn sweep<P: AsRef<Path>>(
    paths: impl IntoIterator<Item = P>,
    policy: &Policy,
    mode: Mode,
    each: &mut impl FnMut(EntryRef<'_>, FileKind) -> ControlFlow<()>,
) -> SweepSummary {
    let mut sweep = Sweep {
        tally: SweepTally { policy, each, triaged: 0, unreadable: Unreadable::default() },
        pace: Pace::new(mode),
        ring: Ring::Untried,
        through_uring: 0,
        head: Box::new([0; HEAD_BYTES]),
    };
    let mut summary = walk(paths, policy, &mut |entry| sweep.file(entry));
    if !summary.stopped {
        summary.stopped = sweep.land(0).is_break();
    }
    let Sweep { tally, ring, through_uring, .. } = sweep;
    summary.unreadable.count += tally.unreadable.count;
    summary.unreadable.named.extend(tally.unreadable.named);
    summary.unreadable.named.truncate(policy.named_max);
    let backend = match ring {
        Ring::Untried => Backend::Plain,
        Ring::Ready(_) => Backend::Uring,
        Ring::Refused(error) => Backend::Refused(error),
    };
    SweepSummary { walk: summary, triaged: tally.triaged, through_uring, backend }
}

struct Sweep<'p, F> {
    tally: SweepTally<'p, F>,
    pace: Pace,
    ring: Ring,
    through_uring: u64,
    head: Box<[u8; HEAD_BYTES]>,
}

enum Ring {
    Untried,
    Ready(Flight),
    Refused(io::Error),
}

/// Counts files, whichever way they were read.
struct SweepTally<'p, F> {
    policy: &'p Policy,
    each: &'p mut F,
    triaged: u64,
    unreadable: Unreadable,
}

impl<F: FnMut(EntryRef<'_>, FileKind) -> ControlFlow<()>> SweepTally<'_, F> {
    fn told(&mut self, entry: EntryRef<'_>, kind: FileKind) -> ControlFlow<()> {
        self.triaged += 1;
        (self.each)(entry, kind)
    }

    fn failed(&mut self, entry: EntryRef<'_>, why: OpenError) -> ControlFlow<()> {
        self.unreadable.note(|| entry.path(), why, self.policy.named_max);
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(EntryRef<'_>, FileKind) -> ControlFlow<()>> Sweep<'_, F> {
    fn file(&mut self, entry: EntryRef<'_>) -> ControlFlow<()> {
        if !self.pace.wants_uring() {
            self.land(0)?;
            return self.plain(entry);
        }
        if let Ring::Untried = self.ring {
            self.ring = Flight::new().map_or_else(Ring::Refused, Ring::Ready);
        }
        match &mut self.ring {
            Ring::Ready(flight) => {
                flight.start(entry.to_owned());
                if flight.is_full() { self.land(flight::LANDED_AT) } else { ControlFlow::Continue(()) }
            }
            Ring::Untried | Ring::Refused(_) => {
                self.pace.refuse_uring();
                self.plain(entry)
            }
        }
    }

    fn plain(&mut self, entry: EntryRef<'_>) -> ControlFlow<()> {
        let opened = entry.open().and_then(|file| {
            let head = plain::read_head(&file, &mut self.head, &mut self.pace)?;
            Ok(triage_window(head, &mut OfFile(&file)))
        });
        match opened {
            Ok(kind) => self.tally.told(entry, kind),
            Err(why) => self.tally.failed(entry, why),
        }
    }

    /// Waits until at most `left` files are in flight, and tells the kinds of those that have landed.
    fn land(&mut self, left: usize) -> ControlFlow<()> {
        let Ring::Ready(flight) = &mut self.ring else { return ControlFlow::Continue(()) };
        for Landed { entry, outcome, head } in flight.land(left) {
            match outcome {
                Ok(()) => {
                    let kind = triage_window(&head, &mut Reopened::new(entry.borrow()));
                    self.through_uring += 1;
                    self.tally.told(entry.borrow(), kind)?;
                }
                // The plain path has the last word, so that both give the same errors. If it can read what the
                // ring cannot, then it is the ring that is at fault: no opens in it, or no /proc here.
                Err(error) => {
                    let triaged = self.tally.triaged;
                    self.plain(entry.borrow())?;
                    if self.tally.triaged > triaged {
                        self.land(0)?;
                        self.ring = Ring::Refused(error);
                    }
                }
            }
            if let Ring::Ready(flight) = &mut self.ring {
                flight.reuse(head);
            }
        }
        ControlFlow::Continue(())
    }
}
