//! Formulas of a set as flat tables, so that a bundle is used as it lies on the disk.
//!
//! Everything is little-endian numbers of four bytes, but for strings and hashes of imports. The head
//! tells how long each section is; [`super::search`] reads them in the same order.

use std::collections::HashMap;

use super::formula::{Fact, Formula};
use super::literal::Literal;
use super::{FREQUENCY_MAX, STRIDE, TABLE_BITS, WINDOW, WORD_BITS, WindowHash, frequency, with_next};

/// Sections of the tables, in order.
pub(super) const SECTIONS: usize = 10;

/// Bits that an offset in a string takes in an entry; the rest is the number of the string.
pub(super) const OFFSET_BITS: u32 = 6;

/// What it costs that another string has a window too, beside how often the window stands in files.
const SHARED_COST: u64 = 8;

/// How many times as much a window costs that is not confirmed by what stands behind it in its string.
const ALONE_COST: u64 = 64;

/// What a window costs that finds nothing, or too much.
const COST_MAX: u64 = 1 << 40;

/// The number of a sign that nothing asks for.
pub(super) const NO_SIGN: u32 = u32::MAX;

/// Kinds of parts of a formula; each is followed by its numbers.
pub(super) const TRUE: u32 = 0;
/// The number of a string or a fact.
pub(super) const HAS: u32 = 1;
/// How many must hold, and of how many parts that follow.
pub(super) const AT_LEAST: u32 = 2;
/// The least size and the size that is too large, low half first.
pub(super) const SIZE: u32 = 3;

/// Collects the rules of a set.
#[derive(Default)]
pub(crate) struct PrefilterBuilder {
    /// Strings and facts share their numbers.
    numbers: HashMap<FileSign, u32>,
    signs: Vec<FileSign>,
    /// Units that ask for a sign, by its number.
    asking: Vec<Vec<u32>>,
    /// Start of the formula of each unit, and its part.
    units: Vec<(u32, u32)>,
    formulas: Vec<u32>,
}

/// What may be true of a file.
#[derive(Clone, PartialEq, Eq, Hash)]
enum FileSign {
    Has(Literal),
    Fact(Fact),
}

impl PrefilterBuilder {
    /// Adds rules that stay together: where `formula` holds, part `part` of the set is run.
    pub(crate) fn add(&mut self, formula: &Formula, part: usize) {
        let unit = small(self.units.len());
        self.units.push((small(self.formulas.len()), small(part)));
        self.encode(formula, unit);
    }

    fn encode(&mut self, formula: &Formula, unit: u32) {
        match formula {
            Formula::True => self.formulas.push(TRUE),
            Formula::False => self.formulas.extend([AT_LEAST, 1, 0]),
            Formula::Has(literal) => self.encode_sign(FileSign::Has(literal.clone()), unit),
            Formula::Fact(Fact::Exports(name)) => self.encode_sign(FileSign::Has(name.clone()), unit),
            Formula::Fact(fact) => self.encode_sign(FileSign::Fact(fact.clone()), unit),
            Formula::And(of) => self.encode_some(of.len(), of, unit),
            Formula::AtLeast(count, of) => self.encode_some(*count, of, unit),
            Formula::Size(least, below) => {
                self.formulas.push(SIZE);
                self.formulas.extend([*least, *below].iter().flat_map(|size| halves(*size)));
            }
        }
    }

    fn encode_some(&mut self, count: usize, of: &[Formula], unit: u32) {
        self.formulas.extend([AT_LEAST, small(count), small(of.len())]);
        of.iter().for_each(|one| self.encode(one, unit));
    }

    fn encode_sign(&mut self, sign: FileSign, unit: u32) {
        let number = *self.numbers.entry(sign).or_insert_with_key(|sign| {
            self.signs.push(sign.clone());
            self.asking.push(Vec::new());
            small(self.signs.len() - 1)
        });
        self.formulas.extend([HAS, number]);
        if let Some(asking) = self.asking.get_mut(number as usize)
            && asking.last() != Some(&unit)
        {
            asking.push(unit);
        }
    }

