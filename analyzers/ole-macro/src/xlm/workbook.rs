//! A BIFF8 or BIFF5 workbook: its sheets, names and links, and the formulas of its macro sheets.
//!
//! Read as Excel does: the globals from the start, then each sheet from the offset that its `BOUNDSHEET` record
//! names, wherever that is. Worksheets are passed by: what is in their cells is in the shared strings.

use std::collections::HashSet;
use std::ops::Range;

use analyzers::{Findings, Incomplete};

use super::signs::{Macros, examine_name};
use super::tokens::{FormulaNames, cell_name, render};
use super::words::words;
use crate::biff::{BiffRecord, ByteReader, Version, kind, records, shared_strings};
use crate::catalogue::xlm;
use crate::crypt;

/// A sheet as described in the globals.
struct Sheet {
    name: String,
    span: Range<usize>,
    start: usize,
    state: u8,
    is_macro: bool,
}

/// A defined name and its formula, which may speak of names that come later.
struct Name<'s> {
    rgce: &'s [u8],
    span: Range<usize>,
}

/// The globals of a workbook.
#[derive(Default)]
struct Globals<'s> {
    sheets: Vec<Sheet>,
    names: FormulaNames,
    formulas: Vec<Name<'s>>,
    shared: Vec<(&'s [u8], Range<usize>)>,
}

/// Examines a `Workbook` or `Book` stream.
pub(super) fn examine(stream: &[u8], findings: &mut Findings<'_>) {
    let Some(version) = version(stream) else {
        malformed("the stream does not begin with a workbook", 0..stream.len().min(4), findings);
        return;
    };
    let Some(globals) = read_globals(stream, version, findings) else { return };
    let mut macros = Macros::default();
    let mut starts = HashSet::new();
    for sheet in &globals.sheets {
        if sheet.state == 2 {
            findings.saw_with(&xlm::VERY_HIDDEN_SHEET, sheet.span.clone(), &sheet.name);
        }
        if sheet.is_macro {
            findings.saw_with(&xlm::MACRO_SHEET, sheet.span.clone(), &sheet.name);
            if sheet.state != 0 {
                findings.saw_with(&xlm::HIDDEN_MACRO_SHEET, sheet.span.clone(), &sheet.name);
            }
            // Sheets that share their cells are examined once.
            if starts.insert(sheet.start) {
                examine_sheet(stream, version, sheet, &globals.names, &mut macros, findings);
            }
        }
    }
    if globals.sheets.iter().any(|sheet| sheet.is_macro) {
        examine_names(&globals, version, &mut macros, findings);
        examine_shared(&globals, &mut macros, findings);
    }
    macros.finish(findings);
}

/// Version of the stream (MS-XLS 2.4.21, BOF). Versions before 5 have streams of one sheet and are not compound files.
fn version(stream: &[u8]) -> Option<Version> {
    let bof = records(stream, 0).next().filter(|record| record.kind == kind::BOF)?;
    match ByteReader::new(bof.data).u16()? {
        0x0500 => Some(Version::Biff5),
        _ => Some(Version::Biff8),
    }
}

/// None where nothing more can be examined: the workbook is encrypted, or a limit was hit.
fn read_globals<'s>(stream: &'s [u8], version: Version, findings: &mut Findings<'_>) -> Option<Globals<'s>> {
    let mut globals = Globals::default();
    let mut previous = 0;
    for record in records(stream, 0) {
        findings.budget().step(1).ok()?;
        if record.is_cut {
            malformed("a record is longer than the stream", record.span.clone(), findings);
        }
        match record.kind {
            kind::FILEPASS => {
                let is_biff5 = version == Version::Biff5;
                if let Some(decrypted) = crypt::decrypt_workbook(stream, &record, is_biff5, findings) {
                    findings.within("decrypted", |findings| examine(&decrypted, findings));
                }
                return None;
            }
            kind::EOF => break,
            kind::BOUNDSHEET => {
                findings.budget().entries(1).ok()?;
                match sheet(stream, &record, version) {
                    Some(sheet) => {
                        globals.names.sheets.push(sheet.name.clone());
                        globals.sheets.push(sheet);
                    }
                    None => malformed("a sheet is described in too few bytes", record.span.clone(), findings),
                }
            }
            kind::LBL => name(&record, version, &mut globals, findings),
            kind::EXTERNSHEET => external(&record, version, &mut globals, findings),
            kind::SUPBOOK => {
                let mut reader = ByteReader::new(record.data);
                if let Some((0, count @ 1..=255)) = reader.u16().zip(reader.u16()) {
                    let path = reader.characters(count.into(), version).unwrap_or_default();
                    link(&path, record.span.clone(), findings);
                }
            }
            kind::SST => globals.shared.push((record.data, record.span.clone())),
            kind::CONTINUE if previous == kind::SST => globals.shared.push((record.data, record.span.clone())),
            _ => {}
        }
        if record.kind != kind::CONTINUE {
            previous = record.kind;
        }
    }
    Some(globals)
}

