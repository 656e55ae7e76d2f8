//! Packers: noise, and the marks of UPX.

use analyzers::Findings;
use goblin::elf::program_header::{PF_W, PF_X};
use memchr::memmem;

use crate::Few;
use crate::catalogue as sign;
use crate::entropy::{cost, entropy};
use crate::image::Image;

/// Code above this many bits per byte is packed or encrypted; compiled code has 5.5 to 6.5.
const CODE_NOISE: f64 = 7.0;

/// A file above this is packed or encrypted as a whole.
pub(crate) const FILE_NOISE: f64 = 7.2;

/// A segment above this was packed or encrypted for certain: of the development corpus, packed ones have 7.40 and more,
/// ordinary ones 7.24 and less, which is dense code for small processors.
const PACKED: f64 = 7.35;

/// Less code than this, in bytes, says nothing about noise.
const CODE_BYTES_MIN: usize = 512;

/// Distance from the start and the end in which UPX leaves its marks, in bytes.
const UPX_REACH: usize = 4096;

/// UPX makes two segments to load, sometimes three, and a stack header.
const UPX_SEGMENTS_MAX: usize = 4;

/// Less of data that is written to, in bytes, says nothing about noise: keys and tables are that small.
const DATA_BYTES_MIN: usize = 4096;

/// Reports signs of packing.
pub(crate) fn examine(image: &Image<'_>, findings: &mut Findings<'_>) {
    if !image.is_loadable() {
        return;
    }
    let noisy_code = noise(image, findings);
    if entropy(image.bytes) > FILE_NOISE {
        findings.saw(&sign::ENTROPY_FILE, 0..image.bytes.len());
    }
    let marked = upx_magic(image, findings);
    // Headers that the loader does not look at cost nothing, so they make no difference here.
    let few = (1..=UPX_SEGMENTS_MAX).contains(&image.loads().count());
    if !marked && noisy_code && image.is_static() && few && image.has_no_sections() {
        findings.saw(&sign::UPX_STRIPPED, 0..0);
    }
}

/// Whether an executable segment is noise. Noise that is executable, or writable and so possibly executed later, was
/// packed or encrypted. Read-only noise may be constants.
fn noise(image: &Image<'_>, findings: &mut Findings<'_>) -> bool {
    let mut few = Few::default();
    let mut noisy_code = false;
    for segment in image.loads().filter(|segment| segment.p_flags & (PF_W | PF_X) != 0) {
        let is_code = segment.p_flags & PF_X != 0;
        let (bytes_min, noise) = if is_code { (CODE_BYTES_MIN, CODE_NOISE) } else { (DATA_BYTES_MIN, PACKED) };
        let part = image.part(segment.p_offset, segment.p_filesz);
        // Each is looked at anew, and many may be the same part of the file.
        if findings.budget().step(cost(part.len())).is_err() {
            break;
        }
        if part.len() < bytes_min {
            continue;
        }
        let bits = entropy(image.bytes.get(part.clone()).unwrap_or_default());
        if bits <= noise || !few.more() {
            continue;
        }
        noisy_code |= is_code;
        if is_code {
            findings.saw_with(&sign::ENTROPY_CODE, part.clone(), format_args!("{bits:.2} bits per byte"));
        }
        let was_opened = findings.opened().iter().any(|opened| opened.start < part.end && part.start < opened.end);
        if bits > PACKED && !was_opened {
            findings.cannot_vouch(format_args!("segment at {:#x}: {bits:.2} bits per byte", part.start));
        }
    }
    noisy_code
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
