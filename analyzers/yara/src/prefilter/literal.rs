//! Bytes that are looked for, and by which four of them they are found.

use super::{FREQUENCY_MAX, STRIDE, WINDOW, byte_frequency, is_padding};

/// Most bytes of a literal.
pub(super) const LITERAL_MAX: usize = 40;

/// Most values of a window: one of a literal in which a byte may be any stands in the tables once for each.
const VALUES_MAX: usize = 256;

/// Values of a window that is not dear: one hexadecimal digit is not known.
const USUAL_VALUES_MAX: usize = 16;

/// Values of a window of four letters that differ in case alone, which are one value of the tables.
const CASES: usize = 1 << WINDOW;

/// The keys of bytes that stand as they are.
pub(super) const PLAIN: (u8, u8) = (0, 0);

/// Bytes in front of a literal with which its first window begins.
pub(super) const IN_FRONT: usize = 1;

/// A window with a byte that is not the literal's stands in files as often as this at most: it takes many places of the tables.
const EDGE_FREQUENCY_MAX: u64 = FREQUENCY_MAX / 4;

/// A byte of which some bits are known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct MaskedByte {
    /// Bits that are not known are zero.
    pub value: u8,
    /// The bits that are known.
    pub mask: u8,
}

impl MaskedByte {
    /// A byte that may be any.
    pub(super) const ANY: MaskedByte = MaskedByte { value: 0, mask: 0 };

    pub(super) fn exactly(value: u8) -> MaskedByte {
        MaskedByte { value, mask: 0xff }
    }

    /// This letter in either case, or this byte if it is none.
    pub(super) fn in_any_case(value: u8) -> MaskedByte {
        let mask = if value.is_ascii_alphabetic() { !CASE_BIT } else { 0xff };
        MaskedByte { value: value & mask, mask }
    }

    /// What is known if it is either of these.
    pub(super) fn either(self, other: MaskedByte) -> MaskedByte {
        let mask = self.mask & other.mask & !(self.value ^ other.value);
        MaskedByte { value: self.value & mask, mask }
    }

    /// What is known of it where it may be a letter of the other case.
    pub(super) fn without_case(self) -> MaskedByte {
        MaskedByte { value: self.value & !CASE_BIT, mask: self.mask & !CASE_BIT }
    }

    pub(super) fn is(self, byte: u8) -> bool {
        byte & self.mask == self.value
    }

    /// Whether all is known of it but for the case of a letter.
    pub(super) fn is_known(self) -> bool {
        self.mask == 0xff || self.is_letter()
    }

    /// Whether it is known and not the commonest byte.
    fn tells(self) -> bool {
        self.is_known() && self.value != 0
    }

    /// Whether it is one letter in either case.
    pub(super) fn is_letter(self) -> bool {
        self.mask == !CASE_BIT && self.value.is_ascii_uppercase()
    }
}

/// The bit in which small and capital letters differ.
const CASE_BIT: u8 = 0x20;

/// Bytes that are looked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Literal {
    /// Bits that are not known are zero.
    pub bytes: Vec<u8>,
    /// The bits that are known of each byte. Empty if all are.
    pub mask: Vec<u8>,
    /// Least and largest byte with which all bytes may have been combined by exclusive or.
    pub keys: (u8, u8),
}

impl Literal {
    /// Of bytes that follow each other, those by which they are told from others. None if they cannot be found by windows
    /// of their own: they are too few, or stand in every file.
    pub(super) fn of(bytes: &[MaskedByte], keys: (u8, u8)) -> Option<Literal> {
        let known = |bytes: &&[MaskedByte]| bytes.iter().filter(|byte| byte.tells()).count();
        let best = bytes.windows(LITERAL_MAX.min(bytes.len()).max(1)).rev().max_by_key(known)?;
        let start = best.iter().position(|byte| byte.mask != 0)?;
        let end = best.iter().rposition(|byte| byte.mask != 0)?;
        let best = best.get(start..=end)?;
        let exact = best.iter().all(|byte| byte.mask == 0xff);
        let literal = Literal {
            bytes: best.iter().map(|byte| byte.value).collect(),
            mask: best.iter().filter(|_| !exact).map(|byte| byte.mask).collect(),
            keys,
        };
        literal.can_be_found(|window| !window.dear).then_some(literal)
    }

    /// A few rare bytes that are found by windows of which a byte is not theirs. None if these would find too much.
    pub(super) fn of_few(bytes: &[u8]) -> Option<Literal> {
        let literal = Literal { bytes: bytes.to_vec(), mask: Vec::new(), keys: PLAIN };
        literal.can_be_found(|_| true).then_some(literal)
    }

