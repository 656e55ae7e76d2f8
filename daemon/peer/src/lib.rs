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

mod groups;

use std::io;
use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::geteuid;

/// User id that stands for a user without an id in this user namespace: Linux's default for `/proc/sys/kernel/overflowuid`.
const NOBODY: u32 = 65_534;
/// Group id that stands for a group without an id in this user namespace: the default for `/proc/sys/kernel/overflowgid`.
const NOGROUP: u32 = 65_534;

/// The process at the other end of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// User id. 65534 for everybody but root if this process is in its own user namespace.
    pub uid: u32,
    /// The group, likewise.
    pub gid: u32,
    /// Process id. 0 for a process that cannot be seen from our namespace of processes, as in another container.
    pub pid: i32,
    /// The groups that it is in beside that one, likewise; `None` where the kernel does not tell.
    groups: Option<Vec<u32>>,
}

impl Peer {
    /// The peer of a connection, as it was when it connected.
    ///
    /// # Errors
    ///
    /// If the kernel does not tell.
    pub fn of(stream: impl AsFd) -> io::Result<Peer> {
        let credentials = getsockopt(&stream, sockopt::PeerCredentials)?;
        let groups = groups::of(&stream).ok();
        Ok(Peer { uid: credentials.uid(), gid: credentials.gid(), pid: credentials.pid(), groups })
    }

    /// Whether the peer is root, or the user that this process runs as.
    pub fn is_root_or_us(&self) -> bool {
        self.uid == 0 || self.uid == geteuid().as_raw()
    }

    /// A peer of whom this is known.
    pub fn new(uid: u32, gid: u32, pid: i32, groups: Option<Vec<u32>>) -> Peer {
        Peer { uid, gid, pid, groups }
    }

    /// Whether it is in a group that has an id in this user namespace.
    pub fn is_in(&self, group: u32) -> bool {
        group != NOGROUP && (self.gid == group || self.groups.as_ref().is_some_and(|groups| groups.contains(&group)))
    }

    /// Whether it cannot be told from others: it, or one of its groups, has no id in this user namespace, or its groups are
    /// not known.
    pub fn is_anonymous(&self) -> bool {
        let unknown = |group: &u32| *group == NOGROUP;
        let hidden = self.groups.as_ref().is_none_or(|groups| groups.iter().any(unknown));
        self.uid == NOBODY || unknown(&self.gid) || hidden
    }

    /// Whether the peer is known to be unauthorized: not root, not this user, not a member of the group. If that is
    /// unknown, the permissions of the socket decided: a group that has no id in this user namespace cannot be told from others.
    pub fn is_stranger(&self, group: u32) -> bool {
        if self.is_root_or_us() || self.gid == group || group == NOGROUP {
            return false;
        }
        self.groups.as_ref().is_some_and(|groups| !groups.contains(&group))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn only_who_is_known_to_be_a_stranger_is_one() {
        let group = 990;
        let us = geteuid().as_raw();
        let stranger = |uid, gid, groups: Option<&[u32]>| {
            Peer { uid, gid, pid: 1, groups: groups.map(<[u32]>::to_vec) }.is_stranger(group)
        };
        assert!(!stranger(0, 0, Some(&[])) && !stranger(us, 5, Some(&[])), "root and we are let in");
        assert!(!stranger(1_234, group, Some(&[])), "its own group is the one");
        assert!(!stranger(1_234, 5, Some(&[7, group])), "it is a member");
        assert!(!stranger(1_234, 5, None), "nobody knows its groups");
        assert!(stranger(1_234, 5, Some(&[7])), "it is another, and its groups are known");
        // In a user namespace of ours it has no name, but our group has: members are known by it.
        assert!(stranger(65_534, NOGROUP, Some(&[NOGROUP])) && !stranger(65_534, NOGROUP, Some(&[group])));
        let peer = Peer { uid: 1_234, gid: 5, pid: 1, groups: Some(vec![7]) };
        assert!(!peer.is_stranger(NOGROUP), "a group without a number here is any group");
    }

    #[test]
    fn only_root_and_we_are_root_or_us() {
        let peer = |uid| Peer { uid, gid: 990, pid: 1, groups: None };
        assert!(peer(0).is_root_or_us() && peer(geteuid().as_raw()).is_root_or_us());
        assert!(!peer(1_234).is_root_or_us() && !peer(65_534).is_root_or_us());
    }

    #[test]
    fn the_kernel_says_who_is_there() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!(peer.uid, geteuid().as_raw());
        assert_eq!(peer.pid.cast_unsigned(), std::process::id());
    }
}
