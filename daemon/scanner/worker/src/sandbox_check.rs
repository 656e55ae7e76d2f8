//! The self-test: a template tries what its workers must not be able to do, and refuses to work if anything succeeds.
//!
//! Two throw-away children raise the walls of a worker. One has the filters of system calls with other answers
//! ([`Answers::HARMLESS`]): an attempt is refused by the filter only if it fails with exactly that answer, so it
//! costs no process per attempt and leaves no line in the kernel's log. The other has no filter, so that the walls
//! behind it are tried too. Takes about 2 ms, on the processors that the template leaves idle while it loads; forked
//! before that, while a fork is cheap.
//!
//! The tests of this crate check that the real filter kills; the filters differ only in that.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};

use libc::c_long;
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::fork::{close_all_but, fork};
use crate::walls::{Answers, Caps, Profile, Wall, Walls, raise};

/// One thing that must fail.
struct Attempt {
    what: &'static str,
    call: c_long,
    arguments: [usize; 6],
    /// The errors of which one must come.
    refused: &'static [i32],
}

const KILLED: &[i32] = &[libc::ENOTRECOVERABLE];
const DENIED: &[i32] = &[libc::EOWNERDEAD];

/// The two children at work.
pub(crate) struct SelfTest {
    filtered: SandboxProbe,
    bare: SandboxProbe,
}

/// A child that tries, and the pipe that it will report to.
struct SandboxProbe {
    pid: Pid,
    report: OwnedFd,
}

impl SelfTest {
    /// Forks the children. They try while the caller loads.
    pub(crate) fn begin(caps: &Caps) -> Result<SelfTest, String> {
        // The children's parent, asked for now: behind the walls they cannot.
        let us = std::process::id() as usize;
        let filtered = SandboxProbe::fork(caps, Some(Answers::HARMLESS), |_| filtered(us))?;
        let bare = SandboxProbe::fork(caps, None, |walls| behind(walls, caps, us))?;
        Ok(SelfTest { filtered, bare })
    }

    /// Waits for what they found: which walls stand, or everything that got through.
    pub(crate) fn finish(self) -> Result<Walls, String> {
        let (filtered, through) = self.filtered.finish()?;
        let (bare, behind) = self.bare.finish()?;
        if !through.is_empty() || !behind.is_empty() {
            return Err(format!("a sandboxed process can: {}", [through, behind].concat().join(", ")));
        }
        let differs = |wall: &Wall| *wall != Wall::Calls && filtered.stands(*wall) != bare.stands(*wall);
        if let Some(wall) = Wall::ALL.into_iter().find(differs) {
            return Err(format!("a part of the sandbox works only sometimes: {}", wall.name()));
        }
        Ok(filtered)
    }
}

impl SandboxProbe {
    /// Runs `attempts` in a walled child.
    fn fork(
        caps: &Caps,
        answers: Option<Answers>,
        attempts: impl FnOnce(Walls) -> Vec<Attempt>,
    ) -> Result<SandboxProbe, String> {
        let (report, write) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|errno| cannot(errno.into()))?;
        let pid = fork(|| {
            // A worker may write to its standard error and nowhere else, so that is where findings go.
            let ready = rustix::stdio::dup2_stderr(&write).is_ok() && close_all_but(Some(write.as_raw_fd())).is_ok();
            let profile = Profile::Worker { socket: write.as_raw_fd() };
            let walls = match raise(profile, caps, answers, || ()) {
                Ok(walls) if ready => walls,
                Ok(_) => return say(b"\0cannot prepare"),
                Err(error) => return say(format!("\0{error}").as_bytes()),
            };
            let through = attempts(walls).into_iter().filter_map(|attempt| through(&attempt));
            let found = through.collect::<Vec<_>>().join("\n");
            say(&[&[walls.encode() | REPORT], found.as_bytes()].concat())
        });
        Ok(SandboxProbe { pid: pid.map_err(cannot)?, report })
    }

    /// Returns the sandbox layers, and the attempts that succeeded.
    fn finish(self) -> Result<(Walls, Vec<String>), String> {
        let mut said = Vec::new();
        // Bounded: a report is shorter, and who says more is not what was forked.
        let read = std::fs::File::from(self.report).take(64 << 10).read_to_end(&mut said);
        let status = wait(self.pid);
        read.map_err(cannot)?;
        match said.split_first() {
            Some((bits, found)) if bits & REPORT != 0 => {
                let found = String::from_utf8_lossy(found);
                Ok((Walls::decode(bits & !REPORT), found.lines().map(str::to_owned).collect()))
            }
            _ => {
                let said = String::from_utf8_lossy(&said);
                Err(format!(
                    "cannot test the sandbox: the child ended with {status}; its output: {}",
                    said.trim_matches('\0')
                ))
            }
        }
    }
}

