//! Archives that an image carries: behind its last section, as installers and self-extracting archives do, or in its
//! resources.
//!
//! They are found and handed over as parts, which other analyzers open. What stands before an archive is accounted for
//! only if it is text, as the configuration of 7-Zip's self-extractors is. Of RAR, which nobody opens, and of data of Inno
//! Setup without a table of its loader (`inno.rs`) it is only said that they are there.
//!
//! Sources: 7-Zip, 7zFormat.txt and "SFX configuration file"; MS-CAB 2.1; PKWARE APPNOTE 4.3; NSIS,
//! Source/exehead/fileform.h (`firstheader`); PyInstaller, bootloader/src/pyi_archive.h (`ARCHIVE_COOKIE`); RAR 5.0
//! archive format; Inno Setup, Projects/Src/Shared.Struct.pas.

use std::borrow::Cow;
use std::ops::Range;

use analyzers::{Exhausted, Findings};
use memchr::memmem;
use scroll::{BE, Pread};
use triage::{ArchiveKind, FileKind};

use crate::catalogue as signs;
use crate::container::{CABINET, Container, NSIS};
use crate::inno::Installer;
use crate::overlay::AccountedBytes;
use crate::resources::Resources;

/// Archives of one image that are handed over. WiX has one for each package it carries; what is more stays unaccounted.
const ARCHIVES_MAX: usize = 64;
/// Bytes before an archive: 7-Zip's configuration, or a loader's own header.
const BEFORE_MAX: usize = 64 << 10;
/// The end of a PyInstaller archive stands at the end, but for a signature and its padding.
const COOKIE_FROM_END_MAX: usize = 8 << 10;

const SEVEN_ZIP: &[u8] = b"7z\xbc\xaf\x27\x1c";
const ZIP: &[u8] = b"PK\x03\x04";
const PY_INSTALLER: &[u8] = b"MEI\x0c\x0b\x0a\x0b\x0e";
const RAR: &[u8] = b"Rar!\x1a\x07";
/// Longest version of Inno Setup.
const INNO_VERSION_MAX: usize = 16;
/// How the headers of installers by Inno Setup begin, and their packed data.
const INNO: [&[u8]; 3] = [b"Inno Setup Setup Data (", b"zlb\x1a", b"idska32\x1a"];

/// Reports archives in resources and among bytes that belong to nothing, and hands over those that may be opened. `end` is
/// that of the last section.
pub(crate) fn examine<'a>(
    bytes: &'a [u8],
    end: usize,
    resources: &Resources,
    accounts: &mut AccountedBytes,
    findings: &mut Findings<'a>,
) -> Result<(), Exhausted> {
    if let Some(installer) = Installer::find(bytes, resources.loader_table.as_ref()) {
        let Installer { part, data, setup } = installer;
        let version = bytes.get(setup..).and_then(inno_version);
        report(Container::Inno, version, data.clone(), findings);
        let name = if data.start < end { "bytes" } else { "overlay" };
        let content = Cow::Borrowed(&bytes[part]);
        findings.part_of(FileKind::Archive(ArchiveKind::Inno), &format!("{name}@{:#x}", data.start), content);
        accounts.add(data);
        accounts.settle(bytes, findings.budget())?;
    }
    let mut left = ARCHIVES_MAX;
    let mut free = 0;
    for (span, container) in &resources.archives {
        // Several entries may point at the same bytes.
        let Some(content) = bytes.get(span.clone()).filter(|_| left > 0 && span.start >= free) else { continue };
        (left, free) = (left - 1, span.end);
        findings.saw_with(&signs::ARCHIVE, span.clone(), format_args!("{} in a resource", container.name()));
        // Bit 0 of the flags of its first member (PKWARE APPNOTE 4.4.4).
        if *container == Container::Zip && content.get(6).is_some_and(|flags| flags & 1 != 0) {
            findings.saw(&signs::LOCKED_ARCHIVE, span.clone());
        }
        findings.part(&format!("resource@{:#x}", span.start), Cow::Borrowed(content));
    }
    for piece in accounts.pieces().to_vec() {
        let mut at = piece.start;
        while let Some(content) = bytes.get(at..piece.end).filter(|content| !content.is_empty() && left > 0) {
            findings.budget().step(1)?;
            let Some((place, container)) = find(content) else { break };
            left -= 1;
            let span = at + place.start..at + place.end;
            let setup = memmem::find(content, INNO[0]).filter(|_| container == Container::Inno);
            let version = setup.and_then(|at| content.get(at..)).and_then(inno_version);
            report(container, version, span.clone(), findings);
            if !container.is_open() {
                break;
            }
            if bytes.get(at..span.start).is_some_and(is_text) {
                accounts.add(at..span.start);
            }
            accounts.add(span.clone());
            let name = if span.start < end { "bytes" } else { "overlay" };
            let (name, content) = (format!("{name}@{:#x}", span.start), Cow::Borrowed(&bytes[span.clone()]));
            match container.kind() {
                Some(kind) => findings.part_of(kind, &name, content),
                None => findings.part(&name, content),
            }
            at = span.end;
        }
    }
    Ok(())
}

