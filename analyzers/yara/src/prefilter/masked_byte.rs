//! Bytes of which not all bits are known.

/// The bit in which small and capital letters differ.
const CASE_BIT: u8 = 0x20;

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

    pub(super) fn is(self, byte: u8) -> bool {
        byte & self.mask == self.value
    }

    /// Whether all is known of it but for the case of a letter.
    pub(super) fn is_known(self) -> bool {
        self.mask == 0xff || self.is_letter()
    }

    /// Whether it is known and not the commonest byte.
    pub(super) fn tells(self) -> bool {
        self.is_known() && self.value != 0
    }

    /// Whether it is one letter in either case.
    pub(super) fn is_letter(self) -> bool {
        self.mask == !CASE_BIT && self.value.is_ascii_uppercase()
    }
}
