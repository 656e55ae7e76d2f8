//! ZIP: what do the names in it say it is?
//!
//! The central directory is authoritative, as for Office and Java. If it is missing or truncated, the local headers are
//! used, too: Office repairs such files, and attackers know it. Declared counts and sizes are not trusted; the
//! constants below limit what is read. Section numbers are those of PKWARE APPNOTE 6.3.10.

use crate::kind::{FileKind, OoxmlKind, ZipKind};
use crate::window::{HEAD_BYTES, Pages, View, le16, le32, le64};

/// Entries that are looked at; more than the 10,000 that the engine examines by default.
const ENTRIES_MAX: usize = 16_384;
/// Pages that are searched, in all, for the local header behind a streamed body: 1 MiB. Reached only where
/// there is no central directory.
const SEARCHED_PAGES_MAX: usize = 256;
/// The end of central directory record without its comment (4.3.16), and the longest comment.
const EOCD_BYTES: usize = 22;
const COMMENT_BYTES_MAX: u64 = u16::MAX as u64;
/// The zip64 locator stands right before the end of central directory record (4.3.15).
const LOCATOR_BYTES: usize = 20;
/// The fixed parts of a local header (4.3.7) and of a central one (4.3.12).
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
/// The part of a name that is looked at; no name that tells a kind is longer.
const NAME_BYTES: usize = 96;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const EOCD: [u8; 4] = *b"PK\x05\x06";
const EOCD64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR64: [u8; 4] = *b"PK\x06\x07";
const SIGNATURE: [u8; 4] = *b"PK\x05\x05";

/// The kind of the ZIP file that is looked at.
pub(crate) fn kind(view: &mut View<'_>) -> FileKind {
    let mut names = ZipNames { mimetype: mimetype(view.head()), ..ZipNames::default() };
    let end = view.size();
    let pages = &mut Pages::new(view);
    if !central_directory(pages, end, &mut names) {
        local_headers(pages, &mut names);
    }
    names.kind()
}

/// What the names seen so far tell.
#[derive(Default)]
struct ZipNames {
    mimetype: Option<ZipKind>,
    content_types: bool,
    word: bool,
    excel: bool,
    powerpoint: bool,
    vba: bool,
    macro_sheet: bool,
    binary_workbook: bool,
    java_manifest: bool,
    android_manifest: bool,
}

impl ZipNames {
    /// Takes in one name. Part names are compared without case (ECMA-376-2 6.2.2.3); some writers use `\`.
    fn see(&mut self, name: &[u8]) {
        let mut lower = [0; NAME_BYTES];
        let length = name.len().min(NAME_BYTES);
        for (to, from) in lower.iter_mut().zip(name) {
            *to = if *from == b'\\' { b'/' } else { from.to_ascii_lowercase() };
        }
        let name = lower.get(..length).unwrap_or_default();
        let name = name.strip_prefix(b"/").unwrap_or(name);
        match name {
            b"[content_types].xml" => self.content_types = true,
            b"xl/workbook.bin" => self.binary_workbook = true,
            b"meta-inf/manifest.mf" => self.java_manifest = true,
            b"androidmanifest.xml" => self.android_manifest = true,
            _ => {}
        }
        self.word |= name.starts_with(b"word/");
        self.excel |= name.starts_with(b"xl/");
        self.powerpoint |= name.starts_with(b"ppt/");
        self.macro_sheet |= name.starts_with(b"xl/macrosheets/");
        self.vba |= name.ends_with(b"vbaproject.bin");
    }

    /// What a file with these names is. What runs programs or macros of its own comes first: names of Office beside it do
    /// not make a document of it, though Office may open it. Whoever looks for macros has to look into these too.
    fn kind(&self) -> FileKind {
        if self.android_manifest {
            return FileKind::Zip(ZipKind::Apk);
        }
        if let Some(kind) = self.mimetype {
            return FileKind::Zip(kind);
        }
        if self.java_manifest {
            return FileKind::Zip(ZipKind::Jar);
        }
        if self.content_types && self.word {
            return FileKind::Ooxml(if self.vba { OoxmlKind::Docm } else { OoxmlKind::Docx });
        }
        if self.content_types && self.excel {
            return FileKind::Ooxml(match (self.binary_workbook, self.vba || self.macro_sheet) {
                (true, _) => OoxmlKind::Xlsb,
                (false, true) => OoxmlKind::Xlsm,
                (false, false) => OoxmlKind::Xlsx,
            });
        }
        if self.content_types && self.powerpoint {
            return FileKind::Ooxml(if self.vba { OoxmlKind::Pptm } else { OoxmlKind::Pptx });
        }
        if self.content_types { FileKind::Ooxml(OoxmlKind::Other) } else { FileKind::Zip(ZipKind::Plain) }
    }
}

/// What a first entry `mimetype`, stored, says (OpenDocument 1.3 part 2, 3.3; EPUB OCF 3.3, 4.3).
fn mimetype(head: &[u8]) -> Option<ZipKind> {
    let method = le16(head, 8)?;
    let name = head.get(30..38)?;
    if method != 0 || le16(head, 26)? != 8 || name != b"mimetype" {
        return None;
    }
    let body = head.get(38 + usize::from(le16(head, 28)?)..)?;
    let is = |mimetype: &[u8]| body.starts_with(mimetype);
    if is(b"application/vnd.oasis.opendocument") || is(b"application/vnd.sun.xml") {
        Some(ZipKind::Odf)
    } else if is(b"application/epub+zip") {
        Some(ZipKind::Epub)
    } else {
        None
    }
}