fn cannot(error: io::Error) -> String {
    format!("cannot test the sandbox: {error}")
}

/// Marks the first byte of a report: a child that died has said nothing, or began with a zero. [`Wall`] has seven variants, so the eighth bit is free.
const REPORT: u8 = 0x80;
const _: () = assert!(Wall::ALL.len() < 8);

fn say(report: &[u8]) -> i32 {
    // More than a pipe holds is not read; then the report is cut, and still one.
    i32::from(rustix::io::write(rustix::stdio::stderr(), report).is_err())
}

fn wait(pid: Pid) -> String {
    match waitpid(Some(pid), WaitOptions::empty()) {
        Ok(Some((_, status))) => format!("status {:#x}", status.as_raw()),
        Ok(None) | Err(_) => "no status".to_owned(),
    }
}

/// `None` if it was refused as it should be, else what happened.
fn through(attempt: &Attempt) -> Option<String> {
    let [a, b, c, d, e, f] = attempt.arguments;
    // JUSTIFICATION: this is to try the kernel with what no safe wrapper would pass on.
    // SAFETY: each attempt, should it succeed, leaves the memory of this process alone: it takes null pointers,
    // constant strings, or maps where the kernel likes. The child that runs it ends right after.
    let result = unsafe { libc::syscall(attempt.call, a, b, c, d, e, f) };
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    match result {
        -1 if attempt.refused.contains(&errno) => None,
        -1 => Some(format!("{} (error {errno})", attempt.what)),
        0 if FORKS.contains(&attempt.call) => {
            // We are the child that must not be.
            // JUSTIFICATION, SAFETY: as in `fork`.
            unsafe { libc::_exit(1) }
        }
        _ => Some(attempt.what.to_owned()),
    }
}

/// Calls that return twice.
const FORKS: &[c_long] = &[
    libc::SYS_clone,
    libc::SYS_clone3,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
];

/// Short for a table.
fn attempt(what: &'static str, call: c_long, arguments: &[usize], refused: &'static [i32]) -> Attempt {
    let mut six = [0; 6];
    six.iter_mut().zip(arguments).for_each(|(to, from)| *to = *from);
    Attempt { what, call, arguments: six, refused }
}

