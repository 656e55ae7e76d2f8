//! Office Open XML packages (ECMA-376), and ZIP archives that hold one's parts or whole documents.
//!
//! Of the many parts of a document only those are read that can run, fetch or hide something; of the others the
//! first bytes say whether they are what their names claim.

mod archive;
pub(crate) mod inflate;
mod local;
mod relations;
mod types;
pub(crate) mod xml;

use analyzers::{Exhausted, Findings, Limit, Sample};
use triage::{FileKind, OoxmlKind};

use self::archive::Part;
use self::inflate::Inflater;
use self::types::{Role, Types};
use crate::catalogue::package as signs;
use crate::compound::Compound;
use crate::fields::{self, Fields};
use crate::object::{self, names};
use crate::{vba, xlm};

/// What is read first: when the budget ends, what matters most was seen.
const ORDER: [Role; 11] = [
    Role::Macros,
    Role::MacroSheet,
    Role::MacroSheetBinary,
    Role::Relations,
    Role::Workbook,
    Role::WorkbookBinary,
    Role::ExternalLink,
    Role::Ribbon,
    Role::Control,
    Role::Other,
    Role::Text,
];
/// Bytes of a part that say what it is.
const HEAD_BYTES: usize = 64;
const COMPOUND: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
/// A shell link: header size and the first bytes of its class (MS-SHLLINK 2.1).
const SHELL_LINK: &[u8] = &[0x4c, 0, 0, 0, 1, 0x14, 2, 0];

/// Examines the package `sample`, or a ZIP that may hold an Office part.
pub(crate) fn examine<'a>(sample: Sample<'a>, findings: &mut Findings<'a>) {
    let parts = archive::open(sample.bytes, findings);
    let mut reader =
        Reader { inflater: Inflater::new(), is_document: is_document(&parts, sample.kind), fields: Fields::default() };
    if !matches!(sample.kind, FileKind::Ooxml(_)) && !reader.is_document {
        return hand_over_members(&parts, &mut reader, findings);
    }
    let mut types = Types::default();
    for part in parts.iter().filter(|part| part.key == "[content_types].xml") {
        let read = part.read(&mut reader.inflater, findings);
        let read = read.and_then(|bytes| findings.within(&part.name, |findings| types.read(&bytes, findings)));
        if is_end(read) {
            return;
        }
    }
    let roles: Vec<Role> = parts.iter().map(|part| types.role(&part.key)).collect();
    for turn in ORDER {
        for (part, _) in parts.iter().zip(&roles).filter(|(_, role)| **role == turn) {
            if is_end(reader.examine_part(part, turn, findings)) {
                return;
            }
        }
    }
    if reader.fields.is_waiting() && is_end(reader.read_names(&parts, &roles, findings)) {
        return;
    }
    reader.fields.finish(findings);
}

/// A document of Word, Excel or PowerPoint, where programs and scripts have no place; in other packages (NuGet,
/// Visual Studio extensions) they are the point.
fn is_document(parts: &[Part<'_>], kind: FileKind) -> bool {
    match kind {
        FileKind::Ooxml(kind) => kind != OoxmlKind::Other,
        _ => parts.iter().any(|part| {
            part.key.ends_with("vbaproject.bin")
                || ["word/document.", "xl/workbook.", "ppt/presentation."].iter().any(|main| part.key.starts_with(main))
        }),
    }
}

/// Whether nothing more can be read. One stream that is too long does not end the examination of the others: it may
/// be there to do just that.
fn is_end(read: Result<(), Exhausted>) -> bool {
    matches!(read, Err(Exhausted(limit)) if limit != Limit::Stream)
}

/// Documents and programs in a plain archive are examined in their own right.
fn hand_over_members<'a>(parts: &[Part<'a>], reader: &mut Reader, findings: &mut Findings<'a>) {
    for part in parts {
        if findings.budget().step(1).is_err() {
            return;
        }
        let head = part.head(&mut reader.inflater, HEAD_BYTES);
        let wanted = head.starts_with(COMPOUND)
            || [&b"PK\x03\x04"[..], b"{\\rt", b"MZ", b"\x7fELF"].iter().any(|magic| head.starts_with(magic));
        if wanted {
            match part.read(&mut reader.inflater, findings) {
                Ok(bytes) => findings.child(&part.name, bytes),
                Err(Exhausted(Limit::Stream)) => {}
                Err(_) => return,
            }
        }
    }
}

/// Reads one part after the other.
struct Reader {
    inflater: Inflater,
    is_document: bool,
    fields: Fields,
}

