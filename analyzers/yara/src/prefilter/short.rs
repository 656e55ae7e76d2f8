//! What is too little to be found together with all others, or asked for at some places alone. It is looked for by itself,
//! when it depends on it whether a formula holds.

use memchr::memmem;

use super::around::{LookBudget, Surroundings, is_around};
use super::file_facts::FileFacts;
use super::literal::Literal;
use super::masked_byte::MaskedByte;
use super::pieces::Piece;
use super::{byte_frequency, literal};

/// Most bytes that are compared at one place.
const NEAR_BYTES_MAX: usize = 16;

/// Most places at which something is looked for byte by byte.
const PLACES_MAX: u64 = 8_192;

/// Most letters that may be of either case: for each it is looked for twice as often.
const LETTERS_MAX: usize = 2;

/// How much the rarest byte tells, on no scale.
const RAREST: i64 = 10;

/// What another letter in either case costs on this scale.
const LETTER_COST: i64 = 4;

/// Most pieces that are compared around an anchor.
const PIECES_MAX: usize = 62;

/// Pieces of a pattern among which an anchor is chosen.
const ANCHOR_PIECES_MAX: usize = 256;

/// Longest distance between two parts of a pattern that are looked for together: it is stored in a byte.
pub(super) const DISTANCE_MAX: usize = 64;
const _: () = assert!(DISTANCE_MAX < u8::MAX as usize);

/// A place in a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Place {
    FromStart(u64),
    BeforeEnd(u64),
    /// The first instruction of a program for Windows.
    EntryPoint,
    /// What is appended to such a program.
    Overlay,
}

impl Place {
    /// None if there is no such place.
    fn of(self, size: u64, facts: FileFacts) -> Option<u64> {
        match self {
            Place::FromStart(bytes) => Some(bytes),
            Place::BeforeEnd(bytes) => Some(size.saturating_sub(bytes)),
            Place::EntryPoint => facts.entry_point,
            Place::Overlay => facts.overlay,
        }
    }

    fn store(self, bytes: &mut Vec<u8>) {
        let (kind, number) = match self {
            Place::FromStart(number) => (0, number),
            Place::BeforeEnd(number) => (1, number),
            Place::EntryPoint => (2, 0),
            Place::Overlay => (3, 0),
        };
        bytes.push(kind);
        bytes.extend(number.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Place> {
        let (kind, number) = bytes.split_first()?;
        let number = u64::from_le_bytes(*number.first_chunk()?);
        match kind {
            0 => Some(Place::FromStart(number)),
            1 => Some(Place::BeforeEnd(number)),
            2 => Some(Place::EntryPoint),
            3 => Some(Place::Overlay),
            _ => None,
        }
    }
}

/// The first and the last place at which something may begin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PlaceRange {
    pub first: Place,
    pub last: Place,
}

/// What is looked for by itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Short {
    /// An anchor stands somewhere, of which letters may be of either case, with these pieces around it.
    Anywhere(Vec<MaskedByte>, Surroundings),
    /// These bits of these bytes stand where they may begin.
    Near(Vec<u8>, Vec<u8>, PlaceRange),
}

impl Short {
    /// What is found where these stand somewhere. None if nothing tells them.
    pub(super) fn anywhere(pieces: &[Piece]) -> Option<Short> {
        let (start, anchor) = anchor_of(pieces)?;
        let behind = pieces.get(start + anchor.len()..).unwrap_or_default();
        let front = pieces.get(..start).unwrap_or_default();
        let behind: Vec<Piece> = behind.iter().take(PIECES_MAX).copied().collect();
        let front: Vec<Piece> = front.iter().rev().take(PIECES_MAX).copied().collect();
        Some(Short::Anywhere(anchor, Surroundings { front: ended(&front), behind: ended(&behind) }))
    }

    /// The same with each letter in one case: more than one if it has letters in either.
    pub(super) fn spelled(&self) -> Vec<Short> {
        let Short::Anywhere(anchor, around) = self else { return vec![self.clone()] };
        let mut spelled = vec![Vec::new()];
        for byte in anchor {
            let mut small: Vec<Vec<MaskedByte>> = if byte.is_letter() { spelled.clone() } else { Vec::new() };
            small.iter_mut().for_each(|text| text.push(MaskedByte::exactly(byte.value.to_ascii_lowercase())));
            spelled.iter_mut().for_each(|text| text.push(MaskedByte::exactly(byte.value)));
            spelled.append(&mut small);
        }
        spelled.into_iter().map(|anchor| Short::Anywhere(anchor, around.clone())).collect()
    }

    /// The same as something that is found together with all others: some of its bytes with what stands around them, and their
    /// price. None if these tell too little.
    pub(super) fn as_literal(&self) -> Option<((usize, u64), Literal)> {
        let Short::Anywhere(anchor, Surroundings { front, behind }) = self else { return None };
        let anchor = anchor.iter().map(|byte| Piece::Byte(*byte));
        let pieces: Vec<Piece> = front.iter().rev().copied().chain(anchor).chain(behind.iter().copied()).collect();
        let of_run = |start: usize| {
            let (front, behind) = pieces.split_at(start);
            let bytes: Vec<MaskedByte> =
                behind.iter().take(literal::LITERAL_MAX).map_while(|piece| piece.byte()).collect();
            let front: Vec<Piece> = front.iter().rev().take(PIECES_MAX).copied().collect();
            let literal = Literal::of_few(&bytes, Surroundings { front: ended(&front), behind: behind.to_vec() })?;
            Some((literal.price(), literal))
        };
        let begins = |at: usize| at.checked_sub(1).and_then(|before| pieces.get(before)?.byte()).is_none();
        (0..pieces.len()).filter(|&at| begins(at)).filter_map(of_run).min_by_key(|(price, _)| *price)
    }