/// MS-XLS 2.4.28, BoundSheet8. That a sheet holds macros says the globals, or the sheet itself.
fn sheet(stream: &[u8], record: &BiffRecord<'_>, version: Version) -> Option<Sheet> {
    let mut reader = ByteReader::new(record.data);
    let start = usize::try_from(reader.u32()?).ok()?;
    let state = reader.u8()? & 3;
    let dt = reader.u8()?;
    let name = reader.short_string(version)?;
    let says_macro = || {
        let bof = records(stream, start).next().filter(|record| record.kind == kind::BOF)?;
        let mut reader = ByteReader::new(bof.data);
        reader.skip(2)?;
        Some(reader.u16()? == 0x40)
    };
    let is_macro = dt == 1 || says_macro() == Some(true);
    Some(Sheet { name, span: record.span.clone(), start, state, is_macro })
}

/// MS-XLS 2.4.150, Lbl.
fn name<'s>(record: &BiffRecord<'s>, version: Version, globals: &mut Globals<'s>, findings: &mut Findings<'_>) {
    let mut reader = ByteReader::new(record.data);
    let mut read = || {
        let flags = reader.u16()?;
        reader.skip(1)?;
        let characters = reader.u8()?;
        let cce = reader.u16()?;
        reader.skip(8)?;
        let name = reader.characters(characters.into(), version)?;
        let rest = reader.rest();
        Some((flags, name, rest.get(..cce.into()).unwrap_or(rest)))
    };
    let Some((flags, text, rgce)) = read() else {
        globals.names.names.push(String::new());
        globals.formulas.push(Name { rgce: &[], span: record.span.clone() });
        malformed("a name is described in too few bytes", record.span.clone(), findings);
        return;
    };
    let built_in = (flags & 0x20 != 0).then(|| text.chars().next().and_then(built_in_name)).flatten();
    let text = built_in.map_or(text, str::to_owned);
    examine_name(&text, flags & 1 != 0, record.span.clone(), findings);
    globals.names.names.push(text);
    globals.formulas.push(Name { rgce, span: record.span.clone() });
}

/// MS-XLS 2.5.66 and 2.4.150: names that stand as one character.
fn built_in_name(code: char) -> Option<&'static str> {
    const NAMES: [&str; 14] = [
        "Consolidate_Area",
        "Auto_Open",
        "Auto_Close",
        "Extract",
        "Database",
        "Criteria",
        "Print_Area",
        "Print_Titles",
        "Recorder",
        "Data_Form",
        "Auto_Activate",
        "Auto_Deactivate",
        "Sheet_Title",
        "_FilterDatabase",
    ];
    NAMES.get(usize::try_from(u32::from(code)).ok()?).copied()
}

/// MS-XLS 2.4.105, ExternSheet; in BIFF5 one record per workbook or program, by name.
fn external(record: &BiffRecord<'_>, version: Version, globals: &mut Globals<'_>, findings: &mut Findings<'_>) {
    let mut reader = ByteReader::new(record.data);
    match version {
        Version::Biff5 => link(&reader.short_string(version).unwrap_or_default(), record.span.clone(), findings),
        Version::Biff8 | Version::Biff12 => {
            let count = reader.u16().unwrap_or(0);
            for _ in 0..count {
                let Some(((_, first), _)) = reader.u16().zip(reader.u16()).zip(reader.u16()) else { break };
                globals.names.external.push(first);
            }
        }
    }
}

