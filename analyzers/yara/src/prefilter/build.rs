//! Formulas of a set as flat tables, so that a bundle is used as it lies on the disk.
//!
//! Everything is little-endian numbers of four bytes, but for strings and hashes of imports. The head
//! tells how long each section is; [`super::search`] reads them in the same order.

use std::collections::HashMap;

use super::few::FewFound;
use super::formula::{Fact, Formula};
use super::literal::{Literal, LiteralWindow, PLAIN};
use super::short::Short;
use super::{STRIDE, TABLE_WORDS, WINDOW, WindowHash, with_next};

/// Sections of the tables, in order.
pub(super) const SECTIONS: usize = 11;

/// Bits that an offset in a string takes in an entry; the rest is the number of the string.
pub(super) const OFFSET_BITS: u32 = 6;

/// What it costs that another string has a window too, beside how often the window stands in files.
const SHARED_COST: u64 = 8;

/// Where a window has more values it is not asked which of them other strings have too.
const SHARED_VALUES_MAX: usize = 256;

/// How many times as much a window costs that is not confirmed by what stands behind it in its string.
const ALONE_COST: u64 = 64;

/// Bytes of the facts in front of the hashes of imports.
pub(super) const FACTS_HEAD: usize = 8;

/// The number of a sign that nothing asks for.
pub(super) const NO_SIGN: u32 = u32::MAX;

/// Bits that the kind of a string takes beside its length.
pub(super) const KIND_BITS: u32 = 3;
/// Kinds of strings: it stands as it is,
pub(super) const EXACT: u32 = 0;
/// with the bits alone that are set in as many bytes behind it,
pub(super) const MASKED: u32 = 1;
/// each byte of it combined with one key by exclusive or; the least and the largest key stand behind it,
pub(super) const KEYED: u32 = 2;
/// with bits as above, at some places alone, which stand behind these,
pub(super) const NEAR: u32 = 3;
/// as it is, with pieces in front of it and behind it,
pub(super) const ANCHOR: u32 = 4;
/// or with bits as above, and all of them among such pieces, which stand behind these.
pub(super) const AROUND: u32 = 5;

/// Kinds of parts of a formula; each is followed by its numbers.
pub(super) const TRUE: u32 = 0;
/// The number of a string or a fact.
pub(super) const HAS: u32 = 1;
/// How many must hold, of how many parts that follow, and how many numbers these take.
pub(super) const AT_LEAST: u32 = 2;
const AT_LEAST_HEAD: usize = 4;
/// The least size and the size that is too large, low half first.
pub(super) const SIZE: u32 = 3;
/// The number of a string that is looked for when it must be known.
pub(super) const LOOKS: u32 = 4;

/// Collects the rules of a set.
#[derive(Default)]
pub(crate) struct PrefilterBuilder {
    /// What is not written down yet: formulas, each with its part.
    added: Vec<(Formula, usize)>,
    /// Strings and facts share their numbers.
    numbers: HashMap<FileSign, u32>,
    signs: Vec<FileSign>,
    /// Units that ask for a sign, by its number.
    asking: Vec<Vec<u32>>,
    /// Start of the formula of each unit, and its part.
    units: Vec<(u32, u32)>,
    /// Units that may hold without a sign that asks for them.
    unasked: Vec<u32>,
    formulas: Vec<u32>,
}

/// What may be true of a file.
#[derive(Clone, PartialEq, Eq, Hash)]
enum FileSign {
    Has(Literal),
    Looks(Short),
    Fact(Fact),
}

impl PrefilterBuilder {
    /// Adds rules that stay together: where `formula` holds, part `part` of the set is run.
    pub(crate) fn add(&mut self, formula: &Formula, part: usize) {
        self.added.push((formula.clone(), part));
    }

    /// Writes down the formulas of all units.
    fn encode_all(&mut self) {
        let added = std::mem::take(&mut self.added);
        let formulas: Vec<&Formula> = added.iter().map(|(formula, _)| formula).collect();
        let few = FewFound::of(&formulas);
        for (formula, part) in &added {
            let formula = &formula.with_looks(&|short| few.literal(short));
            let unit = small(self.units.len());
            self.units.push((small(self.formulas.len()), small(*part)));
            if formula.holds_without_facts() {
                self.unasked.push(unit);
            }
            self.encode(formula, unit);
        }
    }

