//! The server with a desk of its own, talked to over its sockets.

mod abuse;
mod conversations;
mod paths;
mod server;
