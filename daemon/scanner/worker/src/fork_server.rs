//! The life of a template: tries the walls, loads what workers need, and from then on only forks and buries.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::time::Instant;

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{SendFlags, SocketType, sockopt};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process, pidfd_open, waitpid};

use crate::channel::{self, Packet};
use crate::fork::{close_all_but, fork, reset_signals};
use crate::frame::{PACKET_BYTES_MAX, TemplateRequest};
use crate::sandbox_check::SelfTest;
use crate::service::Service;
use crate::walled::{Birth, live};
use crate::walls::{Caps, Wall, Walls};

/// A template that loads for longer than this is stuck, and ends itself. In seconds; see
/// [`LOAD_TIME_MAX`](crate::process::LOAD_TIME_MAX) for who notices first.
const LOAD_SECONDS_MAX: u32 = 120;

/// The first byte of a template's reply.
pub(crate) const GRANTED: u8 = 1;
pub(crate) const REFUSED: u8 = 0;

/// A template's `main`, to be called before anything else in it: takes standard input for the channel to the
/// parent, closes all other descriptors, calls `build` with the configuration and descriptors that the parent gave
/// while children try the walls, and then serves the parent until it hangs up.
///
/// `build` must start no thread; see [`Service`].
#[expect(clippy::print_stderr, reason = "the `main` of the template: its parent reads this, and keeps the last lines")]
pub fn run(build: impl FnOnce(&[u8], Vec<OwnedFd>) -> Result<Box<dyn Service>, String>) -> ExitCode {
    match nurse(build) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn nurse(build: impl FnOnce(&[u8], Vec<OwnedFd>) -> Result<Box<dyn Service>, String>) -> Result<(), String> {
    let control = take_control()?;
    reset_signals();
    let mut packet = vec![0; PACKET_BYTES_MAX];
    let Some((TemplateRequest::Start, start, fds)) = receive(control.as_fd(), &mut packet)? else {
        return Err("the start message is missing".to_owned());
    };
    let Some((caps, config)) = Caps::decode(start) else { return Err("the start message is truncated".to_owned()) };

    let built = SelfTest::begin(&caps).and_then(|tests| {
        let service = timed(|| build(config, fds));
        // An escape is the worse news, so it is told first.
        let begun = Instant::now();
        let walls = enough(&caps, tests.finish()?)?;
        Ok((walls, begun.elapsed(), service?))
    });
    let (walls, awaited, mut service) = match built {
        Ok(built) => built,
        Err(error) => return reply(control.as_fd(), Err(error), &[]),
    };
    let micros = u32::try_from(awaited.as_micros()).unwrap_or(u32::MAX).to_le_bytes();
    reply(control.as_fd(), Ok(&[&[walls.encode()], &micros[..]].concat()), &[])?;

    while let Some((ask, payload, fds)) = receive(control.as_fd(), &mut packet)? {
        match ask {
            TemplateRequest::Start => return Err("already started".to_owned()),
            TemplateRequest::Equip => {
                let equipped = timed(|| service.equip(payload));
                reply(control.as_fd(), equipped.map(|()| &[][..]), &[])?;
                // No fork would be sound any more.
                alone()?;
            }
            TemplateRequest::Fork => match bear(service.as_mut(), fds, &caps) {
                Ok((pid, pidfd)) => {
                    let pid = pid.as_raw_nonzero().get().to_le_bytes();
                    reply(control.as_fd(), Ok(&pid), &[pidfd.as_fd()])?;
                }
                Err(error) => reply(control.as_fd(), Err(error), &[])?,
            },
            TemplateRequest::Reap => {
                let status = bury(payload);
                let status = status.as_ref().map(|status| &status[..]).map_err(Clone::clone);
                reply(control.as_fd(), status, &[])?;
            }
        }
    }
    Ok(())
}

/// Moves the channel to the parent off standard input, where a library could read it, and closes everything else.
fn take_control() -> Result<OwnedFd, String> {
    let fail = |error: std::io::Error| format!("cannot arrange the descriptors: {error}");
    if sockopt::socket_type(rustix::stdio::stdin()) != Ok(SocketType::SEQPACKET) {
        return Err("this program is started by stakeout and cannot be run by hand".to_owned());
    }
    close_all_but(None).map_err(fail)?;
    let control = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).map_err(|e| fail(e.into()))?;
    let null = std::fs::File::open("/dev/null").map_err(fail)?;
    rustix::stdio::dup2_stdin(&null).map_err(|e| fail(e.into()))?;
    Ok(control)
}

