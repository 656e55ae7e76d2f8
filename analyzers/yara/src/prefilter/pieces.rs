//! What follows each other in a match of a pattern.

use super::masked_byte::MaskedByte;

/// Spellings of a pattern that are told apart.
const SPELLINGS_MAX: usize = 16;

/// Pieces of a pattern that are looked at, with those that are repeated.
const PIECES_MAX: usize = 2_000;

/// Ranges of a class of bytes that are told apart.
const RANGES_MAX: usize = 4;

/// A class of bytes of which the known bits alone would tell too little, such as white space.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ByteClass {
    /// Those behind the last are copies of it.
    ranges: [(u8, u8); RANGES_MAX],
    known: MaskedByte,
}

impl ByteClass {
    /// Its ranges, each once.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u8, u8)> {
        let last = self.ranges.last().copied();
        let before = self.ranges.iter().copied().take_while(move |range| Some(*range) != last);
        before.chain(last)
    }
}

/// Whether yara-x 1.22.1 may take a class of so many bytes for another. It takes some of 2, 4, 8.. bytes for all bytes with
/// certain bits (`[0125]` for `[0145]`). And where several bytes may be all but one, it may look at the wrong ones when it matches
/// backwards. The bits that all bytes of the class share can be relied on.
fn is_read_otherwise(count: usize) -> bool {
    count.is_power_of_two() || count >= 255
}

/// A part of a match.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Piece {
    Byte(MaskedByte),
    OneOf(ByteClass),
    /// Where a word begins or ends, between two bytes or at the end of the file.
    WordEdge,
    /// Bytes of which nothing is known: so many at least, and at most if there is a limit.
    Gap(usize, Option<usize>),
}

impl Piece {
    /// Of which nothing is known, not even how long it is.
    pub(super) const UNKNOWN: Piece = Piece::Gap(0, None);

    /// A byte in one of these ranges, which neither touch nor overlap. None if there is none.
    pub(super) fn one_of(ranges: impl Iterator<Item = (u8, u8)>) -> Option<Piece> {
        let mut ranges: Vec<(u8, u8)> = ranges.collect();
        let members = || ranges.iter().flat_map(|(first, last)| *first..=*last);
        let (count, known) = (members().count(), members().map(MaskedByte::exactly).reduce(MaskedByte::either)?);
        let last = *ranges.last()?;
        ranges.resize(ranges.len().max(RANGES_MAX), last);
        Some(match ranges.try_into() {
            Ok(ranges) if !is_read_otherwise(count) => Piece::OneOf(ByteClass { ranges, known }),
            Ok(_) | Err(_) => Piece::Byte(known),
        })
    }

    /// Whether this byte may be this piece.
    pub(super) fn is(self, byte: u8) -> bool {
        match self {
            Piece::Byte(known) => known.is(byte),
            Piece::OneOf(class) => class.ranges.iter().any(|(first, last)| (*first..=*last).contains(&byte)),
            Piece::WordEdge | Piece::Gap(..) => false,
        }
    }

    /// What is known of the byte, if it is one.
    pub(super) fn byte(self) -> Option<MaskedByte> {
        match self {
            Piece::Byte(byte) => Some(byte),
            Piece::OneOf(class) => Some(class.known),
            Piece::WordEdge | Piece::Gap(..) => None,
        }
    }

    /// Whether it may be anything, or a zero that makes a letter wide.
    pub(super) fn tells_nothing(self) -> bool {
        self.byte().is_none_or(|byte| byte.mask == 0 || byte == MaskedByte::exactly(0))
    }

    fn length(self) -> (usize, Option<usize>) {
        match self {
            Piece::Byte(_) | Piece::OneOf(_) => (1, Some(1)),
            Piece::WordEdge => (0, Some(0)),
            Piece::Gap(least, most) => (least, most),
        }
    }
}

/// The pieces of a match, in each of the ways in which it may be spelled.
#[derive(Clone)]
pub(super) struct Spellings(Vec<Vec<Piece>>);

impl Default for Spellings {
    /// Of nothing.
    fn default() -> Self {
        Spellings(vec![Vec::new()])
    }
}

impl Spellings {
    pub(super) fn each(&self) -> impl Iterator<Item = &Vec<Piece>> {
        self.0.iter()
    }

    pub(super) fn push(&mut self, piece: Piece) {
        for pieces in &mut self.0 {
            let full = pieces.len() >= PIECES_MAX;
            match pieces.last_mut() {
                // Behind this, nothing is told apart.
                Some(last) if full => *last = Piece::UNKNOWN,
                _ => pieces.push(piece),
            }
        }
    }

