//! The parent's handle of one worker: jobs in, replies out, and an end for whatever takes too long or too much.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::process::{Signal, pidfd_send_signal};

use crate::channel::{self, Packet};
use crate::death::{Cause, Death};
use crate::error::TemplateError;
use crate::frame::{JobHead, PACKET_BYTES_MAX, REQUEST_BYTES_MAX, TemplateRequest};
use crate::memory::ProcessMemory;
use crate::process::{ASK_TIME_MAX, Process, ready, timespec};
use crate::reply::{Expect, ReplyPart, UNASKED};
use crate::service::Served;
use crate::stderr_tail::StderrTail;
use crate::walls::{Caps, Walls};

/// Jobs that a worker should do before it is replaced: what leaks, leaks no further.
pub const JOBS_MAX: u64 = 10_000;
/// Jobs that a worker can have at once: one is done, the others wait in the socket.
pub const OUTSTANDING_MAX: usize = 32;
/// Maximum time for the next part of a reply.
const PART_TIME_MAX: Duration = Duration::from_secs(1);
/// How often the memory of a busy worker is checked. In 20 ms it grows by at most 40 MiB (2 GB/s of fresh pages); a
/// check costs 2 us.
const WATCH_INTERVAL: Duration = Duration::from_millis(20);
/// Maximum time of a new worker to rehearse.
const READY_TIME_MAX: Duration = Duration::from_secs(10);
/// Maximum time of a process from its kill to its end.
const END_TIME_MAX: Duration = Duration::from_secs(5);

/// Why a job was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// It has [`OUTSTANDING_MAX`] jobs, or as many as fit into its socket.
    #[error("the worker has as many jobs as it can have")]
    Full,
    /// Larger than [`REQUEST_BYTES_MAX`].
    #[error("the request is too large")]
    TooLarge,
    /// The worker is dead; the call that noticed it gave the cause.
    #[error("the worker is dead")]
    Dead,
    /// The operating system refuses, for reasons of the parent's: no memory, too many descriptors in flight.
    #[error("cannot send to the worker: {0}")]
    Io(Errno),
}

/// A worker process. Killed and reaped when dropped.
#[derive(Debug)]
pub struct Worker {
    process: Arc<Process>,
    pid: i32,
    pidfd: OwnedFd,
    socket: OwnedFd,
    /// The worker's end of the socket, which is not read while the worker lives. After its death it still contains the
    /// jobs that were not taken up, so they can be counted. Therefore the end is detected by the process, not by the
    /// socket.
    theirs: OwnedFd,
    words: StderrTail,
    memory: Option<ProcessMemory>,
    memory_bytes_max: u64,
    packet: Box<[u8]>,
    /// Nonces of the jobs that were sent and are not answered yet, the oldest first.
    asked: VecDeque<u64>,
    /// Jobs sent so far.
    begun: u64,
    dead: bool,
    /// Whether it wrote to its standard error since its last reply.
    spoke: bool,
}

impl Worker {
    pub(crate) fn new(process: Arc<Process>, walls: Walls, caps: &Caps) -> Result<Worker, TemplateError> {
        let (socket, theirs) = channel::pair().map_err(TemplateError::io("create a channel to the worker"))?;
        let (words, stderr) = StderrTail::new().map_err(TemplateError::io("create a pipe"))?;
        let (said, mut fds) =
            process.ask(TemplateRequest::Fork, &[], &[theirs.as_fd(), stderr.as_fd()], ASK_TIME_MAX)?;
        // Only the worker may hold this end: that it closes is how its last words come to an end.
        drop(stderr);
        let (Ok(pid), Some(pidfd)) = (<[u8; 4]>::try_from(&said[..]), fds.pop()) else {
            return Err(TemplateError::Gone("the template did not fork a worker".to_owned()));
        };
        let pid = i32::from_le_bytes(pid);
        let mut worker = Worker {
            process,
            pid,
            pidfd,
            socket,
            theirs,
            words,
            memory: ProcessMemory::of(pid.unsigned_abs()),
            memory_bytes_max: u64::MAX,
            packet: vec![0; PACKET_BYTES_MAX].into_boxed_slice(),
            asked: VecDeque::new(),
            begun: 0,
            dead: false,
            spoke: false,
        };
        match worker.await_part(Instant::now() + READY_TIME_MAX, &mut Expect::Ready, &mut Vec::new()) {
            Ok(ReplyPart::Ready(raised)) if raised == walls => {}
            Ok(ReplyPart::Ready(_)) => return Err(TemplateError::Weaker),
            Ok(_) => return Err(TemplateError::Stillborn(worker.end(Some(Cause::Garbled(UNASKED))))),
            Err(death) => return Err(TemplateError::Stillborn(death)),
        }
        let idle = worker.memory.as_ref().and_then(ProcessMemory::own_bytes).unwrap_or(0);
        worker.memory_bytes_max = idle.saturating_add(caps.memory_bytes);
        Ok(worker)
    }

