//! Parts of binary workbooks (MS-XLSB): records from the first byte to the last.

use analyzers::{Budget, Exhausted};

use crate::package::records::Records;

/// The first and the last record of each kind of part (MS-XLSB 2.1.7).
const PARTS: [(u32, u32); 22] = [
    (129, 130), // sheets of every kind
    (42, 277),  // indices of sheets
    (131, 132), // workbook
    (278, 279), // styles
    (159, 160), // shared strings
    (528, 529), // metadata
    (628, 629), // comments
    (360, 588), // external links
    (343, 344), // tables
    (341, 342), // cells bound to XML
    (280, 315), // pivot tables
    (179, 180), // pivot caches
    (193, 194), // their records
    (429, 430), // maps of XML
    (447, 448), // query tables
    (332, 333), // calculation chain
    (398, 403), // revisions, by their first record
    (399, 403),
    (409, 403),
    (412, 403),
    (472, 473), // external connections
    (635, 636), // volatile dependencies
];
/// Longest record, in bytes: a string of a cell has 32,767 characters, and formulas less.
const RECORD_BYTES_MAX: usize = 256 << 10;

/// Whether `part` is records of one kind of part, whole, and nothing else.
pub(super) fn are_whole(part: &[u8], budget: &mut Budget) -> Result<bool, Exhausted> {
    let mut records = Records::new(part);
    let mut first = None;
    let mut last = 0;
    while let Some((kind, data)) = records.next(budget)? {
        // What no part begins with ends the search at once.
        let begins = *first.get_or_insert(kind);
        if data.len() > RECORD_BYTES_MAX || !PARTS.iter().any(|(first, _)| *first == begins) {
            return Ok(false);
        }
        last = kind;
    }
    Ok(records.is_done() && first.is_some_and(|first| PARTS.contains(&(first, last))))
}

#[cfg(test)]
mod tests {
    use analyzers::{Cancel, Limits};

    use super::*;

    #[test]
    fn records_must_begin_end_and_fill_the_part() {
        let sheet = [&[0x81, 1, 0, 0, 8][..], &[0; 8], &[0x82, 1, 0]].concat();
        let mut budget = Budget::new(Limits::default(), Cancel::default());
        let mut check = |part: &[u8], whole| assert_eq!(are_whole(part, &mut budget), Ok(whole), "{part:?}");
        check(&sheet, true);
        check(&sheet[..sheet.len() - 1], false);
        check(&[&sheet[..], b"MZ"].concat(), false);
        check(&[&sheet[..], &[0, 2], b"MZ"].concat(), false);
        check(b"MZ\x90\0", false);
        check(b"", false);
    }
}
