//! Compiling rules in a child process: its life, its limits, and what became of it.
//!
//! A rule can make a compiler run for minutes, panic, overflow its stack or take all memory. In a child that costs the
//! child: it is killed after a while, and whatever happens to it comes back as an error that says so.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use daemon_base::text::is_printable;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::ipc::{self, NOTES_BYTES_MAX, Note, RuleSource};
use crate::{Mistake, RuleFile};

/// Maximum elapsed time of the compiler. Ten thousand public rules take about seven seconds on an idle machine. The
/// child limits its CPU time as well.
const TIME_MAX: Duration = Duration::from_secs(180);
/// Largest bundle taken, in bytes. That of ten thousand rules has 16 million.
pub(crate) const BUNDLE_BYTES_MAX: u64 = 512 << 20;
/// Most bytes quoted of what a dying child said.
const LAST_WORDS_BYTES_MAX: usize = 2048;
/// Poll interval for a child that closed its standard error.
const PATIENCE: Duration = Duration::from_millis(10);

/// The program that compiles.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Arguments of the program.
    pub arguments: Vec<OsString>,
    /// After this long it is killed. Default: 180 s.
    pub time_max: Duration,
}

/// Result of compiling rules, or of reading it from the cache.
#[derive(Debug)]
pub struct Compiled {
    /// The bundle is the first `bundle_bytes` bytes of this file: a sealed memory file, or a file of the cache. No
    /// other process can change or truncate it.
    pub bundle: File,
    /// Length of the bundle.
    pub bundle_bytes: u64,
    /// Mistakes in the rules. The other rules are in the bundle.
    pub mistakes: Vec<Mistake>,
    /// Mistakes not told because there were too many.
    pub withheld: u64,
}

/// Why there is no bundle. The rules in use are not affected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The child could not be started, fed or watched.
    #[error("cannot run {program:?} to compile rules")]
    Start {
        /// Path of the program.
        program: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The compiler exceeded its time limit.
    #[error("compiling the rules took longer than {0:?} and was stopped: a rule may be malicious")]
    TooLong(Duration),
    /// The compiler exited before it was done.
    #[error("the rules compiler {how}{}", quoted(.last_words))]
    Ended {
        /// `exited with status 1`, `was killed by signal 11`.
        how: String,
        /// The end of what it said on its standard error, if anything.
        last_words: String,
    },
    /// The compiler exited normally, but its answer is invalid.
    #[error("the answer of the rules compiler is incomplete: {what}{}", quoted(.last_words))]
    Garbled {
        /// What is wrong with the answer.
        what: &'static str,
        /// The end of what it said on its standard error, if anything.
        last_words: String,
    },
}

fn quoted(last_words: &str) -> String {
    if last_words.is_empty() { String::new() } else { format!("; its last output: {last_words}") }
}

impl Compiler {
    /// A compiler that is given the usual time.
    pub fn new(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Compiler { program: program.into(), arguments, time_max: TIME_MAX }
    }

    /// Has a child compile `files`, in their order.
    ///
    /// # Errors
    ///
    /// [`CompileError`] if the child cannot be started, exceeds its time or output, dies, or answers what makes no
    /// sense. Mistakes in rules are no error: they are in [`Compiled::mistakes`].
    #[expect(clippy::missing_panics_doc, reason = "standard error was asked for just above")]
    pub fn compile(&self, files: &[RuleFile]) -> Result<Compiled, CompileError> {
        let deadline = Instant::now() + self.time_max;
        let fail = |source| CompileError::Start { program: self.program.clone(), source };
        let sources = files.iter().map(|file| RuleSource { name: &file.name, text: &file.text }).collect();
        let mut input = memory_file("stakeout-rules").map_err(fail)?;
        input.write_all(&ipc::request(sources)).and_then(|()| input.rewind()).map_err(fail)?;
        let bundle = memory_file("stakeout-bundle").map_err(fail)?;

        let mut process = self.start(input, bundle.try_clone().map_err(fail)?).map_err(fail)?;
        let notes = process.child.stderr.take().expect("standard error was asked for just above");
        let (status, notes) = match process.watch(notes, deadline).map_err(fail)? {
            Watched::Ended(status, notes) => (status, notes),
            Watched::TooLong => return Err(CompileError::TooLong(self.time_max)),
            Watched::TooMuch(notes) => {
                let (what, last_words) = ("its output is too long", last_words(&notes));
                return Err(CompileError::Garbled { what, last_words });
            }
        };
        if !status.success() {
            return Err(CompileError::Ended { how: how_it_ended(status), last_words: last_words(&notes) });
        }
        let answer = CompilerOutput::read(&notes);
        let garbled = |what| CompileError::Garbled { what, last_words: last_words(&notes) };
        let bundle_bytes = bundle.metadata().map_err(fail)?.len();
        match answer.done {
            None => Err(garbled("its end mark is missing")),
            Some((said, _)) if said != bundle_bytes => Err(garbled("its bundle has the wrong length")),
            Some(_) if bundle_bytes > BUNDLE_BYTES_MAX => Err(garbled("its bundle is too large")),
            Some((_, withheld)) => {
                let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
                fcntl_add_seals(&bundle, seals).map_err(|errno| fail(errno.into()))?;
                Ok(Compiled { bundle, bundle_bytes, mistakes: answer.mistakes, withheld })
            }
        }
    }

