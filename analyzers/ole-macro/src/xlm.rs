//! Excel 4 macros.

use analyzers::Findings;

/// Examines a BIFF8 `Workbook` or `Book` stream.
pub(crate) fn examine_workbook(_stream: &[u8], _findings: &mut Findings<'_>) {}

/// Examines one XML macro sheet part.
pub(crate) fn examine_sheet_xml(_part: &[u8], _findings: &mut Findings<'_>) {}

/// Examines `xl/workbook.xml`.
pub(crate) fn examine_workbook_xml(_part: &[u8], _findings: &mut Findings<'_>) {}

/// Examines one binary (BIFF12) macro sheet part.
pub(crate) fn examine_sheet_bin(_part: &[u8], _findings: &mut Findings<'_>) {}

/// Examines `xl/workbook.bin` (BIFF12).
pub(crate) fn examine_workbook_bin(_part: &[u8], _findings: &mut Findings<'_>) {}
