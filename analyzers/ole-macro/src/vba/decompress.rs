//! The decompression of MS-OVBA 2.4.1, within a limit.
//!
//! ```text
//! container: 01, chunks
//! chunk:     header (size - 3: 12 bits, signature 011, compressed: 1 bit), data
//! data:      4096 bytes as they are, or groups: flags, then 8 tokens, a bit each: 0 a byte, 1 a copy
//! copy:      offset and length in 16 bits; the further into the chunk, the more bits for the offset
//! ```
//!
//! A copy token of two bytes may stand for 4098, so 64 KiB can become 40 MiB: the limit is kept inside of a chunk.

use std::ops::ControlFlow;

/// Bytes that a chunk expands to at most (2.4.1.1.4).
const CHUNK_BYTES: usize = 4096;

/// Bytes that a chunk may hold beyond that: some writers let the last copy (3 to 18 bytes at that place, 2.4.1.3.19.1) run
/// over the end, and Office reads it.
const OVERRUN_BYTES: usize = 18;

/// How a decompression ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// At the end of what was given, cleanly.
    Whole,
    /// Something was not as the format says, at this offset of what was given. What came before it is good.
    Malformed(usize),
    /// There was more than there is room for.
    Full,
}

/// Appends what the container `compressed` holds to `out`, at most `room` bytes.
pub(crate) fn decompress(compressed: &[u8], room: usize, out: &mut Vec<u8>) -> End {
    if compressed.first() != Some(&1) {
        return End::Malformed(0);
    }
    let end = out.len().saturating_add(room);
    // Text of macros shrinks to about half.
    out.reserve((2 * compressed.len()).min(room));
    let mut at = 1;
    while at < compressed.len() {
        let Some(header) = super::le16(compressed, at) else { return End::Malformed(at) };
        if (header >> 12) & 7 != 0b011 {
            return End::Malformed(at);
        }
        let stated = at + usize::from(header & 0xfff) + 3;
        let data = compressed.get(at + 2..stated.min(compressed.len())).unwrap_or_default();
        let before = out.len();
        if header & 0x8000 == 0 {
            if end - before < data.len().min(CHUNK_BYTES) {
                return End::Full;
            }
            out.extend_from_slice(data.get(..CHUNK_BYTES).unwrap_or(data));
        } else {
            match chunk(data, end, out) {
                // Every chunk but the last holds as much as a chunk can (2.4.1.1.4).
                ControlFlow::Continue(()) if out.len() - before > CHUNK_BYTES + OVERRUN_BYTES => {
                    return End::Malformed(at + 2);
                }
                ControlFlow::Continue(()) if out.len() - before < CHUNK_BYTES && stated < compressed.len() => {
                    return End::Malformed(stated);
                }
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(End::Malformed(within)) => return End::Malformed(at + 2 + within),
                ControlFlow::Break(end) => return end,
            }
        }
        if stated > compressed.len() {
            return End::Malformed(compressed.len());
        }
        at = stated;
    }
    End::Whole
}

/// Appends what the compressed chunk `data` holds to `out`, which may grow up to `end` bytes.
fn chunk(data: &[u8], end: usize, out: &mut Vec<u8>) -> ControlFlow<End> {
    let start = out.len();
    let mut at = 0;
    while let Some(&flags) = data.get(at) {
        at += 1;
        // Eight bytes as they are: most of what hardly repeats.
        if flags == 0 && end - out.len() >= 8 {
            let bytes = data.get(at..).unwrap_or_default();
            let bytes = bytes.get(..8).unwrap_or(bytes);
            out.extend_from_slice(bytes);
            at += bytes.len();
            continue;
        }
        for bit in 0..8 {
            if flags >> bit & 1 == 0 {
                let Some(&byte) = data.get(at) else { return ControlFlow::Continue(()) };
                if out.len() >= end {
                    return ControlFlow::Break(End::Full);
                }
                out.push(byte);
                at += 1;
            } else {
                if at >= data.len() {
                    return ControlFlow::Continue(());
                }
                let Some(token) = super::le16(data, at) else { return ControlFlow::Break(End::Malformed(at)) };
                copy(token, start, end, out)
                    .map_break(|why| if why == End::Full { why } else { End::Malformed(at) })?;
                at += 2;
            }
        }
    }
    ControlFlow::Continue(())
}

