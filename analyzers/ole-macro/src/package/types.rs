//! Role of each part of a package, from its content type, its relationships and its name.
//!
//! Office uses content types and relationships, so a macro sheet may have any name. The name is used if neither is
//! known, and because some tools use names. Relationship parts themselves are found by name only.

use std::collections::HashMap;

use analyzers::{Exhausted, Findings};

use super::relations::Relations;
use super::role::PartRole;
use crate::xml::{self, XmlStep};

/// The content types that were declared, as far as they concern us.
#[derive(Default)]
pub(crate) struct Types {
    parts: HashMap<String, PartRole>,
    extensions: HashMap<String, PartRole>,
}

impl Types {
    /// Takes in one `[Content_Types].xml`.
    pub(super) fn read(&mut self, part: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
        let text = xml::text(part, findings)?;
        xml::walk(&text, findings, |step, _, _| {
            let XmlStep::Open(element) = step else { return };
            let into = match element.name() {
                "Override" => (element.attribute("PartName"), &mut self.parts),
                "Default" => (element.attribute("Extension"), &mut self.extensions),
                _ => return,
            };
            let (Some(name), map) = into else { return };
            if let Some(role) = element.attribute("ContentType").as_deref().and_then(of_type) {
                map.insert(name.trim_start_matches('/').to_ascii_lowercase(), role);
            }
        })
    }

    /// Returns the role of a part.
    pub(super) fn role(&self, key: &str, relations: &Relations) -> PartRole {
        let extension = key.rsplit_once('.').map_or("", |(_, extension)| extension);
        if extension == "rels" {
            return PartRole::Relations;
        }
        let declared = self.parts.get(key).or_else(|| self.extensions.get(extension)).copied();
        // A type that says what Office runs wins over any name, but one that says nothing takes nothing from a name.
        let named = relations.role(key).unwrap_or_else(|| of_name(key, extension));
        match (declared, named) {
            (None, named) => named,
            (Some(PartRole::Other), PartRole::Markup) => PartRole::Other,
            (Some(PartRole::Other), named) => named,
            (Some(declared), _) => declared,
        }
    }
}

/// Role by content type (ECMA-376-1 annex A, MS-OFFMACRO2 2.1); `None` if it is irrelevant.
fn of_type(content_type: &str) -> Option<PartRole> {
    let kind = content_type.trim().to_ascii_lowercase();
    let is_xml = kind.ends_with("+xml") || kind.ends_with("/xml");
    if kind.ends_with(".relationships+xml") {
        Some(PartRole::Relations)
    } else if kind.contains("vbaproject") && !kind.contains("signature") {
        Some(PartRole::Macros)
    } else if kind.contains("macrosheet") {
        Some(if is_xml { PartRole::MacroSheet } else { PartRole::MacroSheetBinary })
    } else if kind.ends_with("sheet.main+xml") || (kind.contains("ms-excel") && kind.ends_with("main+xml")) {
        Some(PartRole::Workbook)
    } else if kind.contains("sheet.binary.macroenabled.main") {
        Some(PartRole::WorkbookBinary)
    } else if kind.contains("externallink") {
        Some(if is_xml { PartRole::ExternalLink } else { PartRole::ExternalLinkBinary })
    } else if kind.contains("wordprocessingml") || kind.contains("ms-word") {
        let texts = ["main", "header", "footer", "footnotes", "endnotes", "comments", "glossary"];
        texts.iter().any(|text| kind.ends_with(&format!("{text}+xml"))).then_some(PartRole::Text)
    } else {
        // Whatever is not XML is looked at.
        (!is_xml).then_some(PartRole::Other)
    }
}

/// Role by the names that Office uses.
fn of_name(key: &str, extension: &str) -> PartRole {
    let (folder, name) = key.rsplit_once('/').unwrap_or(("", key));
    if name == "vbaproject.bin" {
        PartRole::Macros
    } else if folder.ends_with("macrosheets") {
        if extension == "bin" { PartRole::MacroSheetBinary } else { PartRole::MacroSheet }
    } else if key == "xl/workbook.xml" {
        PartRole::Workbook
    } else if key == "xl/workbook.bin" {
        PartRole::WorkbookBinary
    } else if folder.ends_with("externallinks") && matches!(extension, "xml" | "bin") {
        if extension == "bin" { PartRole::ExternalLinkBinary } else { PartRole::ExternalLink }
    } else if folder.starts_with("customui") && extension == "xml" {
        PartRole::Ribbon
    } else if folder.ends_with("activex") && extension == "xml" {
        PartRole::Control
    } else if folder == "word" && extension == "xml" {
        let texts = ["document", "header", "footer", "footnotes", "endnotes", "comments"];
        if texts.iter().any(|text| name.starts_with(text)) { PartRole::Text } else { PartRole::Markup }
    } else if matches!(extension, "xml" | "vml" | "") {
        PartRole::Markup
    } else {
        PartRole::Other
    }
}
