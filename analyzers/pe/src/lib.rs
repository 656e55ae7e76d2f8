//! Indicators of PE/COFF images: Windows programs, libraries, drivers, .NET assemblies, EFI applications.
//!
//! Looks at headers, sections, imports, exports, resources, signature, entropy and text. What it reports is in
//! [`catalogue`], each indicator with its meaning and source.
//!
//! ```
//! use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
//! use analyzers_pe::Pe;
//! use specimens::pe::{CODE, pe, plain_code};
//!
//! let apis = ["OpenProcess", "VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread"];
//! let bytes = pe().section(".text", CODE, plain_code(4096)).import("kernel32.dll", &apis).build();
//! let kind = triage::triage(&bytes);
//! let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
//! let mut findings = Findings::new(record, LayerId::ARTIFACT);
//! Pe::default().analyze(Sample { bytes: &bytes, kind }, &mut findings);
//!
//! let (record, _children) = findings.finish();
//! assert!(record.evidence.iter().any(|seen| seen.indicator.to_string() == "pe.import.injection_set"));
//! ```
//!
//! **Cannot see:** what code does (it disassembles nothing), what is packed or encrypted (it unpacks nothing; what UPX
//! packed another analyzer unpacks), code of .NET (its metadata is read: what it calls and imports), who signed (a signature's digest is compared with the file's). Images inside an image
//! are handed over as children and examined in their own right; they are found among the resources, and elsewhere by
//! the text of their MS-DOS stub, plain or XORed with one byte, so one without that text stays unseen outside of
//! resources.
//!
//! **How it fails:** it doesn't. Headers, sections and tables are read by a small reader of our own, with
//! goblin's structures and constants, each loop bounded and paid for; what cannot be read is an anomaly, what
//! can still testifies. Where a bound cuts off sections, imports, resources or images, the report says
//! `limit.entries`, so that padding hides nothing behind a benign verdict.
//!
//! If headers, the import tables or section data are missing in the file, the report says `file.cut_short`: 36 of 4,705
//! ordinary images, most of them constructed to be unusual (no sections, 97 bytes, overlapping headers). This does not
//! apply to parts that the loader does not need: padding after a section, data of a section whose pointer is zero, a
//! table that ends with its section, the directory of delayed imports (packers leave it packed), the attribute
//! certificate (packers remove it: 880 of those images).
//!
//! The analyzer vouches for what it parsed. If bytes belong to no part of the program, no signature, symbols, debug
//! data or padding, and were not scanned as a child, it does not vouch for the file (`overlay.rs`). Archives behind the
//! program and in its resources are handed over as parts: an installer is unknown unless all of its contents were scanned.
//!
//! Bytes are passed over twice, once for entropy and once for text, both about as fast as memory lets plain code
//! be.

#![forbid(unsafe_code)]

mod anomalies;
mod api;
mod around;
mod capabilities;
mod carried;
pub mod catalogue;
mod certificate;
mod container;
mod content;
mod dotnet;
mod entropy;
mod exports;
mod goblin_check;
mod image;
mod import_counts;
mod imports;
mod inno;
mod inside;
mod interpreters;
mod keywords;
mod mask;
pub mod measures;
mod names;
mod overlay;
mod resource_counts;
mod resources;
mod scan;
mod section;
mod structure;
mod text;
mod text_counts;
mod word_classes;
mod xored;

use analyzers::{Analyzer, Exhausted, Findings, Incomplete, Indicator, Limit, Sample};
use triage::FileKind;

use crate::api::Api;
use crate::certificate::{Certificate, Match};
use crate::dotnet::ManagedCode;
use crate::entropy::Regions;
use crate::exports::Exports;
use crate::image::Image;
use crate::imports::Imports;
use crate::inside::Inside;
use crate::measures::WhatWasRead;
use crate::overlay::AccountedBytes;
use crate::resources::Resources;
use crate::scan::Scan;
use crate::section::Section;
use crate::structure::Traits;

/// Examines PE images. Reused for any number of files.
#[derive(Default, Debug)]
pub struct Pe {
    sections: Vec<Section>,
    imports: Imports,
    exports: Exports,
    accounts: AccountedBytes,
    resources: Resources,
    regions: Regions,
    scan: Scan,
    inside: Inside,
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

    fn prepare(&self) {
        scan::prepare();
        measures::prepare();
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
        let certificate = Certificate::read(&mut image);
        let read = self.imports.read(&mut image, findings.budget());
        if image.cut_short {
            findings.incomplete(Incomplete::CutShort);
        }
        read?;
        let digest = certificate.compare(&image, findings.budget());
        // A signature that was not compared, or is another file's, excuses nothing.
        let signed = matches!(digest, Ok(Some(Match::Same)));
        let traits = Traits::of(&image, &self.imports, signed);
        self.exports.read(&mut image);
        self.resources.read(&mut image, findings.budget())?;

        structure::headers(&image, traits, findings);
        structure::sections(&image, traits, findings);
        let managed = ManagedCode::read(&image, findings.budget())?;
        capabilities::imports(&image, &self.imports, &managed.native, traits, findings);
        managed.report(findings);
        capabilities::exports(&image, &self.exports, traits, findings);
        capabilities::identity(&image, &self.resources, traits, findings);
        capabilities::signature(&certificate, digest?, findings);
        capabilities::oddities(&image, findings);
        goblin_check::opinion(&image, findings);
        self.accounts.read(&image, &certificate, findings.budget())?;
        let (end, readable) = (image.end_of_sections(), image.optional.is_some());
        let overlay = self.accounts.unknown_behind(end);
        structure::entropies(&image, overlay, &mut self.regions, findings)?;

        // Whoever finds functions by name has their names as text, wherever it may stand.
        let finds_functions = self.imports.apis.has(Api::GetProcAddress);
        let exports = Some(&mut self.exports).filter(|_| traits.library && !finds_functions);
        self.scan.read(&image, &self.imports, exports, findings.budget())?;
        findings.named(self.scan.hosts().found());
        content::words(bytes, &self.scan, (&self.imports, &managed), traits, findings);
        let seen = WhatWasRead {
            image: &image,
            imports: &self.imports,
            exports: &self.exports,
            resources: &self.resources,
            regions: &self.regions,
            scan: &self.scan,
            is_signed: signed,
        };
        let values = measures::take(&seen, findings.budget())?;
        findings.measured(measures::SET, values);
        // Before images are looked for: those stored in an archive are members of it.
        carried::examine(bytes, end, &self.resources, &mut self.accounts, findings)?;
        let found = (&self.scan, &self.resources);
        self.inside.examine(bytes, found, &mut self.sections, &mut self.accounts, findings)?;
        self.accounts.settle(bytes, findings.budget())?;
        if let Some(span) = self.accounts.unknown().filter(|_| readable) {
            let name = if span.start < end { "bytes" } else { "overlay" };
            findings.cannot_vouch(format_args!("{name}@{:#x}", span.start));
        }
        Ok(())
    }
}
