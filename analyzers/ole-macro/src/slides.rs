//! Storages inside of binary PowerPoint presentations (MS-PPT 2.10.34 to 2.10.36): VBA projects and embedded objects.
//!
//! PowerPoint keeps them not as storages of the file but as records of its main stream, compressed as a rule. The
//! records are found by their type, wherever they are: walking the tree of records would add ways to hide them.

use std::borrow::Cow;

use analyzers::{Exhausted, Findings, Incomplete};
use memchr::memmem;

use crate::compound::{Compound, le16, le32};
use crate::package::inflate::Inflater;
use crate::{object, vba};

/// RT_ExternalOleObjectStg, little-endian (MS-PPT 2.13.24).
const STORAGE_RECORD: [u8; 2] = [0x11, 0x10];
/// How a compound file starts (MS-CFB 2.2).
const COMPOUND: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// Examines the storages in `stream`, a `PowerPoint Document`.
pub(crate) fn examine(stream: &[u8], findings: &mut Findings<'_>) {
    each_storage(stream, findings, examine_storage);
}

/// Shows `take` every compound file in `stream`, and where its record starts.
pub(crate) fn each_storage<'f>(
    stream: &[u8],
    findings: &mut Findings<'f>,
    mut take: impl FnMut(usize, Cow<'_, [u8]>, &mut Findings<'f>),
) {
    let mut inflater = Inflater::new();
    for at in memmem::find_iter(stream, &STORAGE_RECORD) {
        // Which limit was hit is remembered by the budget.
        if findings.budget().step(1).is_err() {
            return;
        }
        let Some(start) = at.checked_sub(2) else { continue };
        match storage(stream, start, &mut inflater, findings) {
            Ok(Some(bytes)) => take(start, bytes, findings),
            Ok(None) => {}
            Err(_) => return,
        }
    }
}

/// The compound file in the record at `start`, if there is one.
fn storage<'s>(
    stream: &'s [u8],
    start: usize,
    inflater: &mut Inflater,
    findings: &mut Findings<'_>,
) -> Result<Option<Cow<'s, [u8]>>, Exhausted> {
    let (Some(instance), Some(length)) = (le16(stream, start), le32(stream, start + 4)) else { return Ok(None) };
    let body = stream.get(start + 8..).unwrap_or_default();
    let body = body.get(..length as usize).unwrap_or(body);
    match instance {
        0x00 => Ok(body.starts_with(COMPOUND).then_some(Cow::Borrowed(body))),
        // The size it inflates to, and a zlib stream (RFC 1950), whose header takes two bytes.
        0x10 if body.get(4).is_some_and(|method| method & 0x0f == 8) => {
            findings.budget().entries(1)?;
            let inflated = inflater.all(body.get(6..).unwrap_or_default(), findings.budget())?;
            if !inflated.whole {
                findings.incomplete(Incomplete::CutShort);
            }
            Ok(inflated.bytes.starts_with(COMPOUND).then_some(Cow::Owned(inflated.bytes)))
        }
        _ => Ok(None),
    }
}

fn examine_storage(start: usize, bytes: Cow<'_, [u8]>, findings: &mut Findings<'_>) {
    let is_document = findings.within(&format!("storage at {start}"), |findings| {
        let Some(compound) = Compound::open(&bytes, findings) else { return false };
        let main = ["WordDocument", "Workbook", "Book"];
        if compound.entries().iter().any(|entry| main.iter().any(|name| entry.is_stream_named(name))) {
            return true;
        }
        vba::examine(&compound, findings);
        object::examine_compound(&compound, findings);
        compound.report_faults(findings);
        false
    });
    // An embedded document is examined in its own right.
    if is_document {
        findings.child("storage", Cow::Owned(bytes.into_owned()));
    }
}
