//! The socket itself: handed over by the service manager, or made here; for its owner, its group and root alone.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};

/// Mode of the socket: owner and group may use it.
const MODE: u32 = 0o660;
/// Length of the backlog.
const WAITING_MAX: i32 = 64;

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlSocketError {
    /// Everybody may connect to it.
    #[error("everybody may use {} (mode {mode:o}): set SocketMode=0660 in its .socket unit", path.display())]
    Open {
        /// The socket.
        path: PathBuf,
        /// Permissions of the socket.
        mode: u32,
    },
    /// The socket has no path and so no permissions.
    #[error("the service manager passed a control socket without a path, which everybody may use")]
    Nameless,
    /// Another process listens on the socket.
    #[error("another daemon listens at {}: set another path", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// There is something else.
    #[error("{} is not a socket: remove it, or set another path", path.display())]
    Occupied {
        /// Path of the file.
        path: PathBuf,
    },
    /// The system would not let us.
    #[error("{what} {} failed", path.display())]
    System {
        /// The operation that failed.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl ControlSocketError {
    /// Whether this stays wrong until a person changes something.
    pub fn is_lasting(&self) -> bool {
        matches!(self, ControlSocketError::Open { .. } | ControlSocketError::Nameless)
    }

    fn system<E: Into<io::Error>>(what: &'static str, path: &Path) -> impl FnOnce(E) -> ControlSocketError {
        move |source| ControlSocketError::System { what, path: path.to_owned(), source: source.into() }
    }
}

/// The control socket, ready to be served.
#[derive(Debug)]
pub struct Entrance {
    pub(crate) listener: UnixListener,
    /// The group that is let in.
    pub(crate) group: u32,
}

/// A socket that operators may connect to. One that was made here is taken away when this is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    /// The group that is let in.
    group: u32,
    path: PathBuf,
    /// Whether this process created the socket and removes it.
    ours: bool,
}

impl ControlSocket {
    /// The one that a service manager handed over.
    ///
    /// # Errors
    ///
    /// [`ControlSocketError`] if everybody may connect to it, or it has no path whose permissions could be looked at.
    pub fn handed(listener: UnixListener) -> Result<ControlSocket, ControlSocketError> {
        let address = listener
            .local_addr()
            .map_err(ControlSocketError::system("reading the metadata of", Path::new("a control socket")))?;
        let Some(path) = address.as_pathname() else { return Err(ControlSocketError::Nameless) };
        let about = path.symlink_metadata().map_err(ControlSocketError::system("reading the metadata of", path))?;
        let mode = about.mode() & 0o7777;
        if mode & 0o007 != 0 {
            return Err(ControlSocketError::Open { path: path.to_owned(), mode });
        }
        Ok(ControlSocket { listener, group: about.gid(), path: path.to_owned(), ours: false })
    }

    /// A new one at `path`, for the user and the group that we run as. One that a daemon left there that is gone is
    /// replaced.
    ///
    /// # Errors
    ///
    /// [`ControlSocketError`] if another process listens there, the path is another kind of file, or the socket cannot
    /// be made or protected.
    pub fn bind(path: &Path) -> Result<ControlSocket, ControlSocketError> {
        let address = SocketAddrUnix::new(path).map_err(ControlSocketError::system("naming", path))?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .map_err(ControlSocketError::system("creating a socket for", path))?;
        match bind(&socket, &address) {
            Err(Errno::ADDRINUSE) => {
                clear(path)?;
                bind(&socket, &address).map_err(ControlSocketError::system("binding", path))?;
            }
            other => other.map_err(ControlSocketError::system("binding", path))?,
        }
        // Nobody gets in before it listens, whatever its permissions were until here.
        std::fs::set_permissions(path, Permissions::from_mode(MODE))
            .map_err(ControlSocketError::system("protecting", path))?;
        let about = path.symlink_metadata().map_err(ControlSocketError::system("reading the metadata of", path))?;
        listen(&socket, WAITING_MAX).map_err(ControlSocketError::system("listening at", path))?;
        Ok(ControlSocket {
            listener: UnixListener::from(socket),
            group: about.gid(),
            path: path.to_owned(),
            ours: true,
        })
    }

    /// For who serves those that come in.
    ///
    /// # Errors
    ///
    /// If the descriptor cannot be duplicated.
    pub fn open(&self) -> io::Result<Entrance> {
        Ok(Entrance { listener: self.listener.try_clone()?, group: self.group })
    }

    /// Returns the path of the socket.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The group that is let in.
    pub fn group(&self) -> u32 {
        self.group
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if self.ours {
            // Left behind, it does no harm: who comes next finds that nobody listens.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket without a listener.
fn clear(path: &Path) -> Result<(), ControlSocketError> {
    let about = path.symlink_metadata().map_err(ControlSocketError::system("reading the metadata of", path))?;
    if !about.file_type().is_socket() {
        return Err(ControlSocketError::Occupied { path: path.to_owned() });
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(ControlSocketError::system("removing", path))
        }
        // Whoever it is that does not let us in, is there.
        Ok(_) | Err(_) => Err(ControlSocketError::InUse { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_owner_and_group_alone_and_is_taken_away() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("control.sock");
        let door = ControlSocket::bind(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o660);
        assert_eq!(door.group(), path.metadata().unwrap().gid());
        drop(door);
        assert!(!path.exists());
    }

    #[test]
    fn one_left_behind_is_replaced_and_one_in_use_is_not() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("control.sock");
        drop(UnixListener::bind(&path).unwrap());
        let door = ControlSocket::bind(&path).unwrap();
        assert!(matches!(ControlSocket::bind(&path), Err(ControlSocketError::InUse { .. })));
        assert!(path.exists(), "what is in use is left alone");
        drop(door);
        std::fs::write(&path, "").unwrap();
        assert!(matches!(ControlSocket::bind(&path), Err(ControlSocketError::Occupied { .. })));
        assert!(path.exists());
        let long = base.path().join("x".repeat(200));
        assert!(matches!(ControlSocket::bind(&long), Err(ControlSocketError::System { what: "naming", .. })));
        let nowhere = base.path().join("nowhere/control.sock");
        assert!(matches!(ControlSocket::bind(&nowhere), Err(ControlSocketError::System { what: "binding", .. })));
    }

    #[test]
    fn one_that_everybody_may_use_is_not_taken_over() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("control.sock");
        for (mode, taken) in [(0o660, true), (0o600, true), (0o666, false), (0o662, false), (0o664, false)] {
            let _ = std::fs::remove_file(&path);
            let listener = UnixListener::bind(&path).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let door = ControlSocket::handed(listener);
            assert_eq!(door.is_ok(), taken, "{mode:o}");
            assert!(door.err().is_none_or(|error| error.is_lasting()));
            // It is the service manager's.
            assert!(path.exists());
        }
        use std::os::linux::net::SocketAddrExt;
        let name = format!("stakeout-test-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
        let nameless = UnixListener::bind_addr(&address).unwrap();
        assert!(matches!(ControlSocket::handed(nameless), Err(ControlSocketError::Nameless)));
    }
}
