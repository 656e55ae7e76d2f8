//! Formulas as tests show them.

use super::{Fact, Formula};
use crate::prefilter::literal::Literal;
use crate::prefilter::masked_byte::MaskedByte;
use crate::prefilter::short::Short;

/// `a & b`, `2 of a, b, c`, `at least 10 B`.
pub(in crate::prefilter) fn shown(formula: &Formula) -> String {
    let all = |of: &[Formula], between: &str| of.iter().map(shown).collect::<Vec<_>>().join(between);
    match formula {
        Formula::True => "?".to_owned(),
        Formula::False => "never".to_owned(),
        Formula::And(of) => format!("({})", all(of, " & ")),
        Formula::AtLeast(1, of) => format!("({})", all(of, " | ")),
        Formula::AtLeast(count, of) => format!("({count} of {})", all(of, ", ")),
        Formula::Has(literal) => text_of(literal),
        Formula::Looks(Short::Anywhere(anchor, _)) => format!("look {}", bytes_of(anchor.iter().copied())),
        Formula::Looks(Short::Near(bytes, _, range)) | Formula::Reads(Short::Near(bytes, _, range)) => {
            format!("{} at {:?} to {:?}", bytes.escape_ascii(), range.first, range.last)
        }
        Formula::Reads(Short::Anywhere(..)) => "?".to_owned(),
        Formula::Fact(Fact::Signed) => "signed".to_owned(),
        Formula::Fact(Fact::ImportHash([first, .., last])) => format!("imports {first:02x}..{last:02x}"),
        Formula::Fact(Fact::Exports(name)) => format!("exports {}", text_of(name)),
        Formula::Size(least, u64::MAX) => format!("{least} B.."),
        Formula::Size(least, below) => format!("{least} B..{below} B"),
    }
}

fn text_of(literal: &Literal) -> String {
    let keyed = match literal.keys {
        (0, 0) => String::new(),
        (0, 255) => "xor ".to_owned(),
        (first, last) => format!("xor({first}-{last}) "),
    };
    format!("{keyed}{}", bytes_of(literal.masked()))
}

/// Letters in either case are small.
fn bytes_of(bytes: impl Iterator<Item = MaskedByte>) -> String {
    let byte = |byte: MaskedByte| if byte.is_letter() { byte.value.to_ascii_lowercase() } else { byte.value };
    bytes.map(byte).collect::<Vec<u8>>().escape_ascii().to_string()
}
