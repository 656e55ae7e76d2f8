//! Strings hidden by XOR with one byte, whatever the byte.
//!
//! The XOR of two neighbours does not change when both are XORed with the same byte. So the differences of a
//! known string are found in the differences of the file, one search serves all 255 keys, and the key falls
//! out at the place of the match.

use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};
use analyzers::Findings;

use crate::catalogue as sign;
use crate::image::Image;

/// Bytes taken at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// Maximum number of searched bytes, without runs of one repeated byte. Bots are small: the largest of the development
/// corpus with hidden strings has 300 KB.
const SEARCHED_BYTES_MAX: usize = 4 << 20;

/// Bytes before and behind a hidden string that are revealed with it. The table of the published source has less than 1 KiB.
const TABLE_BYTES: usize = 4 << 10;

/// Strings of the Mirai source's table, of at least nine bytes, because short ones match by chance. They are stored as
/// differences, so that this binary does not contain them.
const STRINGS: [&[u8]; 6] = [
    &differences::<13, 12>(b"/bin/busybox "),
    &differences::<13, 12>(b"/proc/net/tcp"),
    &differences::<13, 12>(b"/dev/watchdog"),
    &differences::<13, 12>(b"/dev/misc/wat"),
    &differences::<13, 12>(b"Mozilla/5.0 ("),
    &differences::<13, 12>(b"applet not fo"),
];

/// The first byte of each string, to tell the key.
const FIRST: [u8; STRINGS.len()] = *b"////Ma";

/// The key of the published Mirai source: the bytes of 0xdeadbeef XORed. Under any other key, two strings of
/// the table are as telling.
const MIRAI_KEY: u8 = 0xde ^ 0xad ^ 0xbe ^ 0xef;

/// `M` must be `N - 1`.
const fn differences<const N: usize, const M: usize>(text: &[u8; N]) -> [u8; M] {
    let mut out = [0; M];
    let mut at = 0;
    while at < M {
        out[at] = text[at] ^ text[at + 1];
        at += 1;
    }
    out
}

/// The strings, ready to be searched.
#[derive(Debug)]
pub(crate) struct Hidden {
    engine: Searcher,
    /// Scratch: the differences of a chunk.
    scratch: Vec<u8>,
    /// Scratch: strings found in the current sample, at most one per string and key.
    found: Vec<HiddenString>,
    /// Scratch: by key, a bit per string that was found.
    known: [u8; 256],
}

impl Hidden {
    /// Builds the search, once per analyzer.
    pub(crate) fn new() -> Self {
        Hidden {
            engine: Searcher::new(STRINGS),
            scratch: Vec::with_capacity(CHUNK_BYTES),
            found: Vec::new(),
            known: [0; 256],
        }
    }

    /// Reports strings that are hidden, each once per key.
    pub(crate) fn examine(&mut self, image: &Image<'_>, findings: &mut Findings<'_>) {
        let bytes = image.bytes;
        let longest = STRINGS.iter().map(|string| string.len()).max().unwrap_or(0);
        self.found.clear();
        self.known.fill(0);
        let mut at = 0;
        let mut searched = 0;
        while at < bytes.len() && searched < SEARCHED_BYTES_MAX && findings.budget().step(1).is_ok() {
            let end = bytes.len().min(at + CHUNK_BYTES + longest);
            let chunk = bytes.get(at..end).unwrap_or_default();
            if chunk.iter().any(|byte| Some(byte) != chunk.first()) {
                self.chunk(bytes, at..end, findings);
                searched += CHUNK_BYTES;
            }
            at += CHUNK_BYTES;
        }
        for (place, found) in self.found.iter().enumerate() {
            findings.named_in(&revealed(bytes, found));
            findings.saw_with(&sign::HIDDEN_TABLE, found.span(), format_args!("key {:#04x}", found.key));
            let earlier = self.found.get(..place).unwrap_or_default();
            if found.key == MIRAI_KEY || earlier.iter().any(|other| other.key == found.key) {
                let what = format_args!("table hidden by key {:#04x}", found.key);
                findings.saw_with(&sign::MIRAI, found.span(), what);
            }
        }
    }

    fn chunk(&mut self, bytes: &[u8], chunk: Range<usize>, findings: &mut Findings<'_>) {
        let here = bytes.get(chunk.clone()).unwrap_or_default();
        let next = here.get(1..).unwrap_or_default();
        self.scratch.clear();
        self.scratch.extend(here.iter().zip(next).map(|(a, b)| a ^ b));
        let mut from = 0;
        while let Some((string, at)) = self.engine.find(&self.scratch, Span { start: from, end: self.scratch.len() }) {
            from = at + 1;
            if findings.budget().step(1).is_err() {
                return;
            }
            let place = chunk.start + at;
            let (Some(&first), Some(&plain)) = (bytes.get(place), FIRST.get(string)) else { continue };
            let key = first ^ plain;
            let Some(known) = self.known.get_mut(usize::from(key)) else { continue };
            // Without a key it is plain text, which other signs see.
            if key != 0 && *known >> string & 1 == 0 {
                *known |= 1 << string;
                self.found.push(HiddenString { key, string, place });
            }
        }
    }
}

/// What is around a string that is hidden: its table holds the addresses of its masters, too. Zeros end strings, as does
/// what comes out as no text.
fn revealed(bytes: &[u8], found: &HiddenString) -> Vec<u8> {
    let around = found.place.saturating_sub(TABLE_BYTES)..bytes.len().min(found.place + TABLE_BYTES);
    let reveal = |&byte: &u8| if byte == 0 || !(byte ^ found.key).is_ascii() { 0 } else { byte ^ found.key };
    bytes.get(around).unwrap_or_default().iter().map(reveal).collect()
}

/// A string that is hidden.
#[derive(Debug)]
struct HiddenString {
    key: u8,
    /// Index into [`STRINGS`].
    string: usize,
    place: usize,
}

impl HiddenString {
    fn span(&self) -> Range<usize> {
        let length = STRINGS.get(self.string).map_or(0, |string| string.len() + 1);
        self.place..self.place + length
    }
}

/// A vector search, or an automaton on machines without the instructions.
#[derive(Debug)]
enum Searcher {
    Vector(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Searcher {
    fn new(strings: [&[u8]; STRINGS.len()]) -> Self {
        packed::Searcher::new(strings).map(Searcher::Vector).unwrap_or_else(|| {
            let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(strings);
            Searcher::Automaton(automaton.expect("six short strings always fit"))
        })
    }

    /// The first of the strings in `span`: which, and where.
    fn find(&self, bytes: &[u8], span: Span) -> Option<(usize, usize)> {
        let found = match self {
            Searcher::Vector(searcher) => searcher.find_in(bytes, span),
            Searcher::Automaton(automaton) => automaton.find(Input::new(bytes).span(span)),
        };
        found.map(|found| (found.pattern().as_usize(), found.start()))
    }
}