/// Takes in the names of the central directory. Says whether it stands whole, with at least one entry.
fn central_directory(pages: &mut Pages<'_, '_>, size: u64, names: &mut ZipNames) -> bool {
    let Some(mut at) = directory_start(pages, size) else { return false };
    for entry in 0..ENTRIES_MAX {
        let header = pages.bytes(at, CENTRAL_BYTES + NAME_BYTES);
        match header.first_chunk() {
            Some(&CENTRAL) => {}
            // A digital signature, or the records that end the directory.
            Some(&(SIGNATURE | EOCD | EOCD64)) => return entry > 0,
            _ => return false,
        }
        let (Some(name_bytes), Some(extra), Some(comment)) = (le16(header, 28), le16(header, 30), le16(header, 32))
        else {
            return false;
        };
        let name = header.get(CENTRAL_BYTES..).unwrap_or_default();
        names.see(name.get(..usize::from(name_bytes)).unwrap_or(name));
        at += CENTRAL_BYTES as u64 + u64::from(name_bytes) + u64::from(extra) + u64::from(comment);
    }
    true
}

/// Returns the offset of the central directory.
fn directory_start(pages: &mut Pages<'_, '_>, size: u64) -> Option<u64> {
    let end = end_record(pages, size)?;
    let record = pages.bytes(end, EOCD_BYTES);
    let (length, offset) = (u64::from(le32(record, 12)?), u64::from(le32(record, 16)?));
    // Where the record says; where it must be if bytes were put before it; where zip64 says.
    let locator = end.checked_sub(LOCATOR_BYTES as u64).and_then(|at| {
        let locator = pages.bytes(at, LOCATOR_BYTES);
        if locator.starts_with(&LOCATOR64) { le64(locator, 8) } else { None }
    });
    let zip64 = locator.and_then(|at| {
        let record = pages.bytes(at, 56);
        if record.starts_with(&EOCD64) { le64(record, 48) } else { None }
    });
    let places = [Some(offset), end.checked_sub(length), zip64];
    places.into_iter().flatten().find(|at| pages.bytes(*at, 4) == CENTRAL)
}

/// Where the last end of central directory record begins whose comment fits the file. Looks at the end first:
/// most files have no comment.
fn end_record(pages: &mut Pages<'_, '_>, size: u64) -> Option<u64> {
    let last = size.checked_sub(EOCD_BYTES as u64)?;
    let first = last.saturating_sub(COMMENT_BYTES_MAX);
    // Each step looks at the records that begin in `from..=to`.
    let step = (HEAD_BYTES - EOCD_BYTES) as u64;
    let mut to = last;
    loop {
        let from = (to + 1).saturating_sub(step).max(first);
        let bytes = pages.bytes(from, usize::try_from(to - from).map_or(HEAD_BYTES, |length| length + EOCD_BYTES));
        let starts = bytes.windows(EOCD_BYTES).enumerate().rev();
        for (i, record) in starts {
            if !record.starts_with(&EOCD) {
                continue;
            }
            let at = from + i as u64;
            if le16(record, 20).is_some_and(|comment| at + EOCD_BYTES as u64 + u64::from(comment) <= size) {
                return Some(at);
            }
        }
        if from == first {
            return None;
        }
        to = from - 1;
    }
}

/// Takes in the names of the local headers, one after the other from the start of the file, as long as each
/// says where the next one is.
fn local_headers(pages: &mut Pages<'_, '_>, names: &mut ZipNames) {
    // Spanning markers (8.5.3, 8.5.4) stand before the first header.
    let mut at = if pages.bytes(0, 4) == LOCAL { 0 } else { 4 };
    let mut searched = 0;
    for _ in 0..ENTRIES_MAX {
        let header = pages.bytes(at, LOCAL_BYTES + NAME_BYTES);
        if header.first_chunk() != Some(&LOCAL) {
            return;
        }
        let (Some(flags), Some(body), Some(name_bytes), Some(extra)) =
            (le16(header, 6), le32(header, 18), le16(header, 26), le16(header, 28))
        else {
            return;
        };
        let name = header.get(LOCAL_BYTES..).unwrap_or_default();
        names.see(name.get(..usize::from(name_bytes)).unwrap_or(name));
        at += LOCAL_BYTES as u64 + u64::from(name_bytes) + u64::from(extra) + u64::from(body);
        // Streamed: the size stands behind the body (4.3.9), so the next header has to be looked for.
        if flags & 8 != 0 && body == 0 {
            match next_local(pages, at, &mut searched) {
                Some(next) => at = next,
                None => return,
            }
        }
    }
}

/// The next local header, searched for from `from` on, while there are pages left to search.
fn next_local(pages: &mut Pages<'_, '_>, from: u64, searched: &mut usize) -> Option<u64> {
    let mut at = from;
    while *searched < SEARCHED_PAGES_MAX {
        *searched += 1;
        let page = pages.bytes(at, HEAD_BYTES);
        if let Some(found) = page.windows(LOCAL.len()).position(|bytes| bytes == LOCAL) {
            return Some(at + found as u64);
        }
        if page.len() < HEAD_BYTES {
            return None;
        }
        // The signature may lie across two pages.
        at += (HEAD_BYTES - LOCAL.len() + 1) as u64;
    }
    None
}
