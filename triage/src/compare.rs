//! Compares the head of a file with every signature of [`MAGICS`].
//!
//! ```text
//! for each offset at which rows begin (0, 2, 7):
//!     take the rows whose first byte is the byte at that offset (none, for most bytes)
//!     load 16 bytes of the head at that offset
//!     the first row with (head & mask) == value, and no longer than the head, speaks
//! ```
//!
//! The buckets are laid out when this crate is compiled. On the real heads of /usr most text is turned away by
//! the bits of the second byte, before any compare: that took 40 % off (15.4 to 9.2 ns a head, busy machine).
//!
//! The compare is written over 16 lanes without an early exit, out of line; rustc 1.95 makes SSE2 of it on
//! x86-64 (`pand`, `pcmpeqb`, `pmovmskb`; seen with objdump). Best of seven runs over 3,935 heads of /usr, busy
//! two-core Xeon: this 4.4 ns a head; inlined 6.3 (its load falls apart into shuffles); SSE2 intrinsics 3.5, but
//! calling them takes an `unsafe` block; `u128` 3.3, but that is two general registers and no SIMD. A nanosecond
//! is 0.04 % of opening a file: no reason for `unsafe`.
//!
//! [`magic_scalar`] is the twin that says the same by walking the table byte by byte: slow, plain, and what the
//! tests compare with.

use crate::magic::{Candidate, MAGICS};
use crate::signature::Magic;

/// The head of a file, as far as any row reaches, zeros behind its end.
type Block = [u8; 32];

/// The offsets at which rows begin.
const OFFSETS: [usize; 3] = [0, 2, 7];

const ROWS: usize = MAGICS.len();

/// A row as the compare wants it.
#[derive(Clone, Copy)]
struct MagicRow {
    value: [u8; 16],
    mask: [u8; 16],
    /// Minimum length of the head in bytes.
    end: u8,
    /// Index in [`MAGICS`].
    index: u8,
}

/// The rows of one offset and first byte: `LAYOUT.rows[start..end]`.
#[derive(Clone, Copy)]
struct Bucket {
    /// Possible second bytes of the rows, by their low six bits. Most text is ruled out here.
    seconds: u64,
    start: u8,
    end: u8,
}

struct CompareLayout {
    rows: [MagicRow; ROWS],
    buckets: [[Bucket; 256]; OFFSETS.len()],
}

static LAYOUT: CompareLayout = layout();

#[expect(clippy::cast_possible_truncation, reason = "every number of a row is below 256, which is asserted")]
const fn layout() -> CompareLayout {
    let empty = MagicRow { value: [0; 16], mask: [0; 16], end: 0, index: 0 };
    let mut rows = [empty; ROWS];
    let mut buckets = [[Bucket { seconds: 0, start: 0, end: 0 }; 256]; OFFSETS.len()];
    let mut placed = 0;
    let mut o = 0;
    while o < OFFSETS.len() {
        let mut byte = 0;
        while byte < 256 {
            let start = placed as u8;
            let mut seconds = 0;
            let mut i = 0;
            while i < ROWS {
                if MAGICS[i].offset == OFFSETS[o] && MAGICS[i].bytes[0] as usize == byte {
                    rows[placed] = widened(&MAGICS[i], i as u8);
                    seconds |= second_bytes(&MAGICS[i]);
                    placed += 1;
                }
                i += 1;
            }
            buckets[o][byte] = Bucket { seconds, start, end: placed as u8 };
            byte += 1;
        }
        o += 1;
    }
    const { assert!(ROWS < 256, "the number of a row is a byte") };
    assert!(placed == ROWS, "a row begins at an offset that OFFSETS does not name");
    // The walk below takes the first match of the first offset that has one. That is the first match of the
    // table only if rows of a larger offset come later.
    let mut i = 1;
    while i < ROWS {
        assert!(MAGICS[i - 1].offset <= MAGICS[i].offset, "rows with a larger offset come later");
        i += 1;
    }
    CompareLayout { rows, buckets }
}

/// The second bytes that a row matches, one bit for each value of their low six bits.
const fn second_bytes(magic: &Magic) -> u64 {
    let mut seconds = 0;
    let mut byte = 0;
    while byte < 256 {
        if byte & magic.mask[1] as usize == magic.bytes[1] as usize {
            seconds |= 1 << (byte & 63);
        }
        byte += 1;
    }
    seconds
}

#[expect(clippy::cast_possible_truncation, reason = "asserted below")]
const fn widened(magic: &Magic, index: u8) -> MagicRow {
    let end = magic.offset + magic.bytes.len();
    assert!(end < 256, "the end of a magic is a byte");
    let mut row = MagicRow { value: [0; 16], mask: [0; 16], end: end as u8, index };
    let mut i = 0;
    while i < magic.bytes.len() {
        row.value[i] = magic.bytes[i];
        row.mask[i] = magic.mask[i];
        i += 1;
    }
    row
}

/// Candidate file type by the first bytes.
///
/// Looks at no more than [`MAGIC_BYTES`](crate::MAGIC_BYTES) bytes; a shorter head is a shorter file. Safe to
/// call in any process: it follows no offset and parses nothing.
#[inline]
pub fn magic(head: &[u8]) -> Candidate {
    match head.first_chunk::<{ size_of::<Block>() }>() {
        Some(block) => first_match(block, head.len()),
        None => {
            let mut block: Block = [0; size_of::<Block>()];
            block[..head.len()].copy_from_slice(head);
            first_match(&block, head.len())
        }
    }
}

/// The same answer as [`magic`], byte by byte.
#[expect(clippy::cast_possible_truncation, reason = "every number of a row is below 256")]
pub fn magic_scalar(head: &[u8]) -> Candidate {
    MAGICS.iter().position(|magic| matches(magic, head)).map_or(Candidate::NONE, |i| Candidate::row_at(i as u8))
}

fn matches(magic: &Magic, head: &[u8]) -> bool {
    let Some(found) = head.get(magic.offset..).and_then(|rest| rest.get(..magic.bytes.len())) else { return false };
    found.iter().zip(magic.mask).zip(magic.bytes).all(|((byte, mask), wanted)| byte & mask == *wanted)
}

#[inline]
fn first_match(block: &Block, head_bytes: usize) -> Candidate {
    for (buckets, offset) in LAYOUT.buckets.iter().zip(OFFSETS) {
        let bucket = buckets[usize::from(block[offset])];
        if (bucket.seconds >> (block[offset + 1] & 63)) & 1 == 0 {
            continue;
        }
        let loaded = block[offset..].first_chunk().expect("the largest offset leaves 16 bytes of a block");
        for row in &LAYOUT.rows[usize::from(bucket.start)..usize::from(bucket.end)] {
            // A zero in a row must not match the zeros behind the end of a short head.
            if equal(loaded, row) && usize::from(row.end) <= head_bytes {
                return Candidate::row_at(row.index);
            }
        }
    }
    Candidate::NONE
}

/// Whether the bytes that matter to `row` are as it wants them. Sixteen lanes and no early exit, so that the
/// compiler makes one vector compare of it; inlined, it would build the vector from bytes it already holds.
#[inline(never)]
fn equal(loaded: &[u8; 16], row: &MagicRow) -> bool {
    (0..16).fold(true, |equal, i| equal & (loaded[i] & row.mask[i] == row.value[i]))
}