/// Whether what stands is enough.
fn enough(caps: &Caps, walls: Walls) -> Result<Walls, String> {
    let missing: Vec<_> = walls.missing().map(Wall::name).collect();
    if caps.strict && !missing.is_empty() {
        return Err(format!("this kernel lacks required parts of the sandbox: {}", missing.join(", ")));
    }
    Ok(walls)
}

/// Runs foreign code that loads something: it may neither take for ever nor leave a thread behind.
fn timed<T>(load: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // The parent watches the time too; this is for when there is no parent any more.
    alarm_in(LOAD_SECONDS_MAX);
    let loaded = load();
    alarm_in(0);
    alone()?;
    loaded
}

/// Whether this is the only thread, according to `/proc`.
fn alone() -> Result<(), String> {
    match std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count) {
        0 | 1 => Ok(()),
        threads => Err(format!("the service started {} threads, which are not allowed before a fork", threads - 1)),
    }
}

/// Ends this process with SIGALRM after this many seconds; 0 disables the alarm.
fn alarm_in(seconds: u32) {
    // JUSTIFICATION: our crates have no safe wrapper of alarm.
    // SAFETY: it touches no memory; what SIGALRM does is left to the default, which ends the process.
    unsafe { libc::alarm(seconds) };
}

/// Forks a worker around the socket and the standard error that came along.
fn bear(service: &mut dyn Service, fds: Vec<OwnedFd>, caps: &Caps) -> Result<(Pid, OwnedFd), String> {
    let [socket, words] = <[OwnedFd; 2]>::try_from(fds).map_err(|_| "a worker needs two descriptors".to_owned())?;
    let template = getpid();
    let pid = fork(|| live(service, Birth { socket, words, caps, template }))
        .map_err(|error| format!("cannot fork a worker: {error}"))?;
    // Not reaped before the parent asks, so the number is still the worker's, even if it has died already.
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => Ok((pid, pidfd)),
        Err(errno) => {
            // Its parent still holds the other end of its socket, so it would wait for ever. If it has ended, so much the
            // better.
            let _ = kill_process(pid, Signal::KILL);
            let _ = waitpid(Some(pid), WaitOptions::empty());
            Err(format!("cannot open a pidfd of the worker: {errno}"))
        }
    }
}

/// Reaps the worker of the number in `payload`, which must have ended; answers its raw status.
fn bury(payload: &[u8]) -> Result<[u8; 4], String> {
    let pid = payload.try_into().ok().map(i32::from_le_bytes).filter(|&pid| pid > 0).and_then(Pid::from_raw);
    let Some(pid) = pid else { return Err("not a process".to_owned()) };
    match waitpid(Some(pid), WaitOptions::NOHANG) {
        Ok(Some((_, status))) => Ok(status.as_raw().to_le_bytes()),
        Ok(None) => Err("the worker has not exited".to_owned()),
        Err(errno) => Err(format!("cannot reap the worker: {errno}")),
    }
}

type TemplateQuestion<'p> = (TemplateRequest, &'p [u8], Vec<OwnedFd>);

/// Receives a request; `None` if the parent closed the channel.
fn receive<'p>(control: BorrowedFd<'_>, packet: &'p mut [u8]) -> Result<Option<TemplateQuestion<'p>>, String> {
    match channel::receive(control, packet) {
        Ok(Packet::Bytes(length, fds)) => {
            let (ask, payload) = packet.get(..length).and_then(<[u8]>::split_first).ok_or("empty request")?;
            let ask = TemplateRequest::of(*ask).ok_or("unknown request")?;
            Ok(Some((ask, payload, fds)))
        }
        Ok(Packet::End) => Ok(None),
        Ok(Packet::TooLarge) => Err("request too large".to_owned()),
        Err(errno) => Err(format!("cannot receive a request: {errno}")),
    }
}

fn reply(control: BorrowedFd<'_>, said: Result<&[u8], String>, fds: &[BorrowedFd<'_>]) -> Result<(), String> {
    let sent = match &said {
        Ok(payload) => channel::send(control, &[&[GRANTED], payload], fds, SendFlags::empty()),
        Err(error) => {
            let error = error.as_bytes();
            let cut = error.get(..error.len().min(ERROR_BYTES_MAX)).unwrap_or_default();
            channel::send(control, &[&[REFUSED], cut], fds, SendFlags::empty())
        }
    };
    match sent {
        // It hung up meanwhile: the next look at the channel tells.
        Ok(()) | Err(Errno::PIPE) => Ok(()),
        Err(errno) => Err(format!("cannot send an answer: {errno}")),
    }
}

/// Longest text of a failure, in bytes.
const ERROR_BYTES_MAX: usize = 16 << 10;