    fn encode(&mut self, formula: &Formula, unit: u32) {
        match formula {
            Formula::True => self.formulas.push(TRUE),
            Formula::False => self.formulas.extend([AT_LEAST, 1, 0, 0]),
            Formula::Has(literal) => self.encode_sign(FileSign::Has(literal.clone()), unit),
            Formula::Looks(short) | Formula::Reads(short) => match short.spelled().as_slice() {
                [one] => {
                    let number = self.number_of(FileSign::Looks(one.clone()));
                    self.formulas.extend([LOOKS, number]);
                }
                several => {
                    let several: Vec<Formula> = several.iter().cloned().map(Formula::Looks).collect();
                    self.encode_some(1, &several, unit);
                }
            },
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
        // What must be looked for comes last, for it may not be needed any more.
        let mut of: Vec<&Formula> = of.iter().collect();
        of.sort_by_key(|one| one.must_look());
        let head = self.formulas.len() + AT_LEAST_HEAD;
        self.formulas.extend([AT_LEAST, small(count), small(of.len()), 0]);
        of.iter().for_each(|one| self.encode(one, unit));
        let length = small(self.formulas.len() - head);
        if let Some(told) = self.formulas.get_mut(head - 1) {
            *told = length;
        }
    }

    fn number_of(&mut self, sign: FileSign) -> u32 {
        *self.numbers.entry(sign).or_insert_with_key(|sign| {
            self.signs.push(sign.clone());
            self.asking.push(Vec::new());
            small(self.signs.len() - 1)
        })
    }

    fn encode_sign(&mut self, sign: FileSign, unit: u32) {
        let number = self.number_of(sign);
        self.formulas.extend([HAS, number]);
        if let Some(asking) = self.asking.get_mut(number as usize)
            && asking.last() != Some(&unit)
        {
            asking.push(unit);
        }
    }

    /// The tables.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.encode_all();
        let mut spans = Vec::new();
        let mut strings = Vec::new();
        for sign in &self.signs {
            let (kind, bytes, more) = match sign {
                FileSign::Has(literal) => stored(literal),
                FileSign::Looks(short) => {
                    let (bytes, more) = short.stored();
                    (if matches!(short, Short::Near(..)) { NEAR } else { ANCHOR }, bytes, more)
                }
                FileSign::Fact(_) => (EXACT, Vec::new(), Vec::new()),
            };
            spans.extend([small(strings.len()), small(bytes.len()) << KIND_BITS | kind]);
            strings.extend(bytes);
            strings.extend(more);
        }
        // What is stored with the last of them ends here.
        spans.push(small(strings.len()));
        let number = |fact| self.numbers.get(&FileSign::Fact(fact)).copied().unwrap_or(NO_SIGN);
        let hashes = self.signs.iter().zip(0_u32..).filter_map(|(sign, number)| match sign {
            FileSign::Fact(Fact::ImportHash(hash)) => Some([hash.as_slice(), &number.to_le_bytes()].concat()),
            FileSign::Fact(Fact::Signed | Fact::Exports(_)) | FileSign::Has(_) | FileSign::Looks(_) => None,
        });
        let places = self.signs.iter().any(|sign| matches!(sign, FileSign::Looks(short) if short.asks_facts()));
        let head = bytes([number(Fact::Signed), u32::from(places)].into_iter());
        let facts = [head, hashes.flatten().collect()].concat();
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
            bytes(self.unasked.into_iter()),
            bytes(units.chain(self.formulas)),
        ];
        let head = sections.iter().map(|section| small(section.len())).chain([table.bucket_shift, table.table_words]);
        let mut all = bytes(head);
        sections.iter().for_each(|section| all.extend_from_slice(section));
        all
    }

    /// The windows by which strings are found.
    fn entries(&self) -> Vec<WindowEntry> {
        let strings = || {
            self.signs.iter().zip(0_u32..).filter_map(|(sign, number)| match sign {
                FileSign::Has(literal) => Some((literal, number)),
                FileSign::Looks(_) | FileSign::Fact(_) => None,
            })
        };
        let mut counts: HashMap<u32, u64> = HashMap::new();
        for value in strings().flat_map(|(literal, _)| literal.windows()).filter_map(|window| window.only_value()) {
            *counts.entry(value).or_default() += 1;
        }
        let mut entries = Vec::new();
        for (literal, number) in strings() {
            let windows = literal.windows();
            let next = |at: usize| windows.get(at + WINDOW).and_then(LiteralWindow::only_value);
            let cost = |at: usize, window: &LiteralWindow| {
                let values = if window.values.is_some_and(|count| count < SHARED_VALUES_MAX) {
                    window.all_values()
                } else {
                    Vec::new()
                };
                let shared = values.iter().filter_map(|value| counts.get(value)).sum::<u64>() * SHARED_COST;
                let alone = if next(at).is_some() { 1 } else { ALONE_COST };
                window.is_useful().then(|| alone.saturating_mul(window.frequency.saturating_add(shared)))
            };
            for first in 0..STRIDE {
                let some = windows.iter().enumerate().skip(first).step_by(STRIDE);
                let best = some
                    .filter_map(|(at, window)| Some((cost(at, window)?, at, window)))
                    .min_by_key(|(cost, _, window)| (window.dear, *cost));
                let Some((_, at, window)) = best else { continue };
                entries.extend(window.all_values().into_iter().map(|window| WindowEntry {
                    window,
                    next: next(at),
                    packed: number << OFFSET_BITS | small(at),
                }));
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

/// The kind of a literal, its bytes, and what is stored behind them.
fn stored(literal: &Literal) -> (u32, Vec<u8>, Vec<u8>) {
    let bytes = literal.bytes.clone();
    match literal.keys {
        PLAIN if !literal.around.is_nothing() => {
            let mut more = literal.masked().map(|byte| byte.mask).collect();
            literal.around.store(&mut more);
            (AROUND, bytes, more)
        }
        PLAIN if literal.mask.is_empty() => (EXACT, bytes, Vec::new()),
        PLAIN => (MASKED, bytes, literal.mask.clone()),
        (first, last) => (KEYED, bytes, vec![first, last]),
    }
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
    /// Number of words, as a power of two.
    table_words: u32,
}

impl WindowTable {
    fn of(entries: &[WindowEntry]) -> WindowTable {
        let wanted = entries.len().max(1).ilog2() + 1;
        let table_words = wanted.clamp(*TABLE_WORDS.start(), *TABLE_WORDS.end());
        let bucket_shift = table_words - wanted.min(table_words);
        let [mut words, mut confirming] = [(); 2].map(|()| vec![0_u32; 1 << table_words]);
        let mark = |words: &mut Vec<u32>, WindowHash { word, mask }: WindowHash| {
            if let Some(word) = words.get_mut(word) {
                *word |= mask;
            }
        };
        let mut buckets: Vec<Vec<WindowEntry>> = vec![Vec::new(); 1 << (table_words - bucket_shift)];
        for entry in entries {
            let hash = WindowHash::of(entry.window, table_words);
            mark(&mut words, hash);
            mark(&mut confirming, WindowHash::of(with_next(entry.window, entry.next), table_words));
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
            table_words,
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
