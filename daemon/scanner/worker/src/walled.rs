//! The life of a worker: forked, walled, one job after another, until its parent hangs up.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use analyzers::Cancel;
use rustix::net::SendFlags;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::channel::Packet;
use crate::fork::close_all_but;
use crate::frame::{Head, JobHead, NEED_BYTES_MAX, PACKET_BYTES_MAX, PART_BYTES_MAX, PacketKind, REPLY_BYTES_MAX};
use crate::service::{Served, Service};
use crate::walls::{Answers, Caps, Profile, Walls, raise};
use crate::{alarm, channel};

/// Statuses of workers that ended themselves.
const PARENT_GONE: i32 = 0;
const NOT_READY: i32 = 3;
const BROKEN: i32 = 4;

/// What a worker inherits from its template.
pub(crate) struct Birth<'t> {
    pub(crate) socket: OwnedFd,
    /// Pipe for its standard error.
    pub(crate) words: OwnedFd,
    pub(crate) caps: &'t Caps,
    pub(crate) template: Pid,
}

/// Runs in the forked child; answers the status to exit with.
pub(crate) fn live(service: &mut dyn Service, birth: Birth<'_>) -> i32 {
    let Birth { socket, words, caps, template } = birth;
    let (status, error) = match prepare(service, socket.as_fd(), words, caps, template) {
        Err(error) => (NOT_READY, error),
        Ok((walls, cancel)) => match work(service, socket.as_fd(), walls, &cancel) {
            Ok(()) => return PARENT_GONE,
            Err(error) => (BROKEN, error),
        },
    };
    #[expect(clippy::print_stderr, reason = "the end of the worker: its parent reads this, and keeps the last lines")]
    {
        eprintln!("{error}");
    }
    status
}

/// Everything before the first job, in an order that matters.
fn prepare(
    service: &mut dyn Service,
    socket: BorrowedFd<'_>,
    words: OwnedFd,
    caps: &Caps,
    template: Pid,
) -> Result<(Walls, Cancel), String> {
    let fail = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    rustix::stdio::dup2_stderr(&words).map_err(|e| fail("cannot redirect standard error")(e.into()))?;
    drop(words);
    close_all_but(Some(socket.as_raw_fd())).map_err(fail("cannot close inherited descriptors"))?;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| fail("cannot set the parent death signal")(e.into()))?;
    if getppid() != Some(template) {
        return Err("the template died during the fork".to_owned());
    }
    let cancel = alarm::install().map_err(fail("cannot install the alarm handler"))?;
    // First to be killed when the machine runs out of memory. Best effort: it needs /proc.
    let _ = std::fs::write("/proc/self/oom_score_adj", "900");
    let profile = Profile::Worker { socket: socket.as_raw_fd() };
    let walls = raise(profile, caps, Some(Answers::DEADLY), || service.rehearse())?;
    Ok((walls, cancel))
}

/// Job after job, until the parent hangs up.
fn work(service: &mut dyn Service, socket: BorrowedFd<'_>, walls: Walls, cancel: &Cancel) -> Result<(), String> {
    let mut packet = vec![0; PACKET_BYTES_MAX];
    let mut reply = Vec::new();
    answer(socket, PacketKind::Ready, 0, &[walls.encode()])?;
    loop {
        let (length, mut fds) = match channel::receive(socket, &mut packet) {
            Ok(Packet::Bytes(length, fds)) => (length, fds),
            Ok(Packet::End) => return Ok(()),
            Ok(Packet::TooLarge) => return Err("a job is too large".to_owned()),
            Err(errno) => return Err(format!("cannot receive a job: {errno}")),
        };
        let Some((job, request)) = packet.get(..length).and_then(JobHead::decode) else {
            return Err("a job without a header".to_owned());
        };
        let Some(artifact) = fds.pop() else { return Err("a job without an artifact".to_owned()) };
        reply.clear();
        cancel.reset();
        alarm::set(job.limit);
        let served = service.serve(artifact, request, cancel, &mut reply);
        alarm::clear();
        match served {
            Served::Done if reply.len() <= REPLY_BYTES_MAX => answer(socket, PacketKind::Done, job.nonce, &reply)?,
            Served::Needs(need) if need.len() <= NEED_BYTES_MAX => answer(socket, PacketKind::Needs, job.nonce, &need)?,
            Served::Done | Served::Needs(_) => return Err("a reply is too large".to_owned()),
        }
    }
}

/// Sends `bytes` in as many packets as it takes.
fn answer(socket: BorrowedFd<'_>, kind: PacketKind, job: u64, bytes: &[u8]) -> Result<(), String> {
    let length = u32::try_from(bytes.len()).map_err(|_| "a reply is too large".to_owned())?;
    let (first, mut rest) = bytes.split_at(bytes.len().min(PART_BYTES_MAX));
    let mut part = first;
    let mut head = Head { kind, job, length };
    let mut sent = 0u32;
    loop {
        channel::send(socket, &[&head.encode(), part], &[], SendFlags::empty())
            .map_err(|errno| format!("cannot send a reply: {errno}"))?;
        sent = sent.saturating_add(u32::try_from(part.len()).unwrap_or(u32::MAX));
        if rest.is_empty() {
            return Ok(());
        }
        (part, rest) = rest.split_at(rest.len().min(PART_BYTES_MAX));
        head = Head { kind: PacketKind::More, job, length: sent };
    }
}
