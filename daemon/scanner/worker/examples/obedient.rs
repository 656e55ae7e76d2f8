//! A template whose workers do what the request says, the worse the better. For the tests of this crate.
//!
//! `obedient parent` is a parent instead: it starts a template and two workers, prints their numbers, and waits to be
//! killed.

#![allow(clippy::cast_sign_loss, reason = "its numbers are its own, and small")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example prints")]

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

use analyzers::Cancel;
use daemon_worker::{NEED_BYTES_MAX, REPLY_BYTES_MAX, Served, Service, Start, Template, run};

struct Obedient {
    equipment: Vec<Vec<u8>>,
    heartbeat: bool,
    /// Reserved in the template, but not resident before a worker touches it.
    hoard: Vec<u8>,
}

impl Service for Obedient {
    fn equip(&mut self, need: &[u8]) -> Result<(), String> {
        match need {
            b"impossible" => return Err("there is no such thing".to_owned()),
            b"thread" => drop(std::thread::spawn(beat)),
            b"shout" => shout(),
            b"die" => std::process::abort(),
            _ => self.equipment.push(need.to_vec()),
        }
        Ok(())
    }

    fn rehearse(&mut self) {
        // As the engine of a rule language does for its timeouts.
        if self.heartbeat {
            std::thread::spawn(beat);
        }
    }

    fn serve(&mut self, artifact: OwnedFd, request: &[u8], cancel: &Cancel, reply: &mut Vec<u8>) -> Served {
        let request = String::from_utf8_lossy(request);
        let (command, argument) = request.split_once(' ').unwrap_or((&request, ""));
        match command {
            "sum" => reply.extend_from_slice(sum(&artifact).to_string().as_bytes()),
            "echo" => reply.resize(argument.parse().expect("a number"), b'x'),
            "needs" if !self.equipment.iter().any(|has| has == argument.as_bytes()) => {
                return Served::Needs(argument.as_bytes().to_vec());
            }
            "needs" => reply.extend_from_slice(b"equipped"),
            "needs-too-much" => return Served::Needs(vec![0; NEED_BYTES_MAX + 1]),
            "spin" => {
                while !cancel.is_cancelled() {}
                reply.extend_from_slice(b"cancelled");
            }
            "touch" => {
                for byte in self.hoard.iter_mut().step_by(4096) {
                    *byte = 1;
                    std::hint::black_box(byte);
                }
            }
            "descriptors" => reply.extend_from_slice(descriptors().to_string().as_bytes()),
            "try" => reply.extend_from_slice(attempt(argument).to_string().as_bytes()),
            "shout" => shout(),
            other => misbehave(other),
        }
        Served::Done
    }
}

/// Writes more than a pipe can hold.
fn shout() {
    (0..20_000).for_each(|i| eprintln!("line {i}"));
}

fn beat() {
    loop {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn sum(artifact: &OwnedFd) -> u64 {
    let (mut buffer, mut sum, mut offset) = ([0; 4096], 0, 0);
    loop {
        match rustix::io::pread(artifact, &mut buffer, offset) {
            Ok(0) | Err(_) => return sum,
            Ok(length) => {
                sum += buffer[..length].iter().map(|&byte| u64::from(byte)).sum::<u64>();
                offset += length as u64;
            }
        }
    }
}

fn descriptors() -> usize {
    // SAFETY: it asks about numbers, and touches no memory.
    (0..256).filter(|&fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0).count()
}

/// Every way to go wrong in one function: none of them returns, or none should.
fn misbehave(how: &str) {
    match how {
        "panic" => panic!("as it was told"),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(7),
        "overflow" => drop(std::hint::black_box(recurse(1))),
        // SAFETY: there is none: this is to die.
        "segfault" => unsafe { std::ptr::null_mut::<u8>().wrapping_add(16).write_volatile(1) },
        "spin-on" => loop {
            std::hint::spin_loop();
        },
        "allocate" => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1u8; 1 << 20]);
            }
        }
        "reserve" => drop(std::hint::black_box(Vec::<u8>::with_capacity(64 << 30))),
        "garbage" => talk(b"what is this?"),
        "liar" => talk(&[2, 1, 0, 0, 0, 255, 255, 255, 255]),
        "other-job" => talk(&[2, 9, 0, 0, 0, 0, 0, 0, 0]),
        "ready-again" => talk(&[1, 0, 0, 0, 0, 1, 0, 0, 0, 127]),
        "flood" => talk(&[2; 100_000]),
        "silence" => talk(b""),
        "oversized" => {
            let mut head = vec![2, 1, 0, 0, 0];
            head.extend_from_slice(&u32::try_from(REPLY_BYTES_MAX + 1).expect("it fits").to_le_bytes());
            head.resize(head.len() + (64 << 10), 0);
            talk(&head);
        }
        "hang-up" => {
            // SAFETY: it closes what is not its own, which is the point.
            let _ = (3..256).map(|fd| unsafe { libc::close(fd) }).sum::<i32>();
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        other => panic!("no such command: {other}"),
    }
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[expect(unconditional_recursion, reason = "that is the point")]
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    recurse(depth + 1) + frame[0]
}

/// Sends `bytes` to the parent, past the library: the socket is the one descriptor where that is allowed.
fn talk(bytes: &[u8]) {
    for fd in 3..16 {
        let mut slice = libc::iovec { iov_base: bytes.as_ptr() as *mut _, iov_len: bytes.len() };
        // SAFETY: zeroed is a valid message without names and control; the slice lives across the call.
        unsafe {
            let mut message: libc::msghdr = std::mem::zeroed();
            message.msg_iov = &mut slice;
            message.msg_iovlen = 1;
            libc::sendmsg(fd, &message, libc::MSG_NOSIGNAL);
        }
    }
}

