//! The protocol of ClamAV's clamd, from the server's side: mail filters and others send files, and are told what was found.
//!
//! Clients connect to a unix socket or over TCP ([`ClamdListeners`]) and are served ([`serve`]) within limits
//! ([`ClamdLimits`]). Files come as streams (INSTREAM), as open files beside the bytes of a unix socket (FILDES), or by their
//! paths where the operator allows that (SCAN, CONTSCAN, MULTISCAN, ALLMATCHSCAN; [`PathRules`]). Replies have clamd's words,
//! so that its clients read them; docs/clamd.md says what differs.
//!
//! This crate looks into no file: streams are kept as downloads are, and a [`ClamdDesk`] scans them.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use daemon_clamd::{ClamdCount, ClamdDesk, ClamdLimits, ClamdListeners, Config, FileToScan, PathRules, ScanAnswer, ScannerLoad, serve};
//! use daemon_download::runtime::{Prefer, Runtime};
//! use daemon_download::{ArtifactMemory, FetchLimits, Keeper};
//! use tokio::time::Instant;
//!
//! struct Suspicious;
//!
//! impl ClamdDesk for Suspicious {
//!     async fn scan(&self, _: FileToScan, _: Instant) -> ScanAnswer {
//!         ScanAnswer::Found(vec!["Example.Everything".to_owned()])
//!     }
//!     fn version(&self) -> String {
//!         "example 1.0".to_owned()
//!     }
//!     fn reload(&self) {}
//!     fn load(&self) -> ScannerLoad {
//!         ScannerLoad::default()
//!     }
//!     fn count(&self, _: ClamdCount) {}
//! }
//!
//! let config = Config { listen: vec!["127.0.0.1:0".parse()?], ..Config::default() };
//! let listeners = ClamdListeners::bind(&config)?;
//! let mut client = TcpStream::connect(listeners.tcp_addresses()[0])?;
//! let spill = tempfile::tempdir()?;
//! std::thread::spawn(move || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     let (runtime, backend) = Runtime::start(Prefer::Plain)?;
//!     let keeper = Keeper::open(&FetchLimits::default(), ArtifactMemory::new(1 << 30), spill.path().to_owned(), &backend)?;
//!     let serving = serve(listeners, ClamdLimits::default(), PathRules::default(), keeper, Suspicious, std::future::pending());
//!     Ok(runtime.block_on(serving)?)
//! });
//! client.write_all(b"zINSTREAM\0\0\0\0\x05hello\0\0\0\0")?;
//! let mut reply = String::new();
//! client.read_to_string(&mut reply)?;
//! assert_eq!(reply, "stream: Example.Everything FOUND\0");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod client_bytes;
mod client_socket;
mod command;
mod config;
mod connection;
mod desk;
mod limits;
mod listeners;
mod paths;
mod places;
mod replies;
mod scans;
mod server;
mod shared;
mod stream;

pub use client_socket::ClamdClient;
pub use command::CountedCommand;
pub use config::{Config, HiddenReply, IncompleteReply, SuspiciousReply, UndecidedReply};
pub use desk::{ClamdCount, ClamdDesk, ClamdDrop, FileToScan, ScanAnswer, ScannerLoad};
pub use limits::ClamdLimits;
pub use listeners::{ClamdListeners, ClamdSocketError};
pub use paths::PathRules;
pub use server::serve;
