//! Text, for measures: words by class, characters, long runs. What an analyzer takes for text is its own affair.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::measure::{Measure, Unit, entropy, permille};

/// A class of words that are counted together, for a list of such classes with their words: in lower case and in reverse,
/// apart by a bar, which is in none. They are in reverse so that a scan of this program does not find them.
pub const fn word_class(name: &'static str, meaning: &'static str) -> Measure {
    Measure { name, unit: Unit::Count, meaning, source: "development corpus: words of programs, harmless and not" }
}

/// All words of such a list as they are written, each with the index of its class.
pub fn words_of(classes: &'static [(Measure, &'static str)]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    let of_class = |(class, (_, words)): (usize, &(Measure, &'static str))| {
        words.split('|').map(move |word| (class, word.bytes().rev().collect()))
    };
    classes.iter().enumerate().flat_map(of_class)
}

/// Finds all of a few hundred short words, in letters of either case. Takes some milliseconds to be built.
#[expect(clippy::missing_panics_doc, reason = "a few hundred short words are far below the automaton's limits")]
pub fn word_search(words: impl IntoIterator<Item = impl AsRef<[u8]>>) -> AhoCorasick {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::Standard)
        // Most of their first bytes are common letters: a prefilter would only stumble from run to run.
        .prefilter(false)
        .build(words)
        .expect("a few hundred short words are far below the automaton's limits")
}

/// Stretches of at least `length` characters without a space.
pub fn long_runs(text: &[u8], length: usize) -> usize {
    runs(text, length, u8::is_ascii_graphic)
}

/// Stretches of at least `length` characters of Base64.
pub fn base64_runs(text: &[u8], length: usize) -> usize {
    runs(text, length, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn runs(text: &[u8], length: usize, is: impl Fn(&u8) -> bool) -> usize {
    text.split(|byte| !is(byte)).filter(|run| run.len() >= length).count()
}

/// Characters by their value.
#[derive(Clone, Debug)]
pub struct CharacterCounts {
    histogram: [u32; 256],
    all: usize,
}

impl Default for CharacterCounts {
    fn default() -> Self {
        CharacterCounts { histogram: [0; 256], all: 0 }
    }
}

impl CharacterCounts {
    /// Adds those of a text.
    pub fn add(&mut self, text: &[u8]) {
        self.all += text.len();
        for &byte in text {
            let count = &mut self.histogram[usize::from(byte)];
            *count = count.wrapping_add(1);
        }
    }

    /// How many there are.
    pub fn all(&self) -> usize {
        self.all
    }

    /// Thousandths of them that are so.
    pub fn share(&self, is: impl Fn(u8) -> bool) -> u32 {
        let counts = (0..=255u8).zip(self.histogram).filter(|(byte, _)| is(*byte));
        permille(counts.map(|(_, count)| count as usize).sum(), self.all)
    }

    /// Their evenness, in thousandths of a bit; 0 if there are none.
    pub fn entropy(&self) -> u32 {
        if self.all == 0 {
            return 0;
        }
        let logs: f64 = self
            .histogram
            .iter()
            .filter(|&&count| count > 0)
            .map(|&count| f64::from(count) * f64::from(count).log2())
            .sum();
        entropy((self.all as f64).log2() - logs / self.all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_backwards_each_with_its_class() {
        static CLASSES: &[(Measure, &str)] = &[(word_class("toy.a", "A."), "cba|/x"), (word_class("toy.b", "B."), "z")];
        let words: Vec<_> = words_of(CLASSES).collect();
        assert_eq!(words, [(0, b"abc".to_vec()), (0, b"x/".to_vec()), (1, b"z".to_vec())]);
    }

    #[test]
    fn characters_are_shared_out_and_even_as_far_as_they_differ() {
        let mut counts = CharacterCounts::default();
        assert_eq!((counts.entropy(), counts.share(|_| true), counts.all()), (0, 0, 0));
        counts.add(b"aabb");
        assert_eq!((counts.entropy(), counts.share(|byte| byte == b'a'), counts.all()), (1_000, 500, 4));
    }

    #[test]
    fn runs_are_as_long_as_they_must_be() {
        assert_eq!((long_runs(b"abc de/ xyz", 3), base64_runs(b"abc de/-xyz", 3)), (3, 3));
        assert_eq!(base64_runs(b"ab-cd-ef", 3), 0);
    }
}
