//! The walled process that examines hostile bytes, and its other end.
//!
//! Three kinds of process. The *parent* (the command line, the daemon's pool) asks and waits. The *template* is
//! started once by executing a program that calls [`run`]: it loads rules, builds scanners, and from then on only
//! forks. *Workers* are forked from it, so rules and machine code are shared and a new worker is there in
//! milliseconds; each raises its walls ([`walls`]) before it sees the first artifact, then does one job at a time
//! while one more may wait in its socket.
//!
//! Parent's side: [`Template`], [`Worker`], [`Death`]. Child's side: [`run`], [`Service`]. An artifact travels as a
//! descriptor, a request and a reply as bytes whose meaning is not known here.
//!
//! Guarantees, whatever a worker does: it cannot open files, execute programs, connect, send signals or start threads
//! (the template tests this before it works, `sandbox_check.rs`); it ends at its time and memory limits; its answers
//! are bounded and checked; and its death is reported with its last output. No guarantee: a compromised worker can lie
//! about the artifacts that it gets until it is recycled.
//!
//! Knows no file format and no money. Reads no file but those of `/proc` that tell of its own processes.

mod alarm;
mod channel;
mod death;
mod fork;
mod fork_server;
mod frame;
mod held;
mod memory;
mod process;
mod reply;
mod sandbox_check;
mod service;
mod stderr_tail;
mod template;
mod walled;
pub mod walls;
mod worker;

pub use death::{Cause, Death};
pub use fork_server::run;
pub use frame::{CONFIG_BYTES_MAX, FDS_MAX, NEED_BYTES_MAX, REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
pub use held::Held;
pub use service::{Served, Service};
pub use template::{Start, Template, TemplateError};
pub use walls::{Caps, Wall, Walls};
pub use worker::{JOBS_MAX, SendError, Worker};