const HERE: usize = (libc::AT_FDCWD as isize).cast_unsigned();
#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
const TIOCSTI: usize = libc::TIOCSTI as usize;
#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
const INET: u16 = libc::AF_INET as u16;
const WRITE: usize = (libc::PROT_READ | libc::PROT_WRITE) as usize;
const EXECUTE: usize = libc::PROT_EXEC as usize;
const ANONYMOUS: usize = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
const SHARED: usize = (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as usize;
const NO_FD: usize = usize::MAX;
const PAGE: usize = 4096;

/// Attempts that the seccomp filter must refuse.
fn filtered(parent: usize) -> Vec<Attempt> {
    let file = c"/proc/self/status".as_ptr() as usize;
    let unix = libc::AF_UNIX as usize;
    let stream = libc::SOCK_STREAM as usize;
    let term = libc::SIGTERM as usize;
    vec![
        attempt("open a file", libc::SYS_openat, &[HERE, file, libc::O_RDONLY as usize], DENIED),
        attempt("write a file", libc::SYS_openat, &[HERE, file, libc::O_WRONLY as usize], DENIED),
        attempt("open a file by openat2", libc::SYS_openat2, &[HERE, file, 0, 24], DENIED),
        #[cfg(target_arch = "x86_64")]
        attempt("open a file by open", libc::SYS_open, &[file, 0], DENIED),
        attempt("ask about a file", libc::SYS_newfstatat, &[HERE, file, 0, 0], DENIED),
        attempt("ask about a file by statx", libc::SYS_statx, &[HERE, file, 0, 0, 0], DENIED),
        attempt("read a link", libc::SYS_readlinkat, &[HERE, file, 0, 0], DENIED),
        attempt("list a directory", libc::SYS_getdents64, &[0, 0, 0], DENIED),
        attempt("remove a file", libc::SYS_unlinkat, &[HERE, 0, 0], DENIED),
        attempt("make a directory", libc::SYS_mkdirat, &[HERE, 0, 0], DENIED),
        attempt("change a file's mode", libc::SYS_fchmodat, &[HERE, 0, 0], DENIED),
        attempt("watch files", libc::SYS_inotify_init1, &[0], DENIED),
        attempt("make a memfd", libc::SYS_memfd_create, &[0, 0], DENIED),
        attempt("write elsewhere", libc::SYS_write, &[1, 0, 0], DENIED),
        attempt("send elsewhere", libc::SYS_sendmsg, &[2, 0, 0], DENIED),
        attempt("send by sendto", libc::SYS_sendto, &[2, 0, 0, 0, 0, 0], DENIED),
        attempt("control a device", libc::SYS_ioctl, &[2, TIOCSTI, 0], DENIED),
        attempt("direct signals of a file", libc::SYS_fcntl, &[2, libc::F_SETOWN as usize, parent], DENIED),
        attempt("make an inet socket", libc::SYS_socket, &[libc::AF_INET as usize, stream, 0], KILLED),
        attempt("make a unix socket", libc::SYS_socket, &[unix, stream, 0], KILLED),
        attempt("make a socket pair", libc::SYS_socketpair, &[unix, stream, 0, 0], KILLED),
        attempt("connect", libc::SYS_connect, &[0, 0, 0], KILLED),
        attempt("set up io_uring", libc::SYS_io_uring_setup, &[1, 0], KILLED),
        attempt("enter io_uring", libc::SYS_io_uring_enter, &[0, 0, 0, 0, 0, 0], KILLED),
        attempt("register with io_uring", libc::SYS_io_uring_register, &[0, 0, 0, 0], KILLED),
        attempt("execute", libc::SYS_execve, &[0, 0, 0], KILLED),
        attempt("execute a descriptor", libc::SYS_execveat, &[0, 0, 0, 0, 0], KILLED),
        #[cfg(target_arch = "x86_64")]
        attempt("fork the old way", libc::SYS_fork, &[], KILLED),
        attempt("fork", libc::SYS_clone, &[libc::SIGCHLD as usize], KILLED),
        attempt("start a thread", libc::SYS_clone, &[libc::CLONE_THREAD as usize], KILLED),
        attempt("start anything by clone3", libc::SYS_clone3, &[0, 0], KILLED),
        attempt("leave a namespace", libc::SYS_unshare, &[0], KILLED),
        attempt("trace", libc::SYS_ptrace, &[libc::PTRACE_SEIZE as usize, parent, 0, 0], KILLED),
        attempt("read others' memory", libc::SYS_process_vm_readv, &[parent, 0, 0, 0, 0, 0], KILLED),
        attempt("write others' memory", libc::SYS_process_vm_writev, &[parent, 0, 0, 0, 0, 0], KILLED),
        attempt("ask whether its parent lives", libc::SYS_kill, &[parent, 0], KILLED),
        attempt("signal a thread of others", libc::SYS_tgkill, &[parent, parent, term], KILLED),
        attempt("queue a signal", libc::SYS_rt_sigqueueinfo, &[parent, term, 0], KILLED),
        attempt("hold a process", libc::SYS_pidfd_open, &[parent, 0], KILLED),
        attempt("load a BPF program", libc::SYS_bpf, &[0, 0, 0], KILLED),
        attempt("handle page faults", libc::SYS_userfaultfd, &[0], KILLED),
        attempt("watch performance", libc::SYS_perf_event_open, &[0, 0, 0, 0, 0], KILLED),
        attempt("read keys", libc::SYS_keyctl, &[0, 0, 0, 0, 0], KILLED),
        attempt("mount", libc::SYS_mount, &[0, 0, 0, 0, 0], KILLED),
        attempt("make read memory executable", libc::SYS_personality, &[0x0040_0000], KILLED),
        attempt("map code", libc::SYS_mmap, &[0, PAGE, WRITE | EXECUTE, ANONYMOUS, NO_FD, 0], DENIED),
        attempt("share memory", libc::SYS_mmap, &[0, PAGE, WRITE, SHARED, NO_FD, 0], DENIED),
        attempt("make memory code", libc::SYS_mprotect, &[0, PAGE, EXECUTE], DENIED),
        attempt("share a segment", libc::SYS_shmget, &[0, PAGE, libc::IPC_CREAT as usize], DENIED),
        attempt("open a message queue", libc::SYS_mq_open, &[0, 0, 0, 0], DENIED),
        attempt("raise a limit", libc::SYS_prlimit64, &[0, libc::RLIMIT_NOFILE as usize, 0, 0], DENIED),
        attempt("be dumpable", libc::SYS_prctl, &[libc::PR_SET_DUMPABLE as usize, 1], DENIED),
        attempt("change the filter", libc::SYS_seccomp, &[0, 0, 0], DENIED),
        attempt("move to another processor", libc::SYS_sched_setaffinity, &[0, 0, 0], DENIED),
        attempt("set a timer of its own", libc::SYS_timer_create, &[0, 0, 0], DENIED),
    ]
}

/// Attempts that the layers behind the filter must refuse, if they are in place.
fn behind(walls: Walls, caps: &Caps, parent: usize) -> Vec<Attempt> {
    let file = c"/proc/self/status".as_ptr() as usize;
    let root = c"/".as_ptr() as usize;
    // The limit is on top of what was in use when it was set, which may have been given back since.
    let beyond = usize::try_from(caps.memory_bytes).unwrap_or(usize::MAX).saturating_add(64 << 20);
    let limits = [1usize << 20, 1 << 20];
    let nofile = libc::RLIMIT_NOFILE as usize;
    // An address on loopback: family, port 9 and 127.0.0.1 in the order of the network.
    let address: [u16; 8] = [INET, 9u16.to_be(), 0x7f00u16.to_be(), 1u16.to_be(), 0, 0, 0, 0];
    let stream = (libc::SOCK_STREAM | libc::SOCK_NONBLOCK) as usize;
    // Both live as long as the attempts do: to the end of the child.
    let limits = Box::leak(Box::new(limits)).as_ptr() as usize;
    let address = Box::leak(Box::new(address)).as_ptr() as usize;
    // JUSTIFICATION, SAFETY: as in `through`: it makes a descriptor, or fails.
    let socket = unsafe { libc::syscall(libc::SYS_socket, libc::AF_INET, stream, 0) };
    let mut all = vec![
        attempt("use more memory", libc::SYS_mmap, &[0, beyond, WRITE, ANONYMOUS, NO_FD, 0], &[libc::ENOMEM]),
        attempt("raise a limit", libc::SYS_prlimit64, &[0, nofile, limits, 0], &[libc::EPERM]),
        attempt("change its root", libc::SYS_chroot, &[root], &[libc::EPERM]),
    ];
    if walls.stands(Wall::Files) {
        all.extend([
            attempt("open a file past landlock", libc::SYS_openat, &[HERE, file, 0], &[libc::EACCES]),
            attempt(
                "make a file past landlock",
                libc::SYS_openat,
                &[HERE, c"/dev/null".as_ptr() as usize, libc::O_WRONLY as usize],
                &[libc::EACCES],
            ),
            attempt("trace", libc::SYS_ptrace, &[libc::PTRACE_SEIZE as usize, parent, 0, 0], &[libc::EPERM]),
        ]);
    }
    // Where there is no internet protocol there is no socket to connect.
    if let (true, Ok(socket)) = (walls.stands(Wall::Ports), usize::try_from(socket)) {
        all.push(attempt("connect past landlock", libc::SYS_connect, &[socket, address, 16], &[libc::EACCES]));
    }
    if walls.stands(Wall::Scopes) {
        all.push(attempt("signal its parent past landlock", libc::SYS_kill, &[parent, 0], &[libc::EPERM]));
    }
    if walls.stands(Wall::Executable) {
        let code = &[0, PAGE, WRITE | EXECUTE, ANONYMOUS, NO_FD, 0];
        all.push(attempt("map code past MDWE", libc::SYS_mmap, code, &[libc::EACCES]));
    }
    all
}
