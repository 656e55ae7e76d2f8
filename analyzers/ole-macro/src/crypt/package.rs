//! Encrypted packages: the streams `EncryptionInfo` and `EncryptedPackage` (MS-OFFCRYPTO 2.3.4).

use std::borrow::Cow;

use analyzers::{Exhausted, Findings, Incomplete};

use super::primitives::{Aes, Hash, utf16};
use super::{PASSWORDS, locked, unreadable};
use crate::catalogue::crypt;
use crate::compound::{Compound, StorageEntry};
use crate::xml::{Element, XmlStep, text, walk};

/// Turns of hashing that are tried per password; Office writes 100,000. About 0.4 s of SHA-512.
pub(super) const SPINS_MAX: u32 = 1_000_000;
/// Steps of the budget that one turn costs: ten, for a hash is about ten turns of other loops.
const STEPS_PER_SPIN: u64 = 10;
/// Turns of hashing of standard encryption (2.3.4.7).
const STANDARD_SPINS: u32 = 50_000;
/// Bytes of the package that agile encryption encrypts together (2.3.4.15).
const SEGMENT: usize = 4096;
/// Longest salt that is hashed, in bytes. Office writes 16.
const SALT_MAX: usize = 256;

/// Encryption method of a package.
enum Method {
    Standard(Standard),
    Agile(Box<Agile>),
}

/// 2.3.4.5 to 2.3.4.9.
struct Standard {
    key_bytes: usize,
    salt: Vec<u8>,
    verifier: Vec<u8>,
    verifier_hash: Vec<u8>,
}

/// 2.3.4.10.
#[derive(Default)]
struct Agile {
    data: AgileParameters,
    key: AgileParameters,
    spins: u32,
    verifier_input: Vec<u8>,
    verifier_hash: Vec<u8>,
    key_value: Vec<u8>,
}

/// Parameters of agile encryption that both elements have.
#[derive(Default)]
struct AgileParameters {
    hash: Option<Hash>,
    key_bytes: usize,
    salt: Vec<u8>,
}

/// Examines an encrypted package; what opens is handed on as a child.
pub(super) fn examine(compound: &Compound<'_>, package: &StorageEntry, findings: &mut Findings<'_>) {
    findings.saw(&crypt::PACKAGE, 0..0);
    // Which limit was hit is remembered by the budget.
    let _ = open(compound, package, findings);
}

fn open(compound: &Compound<'_>, package: &StorageEntry, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let Some(entry) = compound.find("EncryptionInfo") else {
        unreadable("there is no EncryptionInfo", findings);
        return Ok(());
    };
    let description = compound.read(entry, findings.budget())?;
    let Some(method) = method(&description, findings) else {
        unreadable("the EncryptionInfo names no method that we know", findings);
        return Ok(());
    };
    let spins = match &method {
        Method::Standard(_) => STANDARD_SPINS,
        Method::Agile(agile) => agile.spins,
    };
    if spins > SPINS_MAX {
        findings.saw_with(&crypt::COSTLY, 0..0, format_args!("{spins} turns of hashing"));
        findings.incomplete(Incomplete::Encrypted);
        return Ok(());
    }
    for password in PASSWORDS {
        findings.budget().step(u64::from(spins) * STEPS_PER_SPIN)?;
        let Some(key) = method.key(password) else { continue };
        findings.saw_with(&crypt::DEFAULT_PASSWORD, 0..0, password);
        let encrypted = compound.read(package, findings.budget())?;
        findings.budget().produce(encrypted.len() as u64)?;
        match method.decrypt(&key, &encrypted) {
            Some((bytes, whole)) => {
                if !whole {
                    findings.incomplete(Incomplete::CutShort);
                }
                findings.child("decrypted", Cow::Owned(bytes));
            }
            None => unreadable("the key has a length that AES does not know", findings),
        }
        return Ok(());
    }
    locked("a package", findings);
    Ok(())
}

