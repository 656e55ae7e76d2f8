//! Filters: before it packs code, UPX turns the distances of calls and jumps into places, which repeat. Here they become
//! distances again.
//!
//! Sources: the unpackers that packed programs carry; Intel SDM volume 2 (CALL, JMP, Jcc); Arm ARM (BL).

use analyzers::Budget;

use crate::setback::Setback;

/// What a filter of x86 changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct CallFilter {
    /// The near call, the near jump, and near jumps on a condition.
    calls: bool,
    jumps: bool,
    conditions: bool,
    /// Places are written from the highest byte on.
    is_swapped: bool,
    /// Only those are changed whose highest byte is this.
    mark: Option<u8>,
}

impl CallFilter {
    fn of(number: u8, mark: u8) -> Option<CallFilter> {
        let kind = match number {
            0x11..=0x13 => (number - 0x10, false, None),
            0x14..=0x16 => (number - 0x13, true, None),
            0x24..=0x26 => (number - 0x23, true, Some(mark)),
            0x46 | 0x49 => (3, true, Some(mark)),
            _ => return None,
        };
        let (which, is_swapped, mark) = kind;
        let conditions = number == 0x49;
        Some(CallFilter { calls: which & 1 != 0, jumps: which & 2 != 0, conditions, is_swapped, mark })
    }

    fn undo(self, code: &mut [u8]) {
        // A condition is not looked for where the operand before it ends.
        let (mut at, mut behind) = (0, 0);
        while let Some(&opcode) = code.get(at) {
            let is_condition = || {
                let before = at.checked_sub(1).and_then(|before| code.get(before));
                at != behind && before == Some(&0x0f) && opcode & 0xf0 == 0x80
            };
            let is_changed =
                opcode == 0xe8 && self.calls || opcode == 0xe9 && self.jumps || self.conditions && is_condition();
            let operand = code.get_mut(at + 1..).and_then(|rest| rest.first_chunk_mut::<4>());
            let Some(operand) = operand else { return };
            if !is_changed || self.mark.is_some_and(|mark| operand[0] != mark) {
                at += 1;
                continue;
            }
            if let Some(mark) = self.mark {
                operand[0] = operand[0].wrapping_sub(mark);
            }
            let place = if self.is_swapped { u32::from_be_bytes(*operand) } else { u32::from_le_bytes(*operand) };
            let from = u32::try_from(at + 1).unwrap_or(u32::MAX);
            *operand = place.wrapping_sub(from).to_le_bytes();
            at += 5;
            behind = at;
        }
    }
}

/// The same of calls on AArch64: 26 bits of a word, in words.
fn undo_arm64(code: &mut [u8]) {
    for (index, word) in code.chunks_exact_mut(4).enumerate() {
        let Some(bytes) = word.first_chunk_mut::<4>() else { return };
        let instruction = u32::from_le_bytes(*bytes);
        if instruction & 0xfc00_0000 == 0x9400_0000 {
            let place = instruction.wrapping_sub(u32::try_from(index).unwrap_or(u32::MAX)) & 0x03ff_ffff;
            *bytes = (place | 0x9400_0000).to_le_bytes();
        }
    }
}

/// Undoes the filter of this number in `code`.
pub(crate) fn undo(number: u8, mark: u8, code: &mut [u8], budget: &mut Budget) -> Result<(), Setback> {
    if number == 0 {
        return Ok(());
    }
    budget.step(1 + code.len() as u64 / 1024)?;
    if number == 0x52 {
        undo_arm64(code);
        return Ok(());
    }
    CallFilter::of(number, mark).ok_or(Setback::Unknown)?.undo(code);
    Ok(())
}

#[cfg(test)]
mod tests {
    use analyzers::{Cancel, Limits};

    use super::*;

    #[track_caller]
    fn check(number: u8, mark: u8, filtered: &[u8], expected: &[u8]) {
        let mut code = filtered.to_vec();
        undo(number, mark, &mut code, &mut Budget::new(Limits::default(), Cancel::default())).unwrap();
        assert_eq!(code, expected, "{number:#x}");
    }

    #[test]
    fn places_become_distances() {
        // At 1 a call of 0x105, whose operand is at 2; at 6 a jump to 0x20.
        let plain = b"\x90\xe8\x03\x01\0\0\xe9\x19\0\0\0\x90";
        check(0x13, 0, b"\x90\xe8\x05\x01\0\0\xe9\x20\0\0\0\x90", plain);
        check(0x16, 0, b"\x90\xe8\0\0\x01\x05\xe9\0\0\0\x20\x90", plain);
        check(0x26, 7, b"\x90\xe8\x07\0\x01\x05\xe9\x07\0\0\x20\x90", plain);
        check(0x46, 7, b"\x90\xe8\x07\0\x01\x05\xe9\x07\0\0\x20\x90", plain);
        check(0x24, 7, b"\x90\xe8\x07\0\x01\x05\xe9\x19\0\0\0\x90", plain);
        check(0x25, 7, b"\x90\xe8\x03\x01\0\0\xe9\x07\0\0\x20\x90", plain);
        check(0, 7, plain, plain);
    }

    #[test]
    fn what_has_another_mark_was_not_changed() {
        let plain = b"\x90\xe8\x08\0\x01\x05\x90\x90\x90";
        check(0x26, 7, plain, plain);
    }

    #[test]
    fn jumps_on_a_condition_are_changed_by_one_filter_only() {
        let filtered = b"\x90\x0f\x84\x07\0\x01\x05\x90";
        check(0x49, 7, filtered, b"\x90\x0f\x84\x02\x01\0\0\x90");
        check(0x26, 7, filtered, filtered);
        // What looks like one where an operand ends is none.
        let filtered = b"\xe8\x07\0\0\x0f\x84\x07\0\0\x0f\x90";
        check(0x49, 7, filtered, b"\xe8\x0e\0\0\0\x84\x07\0\0\x0f\x90");
    }

    #[test]
    fn calls_of_aarch64_are_words() {
        let words = |words: [u32; 3]| words.map(u32::to_le_bytes).concat();
        let (nop, call) = (0xd503_201f, 0x9400_0000);
        check(0x52, 0, &words([nop, call | 0x11, nop]), &words([nop, call | 0x10, nop]));
    }

    #[test]
    fn other_filters_are_not_undone() {
        let budget = &mut Budget::new(Limits::default(), Cancel::default());
        for number in [0x36, 0x80, 0xd0, 0xff] {
            assert_eq!(undo(number, 0, &mut [0; 16], budget), Err(Setback::Unknown));
        }
    }
}
