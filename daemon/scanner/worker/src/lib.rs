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
//! ```standalone_crate
//! use std::os::fd::{AsFd, OwnedFd};
//! use std::process::ExitCode;
//! use std::time::{Duration, Instant};
//!
//! use analyzers::Cancel;
//! use daemon_worker::{Served, Service, Start, Template, run};
//!
//! /// Replies with the length of the request.
//! struct Length;
//!
//! impl Service for Length {
//!     fn equip(&mut self, _: &[u8]) -> Result<(), String> {
//!         Ok(())
//!     }
//!
//!     fn rehearse(&mut self) {}
//!
//!     fn serve(&mut self, _: OwnedFd, request: &[u8], _: &Cancel, reply: &mut Vec<u8>) -> Served {
//!         reply.push(request.len() as u8);
//!         Served::Done
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     if std::env::args().nth(1).as_deref() == Some("template") {
//!         return run(|_config, _fds| Ok(Box::new(Length)));
//!     }
//!     // This program is its own template.
//!     let mut start = Start::new(std::env::current_exe().expect("a program has a path"));
//!     start.args.push("template".into());
//!     let template = Template::start(start).expect("the walls stand");
//!     let mut worker = template.worker().expect("a worker");
//!
//!     let artifact = std::fs::File::open("Cargo.toml").expect("any file will do");
//!     let limit = Duration::from_secs(60);
//!     worker.send(artifact.as_fd(), b"hello", limit).expect("it has no other job");
//!     let mut reply = Vec::new();
//!     assert_eq!(worker.receive(Instant::now() + limit, &mut reply), Ok(Served::Done));
//!     assert_eq!(reply, [5]);
//!     ExitCode::SUCCESS
//! }
//! ```
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
mod error;
mod fork;
mod fork_server;
mod frame;
mod held;
mod memory;
mod process;
mod reply;
mod sandbox_check;
mod service;
mod start;
mod stderr_tail;
mod template;
mod walled;
pub mod walls;
mod worker;

pub use death::{Cause, Death};
pub use error::TemplateError;
pub use fork_server::run;
pub use frame::{CONFIG_BYTES_MAX, FDS_MAX, NEED_BYTES_MAX, REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
pub use held::HeldProgram;
pub use service::{Served, Service};
pub use start::Start;
pub use template::{Template, WaitingTemplate};
pub use walls::{Caps, Wall, Walls};
pub use worker::{JOBS_MAX, OUTSTANDING_MAX, SendError, Worker};
