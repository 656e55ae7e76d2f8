//! Objects of OLE 1 (MS-OLEDS 2.2), as RTF holds them.

use analyzers::{Findings, Incomplete};

use super::classes::ObjectKind;
use super::{classes, link, native};
use crate::catalogue::object as signs;
use crate::catalogue::rtf;
use crate::compound::{Compound, le32};
use crate::vba;

const COMPOUND: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
/// Maximum length of a name, in bytes. Longer ones mean that this is not an object.
const NAME_BYTES_MAX: usize = 4 << 10;

/// The header of an object (2.2.4), and what follows it.
struct Object<'a> {
    linked: bool,
    class: String,
    topic: String,
    rest: &'a [u8],
}

/// Examines the data of an object.
pub(crate) fn examine(data: &[u8], findings: &mut Findings<'_>) {
    let Some(object) = header(data) else {
        // Word needs the header; whoever wrote this means another reader, or to confuse this one.
        findings.saw(&rtf::MALFORMED_OBJECT, 0..data.len().min(16));
        return examine_native("", anywhere(data), findings);
    };
    let kind = classes::by_name(&object.class);
    super::report_kind(kind, &object.class, true, 0..data.len(), findings);
    if object.linked {
        return link::judge(&object.topic, 0..data.len(), findings);
    }
    let length = le32(object.rest, 0).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let all = object.rest.get(4..).unwrap_or_default();
    if all.len() < length {
        findings.saw_with(&signs::MALFORMED, 0..data.len(), "the native data is shorter than it claims");
    }
    let native = all.get(..length).unwrap_or(all);
    if kind == Some(ObjectKind::Equation) && !all.starts_with(COMPOUND) {
        // Equations of OLE 1 have no compound file around what would be the stream `Equation Native`.
        super::examine_equation(native, findings);
    }
    // A compound file knows its own length.
    examine_native(&object.class, if all.starts_with(COMPOUND) { all } else { native }, findings);
}

/// The compound file or program that lies somewhere in `data`.
fn anywhere(data: &[u8]) -> &[u8] {
    let at = memchr::memmem::find(data, COMPOUND).unwrap_or(0);
    data.get(at..).unwrap_or_default()
}

fn examine_native(class: &str, data: &[u8], findings: &mut Findings<'_>) {
    if !data.starts_with(COMPOUND) {
        return native::examine(data, findings);
    }
    let name = if class.is_empty() { "object" } else { class };
    findings.within(name, |findings| {
        let Some(compound) = Compound::open(data, findings) else { return findings.incomplete(Incomplete::CutShort) };
        if compound.is_document() {
            return native::hand_over(name, data, findings);
        }
        vba::examine(&compound, findings);
        super::examine_objects(&compound, true, findings);
        compound.report_faults(findings);
    });
}

/// The header, if there is one: version, form, class, topic and item.
fn header(data: &[u8]) -> Option<Object<'_>> {
    // The version is not looked at by Word, and filled with anything by those who know that.
    let form = le32(data, 4)?;
    if form != 1 && form != 2 {
        return None;
    }
    let mut rest = data.get(8..)?;
    let class = name(&mut rest)?;
    let topic = name(&mut rest)?;
    name(&mut rest)?;
    Some(Object { linked: form == 1, class, topic, rest })
}

/// Takes text with its length in front, which counts the NUL at its end (2.1.4).
fn name(rest: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(le32(rest, 0)?).ok().filter(|length| *length <= NAME_BYTES_MAX)?;
    let (text, after) = rest.get(4..)?.split_at_checked(length)?;
    *rest = after;
    let text = text.get(..memchr::memchr(0, text).unwrap_or(text.len())).unwrap_or_default();
    Some(String::from_utf8_lossy(text).into_owned())
}
