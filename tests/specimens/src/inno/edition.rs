//! The formats of some versions of Inno Setup, each written down as its own sources have it.

use std::ops::Range;

/// Where the table of the loader stands, and how wide its fields are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TableForm {
    AtEnd,
    Resource,
    LongResource,
}

/// How calls in programs are changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CallForm {
    Running,
    SignKept,
    SignTold,
}

/// What one version writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edition {
    pub(super) id: &'static str,
    pub(super) is_wide: bool,
    pub(super) table: TableForm,
    /// Length of a block's size, and of a chunk's place.
    pub(super) block: usize,
    pub(super) start: usize,
    /// Length of a file's checksum, which tells its method.
    pub(super) sum: usize,
    /// Length of flags and what is behind them; bits: calls changed, encrypted, packed.
    pub(super) flags: usize,
    pub(super) bits: [u8; 3],
    pub(super) calls: CallForm,
    pub(super) has_encryption: bool,
    /// Strings of a file's entry; bytes before its location, and behind its number of permissions.
    pub(super) strings: usize,
    pub(super) before: usize,
    pub(super) behind: usize,
}

const FIRST: Edition = Edition {
    id: "4.2.6",
    is_wide: false,
    table: TableForm::AtEnd,
    block: 4,
    start: 4,
    sum: 16,
    flags: 1,
    bits: [4, 6, 7],
    calls: CallForm::Running,
    has_encryption: false,
    strings: 9,
    before: 20,
    behind: 5,
};
const SHA1: Edition = Edition {
    id: "5.5.7",
    table: TableForm::Resource,
    sum: 20,
    flags: 2,
    calls: CallForm::SignTold,
    strings: 10,
    ..FIRST
};
const WIDE: Edition = Edition { id: "6.2.0) (u", is_wide: true, ..SHA1 };
const SHA256: Edition = Edition { id: "6.4.3", sum: 32, flags: 1, bits: [2, 3, 4], ..WIDE };
const LONG: Edition = Edition {
    id: "6.5.0",
    table: TableForm::LongResource,
    has_encryption: true,
    strings: 16,
    before: 53,
    behind: 6,
    ..SHA256
};

/// The versions that can be built.
pub(super) const ALL: [Edition; 13] = [
    FIRST,
    Edition { id: "5.0.4", ..FIRST },
    Edition { id: "5.1.13", table: TableForm::Resource, flags: 2, ..FIRST },
    Edition { id: "5.2.3", table: TableForm::Resource, flags: 2, calls: CallForm::SignKept, ..FIRST },
    Edition { id: "5.3.8) (u", sum: 16, calls: CallForm::SignKept, ..WIDE },
    SHA1,
    WIDE,
    Edition { id: "6.3.0", flags: 3, ..WIDE },
    Edition { id: "6.4.0.1", sum: 32, flags: 3, ..WIDE },
    SHA256,
    LONG,
    Edition { id: "6.7.0", block: 8, start: 8, behind: 9, ..LONG },
    Edition { id: "7.0.0.3", block: 8, start: 8, behind: 10, ..LONG },
];

/// Changes calls as the version does; programs are taken `block` by `block`.
pub(super) fn change_calls(form: CallForm, bytes: &[u8], block: usize) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let (mut at, whole) = (0, form == CallForm::Running);
    while at < out.len() {
        let end = if whole { out.len() } else { (at / block * block + block).min(out.len()) };
        if !matches!(out[at], 0xe8 | 0xe9) || (!whole && end - at < 5) {
            at += 1;
            continue;
        }
        let target = at + 1..(at + 5).min(end);
        change_call(form, &mut out, target.clone());
        at = target.end;
    }
    out
}

fn change_call(form: CallForm, out: &mut [u8], target: Range<usize>) {
    let mut little = [0; 4];
    little[..target.len()].copy_from_slice(&out[target.clone()]);
    let relative = u32::from_le_bytes(little);
    let place = target.start as u32 + 4;
    let absolute = relative.wrapping_add(place);
    let changed = match (form, little[3]) {
        (CallForm::Running, _) => absolute,
        (_, sign @ (0 | 0xff)) => {
            let is_back = form == CallForm::SignTold && relative & 0x0080_0000 != 0;
            let sign = if is_back { !sign } else { sign };
            absolute & 0x00ff_ffff | u32::from(sign) << 24
        }
        _ => relative,
    };
    out[target.clone()].copy_from_slice(&changed.to_le_bytes()[..target.len()]);
}
