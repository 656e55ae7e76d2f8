//! Encrypted BIFF workbooks: a `FILEPASS` record, and most records behind it (MS-XLS 2.2.10, MS-OFFCRYPTO 2.3.5 to
//! 2.3.7).
//!
//! Headers of records stay readable, but the key stream counts them. So everything is decrypted, and what was plain is
//! put back.

use analyzers::Findings;
use rc4::{KeyInit, Rc4, StreamCipher};

use super::primitives::{Hash, utf16};
use super::{PASSWORDS, locked, unreadable};
use crate::biff::{BiffRecord, kind, records};
use crate::catalogue::crypt;

/// Bytes that one key of RC4 is used for (MS-XLS 2.2.10).
const BLOCK: usize = 1024;

/// Encryption method of a workbook.
enum WorkbookCipher<'f> {
    /// MS-OFFCRYPTO 2.3.7: of the password, 16 bits each of key and verifier.
    Xor { verifier: u16 },
    /// 2.3.6: RC4 with keys by MD5.
    Rc4 { salt: &'f [u8], verifier: &'f [u8], verifier_hash: &'f [u8] },
    /// 2.3.5: RC4 with keys by SHA-1, of this many bytes.
    CryptoApi { key_bytes: usize, salt: &'f [u8], verifier: &'f [u8], verifier_hash: &'f [u8] },
}

/// Key for decryption.
enum Key {
    Xor,
    Rc4 { hash: Hash, base: Vec<u8>, key_bytes: usize },
}

/// Decrypts the workbook `stream`, whose `FILEPASS` record this is, if its password is one that everybody knows.
pub(super) fn decrypted(
    stream: &[u8],
    filepass: &BiffRecord<'_>,
    is_biff5: bool,
    findings: &mut Findings<'_>,
) -> Option<Vec<u8>> {
    findings.saw(&crypt::WORKBOOK, filepass.span.clone());
    let Some(method) = method(filepass.data, is_biff5) else {
        unreadable("the FILEPASS record names no method that we know", findings);
        return None;
    };
    let Some((password, key)) = PASSWORDS.iter().find_map(|password| Some((password, method.key(password)?))) else {
        locked("a workbook", findings);
        return None;
    };
    findings.saw_with(&crypt::DEFAULT_PASSWORD, filepass.span.clone(), password);
    // Paid before; which limit was hit is remembered by the budget.
    findings.budget().produce(stream.len() as u64).ok()?;
    Some(decrypt(stream, &key))
}

fn method(data: &[u8], is_biff5: bool) -> Option<WorkbookCipher<'_>> {
    let word = |at: usize| data.get(at..at + 2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    if is_biff5 {
        return Some(WorkbookCipher::Xor { verifier: word(2)? });
    }
    match (word(0)?, word(2)?, word(4)?) {
        (0, _, verifier) => Some(WorkbookCipher::Xor { verifier }),
        (1, 1, 1) => Some(WorkbookCipher::Rc4 {
            salt: data.get(6..22)?,
            verifier: data.get(22..38)?,
            verifier_hash: data.get(38..54)?,
        }),
        // Flags, the size of the header, the header (whose key size in bits is at 16), a verifier.
        (1, 2..=4, 2) => {
            let number = |at: usize| data.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
            let header_bytes = usize::try_from(number(10)?).ok()?;
            let header = data.get(14..)?.get(..header_bytes)?;
            let bits = header.get(16..20)?.try_into().ok().map(u32::from_le_bytes)?;
            let verifier = data.get(14 + header_bytes..)?;
            Some(WorkbookCipher::CryptoApi {
                // 2.3.5.1: zero stands for 40 bits.
                key_bytes: if bits == 0 { 5 } else { usize::try_from(bits / 8).ok()?.clamp(5, 16) },
                salt: verifier.get(4..20)?,
                verifier: verifier.get(20..36)?,
                verifier_hash: verifier.get(40..60)?,
            })
        }
        _ => None,
    }
}

impl WorkbookCipher<'_> {
    /// The key, if `password` is the right one.
    fn key(&self, password: &str) -> Option<Key> {
        let (key, verifier, expected) = match self {
            // The array below is that of the one password that Excel tries; its verifier is 2.3.7.1's.
            WorkbookCipher::Xor { verifier } => {
                return (password == PASSWORDS[0] && *verifier == 0x9a0a).then_some(Key::Xor);
            }
            WorkbookCipher::Rc4 { salt, verifier, verifier_hash } => {
                // 2.3.6.2: sixteen times five bytes of the password's hash, and the salt.
                let hash = Hash::Md5.of(&[&utf16(password)]);
                let once = [hash.get(..5)?, salt].concat();
                let mut base = Hash::Md5.of(&[&once.repeat(16)]);
                base.truncate(5);
                (Key::Rc4 { hash: Hash::Md5, base, key_bytes: 16 }, verifier, verifier_hash)
            }
            WorkbookCipher::CryptoApi { key_bytes, salt, verifier, verifier_hash } => {
                let base = Hash::Sha1.of(&[salt, &utf16(password)]);
                (Key::Rc4 { hash: Hash::Sha1, base, key_bytes: *key_bytes }, verifier, verifier_hash)
            }
        };
        let Key::Rc4 { hash, base, key_bytes } = &key else { return None };
        let mut cipher = cipher(*hash, base, *key_bytes, 0);
        let mut opened = [*verifier, *expected].concat();
        cipher.apply_keystream(&mut opened);
        let (verifier, expected) = opened.split_at_checked(16)?;
        (hash.of(&[verifier]) == expected).then_some(key)
    }
}