/// Carries out a copy token (2.4.1.3.19) in the chunk whose output starts at `start`.
fn copy(token: u16, start: usize, end: usize, out: &mut Vec<u8>) -> ControlFlow<End> {
    let done = out.len() - start;
    // 2.4.1.3.19.1: as many bits as the offset may need, and at least four.
    let bits = (usize::BITS - done.saturating_sub(1).leading_zeros()).clamp(4, 12);
    let length = usize::from(token & (0xffff >> bits)) + 3;
    let offset = usize::from(token >> (16 - bits)) + 1;
    if offset > done {
        return ControlFlow::Break(End::Malformed(0));
    }
    let copied = length.min(end - out.len());
    let from = out.len() - offset;
    if offset >= copied {
        out.extend_from_within(from..from + copied);
    } else {
        // The copy runs into what it writes: the last `offset` bytes repeat.
        for at in from..from + copied {
            let byte = out[at];
            out.push(byte);
        }
    }
    if copied < length { ControlFlow::Break(End::Full) } else { ControlFlow::Continue(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(compressed: &[u8], room: usize, expected: &[u8], end: End) {
        let mut out = Vec::new();
        assert_eq!(decompress(compressed, room, &mut out), end);
        assert_eq!(out, expected);
    }

    /// The example of MS-OVBA 3.2.2.
    const EXAMPLE: &[u8] = &[
        0x01, 0x2f, 0xb0, 0x00, 0x23, 0x61, 0x61, 0x61, 0x62, 0x63, 0x64, 0x65, 0x82, 0x66, 0x00, 0x70, 0x61, 0x67,
        0x68, 0x69, 0x6a, 0x01, 0x38, 0x08, 0x61, 0x6b, 0x6c, 0x00, 0x30, 0x6d, 0x6e, 0x6f, 0x70, 0x06, 0x71, 0x02,
        0x70, 0x04, 0x10, 0x72, 0x73, 0x74, 0x75, 0x76, 0x10, 0x77, 0x78, 0x79, 0x7a, 0x00, 0x3c,
    ];
    const EXAMPLE_TEXT: &[u8] = b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa";

    #[test]
    fn the_specifications_examples_are_read() {
        check(EXAMPLE, 1000, EXAMPLE_TEXT, End::Whole);
        check(b"\x01\x19\xb0\x00abcdefgh\x00ijklmnop\x00qrstuv.", 1000, b"abcdefghijklmnopqrstuv.", End::Whole);
        check(b"\x01\x03\xb0\x02a\x45\x00", 1000, &[b'a'; 73], End::Whole);
    }

    #[test]
    fn expansion_ends_where_the_room_does() {
        for room in 0..EXAMPLE_TEXT.len() {
            check(EXAMPLE, room, &EXAMPLE_TEXT[..room], End::Full);
        }
    }

    #[test]
    fn what_comes_before_a_fault_is_kept() {
        check(b"\x01\x05\xb0\x20abcde\xff\x7f", 1000, b"abcde", End::Malformed(9));
        check(b"\x01\x02\xb0\x00ab\x00\x00", 1000, b"ab", End::Malformed(6));
        check(b"", 1000, b"", End::Malformed(0));
        check(b"Attribut", 1000, b"", End::Malformed(0));
    }

    #[test]
    fn a_chunk_may_stand_as_it_is() {
        let mut container = vec![1, 0xff, 0x3f];
        container.extend([b'x'; CHUNK_BYTES]);
        check(&container, 10_000, &[b'x'; CHUNK_BYTES], End::Whole);
    }
}
