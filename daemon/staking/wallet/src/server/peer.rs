//! Credentials of the peer, given by the kernel: a second check after the permissions of the socket.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;

use rustix::net::sockopt::socket_peercred;

/// User id for a user without an id in this user namespace: nobody.
const NOBODY: u32 = 65_534;

/// The process at the other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// User id. 65534 for everybody but root if this process is in its own user namespace.
    pub uid: u32,
    /// The group, likewise.
    pub gid: u32,
    /// Process id.
    pub pid: i32,
}

impl Peer {
    /// The peer of a connection.
    ///
    /// # Errors
    ///
    /// If the kernel does not tell.
    pub fn of(stream: &UnixStream) -> io::Result<Peer> {
        let credentials = socket_peercred(stream)?;
        let pid = credentials.pid.as_raw_nonzero().get();
        Ok(Peer { uid: credentials.uid.as_raw(), gid: credentials.gid.as_raw(), pid })
    }

    /// Whether it is known to be unauthorized: not root, not this user, not a member of the group. If that is unknown, the
    /// permissions of the socket decided.
    pub(super) fn is_stranger(&self, group: u32) -> bool {
        if self.may_administer() || self.gid == group || self.uid == nobody() {
            return false;
        }
        groups_of(self.pid).is_some_and(|groups| !groups.contains(&group))
    }

    /// Whether it may reset what limits the frontend: only root and the signer's own user, never the frontend.
    pub(super) fn may_administer(&self) -> bool {
        self.uid == 0 || self.uid == rustix::process::geteuid().as_raw()
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
    use super::*;

    #[test]
    fn only_who_is_known_to_be_a_stranger_is_one() {
        let group = 990;
        let us = rustix::process::geteuid().as_raw();
        let (here, gone) = (i32::try_from(std::process::id()).unwrap(), i32::MAX);
        let stranger = |uid, gid, pid| Peer { uid, gid, pid }.is_stranger(group);
        assert!(!stranger(0, 0, here) && !stranger(us, 5, here), "root and we are let in");
        assert!(!stranger(1_234, group, here), "its own group is the one");
        assert!(!stranger(nobody(), nobody(), here), "nobody knows who that is");
        assert!(!stranger(1_234, 5, gone), "nobody knows its groups");
        assert!(stranger(1_234, 5, here), "it is another, and its groups are known");
    }

    #[test]
    fn the_frontend_administers_nothing() {
        let peer = |uid| Peer { uid, gid: 990, pid: 1 };
        assert!(peer(0).may_administer() && peer(rustix::process::geteuid().as_raw()).may_administer());
        assert!(!peer(1_234).may_administer() && !peer(nobody()).may_administer());
    }

    #[test]
    fn the_kernel_says_who_is_there() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
        assert_eq!(peer.pid.cast_unsigned(), std::process::id());
    }
}
