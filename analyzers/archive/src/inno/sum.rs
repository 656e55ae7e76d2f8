//! The checksum of a file.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Length of the longest checksum.
const LENGTH_MAX: usize = 32;

/// What a version takes for the checksum of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SumKind {
    Md5,
    Sha1,
    Sha256,
}

/// The checksum of a file, as its entry says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct FileSum {
    kind: SumKind,
    digest: [u8; LENGTH_MAX],
}

impl SumKind {
    pub(super) fn length(self) -> usize {
        match self {
            SumKind::Md5 => 16,
            SumKind::Sha1 => 20,
            SumKind::Sha256 => 32,
        }
    }
}

impl FileSum {
    /// The one that is written in `bytes`, which has the length of its kind.
    pub(super) fn read(kind: SumKind, bytes: &[u8]) -> FileSum {
        let mut digest = [0; LENGTH_MAX];
        for (place, byte) in digest.iter_mut().zip(bytes) {
            *place = *byte;
        }
        FileSum { kind, digest }
    }

    /// Whether it is that of `bytes`.
    pub(super) fn is_of(&self, bytes: &[u8]) -> bool {
        let digest = match self.kind {
            SumKind::Md5 => Md5::digest(bytes).to_vec(),
            SumKind::Sha1 => Sha1::digest(bytes).to_vec(),
            SumKind::Sha256 => Sha256::digest(bytes).to_vec(),
        };
        *self == FileSum::read(self.kind, &digest)
    }
}