    /// What begins with `run` in this range. None if that is not worth looking.
    pub(super) fn near(run: &[MaskedByte], range: PlaceRange) -> Option<Short> {
        let run = run.get(..run.len().min(NEAR_BYTES_MAX))?;
        let run = run.get(..=run.iter().rposition(|byte| byte.mask != 0)?)?;
        let places = match (range.first, range.last) {
            (Place::FromStart(first), Place::FromStart(last)) => last.checked_sub(first),
            (Place::BeforeEnd(first), Place::BeforeEnd(last)) => first.checked_sub(last),
            (first, last) => (first == last).then_some(0),
        };
        (places? < PLACES_MAX).then(|| {
            let of = |what: fn(&MaskedByte) -> u8| run.iter().map(what).collect();
            Short::Near(of(|byte| byte.value), of(|byte| byte.mask), range)
        })
    }

    /// Whether it must be known where something stands in a program.
    pub(super) fn asks_facts(&self) -> bool {
        let of_program = |place| matches!(place, Place::EntryPoint | Place::Overlay);
        matches!(self, Short::Near(_, _, range) if of_program(range.first) || of_program(range.last))
    }

    /// The bytes that are looked for, and what is stored behind them.
    pub(super) fn stored(&self) -> (Vec<u8>, Vec<u8>) {
        match self {
            Short::Anywhere(anchor, around) => {
                let mut more = Vec::new();
                around.store(&mut more);
                (anchor.iter().map(|byte| byte.value).collect(), more)
            }
            Short::Near(bytes, mask, range) => {
                let mut more = mask.clone();
                range.first.store(&mut more);
                range.last.store(&mut more);
                (bytes.clone(), more)
            }
        }
    }
}

/// The bytes of `pieces` by which they are found best, and where these begin: one behind the other and rare, and few of them
/// letters in either case.
fn anchor_of(pieces: &[Piece]) -> Option<(usize, Vec<MaskedByte>)> {
    let starting_at = |start: usize| {
        let known = pieces.get(start..)?.iter().map_while(|piece| piece.byte().filter(|byte| byte.is_known()));
        let known: Vec<MaskedByte> = known.take(literal::LITERAL_MAX).collect();
        let ending_at = |end| known.get(..end).filter(|anchor| told(anchor)).map(|anchor| (rarity(anchor), anchor));
        let (rarity, anchor) = (2..=known.len()).filter_map(ending_at).max_by_key(|(rarity, _)| *rarity)?;
        Some((rarity, start, anchor.to_vec()))
    };
    let best =
        (0..pieces.len().min(ANCHOR_PIECES_MAX)).rev().filter_map(starting_at).max_by_key(|(rarity, ..)| *rarity);
    best.map(|(_, start, anchor)| (start, anchor))
}

/// Whether these are not one byte over and over, and few of them letters in either case.
fn told(anchor: &[MaskedByte]) -> bool {
    let letters = anchor.iter().filter(|byte| byte.is_letter()).count();
    letters <= LETTERS_MAX && anchor.windows(2).any(|pair| pair.first() != pair.last())
}

fn rarity(anchor: &[MaskedByte]) -> i64 {
    let each = |byte: &MaskedByte| match byte.is_letter() {
        true => -LETTER_COST,
        false => RAREST - i64::from(byte_frequency(byte.value).ilog2()),
    };
    anchor.iter().map(each).sum()
}

/// Without what tells nothing at the end.
fn ended(pieces: &[Piece]) -> Vec<Piece> {
    let tells = |piece: &Piece| *piece == Piece::WordEdge || piece.byte().is_some_and(|byte| byte.mask != 0);
    let last = pieces.iter().rposition(tells);
    pieces.get(..last.map_or(0, |last| last + 1)).unwrap_or_default().to_vec()
}

/// Whether what was stored as something near begins where it may. Damaged numbers prove nothing.
pub(super) fn is_near(file: &[u8], bytes: &[u8], more: &[u8], facts: FileFacts) -> bool {
    let Some((mask, range)) = more.split_at_checked(bytes.len()) else { return true };
    let (first, last) = range.split_at(range.len() / 2);
    let (Some(first), Some(last)) = (Place::read(first), Place::read(last)) else { return true };
    let size = file.len() as u64;
    let begins = |at: u64| {
        let here = usize::try_from(at).ok().and_then(|at| file.get(at..)).and_then(|rest| rest.get(..bytes.len()));
        here.is_some_and(|here| here.iter().zip(mask).zip(bytes).all(|((here, mask), byte)| here & mask == *byte))
    };
    let (Some(first), Some(last)) = (first.of(size, facts), last.of(size, facts)) else { return false };
    (first..=last.min(size)).any(begins)
}

/// Whether this anchor stands somewhere with the pieces around it that were stored with it.
pub(super) fn is_anywhere(file: &[u8], anchor: &[u8], around: &[u8], budget: &mut LookBudget) -> bool {
    if !budget.take(file.len()) {
        return true;
    }
    let finder = memmem::Finder::new(anchor);
    let mut start = 0;
    // Anchors may overlap, so the search goes on one byte behind where each begins.
    while let Some(at) = file.get(start..).and_then(|rest| finder.find(rest)).map(|at| start + at) {
        if is_around(file, at..at + anchor.len(), around, budget) {
            return true;
        }
        start = at + 1;
    }
    false
}