    /// The tables.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut spans = Vec::new();
        let mut strings = Vec::new();
        for sign in &self.signs {
            let (start, length) = (strings.len(), spans.len());
            if let FileSign::Has(literal) = sign {
                strings.extend_from_slice(&literal.bytes);
                spans.extend([small(start), small(literal.bytes.len()) << 1 | u32::from(literal.nocase)]);
            }
            spans.resize(length + 2, 0);
        }
        let number = |fact| self.numbers.get(&FileSign::Fact(fact)).copied().unwrap_or(NO_SIGN);
        let hashes = self.signs.iter().zip(0_u32..).filter_map(|(sign, number)| match sign {
            FileSign::Fact(Fact::ImportHash(hash)) => Some([hash.as_slice(), &number.to_le_bytes()].concat()),
            FileSign::Fact(Fact::Signed | Fact::Exports(_)) | FileSign::Has(_) => None,
        });
        let facts = [number(Fact::Signed).to_le_bytes().to_vec(), hashes.flatten().collect()].concat();
        // Formulas stand behind the list of units, and are counted from where that begins.
        let listed = small(2 * self.units.len());
        let table = WindowTable::of(&self.entries());
        let units = self.units.into_iter().flat_map(|(start, part)| [listed + start, part]);
        let sections: [Vec<u8>; SECTIONS] = [
            table.words,
            table.confirming,
            table.buckets,
            table.entries,
            bytes(spans.into_iter()),
            strings,
            facts,
            bytes(starts(self.asking.iter().map(Vec::len))),
            bytes(self.asking.into_iter().flatten()),
            bytes(units.chain(self.formulas)),
        ];
        let head = sections.iter().map(|section| small(section.len())).chain([table.bucket_shift]);
        let mut all = bytes(head);
        sections.iter().for_each(|section| all.extend_from_slice(section));
        all
    }

    /// The windows by which strings are found.
    fn entries(&self) -> Vec<WindowEntry> {
        let strings = || {
            self.signs.iter().zip(0_u32..).filter_map(|(sign, number)| match sign {
                FileSign::Has(literal) => Some((literal, number)),
                FileSign::Fact(_) => None,
            })
        };
        let mut counts: HashMap<u32, u64> = HashMap::new();
        strings().flat_map(|(literal, _)| literal.windows()).for_each(|window| *counts.entry(window).or_default() += 1);
        let mut entries = Vec::new();
        for (literal, number) in strings() {
            let shared = |window| SHARED_COST * counts.get(&window).copied().unwrap_or_default();
            let own = |window| Some(frequency(window)).filter(|&cost| cost < FREQUENCY_MAX).unwrap_or(COST_MAX);
            let cost = |window| own(window) + shared(window);
            let last = literal.windows().count().saturating_sub(WINDOW);
            let alone = |at| if at < last { 1 } else { ALONE_COST };
            let costs: Vec<u64> = literal.windows().enumerate().map(|(at, window)| alone(at) * cost(window)).collect();
            let best = costs.windows(STRIDE).enumerate().min_by_key(|(_, costs)| costs.iter().sum::<u64>());
            let start = best.map_or(0, |(at, _)| at);
            for (at, window) in literal.windows().enumerate().skip(start).take(STRIDE) {
                let next = literal.windows().nth(at + WINDOW);
                entries.push(WindowEntry { window, next, packed: number << OFFSET_BITS | small(at) });
            }
        }
        entries
    }
}

/// A window by which a string is found.
#[derive(Clone, Copy)]
struct WindowEntry {
    /// In small letters.
    window: u32,
    /// The four bytes behind it, if the string has so many.
    next: Option<u32>,
    /// The number of the string, and where in it the window stands.
    packed: u32,
}

/// Windows by their hash.
struct WindowTable {
    words: Vec<u8>,
    /// Words of the table of windows with what stands behind them.
    confirming: Vec<u8>,
    buckets: Vec<u8>,
    entries: Vec<u8>,
    /// Last bits of the number of a word that do not tell the bucket.
    bucket_shift: u32,
}

impl WindowTable {
    fn of(entries: &[WindowEntry]) -> WindowTable {
        let word_bits = TABLE_BITS - WORD_BITS;
        let bucket_shift = word_bits - (entries.len().max(2).ilog2() + 1).min(word_bits);
        let [mut words, mut confirming] = [(); 2].map(|()| vec![0_u32; 1 << word_bits]);
        let mark = |words: &mut Vec<u32>, WindowHash { word, mask }: WindowHash| {
            if let Some(word) = words.get_mut(word) {
                *word |= mask;
            }
        };
        let mut buckets: Vec<Vec<WindowEntry>> = vec![Vec::new(); 1 << (word_bits - bucket_shift)];
        for entry in entries {
            let hash = WindowHash::of(entry.window);
            mark(&mut words, hash);
            mark(&mut confirming, WindowHash::of(with_next(entry.window, entry.next)));
            if let Some(bucket) = buckets.get_mut(hash.word >> bucket_shift) {
                bucket.push(*entry);
            }
        }
        WindowTable {
            words: bytes(words.into_iter()),
            confirming: bytes(confirming.into_iter()),
            buckets: bytes(starts(buckets.iter().map(Vec::len))),
            entries: bytes(buckets.into_iter().flatten().flat_map(|entry| [entry.window, entry.packed])),
            bucket_shift,
        }
    }
}

/// Where each of these runs starts, and where the last ends.
fn starts(lengths: impl Iterator<Item = usize>) -> impl Iterator<Item = u32> {
    let ends = lengths.scan(0, |end, length| {
        *end += length;
        Some(small(*end))
    });
    std::iter::once(0).chain(ends)
}

fn bytes(numbers: impl Iterator<Item = u32>) -> Vec<u8> {
    numbers.flat_map(u32::to_le_bytes).collect()
}

fn halves(size: u64) -> [u32; 2] {
    let [low, high] = [size & u64::from(u32::MAX), size >> 32];
    [low, high].map(|half| u32::try_from(half).expect("half of it fits"))
}

/// Sources of rules have a limit far below this.
fn small(number: usize) -> u32 {
    u32::try_from(number).expect("there are fewer than four billion of anything in a set of rules")
}
