//! The packets between the three kinds of process: headers of fixed size, little-endian, and bytes after them.
//!
//! Everything is bounded by one packet but replies, which may take several. What a worker sends is hostile: a length
//! is only ever compared with what came, never believed.

use std::time::Duration;

/// Maximum payload of one packet, in bytes. Three packets of 64 KiB fit the 208 KiB of a socket's default buffer in
/// Linux (`net.core.wmem_default`).
pub(crate) const PART_BYTES_MAX: usize = 64 << 10;
/// Bytes of the largest packet.
pub(crate) const PACKET_BYTES_MAX: usize = PART_BYTES_MAX + HEADER_BYTES_MAX;
const HEADER_BYTES_MAX: usize = 32;

/// Largest configuration that a template can be given, in bytes.
pub const CONFIG_BYTES_MAX: usize = PART_BYTES_MAX;
/// Largest need that [`Service::equip`](crate::Service::equip) can be called with, in bytes.
pub const NEED_BYTES_MAX: usize = PART_BYTES_MAX;
/// Largest request that can go with an artifact, in bytes.
pub const REQUEST_BYTES_MAX: usize = PART_BYTES_MAX;
/// Largest reply to one job, in bytes: a report of 1,000 pieces of evidence is about 200 KiB.
pub const REPLY_BYTES_MAX: usize = 1 << 20;
/// Most descriptors that a template can be given. Linux passes at most 253 at once (`SCM_MAX_FD`).
pub const FDS_MAX: usize = 64;

/// A request to a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum TemplateRequest {
    Start = 1,
    Equip = 2,
    Fork = 3,
    Reap = 4,
}

impl TemplateRequest {
    pub(crate) fn of(byte: u8) -> Option<TemplateRequest> {
        [TemplateRequest::Start, TemplateRequest::Equip, TemplateRequest::Fork, TemplateRequest::Reap]
            .into_iter()
            .find(|ask| *ask as u8 == byte)
    }
}

/// Kind of a packet from a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum PacketKind {
    Ready = 1,
    Done = 2,
    Needs = 3,
    /// A further part of what came before.
    More = 4,
}

/// The head of a packet from a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) kind: PacketKind,
    /// The nonce of the job that this answers.
    pub(crate) job: u64,
    /// Bytes of all parts together; of [`Kind::More`]: how many came before.
    pub(crate) length: u32,
}

impl Head {
    pub(crate) const BYTES: usize = 13;

    pub(crate) fn encode(self) -> [u8; Self::BYTES] {
        let mut bytes = [self.kind as u8; Self::BYTES];
        bytes[1..9].copy_from_slice(&self.job.to_le_bytes());
        bytes[9..13].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    /// The head of a packet and what comes after it.
    pub(crate) fn decode(packet: &[u8]) -> Option<(Head, &[u8])> {
        let ([kind], rest) = packet.split_first_chunk::<1>()?;
        let (job, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let kinds = [PacketKind::Ready, PacketKind::Done, PacketKind::Needs, PacketKind::More];
        let kind = kinds.into_iter().find(|known| *known as u8 == *kind)?;
        Some((Head { kind, job: u64::from_le_bytes(*job), length: u32::from_le_bytes(*length) }, rest))
    }
}

/// The head of a job, and how long it may take.
pub(crate) struct JobHead {
    /// A random number that the answer must repeat: a worker cannot answer what it was not asked yet.
    pub(crate) nonce: u64,
    pub(crate) limit: Duration,
}

impl JobHead {
    pub(crate) const BYTES: usize = 16;

    pub(crate) fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.nonce.to_le_bytes());
        let micros = u64::try_from(self.limit.as_micros()).unwrap_or(u64::MAX);
        bytes[8..].copy_from_slice(&micros.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(packet: &[u8]) -> Option<(JobHead, &[u8])> {
        let (nonce, rest) = packet.split_first_chunk::<8>()?;
        let (micros, rest) = rest.split_first_chunk::<8>()?;
        let limit = Duration::from_micros(u64::from_le_bytes(*micros));
        Some((JobHead { nonce: u64::from_le_bytes(*nonce), limit }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for kind in [PacketKind::Ready, PacketKind::Done, PacketKind::Needs, PacketKind::More] {
            let head = Head { kind, job: 0x0102_0304_0506_0708, length: u32::MAX - 1 };
            let mut packet = head.encode().to_vec();
            packet.extend_from_slice(b"rest");
            assert_eq!(Head::decode(&packet), Some((head, &b"rest"[..])));
        }
        let job = JobHead { nonce: 7, limit: Duration::from_millis(5_000) };
        let bytes = job.encode();
        let (back, rest) = JobHead::decode(&bytes).expect("it was just encoded");
        assert_eq!((back.nonce, back.limit, rest), (7, Duration::from_secs(5), &b""[..]));
    }

    #[test]
    fn what_is_short_or_unknown_is_refused() {
        assert_eq!(Head::decode(&[2; 12]), None);
        assert_eq!(Head::decode(&[0; 13]), None);
        assert_eq!(Head::decode(&[5; 13]), None);
        assert!(JobHead::decode(&[0; 15]).is_none());
        assert_eq!(TemplateRequest::of(0), None);
        assert_eq!(TemplateRequest::of(4), Some(TemplateRequest::Reap));
    }
}