/// The cipher of the `block`th 1024 bytes (2.3.5.2, 2.3.6.2).
fn cipher(hash: Hash, base: &[u8], key_bytes: usize, block: u32) -> Rc4 {
    let mut key = hash.of(&[base, &block.to_le_bytes()]);
    key.truncate(key_bytes);
    if key_bytes == 5 {
        // 40 bits are used as 128, the rest being zero.
        key.resize(16, 0);
    }
    Rc4::new_from_slice(&key).expect("the key has 6 to 16 bytes, and RC4 takes 1 to 256")
}

fn decrypt(stream: &[u8], key: &Key) -> Vec<u8> {
    let mut bytes = stream.to_vec();
    if let Key::Rc4 { hash, base, key_bytes } = key {
        for (i, block) in (0..).zip(bytes.chunks_mut(BLOCK)) {
            cipher(*hash, base, *key_bytes, i).apply_keystream(block);
        }
    }
    for record in records(stream, 0) {
        let data = record.span.start + 4..record.span.end;
        if matches!(key, Key::Xor)
            && let Some(encrypted) = bytes.get_mut(data.clone())
        {
            xor(encrypted, data.start, record.data.len());
        }
        // MS-XLS 2.2.10: what is never encrypted. Of a sheet's description, it is where the sheet starts.
        let plain = match record.kind {
            kind::BOF | kind::FILEPASS | 0x00e1 | 0x0138 | 0x0194 | 0x0195 | 0x0196 => record.data.len(),
            kind::BOUNDSHEET => 4,
            _ => 0,
        };
        let range = record.span.start..(data.start + plain).min(data.end);
        if let Some((to, from)) = bytes.get_mut(range.clone()).zip(stream.get(range)) {
            to.copy_from_slice(from);
        }
        // What is not encrypted any more has no FILEPASS: type 0 is no record at all.
        if record.kind == kind::FILEPASS
            && let Some(to) = bytes.get_mut(record.span.start..record.span.start + 2)
        {
            to.fill(0);
        }
    }
    bytes
}

/// MS-OFFCRYPTO 2.3.7.3: each byte is rotated, and mixed with a byte of the password's array, counted from the place
/// and the length of its record.
fn xor(data: &mut [u8], at: usize, length: usize) {
    /// The array of 2.3.7.2 for `VelvetSweatshop`.
    const ARRAY: [u8; 16] =
        [0x87, 0x6b, 0x9a, 0xe2, 0x1e, 0xe3, 0x05, 0x62, 0x1e, 0x69, 0x96, 0x60, 0x98, 0x6e, 0x94, 0x04];
    let masks = ARRAY.iter().cycle().skip((at + length) % ARRAY.len());
    data.iter_mut().zip(masks).for_each(|(byte, mask)| *byte = (*byte ^ mask).rotate_right(5));
}
