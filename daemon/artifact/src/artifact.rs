//! An artifact: bytes to examine, their hash, and whether they held still.

use std::ops::Deref;
use std::sync::OnceLock;

use crate::fingerprint::Difference;
use crate::map::Map;
use daemon_base::Sha256Digest;

/// Whether what was examined was one consistent file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stability {
    /// Hash and examination saw the same bytes, and they were the file's.
    Stable,
    /// The file shrank (or the disk failed to give a part of it) while it was read or examined. What was
    /// examined is a part of it, or has zeros where the rest was.
    Truncated,
    /// The file was written to while it was examined: hash and examination may have seen different bytes.
    Changed,
}

/// The bytes of one file, lent as a slice for as long as this lives.
///
/// `'s` is the life of the [`Scratch`](crate::Scratch) that a small file was read into.
pub struct Artifact<'s> {
    bytes: Bytes<'s>,
    taken: OnceLock<Taken>,
}

enum Bytes<'s> {
    /// Read into a buffer of the caller, or given by the caller.
    Lent(&'s [u8], Stability),
    /// Read into memory of its own.
    Owned(Vec<u8>, Stability),
    /// Mapped. A sealed memfd will be one more variant: like this one, but always stable.
    Mapped(Map),
}

struct Taken {
    digest: Sha256Digest,
    /// The file was still as it was when it was mapped, so the digest is of what it was then.
    of_the_beginning: bool,
}

impl<'s> Artifact<'s> {
    /// Bytes that the caller holds: a test, a layer, a buffer of its own. Always stable.
    pub fn from_slice(bytes: &'s [u8]) -> Self {
        Artifact::lent(bytes, Stability::Stable)
    }

    /// Bytes that the caller gives away. Always stable.
    pub fn from_vec(bytes: Vec<u8>) -> Artifact<'static> {
        Artifact::owned(bytes, Stability::Stable)
    }

    pub(crate) fn lent(bytes: &'s [u8], stability: Stability) -> Self {
        Artifact { bytes: Bytes::Lent(bytes, stability), taken: OnceLock::new() }
    }

    pub(crate) fn owned(bytes: Vec<u8>, stability: Stability) -> Artifact<'static> {
        Artifact { bytes: Bytes::Owned(bytes, stability), taken: OnceLock::new() }
    }

    pub(crate) fn mapped(map: Map) -> Artifact<'static> {
        Artifact { bytes: Bytes::Mapped(map), taken: OnceLock::new() }
    }

    /// The bytes. Those of a map may change while they are looked at; see [`Artifact::stability`].
    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Lent(bytes, _) => bytes,
            Bytes::Owned(bytes, _) => bytes,
            Bytes::Mapped(map) => map.bytes(),
        }
    }

    /// Number of bytes. If the file was truncated while it was read: the number of bytes read.
    pub fn size(&self) -> u64 {
        self.bytes().len() as u64
    }

    /// Whether the bytes are a mapped file.
    pub fn is_mapped(&self) -> bool {
        matches!(self.bytes, Bytes::Mapped(_))
    }

    /// The SHA-256 of the bytes, computed when first asked for. Ask before the examination: the digest
    /// then also tells a mere rename from a rewrite with its times put back.
    pub fn sha256(&self) -> Sha256Digest {
        self.taken().digest
    }

    fn taken(&self) -> &Taken {
        self.taken.get_or_init(|| {
            let digest = Sha256Digest::of(self.bytes());
            let of_the_beginning = match &self.bytes {
                Bytes::Lent(..) | Bytes::Owned(..) => true,
                Bytes::Mapped(map) => !map.torn() && matches!(map.difference(), Difference::None),
            };
            Taken { digest, of_the_beginning }
        })
    }

    /// Whether what was examined was one consistent file. Ask after the examination.
    ///
    /// Bytes that were read are stable; there can only be too few. For a map, a vanished page is always noticed. A
    /// write in place is noticed by the file's times, so it can be missed if it falls into the same tick of the file
    /// system's clock as an earlier one (before Linux 6.13 up to 10 ms), or if it goes through a shared map whose page
    /// was already dirty. Only a copy or a seal excludes that.
    pub fn stability(&self) -> Stability {
        match &self.bytes {
            Bytes::Lent(_, stability) | Bytes::Owned(_, stability) => *stability,
            Bytes::Mapped(map) if map.torn() => Stability::Truncated,
            Bytes::Mapped(map) => match map.difference() {
                Difference::None => Stability::Stable,
                Difference::Shorter => Stability::Truncated,
                Difference::Written => Stability::Changed,
                Difference::StatusOnly => self.rehashed(map),
            },
        }
    }

    /// The times alone cannot tell a rename from a disguised write, so the bytes do.
    #[cold]
    fn rehashed(&self, map: &Map) -> Stability {
        let same = self
            .taken
            .get()
            .is_some_and(|taken| taken.of_the_beginning && taken.digest == Sha256Digest::of(map.bytes()));
        match (map.torn(), same) {
            (true, _) => Stability::Truncated,
            (false, true) => Stability::Stable,
            (false, false) => Stability::Changed,
        }
    }
}

impl AsRef<[u8]> for Artifact<'_> {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl Deref for Artifact<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes()
    }
}
