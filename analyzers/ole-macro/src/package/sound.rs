//! Whether a part is XML from its first byte to its last, with nothing in it that anybody would run.
//!
//! A package is vouched for only if all parts are valid. Parts with indicators are parsed elsewhere; here all parts are
//! checked to be what they claim. Nothing is reported; an invalid part is unaccounted.

use std::borrow::Cow;

use analyzers::{Budget, Exhausted};
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Elements that hold programs: of HTML and SVG, Windows Script files and components, and style sheets.
const PROGRAMS: [&str; 2] = ["script", "scriptlet"];
/// Root elements of whole documents in one XML file, which no part of a package is: Flat OPC, Word and Excel 2003 (all
/// may hold macros), and HTML.
const DOCUMENTS: [&str; 4] = ["package", "wordDocument", "Workbook", "html"];

/// How strictly a part is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strictness {
    /// The part must be well-formed XML.
    WellFormed,
    /// As Office reads its legacy drawings, in which `<br>` has no end tag.
    Drawing,
    /// XML that may name a public document type, like property lists and SVG.
    Typed,
}

/// Whether `part` is sound.
pub(crate) fn is_sound(part: &[u8], strictness: Strictness, budget: &mut Budget) -> Result<bool, Exhausted> {
    let Some(text) = exact_text(part, budget)? else { return Ok(false) };
    if !declares_unicode(&text) {
        return Ok(false);
    }
    let mut reader = Reader::from_str(&text);
    let config = reader.config_mut();
    let is_drawing = strictness == Strictness::Drawing;
    config.check_end_names = !is_drawing;
    config.allow_unmatched_ends = is_drawing;
    config.allow_dangling_amp = is_drawing;
    let (mut depth, mut roots) = (0_usize, 0_usize);
    loop {
        budget.step(1)?;
        let sound = match reader.read_event() {
            Ok(Event::Start(element)) => {
                depth += 1;
                roots += usize::from(depth == 1);
                !holds_program(&element, depth == 1)
            }
            Ok(Event::Empty(element)) => {
                roots += usize::from(depth == 0);
                !holds_program(&element, depth == 0)
            }
            Ok(Event::End(_)) => {
                depth = depth.saturating_sub(1);
                true
            }
            // Around the root stands white space only. A drawing's depth is not known.
            Ok(Event::Text(run)) => depth > 0 || is_drawing || run.chars().all(char::is_whitespace),
            Ok(Event::CData(_) | Event::GeneralRef(_)) => depth > 0 || is_drawing,
            Ok(Event::DocType(kind)) => strictness == Strictness::Typed && !kind.contains('['),
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => true,
            Ok(Event::Eof) => return Ok(if is_drawing { roots > 0 } else { roots == 1 && depth == 0 }),
            Err(_) => false,
        };
        if !sound {
            return Ok(false);
        }
    }
}

fn holds_program(element: &BytesStart<'_>, is_root: bool) -> bool {
    let name = element.local_name().into_inner();
    PROGRAMS.iter().any(|program| program.eq_ignore_ascii_case(name)) || (is_root && DOCUMENTS.contains(&name))
}

/// The text of `part` if every byte of it is text.
fn exact_text<'p>(part: &'p [u8], budget: &mut Budget) -> Result<Option<Cow<'p, str>>, Exhausted> {
    let encoding = match part {
        [0xff, 0xfe, ..] | [b'<', 0, ..] => encoding_rs::UTF_16LE,
        [0xfe, 0xff, ..] | [0, b'<', ..] => encoding_rs::UTF_16BE,
        _ => {
            let text = std::str::from_utf8(part).ok();
            return Ok(text.map(|text| Cow::Borrowed(text.trim_start_matches('\u{feff}'))));
        }
    };
    budget.produce(part.len() as u64)?;
    let (text, has_errors) = encoding.decode_with_bom_removal(part);
    Ok((!has_errors).then_some(text))
}

/// Whether the declaration names an encoding of Unicode, or none: what is read otherwise than it was checked may be
/// something else.
fn declares_unicode(text: &str) -> bool {
    let Some((declaration, _)) = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) else { return true };
    let Some((_, value)) = declaration.split_once("encoding") else { return true };
    let value = value.trim_start_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '"' | '\''));
    let name = value.split(['"', '\'']).next().unwrap_or_default();
    ["utf-8", "utf8", "utf-16", "us-ascii", "ascii"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use analyzers::{Cancel, Limits};

    use super::*;

    #[track_caller]
    fn check(part: &[u8], strictness: Strictness, sound: bool) {
        let mut budget = Budget::new(Limits::default(), Cancel::default());
        assert_eq!(is_sound(part, strictness, &mut budget), Ok(sound), "{}", part.escape_ascii());
    }

    #[test]
    fn what_is_xml_throughout_is_sound() {
        let utf16: Vec<u8> = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>\u{e4}</a>"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for part in [
            b"<a/>".as_slice(),
            b"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n<a b='1'>x &amp; &#121;</a>\n",
            b"<!-- a --><w:a xmlns:w='u'><w:b/><![CDATA[<script>]]></w:a><!-- b -->",
            &utf16,
        ] {
            check(part, Strictness::WellFormed, true);
        }
        let property_list =
            b"<?xml version=\"1.0\"?><!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"a\"><plist/>";
        check(property_list, Strictness::Typed, true);
        check(property_list, Strictness::WellFormed, false);
        check(b"<xml><v:shape>a<br>b</v:shape></xml>", Strictness::Drawing, true);
        check(b"<xml><v:shape>a<br>b</v:shape></xml>", Strictness::WellFormed, false);
    }

    #[test]
    fn what_is_something_else_or_could_be_run_is_not_sound() {
        for part in [
            b"".as_slice(),
            b"MsgBox 1",
            b"<a/>MsgBox 1",
            b"<a/><b/>",
            b"<a>",
            b"<a></b>",
            b"<a/>\xff\xfe\x00MZ",
            b"<job><script language=\"VBScript\">MsgBox 1</script></job>",
            b"<svg><g><SCRIPT href='x'/></g></svg>",
            b"<pkg:package xmlns:pkg='u'/>",
            b"<html/>",
            b"<?xml version=\"1.0\" encoding=\"utf-7\"?><a/>",
        ] {
            check(part, Strictness::WellFormed, false);
        }
        check(b"<!DOCTYPE a [<!ENTITY b \"c\">]><a/>", Strictness::Typed, false);
        check(b"text alone", Strictness::Drawing, false);
    }
}
