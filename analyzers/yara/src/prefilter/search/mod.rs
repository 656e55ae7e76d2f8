//! Reads the tables of a prefilter: which parts of a set a file needs.

use crate::prefilter::around::{LookBudget, is_around};
use crate::prefilter::build::{
    AROUND, AT_LEAST, FACTS_HEAD, HAS, KEYED, KIND_BITS, LOOKS, MASKED, NEAR, NO_SIGN, OFFSET_BITS, SECTIONS, SIZE,
    TRUE,
};
use crate::prefilter::file_facts::FileFacts;
use crate::prefilter::literal::IN_FRONT;
use crate::prefilter::short;
use crate::prefilter::{STRIDE, TABLE_WORDS, WINDOW, WindowHash, is_padding, with_next};

/// The tables of a set, as they lie in a bundle.
#[derive(Clone, Copy)]
pub(crate) struct Prefilter<'a> {
    /// Words of the table that tells which windows occur.
    words: &'a [[u8; 4]],
    /// Words of the table of windows with what stands behind them.
    confirming: &'a [[u8; 4]],
    /// Where the entries of each bucket start. A bucket is that of some words.
    buckets: Numbers<'a>,
    bucket_shift: u32,
    /// Number of words, as a power of two.
    table_words: u32,
    /// Windows, each with its string and its offset in it.
    entries: Numbers<'a>,
    /// Start of each string, and its length with its kind; and where the last ends.
    spans: Numbers<'a>,
    strings: &'a [u8],
    /// The number of the fact that it is signed, whether places in programs are asked for, and then hashes of imports with
    /// the number of each.
    facts: &'a [u8],
    /// Where the units that ask for a string or a fact start.
    asking: Numbers<'a>,
    asking_units: Numbers<'a>,
    /// Units that may hold without any of them.
    unasked: Numbers<'a>,
    /// Start of the formula of each unit and its part, and then the formulas.
    units: Numbers<'a>,
    unit_count: usize,
}

/// Where the windows of a step of eight bytes stand.
const OFFSETS: [usize; 3] = [0, STRIDE, 2 * STRIDE];

#[inline(always)]
fn window_of(bytes: u64, offset: usize) -> u32 {
    let [first, second, third, fourth, ..] = (bytes >> (8 * offset)).to_le_bytes();
    u32::from_le_bytes([first, second, third, fourth])
}

/// Whether a key may be one of a table of bits.
#[inline(always)]
fn marked(words: &[[u8; 4]], table_words: u32, key: u32) -> bool {
    let WindowHash { word, mask } = WindowHash::of(key, table_words);
    words.get(word).is_some_and(|word| u32::from_le_bytes(*word) & mask == mask)
}

/// Numbers of four bytes.
#[derive(Clone, Copy)]
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn get(self, at: usize) -> Option<u32> {
        let start = at.checked_mul(4)?;
        Some(u32::from_le_bytes(*self.0.get(start..)?.first_chunk()?))
    }

    fn pair(self, at: usize) -> Option<[u32; 2]> {
        Some([self.get(2 * at)?, self.get(2 * at + 1)?])
    }
}

/// A file, and what is known of it.
struct LookedFile<'f> {
    file: &'f [u8],
    facts: FileFacts,
}

/// What a search found, kept from one file to the next so that nothing is allocated for each.
#[derive(Default)]
pub(crate) struct PrefilterState {
    /// Strings and facts that were seen.
    seen: NumberSet,
    /// Strings that were looked for by themselves.
    looked: NumberSet,
    /// Units that ask for one of them.
    touched: NumberSet,
    /// How much the file may still be looked through.
    budget: LookBudget,
}

/// Numbers below a limit, of which few are in it.
#[derive(Default)]
struct NumberSet {
    bits: Vec<u64>,
    /// Those that are in it, in the order in which they were added.
    list: Vec<u32>,
}

