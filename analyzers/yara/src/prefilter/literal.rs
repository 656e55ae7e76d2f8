//! Bytes that are looked for, and by which four of them they are found.

use std::rc::Rc;

use super::around::Surroundings;
use super::masked_byte::MaskedByte;
use super::pieces::Piece;
use super::{FREQUENCY_MAX, STRIDE, WINDOW, byte_frequency, is_padding};

/// Most bytes of a literal.
pub(super) const LITERAL_MAX: usize = 40;

/// Most values of a window: one of a literal in which a byte may be any stands in the tables once for each.
const VALUES_MAX: usize = 256;

/// Values of a window that is not dear: one hexadecimal digit is not known.
const USUAL_VALUES_MAX: usize = 16;

/// Values of a window of a literal that is found by what takes much room: beside a byte that may be any, five bits more.
const FEW_VALUES_MAX: usize = 8_192;

/// Values of a window of four letters that differ in case alone, which are one value of the tables.
const CASES: usize = 1 << WINDOW;

/// The keys of bytes that stand as they are.
pub(super) const PLAIN: (u8, u8) = (0, 0);

/// Bytes in front of a literal with which its first window begins.
pub(super) const IN_FRONT: usize = 1;

/// Bytes that are looked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Literal {
    /// Bits that are not known are zero.
    pub bytes: Vec<u8>,
    /// The bits that are known of each byte. Empty if all are.
    pub mask: Vec<u8>,
    /// Least and largest byte with which all bytes may have been combined by exclusive or.
    pub keys: (u8, u8),
    /// What must stand in front of them, and from where they begin on, where that is asked for.
    pub around: Surroundings,
}

impl Literal {
    /// Of bytes that follow each other, those by which they are told from others. None if they cannot be found by windows
    /// of their own: they are too few, or stand in every file.
    pub(super) fn of(bytes: &[MaskedByte], keys: (u8, u8)) -> Option<Literal> {
        let known = |bytes: &&[MaskedByte]| bytes.iter().filter(|byte| byte.tells()).count();
        let best = bytes.windows(LITERAL_MAX.min(bytes.len()).max(1)).rev().max_by_key(known)?;
        let start = best.iter().position(|byte| byte.mask != 0)?;
        let end = best.iter().rposition(|byte| byte.mask != 0)?;
        let literal = Literal::standing(best.get(start..=end)?, keys, Surroundings::default());
        literal.can_be_found(|window| !window.dear).then_some(literal)
    }

    fn standing(bytes: &[MaskedByte], keys: (u8, u8), around: Surroundings) -> Literal {
        let exact = bytes.iter().all(|byte| byte.mask == 0xff);
        Literal {
            bytes: bytes.iter().map(|byte| byte.value).collect(),
            mask: bytes.iter().filter(|_| !exact).map(|byte| byte.mask).collect(),
            keys,
            around,
        }
    }

    /// A few bytes that are found by windows of which a byte is not theirs, with what stands around them. None if nothing tells
    /// them.
    pub(super) fn of_few(bytes: &[MaskedByte], around: Surroundings) -> Option<Literal> {
        let literal = Literal::standing(bytes, PLAIN, around);
        literal.can_be_found(|_| true).then_some(literal)
    }

    /// Its bytes with what is known of them.
    pub(super) fn masked(&self) -> impl Iterator<Item = MaskedByte> {
        let masks = self.mask.iter().copied().chain(std::iter::repeat(0xff));
        self.bytes.iter().zip(masks).map(|(&value, mask)| MaskedByte { value, mask })
    }

    /// The same, with classes of bytes where these are known.
    fn pieces(&self) -> impl Iterator<Item = Piece> {
        let around = self.around.behind.iter().copied().map(Some).chain(std::iter::repeat(None));
        self.masked().zip(around).map(|(byte, around)| around.unwrap_or(Piece::Byte(byte)))
    }

    /// How many of its bytes tell something.
    pub(super) fn known(&self) -> usize {
        self.masked().filter(|byte| byte.tells()).count()
    }

    /// Its windows, by where they begin: the first with one byte in front of it, and the last with one behind it.
    pub(super) fn windows(&self) -> Vec<LiteralWindow> {
        let any = [Piece::Byte(MaskedByte::ANY)];
        let bytes: Vec<WindowByte> = any.into_iter().chain(self.pieces()).chain(any).map(WindowByte::of).collect();
        // What stands around them is asked of those alone that are too few without it.
        let values_max = if self.around.is_nothing() { VALUES_MAX } else { FEW_VALUES_MAX };
        let window = |bytes: &[WindowByte]| LiteralWindow::of(bytes, self.keys, values_max);
        let mut windows: Vec<LiteralWindow> = bytes.windows(WINDOW).map(window).collect();
        for (at, window) in windows.iter_mut().enumerate() {
            let edge = at < IN_FRONT || at + WINDOW == bytes.len();
            window.dear = edge || self.keys == PLAIN && window.values.is_none_or(|values| values > USUAL_VALUES_MAX);
        }
        windows
    }

    /// How many entries of the tables it takes at least, and how often their windows stand in files.
    pub(super) fn price(&self) -> (usize, u64) {
        let windows = self.windows();
        let best = |first: usize| {
            let some = windows.iter().skip(first).step_by(STRIDE).filter(|window| window.is_useful());
            some.filter_map(|window| Some((window.values?, window.frequency))).min().unwrap_or_default()
        };
        let both = (0..STRIDE).map(best);
        both.fold((0, 0), |(entries, frequency), (more, often)| (entries + more, frequency.saturating_add(often)))
    }

