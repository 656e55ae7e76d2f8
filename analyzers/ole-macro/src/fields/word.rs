//! Fields in WordprocessingML, and links of workbooks to other programs.

use analyzers::{Exhausted, Findings};

use super::{Fields, report_link};
use crate::xml::{self, XmlStep};

/// Fields in a part of WordprocessingML: the document, headers, footers, notes, comments. To be followed by
/// [`Fields::finish`] after the last part.
pub(crate) fn examine_word_xml(part: &[u8], fields: &mut Fields, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let text = xml::text(part, findings)?;
    // Most documents have no fields; then a search is all that is paid.
    let has = |needle: &str| memchr::memmem::find(text.as_bytes(), needle.as_bytes()).is_some();
    if !has("instrText") && !has("InstrText") && !has("fldSimple") && !has("fldData") && !has("<!DOCTYPE") {
        return Ok(());
    }
    read(&text, fields, findings)
}

/// Bookmarks of a part that has no fields: what they hold may be wanted by fields elsewhere.
pub(crate) fn read_bookmarks(part: &[u8], fields: &mut Fields, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let text = xml::text(part, findings)?;
    if memchr::memmem::find(text.as_bytes(), b"bookmarkStart").is_none() {
        return Ok(());
    }
    let mut in_text = false;
    xml::walk(&text, findings, |step, _, findings| match step {
        XmlStep::Open(element) => bookmark(element, &mut in_text, fields, findings),
        XmlStep::Close("t") => in_text = false,
        XmlStep::Text(text) if in_text => fields.shown(text),
        XmlStep::Close(_) | XmlStep::Text(_) => {}
    })?;
    fields.end_part(text.len(), findings);
    Ok(())
}

fn bookmark(element: &xml::Element<'_>, in_text: &mut bool, fields: &mut Fields, findings: &mut Findings<'_>) {
    let id = || element.attribute("id").unwrap_or_default();
    match element.name() {
        "t" => *in_text = true,
        "bookmarkStart" => fields.begin_bookmark(&id(), &element.attribute("name").unwrap_or_default()),
        "bookmarkEnd" => fields.end_bookmark(&id(), findings),
        _ => {}
    }
}

fn read(text: &str, fields: &mut Fields, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let (mut in_instruction, mut in_text) = (false, false);
    xml::walk(text, findings, |step, span, findings| match step {
        XmlStep::Open(element) => match element.name() {
            "fldChar" => match element.attribute("fldCharType").as_deref().map(str::trim) {
                Some("begin") => fields.begin(span.start),
                Some("separate") => fields.separate(),
                Some("end") => fields.end(span.end, findings),
                _ => {}
            },
            "fldSimple" => {
                fields.begin(span.start);
                fields.text(&element.attribute("instr").unwrap_or_default());
                // What is inside of the element is the result.
                fields.separate();
            }
            // Deleted instructions come back when the change is rejected.
            "instrText" | "delInstrText" => in_instruction = true,
            _ => bookmark(element, &mut in_text, fields, findings),
        },
        XmlStep::Close("fldSimple") => fields.end(span.end, findings),
        XmlStep::Close("instrText" | "delInstrText") => in_instruction = false,
        XmlStep::Close("t") => in_text = false,
        XmlStep::Close(_) => {}
        XmlStep::Text(text) if in_instruction => fields.text(text),
        XmlStep::Text(text) if in_text => fields.shown(text),
        XmlStep::Text(_) => {}
    })?;
    fields.end_part(text.len(), findings);
    Ok(())
}

/// Links of a workbook to other programs: a part `xl/externalLinks/externalLink1.xml`.
pub(crate) fn examine_external_link(part: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let text = xml::text(part, findings)?;
    xml::walk(&text, findings, |step, span, findings| {
        let XmlStep::Open(element) = step else { return };
        if element.name() != "ddeLink" {
            return;
        }
        let service = element.attribute("ddeService").unwrap_or_default();
        let topic = element.attribute("ddeTopic").unwrap_or_default();
        report_link(&service, &topic, span, findings);
    })
}
