//! A bounded walk through an XML part.
//!
//! Nothing is expanded but character references and the five entities of XML itself: a document type, which could
//! define others, is forbidden in packages and a sign. Parts may be UTF-8 or UTF-16 (ECMA-376-2 6.1.4).

use std::borrow::Cow;
use std::ops::Range;

use analyzers::{Exhausted, Findings, Incomplete, Limit};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::catalogue::package as signs;

/// Deeper than any part of a document: Word itself refuses nested tables long before.
const DEPTH_MAX: usize = 1_000;
/// Attributes of one element that are looked at; the schemas know no element with a tenth of it.
const ATTRIBUTES_MAX: usize = 500;

/// One step of the walk.
pub(crate) enum XmlStep<'s, 'x> {
    /// An element begins (and ends at once, if it is empty).
    Open(&'s Element<'x>),
    /// The element with this local name ends.
    Close(&'s str),
    /// Text, with its references resolved.
    Text(&'s str),
}

/// An element's start.
pub(crate) struct Element<'x> {
    start: BytesStart<'x>,
}

impl Element<'_> {
    /// Name of the element without its prefix.
    pub(crate) fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// The value of the attribute with this local name.
    pub(crate) fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut attributes = self.start.attributes();
        // Its own check compares each with all before it.
        let attributes = attributes.with_checks(false).take(ATTRIBUTES_MAX).flatten();
        attributes
            .into_iter()
            .find(|attribute| attribute.key.local_name().into_inner() == name)
            .map(|attribute| attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or(attribute.value))
    }

    /// The values of its attributes.
    pub(crate) fn values(&self) -> Vec<String> {
        let mut attributes = self.start.attributes();
        let attributes = attributes.with_checks(false).take(ATTRIBUTES_MAX).flatten();
        attributes
            .map(|attribute| {
                attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or(attribute.value).into_owned()
            })
            .collect()
    }

    fn is_excessive(&self) -> bool {
        let raw = self.start.attributes_raw();
        raw.len() > ATTRIBUTES_MAX && memchr::memchr_iter(b'=', raw.as_bytes()).nth(ATTRIBUTES_MAX).is_some() && {
            let mut attributes = self.start.attributes();
            attributes.with_checks(false).nth(ATTRIBUTES_MAX).is_some()
        }
    }
}

/// The text of a part: as it is when it is UTF-8, else decoded and paid for.
pub(crate) fn text<'p>(part: &'p [u8], findings: &mut Findings<'_>) -> Result<Cow<'p, str>, Exhausted> {
    let encoding = match part {
        [0xff, 0xfe, ..] | [b'<', 0, ..] => encoding_rs::UTF_16LE,
        [0xfe, 0xff, ..] | [0, b'<', ..] => encoding_rs::UTF_16BE,
        _ => {
            if let Ok(text) = std::str::from_utf8(part) {
                return Ok(Cow::Borrowed(text.trim_start_matches('\u{feff}')));
            }
            encoding_rs::UTF_8
        }
    };
    findings.budget().produce(part.len() as u64)?;
    Ok(encoding.decode_with_bom_removal(part).0)
}

/// Walks through `text`, and reports what is wrong with it. Spans are in the text, as UTF-8.
pub(crate) fn walk<'a>(
    text: &str,
    findings: &mut Findings<'a>,
    mut each: impl FnMut(XmlStep<'_, '_>, Range<usize>, &mut Findings<'a>),
) -> Result<(), Exhausted> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    // We follow no tree, so names that do not match harm nobody.
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut depth = 0_usize;
    loop {
        findings.budget().step(1)?;
        let start = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event();
        let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let span = start..end;
        match event {
            Ok(Event::Start(element)) => {
                depth += 1;
                open(element, span, depth, findings, &mut each);
            }
            Ok(Event::Empty(element)) => {
                let name = element.local_name().into_inner().to_owned();
                open(element, span.clone(), depth, findings, &mut each);
                each(XmlStep::Close(&name), span, findings);
            }
            Ok(Event::End(element)) => {
                depth = depth.saturating_sub(1);
                each(XmlStep::Close(element.local_name().into_inner()), span, findings);
            }
            Ok(Event::Text(run)) => each(XmlStep::Text(&run), span, findings),
            Ok(Event::CData(run)) => each(XmlStep::Text(&run), span, findings),
            Ok(Event::GeneralRef(reference)) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character.to_string(),
                    _ => quick_xml::escape::resolve_predefined_entity(&reference).unwrap_or_default().to_owned(),
                };
                each(XmlStep::Text(&character), span, findings);
            }
            Ok(Event::DocType(_)) => findings.saw(&signs::DOCTYPE, span),
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => {}
            Ok(Event::Eof) => return Ok(()),
            Err(error) => {
                findings.saw_with(&signs::MALFORMED_XML, span, error);
                findings.incomplete(Incomplete::CutShort);
                return Ok(());
            }
        }
    }
}

fn open<'x, 'a>(
    start: BytesStart<'x>,
    span: Range<usize>,
    depth: usize,
    findings: &mut Findings<'a>,
    each: &mut impl FnMut(XmlStep<'_, '_>, Range<usize>, &mut Findings<'a>),
) {
    let element = Element { start };
    if depth == DEPTH_MAX || element.is_excessive() {
        findings.saw(&signs::EXCESSIVE_XML, span.clone());
        // Attributes beyond the cap, and what lies deeper, are not looked at.
        findings.budget().exhaust(Limit::Entries);
    }
    each(XmlStep::Open(&element), span, findings);
}
