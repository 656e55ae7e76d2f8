//! Which few bytes are found together with all others.
//!
//! Three letters are found by windows in which the fourth byte is every byte in turn, so they take a hundred times the room of a
//! longer string, and they stand in files more often. To look for them by themselves takes a pass through the file for each. So
//! as many are put into the tables as there is room for: first what would be looked for in every file, and of that what takes
//! least.

use std::collections::{HashMap, HashSet};

use super::formula::Formula;
use super::literal::Literal;
use super::short::Short;

/// Entries of the tables that are given to them. The 10,143 public rules take 125,000 for everything else. With 40,000, files
/// are looked through so often that they take twice as long; with 160,000, more windows are there than the tables tell apart.
const ENTRIES_MAX: usize = 100_000;

/// How often their windows stand in files, on the scale of `byte_frequency`: at one of 500 places.
const FREQUENCY_MAX: u64 = 300_000_000;

/// Those that are found together with all others.
pub(super) struct FewFound<'f>(HashMap<&'f Short, Literal>);

/// What is left for them.
struct Room {
    entries: usize,
    frequency: u64,
}

impl<'f> FewFound<'f> {
    /// Chooses among what these formulas look for.
    pub(super) fn of(formulas: &[&'f Formula]) -> FewFound<'f> {
        let mut found = FewFound(HashMap::new());
        let mut room = Room { entries: ENTRIES_MAX, frequency: FREQUENCY_MAX };
        let mut seen = HashSet::new();
        for always in [true, false] {
            let mut priced = Vec::new();
            for formula in formulas.iter().filter(|formula| formula.holds_without_facts() == always) {
                formula.each_look(&mut |short| {
                    if seen.insert(short) {
                        priced.extend(short.as_literal().map(|(price, literal)| (price, short, literal)));
                    }
                });
            }
            priced.sort_by_key(|(price, ..)| *price);
            for ((entries, frequency), short, literal) in priced {
                if room.takes(entries, frequency) {
                    found.0.insert(short, literal);
                }
            }
        }
        found
    }

    /// What is found in place of `short`.
    pub(super) fn literal(&self, short: &Short) -> Option<Literal> {
        self.0.get(short).cloned()
    }
}

impl Room {
    fn takes(&mut self, entries: usize, frequency: u64) -> bool {
        let left = self.entries.checked_sub(entries).zip(self.frequency.checked_sub(frequency));
        let fits = left.is_some();
        if let Some((entries, frequency)) = left {
            *self = Room { entries, frequency };
        }
        fits
    }
}
