//! Links of a binary workbook to other files and programs: a part `xl/externalLinks/externalLink1.bin`.

use analyzers::{Exhausted, Findings};

use super::records::Records;
use crate::compound::{le16, le32};
use crate::fields;

/// The record that says what is linked to (MS-XLSB 2.4.205, BrtBeginSupBook), and the kind of link that is Dynamic Data
/// Exchange.
const BEGIN: u32 = 360;
const EXCHANGE: u16 = 1;

/// Examines the links of one part.
pub(crate) fn examine_binary(part: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let mut records = Records::new(part);
    while let Some((kind, data)) = records.next(findings.budget())? {
        if kind != BEGIN || le16(data, 0) != Some(EXCHANGE) {
            continue;
        }
        let mut rest = data.get(2..).unwrap_or_default();
        let (service, topic) = (text(&mut rest).unwrap_or_default(), text(&mut rest).unwrap_or_default());
        fields::report_link(&service, &topic, 0..part.len(), findings);
    }
    Ok(())
}

/// Reads a string after its length in four bytes, in units of UTF-16; all bits are set if there is none.
fn text(rest: &mut &[u8]) -> Option<String> {
    let units = le32(rest, 0)?;
    let after = rest.get(4..)?;
    let bytes = if units == u32::MAX { 0 } else { usize::try_from(units).ok()?.checked_mul(2)? };
    let (text, after) = after.split_at_checked(bytes)?;
    *rest = after;
    Some(encoding_rs::UTF_16LE.decode_without_bom_handling(text).0.into_owned())
}
