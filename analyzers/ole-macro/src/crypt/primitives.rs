//! Hashes and ciphers by the names and sizes that documents give.

use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use sha1::Digest;

/// A hash function of MS-OFFCRYPTO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// Returns the algorithm with this name in XML (MS-OFFCRYPTO 2.3.4.10, ST_HashAlgorithm).
    pub(super) fn by_name(name: &str) -> Option<Hash> {
        Some(match name {
            "MD5" => Hash::Md5,
            "SHA1" | "SHA-1" => Hash::Sha1,
            "SHA256" | "SHA-256" => Hash::Sha256,
            "SHA384" | "SHA-384" => Hash::Sha384,
            "SHA512" | "SHA-512" => Hash::Sha512,
            _ => return None,
        })
    }

    /// The hash of `parts`, one after the other.
    pub(super) fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        self.spin(parts, 0)
    }

    /// The hash of `parts`, then `count` times the hash of a counter and the hash before (2.3.4.7, 2.3.4.11).
    pub(super) fn spin(self, parts: &[&[u8]], count: u32) -> Vec<u8> {
        match self {
            Hash::Md5 => spin::<md5::Md5>(parts, count),
            Hash::Sha1 => spin::<sha1::Sha1>(parts, count),
            Hash::Sha256 => spin::<sha2::Sha256>(parts, count),
            Hash::Sha384 => spin::<sha2::Sha384>(parts, count),
            Hash::Sha512 => spin::<sha2::Sha512>(parts, count),
        }
    }
}

fn spin<D: Digest>(parts: &[&[u8]], count: u32) -> Vec<u8> {
    let mut first = D::new();
    parts.iter().for_each(|part| first.update(part));
    let mut hash = first.finalize();
    for i in 0..count {
        let mut next = D::new();
        next.update(i.to_le_bytes());
        next.update(&hash);
        hash = next.finalize();
    }
    hash.to_vec()
}

/// AES with a key of 128, 192 or 256 bits.
pub(super) enum Aes {
    Bits128(Aes128),
    Bits192(Aes192),
    Bits256(Aes256),
}

impl Aes {
    /// None where AES has no keys of this length.
    pub(super) fn new(key: &[u8]) -> Option<Aes> {
        match key.len() {
            16 => Aes128::new_from_slice(key).ok().map(Aes::Bits128),
            24 => Aes192::new_from_slice(key).ok().map(Aes::Bits192),
            32 => Aes256::new_from_slice(key).ok().map(Aes::Bits256),
            _ => None,
        }
    }

    /// Decrypts whole blocks, each for itself (ECB). A rest shorter than a block is left as it is.
    pub(super) fn decrypt(&self, bytes: &mut [u8]) {
        for block in bytes.as_chunks_mut::<16>().0 {
            self.decrypt_block(block);
        }
    }

    /// Decrypts whole blocks, each mixed with the one before (CBC).
    pub(super) fn decrypt_chained(&self, iv: [u8; 16], bytes: &mut [u8]) {
        let mut before = iv;
        for block in bytes.as_chunks_mut::<16>().0 {
            let encrypted = *block;
            self.decrypt_block(block);
            block.iter_mut().zip(before).for_each(|(byte, mask)| *byte ^= mask);
            before = encrypted;
        }
    }

    fn decrypt_block(&self, block: &mut [u8; 16]) {
        let mut array = Array::from(*block);
        match self {
            Aes::Bits128(aes) => aes.decrypt_block(&mut array),
            Aes::Bits192(aes) => aes.decrypt_block(&mut array),
            Aes::Bits256(aes) => aes.decrypt_block(&mut array),
        }
        *block = array.into();
    }
}

/// A password as it is hashed: UTF-16, little-endian.
pub(super) fn utf16(password: &str) -> Vec<u8> {
    password.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