    /// Sends a job. Its time starts when the worker takes it up. A death of the worker is reported by
    /// [`Worker::receive`], not here.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the worker is dead or has as many jobs as it can have, the request is too long, or the system lacks memory
    /// or descriptors.
    pub fn send(&mut self, artifact: BorrowedFd<'_>, request: &[u8], limit: Duration) -> Result<(), SendError> {
        if self.dead {
            return Err(SendError::Dead);
        }
        if self.outstanding() >= OUTSTANDING_MAX {
            return Err(SendError::Full);
        }
        if request.len() > REQUEST_BYTES_MAX {
            return Err(SendError::TooLarge);
        }
        let nonce = getrandom::u64().map_err(|_| SendError::Io(Errno::IO))?;
        let job = JobHead { nonce, limit };
        match channel::send(&self.socket, &[&job.encode(), request], &[artifact], SendFlags::DONTWAIT) {
            Ok(()) | Err(Errno::PIPE | Errno::CONNRESET) => {
                self.asked.push_back(nonce);
                self.begun += 1;
                Ok(())
            }
            Err(Errno::AGAIN) if self.outstanding() > 0 => Err(SendError::Full),
            Err(errno) => Err(SendError::Io(errno)),
        }
    }

    /// Waits for the reply to the oldest job that was sent. Past `deadline` (which should be a little later than the
    /// job's own limit) the worker is killed; so it is if it holds too much memory, or says what makes no sense. After
    /// a death the oldest job may be to blame for it if it was [reached](Death::reached); any other job sent, and that
    /// one too if it was not, is to be sent to another worker.
    ///
    /// `reply` is cleared first. It is as hostile as the artifact: bounded by [`REPLY_BYTES_MAX`](crate::REPLY_BYTES_MAX), not more.
    ///
    /// # Panics
    ///
    /// Panics if no job is outstanding, or a death was reported before.
    ///
    /// # Errors
    ///
    /// [`Death`] if the worker died or was killed, with the cause.
    pub fn receive(&mut self, mut deadline: Instant, reply: &mut Vec<u8>) -> Result<Served, Death> {
        let asked = self.asked.front().copied().filter(|_| !self.dead);
        let nonce = asked.expect("a reply is awaited that nothing was asked for");
        reply.clear();
        let mut expect = Expect::Reply(nonce);
        loop {
            match self.await_part(deadline, &mut expect, reply)? {
                ReplyPart::Whole(served) => {
                    if self.spoke {
                        self.words.forget();
                        self.spoke = false;
                    }
                    self.asked.pop_front();
                    return Ok(served);
                }
                // The job was done in time; the rest of a long reply waits for us to take it.
                ReplyPart::Some => deadline = deadline.max(Instant::now() + PART_TIME_MAX),
                ReplyPart::Ready(_) => return Err(self.end(Some(Cause::Garbled(UNASKED)))),
            }
        }
    }

    /// Jobs sent that are not answered yet.
    pub fn outstanding(&self) -> usize {
        self.asked.len()
    }

    /// Jobs it was given so far, done or not; it should get no more than [`JOBS_MAX`].
    pub fn jobs_begun(&self) -> u64 {
        self.begun
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.pid.unsigned_abs()
    }

