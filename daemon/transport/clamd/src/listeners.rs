//! The sockets that clients connect to.

use std::fs::Permissions;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, chownat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};

use crate::Config;

/// Length of the backlog.
const WAITING_MAX: i32 = 128;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum ClamdSocketError {
    /// Another process listens there.
    #[error("another program listens at {place}: change {key}, or stop that program")]
    InUse {
        /// Path or address.
        place: String,
        /// The key of the configuration.
        key: &'static str,
    },
    /// There is something else.
    #[error("{} is not a socket: remove it, or change clamd.socket", path.display())]
    Occupied {
        /// Path of the file.
        path: PathBuf,
    },
    /// No such group.
    #[error("there is no group {group:?}, which clamd.socket_group names")]
    Group {
        /// The group.
        group: String,
    },
    /// The system would not let us.
    #[error("{what} {place} failed: change {key}")]
    System {
        /// The operation that failed.
        what: &'static str,
        /// Path or address.
        place: String,
        /// The key of the configuration.
        key: &'static str,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl ClamdSocketError {
    fn system<E: Into<io::Error>>(what: &'static str, path: &Path) -> impl FnOnce(E) -> ClamdSocketError {
        let place = path.display().to_string();
        move |source| ClamdSocketError::System { what, place, key: "clamd.socket", source: source.into() }
    }

    /// Whether this stays wrong until a person changes something.
    pub fn is_lasting(&self) -> bool {
        matches!(self, ClamdSocketError::Occupied { .. } | ClamdSocketError::Group { .. })
    }
}

/// Sockets that listen. A unix socket is taken away when this is dropped.
#[derive(Debug, Default)]
pub struct ClamdListeners {
    pub(crate) unix: Option<UnixListener>,
    pub(crate) tcp: Vec<TcpListener>,
    path: Option<PathBuf>,
}

impl ClamdListeners {
    /// Those that the configuration names.
    ///
    /// # Errors
    ///
    /// [`ClamdSocketError`] if another process listens there, or one cannot be made or protected.
    pub fn bind(config: &Config) -> Result<ClamdListeners, ClamdSocketError> {
        let mut listeners = ClamdListeners::default();
        if !config.socket.as_os_str().is_empty() {
            listeners.unix = Some(unix(config)?);
            listeners.path = Some(config.socket.clone());
        }
        for address in &config.listen {
            listeners.tcp.push(tcp(*address)?);
        }
        Ok(listeners)
    }

    /// Where they listen.
    pub fn places(&self) -> Vec<String> {
        let unix = self.path.iter().map(|path| path.display().to_string());
        unix.chain(self.tcp_addresses().into_iter().map(|address| address.to_string())).collect()
    }

    /// The addresses that are listened on.
    pub fn tcp_addresses(&self) -> Vec<SocketAddr> {
        self.tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }
}

impl Drop for ClamdListeners {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Left behind, it does no harm: who comes next finds that nobody listens.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn tcp(address: SocketAddr) -> Result<TcpListener, ClamdSocketError> {
    let place = || address.to_string();
    let listener = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ClamdSocketError::InUse { place: place(), key: "clamd.listen" },
        _ => ClamdSocketError::System { what: "listening at", place: place(), key: "clamd.listen", source },
    })
}

fn unix(config: &Config) -> Result<UnixListener, ClamdSocketError> {
    let path = &*config.socket;
    let system = ClamdSocketError::system;
    let group = match &*config.socket_group {
        "" => None,
        name => Some(group_id(name).ok_or_else(|| ClamdSocketError::Group { group: name.to_owned() })?),
    };
    let address = SocketAddrUnix::new(path).map_err(system("naming", path))?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .map_err(system("creating a socket for", path))?;
    match bind(&socket, &address) {
        Err(Errno::ADDRINUSE) => {
            clear(path)?;
            bind(&socket, &address).map_err(system("binding", path))?;
        }
        other => other.map_err(system("binding", path))?,
    }
    // Nobody gets in before it listens, whatever its permissions were until here.
    if let Some(group) = group {
        chownat(CWD, path, None, Some(Gid::from_raw(group)), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(system("giving a group to", path))?;
    }
    let mode = Permissions::from_mode(config.mode().unwrap_or(0o660));
    std::fs::set_permissions(path, mode).map_err(ClamdSocketError::system("protecting", path))?;
    listen(&socket, WAITING_MAX).map_err(system("listening at", path))?;
    Ok(UnixListener::from(socket))
}

/// Removes a socket without a listener.
fn clear(path: &Path) -> Result<(), ClamdSocketError> {
    let about = path.symlink_metadata().map_err(ClamdSocketError::system("reading the metadata of", path))?;
    if !about.file_type().is_socket() {
        return Err(ClamdSocketError::Occupied { path: path.to_owned() });
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(ClamdSocketError::system("removing", path))
        }
        // Whoever it is that does not let us in, is there.
        Ok(_) | Err(_) => Err(ClamdSocketError::InUse { place: path.display().to_string(), key: "clamd.socket" }),
    }
}

/// The number of a group, by its name in /etc/group or written as a number.
fn group_id(name: &str) -> Option<u32> {
    let text = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let known = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    });
    known.or_else(|| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn config(path: &Path, mode: &str) -> Config {
        Config { socket: path.to_owned(), socket_mode: mode.to_owned(), ..Config::default() }
    }

    #[test]
    fn the_socket_has_its_mode_and_is_taken_away() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("clamd.sock");
        for mode in ["600", "660", "666"] {
            let listeners = ClamdListeners::bind(&config(&path, mode)).unwrap();
            assert_eq!(format!("{:o}", path.metadata().unwrap().mode() & 0o7777), mode);
            assert_eq!(listeners.places(), [path.display().to_string()]);
            drop(listeners);
            assert!(!path.exists());
        }
    }

    #[test]
    fn one_left_behind_is_replaced_and_one_in_use_is_not() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("clamd.sock");
        let config = config(&path, "660");
        drop(UnixListener::bind(&path).unwrap());
        let listeners = ClamdListeners::bind(&config).unwrap();
        assert!(matches!(ClamdListeners::bind(&config), Err(ClamdSocketError::InUse { .. })));
        assert!(path.exists(), "what is in use is left alone");
        drop(listeners);
        std::fs::write(&path, "").unwrap();
        assert!(matches!(ClamdListeners::bind(&config), Err(ClamdSocketError::Occupied { .. })));
        assert!(path.exists());
    }

    #[test]
    fn groups_are_known_by_name_and_number() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("clamd.sock");
        let ours = rustix::process::getegid().as_raw();
        let by_number = Config { socket_group: ours.to_string(), ..config(&path, "660") };
        let listeners = ClamdListeners::bind(&by_number).unwrap();
        assert_eq!(path.metadata().unwrap().gid(), ours);
        drop(listeners);
        let unknown = Config { socket_group: "no such group".to_owned(), ..config(&path, "660") };
        let error = ClamdListeners::bind(&unknown).unwrap_err();
        assert!(error.is_lasting(), "{error}");
        assert_eq!(group_id("root"), Some(0));
    }

    #[test]
    fn an_address_in_use_is_told() {
        let config = Config { listen: vec!["127.0.0.1:0".parse().unwrap()], ..Config::default() };
        let listeners = ClamdListeners::bind(&config).unwrap();
        let again = Config { listen: listeners.tcp_addresses(), ..Config::default() };
        assert!(matches!(ClamdListeners::bind(&again), Err(ClamdSocketError::InUse { .. })));
    }
}
