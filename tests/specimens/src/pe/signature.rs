//! Authenticode signatures of the right shape and digest, made by nobody: there are no certificates and no keys in them.
//!
//! PKCS #7 signed data (RFC 2315, section 9.1) about an `SpcIndirectDataContent` (Microsoft, "Windows Authenticode
//! Portable Executable Signature Format").

use std::ops::Range;

use sha2::{Digest, Sha256};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const EXPLICIT: u8 = 0xa0;

/// Signed data about a program with this SHA-256 digest.
pub(super) fn signed_data(digest: &[u8]) -> Vec<u8> {
    let sha256 = der(OID, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]);
    let algorithm = der(SEQUENCE, &[sha256, vec![0x05, 0x00]].concat());
    let image_data = der(SEQUENCE, &der(OID, &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0f]));
    let digest_info = der(SEQUENCE, &[algorithm.clone(), der(OCTETS, digest)].concat());
    let indirect = der(SEQUENCE, &[image_data, digest_info].concat());
    let indirect_data = der(OID, &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04]);
    let content = der(SEQUENCE, &[indirect_data, der(EXPLICIT, &indirect)].concat());
    let version = vec![0x02, 0x01, 0x01];
    let signed = der(SEQUENCE, &[version, der(SET, &algorithm), content, der(SET, &[])].concat());
    let signed_data = der(OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02]);
    der(SEQUENCE, &[signed_data, der(EXPLICIT, &signed)].concat())
}

/// The digest of an image as Authenticode defines it: all but the checksum, the directory entry of the table, the table.
pub(super) fn digest(image: &[u8], checksum: usize, directory: usize, table: Range<usize>) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for part in [0..checksum, checksum + 4..directory, directory + 8..table.start, table.end..image.len()] {
        hasher.update(&image[part]);
    }
    hasher.finalize().to_vec()
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match length {
        0..=0x7f => out.push(length as u8),
        0x80..=0xff => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(content);
    out
}
