//! Indicators of PE/COFF images: Windows programs, libraries, drivers, .NET assemblies, EFI applications.
//!
//! Looks at headers, sections, imports, exports, resources, signature, entropy and text. What it reports is in
//! [`catalogue`], each indicator with its meaning and source.
//!
//! **Cannot see:** what code does (it disassembles nothing), what is packed or encrypted (it unpacks nothing),
//! .NET metadata beyond its text, whether a signature is valid. Images inside an image are handed over as
//! children and examined in their own right; they are found among the resources, and elsewhere by the text of
//! their MS-DOS stub, so one without that text stays unseen outside of resources.
//!
//! **How it fails:** it doesn't. Headers, sections and tables are read by a small reader of our own, with
//! goblin's structures and constants, each loop bounded and paid for; what cannot be read is an anomaly, what
//! can still testifies. Where a bound cuts off sections, imports, resources or images, the report says
//! `limit.entries`, so that padding hides nothing behind a benign verdict.
//!
//! Where headers, the import tables or section data are not in the file, the report says `file.cut_short`: 36 of
//! 4,705 ordinary images, most of them made to be odd (no sections, 97 bytes, headers that overlap). Not where the
//! loader does without: padding behind a section, data of a section whose pointer is zero, a table that ends with
//! its section, the directory of delayed imports (packers leave it packed), the attribute certificate (packers cut
//! it off: 880 of those images).
//!
//! Bytes are passed over twice, once for entropy and once for text, both about as fast as memory lets plain code
//! be.

#![forbid(unsafe_code)]

mod api;
mod behaviour;
pub mod catalogue;
mod content;
mod entropy;
mod image;
mod imports;
mod mask;
mod names;
mod oddity;
mod resources;
mod scan;
mod strict;
mod structure;
mod text;
mod words;

use analyzers::{Analyzer, Exhausted, Findings, Incomplete, Indicator, Limit, Sample};
use triage::FileKind;

use crate::entropy::Regions;
use crate::image::{Image, Section};
use crate::imports::Imports;
use crate::resources::Resources;
use crate::scan::Scan;
use crate::structure::Traits;

/// Examines PE images. Building one builds its search automaton, which takes some milliseconds; then it is
/// reused for any number of files.
#[derive(Default, Debug)]
pub struct Pe {
    sections: Vec<Section>,
    imports: Imports,
    resources: Resources,
    regions: Regions,
    scan: Scan,
}

impl Analyzer for Pe {
    fn name(&self) -> &'static str {
        "pe"
    }

    fn indicators(&self) -> Box<dyn Iterator<Item = &Indicator> + '_> {
        Box::new(catalogue::ALL.iter().copied())
    }

    fn wants(&self, kind: FileKind) -> bool {
        matches!(kind, FileKind::Pe(_))
    }

    fn analyze<'a>(&mut self, sample: Sample<'a>, findings: &mut Findings<'a>) {
        // A limit ends it here; the budget remembers which, and what was reported stays.
        let _ = self.examine(sample.bytes, findings);
    }
}

impl Pe {
    fn examine<'a>(&mut self, bytes: &'a [u8], findings: &mut Findings<'a>) -> Result<(), Exhausted> {
        let mut image = Image::read(bytes, &mut self.sections);
        if image.sections_left_out {
            findings.budget().exhaust(Limit::Entries);
        }
        let certificate = structure::certificate(&mut image);
        let traits = Traits { signed: certificate.is_some(), ..Traits::of(&image) };
        let read = self.imports.read(&mut image, findings.budget());
        if image.cut_short {
            findings.incomplete(Incomplete::CutShort);
        }
        read?;
        self.resources.read(&mut image, findings.budget())?;

        structure::headers(&image, traits, findings);
        structure::sections(&image, traits, findings);
        behaviour::imports(&image, &self.imports, traits, findings);
        behaviour::exports(&mut image, traits, findings);
        behaviour::identity(&image, &self.resources, traits, findings);
        if let Some(span) = &certificate {
            findings.saw(&catalogue::SIGNATURE, span.clone());
        }
        behaviour::oddities(&image, findings);
        strict::opinion(&image, findings);
        structure::entropies(&image, certificate.as_ref(), &mut self.regions, findings)?;

        self.scan.read(bytes, &self.imports, findings.budget())?;
        content::words(bytes, &self.scan, &self.imports, traits, findings);
        content::embedded(bytes, &self.scan, &self.resources, &mut self.sections, findings)
    }
}
