//! Macro sheets and workbooks in XML (ECMA-376-1 18.2; MS-OFFMACRO 2.2.1 for macro sheets).

use analyzers::Findings;

use super::examine_state;
use super::signs::{Macros, examine_name};
use crate::catalogue::xlm;
use crate::xml::{XmlStep, text, walk};

/// Which text is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Formula,
    Value,
    Nothing,
}

/// Examines a macro sheet: the formula `f` of each cell `c`, and its value where that is text.
pub(super) fn examine_sheet(part: &[u8], findings: &mut Findings<'_>) {
    findings.saw(&xlm::MACRO_SHEET, 0..0);
    let Ok(text) = text(part, findings) else { return };
    let mut macros = Macros::default();
    let mut cell = String::new();
    let mut reading = Reading::Nothing;
    let (mut run, mut start) = (String::new(), 0);
    // A limit leaves its own mark.
    let _ = walk(&text, findings, |step, span, findings| match step {
        XmlStep::Open(element) => match element.name() {
            "c" => cell = element.attribute("r").unwrap_or_default().into_owned(),
            name @ ("f" | "v" | "t") => {
                reading = if name == "f" { Reading::Formula } else { Reading::Value };
                run.clear();
                start = span.start;
            }
            _ => {}
        },
        XmlStep::Text(text) if reading != Reading::Nothing => run.push_str(text),
        XmlStep::Text(_) => {}
        XmlStep::Close("f" | "v" | "t") => {
            let span = start..span.end;
            match reading {
                Reading::Formula => macros.formula(&cell, run.trim_start_matches('='), span, findings),
                Reading::Value => macros.string(&cell, &run, span, findings),
                Reading::Nothing => {}
            }
            reading = Reading::Nothing;
        }
        XmlStep::Close(_) => {}
    });
    macros.finish(findings);
}

/// Examines the sheets and defined names of a workbook.
pub(super) fn examine_workbook(part: &[u8], findings: &mut Findings<'_>) {
    let Ok(text) = text(part, findings) else { return };
    let mut macros = Macros::default();
    let mut name = None;
    let (mut run, mut start) = (String::new(), 0);
    // A limit leaves its own mark.
    let _ = walk(&text, findings, |step, span, findings| match step {
        XmlStep::Open(element) => match element.name() {
            "sheet" => {
                let state = match element.attribute("state").as_deref() {
                    Some("hidden") => 1,
                    Some("veryHidden") => 2,
                    _ => 0,
                };
                examine_state(&element.attribute("name").unwrap_or_default(), state, span, findings);
            }
            "definedName" => {
                let text = element.attribute("name").unwrap_or_default().into_owned();
                let is_hidden = matches!(element.attribute("hidden").as_deref(), Some("1" | "true"));
                examine_name(&text, is_hidden, span.clone(), findings);
                name = Some(text);
                run.clear();
                start = span.start;
            }
            _ => {}
        },
        XmlStep::Text(text) if name.is_some() => run.push_str(text),
        XmlStep::Text(_) => {}
        XmlStep::Close("definedName") => {
            // Names of ordinary workbooks are references and ranges: nothing to see.
            if let Some(name) = name.take()
                && findings.has(&xlm::MACRO_SHEET)
            {
                macros.formula(&name, &run, start..span.end, findings);
            }
        }
        XmlStep::Close(_) => {}
    });
}
