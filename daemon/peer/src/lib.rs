//! Who is at the other end of a unix socket, as the kernel says: a second check after the permissions of the socket, for
//! the daemon's control socket and for the signer's.
//!
//! ```
//! use std::os::unix::net::UnixStream;
//! use daemon_peer::Peer;
//!
//! let (here, _there) = UnixStream::pair()?;
//! assert!(Peer::of(&here)?.is_root_or_us());
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::geteuid;

/// User id for a user without an id in this user namespace: nobody.
const NOBODY: u32 = 65_534;

/// The process at the other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// User id. 65534 for everybody but root if this process is in its own user namespace.
    pub uid: u32,
    /// The group, likewise.
    pub gid: u32,
    /// Process id. 0 for a process that cannot be seen from our namespace of processes, as in another container.
    pub pid: i32,
}

impl Peer {
    /// The peer of a connection.
    ///
    /// # Errors
    ///
    /// If the kernel does not tell.
    pub fn of(stream: impl AsFd) -> io::Result<Peer> {
        let credentials = getsockopt(&stream, sockopt::PeerCredentials)?;
        Ok(Peer { uid: credentials.uid(), gid: credentials.gid(), pid: credentials.pid() })
    }

    /// Whether the peer is root, or the user that this process runs as.
    pub fn is_root_or_us(&self) -> bool {
        self.uid == 0 || self.uid == geteuid().as_raw()
    }

    /// Whether the peer is known to be unauthorized: not root, not this user, not a member of the group. If that is
    /// unknown, the permissions of the socket decided.
    pub fn is_stranger(&self, group: u32) -> bool {
        if self.is_root_or_us() || self.gid == group || self.uid == nobody() {
            return false;
        }
        groups_of(self.pid).is_some_and(|groups| !groups.contains(&group))
    }
}

fn nobody() -> u32 {
    let told = fs::read_to_string("/proc/sys/kernel/overflowuid").ok();
    told.and_then(|text| text.trim().parse().ok()).unwrap_or(NOBODY)
}

/// The groups that a process is in beside its own; `None` where that is not told.
fn groups_of(pid: i32) -> Option<Vec<u32>> {
    groups_in(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn groups_in(status: &str) -> Option<Vec<u32>> {
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:"))?;
    line.split_whitespace().map(|group| group.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn only_who_is_known_to_be_a_stranger_is_one() {
        let group = 990;
        let us = geteuid().as_raw();
        // A process that there is, whose groups can be read, and one that there is not.
        let (here, gone) = (std::process::id().cast_signed(), i32::MAX);
        let stranger = |uid, gid, pid| Peer { uid, gid, pid }.is_stranger(group);
        assert!(!stranger(0, 0, here) && !stranger(us, 5, here), "root and we are let in");
        assert!(!stranger(1_234, group, here), "its own group is the one");
        assert!(!stranger(nobody(), nobody(), here), "nobody knows who that is");
        assert!(!stranger(1_234, 5, gone) && !stranger(1_234, 5, 0), "nobody knows its groups");
        assert!(stranger(1_234, 5, here), "it is another, and its groups are known");
    }

    #[test]
    fn only_root_and_we_are_root_or_us() {
        let peer = |uid| Peer { uid, gid: 990, pid: 1 };
        assert!(peer(0).is_root_or_us() && peer(geteuid().as_raw()).is_root_or_us());
        assert!(!peer(1_234).is_root_or_us() && !peer(nobody()).is_root_or_us());
    }

    #[test]
    fn the_kernel_says_who_is_there() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!(peer.uid, geteuid().as_raw());
        assert_eq!(peer.pid.cast_unsigned(), std::process::id());
    }

    #[test]
    fn groups_are_read_from_the_status_of_a_process() {
        assert_eq!(groups_in("Name:\tsh\nGroups:\t4 990 1000 \nPid: 7\n"), Some(vec![4, 990, 1000]));
        assert_eq!(groups_in("Groups:\t \n"), Some(Vec::new()));
        assert_eq!(groups_in("Name:\tsh\n"), None);
        assert_eq!(groups_in("Groups: x\n"), None);
    }
}
