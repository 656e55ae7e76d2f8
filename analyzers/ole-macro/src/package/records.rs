//! Records of binary parts (MS-XLSB, "BIFF12"): types and lengths of seven bits a byte.

use analyzers::{Budget, Exhausted};

/// One record after the other, until the part ends or one is longer than it.
pub(crate) struct Records<'p> {
    rest: &'p [u8],
}

impl<'p> Records<'p> {
    pub(super) fn new(part: &'p [u8]) -> Self {
        Records { rest: part }
    }

    /// Returns the type and data of the next record, or `None` at the end or at invalid data.
    pub(super) fn next(&mut self, budget: &mut Budget) -> Result<Option<(u32, &'p [u8])>, Exhausted> {
        budget.step(1)?;
        Ok(self.take())
    }

    /// Whether the part ended with its last record.
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self) -> Option<(u32, &'p [u8])> {
        let mut rest = self.rest;
        let (kind, length) = (number(&mut rest, 2)?, number(&mut rest, 4)?);
        let (data, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some((kind, data))
    }
}

/// A number of at most `max` bytes with seven bits each, the low ones first (MS-XLSB 2.1.4).
fn number(rest: &mut &[u8], max: u32) -> Option<u32> {
    let mut number = 0;
    for place in 0..max {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u32::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}