/// A link to another program stands as program, the character 3, topic (MS-XLS 2.5.277, VirtualPath).
fn link(path: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    let Some((program, topic)) = path.trim_start_matches(['\u{1}', '\u{2}']).split_once('\u{3}') else { return };
    // In BIFF5, without a program: a sheet of this workbook.
    if program.is_empty() {
        return;
    }
    let command = format!("{program}|{topic}");
    findings.saw_with(&xlm::DDE_LINK, span.clone(), &command);
    let is_shell = ["cmd", "powershell", "mshta", "wscript", "cscript", "rundll32", "regsvr32", "msexcel"]
        .iter()
        .any(|shell| program.trim_end_matches(".exe").eq_ignore_ascii_case(shell));
    if is_shell || words(&command).next().is_some() {
        findings.saw_with(&xlm::DDE_COMMAND, span, &command);
    }
}

/// Walks the substream of a macro sheet.
fn examine_sheet(
    stream: &[u8],
    version: Version,
    sheet: &Sheet,
    names: &FormulaNames,
    macros: &mut Macros,
    findings: &mut Findings<'_>,
) {
    // Charts are substreams within the sheet.
    let mut depth = 0_u32;
    let mut place = sheet.name.clone();
    for record in records(stream, sheet.start) {
        if findings.budget().step(1).is_err() {
            return;
        }
        if record.is_cut {
            malformed("a record is longer than the stream", record.span.clone(), findings);
        }
        let formula_at = match record.kind {
            kind::BOF => {
                depth += 1;
                continue;
            }
            _ if depth == 0 => break,
            kind::EOF => {
                depth -= 1;
                if depth == 0 {
                    return;
                }
                continue;
            }
            // Row, column, format, value, flags, a hint, the length (MS-XLS 2.4.127; two types of older versions).
            kind::FORMULA | 0x0206 | 0x0406 => 20,
            // A rectangle, what uses it, the length (2.4.260).
            kind::SHRFMLA => 8,
            // A rectangle, flags, a hint, the length (2.4.4).
            kind::ARRAY => 12,
            kind::STRING => {
                let text = ByteReader::new(record.data).string(version).unwrap_or_default();
                macros.string(&place, &text, record.span, findings);
                continue;
            }
            kind::LABEL => {
                let mut reader = ByteReader::new(record.data);
                let text = reader.skip(6).and_then(|()| reader.string(version)).unwrap_or_default();
                macros.string(&place, &text, record.span, findings);
                continue;
            }
            _ => continue,
        };
        let mut cell = ByteReader::new(record.data);
        let (row, column) = match record.kind {
            kind::SHRFMLA | kind::ARRAY => {
                let row = cell.u16();
                (row, cell.skip(2).and_then(|()| cell.u8()).map(u16::from))
            }
            _ => (cell.u16(), cell.u16()),
        };
        place = format!("{}!{}", sheet.name, cell_name(row.unwrap_or(0).into(), column.unwrap_or(0)));
        let mut reader = ByteReader::new(record.data);
        let Some(cce) = reader.skip(formula_at).and_then(|()| reader.u16()) else {
            malformed("a formula is described in too few bytes", record.span, findings);
            continue;
        };
        let rest = reader.rest();
        let rgce = rest.get(..cce.into()).unwrap_or(rest);
        let rendered = render(rgce, version, names, findings.budget());
        if !rendered.whole {
            malformed(&format!("{place}: ={}", rendered.text), record.span.clone(), findings);
        }
        macros.formula(&place, &rendered.text, record.span, findings);
    }
    if depth == 0 {
        malformed("a sheet does not begin where the workbook says", sheet.span.clone(), findings);
    }
}

/// Renders what the names of a workbook with macros stand for.
fn examine_names(globals: &Globals<'_>, version: Version, macros: &mut Macros, findings: &mut Findings<'_>) {
    for (name, text) in globals.formulas.iter().zip(&globals.names.names) {
        let rendered = render(name.rgce, version, &globals.names, findings.budget());
        macros.formula(text, &rendered.text, name.span.clone(), findings);
    }
}

/// Looks for words in the cells of a workbook with macros.
fn examine_shared(globals: &Globals<'_>, macros: &mut Macros, findings: &mut Findings<'_>) {
    let pieces: Vec<_> = globals.shared.iter().map(|(data, _)| *data).collect();
    let Some(((_, first), (_, last))) = globals.shared.first().zip(globals.shared.last()) else { return };
    let span = first.start..last.end;
    shared_strings(&pieces, |text| {
        macros.string("shared string", &text, span.clone(), findings);
        findings.budget().step(1).is_ok()
    });
}

fn malformed(what: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    findings.saw_with(&xlm::MALFORMED, span, what);
    findings.incomplete(Incomplete::CutShort);
}
