//! The groups of a peer (SO_PEERGROUPS). Neither nix nor rustix has this option, so this is a call of the C library.
//!
//! `/proc` tells them too, but not of other users' processes where it is hidden (`ProtectProc=invisible`), and it tells of the
//! process that has the number now.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd};

/// A user is in no more groups than this (NGROUPS_MAX of Linux).
const GROUPS_MAX: usize = 65_536;

/// The supplementary groups of the process that connected, as this user namespace numbers them.
pub(crate) fn of(stream: impl AsFd) -> io::Result<Vec<u32>> {
    let mut groups = vec![0; 64];
    loop {
        let room = groups.len() * size_of::<libc::gid_t>();
        let mut bytes = libc::socklen_t::try_from(room).expect("at most 256 KiB");
        // SAFETY: the kernel writes at most `bytes` bytes to `groups`, which has so many, and the number of them to `bytes`;
        // both live until the call is over, and any bytes are group ids.
        let done = unsafe {
            libc::getsockopt(
                stream.as_fd().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut bytes,
            )
        };
        if done == 0 {
            groups.truncate(usize::try_from(bytes).unwrap_or(0) / size_of::<libc::gid_t>());
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ERANGE) || groups.len() >= GROUPS_MAX {
            return Err(error);
        }
        groups.resize(GROUPS_MAX, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn they_are_those_that_the_kernel_lists_of_us() {
        let (one, _other) = UnixStream::pair().unwrap();
        let mut ours: Vec<_> = nix::unistd::getgroups().unwrap().into_iter().map(nix::unistd::Gid::as_raw).collect();
        let mut told = of(&one).unwrap();
        ours.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, ours);
    }

    #[test]
    fn a_socket_without_a_peer_that_has_groups_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(of(&stream).is_err());
    }
}
