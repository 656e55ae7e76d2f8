//! Office Open XML packages (ECMA-376), and ZIP archives that hold one's parts or whole documents.
//!
//! Parts that can run, download or hide something are parsed for indicators. Every part is checked by its first bytes,
//! whatever its name and type, and must be accounted for (`account`). A package with an unaccounted part is not vouched
//! for.

mod account;
mod archive;
mod controls;
pub(crate) mod inflate;
mod links;
mod local;
mod records;
mod relations;
mod role;
mod shape;
mod sound;
mod types;

use std::borrow::Cow;
use std::cmp::Reverse;

use analyzers::{Exhausted, Findings, Limit, Sample};
use triage::{FileKind, OoxmlKind, ZipKind};

use self::account::PartAccounts;
use self::archive::Part;
use self::inflate::Inflater;
use self::relations::Relations;
use self::role::PartRole;
use self::shape::{HEAD_BYTES, Shape, rtf_start};
use self::types::Types;
use crate::catalogue::package as signs;
use crate::compound::Compound;
use crate::fields::{self, Fields};
use crate::file_names;
use crate::object::{self, is_judged};
use crate::{vba, xlm};

const TYPES: &str = "[content_types].xml";

/// Examines the package `sample`, or a ZIP that may hold an Office part.
pub(crate) fn examine<'a>(sample: Sample<'a>, findings: &mut Findings<'a>) {
    // Archives of other kinds matter only where Office parts stand beside what makes them one.
    let is_foreign = matches!(sample.kind, FileKind::Zip(kind) if kind != ZipKind::Plain);
    if is_foreign && memchr::memmem::find(sample.bytes, b"[Content_Types].xml").is_none() {
        return;
    }
    let parts = archive::open(sample.bytes, findings);
    let is_document = is_document(&parts, sample.kind);
    let mut reader = PackageReader {
        inflater: Inflater::new(),
        is_document,
        fields: Fields::default(),
        accounts: PartAccounts::default(),
    };
    // Whatever ends the reading is a limit, and the budget remembers it.
    let _ = match sample.kind {
        FileKind::Zip(ZipKind::Plain) if !is_document => hand_over_members(&parts, &mut reader, findings),
        FileKind::Zip(_) if !is_document => Ok(()),
        _ => reader.examine(&parts, findings),
    };
}

/// A document of Word, Excel or PowerPoint, where programs and scripts have no place; in other packages (NuGet,
/// Visual Studio extensions) they are the point.
fn is_document(parts: &[Part<'_>], kind: FileKind) -> bool {
    let named = || {
        parts.iter().any(|part| {
            part.key.ends_with("vbaproject.bin")
                || ["word/document.", "xl/workbook.", "ppt/presentation."].iter().any(|main| part.key.starts_with(main))
        })
    };
    matches!(kind, FileKind::Ooxml(kind) if kind != OoxmlKind::Other) || named()
}

/// Order in which parts are read: the most important first, because the budget may end.
fn turn(role: PartRole) -> u8 {
    match role {
        PartRole::Macros | PartRole::MacroSheet | PartRole::MacroSheetBinary => 0,
        // Where a sheet of macros is hidden is asked after it was seen.
        PartRole::Relations => 1,
        PartRole::Workbook | PartRole::WorkbookBinary => 2,
        PartRole::ExternalLink | PartRole::ExternalLinkBinary | PartRole::Ribbon | PartRole::Control => 3,
        PartRole::Other => 4,
        PartRole::Text => 5,
        PartRole::Markup => 6,
    }
}

/// One stream that is too long does not end the examination of the others: it may be there to do just that.
fn go_on(read: Result<(), Exhausted>) -> Result<(), Exhausted> {
    match read {
        Err(Exhausted(Limit::Stream)) => Ok(()),
        read => read,
    }
}

/// Passes on documents and programs in a plain archive. Other members are not vouched for.
fn hand_over_members<'a>(
    parts: &[Part<'a>],
    reader: &mut PackageReader,
    findings: &mut Findings<'a>,
) -> Result<(), Exhausted> {
    for part in largest_first(parts.iter().collect()) {
        findings.budget().step(1)?;
        if part.is_empty(&mut reader.inflater) {
            continue;
        }
        let head = part.head(&mut reader.inflater, HEAD_BYTES);
        let is_wanted = matches!(Shape::of(&head), Shape::Compound | Shape::Child | Shape::Program);
        if !is_wanted || !part.is_readable() {
            findings.cannot_vouch(&part.name);
        }
        if is_wanted {
            match part.read(&mut reader.inflater, findings) {
                Ok(bytes) => findings.part(&part.name, fitted(bytes)),
                read => go_on(read.map(drop))?,
            }
        }
    }
    Ok(())
}

/// In an order that many small parts cannot spoil.
fn largest_first<'p, 'a>(mut parts: Vec<&'p Part<'a>>) -> Vec<&'p Part<'a>> {
    parts.sort_by_key(|part| Reverse(part.size()));
    parts
}

/// Without memory that is not used, for who keeps it.
fn fitted(bytes: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes),
        Cow::Owned(mut bytes) => {
            bytes.shrink_to_fit();
            Cow::Owned(bytes)
        }
    }
}

