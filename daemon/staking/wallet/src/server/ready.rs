//! Tells the service manager that the signer is ready (sd_notify(3)). The socket is made before the process is confined, and the
//! word is sent after: only who is confined is ready.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Where the service manager listens.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// A word to the service manager that is yet to be sent.
#[derive(Debug)]
pub struct Ready(Option<(UnixDatagram, SocketAddr)>);

impl Ready {
    /// Prepares it. Where no service manager waits for it, nothing will be sent.
    ///
    /// # Errors
    ///
    /// If the address is none, or no socket can be made.
    pub fn prepare() -> io::Result<Ready> {
        let Some(name) = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) else { return Ok(Ready(None)) };
        let address = match name.as_bytes() {
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
            _ => SocketAddr::from_pathname(&name)?,
        };
        Ok(Ready(Some((UnixDatagram::unbound()?, address))))
    }

    /// Sends it.
    ///
    /// # Errors
    ///
    /// If nobody takes it.
    pub fn send(self) -> io::Result<()> {
        match self.0 {
            Some((socket, address)) => socket.send_to_addr(b"READY=1", &address).map(drop),
            None => Ok(()),
        }
    }
}
