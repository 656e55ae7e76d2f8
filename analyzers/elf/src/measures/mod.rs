//! Measures of an ELF image, for a model to weigh: what it is like, beside the signs that were seen.
//!
//! Marks of age are left out (RELRO, PIE, notes of GNU, links to debug files): collections of malware are older than
//! distributions, and a model would judge the year. Object files, kernel modules, boot modules and cores are not measured:
//! they are like nothing else, and their signs alone judge them.

mod code;
mod headers;
mod symbols;
mod words;

use std::sync::LazyLock;

use analyzers::{Budget, Exhausted, Measure, MeasureSet, MeasureValue};

use self::code::Instructions;
use self::headers::Headers;
use self::symbols::Symbols;
pub(crate) use self::words::Words;
use crate::image::Image;

/// The measures of ELF images. Their version rises where one is added, removed or means something else.
pub const SET: MeasureSet = MeasureSet::new("elf", 1, &MEASURES);

static MEASURES: LazyLock<Vec<&'static Measure>> = LazyLock::new(|| {
    let mut all: Vec<&'static Measure> = Vec::new();
    all.extend(headers::HEADERS);
    all.extend(headers::SEGMENTS);
    all.extend(headers::SECTIONS);
    all.extend(symbols::SYMBOLS);
    all.extend(symbols::FUNCTIONS.iter().map(|(measure, _)| measure));
    all.extend(symbols::PARTS.iter().map(|(measure, _)| measure));
    all.extend(code::CODE);
    all.extend(code::INSTRUCTIONS.iter().map(|(measure, _)| measure));
    all.extend(code::CALLS.iter().map(|(measure, ..)| measure));
    all.extend(code::HIDDEN.iter().map(|(measure, _)| measure));
    all.extend(words::TEXT);
    all.extend(words::CLASSES.iter().map(|(measure, _)| measure));
    all
});

/// Builds the tables that are the same for all files, if they are not built yet.
pub(crate) fn prepare() {
    words::prepare();
    symbols::prepare();
}

/// Takes all measures, in the order of [`SET`]; `None` of a file that is not measured.
pub(crate) fn take(image: &Image<'_>, words: &mut Words, budget: &mut Budget) -> Result<Option<Vec<f32>>, Exhausted> {
    if !image.is_loadable() || image.is_debug_file() || image.is_boot_module() {
        return Ok(None);
    }
    let mut values = Vec::with_capacity(MEASURES.len());
    let headers = Headers::of(image, budget)?;
    headers::headers(&headers, &mut values);
    headers::segments(&headers, &mut values);
    headers::sections(&headers, &mut values);
    let symbols = Symbols::of(image, budget)?;
    symbols::symbols(&symbols, &mut values);
    symbols.measure(&mut values);
    let instructions = Instructions::count(image, budget)?;
    code::code(&instructions, &mut values);
    instructions.measure(&mut values);
    code::hidden(image.bytes, budget, &mut values)?;
    words.count(image.bytes, budget)?;
    words::text(&*words, &mut values);
    values.extend(words.classes().iter().map(|count| count.number()));
    Ok(Some(values))
}
