//! Macro sheets and workbooks in binary parts (MS-XLSB, "BIFF12").
//!
//! Records have types and lengths of seven bits a byte; formulas are the tokens of BIFF8 with wider operands.

use std::ops::Range;

use analyzers::{Findings, Incomplete};

use super::examine_state;
use super::signs::{Macros, examine_name};
use super::tokens::{FormulaNames, cell_name, render};
use crate::biff::{ByteReader, Version};
use crate::catalogue::xlm;

/// Types of records that are looked at (MS-XLSB 2.3.1).
mod kind {
    pub(super) const ROW: u32 = 0;
    pub(super) const CELL_TEXT: u32 = 6;
    pub(super) const FORMULA_TEXT: u32 = 8;
    pub(super) const FORMULA_NUMBER: u32 = 9;
    pub(super) const FORMULA_BOOL: u32 = 10;
    pub(super) const FORMULA_ERROR: u32 = 11;
    pub(super) const NAME: u32 = 39;
    pub(super) const SHEET: u32 = 156;
    pub(super) const ARRAY: u32 = 426;
    pub(super) const SHARED: u32 = 427;
}

/// One record.
struct XlsbRecord<'a> {
    kind: u32,
    data: &'a [u8],
    span: Range<usize>,
}

/// A number of at most `max` bytes with seven bits each, the low ones first (MS-XLSB 2.1.4).
fn varint(reader: &mut ByteReader<'_>, max: u32) -> Option<u32> {
    let mut number = 0;
    for i in 0..max {
        let byte = reader.u8()?;
        number |= u32::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}

/// Calls `each` with every record, until a limit is hit. A record that is longer than the part is evidence.
fn walk<'p, 'a>(part: &'p [u8], findings: &mut Findings<'a>, mut each: impl FnMut(XlsbRecord<'p>, &mut Findings<'a>)) {
    let mut reader = ByteReader::new(part);
    while !reader.is_empty() && findings.budget().step(1).is_ok() {
        let start = part.len() - reader.rest().len();
        let header = varint(&mut reader, 2).zip(varint(&mut reader, 4));
        let data = header.and_then(|(_, length)| reader.bytes(usize::try_from(length).ok()?));
        let Some(((kind, _), data)) = header.zip(data) else {
            malformed("a record is longer than the part", start..part.len(), findings);
            return;
        };
        each(XlsbRecord { kind, data, span: start..part.len() - reader.rest().len() }, findings);
    }
}

/// Examines a macro sheet.
///
/// Names and other sheets are in other parts, so formulas refer to them by number.
pub(super) fn examine_sheet(part: &[u8], findings: &mut Findings<'_>) {
    findings.saw(&xlm::MACRO_SHEET, 0..0);
    let mut macros = Macros::default();
    let names = FormulaNames::default();
    let mut row = 0;
    walk(part, findings, |record, findings| {
        let mut reader = ByteReader::new(record.data);
        let parsed = match record.kind {
            kind::ROW => {
                row = reader.u32().unwrap_or(0);
                return;
            }
            kind::CELL_TEXT => cell(&mut reader, row).and_then(|place| Some((place, Some(wide(&mut reader)?), None))),
            kind::FORMULA_TEXT => cell(&mut reader, row).and_then(|place| {
                let text = wide(&mut reader)?;
                reader.skip(2)?;
                Some((place, Some(text), Some(formula(&mut reader)?)))
            }),
            kind::FORMULA_NUMBER => fixed(&mut reader, row, 8),
            kind::FORMULA_BOOL | kind::FORMULA_ERROR => fixed(&mut reader, row, 1),
            kind::SHARED | kind::ARRAY => area(&mut reader, record.kind == kind::ARRAY),
            _ => return,
        };
        let Some((place, text, rgce)) = parsed else {
            malformed("a cell is described in too few bytes", record.span, findings);
            return;
        };
        if let Some(text) = text {
            macros.string(&place, &text, record.span.clone(), findings);
        }
        if let Some(rgce) = rgce {
            let rendered = render(rgce, Version::Biff12, &names, findings.budget());
            if !rendered.whole {
                malformed(&format!("{place}: ={}", rendered.text), record.span.clone(), findings);
            }
            macros.formula(&place, &rendered.text, record.span, findings);
        }
    });
    macros.finish(findings);
}

/// Position of a cell, its text, and the tokens of its formula.
type SheetCell<'a> = (String, Option<String>, Option<&'a [u8]>);

