//! The ZIP around a package: which parts there are, and where their bytes lie.
//!
//! The directory is read by the `zip` crate, which is strict; Office is not, and repairs what it can. So what
//! the crate refuses, and what lies between the entries it lists, is read from local headers by ourselves
//! (`local`): refusal would be an evasion. Every local file is one part, whatever number of directory entries
//! point at it. Section numbers are those of PKWARE APPNOTE 6.3.10.
//!
//! Listing entries is cheap and does not count against the limit of entries: parts are paid for when they are parsed,
//! in order of importance, so that ten thousand empty parts in front cannot hide an important one.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Cursor;
use std::ops::Range;

use analyzers::{Exhausted, Findings, Incomplete};
use memchr::memmem;
use zip::{CompressionMethod, ZipArchive};

use super::inflate::Inflater;
use super::local::{self, LocalHeader, StorageMethod};
use crate::catalogue::package as signs;
use crate::compound::le16;

/// Maximum number of entries read by the `zip` crate: the maximum of a directory without ZIP64. Each needs about 300
/// bytes of memory and 46 bytes in the file.
const LISTED_MAX: usize = 1 << 16;
/// Longest data descriptor (4.3.9): signature, CRC and two sizes of eight bytes.
const DESCRIPTOR_BYTES_MAX: usize = 24;

/// One local file of the package.
pub(crate) struct Part<'a> {
    /// Name of the part as written.
    pub name: String,
    /// Name of the part as Office compares it: lower case, with `/`, without a leading one.
    pub key: String,
    /// Range of its header and data in the package.
    pub span: Range<usize>,
    /// From the first byte of its data on; to the end of what is stored, or as far as deflate may go.
    data: &'a [u8],
    /// Bytes of data, as it is said.
    compressed: usize,
    method: StorageMethod,
    encrypted: bool,
}

/// A part of the directory, before its local header was read.
struct ListedPart {
    name: Vec<u8>,
    header: usize,
    compressed: u64,
    method: StorageMethod,
    encrypted: bool,
}

/// Opens the package; what is malformed is reported. No parts where there is not one local header.
pub(crate) fn open<'a>(bytes: &'a [u8], findings: &mut Findings<'_>) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut gaps = Vec::new();
    match listed(bytes, findings) {
        Some((entries, directory)) => {
            let mut seen = HashSet::new();
            for entry in entries {
                if findings.budget().step(1).is_err() {
                    return parts;
                }
                // A second entry that points at the same file would be the same part again.
                if seen.insert(entry.header) {
                    parts.extend(located(entry, bytes, findings));
                } else {
                    findings.saw(&signs::OVERLAP, entry.header..entry.header);
                    findings.cannot_vouch(text(&entry.name));
                }
            }
            gaps = spaces_between(&parts, directory, findings);
            account_for_gaps(&gaps, bytes, findings);
        }
        None => {
            findings.saw(&signs::MALFORMED_ZIP, 0..0);
            findings.cannot_vouch("the directory of the package");
            gaps.push(0..bytes.len());
        }
    }
    for gap in gaps {
        let Ok(found) = local::scan(bytes, gap, findings.budget()) else { break };
        for header in found {
            findings.saw_with(&signs::UNLISTED_PART, header.span.clone(), header.name.escape_ascii());
            parts.push(unlisted(header, bytes));
        }
    }
    judge_names(&parts, findings);
    parts
}

