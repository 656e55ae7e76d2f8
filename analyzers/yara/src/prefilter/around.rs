//! What stands around some bytes of a pattern, and whether it stands around some of a file.

use std::ops::Range;

use super::pieces::Piece;

/// How often a file may be looked through.
const PASSES_MAX: usize = 64;

/// How much is granted beside that, for files that are small.
const SMALL_FILES: usize = 1 << 20;

/// A comparison with what stands around an anchor takes as long as looking through so many bytes.
const BYTES_A_STEP: usize = 16;

/// What stands around some bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Surroundings {
    /// In front of them, the nearest first.
    pub front: Vec<Piece>,
    pub behind: Vec<Piece>,
}

impl Surroundings {
    pub(super) fn is_nothing(&self) -> bool {
        self.front.is_empty() && self.behind.is_empty()
    }

    /// How many pieces of what is stored are in front, these, and what is behind.
    pub(super) fn store(&self, bytes: &mut Vec<u8>) {
        let stored = |pieces: &[Piece]| pieces.iter().copied().flat_map(stored_piece).collect::<Vec<_>>();
        let (front, behind) = (stored(&self.front), stored(&self.behind));
        bytes.push(u8::try_from(front.len()).expect("there is a limit below that"));
        front.iter().chain(&behind).for_each(|piece| bytes.extend(piece));
    }
}

/// Three bytes of a piece as it is stored: its kind, and two numbers. Of a class of bytes, each range is stored so.
const STORED_BYTES: usize = 3;

/// Kinds of what is stored: a byte of which some bits are known, a gap,
const BYTE: u8 = 0;
const GAP: u8 = 1;
/// a range of bytes, and one that the byte may be in as well as in those in front of it,
const RANGE: u8 = 2;
const OR_RANGE: u8 = 3;
/// or where a word begins or ends.
const WORD_EDGE: u8 = 4;

fn stored_piece(piece: Piece) -> Vec<[u8; STORED_BYTES]> {
    let short = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
    match piece {
        Piece::Byte(byte) => vec![[BYTE, byte.value, byte.mask]],
        Piece::Gap(least, most) => vec![[GAP, short(least), most.map_or(u8::MAX, short)]],
        Piece::WordEdge => vec![[WORD_EDGE, 0, 0]],
        Piece::OneOf(class) => {
            let kinds = std::iter::once(RANGE).chain(std::iter::repeat(OR_RANGE));
            kinds.zip(class.ranges()).map(|(kind, (first, last))| [kind, first, last]).collect()
        }
    }
}

/// How much a file may still be looked through. Where that is over, what is looked for may be there.
#[derive(Default)]
pub(super) struct LookBudget(usize);

impl LookBudget {
    pub(super) fn of(file: &[u8]) -> LookBudget {
        LookBudget(file.len().saturating_mul(PASSES_MAX).saturating_add(SMALL_FILES))
    }

    /// Whether so much of it is left, which is taken.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// Whether these pieces, as [`Surroundings::store`] stored them, stand around some bytes of the file. Damaged ones prove nothing.
pub(super) fn is_around(file: &[u8], bytes: Range<usize>, around: &[u8], budget: &mut LookBudget) -> bool {
    let (fronts, pieces) = around.split_first().map_or((0, [].as_slice()), |(fronts, pieces)| (*fronts, pieces));
    let Some((front, behind)) = pieces.as_chunks().0.split_at_checked(usize::from(fronts)) else { return true };
    !budget.take(BYTES_A_STEP)
        || stand::<true>(front, file, bytes.start, budget) && stand::<false>(behind, file, bytes.end, budget)
}

/// Whether these pieces stand behind a place of the file, or in front of it.
fn stand<const FRONT: bool>(
    pieces: &[[u8; STORED_BYTES]],
    file: &[u8],
    mut place: usize,
    budget: &mut LookBudget,
) -> bool {
    // None in front of the file.
    let moved = |place: usize, bytes: usize| if FRONT { place.checked_sub(bytes) } else { place.checked_add(bytes) };
    let mut rest = pieces.iter();
    while let Some(piece) = rest.next() {
        if !budget.take(BYTES_A_STEP) {
            return true;
        }
        let at = if FRONT { place.checked_sub(1) } else { Some(place) };
        let next = at.and_then(|at| file.get(at)).copied();
        let is = match *piece {
            [BYTE, value, mask] => next.is_some_and(|byte| byte & mask == value),
            [GAP, least, most] => {
                return (least..=most)
                    .map_while(|gap| moved(place, usize::from(gap)).filter(|place| *place <= file.len()))
                    .any(|place| stand::<FRONT>(rest.as_slice(), file, place, budget));
            }
            [WORD_EDGE, ..] => {
                let is_word = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
                let before = place.checked_sub(1).and_then(|at| file.get(at)).copied();
                if before.is_some_and(is_word) == file.get(place).copied().is_some_and(is_word) {
                    return false;
                }
                continue;
            }
            [_, first, last] => {
                let mut is = next.is_some_and(|byte| (first..=last).contains(&byte));
                while let Some(([OR_RANGE, first, last], others)) = rest.as_slice().split_first() {
                    is |= next.is_some_and(|byte| (*first..=*last).contains(&byte));
                    rest = others.iter();
                }
                is
            }
        };
        match moved(place, 1) {
            Some(next) if is => place = next,
            _ => return false,
        }
    }
    true
}