/// Reads how a package is encrypted. None for what is malformed, and for methods that are not AES.
fn method(description: &[u8], findings: &mut Findings<'_>) -> Option<Method> {
    let (version, rest) = description.split_at_checked(8)?;
    let major = u16::from_le_bytes([*version.first()?, *version.get(1)?]);
    let minor = u16::from_le_bytes([*version.get(2)?, *version.get(3)?]);
    match (major, minor) {
        (4, 4) => agile(rest, findings).map(Box::new).map(Method::Agile),
        (2..=4, 2) => standard(rest).map(Method::Standard),
        _ => None,
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// A header with its size before it, then a verifier (2.3.2, 2.3.3).
fn standard(rest: &[u8]) -> Option<Standard> {
    let header_bytes = usize::try_from(number(rest, 0)?).ok()?;
    let header = rest.get(4..)?.get(..header_bytes)?;
    // AES of 128, 192 and 256 bits.
    if !matches!(number(header, 8)?, 0x660e..=0x6610) {
        return None;
    }
    let key_bytes = usize::try_from(number(header, 16)? / 8).ok()?;
    let verifier = rest.get(4 + header_bytes..)?;
    Some(Standard {
        key_bytes,
        salt: verifier.get(4..20)?.to_vec(),
        verifier: verifier.get(20..36)?.to_vec(),
        verifier_hash: verifier.get(40..72)?.to_vec(),
    })
}

fn agile(xml: &[u8], findings: &mut Findings<'_>) -> Option<Agile> {
    let text = text(xml, findings).ok()?;
    let mut agile = Agile::default();
    // A limit leaves its own mark.
    let _ = walk(&text, findings, |step, _, _| {
        let XmlStep::Open(element) = step else { return };
        match element.name() {
            "keyData" => agile.data = parameters(element),
            "encryptedKey" => {
                agile.key = parameters(element);
                agile.spins = element.attribute("spinCount").and_then(|count| count.parse().ok()).unwrap_or(u32::MAX);
                agile.verifier_input = value(element, "encryptedVerifierHashInput");
                agile.verifier_hash = value(element, "encryptedVerifierHashValue");
                agile.key_value = value(element, "encryptedKeyValue");
            }
            _ => {}
        }
    });
    (agile.data.hash.is_some() && agile.key.hash.is_some()).then_some(agile)
}

/// No hash where the cipher is not AES in CBC mode, which is all that Office writes.
fn parameters(element: &Element<'_>) -> AgileParameters {
    let is = |name: &str, wanted: &str| element.attribute(name).as_deref() == Some(wanted);
    let is_known = is("cipherAlgorithm", "AES") && is("cipherChaining", "ChainingModeCBC");
    let salt = value(element, "saltValue");
    AgileParameters {
        hash: element
            .attribute("hashAlgorithm")
            .and_then(|name| Hash::by_name(&name))
            .filter(|_| is_known && salt.len() <= SALT_MAX),
        key_bytes: element.attribute("keyBits").and_then(|bits| bits.parse::<usize>().ok()).unwrap_or(0) / 8,
        salt,
    }
}

/// Decodes an attribute in base64 (RFC 4648); invalid characters are skipped.
fn value(element: &Element<'_>, name: &str) -> Vec<u8> {
    let text = element.attribute(name).unwrap_or_default();
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().take(4096) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}

impl Method {
    /// The key of the package, if `password` is the right one.
    fn key(&self, password: &str) -> Option<Vec<u8>> {
        match self {
            Method::Standard(standard) => standard.key(password),
            Method::Agile(agile) => agile.key(password),
        }
    }

    /// The package, which has its size before it, and whether all of it is there. None where the key fits no cipher.
    fn decrypt(&self, key: &[u8], encrypted: &[u8]) -> Option<(Vec<u8>, bool)> {
        let aes = Aes::new(key)?;
        let (size, rest) = encrypted.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let mut bytes = rest.to_vec();
        match self {
            Method::Standard(_) => aes.decrypt(&mut bytes),
            Method::Agile(agile) => {
                let hash = agile.data.hash?;
                for (i, segment) in (0_u32..).zip(bytes.chunks_mut(SEGMENT)) {
                    let iv = block(&hash.of(&[&agile.data.salt, &i.to_le_bytes()]));
                    aes.decrypt_chained(iv, segment);
                }
            }
        }
        let size = usize::try_from(u64::from_le_bytes(*size)).unwrap_or(usize::MAX);
        let whole = bytes.len() >= size;
        bytes.truncate(size);
        Some((bytes, whole))
    }
}

impl Standard {
    fn key(&self, password: &str) -> Option<Vec<u8>> {
        let hash = Hash::Sha1.spin(&[&self.salt, &utf16(password)], STANDARD_SPINS);
        let hash = Hash::Sha1.of(&[&hash, &[0; 4]]);
        // 2.3.4.7: as CryptDeriveKey of CryptoAPI does it.
        let mask = |filler: u8| {
            let mut buffer = [filler; 64];
            buffer.iter_mut().zip(&hash).for_each(|(byte, mask)| *byte ^= mask);
            Hash::Sha1.of(&[&buffer])
        };
        let mut key = [mask(0x36), mask(0x5c)].concat();
        key.truncate(self.key_bytes);
        let aes = Aes::new(&key)?;
        let (mut verifier, mut expected) = (self.verifier.clone(), self.verifier_hash.clone());
        aes.decrypt(&mut verifier);
        aes.decrypt(&mut expected);
        expected.starts_with(&Hash::Sha1.of(&[&verifier])).then_some(key)
    }
}

impl Agile {
    fn key(&self, password: &str) -> Option<Vec<u8>> {
        /// 2.3.4.13: what the three keys are made with.
        const INPUT: [u8; 8] = [0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79];
        const VALUE: [u8; 8] = [0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e];
        const KEY: [u8; 8] = [0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6];
        let hash = self.key.hash?;
        let base = hash.spin(&[&self.key.salt, &utf16(password)], self.spins);
        let open = |purpose: &[u8], encrypted: &[u8]| {
            let mut key = hash.of(&[&base, purpose]);
            key.resize(self.key.key_bytes.min(32), 0x36);
            let mut bytes = encrypted.to_vec();
            Aes::new(&key)?.decrypt_chained(block(&self.key.salt), &mut bytes);
            Some(bytes)
        };
        let input = open(&INPUT, &self.verifier_input)?;
        let salted = self.key.salt.len().min(input.len());
        let expected = open(&VALUE, &self.verifier_hash)?;
        // The input has the length of the salt, and is filled up to whole blocks.
        let found = hash.of(&[input.get(..salted)?]);
        if input.is_empty() || !expected.starts_with(&found) {
            return None;
        }
        let mut key = open(&KEY, &self.key_value)?;
        key.truncate(self.data.key_bytes);
        Some(key)
    }
}

/// The first 16 bytes, filled up with 0x36 (2.3.4.12).
fn block(bytes: &[u8]) -> [u8; 16] {
    let mut block = [0x36; 16];
    block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    block
}
