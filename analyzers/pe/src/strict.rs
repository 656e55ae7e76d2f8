//! The opinion of a strict parser: goblin, where it is safe to ask.

use analyzers::Findings;
use goblin::pe::PE;
use goblin::pe::options::ParseOptions;

use crate::catalogue as signs;
use crate::image::{Directory, Image};
use crate::imports::Imports;

/// Largest image goblin is asked about, in bytes.
const IMAGE_BYTES_MAX: usize = 16 << 20;
/// Most imports it is asked about: it collects them all, several times over where tables are shared.
const FUNCTIONS_MAX: u32 = 4_096;

/// Reports that a strict parser refuses an image whose headers our own reader could read.
pub(crate) fn opinion(image: &Image<'_>, imports: &Imports, findings: &mut Findings<'_>) {
    let tame = image.optional.is_some()
        && !image.sections.is_empty()
        && image.sections.len() <= 96
        && image.bytes.len() <= IMAGE_BYTES_MAX
        && imports.functions <= FUNCTIONS_MAX
        && image.oddities.count() <= 3;
    if !tame {
        return;
    }
    // Imports and resources were walked already, within bounds; so was the certificate.
    let mut options = ParseOptions::default().with_parse_imports(false).with_parse_resources(false);
    options.parse_attribute_certificates = false;
    if let Err(error) = PE::parse_with_opts(image.bytes, &options) {
        findings.saw_with(&signs::REFUSED, image.directory_span(Directory::Export), error);
    }
}
