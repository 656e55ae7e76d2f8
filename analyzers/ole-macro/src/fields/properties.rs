//! Properties and variables of documents, which fields can show: as XML in packages, and as property sets.

use analyzers::{Exhausted, Findings};

use super::Fields;
use super::names::{PROPERTY, VARIABLE};
use crate::compound::{le16, le32};
use crate::xml::{self, XmlStep};

/// Properties by their elements (ECMA-376-2 11, ECMA-376-1 22.2), under the names of DOCPROPERTY (17.16.5.15).
const ELEMENTS: &[(&str, &str)] = &[
    ("title", "title"),
    ("subject", "subject"),
    ("creator", "author"),
    ("keywords", "keywords"),
    ("description", "comments"),
    ("lastModifiedBy", "lastsavedby"),
    ("category", "category"),
    ("Manager", "manager"),
    ("Company", "company"),
    ("HyperlinkBase", "hyperlinkbase"),
    ("Template", "template"),
];

/// Reads `docProps/core.xml`, `app.xml`, `custom.xml`, or the variables in `word/settings.xml`.
pub(crate) fn read_properties(part: &[u8], fields: &mut Fields, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let text = xml::text(part, findings)?;
    let (mut name, mut value) = (None::<String>, String::new());
    xml::walk(&text, findings, |step, _, findings| match step {
        XmlStep::Open(element) => match element.name() {
            // Custom ones have their name in an attribute, and the value in an element of its type.
            "property" => {
                name = element.attribute("name").map(|name| name.into_owned());
                value.clear();
            }
            "docVar" => {
                let attribute = |name| element.attribute(name).unwrap_or_default();
                fields.define(VARIABLE, &attribute("name"), &attribute("val"), findings);
            }
            element => {
                if let Some((_, known)) = ELEMENTS.iter().find(|(local, _)| *local == element) {
                    name = Some((*known).to_owned());
                    value.clear();
                }
            }
        },
        XmlStep::Text(text) if name.is_some() => super::push(&mut value, text, super::INSTRUCTION_BYTES_MAX),
        XmlStep::Close(element) => {
            if (element == "property" || ELEMENTS.iter().any(|(local, _)| *local == element))
                && let Some(name) = name.take()
            {
                fields.define(PROPERTY, &name, &value, findings);
            }
        }
        XmlStep::Text(_) => {}
    })
}

/// Properties of the stream `\x05SummaryInformation` by number (MS-OLEPS 3.1.2).
const SUMMARY: &[(u32, &str)] = &[
    (2, "title"),
    (3, "subject"),
    (4, "author"),
    (5, "keywords"),
    (6, "comments"),
    (7, "template"),
    (8, "lastsavedby"),
];
/// Properties of one set that are read.
const SET_MAX: usize = 256;

/// Reads a property set stream of a compound file (MS-OLEPS 2.21): known properties, and those that a dictionary names.
pub(crate) fn read_summary(stream: &[u8], fields: &mut Fields, findings: &mut Findings<'_>) {
    let sets = le32(stream, 24).unwrap_or(0).min(2) as usize;
    for set in 0..sets {
        let Some(start) = le32(stream, 28 + set * 20 + 16).map(|at| at as usize) else { return };
        let Some(bytes) = stream.get(start..) else { return };
        let count = (le32(bytes, 4).unwrap_or(0) as usize).min(SET_MAX);
        let entry = |at: usize| Some((le32(bytes, 8 + at * 8)?, le32(bytes, 12 + at * 8)? as usize));
        let entries: Vec<(u32, usize)> = (0..count).map_while(entry).collect();
        if findings.budget().step(1 + entries.len() as u64).is_err() {
            return;
        }
        let names = entries.iter().find(|(id, _)| *id == 0).map_or_else(Vec::new, |(_, at)| dictionary(bytes, *at));
        for (id, at) in &entries {
            let Some(value) = bytes.get(*at..).and_then(text) else { continue };
            let named = names.iter().find(|(known, _)| known == id).map(|(_, name)| name.as_str());
            let name = named.or_else(|| SUMMARY.iter().find(|(known, _)| known == id).map(|(_, name)| *name));
            if let Some(name) = name {
                fields.define(PROPERTY, name, &value, findings);
            }
        }
    }
}

/// Names of the properties of a set (MS-OLEPS 2.17), as bytes; of wide ones the letters of ASCII.
fn dictionary(bytes: &[u8], at: usize) -> Vec<(u32, String)> {
    let Some(bytes) = bytes.get(at..) else { return Vec::new() };
    let count = (le32(bytes, 0).unwrap_or(0) as usize).min(SET_MAX);
    let mut at = 4;
    let mut names = Vec::new();
    for _ in 0..count {
        let (Some(id), Some(length)) = (le32(bytes, at), le32(bytes, at + 4)) else { break };
        let Some(name) = bytes.get(at + 8..).and_then(|rest| rest.get(..length as usize)) else { break };
        names.push((id, narrow(name)));
        at += 8 + name.len();
    }
    names
}

/// A string: VT_LPSTR or VT_LPWSTR (MS-OLEPS 2.15).
fn text(value: &[u8]) -> Option<String> {
    let length = le32(value, 4)? as usize;
    let rest = value.get(8..)?;
    match le16(value, 0)? {
        0x1e => Some(narrow(rest.get(..length).unwrap_or(rest))),
        0x1f => Some(narrow(rest.get(..length.saturating_mul(2)).unwrap_or(rest))),
        _ => None,
    }
}

/// Extracts ASCII from a value of either character width.
fn narrow(bytes: &[u8]) -> String {
    let bytes = bytes.get(..super::INSTRUCTION_BYTES_MAX).unwrap_or(bytes);
    bytes.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}
