//! Excel 4 macros: sheets whose cells are programs, in each of the three formats that workbooks have.
//!
//! A macro sheet's formulas are made text as Excel would show them, and the text is judged the same wherever it is
//! from: which functions are called (`signs`), which words its strings hold (`words`) once constants are put
//! together (`fold`). Nothing is run: what a cell computes from another cell is not known.

mod binary;
mod fold;
mod functions;
mod signs;
mod tokens;
mod words;
mod workbook;
mod xml;

use analyzers::Findings;

use crate::catalogue::xlm;

/// Examines a BIFF8 or BIFF5 `Workbook` or `Book` stream.
pub(crate) fn examine_workbook(stream: &[u8], findings: &mut Findings<'_>) {
    workbook::examine(stream, findings);
}

/// Examines one XML macro sheet part (`xl/macrosheets/*.xml`).
pub(crate) fn examine_sheet_xml(part: &[u8], findings: &mut Findings<'_>) {
    xml::examine_sheet(part, findings);
}

/// Examines `xl/workbook.xml`: names and the state of sheets. Call it after the macro sheets: whether a hidden sheet is
/// a macro sheet is only in the relationships, so the existence of one is assumed to be enough.
pub(crate) fn examine_workbook_xml(part: &[u8], findings: &mut Findings<'_>) {
    xml::examine_workbook(part, findings);
}

/// Examines one binary (BIFF12) macro sheet part (`xl/macrosheets/*.bin`).
pub(crate) fn examine_sheet_bin(part: &[u8], findings: &mut Findings<'_>) {
    binary::examine_sheet(part, findings);
}

/// Examines `xl/workbook.bin` (BIFF12), like [`examine_workbook_xml`] after the macro sheets.
pub(crate) fn examine_workbook_bin(part: &[u8], findings: &mut Findings<'_>) {
    binary::examine_workbook(part, findings);
}

/// Reports how a sheet of a package is hidden: `state` 0 is shown, 1 hidden, 2 hidden from menus too.
fn examine_state(name: &str, state: u32, span: std::ops::Range<usize>, findings: &mut Findings<'_>) {
    if state == 2 {
        findings.saw_with(&xlm::VERY_HIDDEN_SHEET, span.clone(), name);
    }
    if state != 0 && findings.has(&xlm::MACRO_SHEET) {
        findings.saw_with(&xlm::HIDDEN_MACRO_SHEET, span, name);
    }
}