/// MS-XLSB 2.5.9, Cell: column, style and flags; the row was said before.
fn cell(reader: &mut ByteReader<'_>, row: u32) -> Option<String> {
    let column = reader.u32()?;
    reader.skip(4)?;
    Some(cell_name(row, (column & 0xffff) as u16))
}

/// A formula's cell with a value of `value` bytes that is not text.
fn fixed<'a>(reader: &mut ByteReader<'a>, row: u32, value: usize) -> Option<SheetCell<'a>> {
    let place = cell(reader, row)?;
    reader.skip(value + 2)?;
    Some((place, None, Some(formula(reader)?)))
}

/// A formula of several cells: a rectangle, and for arrays a byte of flags.
fn area<'a>(reader: &mut ByteReader<'a>, is_array: bool) -> Option<SheetCell<'a>> {
    let row = reader.u32()?;
    reader.skip(4)?;
    let column = reader.u32()?;
    reader.skip(4 + usize::from(is_array))?;
    Some((cell_name(row, (column & 0xffff) as u16), None, Some(formula(reader)?)))
}

/// The tokens of a formula, behind their length.
fn formula<'a>(reader: &mut ByteReader<'a>) -> Option<&'a [u8]> {
    let length = reader.u32()?;
    reader.bytes(usize::try_from(length).ok()?)
}

/// Reads a string after its length in four bytes; all bits are set if there is none (2.5.169, XLNullableWideString).
fn wide(reader: &mut ByteReader<'_>) -> Option<String> {
    match reader.u32()? {
        u32::MAX => Some(String::new()),
        units => reader.wide(usize::try_from(units).ok()?),
    }
}

/// Examines the sheets and names of a workbook.
pub(super) fn examine_workbook(part: &[u8], findings: &mut Findings<'_>) {
    let mut names = FormulaNames::default();
    let mut formulas = Vec::new();
    walk(part, findings, |record, findings| {
        let mut reader = ByteReader::new(record.data);
        match record.kind {
            kind::SHEET => {
                let state = reader.u32().unwrap_or(0);
                let name =
                    reader.skip(4).and_then(|()| wide(&mut reader)).and_then(|_| wide(&mut reader)).unwrap_or_default();
                examine_state(&name, state, record.span, findings);
                names.sheets.push(name);
            }
            // Flags, a key, the sheet, the name, the formula (2.4.720, BrtName).
            kind::NAME => {
                let mut read = || {
                    let flags = reader.u32()?;
                    reader.skip(5)?;
                    Some((flags, wide(&mut reader)?, formula(&mut reader)))
                };
                let Some((flags, name, rgce)) = read() else {
                    malformed("a name is described in too few bytes", record.span, findings);
                    return;
                };
                examine_name(&name, flags & 1 != 0, record.span.clone(), findings);
                names.names.push(name);
                formulas.push((rgce.unwrap_or_default(), record.span));
            }
            _ => {}
        }
    });
    // Names of ordinary workbooks are references and ranges: nothing to see.
    if findings.has(&xlm::MACRO_SHEET) {
        let mut macros = Macros::default();
        for ((rgce, span), name) in formulas.into_iter().zip(&names.names) {
            let rendered = render(rgce, Version::Biff12, &names, findings.budget());
            macros.formula(name, &rendered.text, span, findings);
        }
    }
}

fn malformed(what: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    findings.saw_with(&xlm::MALFORMED, span, what);
    findings.incomplete(Incomplete::CutShort);
}
