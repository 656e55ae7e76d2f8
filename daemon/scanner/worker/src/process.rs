//! One template process, as its parent holds it: a child, a channel, and its last words.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;

use crate::channel::{self, Packet};
use crate::error::TemplateError;
use crate::fork_server::GRANTED;
use crate::frame::{PACKET_BYTES_MAX, TemplateRequest};
use crate::held::HeldProgram;
use crate::start::Start;
use crate::stderr_tail::StderrTail;
use crate::walls::Walls;

/// Maximum time of a template to start, or to be equipped: normally rules are loaded in 34 ms.
pub(crate) const LOAD_TIME_MAX: Duration = Duration::from_secs(60);
/// Maximum time to fork or reap. A fork normally takes less than 1 ms; this allows for swapping.
pub(crate) const ASK_TIME_MAX: Duration = Duration::from_secs(10);

/// A template process. Killed and reaped when dropped, and its workers with it.
#[derive(Debug)]
pub(crate) struct Process {
    /// One question at a time.
    channel: Mutex<Channel>,
    child: Mutex<Child>,
    words: Mutex<StderrTail>,
    pid: u32,
}

#[derive(Debug)]
struct Channel {
    control: OwnedFd,
    packet: Vec<u8>,
}

/// First message of a template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started {
    pub(crate) walls: Walls,
    pub(crate) self_test: Duration,
}

impl Process {
    /// Starts the program, which waits for what it is to load.
    pub(crate) fn begin(start: &Start) -> Result<Process, TemplateError> {
        let (control, theirs) = channel::pair().map_err(TemplateError::io("create a channel to the template"))?;
        let (words, stderr) = StderrTail::new().map_err(TemplateError::io("create a pipe"))?;
        // Made absolute, for the working directory changes: a template must not hold a file system in use.
        let program = start.held.as_ref().map_or_else(|| start.program.clone(), HeldProgram::place);
        let program = std::path::absolute(&program).unwrap_or(program);
        let child = Command::new(program)
            .args(&start.args)
            // It needs none: no locale, no paths, and no variable that makes the loader or the runtime do more.
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::from(stderr))
            // Keys pressed at a terminal are for the parent, which then ends its workers in good order.
            .process_group(0)
            .spawn()
            .map_err(|source| TemplateError::Start { program: start.program.clone(), source })?;
        let pid = child.id();
        let channel = Mutex::new(Channel { control, packet: vec![0; PACKET_BYTES_MAX] });
        Ok(Process { channel, child: Mutex::new(child), words: Mutex::new(words), pid })
    }

    /// Tells it what to load, and waits until it has tested its sandbox and loaded that.
    pub(crate) fn load(&self, start: &Start) -> Result<Started, TemplateError> {
        let payload = [&start.caps.encode()[..], &start.config].concat();
        let fds: Vec<_> = start.fds.iter().map(OwnedFd::as_fd).collect();
        let (said, _) = self.ask(TemplateRequest::Start, &payload, &fds, LOAD_TIME_MAX)?;
        let &[walls, a, b, c, d] = &said[..] else { return Err(self.gone()) };
        let self_test = Duration::from_micros(u32::from_le_bytes([a, b, c, d]).into());
        Ok(Started { walls: Walls::decode(walls), self_test })
    }

    /// Asks, and waits for the answer. A template that takes longer than `patience` is killed.
    pub(crate) fn ask(
        &self,
        ask: TemplateRequest,
        payload: &[u8],
        fds: &[BorrowedFd<'_>],
        patience: Duration,
    ) -> Result<(Vec<u8>, Vec<OwnedFd>), TemplateError> {
        let mut channel = lock(&self.channel);
        let Channel { control, packet } = &mut *channel;
        match channel::send(&*control, &[&[ask as u8], payload], fds, SendFlags::DONTWAIT) {
            Ok(()) => {}
            Err(Errno::PIPE | Errno::CONNRESET) => return Err(self.gone()),
            Err(errno) => return Err(TemplateError::io("send a request to the template")(errno)),
        }
        if !self.answers(control.as_fd(), Instant::now() + patience) {
            self.kill();
            return Err(TemplateError::Stuck(patience));
        }
        match channel::receive(&*control, packet) {
            Ok(Packet::Bytes(length, fds)) => match packet.get(..length).and_then(<[u8]>::split_first) {
                Some((&GRANTED, said)) => Ok((said.to_vec(), fds)),
                Some((_, said)) => Err(TemplateError::Refused(String::from_utf8_lossy(said).into_owned())),
                None => Err(self.gone()),
            },
            Ok(Packet::End | Packet::TooLarge) => Err(self.gone()),
            Err(errno) => Err(TemplateError::io("receive from the template")(errno)),
        }
    }

    /// Waits for its answer, taking its words meanwhile; tells whether that came before `deadline`.
    fn answers(&self, control: BorrowedFd<'_>, deadline: Instant) -> bool {
        let mut words = lock(&self.words);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut fds: Vec<_> = [Some(control), words.pipe().map(AsFd::as_fd)]
                .into_iter()
                .flatten()
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
                .collect();
            // An error (a signal, no memory) is as if nothing had happened.
            let _ = poll(&mut fds, Some(&timespec(left)));
            let happened: Vec<_> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            if happened.first() == Some(&true) {
                return true;
            }
            if happened.get(1) == Some(&true) {
                words.take();
            }
            if left.is_zero() {
                return false;
            }
        }
    }

    /// Whether it still runs.
    pub(crate) fn lives(&self) -> bool {
        matches!(lock(&self.child).try_wait(), Ok(None))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    fn gone(&self) -> TemplateError {
        self.kill();
        TemplateError::Gone(lock(&self.words).last())
    }

    fn kill(&self) {
        let mut child = lock(&self.child);
        // Errors say that it has ended, and been reaped, before.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until `fd` has something to read (or its other end is closed); answers whether that came before `deadline`.
pub(crate) fn ready(fd: BorrowedFd<'_>, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], Some(&timespec(left))) {
            Ok(0) if left.is_zero() => return false,
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
}

pub(crate) fn timespec(duration: Duration) -> Timespec {
    // A duration past what a timespec holds is past every deadline that anybody sets.
    Timespec::try_from(duration).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}

/// Locks a mutex and ignores poisoning: the protected data is valid between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
