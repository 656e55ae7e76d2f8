//! A ZIP archive whose only entry is the archive itself, to the byte.
//!
//! Deflate has two things to say: "these bytes" (a stored block) and "the last bytes again" (a match). The text of the
//! program that follows is made of units of one length, so that it can be written in units: `L n` says the next `n`
//! units, `R n` repeats the last `n`. With `P` for the local header and `S` for the end of the stream, the directory
//! and its end, the archive is
//!
//! ```text
//! P  L(p+1) P L(p+1)  R(p+1)  L1 R(p+1)  L1 L1  L4 R(p+1) L1 L1 L4  R4  L4 R4 L4 R4 L4  R4  L4 R4 S  R4  S
//! ```
//!
//! where `p` is the length of `P`, and `S` is three units long. What each step says is what stands next in the archive,
//! until all is said. That such files can be made was shown by Russ Cox ("Zip Files All The Way Down", 2010).

use crate::zip::crc32;

/// Length of what says one thing.
const UNIT: usize = 30;
/// A ZIP within a ZIP is told by its name.
const NAME: &[u8] = b"a.zip";
/// The last block of the stream: stored, empty.
const LAST: [u8; 5] = [1, 0, 0, 0xff, 0xff];
/// The same, but more follows.
const EMPTY: [u8; 5] = [0, 0, 0, 0xff, 0xff];

/// The archive.
#[expect(clippy::missing_panics_doc, reason = "the 32 equations have a solution")]
pub fn quine() -> Vec<u8> {
    // The checksum stands in what it is the checksum of. Each of its bits changes the checksum of the whole in its own
    // way, so which bits to set is a matter of 32 equations.
    let stands = |crc: u32| crc32(&with_checksum(crc));
    let nothing = stands(0);
    let mut rows: Vec<(u32, u32)> = (0..32).map(|bit| (stands(1 << bit) ^ nothing ^ 1 << bit, 1 << bit)).collect();
    let (mut left, mut crc) = (nothing, 0);
    for bit in (0..32).rev() {
        let Some(at) = rows.iter().position(|(effect, _)| effect >> bit == 1) else { continue };
        let (effect, bits) = rows.swap_remove(at);
        for row in rows.iter_mut().filter(|row| row.0 >> bit & 1 == 1) {
            *row = (row.0 ^ effect, row.1 ^ bits);
        }
        if left >> bit & 1 == 1 {
            (left, crc) = (left ^ effect, crc ^ bits);
        }
    }
    let archive = with_checksum(crc);
    assert_eq!(crc32(&archive), crc, "the equations have a solution");
    archive
}

/// The archive, but for a checksum that is right.
fn with_checksum(crc: u32) -> Vec<u8> {
    // The lengths are always the same; the first time only they are of use.
    let lengths = archive(crc, 0, 0);
    archive(crc, lengths.1, lengths.0.len()).0
}

/// It, and the length of its stream.
fn archive(crc: u32, compressed: usize, length: usize) -> (Vec<u8>, usize) {
    let mut common = [20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0].to_vec();
    for number in [crc, compressed as u32, length as u32] {
        common.extend(number.to_le_bytes());
    }
    common.extend([NAME.len() as u8, 0, 0, 0]);
    let head = [b"PK\x03\x04", &common[..], NAME].concat();
    let directory = [b"PK\x01\x02\x14\0", &common[..], &[0; 14], NAME].concat();
    let start = (head.len() + compressed) as u32;
    let mut tail = [&LAST[..], &directory, b"PK\x05\x06\0\0\0\0\x01\0\x01\0"].concat();
    tail.extend((directory.len() as u32).to_le_bytes());
    tail.extend(start.to_le_bytes());
    // The comment makes it three units.
    let comment = 3 * UNIT - tail.len() - 2;
    tail.extend([comment as u8, 0]);
    tail.resize(3 * UNIT, b' ');

    let first = (say(head.len() + UNIT), repeat(head.len() + UNIT));
    let (one, four, again) = (say(UNIT), say(4 * UNIT), repeat(4 * UNIT));
    let stream = [
        [&first.0[..], &head, &first.0].concat(),
        [&first.1[..], &one, &first.1, &one, &one].concat(),
        [&four[..], &first.1, &one, &one, &four, &again].concat(),
        [&four[..], &again, &four, &again, &four, &again].concat(),
        [&four[..], &again, &tail, &again].concat(),
    ]
    .concat();
    let compressed = stream.len() + LAST.len();
    ([head, stream, tail].concat(), compressed)
}

/// A unit that says the next `bytes` bytes.
fn say(bytes: usize) -> Vec<u8> {
    let length = bytes as u16;
    let mut unit = EMPTY.repeat(UNIT / EMPTY.len() - 1);
    unit.push(0);
    unit.extend(length.to_le_bytes());
    unit.extend((!length).to_le_bytes());
    unit
}

/// A unit that says the last `bytes` bytes again: a block with fixed codes (RFC 1951, 3.2.6), and empty ones.
fn repeat(bytes: usize) -> Vec<u8> {
    // 3.2.5: symbol, number of more bits, least value. Only what is asked for above.
    let (symbol, more, least) = match bytes {
        59..=66 => (276, 3, 59),
        115..=130 => (280, 4, 115),
        _ => unreachable!("a unit repeats {bytes} bytes"),
    };
    let (distance, far) = if bytes <= 96 { (12, 65) } else { (13, 97) };
    let mut bits = String::new();
    let number = |bits: &mut String, value: usize, count: usize| {
        (0..count).for_each(|bit| bits.push(if value >> bit & 1 == 1 { '1' } else { '0' }));
    };
    number(&mut bits, 0b010, 3);
    bits.push_str(&if symbol < 280 { format!("{:07b}", symbol - 256) } else { format!("{:08b}", symbol - 280 + 0xc0) });
    number(&mut bits, bytes - least, more);
    bits.push_str(&format!("{distance:05b}"));
    number(&mut bits, bytes - far, 5);
    bits.push_str("0000000");
    // An empty block with fixed codes moves the place by ten bits, until empty stored blocks fill the unit.
    while !((bits.len() + 3).div_ceil(8) + 4).is_multiple_of(EMPTY.len()) {
        bits.push_str("0100000000");
    }
    bits.push_str("000");
    let byte = |chunk: &[u8]| chunk.iter().rev().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
    let mut unit: Vec<u8> = bits.as_bytes().chunks(8).map(byte).collect();
    unit.extend(&EMPTY[1..]);
    unit.extend(EMPTY.repeat((UNIT - unit.len()) / EMPTY.len()));
    unit
}
