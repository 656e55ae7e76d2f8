//! Communication of operators with a running daemon: HTTP/1.1 over a unix socket on the same machine.
//!
//! ```text
//! GET  /health        whether it works and takes bounties      (Health)
//! GET  /rules         what it judges by
//! GET  /purse         what it may still stake
//! POST /inbox         lines that it is told; answered once they are on its disk, with where the receipt will be (Taken)
//! GET  /inbox/LETTER  the receipt; 404 until there is one
//! ```
//!
//! The kernel decides who may connect, by owner, group and mode (0660) of the socket. The service manager passes the
//! socket ([`ControlSocket::handed`]) or the daemon creates it ([`ControlSocket::bind`]); a socket that others may use is refused in both
//! cases. The credentials of the peer are only a second check: a service in its own user namespace sees everybody but
//! root as nobody.
//!
//! Only records are sent, never paths, so nobody can make the daemon open a file of their choice. Size and time of
//! requests and the number of connections are limited.
//!
//! This crate carries what is said and does not understand it: it knows neither bounties nor money.
//!
//! ```
//! use std::time::Duration;
//!
//! use daemon_control::{ControlClient, ControlReply, ControlRequest, ControlSocket, Desk, Peer, serve};
//!
//! struct Version;
//!
//! impl Desk for Version {
//!     async fn answer(&self, _: ControlRequest, _: Peer) -> ControlReply {
//!         ControlReply::said(&"1.0")
//!     }
//! }
//!
//! let directory = tempfile::tempdir()?;
//! let socket = ControlSocket::bind(&directory.path().join("control.sock"))?;
//! let entrance = socket.open()?;
//! std::thread::spawn(|| {
//!     let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
//!     tokio::task::LocalSet::new().block_on(&runtime, serve(entrance, Version))
//! });
//! let reply = ControlClient::new(socket.path()).ask(&ControlRequest::Health, Duration::from_secs(60))?;
//! assert_eq!(reply, r#""1.0""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod ask;
mod client;
mod server;
mod socket;

pub use ask::{ControlReply, ControlRequest, Health, LINES_BYTES_MAX, LetterId, NAME_BYTES_MAX, Taken};
pub use client::{AskError, ControlClient};
pub use daemon_peer::Peer;
pub use server::{Desk, serve};
pub use socket::{ControlSocket, ControlSocketError, Entrance};