    /// Its bytes with what is known of them.
    pub(super) fn masked(&self) -> impl Iterator<Item = MaskedByte> {
        let masks = self.mask.iter().copied().chain(std::iter::repeat(0xff));
        self.bytes.iter().zip(masks).map(|(&value, mask)| MaskedByte { value, mask })
    }

    /// How many of its bytes tell something.
    pub(super) fn known(&self) -> usize {
        self.masked().filter(|byte| byte.tells()).count()
    }

    /// Its windows, by where they begin: the first with one byte in front of it, and the last with one behind it.
    pub(super) fn windows(&self) -> Vec<LiteralWindow> {
        let any = [MaskedByte::ANY];
        let bytes: Vec<MaskedByte> = any.into_iter().chain(self.masked()).chain(any).collect();
        let window = |bytes: &[MaskedByte]| LiteralWindow::of(bytes.try_into().expect("of that length"), self.keys);
        let mut windows: Vec<LiteralWindow> = bytes.windows(WINDOW).map(window).collect();
        for (at, window) in windows.iter_mut().enumerate() {
            let edge = at < IN_FRONT || at + WINDOW == bytes.len();
            if edge && window.frequency > EDGE_FREQUENCY_MAX {
                window.frequency = u64::MAX;
            }
            window.dear = edge || self.keys == PLAIN && window.values.len() > USUAL_VALUES_MAX;
        }
        windows
    }

    /// Whether it can be found wherever it stands, by windows like these.
    fn can_be_found(&self, by: impl Fn(&LiteralWindow) -> bool) -> bool {
        let windows = self.windows();
        let found = |window: &LiteralWindow| window.frequency < FREQUENCY_MAX && by(window);
        (0..STRIDE).all(|first| windows.iter().skip(first).step_by(STRIDE).any(found))
    }
}

/// Four bytes that stand in a literal one behind the other.
pub(super) struct LiteralWindow {
    /// What it may be, each time with letters made small as the tables have them. Empty if that is too much.
    pub values: Vec<u32>,
    /// Whether all is known of it.
    alone: bool,
    /// Whether it takes many places of the tables: a byte of it is not the literal's, or may be any.
    pub dear: bool,
    /// How often one of its values stands in files, roughly and on no scale.
    pub frequency: u64,
}

impl LiteralWindow {
    fn of(bytes: [MaskedByte; WINDOW], keys: (u8, u8)) -> LiteralWindow {
        let values = values_of(bytes, keys);
        let padding = values.iter().any(|&value| is_padding(value));
        let frequency = |value: &u32| value.to_le_bytes().into_iter().map(byte_frequency).product::<u64>();
        let findable = !padding && (1..=VALUES_MAX).contains(&values.len());
        let frequency = if findable { values.iter().map(frequency).sum() } else { u64::MAX };
        let alone = bytes.iter().all(|byte| byte.is_known()) && keys.0 == keys.1;
        LiteralWindow { values, alone, dear: false, frequency }
    }

    /// Its value, if it has one.
    pub(super) fn only_value(&self) -> Option<u32> {
        self.values.first().copied().filter(|_| self.alone)
    }
}

/// What four bytes may be, each time with letters made small as the tables have them. Empty if that is too much.
fn values_of(bytes: [MaskedByte; WINDOW], (first, last): (u8, u8)) -> Vec<u32> {
    let count: usize = bytes.iter().map(|byte| 1 << byte.mask.count_zeros()).product();
    let keys = usize::from(last.saturating_sub(first)) + 1;
    if count.saturating_mul(keys) > VALUES_MAX * CASES {
        return Vec::new();
    }
    if first == last && bytes.iter().all(|byte| byte.mask == 0xff) {
        return vec![u32::from_le_bytes(bytes.map(|byte| (byte.value ^ first).to_ascii_lowercase()))];
    }
    let mut values = Vec::new();
    for key in first..=last {
        let mut of_key: Vec<u32> = vec![0];
        for (known, shift) in bytes.iter().zip((0..).step_by(8)) {
            let small = |byte: u8| u32::from((byte ^ key).to_ascii_lowercase()) << shift;
            if known.mask == 0xff {
                of_key.iter_mut().for_each(|value| *value |= small(known.value));
            } else {
                let all: Vec<u32> = (0..=u8::MAX).filter(|&byte| known.is(byte)).map(small).collect();
                of_key = of_key.iter().flat_map(|value| all.iter().map(move |byte| value | byte)).collect();
            }
        }
        values.extend(of_key);
    }
    values.sort_unstable();
    values.dedup();
    values
}
