//! How operators talk to a daemon that runs: HTTP/1.1 over a unix socket on the same machine.
//!
//! ```text
//! GET  /health        whether it works and takes bounties      (Health)
//! GET  /rules         what it judges by
//! GET  /purse         what it may still stake
//! POST /inbox         lines that it is told; answered once they are on its disk, with where the receipt will be (Taken)
//! GET  /inbox/LETTER  the receipt; 404 until there is one
//! ```
//!
//! Who may talk is decided by the kernel when somebody connects, by owner, group and mode (0660) of the socket. It is
//! handed over by the service manager ([`Door::handed`]) or made by the daemon ([`Door::bind`]); one that others may use
//! is refused either way. The credentials of whoever connected are a second check and no more: a service in a user
//! namespace of its own sees everybody but root as nobody.
//!
//! What goes over it are records, never paths: nobody can have the daemon open a file of their choice. Every request is
//! bounded in size and time, and so is the number of connections.
//!
//! This crate carries what is said and does not understand it: it knows neither bounties nor money.

#![forbid(unsafe_code)]

mod ask;
mod client;
mod peer;
mod server;
mod socket;

pub use ask::{ControlReply, ControlRequest, Health, LINES_BYTES_MAX, LetterId, NAME_BYTES_MAX, Taken};
pub use client::{AskError, Client};
pub use peer::Peer;
pub use server::{Desk, serve};
pub use socket::{ControlSocket, ControlSocketError, Entrance};