    /// Bytes of memory of its own that it holds now; `None` where that cannot be seen.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.memory.as_ref().and_then(ProcessMemory::own_bytes)
    }

    /// Waits for one packet, watching life, memory and time meanwhile.
    fn await_part(&mut self, deadline: Instant, expect: &mut Expect, reply: &mut Vec<u8>) -> Result<ReplyPart, Death> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let [talks, ended, speaks] = self.wait(left.min(WATCH_INTERVAL));
            if speaks {
                self.words.take();
                self.spoke = true;
            }
            // What it said before it died counts, so its socket comes first.
            if talks {
                match channel::receive_bytes(&self.socket, &mut self.packet) {
                    Ok(Packet::Bytes(length, _)) => {
                        let packet = self.packet.get(..length).unwrap_or_default();
                        return expect.take(packet, reply).map_err(|reason| self.end(Some(Cause::Garbled(reason))));
                    }
                    Ok(Packet::TooLarge) => return Err(self.end(Some(Cause::Garbled("its reply is too large")))),
                    Ok(Packet::End) => {
                        return Err(self.end(Some(Cause::Garbled("it closed its socket without a reply"))));
                    }
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Err(_) => return Err(self.end(Some(Cause::Garbled("its socket is broken")))),
                }
            }
            if ended {
                return Err(self.end(None));
            }
            if left.is_zero() {
                return Err(self.end(Some(Cause::Killed)));
            }
            if !talks && let Some(bytes) = self.memory_bytes().filter(|&bytes| bytes > self.memory_bytes_max) {
                return Err(self.end(Some(Cause::Memory(bytes))));
            }
        }
    }

    /// Waits until something happens: to its socket, its life, its standard error.
    fn wait(&self, patience: Duration) -> [bool; 3] {
        let input = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut fds = [input(self.socket.as_fd()), input(self.pidfd.as_fd()), input(self.pidfd.as_fd())];
        let speaks = self.words.pipe().map(|pipe| input(pipe.as_fd()));
        let count = 2 + usize::from(speaks.is_some());
        if let Some(speaks) = speaks {
            fds[2] = speaks;
        }
        // An error (a signal, no memory) is as if nothing had happened: who waits looks again.
        let _ = poll(&mut fds[..count], Some(&timespec(patience)));
        let happened = |index: usize| index < count && !fds[index].revents().is_empty();
        [happened(0), happened(1), happened(2)]
    }

    /// Ends it, unless it has ended by itself, and finds out how.
    fn end(&mut self, cause: Option<Cause>) -> Death {
        self.dead = true;
        if cause.is_some() {
            // It fails where the process has ended already.
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
        }
        let ended = ready(self.pidfd.as_fd(), Instant::now() + END_TIME_MAX);
        // Reaped in any case where it can be, so that it is no zombie.
        let status = if ended { self.reap() } else { None };
        let cause = cause.or(status).unwrap_or(Cause::Orphaned);
        let reached = self.outstanding() > self.unread();
        Death { cause, words: self.words.last(), reached }
    }

    /// Counts and removes the jobs in its socket that were never taken up. Call it once, after the death.
    fn unread(&self) -> usize {
        let mut count = 0;
        while let Ok(Packet::Bytes(..) | Packet::TooLarge) = channel::receive_bytes(&self.theirs, &mut [0; 1]) {
            count += 1;
        }
        count
    }

    /// Has the template reap it; `None` if the template is gone, which takes the status with it.
    fn reap(&self) -> Option<Cause> {
        let (said, _) = self.process.ask(TemplateRequest::Reap, &self.pid.to_le_bytes(), &[], ASK_TIME_MAX).ok()?;
        let status = i32::from_le_bytes(said[..].try_into().ok()?);
        if libc::WIFSIGNALED(status) {
            Some(Cause::Signal(libc::WTERMSIG(status)))
        } else {
            Some(Cause::Exit(libc::WEXITSTATUS(status)))
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.dead {
            self.end(Some(Cause::Killed));
        }
    }
}