impl Reader {
    fn examine_part<'a>(&mut self, part: &Part<'a>, role: Role, findings: &mut Findings<'a>) -> Result<(), Exhausted> {
        findings.budget().step(1)?;
        if role == Role::Other {
            let head = part.head(&mut self.inflater, HEAD_BYTES);
            return self.look_at(part, &head, findings);
        }
        let bytes = part.read(&mut self.inflater, findings)?;
        if role == Role::Macros {
            if bytes.starts_with(COMPOUND) {
                if examine_compound(part, &bytes, findings) {
                    findings.child(&part.name, bytes);
                }
            } else {
                // What is no VBA project may still be something else; and Office would have looked for one.
                self.look_at(part, &bytes, findings)?;
                if part.key.ends_with("vbaproject.bin") {
                    findings.within(&part.name, |findings| Compound::open(&bytes, findings).is_some());
                }
            }
            return Ok(());
        }
        findings.within(&part.name, |findings| match role {
            Role::MacroSheet => {
                xlm::examine_sheet_xml(&bytes, findings);
                Ok(())
            }
            Role::MacroSheetBinary => {
                xlm::examine_sheet_bin(&bytes, findings);
                Ok(())
            }
            Role::Workbook => {
                xlm::examine_workbook_xml(&bytes, findings);
                Ok(())
            }
            Role::WorkbookBinary => {
                xlm::examine_workbook_bin(&bytes, findings);
                Ok(())
            }
            Role::Relations => relations::examine(&bytes, findings),
            Role::ExternalLink => fields::examine_external_link(&bytes, findings),
            Role::Text => {
                self.fields.begin_part(&part.name);
                fields::examine_word_xml(&bytes, &mut self.fields, findings)
            }
            Role::Ribbon => examine_ribbon(&bytes, findings),
            Role::Control => examine_control(&bytes, findings),
            // Dealt with above, or not asked for.
            Role::Macros | Role::Other | Role::Markup => Ok(()),
        })
    }

    /// Reads what fields refer to: properties and variables of the document, bookmarks in parts without fields.
    fn read_names<'a>(
        &mut self,
        parts: &[Part<'a>],
        roles: &[Role],
        findings: &mut Findings<'a>,
    ) -> Result<(), Exhausted> {
        for (part, role) in parts.iter().zip(roles) {
            let is_properties = part.key.starts_with("docprops/") || part.key.ends_with("word/settings.xml");
            if !is_properties && *role != Role::Text {
                continue;
            }
            let bytes = part.read(&mut self.inflater, findings)?;
            match role {
                Role::Text => fields::read_bookmarks(&bytes, &mut self.fields, findings)?,
                _ => fields::read_properties(&bytes, &mut self.fields, findings)?,
            }
        }
        Ok(())
    }

    /// Examines a part by what its first bytes say it is.
    fn look_at<'a>(&mut self, part: &Part<'a>, head: &[u8], findings: &mut Findings<'a>) -> Result<(), Exhausted> {
        let is_compound = head.starts_with(COMPOUND);
        let is_program = head.starts_with(b"MZ") || head.starts_with(b"\x7fELF");
        let is_child = head.starts_with(b"PK\x03\x04") || head.starts_with(b"{\\rt");
        let is_script = head.starts_with(SHELL_LINK) || names::is_script(&part.name);
        if self.is_document && is_script {
            findings.saw_with(&signs::SCRIPT_PART, part.span.clone(), &part.name);
        }
        if !(is_compound || is_program || is_child) {
            return Ok(());
        }
        let bytes = part.read(&mut self.inflater, findings)?;
        let is_program = is_program && matches!(triage::triage(&bytes), FileKind::Pe(_) | FileKind::Elf(_));
        if is_program && self.is_document {
            findings.saw_with(&signs::EXECUTABLE_PART, part.span.clone(), &part.name);
        }
        if (is_compound || is_program || is_child) && names::is_picture_or_text(&part.name) {
            findings.saw_with(&signs::DISGUISED_PART, part.span.clone(), &part.name);
        }
        // A document inside of the document is examined in its own right; an object is part of this one.
        let is_document = is_compound && examine_compound(part, &bytes, findings);
        if is_program || is_child || is_document {
            findings.child(&part.name, bytes);
        }
        Ok(())
    }
}

/// Examines a compound file inside of the package. True if it is a document of its own, to be examined as such.
fn examine_compound(part: &Part<'_>, bytes: &[u8], findings: &mut Findings<'_>) -> bool {
    findings.within(&part.name, |findings| {
        let Some(compound) = Compound::open(bytes, findings) else { return false };
        if compound.is_document() {
            return true;
        }
        let folders = ["embeddings/", "activex/", "printersettings/"];
        let is_elsewhere = !part.key.ends_with("vbaproject.bin") && !folders.iter().any(|name| part.key.contains(name));
        if is_elsewhere && compound.entries().iter().any(|entry| entry.path.to_ascii_lowercase().ends_with("vba/dir")) {
            findings.saw_with(&signs::RENAMED_MACROS, 0..0, &part.name);
        }
        vba::examine(&compound, findings);
        object::examine_compound(&compound, findings);
        compound.report_faults(findings);
        false
    })
}

/// Changes to the ribbon: what runs when it is loaded.
fn examine_ribbon(part: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let text = xml::text(part, findings)?;
    xml::walk(&text, findings, |step, span, findings| {
        let xml::Step::Open(element) = step else { return };
        if let Some(macro_name) = element.attribute("onLoad").filter(|_| element.name() == "customUI") {
            findings.saw_with(&signs::RIBBON_ONLOAD, span, macro_name);
        }
    })
}

/// An ActiveX control: its class.
fn examine_control(part: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let text = xml::text(part, findings)?;
    findings.saw(&signs::ACTIVEX, 0..0);
    xml::walk(&text, findings, |step, span, findings| {
        let xml::Step::Open(element) = step else { return };
        if let Some(class) = element.attribute("classid") {
            object::examine_class_text(&class, span, findings);
        }
    })
}
