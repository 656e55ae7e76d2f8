//! Checks that the purpose of every part of a package is known.
//!
//! A package is vouched for only if every part is accounted for: well-formed XML, a picture or other medium with known
//! magic bytes, or a part whose name gives its role and whose bytes fit that role. Parts that are scanned on their own
//! (compound files, documents, programs) are handled there. All other parts are unaccounted.

mod blobs;
mod fonts;
mod records;

use std::borrow::Cow;

use analyzers::{Budget, Exhausted, Findings};
use triage::{FileKind, MediaKind};

use self::fonts::FontKeys;
use super::archive::Part;
use super::inflate::Inflater;
use super::sound::{self, Strictness};

/// Longest part, in bytes as they are stored, that is read to find out whether it is one of the small binary ones.
const BLOB_BYTES_MAX: usize = 1 << 20;
/// Extensions of parts that are XML (ECMA-376-2; SVG 1.1; MS-OE376 for VML).
const XML: [&str; 5] = ["xml", "rels", "vml", "svg", "psmdcp"];

/// Accounts for parts, one after the other.
#[derive(Default)]
pub(crate) struct PartAccounts {
    keys: FontKeys,
}

impl PartAccounts {
    /// Learns from the font table what obfuscated fonts need: their keys.
    pub(super) fn learn(&mut self, font_table: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
        self.keys.read(font_table, findings)
    }

    /// Whether the part with these first bytes is what its place says. `bytes` are all of it, where they were read.
    pub(super) fn accounts_for(
        &self,
        part: &Part<'_>,
        head: &[u8],
        bytes: Option<&[u8]>,
        inflater: &mut Inflater,
        findings: &mut Findings<'_>,
    ) -> Result<bool, Exhausted> {
        if is_medium(head) {
            return Ok(true);
        }
        let (folder, name) = part.key.rsplit_once('/').unwrap_or(("", &part.key));
        // Signatures of Java archives and Open Documents: whoever goes by them reads another file than Office does.
        if folder.split('/').next() == Some("meta-inf") {
            return Ok(false);
        }
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        // Read only by those who look into all of it: what is refused by its name or size is not inflated.
        let mut whole = |findings: &mut Findings<'_>| match bytes {
            Some(bytes) => Ok(Cow::Borrowed(bytes)),
            None => part.read(inflater, findings),
        };
        let fits: fn(&[u8], &FontKeys) -> bool = if is_markup(head) && is_xml_name(name, extension) {
            return sound::is_sound(&whole(findings)?, strictness(extension), findings.budget());
        } else if folder.ends_with("printersettings") {
            return are_printer_settings(&whole(findings)?, findings.budget());
        } else if folder.ends_with("activex") && extension == "bin" {
            |bytes, _| blobs::is_control(bytes)
        } else if name.starts_with("vbaprojectsignature") {
            |bytes, _| blobs::is_signature(bytes)
        } else if name.starts_with("customproperty") && extension == "bin" {
            |bytes, _| blobs::is_short_text(bytes)
        } else if folder == "[trash]" {
            |bytes, _| blobs::is_filler(bytes)
        } else if matches!(extension, "emz" | "wmz") {
            |bytes, _| blobs::is_packed_metafile(bytes)
        } else if extension == "fntdata" {
            |bytes, _| fonts::is_embedded_open_type(bytes)
        } else if extension == "odttf" {
            |bytes, keys| fonts::is_obfuscated(bytes, keys)
        } else if extension == "bin" {
            return records::are_whole(&whole(findings)?, findings.budget());
        } else {
            return Ok(false);
        };
        if part.size() > BLOB_BYTES_MAX && !matches!(extension, "fntdata" | "odttf") {
            return Ok(false);
        }
        Ok(fits(&whole(findings)?, &self.keys))
    }
}

fn are_printer_settings(bytes: &[u8], budget: &mut Budget) -> Result<bool, Exhausted> {
    if blobs::is_printer_settings(bytes) {
        return Ok(true);
    }
    let Some(lists) = blobs::property_lists(bytes).filter(|lists| !lists.is_empty()) else { return Ok(false) };
    for list in lists {
        if !sound::is_sound(list, Strictness::Typed, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether `head` begins a picture, a sound, a film or a plain font.
fn is_medium(head: &[u8]) -> bool {
    let begins = |magic: &[u8]| head.starts_with(magic);
    // Flash runs programs.
    let is_flash = [&b"FWS"[..], b"CWS", b"ZWS"].iter().any(|magic| head.starts_with(magic));
    is_metafile(head)
        // JPEG XR (ITU-T T.832 A.5.2), glTF 2.0 (binary, 4.4).
        || begins(b"II\xbc\x01")
        || begins(b"glTF\x02\0\0\0")
        || match triage::triage(head) {
            FileKind::Image(_) | FileKind::Font => true,
            FileKind::Media(kind) => !is_flash || kind != MediaKind::Other,
            _ => false,
        }
}

/// MS-EMF 2.3.4.2: the first record is a header, its signature at 40. MS-WMF 2.3.2: placeable or not.
fn is_metafile(head: &[u8]) -> bool {
    (head.starts_with(&[1, 0, 0, 0]) && head.get(40..44) == Some(b" EMF"))
        || head.starts_with(&[0xd7, 0xcd, 0xc6, 0x9a])
        || (matches!(head, [1 | 2, 0, 9, 0, 0, 1 | 3, ..]))
}

/// Whether `head` begins like XML, in UTF-8 or UTF-16.
fn is_markup(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let head = head.strip_prefix(&[0xff, 0xfe]).or_else(|| head.strip_prefix(&[0xfe, 0xff])).unwrap_or(head);
    head.iter().find(|byte| !byte.is_ascii_whitespace() && **byte != 0) == Some(&b'<')
}

/// Whether a part with this name is XML: by its extension, or it has none; custom properties of sheets may be.
fn is_xml_name(name: &str, extension: &str) -> bool {
    XML.contains(&extension) || !name.contains('.') || name.starts_with("customproperty")
}

fn strictness(extension: &str) -> Strictness {
    match extension {
        "vml" => Strictness::Drawing,
        "svg" => Strictness::Typed,
        _ => Strictness::WellFormed,
    }
}
