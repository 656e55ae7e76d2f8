//! Images hidden by XOR with one byte, whatever the byte.
//!
//! The XOR of two neighbours does not change when both are XORed with the same byte. So the differences of the text of
//! an MS-DOS stub are found in the differences of the file: one search serves all 255 keys, and the key falls out at the
//! place of the match. Only what is an image under its key is one: headers that agree, and data of a section.

use analyzers::{Budget, Exhausted};
use memchr::memmem::Finder;

/// How the text of every usual stub begins, and its differences: this crate does not contain what it looks for.
const STUB: &[u8; 13] = b"This program ";
const DIFFERENCES: [u8; STUB.len() - 1] = differences();
/// Bytes taken at a time.
const CHUNK: usize = 64 << 10;
/// Hidden stubs that are kept. Droppers hide one or two images.
const FOUND_MAX: usize = 8;

const fn differences() -> [u8; STUB.len() - 1] {
    let mut out = [0; STUB.len() - 1];
    let mut at = 0;
    while at < out.len() {
        out[at] = STUB[at] ^ STUB[at + 1];
        at += 1;
    }
    out
}

/// The text of a stub under a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct XoredStub {
    pub(crate) at: usize,
    pub(crate) key: u8,
}

/// Finds stubs that are hidden. Scratch, reused from file to file.
#[derive(Debug)]
pub(crate) struct XoredStubs {
    finder: Finder<'static>,
    chunk: Vec<u8>,
    found: Vec<XoredStub>,
}

impl Default for XoredStubs {
    fn default() -> Self {
        XoredStubs { finder: Finder::new(&DIFFERENCES).into_owned(), chunk: Vec::new(), found: Vec::new() }
    }
}

impl XoredStubs {
    /// Searches all of `bytes`. True if there are more than are kept.
    pub(crate) fn read(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<bool, Exhausted> {
        self.found.clear();
        let mut start = 0;
        while start < bytes.len() {
            budget.step(1)?;
            // With the bytes behind it in which a stub that begins in this piece ends.
            let end = bytes.len().min(start + CHUNK + STUB.len());
            let piece = bytes.get(start..end).unwrap_or_default();
            take_differences(piece, &mut self.chunk);
            for at in self.finder.find_iter(&self.chunk) {
                let Some(key) = piece.get(at).map(|byte| byte ^ STUB[0]).filter(|&key| key != 0) else { continue };
                let stub = XoredStub { at: start + at, key };
                if at >= CHUNK || self.found.last() == Some(&stub) {
                    continue;
                }
                if self.found.len() == FOUND_MAX {
                    return Ok(true);
                }
                self.found.push(stub);
            }
            start += CHUNK;
        }
        Ok(false)
    }

    /// What was found, in order.
    pub(crate) fn found(&self) -> &[XoredStub] {
        &self.found
    }
}

/// The XOR of each byte and the next one, in words of sixteen where there are.
fn take_differences(piece: &[u8], into: &mut Vec<u8>) {
    into.clear();
    let next = piece.get(1..).unwrap_or_default();
    let (words, nexts) = (piece.as_chunks::<16>().0, next.as_chunks::<16>().0);
    for (word, next) in words.iter().zip(nexts) {
        into.extend_from_slice(&(u128::from_ne_bytes(*word) ^ u128::from_ne_bytes(*next)).to_ne_bytes());
    }
    let done = into.len();
    let rest = piece.get(done..).unwrap_or_default().iter().zip(next.get(done..).unwrap_or_default());
    into.extend(rest.map(|(byte, next)| byte ^ next));
}

/// `bytes` under a key.
pub(crate) fn unmasked(bytes: &[u8], key: u8) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ key).collect()
}

#[cfg(test)]
mod tests {
    use analyzers::{Cancel, Limits};

    use super::*;

    fn found(bytes: &[u8]) -> Vec<XoredStub> {
        let mut stubs = XoredStubs::default();
        stubs.read(bytes, &mut Budget::new(Limits::default(), Cancel::default())).unwrap();
        stubs.found().to_vec()
    }

    #[test]
    fn stubs_are_found_under_every_key_and_plain_ones_are_not() {
        for key in 0..=255u8 {
            let bytes = unmasked(b"..This program cannot", key);
            let expected = if key == 0 { vec![] } else { vec![XoredStub { at: 2, key }] };
            assert_eq!(found(&bytes), expected, "{key}");
        }
        assert_eq!(found(&unmasked(b"This prograM is one letter off", 7)), []);
        assert_eq!(found(b""), []);
    }

    #[test]
    fn a_stub_across_two_pieces_is_found_once() {
        for at in CHUNK - 20..CHUNK + 3 {
            let mut bytes = vec![0x55; 2 * CHUNK + 9];
            bytes[at..at + STUB.len()].copy_from_slice(&unmasked(STUB, 0x99));
            assert_eq!(found(&bytes), [XoredStub { at, key: 0x99 }]);
        }
    }
}
