//! The search for words: one automaton, built once, over the text of the file.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use analyzers::hosts::HostSearch;
use analyzers::text::word_search;
use analyzers::{Budget, Exhausted, Limit};

use crate::around::Around;
use crate::exports::Exports;
use crate::image::Image;
use crate::imports::Imports;
use crate::keywords::{Keyword, Sign, WORDS};
use crate::text::{SEPARATOR, Text};
use crate::text_counts::TextCounts;
use crate::word_classes;

/// Bytes of the file between two looks at the budget.
const STOP_AFTER: usize = 256 << 10;

/// Context of a word that is checked, in characters.
const AROUND: usize = 64;

/// Places of the words of MS-DOS stubs that are kept: the file's own, those of images inside it, and any other
/// text with these words. With more, the examination is incomplete.
pub(crate) const STUBS_MAX: usize = 16_384;

static AUTOMATON: LazyLock<AhoCorasick> =
    LazyLock::new(|| word_search(WORDS.iter().map(Keyword::text).chain(word_classes::words().map(|(_, word)| word))));

/// Builds the automaton, if it is not built yet.
pub(crate) fn prepare() {
    LazyLock::force(&AUTOMATON);
}

/// Finds words in text.
pub(crate) struct Scan {
    text: Text,
    /// For each word, where in the file it was found first.
    first: Vec<Option<Range<usize>>>,
    /// Offsets of MS-DOS stub messages.
    stubs: Vec<usize>,
    /// The class of each word behind those of signs, and how often its words were found.
    classes: Vec<usize>,
    class_counts: Vec<u32>,
    text_counts: TextCounts,
    hosts: HostSearch,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").field("stubs", &self.stubs).finish_non_exhaustive()
    }
}

impl Default for Scan {
    fn default() -> Self {
        Scan {
            text: Text::default(),
            first: Vec::new(),
            stubs: Vec::new(),
            classes: word_classes::words().map(|(class, _)| class).collect(),
            class_counts: Vec::new(),
            text_counts: TextCounts::default(),
            hosts: HostSearch::default(),
        }
    }
}

impl Scan {
    /// Searches an image for all words. Names of imported functions do not count, nor do names that a library exports,
    /// if it looks up no functions by name.
    pub(crate) fn read(
        &mut self,
        image: &Image<'_>,
        imports: &Imports,
        mut exports: Option<&mut Exports>,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        self.first.clear();
        self.first.resize(WORDS.len(), None);
        self.stubs.clear();
        self.class_counts.clear();
        self.class_counts.resize(word_classes::CLASSES.len(), 0);
        self.text_counts = TextCounts::default();
        self.hosts.clear();
        self.text.rewind();
        while self.text.gather(image.bytes, STOP_AFTER) {
            budget.step(1)?;
            self.search_batch(image, imports, exports.as_deref_mut(), budget)?;
        }
        Ok(())
    }

    fn search_batch(
        &mut self,
        image: &Image<'_>,
        imports: &Imports,
        mut exports: Option<&mut Exports>,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let batch = self.text.batch();
        self.hosts.read(batch);
        for (width, piece) in self.text.pieces() {
            self.text_counts.add(width, piece);
        }
        self.text_counts.add_addresses(batch);
        for found in AUTOMATON.find_overlapping_iter(batch) {
            let index = found.pattern().as_usize();
            let (Some(word), Some(first)) = (WORDS.get(index), self.first.get_mut(index)) else {
                let class = index.checked_sub(WORDS.len()).and_then(|index| self.classes.get(index));
                if let Some(count) = class.and_then(|&class| self.class_counts.get_mut(class)) {
                    *count = (*count + 1).min(word_classes::COUNT_MAX);
                }
                continue;
            };
            let is_stub = word.sign == Sign::DosStub;
            if first.is_some() && !is_stub {
                continue;
            }
            if !word.around.fits(before(batch, found.start()), after(batch, found.end())) {
                continue;
            }
            let span = self.text.file_span(found.range());
            if word.around == Around::Function {
                if imports.names_at(span.start) || imports.has_named(&word.text()) {
                    continue;
                }
                if let Some(exports) = exports.as_deref_mut()
                    && exports.names_at(image, &span, budget)?
                {
                    continue;
                }
            }
            // Pieces of a long run overlap: the same place may come twice.
            if is_stub && self.stubs.last() != Some(&span.start) {
                if self.stubs.len() < STUBS_MAX {
                    self.stubs.push(span.start);
                } else {
                    budget.exhaust(Limit::Entries);
                }
            }
            first.get_or_insert(span);
        }
        Ok(())
    }

    /// Whether enough words of a sign were found.
    pub(crate) fn has(&self, sign: Sign) -> bool {
        self.spans(sign).count() >= sign.words_min()
    }

