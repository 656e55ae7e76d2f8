//! The opinion of a strict parser: goblin, asked about the headers only.
//!
//! Not about the whole image. goblin copies the long name of every section up to a NUL wherever that is, looks
//! for the end of every exported name as far, and collects imports once for every descriptor that points at
//! them: 96 sections, 65,535 names and 16 MiB without a NUL make gigabytes and hours of an image that our own
//! limits let pass. Headers cost it one look at their bytes.

use analyzers::Findings;
use goblin::pe::header::Header;

use crate::catalogue as signs;
use crate::image::Image;

/// Bytes that goblin is shown. Headers of real images end long before.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Reports that a strict parser refuses headers that our own reader could read.
pub(crate) fn opinion(image: &Image<'_>, findings: &mut Findings<'_>) {
    let Some(signature) = image.signature.filter(|_| image.optional.is_some()) else {
        return;
    };
    let head = image.bytes.get(..HEADER_BYTES_MAX).unwrap_or(image.bytes);
    if let Err(error) = Header::parse(head) {
        findings.saw_with(&signs::REFUSED, signature..signature + 4, error);
    }
}
