//! Packers: noise, the marks of UPX, and what hides behind the described part of the file.

use analyzers::Findings;
use goblin::elf::program_header::{PT_DYNAMIC, PT_INTERP};
use memchr::memmem;

use crate::catalogue as sign;
use crate::entropy::entropy;
use crate::image::Image;

/// Code above this many bits per byte is packed or encrypted; compiled code has 5.5 to 6.5.
const CODE_NOISE: f64 = 7.0;

/// A file above this is packed or encrypted as a whole.
const FILE_NOISE: f64 = 7.2;

/// Less code than this, in bytes, says nothing about noise.
const CODE_BYTES_MIN: usize = 512;

/// How far from the start and the end UPX leaves its marks, in bytes.
const UPX_REACH: usize = 4096;

/// UPX makes two segments to load, sometimes three, and a stack header.
const UPX_SEGMENTS_MAX: usize = 4;

/// Padding and signatures appended by tools are shorter than this, in bytes.
const OVERLAY_BYTES_MIN: usize = 64;

/// Reports signs of packing.
pub(crate) fn examine(image: &Image<'_>, findings: &mut Findings<'_>) {
    if !image.is_loadable() {
        return;
    }
    let noisy_code = code(image, findings);
    if entropy(image.bytes) > FILE_NOISE {
        findings.saw(&sign::ENTROPY_FILE, 0..image.bytes.len());
    }
    let marked = upx_magic(image, findings);
    let no_loader = !image.has(PT_INTERP) && !image.has(PT_DYNAMIC);
    let few = (1..=UPX_SEGMENTS_MAX).contains(&image.segments.len());
    if !marked && noisy_code && no_loader && few && image.has_no_sections() {
        findings.saw(&sign::UPX_STRIPPED, 0..0);
    }
    overlay(image, findings);
}

/// Whether the largest executable segment is noise.
fn code(image: &Image<'_>, findings: &mut Findings<'_>) -> bool {
    let parts = image.code().map(|segment| image.part(segment.p_offset, segment.p_filesz));
    let Some(part) = parts.max_by_key(|part| part.len()) else {
        return false;
    };
    let bits = entropy(image.bytes.get(part.clone()).unwrap_or_default());
    let noisy = part.len() >= CODE_BYTES_MIN && bits > CODE_NOISE;
    if noisy {
        findings.saw_with(&sign::ENTROPY_CODE, part, format_args!("{bits:.2} bits per byte"));
    }
    noisy
}

fn upx_magic(image: &Image<'_>, findings: &mut Findings<'_>) -> bool {
    let length = image.bytes.len();
    let head = 0..length.min(UPX_REACH);
    let tail = length.saturating_sub(UPX_REACH).max(head.end)..length;
    for part in [head, tail] {
        let found = memmem::find(image.bytes.get(part.clone()).unwrap_or_default(), b"UPX!");
        if let Some(at) = found {
            findings.saw(&sign::UPX_MAGIC, part.start + at..part.start + at + 4);
            return true;
        }
    }
    false
}

fn overlay(image: &Image<'_>, findings: &mut Findings<'_>) {
    let part = image.described_end()..image.bytes.len();
    if part.len() <= OVERLAY_BYTES_MIN || image.truncated {
        return;
    }
    findings.saw_with(&sign::OVERLAY, part.clone(), format_args!("{} bytes", part.len()));
    let bits = entropy(image.bytes.get(part.clone()).unwrap_or_default());
    if part.len() > image.bytes.len() / 5 && bits > FILE_NOISE {
        findings.saw_with(&sign::OVERLAY_NOISE, part, format_args!("{bits:.2} bits per byte"));
    }
}
