//! Counts the text of an image while it is gathered, for measures: how much, of which characters, in how long runs.

use analyzers::text::{CharacterCounts, base64_runs, long_runs};

use crate::word_classes::COUNT_MAX;

/// Characters without a space in a row that count as a long run.
const LONG_RUN: usize = 200;
/// Characters of Base64 in a row that count as encoded data.
const BASE64_RUN: usize = 120;

/// What is counted of text while it is gathered.
#[derive(Default, Debug)]
pub(crate) struct TextCounts {
    /// Those of text of one byte a character.
    pub(crate) characters: CharacterCounts,
    pub(crate) runs: usize,
    pub(crate) wide_runs: usize,
    pub(crate) wide_characters: usize,
    pub(crate) long_runs: u32,
    pub(crate) base64_runs: u32,
    pub(crate) addresses: u32,
}

impl TextCounts {
    /// Adds a run of text, `width` bytes a character in the file.
    pub(crate) fn add(&mut self, width: usize, text: &[u8]) {
        if width == 1 {
            self.runs += 1;
            self.characters.add(text);
        } else {
            self.wide_runs += 1;
            self.wide_characters += text.len();
        }
        if text.len() >= BASE64_RUN {
            self.long_runs = held(self.long_runs, long_runs(text, LONG_RUN));
            self.base64_runs = held(self.base64_runs, base64_runs(text, BASE64_RUN));
        }
    }

    /// Counts the addresses in a batch of such runs, each with what ends it: a search for each run would cost more than all
    /// else that is counted.
    pub(crate) fn add_addresses(&mut self, batch: &[u8]) {
        if self.addresses < COUNT_MAX {
            let dots = memchr::memchr_iter(b'.', batch).filter(|&at| is_address(batch, at)).count();
            self.addresses = held(self.addresses, dots);
        }
    }
}

/// A count that goes no further than [`COUNT_MAX`].
fn held(count: u32, more: usize) -> u32 {
    count.saturating_add(u32::try_from(more).unwrap_or(COUNT_MAX)).min(COUNT_MAX)
}

/// Whether the dot at `at` is the first of an IPv4 address.
fn is_address(text: &[u8], at: usize) -> bool {
    let digits = |from: usize| {
        text.get(from..).unwrap_or_default().iter().take(4).take_while(|byte| byte.is_ascii_digit()).count()
    };
    let before = text.get(..at).unwrap_or_default();
    let first = before.iter().rev().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let is_start = before.len() == first || before.get(before.len() - first - 1) != Some(&b'.');
    let (mut end, mut groups) = (at, 0);
    while groups < 3 && text.get(end) == Some(&b'.') {
        let group = digits(end + 1);
        if !(1..=3).contains(&group) {
            return false;
        }
        end += 1 + group;
        groups += 1;
    }
    (1..=3).contains(&first) && is_start && groups == 3 && text.get(end) != Some(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_four_groups_and_no_more() {
        for (text, expected) in [
            ("10.0.0.1", 1),
            ("at 192.168.100.200:80 and 8.8.8.8", 2),
            ("1.2.3", 0),
            ("1.2.3.4.5", 0),
            ("1234.1.1.1", 0),
            ("v1..2.3", 0),
            ("1.2.3.4567", 0),
            (".1.2.3.4", 0),
        ] {
            let mut counts = TextCounts::default();
            counts.add_addresses(text.as_bytes());
            assert_eq!(counts.addresses, expected, "{text}");
        }
    }

    #[test]
    fn runs_are_counted_by_width_and_length() {
        let mut counts = TextCounts::default();
        counts.add(1, &[b'A'; 250]);
        counts.add(2, b"wide text");
        for _ in 0..1_000 {
            counts.add(1, &[b'/'; 120]);
        }
        assert_eq!((counts.runs, counts.wide_runs, counts.wide_characters, counts.long_runs), (1_001, 1, 9, 1));
        assert_eq!(counts.base64_runs, COUNT_MAX);
        assert_eq!(counts.characters.share(|byte| byte == b'A'), analyzers::permille(250, 250 + 120_000));
    }
}