fn report(container: Container, version: Option<&str>, span: Range<usize>, findings: &mut Findings<'_>) {
    let (name, version) = (container.name(), version.unwrap_or_default());
    let space = if version.is_empty() { "" } else { " " };
    findings.saw_with(&signs::ARCHIVE, span, format_args!("{name}{space}{version}"));
}

/// The first archive in `content`.
fn find(content: &[u8]) -> Option<(Range<usize>, Container)> {
    let head = content.get(..BEFORE_MAX).unwrap_or(content);
    let at_start = |container: Container| (0..container.length(content), container);
    if let Some(container) = Container::at_start(content) {
        return Some(at_start(container));
    }
    if content.starts_with(RAR) {
        return Some(at_start(Container::Rar));
    }
    if let Some(span) = py_installer(content) {
        return Some((span, Container::PyInstaller));
    }
    // The signature of NSIS stands behind a word of flags.
    let marks = [(SEVEN_ZIP, 0, Container::SevenZip), (CABINET, 0, Container::Cabinet), (NSIS, 4, Container::Nsis)];
    let behind = marks.into_iter().chain([(ZIP, 0, Container::Zip), (RAR, 0, Container::Rar)]);
    let found = behind
        .filter_map(|(mark, before, container)| Some((memmem::find(head, mark)?.checked_sub(before)?, container)));
    let nearest = found.min_by_key(|(at, _)| *at);
    // Their compressed data may hold what looks like the beginning of another.
    let inno = INNO.iter().filter_map(|mark| memmem::find(head, mark)).min();
    match (nearest, inno) {
        (Some((at, _)), Some(inno)) if inno < at => Some((inno..content.len(), Container::Inno)),
        (Some((at, container)), _) => {
            let rest = content.get(at..)?;
            Some((at..at + container.length(rest), container))
        }
        (None, Some(inno)) => Some((inno..content.len(), Container::Inno)),
        // Setup data stand behind the packed files.
        (None, None) => memmem::find(content, INNO[0]).map(|at| (at..content.len(), Container::Inno)),
    }
}

/// The version of Inno Setup that made an installer, as its setup data say: digits and dots.
fn inno_version(setup: &[u8]) -> Option<&str> {
    let rest = setup.strip_prefix(INNO[0])?;
    let end = rest.iter().take(INNO_VERSION_MAX).position(|&byte| byte == b')')?;
    let version = std::str::from_utf8(rest.get(..end)?).ok()?;
    version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then_some(version)
}

/// The archive whose end is here. Its last record says how long it is.
fn py_installer(content: &[u8]) -> Option<Range<usize>> {
    let from = content.len().saturating_sub(COOKIE_FROM_END_MAX);
    let cookie = from + memmem::rfind(content.get(from..)?, PY_INSTALLER)?;
    // As of version 2.1 the record holds the name of the library of Python.
    let end = [cookie + 88, cookie + 24].into_iter().find(|&end| end <= content.len())?;
    let length = content.pread_with::<u32>(cookie + 8, BE).ok()? as usize;
    Some(end.saturating_sub(length)..end)
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte >= b' ' || matches!(byte, b'\r' | b'\n' | b'\t'))
}