/// Tries what the walls forbid; answers the error, 0 for success, unless it dies of it.
fn attempt(what: &str) -> i32 {
    let file = c"/etc/passwd".as_ptr() as usize;
    let parent = std::os::unix::process::parent_id() as usize;
    let (call, arguments) = match what {
        "open" => (libc::SYS_openat, [libc::AT_FDCWD as usize, file, 0, 0]),
        "create" => (libc::SYS_openat, [libc::AT_FDCWD as usize, file, libc::O_RDWR as usize, 0]),
        "memfd" => (libc::SYS_memfd_create, [file, 0, 0, 0]),
        "inet" => (libc::SYS_socket, [libc::AF_INET as usize, libc::SOCK_STREAM as usize, 0, 0]),
        "unix" => (libc::SYS_socket, [libc::AF_UNIX as usize, libc::SOCK_STREAM as usize, 0, 0]),
        "uring" => (libc::SYS_io_uring_setup, [1, 0, 0, 0]),
        "exec" => (libc::SYS_execve, [c"/bin/true".as_ptr() as usize, 0, 0, 0]),
        "fork" => (libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0]),
        "clone3" => (libc::SYS_clone3, [0, 0, 0, 0]),
        "ptrace" => (libc::SYS_ptrace, [libc::PTRACE_SEIZE as usize, parent, 0, 0]),
        "signal" => (libc::SYS_kill, [parent, libc::SIGTERM as usize, 0, 0]),
        "tgkill" => (libc::SYS_tgkill, [parent, parent, libc::SIGTERM as usize, 0]),
        "peek" => (libc::SYS_process_vm_readv, [parent, 0, 0, 0]),
        "code" => (libc::SYS_mprotect, [0, 4096, libc::PROT_EXEC as usize, 0]),
        "limit" => (libc::SYS_prlimit64, [0, libc::RLIMIT_AS as usize, 0, 0]),
        "cpu" => (libc::SYS_sched_setaffinity, [0, 0, 0, 0]),
        other => panic!("no such attempt: {other}"),
    };
    let [a, b, c, d] = arguments;
    // SAFETY: all pointers are null or constant strings.
    let result = unsafe { libc::syscall(call, a, b, c, d, 0, 0) };
    if result == -1 { std::io::Error::last_os_error().raw_os_error().unwrap_or(0) } else { 0 }
}

fn memfd() -> OwnedFd {
    rustix::fs::memfd_create("artifact", rustix::fs::MemfdFlags::CLOEXEC).expect("a memfd")
}

fn parent() -> ExitCode {
    let program = std::env::current_exe().expect("we were executed");
    let template = Template::start(Start::new(program)).expect("a template starts");
    let mut workers = [template.worker().expect("a worker"), template.worker().expect("a worker")];
    // One is idle when the end comes, the other does not listen.
    workers[0].send(memfd().as_fd(), b"spin-on", Duration::from_secs(600)).expect("room for a job");
    println!("{} {} {}", template.pid(), workers[0].pid(), workers[1].pid());
    std::io::stdout().flush().expect("somebody reads");
    std::thread::sleep(Duration::from_secs(600));
    ExitCode::FAILURE
}

/// Walls itself in as the compiler of rules does, and tells what it still can.
fn compiler() -> ExitCode {
    let walls = daemon_worker::walls::compiler().expect("the walls can be raised");
    let file = std::fs::File::open("/etc/passwd").err().and_then(|error| error.raw_os_error());
    let joined = std::thread::spawn(|| 42).join().expect("threads are allowed");
    let memfd = rustix::fs::memfd_create("compiled", rustix::fs::MemfdFlags::ALLOW_SEALING).expect("allowed");
    let written = rustix::io::write(&memfd, &[1; 4096]).expect("a memfd may grow");
    // SAFETY: a new map where the kernel likes, which nothing else refers to.
    let code = unsafe {
        rustix::mm::mmap_anonymous(
            std::ptr::null_mut(),
            4096,
            rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::WRITE | rustix::mm::ProtFlags::EXEC,
            rustix::mm::MapFlags::PRIVATE,
        )
    };
    println!("{file:?} {joined} {written} {} {}", code.is_ok(), walls.missing().count());
    std::io::stdout().flush().expect("somebody reads");
    // The last thing: it is deadly.
    let _ = std::net::TcpStream::connect("127.0.0.1:9");
    ExitCode::SUCCESS
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("parent") => return parent(),
        Some("compiler") => return compiler(),
        _ => {}
    }
    run(|config, fds| {
        let config = String::from_utf8_lossy(config).into_owned();
        if config.contains("broken") {
            return Err("the rules do not load".to_owned());
        }
        if config.contains("read") {
            let file = fds.first().ok_or("nothing to read")?;
            let mut head = [0; 4];
            rustix::io::pread(file, &mut head, 0).map_err(|errno| errno.to_string())?;
            if &head != b"rule" {
                return Err(format!("descriptor {} holds no rules", file.as_raw_fd()));
            }
        }
        let hoard = if config.contains("hoard") { vec![0; 512 << 20] } else { Vec::new() };
        Ok(Box::new(Obedient { equipment: Vec::new(), heartbeat: config.contains("heartbeat"), hoard }))
    })
}
