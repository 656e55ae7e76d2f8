//! Tells from one quick search which rules a file can be true of, so that the others are not run.
//!
//! yara-x walks an automaton of all patterns of a set over every byte of a file: the more rules, the slower, although
//! nearly all of them are true of no file that is ever seen. So a [`Formula`] is derived from each condition: what
//! strings must be there for it to be true. What is not understood counts as true, never as false. The strings are looked
//! for together, by a table of hashes of four bytes ([`Prefilter`]), and the parts of a set in which no formula
//! holds are skipped. What is too little for the table is looked for by itself. Rules of whose patterns nothing is known
//! are in a part that is always run.
//!
//! | file | what it does |
//! |---|---|
//! | `masked_byte.rs` | a byte of which some bits are known |
//! | `literal.rs` | bytes that are looked for |
//! | `short.rs` | what is looked for by itself, being too little or asked for at some places alone |
//! | `pieces.rs` | what follows each other in a match of a pattern |
//! | `pattern/` | what of that stands in a file wherever it matches |
//! | `formula/` | what must be true of a file |
//! | `condition/` | what a condition asks for, and what of it is known of programs for Windows |
//! | `around.rs` | what must stand around what was found |
//! | `few.rs` | which of that is found with all others, where there is room |
//! | `file_facts.rs` | what is known of a program beside what stands in it |
//! | `build.rs` | formulas of a set as flat tables, which a bundle holds |
//! | `search/` | reads these tables: which parts of the set a file needs |

use std::ops::RangeInclusive;

mod around;
mod build;
mod condition;
mod few;
mod file_facts;
mod formula;
mod literal;
mod masked_byte;
mod pattern;
mod pieces;
mod search;
mod short;

pub(crate) use build::PrefilterBuilder;
pub(crate) use condition::formula_of;
pub(crate) use file_facts::FileFacts;
#[cfg(test)]
pub(crate) use formula::Fact;
pub(crate) use formula::Formula;
pub(crate) use search::{Prefilter, PrefilterState};

/// Bytes that are looked up at once.
const WINDOW: usize = 4;

/// A file is looked at only at multiples of this, so each string has as many windows in the table: one for each place that
/// it may have between two of them.
const STRIDE: usize = 2;

/// Words of the tables that tell which windows occur, as a power of two: 256 KiB at most, which stay in the cache of a core, and 4
/// KiB where little is looked for.
const TABLE_WORDS: RangeInclusive<u32> = 10..=16;

/// Where a window is looked up. Letters are looked up alike in either case: one table serves strings with and without
/// `nocase`.
#[derive(Clone, Copy)]
struct WindowHash {
    /// The word of a table.
    word: usize,
    /// Two bits of that word, both of which are set if the window occurs.
    mask: u32,
}

impl WindowHash {
    /// In a table of so many words, as a power of two.
    #[inline(always)]
    fn of(window: u32, table_words: u32) -> WindowHash {
        let folded = window | 0x2020_2020;
        let (hash, other) = (folded.wrapping_mul(0x9E37_79B1), folded.wrapping_mul(0x85EB_CA6B));
        let (first, second) = (other >> 27, other >> 22 & 31);
        WindowHash { word: (hash >> (u32::BITS - table_words)) as usize, mask: 1 << first | 1 << second }
    }
}

/// What a window is looked up by once more where it occurs: with the four bytes behind it, or alone where a string ends
/// before.
fn with_next(window: u32, next: Option<u32>) -> u32 {
    match next {
        Some(next) => (window | 0x2020_2020).wrapping_mul(0xC2B2_AE35) ^ (next | 0x2020_2020).rotate_left(13),
        None => !window,
    }
}

/// How often a byte stands in files of all kinds, roughly and on no scale. Of four bytes that is the product.
fn byte_frequency(byte: u8) -> u64 {
    match byte {
        // In the tables these are one.
        0 | b' ' => 64,
        0xff => 16,
        // The commonest bytes of instructions of x86, and the commonest letters.
        b'$' | b'D' | b'H' | b'L' | 0x0f | 0x83 | 0x85 | 0x89 | 0x8b | 0x8d | 0xc0 | 0xe8 => 12,
        b'a' | b'c' | b'd' | b'e' | b'i' | b'l' | b'n' | b'o' | b'r' | b's' | b't' | b'u' => 6,
        b'0'..=b'9' | b'a'..=b'z' | b'_' | b'.' => 3,
        _ => 1,
    }
}

/// A window that stands in files as often as this finds too much: no string is looked for by it.
const FREQUENCY_MAX: u64 = 64 * 64 * 64;

/// Whether a window is padding: one byte over and over, other than the letters with which someone may name something. It
/// stands everywhere, and no string is found by it.
fn is_padding(window: u32) -> bool {
    let [first, ..] = window.to_le_bytes();
    window == window.rotate_left(8) && !matches!(first, b'b'..=b'z' | b'B'..=b'Z')
}
