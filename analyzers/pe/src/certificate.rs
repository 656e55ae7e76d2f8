//! The attribute certificate table: how much of it is signatures, and whether the first of them is of this file.
//!
//! The table stands at the end of the file and nothing of it is loaded, so it is a place to put things. Only what is
//! accounted for counts as signature: entries whose length fits the directory, of the type and revision of
//! Authenticode, that hold one DER value which says of itself that it is PKCS #7 signed data about a program. What is
//! left of the table is what any other bytes behind the last section are.
//!
//! The digest in it is compared with that of the file like in Windows (Microsoft, "Windows Authenticode Portable
//! Executable Signature Format": all of the file except the checksum, the table's directory entry and the table). That
//! does not prove who signed, because no certificate chain and no key is checked. But if the digest differs, the file
//! was changed after signing, or has another file's signature.
//!
//! Sources: PE/COFF specification, "The Attribute Certificate Table (Image Only)"; RFC 2315, section 9.1.

use std::ops::Range;

use analyzers::{Budget, Exhausted};
use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::anomalies::Oddity;
use crate::image::{Directory, Image};

/// Entries of the table that are looked at. Signed files have one, rarely two.
const ENTRIES_MAX: usize = 16;
/// Bytes that a signature may have, besides a share of the file: certificates, time stamps and a second signature take
/// some 20 KiB (20,560 bytes at most in 706 signed files), hashes of pages one byte of 113 each time they are there.
const SIGNATURE_BYTES_MAX: usize = 64 << 10;
const SIGNATURE_SHARE_MAX: usize = 32;
/// Bytes that are hashed between two looks at the budget.
const CHUNK: usize = 256 << 10;

/// Object identifiers, as their DER content: PKCS #7 signed data (RFC 2315), and Authenticode's `SPC_INDIRECT_DATA`.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const INDIRECT_DATA: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04];

/// Whether the digest that was signed is that of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Match {
    /// The digest matches.
    Same,
    /// The digest is of another file, or the file was changed.
    Other,
    /// The digest algorithm is not supported (MD5, for example).
    Unknown,
}

/// The signatures of an image.
#[derive(Default, Debug)]
pub(crate) struct Certificate {
    /// The bytes that are signatures, in order.
    pub(crate) signatures: Vec<Range<usize>>,
    /// The first of them, as far as it is needed.
    signed: Option<SignedDigest>,
}

/// A digest that was signed.
#[derive(Clone, Debug)]
struct SignedDigest {
    algorithm: Option<Algorithm>,
    digest: Vec<u8>,
}

/// Digest algorithm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Algorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Certificate {
    /// Reads the table. Notes one that holds no signature, or more than signatures.
    pub(crate) fn read(image: &mut Image<'_>) -> Certificate {
        let mut certificate = Certificate::default();
        // The only directory that holds a file offset (PE/COFF specification, "Optional Header Data Directories").
        let Some(directory) = image.directory(Directory::Certificate) else {
            return certificate;
        };
        let start = directory.virtual_address as usize;
        let end = start.saturating_add(directory.size as usize);
        if let Some(table) = image.bytes.get(start..end) {
            certificate.read_table(table, start, SIGNATURE_BYTES_MAX + image.bytes.len() / SIGNATURE_SHARE_MAX);
        }
        if certificate.signatures.is_empty() {
            image.oddities.note(Oddity::Certificate, image.directory_span(Directory::Certificate).start);
        }
        certificate
    }

    fn read_table(&mut self, table: &[u8], start: usize, longest: usize) {
        let mut at = 0;
        for _ in 0..ENTRIES_MAX {
            // WIN_CERTIFICATE: length with this header, revision 1.0 or 2.0, type PKCS_SIGNED_DATA, then the content.
            let Some((header, _)) = table.get(at..).and_then(|rest| rest.split_first_chunk::<8>()) else {
                return;
            };
            let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let known = matches!(header[4..], [0, 1 | 2, 2, 0]);
            let Some(content) = at.checked_add(length).and_then(|end| table.get(at + 8..end)).filter(|_| known) else {
                return;
            };
            let Some((signed, size)) = read_signature(content).filter(|&(_, size)| size <= longest) else {
                return;
            };
            self.signatures.push(start + at..start + at + 8 + size);
            self.signed.get_or_insert(signed);
            // Entries start at multiples of eight bytes.
            at = (at + length).next_multiple_of(8);
        }
    }

    /// Returns the range of the first signature.
    pub(crate) fn span(&self) -> Option<Range<usize>> {
        self.signatures.first().cloned()
    }

    /// Compares the digest of the first signature with that of the file; none without a signature.
    pub(crate) fn compare(&self, image: &Image<'_>, budget: &mut Budget) -> Result<Option<Match>, Exhausted> {
        let (Some(signed), Some(start)) = (&self.signed, self.signatures.first().map(|span| span.start)) else {
            return Ok(None);
        };
        let Some(algorithm) = signed.algorithm else {
            return Ok(Some(Match::Unknown));
        };
        let directory = image.directory_span(Directory::Certificate);
        // The checksum stands at the same place in both kinds of optional headers.
        let checksum = image.optional_span(64, 4);
        let table = image.directory(Directory::Certificate).map_or(0, |directory| directory.size as usize);
        let size = image.bytes.len();
        let parts = [0..checksum.start, checksum.end..directory.start, directory.end..start, start + table..size];
        let digest = match algorithm {
            Algorithm::Sha1 => hash::<Sha1>(image.bytes, parts, budget)?,
            Algorithm::Sha256 => hash::<Sha256>(image.bytes, parts, budget)?,
            Algorithm::Sha384 => hash::<Sha384>(image.bytes, parts, budget)?,
            Algorithm::Sha512 => hash::<Sha512>(image.bytes, parts, budget)?,
        };
        Ok(Some(if digest == signed.digest { Match::Same } else { Match::Other }))
    }
}

