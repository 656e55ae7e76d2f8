//! The daemon's one edge thread: io_uring where the kernel allows it, plain tokio where not.
//!
//! tokio-uring wraps tokio's single-threaded runtime with everything enabled, so sockets, timers and signals work the
//! same in both; only file I/O differs. The backend in use, and the reason, is logged once at the start, so that a
//! container that forbids io_uring is noticed.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use tokio::task::LocalSet;

/// Maximum time of the ring to write one byte in the trial. A working ring needs microseconds.
const TRIAL: Duration = Duration::from_secs(2);

/// The preferred I/O backend.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Prefer {
    /// io_uring where it can be had.
    #[default]
    Auto,
    /// io_uring, or else plain I/O; [`Backend`] gives the reason.
    Uring,
    /// No ring, even where one could be had.
    Plain,
}

/// The I/O backend of files.
#[derive(Debug)]
pub enum Backend {
    /// io_uring.
    Uring,
    /// Blocking calls, on threads of their own where they may wait for a disk.
    Plain {
        /// Why io_uring is not used.
        why: WhyPlain,
    },
}

/// Why io_uring is not used.
#[derive(Debug)]
pub enum WhyPlain {
    /// None was wanted.
    Preferred,
    /// Forbidden by the kernel or a container (EPERM), unknown to it (ENOSYS, EINVAL), no memory that may be locked
    /// (ENOMEM).
    Refused(io::Error),
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Backend::Uring => f.write_str("io_uring"),
            Backend::Plain { why: WhyPlain::Preferred } => f.write_str("blocking calls, as configured"),
            Backend::Plain { why: WhyPlain::Refused(error) } => {
                write!(f, "blocking calls, because io_uring is not available: {error}")
            }
        }
    }
}

/// A runtime for futures that stay on this thread.
pub struct Runtime(RuntimeKind);

enum RuntimeKind {
    Uring(tokio_uring::Runtime),
    // In this order: tasks are dropped before what drives them.
    Plain { local: LocalSet, runtime: tokio::runtime::Runtime },
}

impl Runtime {
    /// Starts the runtime for this thread, and says what it became.
    ///
    /// Fails only where not even plain tokio can be had: no descriptors left, no memory.
    ///
    /// # Errors
    ///
    /// If not even a plain tokio runtime can be had: no descriptors left, no memory.
    pub fn start(prefer: Prefer) -> io::Result<(Runtime, Backend)> {
        // First, for a ring that fails leaves what it had opened behind (tokio-uring 0.5 drops no half-made runtime).
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let why = match prefer {
            Prefer::Plain => WhyPlain::Preferred,
            Prefer::Auto | Prefer::Uring => match ring() {
                Ok(ring) => return Ok((Runtime(RuntimeKind::Uring(ring)), Backend::Uring)),
                Err(error) => WhyPlain::Refused(error),
            },
        };
        Ok((Runtime(RuntimeKind::Plain { local: LocalSet::new(), runtime }), Backend::Plain { why }))
    }

    /// Runs `future` until it is done, and with it whatever was started by `tokio::task::spawn_local`. Tasks that are
    /// left over sleep until the next call.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            RuntimeKind::Uring(runtime) => runtime.block_on(future),
            RuntimeKind::Plain { local, runtime } => local.block_on(runtime, future),
        }
    }
}

/// A ring that was seen to write a file. `tokio_uring::start` would panic where `Runtime::new` answers with an error;
/// and a kernel before 5.6 sets up a ring but does not know the write.
fn ring() -> io::Result<tokio_uring::Runtime> {
    let runtime = tokio_uring::Runtime::new(&tokio_uring::builder())?;
    let trial = memfd_create("trial", MemfdFlags::CLOEXEC)?;
    runtime.block_on(async {
        let file = tokio_uring::fs::File::from_std(trial.into());
        let write = file.write_all_at(vec![1], 0);
        match tokio::time::timeout(TRIAL, write).await {
            Ok((outcome, _)) => outcome,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
        }
    })?;
    Ok(runtime)
}