    /// Starts the child with an empty environment, as the leader of a process group, so that its children can be killed
    /// with it.
    fn start(&self, input: File, output: File) -> io::Result<RunningCompiler> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().process_group(0);
        command.stdin(OwnedFd::from(input)).stdout(OwnedFd::from(output)).stderr(Stdio::piped());
        command.spawn().map(|child| RunningCompiler { child, reaped: false })
    }
}

/// A child that does not outlive this.
struct RunningCompiler {
    child: Child,
    reaped: bool,
}

enum Watched {
    Ended(ExitStatus, Vec<u8>),
    TooLong,
    TooMuch(Vec<u8>),
}

impl RunningCompiler {
    /// Takes what the child says until it ends, the deadline passes or it has said too much.
    fn watch(&mut self, mut notes: ChildStderr, deadline: Instant) -> io::Result<Watched> {
        rustix::io::ioctl_fionbio(&notes, true)?;
        let mut taken = Vec::new();
        let mut open = true;
        loop {
            // Before reading, so that after its end one more look takes all it said: a program that it started may
            // still hold the pipe, and is not waited for.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            let ended = waitid(WaitId::Pid(Pid::from_child(&self.child)), options)?.is_some();
            open = open && take_what_is_there(&mut notes, &mut taken)?;
            if taken.len() > NOTES_BYTES_MAX {
                return Ok(Watched::TooMuch(taken));
            }
            if ended {
                return Ok(Watched::Ended(self.end()?, taken));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Watched::TooLong);
            }
            let patience = Timespec { tv_sec: 0, tv_nsec: PATIENCE.min(left).subsec_nanos().into() };
            let mut wanted = [PollFd::new(&notes, PollFlags::IN)];
            match poll(if open { &mut wanted } else { &mut [] }, Some(&patience)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl RunningCompiler {
    /// Ends the child and whatever it started, if they have not ended by themselves.
    fn end(&mut self) -> io::Result<ExitStatus> {
        // As long as the child is not reaped its number is nobody else's. Failing means there is nobody left to end.
        if !self.reaped {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            self.reaped = true;
        }
        self.child.wait()
    }
}

impl Drop for RunningCompiler {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Reads until nothing is there. False at the end of the stream.
fn take_what_is_there(notes: &mut ChildStderr, taken: &mut Vec<u8>) -> io::Result<bool> {
    let mut block = [0; 16 << 10];
    while taken.len() <= NOTES_BYTES_MAX {
        match notes.read(&mut block) {
            Ok(0) => return Ok(false),
            Ok(bytes) => taken.extend_from_slice(block.get(..bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn memory_file(name: &str) -> io::Result<File> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?.into())
}

/// Parsed output of the compiler.
#[derive(Default)]
struct CompilerOutput {
    mistakes: Vec<Mistake>,
    done: Option<(u64, u64)>,
}

impl CompilerOutput {
    fn read(notes: &[u8]) -> Self {
        let mut answer = CompilerOutput::default();
        for line in notes.split(|&byte| byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Note::Mistake(mistake)) => answer.mistakes.push(mistake),
                Ok(Note::Done { bundle_bytes, withheld }) => answer.done = Some((bundle_bytes, withheld)),
                Err(_) => {}
            }
        }
        answer
    }
}

fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended with an unknown status".to_owned(),
    }
}

/// The end of what is not an answer in `notes`, on one line and without anything a terminal would obey.
fn last_words(notes: &[u8]) -> String {
    let lines = notes.split(|&byte| byte == b'\n');
    let said: Vec<u8> =
        lines.filter(|line| serde_json::from_slice::<Note>(line).is_err()).collect::<Vec<_>>().join(&b' ');
    let end = said.get(said.len().saturating_sub(LAST_WORDS_BYTES_MAX)..).unwrap_or_default();
    let plain = |c: char| if is_printable(c) { c } else { ' ' };
    String::from_utf8_lossy(end).chars().map(plain).collect::<String>().trim().to_owned()
}
