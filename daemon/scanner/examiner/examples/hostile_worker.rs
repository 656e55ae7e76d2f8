//! A worker program with one more analyzer, which does what a file tells it to. For the tests of the wall: no file can
//! make our own analyzers do such things, as far as we know.
//!
//! A file that begins `hostile:` and a word makes it do the worst the word says. What it tries and must not be able to
//! do ends it with status 42 if it can be done.

use std::borrow::Cow;
use std::os::fd::AsRawFd;
use std::process::ExitCode;

use analyzers::{Analyzer, Findings, Indicator, Sample};
use triage::FileKind;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MAGIC: &[u8] = b"hostile:";

struct Hostile;

impl Analyzer for Hostile {
    fn name(&self) -> &'static str {
        "hostile"
    }

    fn indicators(&self) -> Box<dyn Iterator<Item = &Indicator> + '_> {
        Box::new(std::iter::empty())
    }

    fn wants(&self, _: FileKind) -> bool {
        true
    }

    fn vouches(&self, _: FileKind) -> bool {
        true
    }

    fn analyze<'a>(&mut self, sample: Sample<'a>, findings: &mut Findings<'a>) {
        let Some(word) = sample.bytes.strip_prefix(MAGIC) else { return };
        let word = String::from_utf8_lossy(word);
        match word.trim() {
            "panic" => panic!("as it was told"),
            "abort" => std::process::abort(),
            "overflow" => drop(overflow(0)),
            "segfault" => segfault(),
            "spin" => spin(),
            "allocate" => allocate(),
            "open" => attempt(std::fs::File::open("/etc/passwd").is_ok()),
            "create" => attempt(std::fs::File::create("/tmp/stakeout-escaped").is_ok()),
            "socket" => attempt(std::net::UdpSocket::bind("127.0.0.1:0").is_ok()),
            "connect" => attempt(std::os::unix::net::UnixStream::connect("/run/systemd/journal/stdout").is_ok()),
            "io_uring" => attempt(io_uring()),
            "signal" => attempt(signal_parent()),
            "thread" => attempt(std::thread::Builder::new().spawn(|| ()).is_ok()),
            "exec" => attempt(std::process::Command::new("/bin/true").spawn().is_ok()),
            "bomb" => findings.child("bomb", Cow::Owned(vec![0; 1 << 20])),
            "" => {}
            other => panic!("it does not know how to {other}"),
        }
    }
}

/// Fails if the attempt succeeded.
fn attempt(succeeded: bool) {
    if succeeded {
        std::process::exit(42);
    }
    panic!("refused");
}

#[allow(unconditional_recursion)]
fn overflow(depth: u64) -> [u64; 512] {
    let mut frame = [depth; 512];
    frame[1] = overflow(std::hint::black_box(depth + 1))[0];
    std::hint::black_box(frame)
}

fn segfault() {
    // SAFETY: none: this is the crash that the test is about.
    unsafe { std::ptr::null_mut::<u8>().write_volatile(1) };
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

fn allocate() {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

fn io_uring() -> bool {
    let mut params = [0_u8; 120];
    // SAFETY: the kernel writes at most its 120 bytes of parameters into the buffer, if it does anything at all.
    unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, params.as_mut_ptr()) >= 0 }
}

fn signal_parent() -> bool {
    // SAFETY: signal 0 is sent to nobody; it asks whether one could be.
    unsafe { libc::kill(libc::getppid(), 0) == 0 && std::io::stderr().as_raw_fd() >= 0 }
}

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    if task.as_deref() == Some("template") {
        return daemon_examiner::template(|analyzers| analyzers.add(|_| Box::new(Hostile)));
    }
    daemon_examiner::main(std::env::args_os().skip(1)).unwrap_or(ExitCode::FAILURE)
}
