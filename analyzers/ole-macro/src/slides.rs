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
/// Magic bytes of a compound file (MS-CFB 2.2).
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
    // The lower four bits are a version that says nothing here.
    match instance >> 4 {
        0 => Ok(body.starts_with(COMPOUND).then_some(Cow::Borrowed(body))),
        // The size it inflates to, and a zlib stream (RFC 1950), whose header takes two bytes: whatever that says.
        1 => {
            let stated = le32(body, 0);
            let is_compound = |inflater: &mut Inflater, from: usize| {
                let head = inflater.head(body.get(from..).unwrap_or_default(), COMPOUND.len());
                head.starts_with(COMPOUND)
            };
            let Some(from) = [6, 4].into_iter().find(|from| is_compound(inflater, *from)) else { return Ok(None) };
            findings.budget().entries(1)?;
            let inflated = inflater.all(body.get(from..).unwrap_or_default(), findings.budget())?;
            // PowerPoint ends the stream by a flush and no last block (RFC 1951 3.2.3), so that its own end says nothing.
            let has_all = stated.is_some_and(|stated| inflated.bytes.len() as u64 >= u64::from(stated));
            let is_whole = inflated.whole || (inflated.used_up && has_all);
            if !is_whole {
                findings.incomplete(Incomplete::CutShort);
            }
            Ok(Some(Cow::Owned(inflated.bytes)))
        }
        _ => Ok(None),
    }
}

fn examine_storage(start: usize, bytes: Cow<'_, [u8]>, findings: &mut Findings<'_>) {
    let is_document = findings.within(&format!("storage at {start}"), |findings| {
        let Some(compound) = Compound::open(&bytes, findings) else { return false };
        if compound.is_document() {
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
