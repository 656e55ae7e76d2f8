//! Packets with descriptors over a seqpacket socket pair: whole or not at all, in order, and the other end's death
//! is their end.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use crate::frame::FDS_MAX;

/// Two ends of a new channel, neither of which survives an exec.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
}

/// Sends `parts` as one packet, with `fds`. Blocks while the other end's queue is full, unless `flags` says not to.
pub(crate) fn send(to: impl AsFd, parts: &[&[u8]], fds: &[BorrowedFd<'_>], flags: SendFlags) -> Result<(), Errno> {
    let slices: [IoSlice<'_>; 2] =
        [IoSlice::new(parts.first().unwrap_or(&&[][..])), IoSlice::new(parts.get(1).unwrap_or(&&[][..]))];
    debug_assert!(parts.len() <= slices.len());
    let mut one = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut many = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut control = SendAncillaryBuffer::new(if fds.len() <= 2 { &mut one[..] } else { &mut many[..] });
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(Errno::INVAL);
    }
    loop {
        // NOSIGNAL: that the other end is gone is an answer, not a SIGPIPE.
        match sendmsg(&to, &slices, &mut control, flags | SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            sent => return sent.map(drop),
        }
    }
}

/// A received packet.
#[derive(Debug)]
pub(crate) enum Packet {
    /// The number of bytes, and the descriptors, at most as many as requested.
    Bytes(usize, Vec<OwnedFd>),
    /// The packet was larger than the buffer.
    TooLarge,
    /// The other end is closed (or sent an empty packet, which this protocol does not use).
    End,
}

/// Receives one packet and up to [`FDS_MAX`] descriptors. Blocks until there is one.
pub(crate) fn receive(from: impl AsFd, buffer: &mut [u8]) -> Result<Packet, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = loop {
        match recvmsg(&from, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            message => break message,
        }
    };
    let fds = control
        .drain()
        .flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => fds.collect(),
            _ => Vec::new(),
        })
        .collect();
    packet(message.map(|message| (message.bytes, message.flags.contains(ReturnFlags::TRUNC))), fds)
}

/// Receives one packet, if there is one, and has the kernel close its descriptors.
pub(crate) fn receive_bytes(from: impl AsFd, buffer: &mut [u8]) -> Result<Packet, Errno> {
    // With TRUNC the true length is told, even where the buffer is smaller.
    match rustix::net::recv(from, &mut *buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
        Ok((_, length)) => packet(Ok((length, length > buffer.len())), Vec::new()),
        Err(errno) => packet(Err(errno), Vec::new()),
    }
}

fn packet(received: Result<(usize, bool), Errno>, fds: Vec<OwnedFd>) -> Result<Packet, Errno> {
    match received {
        Ok((0, _)) | Err(Errno::CONNRESET) => Ok(Packet::End),
        Ok((_, true)) => Ok(Packet::TooLarge),
        Ok((length, false)) => Ok(Packet::Bytes(length, fds)),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_arrives_whole_with_its_descriptors() {
        let (a, b) = pair().expect("a socket pair");
        send(&a, &[b"he", b"ad"], &[a.as_fd(), b.as_fd()], SendFlags::empty()).expect("room for it");
        let mut buffer = [0; 8];
        let Packet::Bytes(4, fds) = receive(&b, &mut buffer).expect("it was sent") else { panic!("four bytes") };
        assert_eq!((&buffer[..4], fds.len()), (&b"head"[..], 2));
    }

    #[test]
    fn what_is_too_large_is_told_from_what_is_not() {
        let (a, b) = pair().expect("a socket pair");
        for _ in 0..2 {
            send(&a, &[&[7; 9]], &[], SendFlags::empty()).expect("room for it");
        }
        let mut buffer = [0; 8];
        assert!(matches!(receive(&b, &mut buffer), Ok(Packet::TooLarge)));
        assert!(matches!(receive_bytes(&b, &mut buffer), Ok(Packet::TooLarge)));
        assert!(matches!(receive_bytes(&b, &mut buffer), Err(Errno::AGAIN)));
    }

    #[test]
    fn descriptors_that_nobody_wants_are_closed() {
        let (a, b) = pair().expect("a socket pair");
        let (read, write) = rustix::pipe::pipe().expect("a pipe");
        send(&a, &[b"x"], &[write.as_fd()], SendFlags::empty()).expect("room for it");
        drop(write);
        assert!(matches!(receive_bytes(&b, &mut [0; 8]), Ok(Packet::Bytes(1, _))));
        assert_eq!(rustix::io::read(&read, &mut [0; 1]), Ok(0), "its only other end is closed");
    }

    #[test]
    fn the_death_of_the_other_end_is_the_end() {
        let (a, b) = pair().expect("a socket pair");
        drop(a);
        assert!(matches!(receive(&b, &mut [0; 8]), Ok(Packet::End)));
        assert_eq!(send(&b, &[b"x"], &[], SendFlags::empty()), Err(Errno::PIPE));
    }
}
