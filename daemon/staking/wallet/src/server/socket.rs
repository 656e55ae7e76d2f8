//! The socket itself: handed over by the service manager, or made here; for its owner, its group and root alone.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Mode of the socket: owner and group may use it.
const MODE: u32 = 0o660;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Everybody may connect to it.
    #[error("everybody may use {} (mode {mode:o}): set SocketMode=0660 in its .socket unit", path.display())]
    Open {
        /// The socket.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It has no path, and so no permissions.
    #[error("the service manager passed a socket without a path, which everybody may use")]
    Nameless,
    /// More than one was handed over.
    #[error("the service manager passed {0} sockets, and the signer has one")]
    Several(usize),
    /// Somebody listens there.
    #[error("another signer listens at {}: set another path", .0.display())]
    InUse(PathBuf),
    /// There is something else.
    #[error("{} is not a socket: remove it, or set another path", .0.display())]
    Occupied(PathBuf),
    /// The system would not let us.
    #[error("cannot {what} the socket {}", path.display())]
    System {
        /// The operation that failed.
        what: &'static str,
        /// The socket.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// A socket that the frontend may connect to. One that was made here is taken away when this is dropped.
#[derive(Debug)]
pub struct Entrance {
    pub(super) listener: UnixListener,
    /// The group that is let in.
    pub(super) group: u32,
    path: PathBuf,
    is_ours: bool,
}

fn system(what: &'static str, path: &Path) -> impl Fn(io::Error) -> SocketError {
    let path = path.to_owned();
    move |source| SocketError::System { what, path: path.clone(), source }
}

impl Entrance {
    /// The socket that the service manager handed over; else a new one at `path`.
    ///
    /// # Errors
    ///
    /// If everybody could use it, somebody does, or the system does not let us.
    pub fn open(path: &Path) -> Result<Entrance, SocketError> {
        let mut handed = listenfd::ListenFd::from_env();
        match handed.len() {
            0 => Entrance::bind(path),
            1 => match handed.take_unix_listener(0).map_err(system("take over", path))? {
                Some(listener) => Entrance::handed(listener),
                None => Entrance::bind(path),
            },
            several => Err(SocketError::Several(several)),
        }
    }

    fn handed(listener: UnixListener) -> Result<Entrance, SocketError> {
        let address = listener.local_addr().map_err(system("name", Path::new("of the unit")))?;
        let Some(path) = address.as_pathname() else { return Err(SocketError::Nameless) };
        let about = path.symlink_metadata().map_err(system("read the metadata of", path))?;
        let mode = about.mode() & 0o7777;
        if mode & 0o007 != 0 {
            return Err(SocketError::Open { path: path.to_owned(), mode });
        }
        Ok(Entrance { listener, group: about.gid(), path: path.to_owned(), is_ours: false })
    }

    fn bind(path: &Path) -> Result<Entrance, SocketError> {
        if path.symlink_metadata().is_ok() {
            clear(path)?;
        }
        // Made beside, and renamed when it is protected: nobody else gets in, not even for a moment.
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let listener = UnixListener::bind(&beside).map_err(system("make", &beside))?;
        let protected = std::fs::set_permissions(&beside, Permissions::from_mode(MODE))
            .and_then(|()| std::fs::rename(&beside, path))
            .and_then(|()| path.symlink_metadata());
        match protected {
            Ok(about) => Ok(Entrance { listener, group: about.gid(), path: path.to_owned(), is_ours: true }),
            Err(source) => {
                // What is left of it is told by the error.
                let _ = std::fs::remove_file(&beside);
                Err(system("protect", path)(source))
            }
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        if self.is_ours {
            // Left behind, it does no harm: who comes next finds that nobody listens.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket without a listener.
fn clear(path: &Path) -> Result<(), SocketError> {
    let about = path.symlink_metadata().map_err(system("read the metadata of", path))?;
    if !about.file_type().is_socket() {
        return Err(SocketError::Occupied(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(system("remove", path))
        }
        // Whoever it is that does not let us in, is there.
        Ok(_) | Err(_) => Err(SocketError::InUse(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_owner_and_group_alone_and_is_taken_away() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("signer.sock");
        let entrance = Entrance::bind(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o660);
        assert_eq!(entrance.group, path.metadata().unwrap().gid());
        assert!(UnixStream::connect(&path).is_ok());
        assert!(matches!(Entrance::bind(&path), Err(SocketError::InUse(_))));
        drop(entrance);
        assert_eq!(base.path().read_dir().unwrap().count(), 0);
        drop(UnixListener::bind(&path).unwrap());
        drop(Entrance::bind(&path).expect("one that was left behind is replaced"));
        std::fs::write(&path, "").unwrap();
        assert!(matches!(Entrance::bind(&path), Err(SocketError::Occupied(_))));
    }

    #[test]
    fn one_that_everybody_may_use_is_not_taken_over() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("signer.sock");
        for (mode, taken) in [(0o660, true), (0o600, true), (0o666, false), (0o664, false)] {
            let _ = std::fs::remove_file(&path);
            let listener = UnixListener::bind(&path).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(Entrance::handed(listener).is_ok(), taken, "{mode:o}");
            assert!(path.exists(), "it is the service manager's");
        }
        use std::os::linux::net::SocketAddrExt;
        let name = format!("stakeout-signer-test-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
        let nameless = UnixListener::bind_addr(&address).unwrap();
        assert!(matches!(Entrance::handed(nameless), Err(SocketError::Nameless)));
    }
}
