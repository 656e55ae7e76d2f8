//! The signer's socket: who may ask, how long a question may take, and what this process can still do when it answers.

mod confine;
mod ready;
mod serve;
mod socket;

pub use confine::{ConfineError, confine};
pub use ready::Ready;
pub use serve::{Admin, AdminReply, SignerServer, ask_admin, read_answer};
pub use socket::{Entrance, SocketError};