impl<'a> Prefilter<'a> {
    /// Reads what [`PrefilterBuilder::finish`](super::PrefilterBuilder::finish) made.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Prefilter<'a>> {
        let (head, mut rest) = bytes.split_at_checked(4 * (SECTIONS + 2))?;
        let head = Numbers(head);
        let mut sections: [&[u8]; SECTIONS] = [&[]; SECTIONS];
        for (at, section) in sections.iter_mut().enumerate() {
            (*section, rest) = rest.split_at_checked(head.get(at)? as usize)?;
        }
        let [words, confirming, buckets, entries, spans, strings, facts, asking, asking_units, unasked, units] =
            sections;
        Some(Prefilter {
            words: words.as_chunks().0,
            confirming: confirming.as_chunks().0,
            buckets: Numbers(buckets),
            bucket_shift: head.get(SECTIONS).filter(|&shift| shift < u32::BITS)?,
            table_words: head.get(SECTIONS + 1).filter(|words| TABLE_WORDS.contains(words))?,
            entries: Numbers(entries),
            spans: Numbers(spans),
            strings,
            facts,
            asking: Numbers(asking),
            asking_units: Numbers(asking_units),
            unasked: Numbers(unasked),
            units: Numbers(units),
            unit_count: Numbers(units).get(0).map_or(0, |start| start as usize / 2),
        })
    }

    /// Calls `needed` with the number of each part in which a rule may be true of `file`, perhaps more than once.
    pub(crate) fn search(
        &self,
        file: &[u8],
        facts: FileFacts,
        state: &mut PrefilterState,
        mut needed: impl FnMut(usize),
    ) {
        let strings = self.spans.0.len() / 8;
        state.seen.begin(strings);
        state.looked.begin(strings);
        state.touched.begin(self.unit_count);
        state.budget = LookBudget::of(file);
        self.see_facts(facts, state);
        self.search_strings(file, state);
        for unit in (0..self.unasked.0.len() / 4).filter_map(|at| self.unasked.get(at)) {
            state.touched.add(unit);
        }
        let looked = LookedFile { file, facts };
        for at in 0..state.touched.list.len() {
            let unit = state.touched.list.get(at).and_then(|unit| self.units.pair(*unit as usize));
            let Some([start, part]) = unit else { continue };
            if self.holds(&mut (start as usize), &looked, state) {
                needed(part as usize);
            }
        }
    }

    /// Whether some rule asks for a fact.
    pub(crate) fn asks_facts(&self) -> bool {
        let [signed, places] = Numbers(self.facts).pair(0).unwrap_or([NO_SIGN, 0]);
        self.facts.len() > FACTS_HEAD || signed != NO_SIGN || places != 0
    }

    fn see_facts(&self, facts: FileFacts, state: &mut PrefilterState) {
        let Some((head, hashes)) = self.facts.split_at_checked(FACTS_HEAD) else { return };
        let signed = Numbers(head).get(0).filter(|&number| facts.signed && number != NO_SIGN);
        let hash = facts.import_hash.and_then(|hash| {
            let (_, number) = hashes
                .as_chunks::<20>()
                .0
                .iter()
                .filter_map(|one| one.split_first_chunk())
                .find(|(of, _)| **of == hash)?;
            Some(u32::from_le_bytes(*number.first_chunk()?))
        });
        signed.into_iter().chain(hash).for_each(|number| self.saw(number, state));
    }

    fn search_strings(&self, file: &[u8], state: &mut PrefilterState) {
        let mut at = 0;
        while let Some(step) = file.get(at..).and_then(|rest| rest.first_chunk()) {
            let bytes = u64::from_le_bytes(*step);
            // Most steps end here. Zeros fill much of many files, and no string is found by them.
            if bytes != 0
                && OFFSETS.iter().any(|&offset| marked(self.words, self.table_words, window_of(bytes, offset)))
            {
                self.look(file, at, bytes, WINDOW + STRIDE * (OFFSETS.len() - 1), state);
            }
            at += STRIDE * OFFSETS.len();
        }
        // With a zero behind the file, which ends a name there, and with what may stand behind that.
        let rest = file.get(at..).unwrap_or_default();
        let mut last = [0; 2 * size_of::<u64>()];
        last.iter_mut().zip(rest).for_each(|(last, byte)| *last = *byte);
        let count = rest.len() + 1 + IN_FRONT;
        for start in (0..count).step_by(STRIDE * OFFSETS.len()) {
            if let Some(step) = last.get(start..).and_then(|rest| rest.first_chunk()) {
                self.look(file, at + start, u64::from_le_bytes(*step), count - start, state);
            }
        }
    }

    /// Looks for strings by the windows in the first `count` of these bytes, which stand at `at`.
    #[cold]
    #[inline(never)]
    fn look(&self, file: &[u8], at: usize, bytes: u64, count: usize, state: &mut PrefilterState) {
        for offset in OFFSETS.into_iter().filter(|offset| offset + WINDOW <= count) {
            let window = window_of(bytes, offset);
            let next = || match file.get(at + offset + WINDOW..)? {
                [a, b, c, d, ..] => Some(u32::from_le_bytes([*a, *b, *c, *d])),
                [a, b, c] => Some(u32::from_le_bytes([*a, *b, *c, 0])),
                _ => None,
            };
            let confirmed = |next| marked(self.confirming, self.table_words, with_next(window, next));
            if marked(self.words, self.table_words, window)
                && !is_padding(window)
                && (confirmed(next()) || confirmed(None))
            {
                self.look_up(file, at + offset, window, state);
            }
        }
    }

    /// Looks for the strings that have this window.
    fn look_up(&self, file: &[u8], at: usize, window: u32, state: &mut PrefilterState) {
        let bucket = WindowHash::of(window, self.table_words).word >> self.bucket_shift;
        let mut window = window.to_le_bytes();
        window.make_ascii_lowercase();
        let window = u32::from_le_bytes(window);
        let (Some(start), Some(end)) = (self.buckets.get(bucket), self.buckets.get(bucket + 1)) else { return };
        for entry in start as usize..end as usize {
            let Some([other, packed]) = self.entries.pair(entry) else { break };
            if other != window {
                continue;
            }
            let (number, offset) = (packed >> OFFSET_BITS, packed & ((1 << OFFSET_BITS) - 1));
            let start = (at + IN_FRONT).checked_sub(offset as usize);
            if !state.seen.has(number) && self.stands(file, start, number, &mut state.budget) {
                self.saw(number, state);
            }
        }
    }

    fn saw(&self, number: u32, state: &mut PrefilterState) {
        if state.seen.add(number) {
            self.touch(number as usize, state);
        }
    }

    /// A string that is looked for: its kind, its bytes, and what was stored behind them. None where the table is damaged.
    fn string(&self, number: u32) -> Option<(u32, &'a [u8], &'a [u8])> {
        let [start, length] = self.spans.pair(number as usize)?;
        let end = self.spans.get(2 * (number as usize + 1))?;
        let (kind, length) = (length & ((1 << KIND_BITS) - 1), length as usize >> KIND_BITS);
        let (bytes, more) = self.strings.get(start as usize..end as usize)?.split_at_checked(length)?;
        Some((kind, bytes, more))
    }

    /// Whether a string stands at this place of the file.
    fn stands(&self, file: &[u8], start: Option<usize>, number: u32, budget: &mut LookBudget) -> bool {
        let Some(start) = start else { return false };
        let Some(here) = file.get(start..) else { return false };
        let Some((kind, string, more)) = self.string(number) else { return false };
        // The end of the file ends a name as a zero does.
        let name = string.split_last().filter(|(last, name)| **last == 0 && name.len() == here.len());
        let Some(here) = here.get(..string.len()).or(name.map(|_| here)) else { return false };
        let mut pairs = here.iter().zip(string);
        match (kind, more) {
            (MASKED | AROUND, more) => {
                let (masks, around) = more.split_at_checked(string.len()).unwrap_or_default();
                // Most end here. What stands around them is compared with the classes of these bytes, too.
                pairs.zip(masks).all(|((here, byte), mask)| here & mask == *byte)
                    && (kind == MASKED || is_around(file, start..start, around, budget))
            }
            (KEYED, [first, last]) => {
                let mut keys = pairs.map(|(here, byte)| here ^ byte);
                keys.next().is_some_and(|key| (*first..=*last).contains(&key) && keys.all(|other| other == key))
            }
            _ => pairs.all(|(here, byte)| here == byte),
        }
    }

    /// Whether a string is in the file that is looked for by itself.
    fn looks(&self, looked: &LookedFile<'_>, number: u32, state: &mut PrefilterState) -> bool {
        let LookedFile { file, facts } = looked;
        if state.looked.add(number) {
            let found = match self.string(number) {
                Some((NEAR, bytes, more)) => short::is_near(file, bytes, more, *facts),
                Some((_, bytes, more)) => short::is_anywhere(file, bytes, more, &mut state.budget),
                None => true,
            };
            if found {
                state.seen.add(number);
            }
        }
        state.seen.has(number)
    }

    fn touch(&self, number: usize, state: &mut PrefilterState) {
        let (Some(start), Some(end)) = (self.asking.get(number), self.asking.get(number + 1)) else { return };
        for at in start as usize..end as usize {
            if let Some(unit) = self.asking_units.get(at) {
                state.touched.add(unit);
            }
        }
    }

    /// Whether the formula at `at` holds; moves `at` behind it.
    fn holds(&self, at: &mut usize, looked: &LookedFile<'_>, state: &mut PrefilterState) -> bool {
        let mut next = || {
            let number = self.units.get(*at);
            *at += 1;
            number
        };
        match (next(), next()) {
            (Some(TRUE), _) => {
                *at -= 1;
                true
            }
            (Some(HAS), Some(number)) => state.seen.has(number),
            (Some(LOOKS), Some(number)) => self.looks(looked, number, state),
            (Some(SIZE), Some(low)) => {
                let [high, below_low, below_high] = [next(), next(), next()].map(Option::unwrap_or_default);
                let of = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
                (of(low, high)..of(below_low, below_high)).contains(&(looked.file.len() as u64))
            }
            (Some(AT_LEAST), Some(count)) => {
                let [mut left, length] = [next(), next()].map(Option::unwrap_or_default);
                let end = *at + length as usize;
                let mut missing = count;
                while missing > 0 && missing <= left {
                    missing -= u32::from(self.holds(at, looked, state));
                    left -= 1;
                }
                *at = end;
                missing == 0
            }
            // A damaged table proves nothing.
            _ => true,
        }
    }
}

impl NumberSet {
    /// Empties it, for numbers below `limit`.
    fn begin(&mut self, limit: usize) {
        for number in self.list.drain(..) {
            if let Some(word) = self.bits.get_mut(number as usize / 64) {
                *word = 0;
            }
        }
        self.bits.resize(limit.div_ceil(64), 0);
    }

    fn has(&self, number: u32) -> bool {
        self.bits.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 != 0)
    }

    /// Adds a number, and says whether it was not in it before.
    fn add(&mut self, number: u32) -> bool {
        let Some(word) = self.bits.get_mut(number as usize / 64) else { return false };
        let before = *word;
        *word |= 1 << (number % 64);
        let new = *word != before;
        if new {
            self.list.push(number);
        }
        new
    }
}

#[cfg(test)]
mod tests;
