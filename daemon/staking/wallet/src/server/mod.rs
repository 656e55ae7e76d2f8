//! The signer's socket: who may ask, how long a question may take, and what this process can still do when it answers.

mod confine;
mod peer;
mod ready;
mod serve;
mod socket;

pub use confine::{ConfineError, confine};
pub use peer::Peer;
pub use ready::Ready;
pub use serve::{Admin, AdminReply, Server, ask_admin, read_answer};
pub use socket::{Entrance, SocketError};
