//! Measures of an image, for a model to weigh: what it is like, beside the signs that were seen.
//!
//! Taken from what was read for the signs already, and from three short passes of their own (the checksum, code, resources),
//! each bounded. What cannot be read is zero.

mod around;
mod code;
mod dotnet;
mod headers;
mod imports;
mod resources;
mod sections;
mod text;

use std::sync::LazyLock;

use analyzers::{Budget, Exhausted, Measure, MeasureSet, MeasureValue};

use self::around::{Around, Exported};
use self::code::{EntryPoint, Instructions};
use self::dotnet::DotnetMetadata;
use self::headers::Headers;
use self::imports::Imported;
use self::resources::AllResources;
use self::sections::Sections;
use self::text::AllText;
use crate::entropy::Regions;
use crate::exports::Exports;
use crate::image::Image;
use crate::imports::Imports;
use crate::resources::Resources;
use crate::scan::Scan;
use crate::structure::{FIRST_SECTION, OVERLAY, WHOLE};
use crate::{import_counts, word_classes};

/// The measures of PE images. Their version rises where one is added, removed or means something else.
pub const SET: MeasureSet = MeasureSet::new("pe", 1, &MEASURES);

static MEASURES: LazyLock<Vec<&'static Measure>> = LazyLock::new(|| {
    let of_classes = |classes: &'static [(Measure, &'static str)]| classes.iter().map(|(measure, _)| measure);
    let mut all: Vec<&'static Measure> = Vec::new();
    all.extend(around::AROUND);
    all.extend(headers::HEADERS);
    all.extend(headers::DIRECTORIES);
    all.extend(sections::SECTIONS);
    all.extend(imports::IMPORTS);
    all.extend(of_classes(import_counts::CLASSES));
    all.extend(of_classes(import_counts::LIBRARIES));
    all.extend(around::EXPORTS);
    all.extend(resources::RESOURCES);
    all.extend(resources::IDENTITY);
    all.extend(code::ENTRY);
    all.extend(code::CODE);
    all.extend(code::INSTRUCTIONS.iter().map(|(measure, _)| measure));
    all.extend(dotnet::DOTNET);
    all.extend(text::TEXT);
    all.extend(of_classes(word_classes::CLASSES));
    all
});

/// Builds the tables that are the same for all files, if they are not built yet.
pub(crate) fn prepare() {
    code::prepare();
}

/// What was read of an image.
pub(crate) struct WhatWasRead<'s, 'b> {
    pub(crate) image: &'s Image<'b>,
    pub(crate) imports: &'s Imports,
    pub(crate) exports: &'s Exports,
    pub(crate) resources: &'s Resources,
    pub(crate) regions: &'s Regions,
    pub(crate) scan: &'s Scan,
    pub(crate) is_signed: bool,
}

/// Takes all measures, in the order of [`SET`].
pub(crate) fn take(seen: &WhatWasRead<'_, '_>, budget: &mut Budget) -> Result<Vec<f32>, Exhausted> {
    let &WhatWasRead { image, imports: imported, exports, resources: found, regions, scan, is_signed } = seen;
    let size = image.bytes.len();
    // The checksum and two searches for beginnings of files.
    budget.step(1 + (size >> 16) as u64)?;
    let mut values = Vec::with_capacity(MEASURES.len());
    around::around(&Around::of(image, regions.entropy(WHOLE), regions.entropy(OVERLAY)), &mut values);
    let headers = Headers::of(image);
    headers::headers(&headers, &mut values);
    headers::directories(&headers, &mut values);
    sections::sections(&Sections::of(image, |index| regions.entropy(FIRST_SECTION + index)), &mut values);
    imports::imports(&Imported { imports: imported, size }, &mut values);
    imported.counts.measure(&mut values);
    around::exports(&Exported::of(image, exports), &mut values);
    let resources = AllResources::of(found, image.bytes, is_signed);
    resources::resources(&resources, &mut values);
    resources::identity(&resources, &mut values);
    code::entry(&EntryPoint::of(image), &mut values);
    let instructions = Instructions::count(image, budget)?;
    code::code(&instructions, &mut values);
    instructions.measure(&mut values);
    dotnet::dotnet(&DotnetMetadata::of(image, budget)?, &mut values);
    text::text(&AllText { counts: scan.text_counts(), size }, &mut values);
    values.extend(scan.class_counts().iter().map(|count| count.number()));
    Ok(values)
}
