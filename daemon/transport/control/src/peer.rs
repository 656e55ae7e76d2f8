//! Credentials of the peer, given by the kernel: a second check after the permissions of the socket.

use std::fs;

/// User id for a user without an id in this user namespace: nobody.
const NOBODY: u32 = 65_534;

/// The process at the other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// User id. 65534 for everybody but root if this process is in its own user namespace.
    pub uid: u32,
    /// The group, likewise.
    pub gid: u32,
    /// Process id, if known.
    pub pid: Option<i32>,
}

impl Peer {
    /// Returns the peer of a connection.
    pub(crate) fn of(stream: &tokio::net::UnixStream) -> std::io::Result<Peer> {
        let credentials = stream.peer_cred()?;
        Ok(Peer { uid: credentials.uid(), gid: credentials.gid(), pid: credentials.pid() })
    }

    /// Whether the peer is known to be unauthorized: not root, not this user, not a member of the group. If that is
    /// unknown, the permissions of the socket decided.
    pub(crate) fn is_stranger(&self, group: u32) -> bool {
        let us = rustix::process::geteuid().as_raw();
        if self.uid == 0 || self.uid == us || self.gid == group || self.uid == nobody() {
            return false;
        }
        let groups = self.pid.and_then(groups_of);
        groups.is_some_and(|groups| !groups.contains(&group))
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
        // A process that there is, whose groups can be read, and one that there is not.
        let (here, gone) = (i32::try_from(std::process::id()).ok(), Some(i32::MAX));
        let stranger = |uid, gid, pid| Peer { uid, gid, pid }.is_stranger(group);
        assert!(!stranger(0, 0, here) && !stranger(us, 5, here), "root and we are let in");
        assert!(!stranger(1_234, group, here), "its own group is the one");
        assert!(!stranger(nobody(), nobody(), here), "nobody knows who that is");
        assert!(!stranger(1_234, 5, gone) && !stranger(1_234, 5, None), "nobody knows its groups");
        assert!(stranger(1_234, 5, here), "it is another, and its groups are known");
    }

    #[test]
    fn groups_are_read_from_the_status_of_a_process() {
        assert_eq!(groups_in("Name:\tsh\nGroups:\t4 990 1000 \nPid: 7\n"), Some(vec![4, 990, 1000]));
        assert_eq!(groups_in("Groups:\t \n"), Some(Vec::new()));
        assert_eq!(groups_in("Name:\tsh\n"), None);
        assert_eq!(groups_in("Groups: x\n"), None);
    }
}
