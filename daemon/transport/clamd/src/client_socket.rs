//! A client's connection: bytes in, perhaps with an open file beside them, and replies out.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use daemon_peer::Peer;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, Shutdown, recvmsg, shutdown};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout_at};

/// What of a client's last bytes is read after the last reply, so that the reply arrives: closing a connection with unread
/// bytes takes what was sent away from the client.
const LINGER_BYTES_MAX: usize = 4 << 20;
/// How long.
const LINGER_TIME_MAX: Duration = Duration::from_secs(2);

/// Who is at the other end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClamdClient {
    /// A process of this machine.
    Local(Peer),
    /// An address.
    Remote(SocketAddr),
}

impl fmt::Display for ClamdClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClamdClient::Local(peer) => write!(f, "uid {} pid {}", peer.uid, peer.pid),
            ClamdClient::Remote(address) => address.fmt(f),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) enum ClientSocket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl AsFd for ClientSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            ClientSocket::Unix(stream) => stream.as_fd(),
            ClientSocket::Tcp(stream) => stream.as_fd(),
        }
    }
}

impl ClientSocket {
    /// Who is at the other end.
    pub(crate) fn client(&self) -> io::Result<ClamdClient> {
        Ok(match self {
            ClientSocket::Unix(stream) => ClamdClient::Local(Peer::of(stream)?),
            ClientSocket::Tcp(stream) => ClamdClient::Remote(stream.peer_addr()?),
        })
    }

    /// Reads into `room`: how many bytes, 0 at the end; and the open file that came with them, if exactly one did.
    pub(crate) async fn read(&self, room: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
        match self {
            ClientSocket::Unix(stream) => {
                let got = stream.async_io(Interest::READABLE, || receive(stream.as_fd(), room));
                got.await
            }
            ClientSocket::Tcp(stream) => {
                let got = stream.async_io(Interest::READABLE, || stream.try_read(room));
                Ok((got.await?, None))
            }
        }
    }

    /// Writes all of it.
    pub(crate) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = match self {
                ClientSocket::Unix(stream) => stream.async_io(Interest::WRITABLE, || stream.try_write(bytes)).await,
                ClientSocket::Tcp(stream) => stream.async_io(Interest::WRITABLE, || stream.try_write(bytes)).await,
            }?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Whether nobody is at the other end any more, as far as can be told: a client that only stopped sending is there.
    pub(crate) fn is_gone(&self) -> bool {
        let mut polled = [PollFd::new(self, PollFlags::empty())];
        let gone = PollFlags::HUP | PollFlags::ERR;
        poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok() && polled[0].revents().intersects(gone)
    }

    /// Ends the conversation so that what was written arrives.
    pub(crate) async fn close(self) {
        if shutdown(&self, Shutdown::Write).is_err() {
            return;
        }
        let until = Instant::now() + LINGER_TIME_MAX;
        let mut rest = vec![0; 16 << 10];
        let mut left = LINGER_BYTES_MAX;
        while let Ok(Ok((got, _))) = timeout_at(until, self.read(&mut rest)).await {
            left = left.saturating_sub(got);
            if got == 0 || left == 0 {
                return;
            }
        }
    }
}

/// Receives bytes, and a file beside them.
fn receive(socket: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    // There is room for two because of its alignment: a second one is closed again, like all that come in a crowd.
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let received = recvmsg(socket, &mut [IoSliceMut::new(room)], &mut control, flags)?;
    let mut files = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            files.extend(passed);
        }
    }
    let cut = received.flags.contains(rustix::net::ReturnFlags::CTRUNC);
    let file = if files.len() == 1 && !cut { files.pop() } else { None };
    Ok((received.bytes, file))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::Shutdown as End;
    use std::os::unix::net::UnixStream as StdStream;

    use super::*;

    fn pair() -> (ClientSocket, StdStream) {
        let (ours, theirs) = StdStream::pair().expect("sockets can be made");
        ours.set_nonblocking(true).expect("it is a socket");
        (ClientSocket::Unix(UnixStream::from_std(ours).expect("there is a runtime")), theirs)
    }

    #[tokio::test]
    async fn who_stopped_sending_is_there_and_who_closed_is_gone() {
        let (ours, mut theirs) = pair();
        assert!(!ours.is_gone());
        theirs.write_all(b"x").unwrap();
        theirs.shutdown(End::Write).unwrap();
        assert!(!ours.is_gone());
        drop(theirs);
        assert!(ours.is_gone());
    }

    #[tokio::test]
    async fn what_was_written_arrives_though_the_client_still_sends() {
        let (ours, mut theirs) = pair();
        let sender = std::thread::spawn(move || {
            // More than the socket's buffers hold.
            let sent = theirs.write_all(&vec![7; 1 << 20]);
            theirs.shutdown(End::Write).unwrap();
            let mut reply = String::new();
            io::Read::read_to_string(&mut theirs, &mut reply).unwrap();
            (sent.is_ok(), reply)
        });
        ours.write(b"too much").await.unwrap();
        ours.close().await;
        assert_eq!(sender.join().unwrap(), (true, "too much".to_owned()));
    }
}
