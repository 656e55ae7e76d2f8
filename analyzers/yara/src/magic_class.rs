//! The first bytes of files, in classes: what guards of rules are proven to ask for.
//!
//! Every file belongs to exactly one class, by its first eight bytes alone, so a set of classes decides whether a rule
//! may match a file. Classes are not file types: a text that begins with `MZ` is in [`Heads::MZ`], because `uint16(0)
//! == 0x5A4D` tests only that.

use serde::{Deserialize, Serialize};

/// Number of bytes that determine the class of a file.
pub(crate) const HEAD_BYTES: usize = 8;

/// A set of classes of heads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Heads(u8);

/// The named classes by their magic bytes, in the order of their bits. None is a prefix of another, so no file belongs
/// to two.
const NAMED: [(Heads, &[&[u8]]); 6] = [
    (Heads::MZ, &[b"MZ"]),
    (Heads::ELF, &[b"\x7fELF"]),
    (Heads::OLE, &[b"\xd0\xcf\x11\xe0"]),
    (Heads::ZIP, &[b"PK"]),
    (Heads::RTF, &[b"{\\rt"]),
    // Formats that few files of a common tree have, and that many rules ask for: thin and universal Mach-O in
    // both byte orders with both word sizes, shell links, PDF, CHM, CAB, RAR, gzip, Java and Flash files.
    (
        Heads::RARE,
        &[
            b"\xfe\xed\xfa\xce",
            b"\xfe\xed\xfa\xcf",
            b"\xce\xfa\xed\xfe",
            b"\xcf\xfa\xed\xfe",
            b"\xca\xfe\xba\xbe",
            b"\xca\xfe\xba\xbf",
            b"\xbe\xba\xfe\xca",
            b"\xbf\xba\xfe\xca",
            b"\x4c\x00\x00\x00",
            b"%PDF",
            b"ITSF",
            b"MSCF",
            b"Rar!",
            b"\x1f\x8b",
            b"dex\n",
            b"FWS",
            b"CWS",
            b"ZWS",
        ],
    ),
];

impl Heads {
    pub(crate) const NONE: Heads = Heads(0);
    pub(crate) const MZ: Heads = Heads(1);
    pub(crate) const ELF: Heads = Heads(1 << 1);
    pub(crate) const OLE: Heads = Heads(1 << 2);
    pub(crate) const ZIP: Heads = Heads(1 << 3);
    pub(crate) const RTF: Heads = Heads(1 << 4);
    pub(crate) const RARE: Heads = Heads(1 << 5);
    /// Everything that begins with nothing named above, the empty file too.
    pub(crate) const OTHER: Heads = Heads(1 << 6);
    pub(crate) const OFFICE: Heads = Heads(Self::OLE.0 | Self::ZIP.0 | Self::RTF.0);
    pub(crate) const ALL: Heads = Heads((1 << 7) - 1);

    /// The class of a file that begins with `head`: all of a short file, or at least [`HEAD_BYTES`].
    pub(crate) fn of(head: &[u8]) -> Heads {
        let claims = |prefixes: &[&[u8]]| prefixes.iter().any(|prefix| head.starts_with(prefix));
        NAMED.iter().find(|(_, prefixes)| claims(prefixes)).map_or(Heads::OTHER, |&(class, _)| class)
    }

    /// The classes of which some file has `known` for its first bytes; `None` is any byte.
    pub(crate) fn agreeing(known: &[Option<u8>]) -> Heads {
        let at = |index: usize| known.get(index).copied().flatten();
        let mut heads = Heads::NONE;
        let mut implied = false;
        for (class, prefixes) in NAMED {
            for prefix in prefixes {
                let pairs = || prefix.iter().enumerate().map(|(index, &byte)| (at(index), byte));
                if pairs().all(|(known, byte)| known.is_none_or(|known| known == byte)) {
                    heads = heads.or(class);
                }
                implied |= pairs().all(|(known, byte)| known == Some(byte));
            }
        }
        if implied { heads } else { heads.or(Heads::OTHER) }
    }

    pub(crate) const fn or(self, other: Heads) -> Heads {
        Heads(self.0 | other.0)
    }

    pub(crate) const fn and(self, other: Heads) -> Heads {
        Heads(self.0 & other.0)
    }

    /// Returns the complement.
    pub(crate) const fn others(self) -> Heads {
        Heads(Self::ALL.0 & !self.0)
    }

    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether every class of `self` is in `other`.
    pub(crate) const fn within(self, other: Heads) -> bool {
        self.0 & !other.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_named_head_begins_like_another() {
        let all: Vec<_> = NAMED.iter().flat_map(|(_, prefixes)| prefixes.iter()).collect();
        for (index, one) in all.iter().enumerate() {
            assert!(one.len() <= HEAD_BYTES);
            assert!(all.iter().skip(index + 1).all(|other| !one.starts_with(other) && !other.starts_with(one)));
        }
    }

    #[test]
    fn known_bytes_leave_only_the_classes_they_agree_with() {
        let known = |bytes: &[u8]| Heads::agreeing(&bytes.iter().copied().map(Some).collect::<Vec<_>>());
        assert_eq!(known(b"MZ"), Heads::MZ);
        assert_eq!(known(b"MZ\x90"), Heads::MZ);
        assert_eq!(known(b"M"), Heads::MZ.or(Heads::OTHER).or(Heads::RARE));
        assert_eq!(known(b"\x7fEL"), Heads::ELF.or(Heads::OTHER));
        assert_eq!(known(b"PK\x03\x04"), Heads::ZIP);
        assert_eq!(known(b"<?ph"), Heads::OTHER);
        assert_eq!(known(b""), Heads::ALL);
    }

    proptest! {
        #[test]
        fn the_class_of_a_file_is_among_those_its_bytes_agree_with(
            head in prop::collection::vec(prop::sample::select(&b"MZ\x7fELFPK{\\rt%D"[..]), 0..10),
            holes in prop::collection::vec(any::<bool>(), 10),
        ) {
            let known: Vec<_> = head.iter().zip(holes).map(|(&byte, hole)| (!hole).then_some(byte)).collect();
            prop_assert!(Heads::of(&head).within(Heads::agreeing(&known)));
        }
    }
}