/// The entries of the directory, and where it begins.
fn listed(bytes: &[u8], findings: &mut Findings<'_>) -> Option<(Vec<ListedPart>, usize)> {
    if memmem::find_iter(bytes, b"PK\x01\x02").nth(LISTED_MAX).is_some() {
        return None;
    }
    let archive = ZipArchive::new(Cursor::new(without_padding(bytes))).ok()?;
    let directory = usize::try_from(archive.central_directory_start()).ok()?.min(bytes.len());
    let behind = memmem::rfind(bytes.get(directory..)?, b"PK\x05\x06").map_or(0, |end| {
        let end = directory + end;
        bytes.len().saturating_sub(end + 22 + archive.comment().len())
    });
    let before = usize::try_from(archive.offset()).unwrap_or(usize::MAX).min(bytes.len());
    if before > 0 || behind > 0 {
        findings.saw_with(&signs::BYTES_AROUND, 0..0, format_args!("{before} before, {behind} behind"));
    }
    for (place, around) in [("before", bytes.get(..before)), ("behind", bytes.get(bytes.len() - behind..))] {
        if around.is_some_and(|around| !is_padding(around)) {
            findings.cannot_vouch(format_args!("the bytes {place} the package"));
        }
    }
    if archive.has_duplicate_names() {
        findings.saw(&signs::DUPLICATE_PART, directory..directory);
    }
    let mut entries = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        if findings.budget().step(1).is_err() {
            break;
        }
        let entry = archive.by_index_data(index).ok()?;
        entries.push(ListedPart {
            name: entry.name_raw().to_vec(),
            header: usize::try_from(entry.header_start()).unwrap_or(usize::MAX),
            compressed: entry.compressed_size(),
            method: match entry.compression() {
                CompressionMethod::Stored => StorageMethod::Stored,
                CompressionMethod::Deflated => StorageMethod::Deflated,
                _ => StorageMethod::Other,
            },
            encrypted: entry.encrypted(),
        });
    }
    Some((entries, directory))
}

/// `bytes` without the zeros and ends of lines that disks, mail gateways and editors leave behind a file: where there are
/// many, readers do not find the end of the directory (4.3.16).
fn without_padding(bytes: &[u8]) -> &[u8] {
    let end = memmem::rfind(bytes, b"PK\x05\x06").and_then(|end| {
        let comment = le16(bytes, end + 20)?;
        Some(end + 22 + usize::from(comment))
    });
    let parts = end.and_then(|end| bytes.split_at_checked(end));
    parts.filter(|(_, padding)| is_padding(padding)).map_or(bytes, |(package, _)| package)
}

fn is_padding(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, 0 | b'\r' | b'\n'))
}

/// The part that the directory's `entry` points at.
fn located<'a>(entry: ListedPart, bytes: &'a [u8], findings: &mut Findings<'_>) -> Option<Part<'a>> {
    let name = text(&entry.name);
    let Some(header) = local::header_at(bytes, entry.header) else {
        findings.saw_with(&signs::HEADER_MISMATCH, 0..0, format_args!("{name}: no header"));
        findings.cannot_vouch(&name);
        findings.incomplete(Incomplete::CutShort);
        return None;
    };
    let same = header.name == entry.name && header.method == entry.method && header.encrypted == entry.encrypted;
    if !same {
        findings.saw_with(&signs::HEADER_MISMATCH, header.span.clone(), &name);
        findings.cannot_vouch(&name);
    }
    let start = header.span.end;
    let length = usize::try_from(entry.compressed).unwrap_or(usize::MAX);
    let end = start.saturating_add(length).min(bytes.len());
    if end - start < length {
        findings.incomplete(Incomplete::CutShort);
    }
    // Deflate knows its own end, so a size that lies hides nothing.
    let data = if entry.method == StorageMethod::Deflated { bytes.get(start..) } else { bytes.get(start..end) };
    Some(Part {
        key: key(&name),
        name,
        span: header.span.start..end,
        data: data.unwrap_or_default(),
        compressed: length,
        method: entry.method,
        encrypted: entry.encrypted,
    })
}

/// A part that is not in the directory, from its local header alone.
fn unlisted<'a>(header: LocalHeader<'_>, bytes: &'a [u8]) -> Part<'a> {
    let start = header.span.end;
    let end = start.saturating_add(header.compressed).min(bytes.len());
    let name = text(header.name);
    let data = if header.method == StorageMethod::Deflated { bytes.get(start..) } else { bytes.get(start..end) };
    Part {
        key: key(&name),
        name,
        span: header.span.start..end,
        data: data.unwrap_or_default(),
        compressed: header.compressed,
        method: header.method,
        encrypted: header.encrypted,
    }
}