    /// Appends bytes of which nothing is known.
    pub(super) fn push_gap(&mut self, least: usize, most: Option<usize>) {
        if most == Some(least) && least < PIECES_MAX {
            (0..least).for_each(|_| self.push(Piece::Byte(MaskedByte::ANY)));
        } else {
            self.push(Piece::Gap(least, most));
        }
    }

    /// Appends one of these. False if they are too many to be told apart and differ in length, so that a gap is appended.
    pub(super) fn push_one_of(&mut self, alternatives: Vec<Spellings>) -> bool {
        let alternatives: Vec<Vec<Piece>> = alternatives.into_iter().flat_map(|one| one.0).collect();
        if let Some(byte) = either_of_bytes(&alternatives) {
            self.push(Piece::Byte(byte));
            return true;
        }
        let longest = |all: &[Vec<Piece>]| all.iter().map(Vec::len).max().unwrap_or(0);
        let fits = longest(&self.0) + longest(&alternatives) <= PIECES_MAX;
        if fits && self.0.len().saturating_mul(alternatives.len()) <= SPELLINGS_MAX {
            let with = |pieces: &Vec<Piece>| {
                alternatives.iter().map(|more| [pieces.as_slice(), more].concat()).collect::<Vec<_>>()
            };
            self.0 = self.0.iter().flat_map(with).collect();
            return true;
        }
        let lengths = alternatives.iter().map(|pieces| length_of(pieces));
        let either = |(least, most): (usize, Option<usize>), (other_least, other_most): (usize, Option<usize>)| {
            (least.min(other_least), most.zip(other_most).map(|(most, other)| most.max(other)))
        };
        let (least, most) = lengths.reduce(either).unwrap_or((0, Some(0)));
        let alike = most == Some(least) && alternatives.iter().flatten().all(|piece| piece.byte().is_some());
        if alike {
            let joined =
                |at: usize| alternatives.iter().filter_map(|one| one.get(at)?.byte()).reduce(MaskedByte::either);
            (0..least).filter_map(joined).for_each(|byte| self.push(Piece::Byte(byte)));
        } else {
            self.push_gap(least, most);
        }
        alike
    }

    /// Appends `once` as often as `least` says, or once if it may be spelled in more than one way, and then a gap for what it
    /// may be repeated beyond that.
    pub(super) fn push_repeated(&mut self, once: &Spellings, least: usize, most: Option<usize>) {
        let length =
            |which: fn((usize, Option<usize>)) -> Option<usize>| once.each().map(move |one| which(length_of(one)));
        let shortest = length(|(least, _)| Some(least)).min().flatten().unwrap_or(0);
        let longest = length(|(_, most)| most).reduce(|one, other| Some(one?.max(other?))).flatten();
        let times = |length: Option<usize>, times: Option<usize>| Some(length?.saturating_mul(times?));
        match once.0.as_slice() {
            [pieces] if pieces.len().saturating_mul(least) < PIECES_MAX => {
                pieces.repeat(least).into_iter().for_each(|piece| self.push(piece));
                if most != Some(least) {
                    self.push_gap(0, times(longest, most.map(|most| most - least)));
                }
            }
            _ if least > 0 && self.0.len().saturating_mul(once.0.len()) <= SPELLINGS_MAX => {
                self.push_one_of(vec![once.clone()]);
                self.push_gap(shortest.saturating_mul(least - 1), times(longest, most.map(|most| most - 1)));
            }
            _ => self.push_gap(shortest.saturating_mul(least), times(longest, most)),
        }
    }
}

/// What is known of a byte if each of these is one byte, and yara-x makes a class of them that it may take for another.
fn either_of_bytes(alternatives: &[Vec<Piece>]) -> Option<MaskedByte> {
    let byte = |pieces: &Vec<Piece>| match pieces.as_slice() {
        [piece] => piece.byte(),
        _ => None,
    };
    let bytes: Vec<MaskedByte> = alternatives.iter().map(byte).collect::<Option<_>>()?;
    let count = (0..=u8::MAX).filter(|&one| bytes.iter().any(|byte| byte.is(one))).count();
    // Two are what they are.
    let known = bytes.into_iter().reduce(MaskedByte::either)?;
    (count > 2 && is_read_otherwise(count)).then_some(known)
}

/// How long these are at least, and at most if there is a limit.
fn length_of(pieces: &[Piece]) -> (usize, Option<usize>) {
    let lengths = pieces.iter().map(|piece| piece.length());
    lengths.fold((0, Some(0)), |(least, most), (more, at_most)| {
        (least.saturating_add(more), most.zip(at_most).map(|(most, more)| most.saturating_add(more)))
    })
}
