//! Packets of a worker, put together and doubted.
//!
//! A worker that was taken over says what it likes. So: the nonce must be that of the job, the kind must fit what came
//! before, lengths are compared and never trusted, and memory grows only by what has really come.

use crate::frame::{Head, NEED_BYTES_MAX, PART_BYTES_MAX, PacketKind, REPLY_BYTES_MAX};
use crate::service::Served;
use crate::walls::Walls;

/// A packet that makes sense.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum ReplyPart {
    /// The worker is ready, behind these walls.
    Ready(Walls),
    /// The reply is complete.
    Whole(Served),
    /// More parts of the reply follow.
    Some,
}

/// Problems of a packet.
pub(crate) const UNASKED: &str = "it sent a reply without a request";
const NONSENSE: &str = "its reply is malformed";
const TOO_LARGE: &str = "its reply is too large";

/// The reply that is expected next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expect {
    /// The worker reports that it is ready.
    Ready,
    /// The first packet of the reply to this job.
    Reply(u64),
    /// A further packet of the reply; the whole has this size.
    More(u64, usize),
}

impl Expect {
    /// Takes one packet; what it brings goes to the end of `reply`, which holds the parts before it.
    pub(crate) fn take(&mut self, packet: &[u8], reply: &mut Vec<u8>) -> Result<ReplyPart, &'static str> {
        let (head, bytes) = Head::decode(packet).ok_or(NONSENSE)?;
        let length = usize::try_from(head.length).unwrap_or(usize::MAX);
        match (*self, head.kind) {
            (Expect::Ready, PacketKind::Ready) => match bytes {
                [walls] => Ok(ReplyPart::Ready(Walls::decode(*walls))),
                _ => Err(NONSENSE),
            },
            (Expect::Ready, _) | (_, PacketKind::Ready) => Err(UNASKED),
            (Expect::Reply(job) | Expect::More(job, _), _) if job != head.job => Err(UNASKED),
            (Expect::Reply(_), PacketKind::Needs) if length == bytes.len() && length <= NEED_BYTES_MAX => {
                Ok(ReplyPart::Whole(Served::Needs(bytes.to_vec())))
            }
            (Expect::Reply(_), PacketKind::Done) if length > REPLY_BYTES_MAX => Err(TOO_LARGE),
            (Expect::Reply(job), PacketKind::Done) if bytes.len() == length.min(PART_BYTES_MAX) => {
                *self = Expect::More(job, length);
                reply.clear();
                self.append(bytes, reply, length)
            }
            // Each part is full but the last, so there are at most as many packets as a reply needs.
            (Expect::More(_, whole), PacketKind::More)
                if length == reply.len() && bytes.len() == whole.saturating_sub(length).min(PART_BYTES_MAX) =>
            {
                self.append(bytes, reply, whole)
            }
            (Expect::Reply(_) | Expect::More(..), PacketKind::Needs | PacketKind::Done | PacketKind::More) => {
                Err(NONSENSE)
            }
        }
    }

    fn append(&self, bytes: &[u8], reply: &mut Vec<u8>, whole: usize) -> Result<ReplyPart, &'static str> {
        reply.extend_from_slice(bytes);
        Ok(if reply.len() == whole { ReplyPart::Whole(Served::Done) } else { ReplyPart::Some })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(kind: PacketKind, job: u64, length: usize, bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(length).expect("tests use small lengths");
        [&Head { kind, job, length }.encode()[..], bytes].concat()
    }

    #[track_caller]
    fn check(mut expect: Expect, packet: &[u8], expected: Result<ReplyPart, &'static str>) {
        assert_eq!(expect.take(packet, &mut Vec::new()), expected);
    }

    #[test]
    fn only_what_was_asked_for_is_taken() {
        let reply = Expect::Reply(7);
        check(reply, &packet(PacketKind::Done, 7, 2, b"ok"), Ok(ReplyPart::Whole(Served::Done)));
        check(reply, &packet(PacketKind::Done, 7, 0, b""), Ok(ReplyPart::Whole(Served::Done)));
        check(reply, &packet(PacketKind::Needs, 7, 2, b"pe"), Ok(ReplyPart::Whole(Served::Needs(b"pe".to_vec()))));
        check(reply, &packet(PacketKind::Done, 8, 2, b"ok"), Err(UNASKED));
        check(reply, &packet(PacketKind::Ready, 7, 1, &[1]), Err(UNASKED));
        check(Expect::Ready, &packet(PacketKind::Done, 0, 2, b"ok"), Err(UNASKED));
        check(Expect::Ready, &packet(PacketKind::Ready, 0, 1, &[127]), Ok(ReplyPart::Ready(Walls::decode(127))));
    }

    #[test]
    fn a_length_that_lies_is_nonsense() {
        let reply = Expect::Reply(7);
        check(reply, &packet(PacketKind::Done, 7, 3, b"ok"), Err(NONSENSE));
        check(reply, &packet(PacketKind::Done, 7, 1, b"ok"), Err(NONSENSE));
        check(reply, &packet(PacketKind::Needs, 7, 3, b"ok"), Err(NONSENSE));
        check(reply, &packet(PacketKind::More, 7, 0, b"ok"), Err(NONSENSE));
        check(reply, &packet(PacketKind::Done, 7, REPLY_BYTES_MAX + 1, b"ok"), Err(TOO_LARGE));
        check(reply, b"", Err(NONSENSE));
        check(reply, b"garbage!", Err(NONSENSE));
    }

    #[test]
    fn a_reply_in_parts_is_put_together() {
        let whole: Vec<u8> = (0..=255).cycle().take(2 * PART_BYTES_MAX + 5).collect();
        let (mut expect, mut reply) = (Expect::Reply(1), Vec::new());
        for (i, part) in whole.chunks(PART_BYTES_MAX).enumerate() {
            let (kind, length) =
                if i == 0 { (PacketKind::Done, whole.len()) } else { (PacketKind::More, i * PART_BYTES_MAX) };
            let expected = if i == 2 { ReplyPart::Whole(Served::Done) } else { ReplyPart::Some };
            assert_eq!(expect.take(&packet(kind, 1, length, part), &mut reply), Ok(expected));
        }
        assert!(reply == whole);
    }

    proptest! {
        #[test]
        fn no_sequence_of_packets_makes_a_reply_too_large(
            packets in prop::collection::vec((0..6u8, 0..3u64, 0..200_000u32, 0..70_000usize), 0..40)
        ) {
            let (mut expect, mut reply) = (Expect::Reply(1), Vec::new());
            for (kind, job, length, size) in packets {
                let mut bytes = vec![kind];
                bytes.extend_from_slice(&job.to_le_bytes());
                bytes.extend_from_slice(&length.to_le_bytes());
                bytes.resize(bytes.len() + size, 0);
                let taken = expect.take(&bytes, &mut reply);
                prop_assert!(reply.len() <= REPLY_BYTES_MAX);
                if taken.is_err() { break }
            }
        }
    }
}