/// Returns the bytes before the directory that belong to no part. Reports overlapping parts.
fn spaces_between(parts: &[Part<'_>], directory: usize, findings: &mut Findings<'_>) -> Vec<Range<usize>> {
    let mut spans: Vec<_> = parts.iter().map(|part| part.span.clone()).collect();
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut gaps = Vec::new();
    let mut end = 0;
    for span in spans {
        if span.start > end {
            gaps.push(end..span.start);
        } else if span.start < end {
            findings.saw(&signs::OVERLAP, span.start..end);
            findings.cannot_vouch("parts that lie over each other");
        }
        end = end.max(span.end);
    }
    if end < directory {
        gaps.push(end..directory);
    } else if end > directory {
        findings.saw(&signs::OVERLAP, directory..end);
        findings.cannot_vouch("parts that lie over each other");
    }
    gaps
}

/// Accounts for gaps between parts: data descriptors and zeros are allowed.
fn account_for_gaps(gaps: &[Range<usize>], bytes: &[u8], findings: &mut Findings<'_>) {
    let has_more = |gap: &Range<usize>| {
        let rest = bytes.get(gap.start..gap.end).and_then(|gap| gap.get(DESCRIPTOR_BYTES_MAX..));
        rest.is_some_and(|rest| rest.iter().any(|byte| *byte != 0))
    };
    if gaps.iter().any(has_more) {
        findings.cannot_vouch("the bytes between parts");
    }
}

/// Reports names that no writer of packages gives.
fn judge_names(parts: &[Part<'_>], findings: &mut Findings<'_>) {
    let mut seen = HashSet::with_capacity(parts.len());
    for part in parts {
        let odd = part.name.starts_with('/')
            || part.name.contains(['\\', '\0'])
            || part.name.split('/').any(|segment| segment == "..");
        if odd {
            findings.saw_with(&signs::ODD_NAME, part.span.clone(), &part.name);
        }
        if !seen.insert(part.key.as_str()) {
            findings.saw_with(&signs::DUPLICATE_PART, part.span.clone(), &part.name);
        }
    }
}

impl<'a> Part<'a> {
    /// Size in the package. The declared size may be false, so it only decides the order of reading.
    pub(super) fn size(&self) -> usize {
        self.compressed
    }

    /// Nothing is in it, or it is a folder. Deflate makes two bytes of nothing, and a size of none may be a lie.
    pub(super) fn is_empty(&self, inflater: &mut Inflater) -> bool {
        match self.method {
            StorageMethod::Stored | StorageMethod::Other => self.data.is_empty() || self.compressed == 0,
            StorageMethod::Deflated => self.compressed <= 2 && self.head(inflater, 1).is_empty(),
        }
    }

    /// Whether its bytes can be had as they are stored.
    pub(super) fn is_readable(&self) -> bool {
        !self.encrypted && self.method != StorageMethod::Other
    }

    /// All of its bytes: lent where they are stored, else inflated and paid for. What is broken is reported, and as
    /// much as could be had is given.
    pub(super) fn read(
        &self,
        inflater: &mut Inflater,
        findings: &mut Findings<'_>,
    ) -> Result<Cow<'a, [u8]>, Exhausted> {
        if self.encrypted {
            findings.saw_with(&signs::ENCRYPTED_PART, self.span.clone(), &self.name);
        }
        match self.method {
            StorageMethod::Stored => {
                if self.encrypted {
                    findings.incomplete(Incomplete::CutShort);
                }
                Ok(Cow::Borrowed(self.data))
            }
            StorageMethod::Deflated => {
                // The encryption bit alone may be a lie to scanners: what inflates is not encrypted.
                let inflated = inflater.all(self.data, findings.budget())?;
                if !inflated.whole {
                    if !self.encrypted {
                        findings.saw_with(&signs::BROKEN_STREAM, self.span.clone(), &self.name);
                    }
                    findings.incomplete(Incomplete::CutShort);
                }
                Ok(Cow::Owned(inflated.bytes))
            }
            StorageMethod::Other => {
                findings.saw_with(&signs::ODD_METHOD, self.span.clone(), &self.name);
                findings.incomplete(Incomplete::CutShort);
                Ok(Cow::Borrowed(&[]))
            }
        }
    }

    /// The first bytes, at most `count`.
    pub(super) fn head(&self, inflater: &mut Inflater, count: usize) -> Cow<'a, [u8]> {
        match self.method {
            StorageMethod::Stored => Cow::Borrowed(self.data.get(..count).unwrap_or(self.data)),
            StorageMethod::Deflated => Cow::Owned(inflater.head(self.data, count)),
            StorageMethod::Other => Cow::Borrowed(&[]),
        }
    }
}

/// Names are UTF-8 or code page 437 (appendix D); what decides here is ASCII in both.
fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn key(name: &str) -> String {
    let key: String = name.chars().map(|c| if c == '\\' { '/' } else { c.to_ascii_lowercase() }).collect();
    key.trim_start_matches(['/', '.']).to_owned()
}
