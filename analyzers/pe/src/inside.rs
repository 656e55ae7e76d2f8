//! Images inside of an image, plain and hidden by XOR with one byte: found, reported, and handed over to be examined in
//! their own right.

use std::borrow::Cow;
use std::ops::Range;

use analyzers::{Exhausted, Findings, Limit};
use goblin::pe::header::{PE_MAGIC, PE_POINTER_OFFSET};
use scroll::{LE, Pread};

use crate::catalogue as signs;
use crate::certificate::Certificate;
use crate::image::Image;
use crate::overlay::AccountedBytes;
use crate::resources::Resources;
use crate::scan::Scan;
use crate::section::Section;
use crate::xored::{XoredStub, XoredStubs, unmasked};

/// Images inside an image that are examined in their own right, not counting those inside of these. As many as a
/// report has layers by default; with more, the examination is incomplete.
const CHILDREN_MAX: usize = 1_000;
/// Maximum distance of the MZ header before the text of its MS-DOS stub.
const STUB_BEFORE_MAX: usize = 0x80;

/// Where an image may begin.
#[derive(Clone, Copy)]
struct FoundImage {
    start: usize,
    /// Up to where it is known to reach.
    end: usize,
    /// What each byte is XORed with.
    key: u8,
}

/// Finds images inside of one. Scratch, reused from file to file.
#[derive(Default, Debug)]
pub(crate) struct Inside {
    stubs: XoredStubs,
}

impl Inside {
    /// Reports images inside this one and hands them over, each to be examined in its own right.
    pub(crate) fn examine<'a>(
        &mut self,
        bytes: &'a [u8],
        (scan, resources): (&Scan, &Resources),
        sections: &mut Vec<Section>,
        accounts: &mut AccountedBytes,
        findings: &mut Findings<'a>,
    ) -> Result<(), Exhausted> {
        if self.stubs.read(bytes, findings.budget())? {
            findings.budget().exhaust(Limit::Entries);
        }
        // Those handed over do not overlap, so that a layer's children are no larger than itself however they nest.
        let (mut free, mut handed_over) = (1, 0);
        for found in self.candidates(bytes, scan, resources) {
            findings.budget().step(1 + sections.len() as u64)?;
            let hidden = if found.key == 0 { None } else { Some(reveal(bytes, found, findings)?) };
            let Some(span) = extent(hidden.as_deref().unwrap_or(bytes), found, sections) else {
                continue;
            };
            if found.start < free {
                // It starts inside one that was handed over, and will be found there, as far as that reaches.
                if span.end > free {
                    findings.budget().exhaust(Limit::Entries);
                }
                continue;
            }
            if handed_over == CHILDREN_MAX {
                findings.budget().exhaust(Limit::Entries);
                break;
            }
            free = span.end;
            handed_over += 1;
            accounts.add(span.clone());
            match hidden {
                None => {
                    findings.saw_with(&signs::EMBEDDED_IMAGE, span.clone(), format_args!("{} bytes", span.len()));
                    if let Some(image) = bytes.get(span) {
                        findings.child(&format!("image@{:#x}", found.start), Cow::Borrowed(image));
                    }
                }
                Some(mut image) => {
                    let what = format_args!("{} bytes, XOR {:#04x}", span.len(), found.key);
                    findings.saw_with(&signs::XORED_IMAGE, span.clone(), what);
                    image.truncate(span.len());
                    image.shrink_to_fit();
                    findings.child(&format!("xored@{:#x}", found.start), Cow::Owned(image));
                }
            }
        }
        Ok(())
    }

    /// Places at which the headers of an image stand, in order, each once.
    fn candidates(&self, bytes: &[u8], scan: &Scan, resources: &Resources) -> Vec<FoundImage> {
        let plain = scan.stubs().iter().map(|&at| XoredStub { at, key: 0 });
        let by_stub = plain.chain(self.stubs.found().iter().copied()).filter_map(|stub| header_before(bytes, stub));
        let by_resource = resources.images.iter().map(|span| FoundImage { start: span.start, end: span.end, key: 0 });
        let mut found: Vec<FoundImage> =
            by_stub.chain(by_resource.filter(|image| is_image(bytes, image.start, 0))).collect();
        found.retain(|image| image.start > 0);
        // Of one place the entry that knows of more bytes comes first: a resource may be more than the image in it.
        found.sort_unstable_by_key(|image| (image.start, usize::MAX - image.end));
        found.dedup_by_key(|image| image.start);
        found
    }
}

/// The bytes from a hidden image on, as they are without their key; paid for.
fn reveal(bytes: &[u8], found: FoundImage, findings: &mut Findings<'_>) -> Result<Vec<u8>, Exhausted> {
    let rest = bytes.get(found.start..).unwrap_or_default();
    findings.budget().produce(rest.len() as u64)?;
    Ok(unmasked(rest, found.key))
}

/// The MZ header that the text of an MS-DOS stub belongs to.
fn header_before(bytes: &[u8], stub: XoredStub) -> Option<FoundImage> {
    let XoredStub { at, key } = stub;
    let from = at.saturating_sub(STUB_BEFORE_MAX);
    let before = bytes.get(from..at)?;
    let start = memchr::memmem::rfind_iter(before, &[b'M' ^ key, b'Z' ^ key])
        .map(|at| from + at)
        .find(|&start| is_image(bytes, start, key))?;
    Some(FoundImage { start, end: start, key })
}

fn is_image(bytes: &[u8], start: usize, key: u8) -> bool {
    let mask = u32::from_ne_bytes([key; 4]);
    let at = |offset: usize| Some(bytes.pread_with::<u32>(start.checked_add(offset)?, LE).ok()? ^ mask);
    bytes.get(start..).is_some_and(|rest| rest.starts_with(&[b'M' ^ key, b'Z' ^ key]))
        && at(PE_POINTER_OFFSET as usize).is_some_and(|pointer| at(pointer as usize) == Some(PE_MAGIC))
}

/// From its first byte to the end of its last section, or of the signature right behind that. None for what are headers
/// alone: linkers and packers carry such templates, and there is nothing to examine. `bytes` are those of the file, or
/// from the image on where it was hidden; the span is that in the file.
fn extent(bytes: &[u8], found: FoundImage, sections: &mut Vec<Section>) -> Option<Range<usize>> {
    let start = found.start;
    let rest = if found.key == 0 { bytes.get(start..).unwrap_or_default() } else { bytes };
    let mut image = Image::read(rest, sections);
    if image.optional.is_some() && image.sections.iter().all(|section| image.mapped(section).is_empty()) {
        return None;
    }
    let size = image.end_of_sections();
    let behind = Certificate::read(&mut image).signatures.last().map_or(0..0, Clone::clone);
    let signed = (size..size + 8).contains(&behind.start);
    let length = match size {
        0 => rest.len(),
        // Entries of the table are padded to multiples of eight bytes.
        _ if signed => behind.end.next_multiple_of(8).min(rest.len()),
        _ => size,
    };
    Some(start..(start + length).max(found.end))
}
