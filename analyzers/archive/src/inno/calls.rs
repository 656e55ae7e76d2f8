//! Calls in programs: before it packs one, Inno Setup makes the targets of its calls count from the beginning, so that calls
//! of one function look alike. Here that is undone.
//!
//! Source: Inno Setup, Projects/Src/Compression.Base.pas (`TransformCallInstructions`); for versions before 5.2, innoextract,
//! src/stream/exefilter.hpp.

/// Bytes that files are taken by; a call that goes on behind them was left as it is.
pub(super) const BLOCK: usize = 64 << 10;

/// How a version does it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CallFilter {
    /// Before 5.2: all four bytes of a target, through the whole file.
    Running,
    /// Three bytes of targets whose highest byte is that of a number near zero. As of 5.3.9 that byte says what it would
    /// for a number above zero, else its sign is kept.
    Blocks { is_sign_kept: bool },
}

impl CallFilter {
    /// Undoes it in `bytes`, which were taken `block` by `block`.
    pub(super) fn undo(self, bytes: &mut [u8], block: usize) {
        match self {
            CallFilter::Running => undo_running(bytes),
            CallFilter::Blocks { is_sign_kept } => {
                let mut start = 0;
                for piece in bytes.chunks_mut(block.max(1)) {
                    undo_block(piece, start, is_sign_kept);
                    start += piece.len();
                }
            }
        }
    }
}

fn is_call(byte: u8) -> bool {
    matches!(byte, 0xe8 | 0xe9)
}

#[allow(clippy::cast_possible_truncation, reason = "places wrap, as they do for who made them")]
fn undo_running(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        let Some(target) = bytes.get_mut(at..).filter(|_| is_call(byte)) else { continue };
        let mut little = [0; 4];
        let length = target.len().min(4);
        little[..length].copy_from_slice(&target[..length]);
        let relative = u32::from_le_bytes(little).wrapping_sub(at as u32 + 4).to_le_bytes();
        target[..length].copy_from_slice(&relative[..length]);
        at += length;
    }
}

#[allow(clippy::cast_possible_truncation, reason = "places wrap, as they do for who made them")]
fn undo_block(bytes: &mut [u8], start: usize, is_sign_kept: bool) {
    let mut at = 0;
    while at + 5 <= bytes.len() {
        let byte = bytes[at];
        at += 1;
        if !is_call(byte) {
            continue;
        }
        if let [low, middle, high, sign @ (0 | 0xff)] = &mut bytes[at..at + 4] {
            let target = u32::from_le_bytes([*low, *middle, *high, 0]);
            let relative = target.wrapping_sub((start + at + 4) as u32 & 0x00ff_ffff).to_le_bytes();
            [*low, *middle, *high] = [relative[0], relative[1], relative[2]];
            if !is_sign_kept && relative[2] & 0x80 != 0 {
                *sign = !*sign;
            }
        }
        at += 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: CallFilter, block: usize, packed: &[u8], expected: &[u8]) {
        let mut bytes = packed.to_vec();
        filter.undo(&mut bytes, block);
        assert_eq!(bytes, expected, "{filter:?}");
    }

    const SIGN_KEPT: CallFilter = CallFilter::Blocks { is_sign_kept: true };
    const SIGN_TOLD: CallFilter = CallFilter::Blocks { is_sign_kept: false };

    #[test]
    fn targets_count_from_behind_the_call_again() {
        // A call of 0x1234 at 2: the next instruction stands at 7.
        let forward = [0x90, 0x90, 0xe8, 0x34, 0x12, 0, 0, 0xe8];
        for filter in [CallFilter::Running, SIGN_KEPT, SIGN_TOLD] {
            check(filter, BLOCK, &forward, &[0x90, 0x90, 0xe8, 0x2d, 0x12, 0, 0, 0xe8]);
        }
        // A jump of 2 back to the beginning.
        check(CallFilter::Running, BLOCK, &[0xe9, 0, 0, 0, 0], &[0xe9, 0xfb, 0xff, 0xff, 0xff]);
        check(SIGN_KEPT, BLOCK, &[0xe9, 0, 0, 0, 0xff], &[0xe9, 0xfb, 0xff, 0xff, 0xff]);
        check(SIGN_TOLD, BLOCK, &[0xe9, 0, 0, 0, 0], &[0xe9, 0xfb, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn what_is_no_call_stays() {
        let far = [0xe8, 1, 2, 3, 4, 0xe8, 0, 0, 0];
        for filter in [SIGN_KEPT, SIGN_TOLD] {
            check(filter, BLOCK, &far, &far);
            check(filter, BLOCK, &[0xe8], &[0xe8]);
        }
        check(CallFilter::Running, BLOCK, &[0xe8, 7, 0], &[0xe8, 2, 0]);
        check(CallFilter::Running, BLOCK, &[0xe8], &[0xe8]);
    }

    #[test]
    fn calls_across_blocks_stay_and_places_go_on() {
        let packed = [0xe8, 0x20, 0, 0, 0, 0x90, 0x90, 0xe8, 0x20, 0, 0, 0, 0xe8, 0x20, 0, 0, 0];
        let expected = [0xe8, 0x1b, 0, 0, 0, 0x90, 0x90, 0xe8, 0x20, 0, 0, 0, 0xe8, 0x0f, 0, 0, 0];
        check(SIGN_TOLD, 10, &packed, &expected);
    }
}