/// The digest of some parts of a file, one after the other.
fn hash<D: Digest>(bytes: &[u8], parts: [Range<usize>; 4], budget: &mut Budget) -> Result<Vec<u8>, Exhausted> {
    let mut hasher = D::new();
    for part in parts {
        for chunk in bytes.get(part).unwrap_or_default().chunks(CHUNK) {
            budget.step(1)?;
            hasher.update(chunk);
        }
    }
    Ok(hasher.finalize().to_vec())
}

/// The digest that PKCS #7 signed data is about, and how many bytes that data has.
fn read_signature(content: &[u8]) -> Option<(SignedDigest, usize)> {
    let mut reader = SliceReader::new(content).ok()?;
    let outer = AnyRef::decode(&mut reader).ok()?;
    let size = u32::from(reader.position()) as usize;
    // ContentInfo: the type, then [0] with the content. SignedData: version, digest algorithms, what was signed.
    let [kind, body] = children(within(outer, Tag::Sequence)?)?;
    (kind.tag() == Tag::ObjectIdentifier && kind.value() == SIGNED_DATA).then_some(())?;
    let [signed_data] = children(body.value())?;
    let [_version, _algorithms, signed] = children(within(signed_data, Tag::Sequence)?)?;
    // What was signed: its type, then [0] with SpcIndirectDataContent: what the data is, then the digest.
    let [kind, body] = children(within(signed, Tag::Sequence)?)?;
    (kind.tag() == Tag::ObjectIdentifier && kind.value() == INDIRECT_DATA).then_some(())?;
    let [indirect] = children(body.value())?;
    let [_data, digest] = children(within(indirect, Tag::Sequence)?)?;
    let [algorithm, digest] = children(within(digest, Tag::Sequence)?)?;
    let [algorithm] = children(within(algorithm, Tag::Sequence)?)?;
    let algorithm = match algorithm.value() {
        [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Some(Algorithm::Sha1),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01] => Some(Algorithm::Sha256),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02] => Some(Algorithm::Sha384),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03] => Some(Algorithm::Sha512),
        _ => None,
    };
    (digest.tag() == Tag::OctetString).then(|| (SignedDigest { algorithm, digest: digest.value().to_vec() }, size))
}

/// The content of a value with this tag.
fn within(value: AnyRef<'_>, tag: Tag) -> Option<&[u8]> {
    (value.tag() == tag).then(|| value.value())
}

/// The first values that `content` is made of; none if there are fewer.
fn children<const N: usize>(content: &[u8]) -> Option<[AnyRef<'_>; N]> {
    let mut reader = SliceReader::new(content).ok()?;
    let mut values = [AnyRef::NULL; N];
    for value in &mut values {
        *value = AnyRef::decode(&mut reader).ok()?;
    }
    Some(values)
}
