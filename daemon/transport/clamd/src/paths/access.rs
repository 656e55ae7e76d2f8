//! Whether a client may read a file: by owner, group and mode, as the kernel decides for a process of the client's user and
//! groups. Access control lists are not looked at.

use daemon_peer::Peer;
use rustix::fs::Stat;

/// Permission to read, in the lowest class of a mode.
pub(crate) const READ: u32 = 0o4;
/// Permission to search a directory.
pub(crate) const SEARCH: u32 = 0o1;

/// Whether `peer` has all of `wanted`.
pub(crate) fn may(peer: &Peer, file: &Stat, wanted: u32) -> bool {
    let has = |class: u32| file.st_mode >> class & wanted == wanted;
    match peer {
        Peer { uid: 0, .. } => true,
        // Nobody knows who that is, and the file's owner may be called nobody too: so everybody must have it.
        anybody if anybody.is_anonymous() => has(6) && has(3) && has(0),
        Peer { uid, .. } if *uid == file.st_uid => has(6),
        member if member.is_in(file.st_gid) => has(3),
        _ => has(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_that_a_client_is_in_decides() {
        let file = |mode: u32, uid, gid| {
            let directory = tempfile::tempdir().unwrap();
            let mut stat = rustix::fs::stat(directory.path()).unwrap();
            (stat.st_mode, stat.st_uid, stat.st_gid) = (mode, uid, gid);
            stat
        };
        let peer = |uid, gid, groups: &[u32]| Peer::new(uid, gid, 1, Some(groups.to_vec()));
        for (mode, [root, owner, group, other, nobody]) in [
            (0o644, [true, true, true, true, true]),
            (0o640, [true, true, true, false, false]),
            (0o600, [true, true, false, false, false]),
            (0o604, [true, true, false, true, false]),
            (0o044, [true, false, true, true, false]),
            (0o000, [true, false, false, false, false]),
        ] {
            let file = file(mode, 1_000, 2_000);
            assert_eq!(may(&peer(0, 0, &[]), &file, READ), root, "{mode:o}");
            assert_eq!(may(&peer(1_000, 7, &[]), &file, READ), owner, "{mode:o}");
            assert_eq!(may(&peer(1_001, 2_000, &[]), &file, READ), group, "{mode:o}");
            assert_eq!(may(&peer(1_001, 7, &[8, 2_000]), &file, READ), group, "{mode:o}");
            assert_eq!(may(&peer(1_001, 7, &[8]), &file, READ), other, "{mode:o}");
            for unknown in [peer(65_534, 65_534, &[]), peer(1_000, 7, &[65_534]), Peer::new(1_000, 7, 1, None)] {
                assert_eq!(may(&unknown, &file, READ), nobody, "{mode:o} {unknown:?}");
            }
            assert!(!may(&peer(1_000, 2_000, &[]), &file, READ | SEARCH), "{mode:o}");
        }
        // In a user namespace the owner of most files is nobody, and so is everybody who asks.
        assert!(!may(&peer(65_534, 65_534, &[]), &file(0o600, 65_534, 65_534), READ));
    }
}
