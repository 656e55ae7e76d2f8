//! What is too little to be found together with all others, or asked for at some places alone. It is looked for by itself,
//! when it depends on it whether a formula holds.

use memchr::memmem;

use super::file_facts::FileFacts;
use super::literal::MaskedByte;
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
const PIECES_MAX: usize = 64;

/// How often a file may be looked through.
const PASSES_MAX: usize = 64;

/// How much is granted beside that, for files that are small.
const SMALL_FILES: usize = 1 << 20;

/// A comparison with what stands around an anchor takes as long as looking through so many bytes.
const BYTES_A_STEP: usize = 16;

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
    /// An anchor stands somewhere, with these pieces in front of it, the nearest first, and these behind it.
    Anywhere { anchor: Vec<u8>, front: Vec<Piece>, behind: Vec<Piece> },
    /// These bits of these bytes stand where they may begin.
    Near(Vec<u8>, Vec<u8>, PlaceRange),
}

impl Short {
    /// What is found where these stand somewhere. More than one if each of them is another spelling. Empty if nothing tells
    /// them.
    pub(super) fn anywhere(pieces: &[Piece]) -> Vec<Short> {
        let Some((start, anchor)) = anchor_of(pieces) else { return Vec::new() };
        let behind = pieces.get(start + anchor.len()..).unwrap_or_default();
        let front = pieces.get(..start).unwrap_or_default();
        let behind: Vec<Piece> = behind.iter().take(PIECES_MAX).copied().collect();
        let front: Vec<Piece> = front.iter().rev().take(PIECES_MAX).copied().collect();
        let mut spelled = vec![Vec::new()];
        for byte in anchor {
            let mut small: Vec<Vec<u8>> = if byte.is_letter() { spelled.clone() } else { Vec::new() };
            small.iter_mut().for_each(|text| text.push(byte.value.to_ascii_lowercase()));
            spelled.iter_mut().for_each(|text| text.push(byte.value));
            spelled.append(&mut small);
        }
        let with = |anchor| Short::Anywhere { anchor, front: ended(&front), behind: ended(&behind) };
        spelled.into_iter().map(with).collect()
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
    pub(super) fn stored(&self) -> (&[u8], Vec<u8>) {
        match self {
            Short::Anywhere { anchor, front, behind } => {
                let mut more = vec![count_of(front)];
                front.iter().chain(behind).for_each(|piece| store_piece(*piece, &mut more));
                (anchor, more)
            }
            Short::Near(bytes, mask, range) => {
                let mut more = mask.clone();
                range.first.store(&mut more);
                range.last.store(&mut more);
                (bytes, more)
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
    let last = pieces.iter().rposition(|piece| piece.byte().is_some_and(|byte| byte.mask != 0));
    pieces.get(..last.map_or(0, |last| last + 1)).unwrap_or_default().to_vec()
}

fn count_of(pieces: &[Piece]) -> u8 {
    u8::try_from(pieces.len()).expect("there is a limit below that")
}

/// Three bytes of a piece as it is stored: its kind, and its two numbers.
const STORED_BYTES: usize = 3;

fn store_piece(piece: Piece, bytes: &mut Vec<u8>) {
    let short = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
    bytes.extend(match piece {
        Piece::Byte(byte) => [0, byte.value, byte.mask],
        Piece::Gap(least, most) => [1, short(least), most.map_or(u8::MAX, short)],
    });
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

/// How much a file may still be looked through. Where that is over, what is looked for may be there.
pub(super) struct LookBudget(usize);

impl LookBudget {
    pub(super) fn of(file: &[u8]) -> LookBudget {
        LookBudget(file.len().saturating_mul(PASSES_MAX).saturating_add(SMALL_FILES))
    }

    /// Whether so much of it is left, which is taken.
    fn take(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// Whether this anchor stands somewhere with the pieces around it that were stored with it.
pub(super) fn is_anywhere(file: &[u8], anchor: &[u8], more: &[u8], budget: &mut LookBudget) -> bool {
    let (fronts, pieces) = more.split_first().map_or((0, [].as_slice()), |(fronts, pieces)| (*fronts, pieces));
    let Some((front, behind)) = pieces.as_chunks().0.split_at_checked(usize::from(fronts)) else { return true };
    if !budget.take(file.len()) {
        return true;
    }
    let finder = memmem::Finder::new(anchor);
    let mut start = 0;
    // Anchors may overlap, so the search goes on one byte behind where each begins.
    while let Some(at) = file.get(start..).and_then(|rest| finder.find(rest)).map(|at| start + at) {
        let (before, after) = file.split_at(at);
        let after = after.get(anchor.len()..).unwrap_or_default();
        let in_front = |at: usize| before.len().checked_sub(at + 1).and_then(|at| before.get(at)).copied();
        if !budget.take(BYTES_A_STEP)
            || stand(behind, &|at| after.get(at).copied(), 0, budget) && stand(front, &in_front, 0, budget)
        {
            return true;
        }
        start = at + 1;
    }
    false
}

/// Whether these pieces stand from `at` on among the bytes that `byte_at` gives.
fn stand(
    pieces: &[[u8; STORED_BYTES]],
    byte_at: &dyn Fn(usize) -> Option<u8>,
    mut at: usize,
    budget: &mut LookBudget,
) -> bool {
    for (number, piece) in pieces.iter().enumerate() {
        if !budget.take(BYTES_A_STEP) {
            return true;
        }
        match *piece {
            [0, value, mask] => {
                if byte_at(at).is_none_or(|byte| byte & mask != value) {
                    return false;
                }
                at += 1;
            }
            [_, least, most] => {
                let rest = pieces.get(number + 1..).unwrap_or_default();
                return (least..=most).any(|gap| stand(rest, byte_at, at + usize::from(gap), budget));
            }
        }
    }
    true
}
