//! Encrypts documents as Office does (MS-OFFCRYPTO), with salts and keys that are the same every time.
//!
//! Written from the specification, apart from what the analyzer decrypts with; only hashes and ciphers are shared.

use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};
use rc4::{Rc4, StreamCipher};
use sha1::{Digest, Sha1};
use sha2::Sha512;

use crate::biff::{Workbook, record};
use crate::cfb::CfbBuilder;

const SALT: [u8; 16] = *b"salt of sixteen.";
const VERIFIER: [u8; 16] = *b"verifies, or not";

/// How a workbook is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FilePass {
    /// RC4 with keys by MD5 (2.3.6).
    Rc4,
    /// RC4 of CryptoAPI with keys of 128 bits (2.3.5).
    CryptoApi,
    /// The same with keys of 40 bits.
    CryptoApi40,
    /// XOR (2.3.7) with the array of `VelvetSweatshop`, whatever the password.
    Xor,
}

/// The array that 2.3.7.2 makes of `VelvetSweatshop`, then its key and verifier.
const XOR: ([u8; 16], [u8; 4]) = (
    [0x87, 0x6b, 0x9a, 0xe2, 0x1e, 0xe3, 0x05, 0x62, 0x1e, 0x69, 0x96, 0x60, 0x98, 0x6e, 0x94, 0x04],
    [0x59, 0xb3, 0x0a, 0x9a],
);

/// A package encrypted by the standard method (2.3.4.5), AES of 128 bits.
pub fn standard(package: &[u8], password: &str) -> Vec<u8> {
    let mut hash = Sha1::digest([&SALT[..], &utf16(password)].concat()).to_vec();
    for i in 0..50_000_u32 {
        hash = Sha1::digest([&i.to_le_bytes()[..], &hash].concat()).to_vec();
    }
    hash = Sha1::digest([&hash[..], &[0; 4]].concat()).to_vec();
    let mut pad = [0x36; 64];
    pad.iter_mut().zip(&hash).for_each(|(byte, mask)| *byte ^= mask);
    let key = &Sha1::digest(pad)[..16];

    let header: Vec<u8> = [0x24_u32, 0, 0x660e, 0x8004, 128, 0x18, 0, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
    let header = [header, utf16("AES\0")].concat();
    let mut description = [3_u8, 0, 2, 0, 0x24, 0, 0, 0].to_vec();
    description.extend((header.len() as u32).to_le_bytes());
    description.extend(header);
    description.extend(16_u32.to_le_bytes());
    description.extend(SALT);
    description.extend(ecb(key, &VERIFIER));
    description.extend(20_u32.to_le_bytes());
    description.extend(ecb(key, &Sha1::digest(VERIFIER)));
    wrap(&description, package.len(), &ecb(key, package))
}

/// A package encrypted by the agile method (2.3.4.10): AES of 256 bits in CBC mode, SHA-512, with this many turns of
/// hashing.
pub fn agile(package: &[u8], password: &str, spins: u32) -> Vec<u8> {
    agile_claiming(package, password, spins, spins)
}

/// The same, but it claims another number of turns.
#[expect(clippy::missing_panics_doc, reason = "the lengths of keys are those of the ciphers")]
pub fn agile_claiming(package: &[u8], password: &str, spins: u32, claimed: u32) -> Vec<u8> {
    let mut hash = Sha512::digest([&SALT[..], &utf16(password)].concat()).to_vec();
    for i in 0..spins {
        hash = Sha512::digest([&i.to_le_bytes()[..], &hash].concat()).to_vec();
    }
    let seal = |purpose: [u8; 8], bytes: &[u8]| {
        let key = &Sha512::digest([&hash[..], &purpose].concat())[..32];
        base64(&cbc(key, SALT, bytes))
    };
    let key = [7; 32];
    let input = seal([0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79], &VERIFIER);
    let value = seal([0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e], &Sha512::digest(VERIFIER));
    let sealed_key = seal([0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6], &key);
    let common = format!(
        "saltSize=\"16\" blockSize=\"16\" keyBits=\"256\" hashSize=\"64\" cipherAlgorithm=\"AES\" \
         cipherChaining=\"ChainingModeCBC\" hashAlgorithm=\"SHA512\" saltValue=\"{}\"",
        base64(&SALT)
    );
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n\
         <encryption xmlns=\"http://schemas.microsoft.com/office/2006/encryption\" \
         xmlns:p=\"http://schemas.microsoft.com/office/2006/keyEncryptor/password\"><keyData {common}/>\
         <dataIntegrity encryptedHmacKey=\"\" encryptedHmacValue=\"\"/>\
         <keyEncryptors><keyEncryptor uri=\"http://schemas.microsoft.com/office/2006/keyEncryptor/password\">\
         <p:encryptedKey spinCount=\"{claimed}\" {common} encryptedVerifierHashInput=\"{input}\" \
         encryptedVerifierHashValue=\"{value}\" encryptedKeyValue=\"{sealed_key}\"/>\
         </keyEncryptor></keyEncryptors></encryption>"
    );
    let description = [&[4, 0, 4, 0, 0x40, 0, 0, 0], xml.as_bytes()].concat();
    let mut encrypted = Vec::new();
    for (i, segment) in (0_u32..).zip(package.chunks(4096)) {
        let iv = Sha512::digest([&SALT[..], &i.to_le_bytes()].concat());
        encrypted.extend(cbc(&key, iv[..16].try_into().expect("a hash is longer"), segment));
    }
    wrap(&description, package.len(), &encrypted)
}