    /// First range of each word of a sign, in the order of the words.
    pub(crate) fn spans(&self, sign: Sign) -> impl Iterator<Item = Range<usize>> + '_ {
        WORDS.iter().zip(&self.first).filter(move |(word, _)| word.sign == sign).filter_map(|(_, first)| first.clone())
    }

    /// How often words of each class were found, in the order of the classes.
    pub(crate) fn class_counts(&self) -> &[u32] {
        &self.class_counts
    }

    /// What was counted of the text.
    pub(crate) fn text_counts(&self) -> &TextCounts {
        &self.text_counts
    }

    /// Hosts that the text names.
    pub(crate) fn hosts(&self) -> &HostSearch {
        &self.hosts
    }

    /// Offsets of MS-DOS stub messages, in order.
    pub(crate) fn stubs(&self) -> &[usize] {
        &self.stubs
    }
}

fn before(batch: &[u8], start: usize) -> &[u8] {
    let near = batch.get(start.saturating_sub(AROUND)..start).unwrap_or_default();
    let cut = near.iter().rposition(|&byte| byte == SEPARATOR).map_or(0, |at| at + 1);
    near.get(cut..).unwrap_or_default()
}

fn after(batch: &[u8], end: usize) -> &[u8] {
    let near = batch.get(end..batch.len().min(end + AROUND)).unwrap_or_default();
    let cut = near.iter().position(|&byte| byte == SEPARATOR).unwrap_or(near.len());
    near.get(..cut).unwrap_or_default()
}

/// The text around a word in the file, as people would read it: some before, the word, some after.
pub(crate) fn quote(bytes: &[u8], span: &Range<usize>) -> String {
    let width = if bytes.get(span.start + 1) == Some(&0) { 2 } else { 1 };
    let readable = |at: &usize| bytes.get(*at).is_some_and(|&byte| crate::mask::is_printable(byte));
    let back = (1..=24).map_while(|step| span.start.checked_sub(step * width)).take_while(readable).count();
    let start = span.start - back * width;
    (0..span.len() / width + back + 48)
        .map(|step| start + step * width)
        .take_while(readable)
        .filter_map(|at| bytes.get(at).map(|&byte| char::from(byte)))
        .collect()
}

#[cfg(test)]
mod tests {
    use analyzers::{Cancel, Limits};

    use super::*;

    fn read(scan: &mut Scan, bytes: &[u8], budget: &mut Budget) -> Result<(), Exhausted> {
        scan.read(&Image::read(bytes, &mut Vec::new()), &Imports::default(), None, budget)
    }

    #[track_caller]
    fn check(bytes: &[u8], sign: Sign, expected: &[&str]) {
        let mut scan = Scan::default();
        let mut budget = Budget::new(Limits::default(), Cancel::default());
        read(&mut scan, bytes, &mut budget).unwrap();
        let quotes: Vec<String> = scan.spans(sign).map(|span| quote(bytes, &span)).collect();
        assert_eq!(quotes, expected);
    }

    fn wide(text: &str) -> Vec<u8> {
        text.bytes().flat_map(|byte| [byte, 0]).collect()
    }

    #[test]
    fn words_are_found_in_any_case_and_width() {
        check(b"\0\x01VSSAdmin.exe delete\0", Sign::ShadowCopies, &["VSSAdmin.exe delete"]);
        check(&wide("run vssADMIN now"), Sign::ShadowCopies, &["run vssADMIN now"]);
    }

    #[test]
    fn words_inside_other_words_matches_are_found() {
        check(b"\0cmd.exe /c vssadmin /c del x\0", Sign::ShellCommand, &["cmd.exe /c vssadmin /c del x"]);
        check(b"\0cmd.exe /c del x\0", Sign::SelfDelete, &["cmd.exe /c del x"]);
    }

    #[test]
    fn words_across_pieces_of_a_long_run_are_found_wherever_they_lie() {
        for at in (7 << 10)..(9 << 10) {
            if at % 37 == 0 {
                let mut bytes = vec![b'.'; 20 << 10];
                bytes[at..at + 8].copy_from_slice(b"vssadmin");
                let mut scan = Scan::default();
                let mut budget = Budget::new(Limits::default(), Cancel::default());
                read(&mut scan, &bytes, &mut budget).unwrap();
                let found: Vec<usize> = scan.spans(Sign::ShadowCopies).map(|span| span.start).collect();
                assert_eq!(found, [at]);
            }
        }
    }

    #[test]
    fn what_was_found_in_one_file_is_forgotten_in_the_next() {
        let mut scan = Scan::default();
        let mut budget = Budget::new(Limits::default(), Cancel::default());
        read(&mut scan, b"vssadmin", &mut budget).unwrap();
        assert!(scan.has(Sign::ShadowCopies));
        read(&mut scan, b"", &mut budget).unwrap();
        assert!(!scan.has(Sign::ShadowCopies));
    }

    #[test]
    fn a_full_budget_of_steps_is_enough_for_a_large_file_and_none_is_not() {
        let mut scan = Scan::default();
        let limits = Limits { steps_max: 10, ..Limits::default() };
        let mut budget = Budget::new(limits, Cancel::default());
        let bytes = vec![0; 16 << 20];
        assert!(read(&mut scan, &bytes, &mut budget).is_err());
    }
}