/// Reads one part after the other.
struct PackageReader {
    inflater: Inflater,
    is_document: bool,
    fields: Fields,
    accounts: PartAccounts,
}

impl PackageReader {
    fn examine<'a>(&mut self, parts: &[Part<'a>], findings: &mut Findings<'a>) -> Result<(), Exhausted> {
        let mut types = Types::default();
        for part in parts.iter().filter(|part| part.key == TYPES) {
            let bytes = part.read(&mut self.inflater, findings)?;
            findings.within(&part.name, |findings| types.read(&bytes, findings))?;
        }
        let mut relations = Relations::default();
        for part in parts.iter().filter(|part| part.key == "_rels/.rels") {
            let bytes = part.read(&mut self.inflater, findings)?;
            relations.read(&part.name, &part.key, &bytes, findings)?;
        }
        if !parts.iter().any(|part| relations.is_main(&part.key)) {
            findings.cannot_vouch("its main part");
        }
        // What a part is may be said by relationships alone, so they are read before all that is not known to run.
        let ordered = self.in_order(parts, &types, &relations);
        let early = ordered.iter().take_while(|(role, _)| turn(*role) <= turn(PartRole::Relations)).count();
        let (early, late) = ordered.split_at(early);
        for (role, part) in early {
            go_on(self.examine_part(part, *role, &mut relations, findings))?;
        }
        let late: Vec<_> = late.iter().map(|(_, part)| *part).collect();
        let mut late: Vec<_> = late.into_iter().map(|part| (types.role(&part.key, &relations), part)).collect();
        late.sort_by_key(|(role, part)| (turn(*role), Reverse(part.size())));
        for (_, part) in late.iter().filter(|(_, part)| part.key.ends_with("fonttable.xml")) {
            let bytes = part.read(&mut self.inflater, findings)?;
            self.accounts.learn(&bytes, findings)?;
        }
        for (role, part) in &late {
            go_on(self.examine_part(part, *role, &mut relations, findings))?;
        }
        if self.fields.is_waiting() {
            self.read_names(&late, findings)?;
        }
        std::mem::take(&mut self.fields).finish(findings);
        Ok(())
    }

    /// All parts by their turn, the relationships of parts that exist first, then the largest: small ones cost their maker
    /// nothing.
    fn in_order<'p, 'a>(
        &self,
        parts: &'p [Part<'a>],
        types: &Types,
        relations: &Relations,
    ) -> Vec<(PartRole, &'p Part<'a>)> {
        let known: std::collections::HashSet<&str> = parts.iter().map(|part| part.key.as_str()).collect();
        let mut ordered: Vec<_> = parts.iter().map(|part| (types.role(&part.key, relations), part)).collect();
        ordered.sort_by_cached_key(|(role, part)| {
            let is_nobodys = *role == PartRole::Relations
                && relations::source(&part.key).is_none_or(|source| !known.contains(source.as_str()));
            (turn(*role), is_nobodys, Reverse(part.size()))
        });
        ordered
    }

    fn examine_part<'a>(
        &mut self,
        part: &Part<'a>,
        role: PartRole,
        relations: &mut Relations,
        findings: &mut Findings<'a>,
    ) -> Result<(), Exhausted> {
        findings.budget().step(1)?;
        if part.is_empty(&mut self.inflater) {
            return Ok(());
        }
        findings.budget().entries(1)?;
        if !part.is_readable() || file_names::is_executable(&part.name) {
            findings.cannot_vouch(&part.name);
        }
        if role == PartRole::Other {
            let head = part.head(&mut self.inflater, HEAD_BYTES);
            return self.look_at(part, role, &head, None, findings);
        }
        let bytes = part.read(&mut self.inflater, findings)?;
        if Shape::of(&bytes) != Shape::Other {
            let head = bytes.get(..HEAD_BYTES).unwrap_or(&bytes).to_vec();
            return self.look_at(part, role, &head, Some(bytes), findings);
        }
        self.examine_role(part, role, &bytes, relations, findings)?;
        let head = bytes.get(..HEAD_BYTES).unwrap_or(&bytes);
        if !self.accounts.accounts_for(part, head, Some(&bytes), &mut self.inflater, findings)? {
            findings.cannot_vouch(&part.name);
        }
        self.inflater.reuse(bytes);
        Ok(())
    }

    /// Reads a part for the signs of its role.
    fn examine_role(
        &mut self,
        part: &Part<'_>,
        role: PartRole,
        bytes: &[u8],
        relations: &mut Relations,
        findings: &mut Findings<'_>,
    ) -> Result<(), Exhausted> {
        if role == PartRole::Relations {
            return relations.read(&part.name, &part.key, bytes, findings);
        }
        // Where nothing is reported no layer is made.
        if role == PartRole::Markup {
            return Ok(());
        }
        findings.within(&part.name, |findings| match role {
            PartRole::MacroSheet => {
                xlm::examine_sheet_xml(bytes, findings);
                Ok(())
            }
            PartRole::MacroSheetBinary => {
                xlm::examine_sheet_bin(bytes, findings);
                Ok(())
            }
            PartRole::Workbook => {
                xlm::examine_workbook_xml(bytes, findings);
                Ok(())
            }
            PartRole::WorkbookBinary => {
                xlm::examine_workbook_bin(bytes, findings);
                Ok(())
            }
            PartRole::ExternalLink => fields::examine_external_link(bytes, findings),
            PartRole::ExternalLinkBinary => links::examine_binary(bytes, findings),
            PartRole::Text => {
                self.fields.begin_part(&part.name);
                fields::examine_word_xml(bytes, &mut self.fields, findings)
            }
            PartRole::Ribbon => controls::examine_ribbon(bytes, findings),
            PartRole::Control => controls::examine_control(bytes, findings),
            // Office would have looked for a project.
            PartRole::Macros => {
                if part.key.ends_with("vbaproject.bin") {
                    Compound::open(bytes, findings);
                }
                Ok(())
            }
            // Dealt with above, or not asked for.
            PartRole::Relations | PartRole::Other | PartRole::Markup => Ok(()),
        })
    }

    /// Reads what fields refer to: properties and variables of the document, bookmarks in parts without fields.
    fn read_names<'a>(
        &mut self,
        parts: &[(PartRole, &Part<'a>)],
        findings: &mut Findings<'a>,
    ) -> Result<(), Exhausted> {
        for (role, part) in parts {
            let is_properties = part.key.starts_with("docprops/") || part.key.ends_with("word/settings.xml");
            if !is_properties && *role != PartRole::Text {
                continue;
            }
            let bytes = part.read(&mut self.inflater, findings)?;
            match role {
                PartRole::Text => fields::read_bookmarks(&bytes, &mut self.fields, findings)?,
                _ => fields::read_properties(&bytes, &mut self.fields, findings)?,
            }
        }
        Ok(())
    }

    /// Examines a part by what its first bytes say it is. `bytes` are all of it, where they were read.
    fn look_at<'a>(
        &mut self,
        part: &Part<'a>,
        role: PartRole,
        head: &[u8],
        bytes: Option<Cow<'a, [u8]>>,
        findings: &mut Findings<'a>,
    ) -> Result<(), Exhausted> {
        let shape = Shape::of(head);
        let is_script = shape == Shape::Link || (role == PartRole::Other && file_names::is_script(&part.name));
        if self.is_document && is_script {
            findings.saw_with(&signs::SCRIPT_PART, part.span.clone(), &part.name);
        }
        if matches!(shape, Shape::Link | Shape::Other) {
            if shape == Shape::Link
                || !self.accounts.accounts_for(part, head, bytes.as_deref(), &mut self.inflater, findings)?
            {
                findings.cannot_vouch(&part.name);
            }
            return Ok(());
        }
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => part.read(&mut self.inflater, findings)?,
        };
        let is_program =
            shape == Shape::Program && matches!(triage::triage(&bytes), FileKind::Pe(_) | FileKind::Elf(_));
        if is_program && self.is_document {
            findings.saw_with(&signs::EXECUTABLE_PART, part.span.clone(), &part.name);
        }
        let is_child = shape == Shape::Child;
        let is_object = shape == Shape::Compound && role != PartRole::Macros;
        if (is_object || is_program || is_child) && file_names::is_picture_or_text(&part.name) {
            findings.saw_with(&signs::DISGUISED_PART, part.span.clone(), &part.name);
        }
        if shape == Shape::Compound && !examine_compound(part, role, &bytes, findings) {
            return Ok(());
        }
        // A document inside of the document is examined in its own right; an object is part of this one.
        let bytes = match rtf_start(&bytes) {
            Some(start) if start > 0 => Cow::Owned(bytes.get(start..).unwrap_or_default().to_vec()),
            _ => bytes,
        };
        if !is_judged(triage::triage(&bytes)) {
            findings.cannot_vouch(&part.name);
        }
        if shape != Shape::Program || is_program {
            findings.child(&part.name, fitted(bytes));
        }
        Ok(())
    }
}

/// Examines a compound file inside of the package. True if it is a document of its own, to be examined as such.
fn examine_compound(part: &Part<'_>, role: PartRole, bytes: &[u8], findings: &mut Findings<'_>) -> bool {
    // Projects, objects and controls are compound files; elsewhere none is.
    let folders = ["embeddings/", "activex/", "printersettings/"];
    let is_elsewhere = !part.key.ends_with("vbaproject.bin") && !folders.iter().any(|name| part.key.contains(name));
    findings.within(&part.name, |findings| {
        let Some(compound) = Compound::open(bytes, findings) else {
            findings.cannot_vouch("the compound file");
            return false;
        };
        if compound.is_document() {
            return true;
        }
        let holds_macros = compound.entries().iter().any(|entry| entry.path.to_ascii_lowercase().ends_with("vba/dir"));
        if holds_macros && is_elsewhere {
            findings.saw_with(&signs::RENAMED_MACROS, 0..0, &part.name);
        }
        if is_elsewhere && role != PartRole::Macros {
            findings.cannot_vouch("a compound file that is no object");
        }
        vba::examine(&compound, findings);
        object::examine_compound(&compound, findings);
        compound.report_faults(findings);
        false
    })
}
