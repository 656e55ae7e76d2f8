//! Embedded and linked objects, in compound files, packages and RTF.
//!
//! An object names the class of the program that shows it, and holds that program's data. So a class can be chosen to
//! load a program that has a hole, or one whose data is a file to be opened.
//!
//! Not seen: objects in the compressed storages of binary PowerPoint documents (MS-PPT 2.10.34).

mod classes;
mod link;
mod native;
pub(crate) mod ole1;

use std::ops::Range;

use analyzers::{Analyzer, Findings};
use triage::FileKind;

use self::classes::ObjectKind;
use crate::Office;
use crate::catalogue::object as signs;
use crate::compound::{Compound, StorageEntry, le16};

/// Bytes of a font's name that the Equation Editor has room for (CVE-2017-11882), with the return address behind.
const FONT_BYTES_MAX: usize = 40;

/// Examines the objects in a compound file.
pub(crate) fn examine_compound(compound: &Compound<'_>, findings: &mut Findings<'_>) {
    examine_objects(compound, false, findings);
}

/// Examines objects. `in_text`: the document has no forms, so controls are suspicious.
fn examine_objects(compound: &Compound<'_>, in_text: bool, findings: &mut Findings<'_>) {
    let mut equations = None;
    for entry in compound.entries() {
        if entry.is_storage {
            let class = classes::by_id(&entry.class_id);
            if let Some(class) = class {
                report_kind(Some(class.kind), class.name, in_text, 0..0, findings);
            }
            if class.is_some_and(|class| class.kind == ObjectKind::Equation) {
                equations = Some(entry);
            }
            if entry.path.eq_ignore_ascii_case("ObjectPool") && has_children(compound, entry) {
                findings.saw(&signs::POOL, 0..0);
            }
            continue;
        }
        let examine: fn(&[u8], &mut Findings<'_>) = match entry.name() {
            name if is(name, "\u{1}Ole10Native") || is(name, "Ole10Native") => native::examine,
            name if is(name, "\u{1}Ole") => link::examine,
            name if is(name, "\u{1}CompObj") => examine_class_stream,
            name if is(name, "Equation Native") => examine_equation,
            name if is(name, "Package") => examine_package_stream,
            _ => continue,
        };
        let Ok(stream) = compound.read(entry, findings.budget()) else { return };
        findings.within(&entry.path, |findings| examine(&stream, findings));
    }
    if let Some(storage) = equations.filter(|storage| !has_equation(compound, storage)) {
        findings.saw_with(&signs::EQUATION_ODD, 0..0, &storage.path);
    }
}

fn is(name: &str, known: &str) -> bool {
    name.eq_ignore_ascii_case(known)
}

fn has_children(compound: &Compound<'_>, storage: &StorageEntry) -> bool {
    compound.entries().iter().any(|entry| entry.parent().eq_ignore_ascii_case(&storage.path))
}

fn has_equation(compound: &Compound<'_>, storage: &StorageEntry) -> bool {
    compound.entries().iter().any(|entry| entry.parent() == storage.path && entry.is_stream_named("Equation Native"))
}

/// Reports what an object of this kind says. `in_text`: see [`examine_objects`].
fn report_kind(kind: Option<ObjectKind>, name: &str, in_text: bool, span: Range<usize>, findings: &mut Findings<'_>) {
    match kind {
        Some(ObjectKind::Package) => findings.saw_with(&signs::PACKAGE, span, name),
        Some(ObjectKind::Equation) => findings.saw_with(&signs::EQUATION, span, name),
        Some(ObjectKind::Control) if !in_text => {}
        Some(ObjectKind::Exploit | ObjectKind::Control) => findings.saw_with(&signs::EXPLOIT_CLASS, span, name),
        None => {}
    }
}

/// Examines a linked object whose class and source a field names.
pub(crate) fn examine_linked(class: &str, source: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    report_kind(classes::by_name(class), class, true, span.clone(), findings);
    link::judge(source, span, findings);
}

/// Examines the class of a control, written as text.
pub(crate) fn examine_class_text(text: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    if let Some(class) = classes::by_text(text) {
        report_kind(Some(class.kind), class.name, false, span, findings);
    }
}

/// `\x01CompObj` (MS-OLEDS 2.3.8): the class, which Office takes where the storage has none.
fn examine_class_stream(stream: &[u8], findings: &mut Findings<'_>) {
    if let Some(class) = stream.get(12..28).and_then(classes::by_id) {
        report_kind(Some(class.kind), class.name, false, 12..28, findings);
    }
}

/// `Package`: a document of Office 2007 or later, embedded in an older one.
fn examine_package_stream(stream: &[u8], findings: &mut Findings<'_>) {
    if stream.starts_with(b"PK\x03\x04") {
        native::hand_over("Package", stream, findings);
    }
}

/// `Equation Native`: a header of 28 bytes, one of five, and records; record 8 names a font.
fn examine_equation(stream: &[u8], findings: &mut Findings<'_>) {
    findings.saw_with(&signs::EQUATION, 0..0, "Equation Native");
    let Some(start) = le16(stream, 0).map(|header| usize::from(header) + 5) else { return };
    let records = stream.get(start..).unwrap_or_default();
    // The record comes first, after at most the size and the line.
    for (at, _) in records.iter().take(16).enumerate().filter(|(_, tag)| **tag == 8) {
        let name = records.get(at + 3..at + 3 + FONT_BYTES_MAX).unwrap_or_default();
        if name.len() == FONT_BYTES_MAX && !name.contains(&0) {
            let span = start + at..start + at + 3 + FONT_BYTES_MAX;
            return findings.saw(&signs::EQUATION_OVERFLOW, span);
        }
    }
}

/// Whether a file of this type, inside of a document, is judged by an analyzer that vouches for it, or needs no
/// judgement. A program does not belong in a document.
pub(crate) fn is_judged(kind: FileKind) -> bool {
    Office.vouches(kind) || matches!(kind, FileKind::Empty | FileKind::Image(_))
}