/// A document that holds an encrypted package.
fn wrap(description: &[u8], size: usize, encrypted: &[u8]) -> Vec<u8> {
    let package = [&(size as u64).to_le_bytes()[..], encrypted].concat();
    CfbBuilder::new().stream("EncryptionInfo", description).stream("EncryptedPackage", &package).build()
}

/// The stream of an encrypted workbook.
#[expect(clippy::missing_panics_doc, reason = "the lengths of keys are those of the ciphers")]
pub fn workbook(book: &Workbook, password: &str, method: FilePass) -> Vec<u8> {
    if method == FilePass::Xor {
        let mut stream = book.build_with(&record(0x002f, &[&[0, 0], &XOR.1[..]].concat()));
        // A byte of the array for each, counted from the place and the length of the record.
        each_record(&mut stream, |data, at, plain| {
            let length = data.len();
            for (i, byte) in data.iter_mut().enumerate().skip(plain) {
                *byte = byte.rotate_left(5) ^ XOR.0[(at + length + i) % 16];
            }
        });
        return stream;
    }
    let key = |block: u32| -> Vec<u8> {
        match method {
            FilePass::Rc4 => {
                let hash = md5::Md5::digest(utf16(password));
                let base = md5::Md5::digest([&hash[..5], &SALT].concat().repeat(16));
                md5::Md5::digest([&base[..5], &block.to_le_bytes()].concat()).to_vec()
            }
            FilePass::CryptoApi | FilePass::CryptoApi40 | FilePass::Xor => {
                let base = Sha1::digest([&SALT[..], &utf16(password)].concat());
                let key = Sha1::digest([&base[..], &block.to_le_bytes()].concat());
                if method == FilePass::CryptoApi { key[..16].to_vec() } else { [&key[..5], &[0; 11]].concat() }
            }
        }
    };
    let cipher = |block: u32| Rc4::new_from_slice(&key(block)).expect("RC4 takes 16 bytes");
    let mut verifier = match method {
        FilePass::Rc4 => [&VERIFIER[..], &md5::Md5::digest(VERIFIER)].concat(),
        FilePass::CryptoApi | FilePass::CryptoApi40 | FilePass::Xor => {
            [&VERIFIER[..], &Sha1::digest(VERIFIER)].concat()
        }
    };
    cipher(0).apply_keystream(&mut verifier);
    let filepass = match method {
        FilePass::Rc4 => [&[1, 0, 1, 0, 1, 0], &SALT[..], &verifier].concat(),
        FilePass::CryptoApi | FilePass::CryptoApi40 | FilePass::Xor => {
            let bits = if method == FilePass::CryptoApi { 128 } else { 40 };
            let header: Vec<u8> =
                [4_u32, 0, 0x6801, 0x8004, bits, 1, 0, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
            let mut data = vec![1, 0, 2, 0, 2, 0, 4, 0, 0, 0];
            data.extend((header.len() as u32).to_le_bytes());
            data.extend(header);
            data.extend(16_u32.to_le_bytes());
            data.extend(SALT);
            data.extend(&verifier[..16]);
            data.extend(20_u32.to_le_bytes());
            data.extend(&verifier[16..]);
            data
        }
    };
    let mut stream = book.build_with(&record(0x002f, &filepass));
    let mut keys: Vec<u8> = vec![0; stream.len()];
    for (i, block) in (0..).zip(keys.chunks_mut(1024)) {
        cipher(i).apply_keystream(block);
    }
    each_record(&mut stream, |data, at, plain| {
        data.iter_mut().zip(&keys[at..]).skip(plain).for_each(|(byte, key)| *byte ^= key);
    });
    stream
}

/// Calls `encrypt` with the content of each record, where it starts, and how many bytes of it stay as they are.
fn each_record(stream: &mut [u8], mut encrypt: impl FnMut(&mut [u8], usize, usize)) {
    let mut at = 0;
    while at < stream.len() {
        let kind = u16::from_le_bytes([stream[at], stream[at + 1]]);
        let start = at + 4;
        at = start + usize::from(u16::from_le_bytes([stream[at + 2], stream[at + 3]]));
        let plain = match kind {
            0x0809 | 0x002f => at - start,
            0x0085 => 4,
            _ => 0,
        };
        encrypt(&mut stream[start..at], start, plain);
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Blocks of 16 bytes, the last one filled up with zeros.
fn blocks(bytes: &[u8]) -> impl Iterator<Item = [u8; 16]> {
    bytes.chunks(16).map(|chunk| std::array::from_fn(|i| chunk.get(i).copied().unwrap_or(0)))
}

fn ecb(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let aes = Aes128::new_from_slice(key).expect("the key has 16 bytes");
    blocks(bytes).flat_map(|block| encrypt(&aes, block)).collect()
}

fn cbc(key: &[u8], iv: [u8; 16], bytes: &[u8]) -> Vec<u8> {
    let aes = Aes256::new_from_slice(key).expect("the key has 32 bytes");
    let mut before = iv;
    blocks(bytes)
        .flat_map(|block| {
            before = encrypt(&aes, std::array::from_fn(|i| block[i] ^ before[i]));
            before
        })
        .collect()
}

fn encrypt<C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>>(cipher: &C, block: [u8; 16]) -> [u8; 16] {
    let mut block = Array::from(block);
    cipher.encrypt_block(&mut block);
    block.into()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = (0..3).fold(0, |number, i| number << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let digit = char::from(DIGITS[(number >> (18 - 6 * i)) as usize & 63]);
            text.push(if i <= chunk.len() { digit } else { '=' });
        }
    }
    text
}