    /// Whether it can be found wherever it stands, by windows like these.
    fn can_be_found(&self, by: impl Fn(&LiteralWindow) -> bool) -> bool {
        let windows = self.windows();
        let found = |window: &LiteralWindow| window.is_useful() && by(window);
        (0..STRIDE).all(|first| windows.iter().skip(first).step_by(STRIDE).any(found))
    }
}

/// A byte of a window.
#[derive(Clone)]
struct WindowByte {
    /// What it may be.
    members: Rc<[u8]>,
    /// The same with small letters, each once.
    small: Rc<[u8]>,
    /// How often one of these stands in files.
    frequency: u64,
    /// It is one byte, or one letter in either case.
    known: bool,
}

impl WindowByte {
    fn of(piece: Piece) -> WindowByte {
        let members: Rc<[u8]> = match piece {
            Piece::Byte(MaskedByte { value, mask: 0xff }) => [value].into(),
            _ => (0..=u8::MAX).filter(|&byte| piece.is(byte)).collect(),
        };
        let mut small = members.to_ascii_lowercase();
        small.sort_unstable();
        small.dedup();
        let frequency = small.iter().copied().map(byte_frequency).sum();
        WindowByte { members, small: small.into(), frequency, known: piece.byte().is_some_and(MaskedByte::is_known) }
    }
}

/// Four bytes that stand in a literal one behind the other.
pub(super) struct LiteralWindow {
    bytes: [WindowByte; WINDOW],
    keys: (u8, u8),
    /// Whether it takes many places of the tables: a byte of it is not the literal's, or may be any.
    pub dear: bool,
    /// How many values it may have. None if they are too many, or one is padding.
    pub values: Option<usize>,
    /// How often one of its values stands in files, roughly and on no scale.
    pub frequency: u64,
}

impl LiteralWindow {
    fn of(bytes: &[WindowByte], keys: (u8, u8), values_max: usize) -> LiteralWindow {
        let bytes: [WindowByte; WINDOW] = bytes.to_vec().try_into().ok().expect("it was made of so many");
        let mut window = LiteralWindow { bytes, keys, dear: false, values: None, frequency: u64::MAX };
        let (count, padding, frequency) =
            if keys == PLAIN { window.measures() } else { window.keyed_measures(values_max) };
        if !padding && (1..=values_max).contains(&count) {
            (window.values, window.frequency) = (Some(count), frequency);
        }
        window
    }

    /// Whether something may be found by it.
    pub(super) fn is_useful(&self) -> bool {
        self.frequency < FREQUENCY_MAX
    }

    /// How many values there are, whether one is padding, and how often they stand in files.
    fn measures(&self) -> (usize, bool, u64) {
        let count = self.bytes.iter().map(|byte| byte.small.len()).product();
        let [first, rest @ ..] = &self.bytes;
        let everywhere = |byte: &&u8| rest.iter().all(|other| other.small.contains(byte));
        let padding = first.small.iter().filter(everywhere).any(|&byte| is_padding(u32::from_le_bytes([byte; WINDOW])));
        (count, padding, self.bytes.iter().map(|byte| byte.frequency).product())
    }

    /// The same where they are counted one by one.
    fn keyed_measures(&self, values_max: usize) -> (usize, bool, u64) {
        let keys = usize::from(self.keys.1.saturating_sub(self.keys.0)) + 1;
        let count = self.bytes.iter().map(|byte| byte.members.len()).product::<usize>();
        if count.saturating_mul(keys) > values_max * CASES {
            return (usize::MAX, false, 0);
        }
        let values = self.all_values();
        let frequency = |value: &u32| value.to_le_bytes().into_iter().map(byte_frequency).product::<u64>();
        (values.len(), values.iter().copied().any(is_padding), values.iter().map(frequency).sum())
    }

    /// What it may be, each time with letters made small as the tables have them.
    pub(super) fn all_values(&self) -> Vec<u32> {
        let plain = self.keys == PLAIN;
        let mut values = Vec::new();
        for key in self.keys.0..=self.keys.1 {
            let mut of_key: Vec<u32> = vec![0];
            for (byte, shift) in self.bytes.iter().zip((0..).step_by(8)) {
                let members = if plain { &byte.small } else { &byte.members };
                let small = |byte: &u8| u32::from((byte ^ key).to_ascii_lowercase()) << shift;
                match &**members {
                    [one] => of_key.iter_mut().for_each(|value| *value |= small(one)),
                    all => {
                        let with = |value: &u32| {
                            let value = *value;
                            all.iter().map(move |byte| value | small(byte)).collect::<Vec<_>>()
                        };
                        of_key = of_key.iter().flat_map(with).collect();
                    }
                }
            }
            values.extend(of_key);
        }
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Its value, if it has one.
    pub(super) fn only_value(&self) -> Option<u32> {
        let alone = self.bytes.iter().all(|byte| byte.known) && self.keys.0 == self.keys.1;
        let first = |byte: &WindowByte| byte.members.first().map(|byte| (byte ^ self.keys.0).to_ascii_lowercase());
        let value = self.bytes.iter().map(first).zip((0..).step_by(8));
        alone.then(|| value.fold(0, |all, (byte, shift)| all | u32::from(byte.unwrap_or(0)) << shift))
    }
}
