//! Indicators of a VBA project other than those of its source.

use std::borrow::Cow;

use analyzers::{Exhausted, Findings, Incomplete};
use memchr::memmem;

use super::decompress::End;
use super::pcode;
use super::read::{FoundModule, Read};
use crate::catalogue::vba as signs;
use crate::compound::{Compound, StorageEntry};
use crate::source;

/// Bytes of compiled form that a module without any code may have, where no table of lines can be read in it: that of a
/// sheet with many controls describes each of them.
const EMPTY_CACHE_BYTES: usize = 16 << 10;
/// Logical lines that source and compiled form may differ by: some versions count the empty one at the end.
const LINES_APART: usize = 1;
/// Characters of code, apart from attributes, up to which a module is empty.
const EMPTY_SOURCE_CHARS: usize = 20;
/// Minimum length of a printable run in a form that is not a caption, in bytes.
const FORM_TEXT_BYTES: usize = 200;
/// Libraries whose use is worth a word, as they are named in the path or the description.
const LIBRARIES: &[(&str, &str)] = &[
    ("wshom.ocx", "Windows Script Host"),
    ("vbe6ext.olb", "VBA extensibility"),
    ("wbemdisp.tlb", "Windows management"),
    ("taskschd", "task scheduler"),
    ("winhttp", "WinHTTP"),
    ("mscorlib", ".NET"),
];

/// Reports on `project`: itself, the source of each module, and all of it as a child for the rules.
pub(crate) fn report(compound: &Compound<'_>, project: Read<'_>, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    // The project of an Office Open XML part is at its root and needs no name.
    let around = project.around();
    if around.is_empty() {
        report_within(compound, &project, findings)?;
    } else {
        findings.within(around, |findings| report_within(compound, &project, findings))?;
    }
    if !project.text.is_empty() {
        findings.child("vba", Cow::Owned(project.text.into_bytes()));
    }
    Ok(())
}

fn report_within(compound: &Compound<'_>, project: &Read<'_>, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    findings.saw_with(&signs::PROJECT, 0..0, project.storage);
    if project.dir.as_ref().is_none_or(|dir| dir.broken) {
        findings.saw(&signs::DIR_BROKEN, 0..0);
        // Which modules there are, and where their source starts, is not known.
        if !project.is_guess {
            findings.incomplete(Incomplete::CutShort);
        }
    }
    if project.has_srp {
        findings.saw(&signs::CACHED, 0..0);
    }
    report_lists(project, findings);
    report_modules(project, findings);
    report_stomping(project, findings)?;
    report_forms(compound, project, findings)?;
    let sources: Vec<source::Module<'_>> = project
        .modules
        .iter()
        .map(|module| source::Module { name: &module.name, source: text(project, module) })
        .collect();
    source::examine(&sources, findings);
    Ok(())
}

/// Reports indicators of the lists of modules and references.
fn report_lists(project: &Read<'_>, findings: &mut Findings<'_>) {
    for name in &project.missing {
        findings.saw_with(&signs::MISSING, 0..0, name);
        findings.incomplete(Incomplete::CutShort);
    }
    if let Some(list) = &project.project {
        let shown = |module: &&FoundModule| list.modules.iter().any(|name| name.eq_ignore_ascii_case(&module.name));
        for module in project.modules.iter().filter(|module| module.listed && !shown(module)).take(8) {
            findings.saw_with(&signs::HIDDEN, 0..0, &module.name);
        }
        if let Some(how) = list.locked {
            findings.saw_with(&signs::LOCKED, 0..0, how);
        }
    }
    for reference in project.dir.iter().flat_map(|dir| &dir.references) {
        let lower = reference.to_ascii_lowercase();
        if let Some((_, name)) = LIBRARIES.iter().find(|(part, _)| lower.contains(part)) {
            findings.saw_with(&signs::REFERENCE, 0..0, name);
        }
        // `*\CC:\folder\other.dot` is a file (2.1.1.12); a server is `\\server\share` or a URL.
        if lower.starts_with("*\\c\\\\") || lower.starts_with("*\\chttp") {
            findings.saw_with(&signs::REMOTE_REFERENCE, 0..0, reference);
        }
    }
}

/// Reports indicators of the modules and of their storage.
fn report_modules(project: &Read<'_>, findings: &mut Findings<'_>) {
    let mut has_source = false;
    let mut has_cache = false;
    for module in &project.modules {
        let is_empty = is_empty(text(project, module));
        has_source |= !is_empty;
        has_cache |= module.compiled.bytes > 0;
        if !module.listed {
            findings.saw_with(&signs::UNLISTED, 0..0, &module.stream);
        }
        if let End::Malformed(at) = module.end {
            findings.saw_with(&signs::MALFORMED, 0..0, format_args!("{} at byte {at}", module.stream));
            // What would have followed was not seen. Source that was found by how it begins ends nobody knows where.
            if module.listed {
                findings.incomplete(Incomplete::CutShort);
            }
        } else if let Some(at) = module.garbled.filter(|_| module.end == End::Whole && module.listed) {
            let detail = format_args!("{}: a control character at {at} of the source", module.stream);
            findings.saw_with(&signs::MALFORMED, 0..0, detail);
            findings.incomplete(Incomplete::CutShort);
        }
    }
    if has_source {
        findings.saw(&signs::SOURCE, 0..0);
        // The smallest stream that says "compile me anew" has seven bytes (2.3.4.1).
        if !has_cache && project.cache_bytes.is_none_or(|bytes| bytes <= 7) {
            findings.saw(&signs::NO_CACHE, 0..0);
        }
    }
}

/// Compares what modules hold as source with what they hold compiled: Office runs either.
fn report_stomping(project: &Read<'_>, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let has_words = project.modules.iter().any(|module| !module.compiled.words.is_empty());
    let mut sources = Vec::new();
    if has_words || !project.telling_names.is_empty() {
        findings.budget().produce(project.raw.len() as u64)?;
        sources = project.raw.to_ascii_lowercase();
    }
    // A readable run may have one byte too many at its end.
    let is_in_source = |word: &[u8]| {
        let shorter = word.get(..word.len().saturating_sub(1)).unwrap_or_default();
        memmem::find(&sources, if shorter.is_empty() { word } else { shorter }).is_some()
    };
    for module in project.modules.iter().filter(|module| module.listed) {
        findings.budget().step(1)?;
        if let Some(how) = differing_lines(project, module) {
            findings.saw_with(&signs::STOMPED, 0..0, format_args!("{}: {how}", module.name));
        }
        if module.compiled.lines.is_none() && module.compiled.bytes > 0 && is_empty(text(project, module)) {
            // What Office would run is there in a form that was not understood, and in no other.
            findings.cannot_vouch(format_args!("the compiled code of {}", module.name));
        }
        if let Some(name) = &module.unknown_name {
            let detail = format_args!("{}: the compiled project does not know {name}", module.name);
            findings.saw_with(&signs::STOMPED, 0..0, detail);
        }
        for word in &module.compiled.words {
            findings.budget().step(1 + sources.len() as u64 / 256)?;
            if !is_in_source(word) {
                let word = word.escape_ascii();
                let detail = format_args!("{}: the compiled code says \"{word}\", and no source does", module.name);
                findings.saw_with(&signs::STOMPED, 0..0, detail);
                break;
            }
        }
    }
    for word in &project.telling_names {
        findings.budget().step(1 + sources.len() as u64 / 256)?;
        if !is_in_source(word) {
            let detail = format_args!("the compiled project knows \"{}\", and no source does", word.escape_ascii());
            findings.saw_with(&signs::STOMPED, 0..0, detail);
            break;
        }
    }
    Ok(())
}

/// Describes how the lines of a module's source and of its compiled form differ, if they do.
fn differing_lines(project: &Read<'_>, module: &FoundModule) -> Option<String> {
    let is_empty = is_empty(text(project, module));
    let Some(lines) = module.compiled.lines else {
        let bytes = module.compiled.bytes;
        return (is_empty && bytes > EMPTY_CACHE_BYTES).then(|| format!("{bytes} bytes of compiled code, no source"));
    };
    // Where the source breaks off, its lines cannot be counted.
    if module.end != End::Whole {
        return None;
    }
    let written = pcode::logical_lines(project.raw.get(module.raw.clone()).unwrap_or_default());
    let differs = lines.all.abs_diff(written.all) > LINES_APART || lines.coded != written.coded;
    differs.then(|| {
        let (all, coded) = (lines.all, lines.coded);
        format!("{all} lines compiled, {coded} of them code; {} and {} in the source", written.all, written.coded)
    })
}

fn report_forms(compound: &Compound<'_>, project: &Read<'_>, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let around = project.around();
    let below = |entry: &StorageEntry| {
        let form = entry.parent();
        form.rsplit_once('/').map_or("", |(above, _)| above) == around && !form.is_empty()
    };
    for entry in compound.entries().iter().filter(|entry| entry.is_stream_named("o") && below(entry)) {
        findings.saw_with(&signs::FORM, 0..0, entry.parent());
        let bytes = compound.read(entry, findings.budget())?;
        findings.budget().step(bytes.len() as u64 / 64)?;
        let solid = |run: &&[u8]| run.len() >= FORM_TEXT_BYTES;
        if let Some(run) = bytes.split(|byte| !byte.is_ascii_graphic()).find(solid) {
            let start = run.as_ptr() as usize - bytes.as_ptr() as usize;
            let shown = String::from_utf8_lossy(run.get(..80).unwrap_or(run));
            findings.within(&entry.path, |findings| {
                findings.saw_with(
                    &signs::FORM_TEXT,
                    start..start + run.len(),
                    format_args!("{} bytes: {shown}", run.len()),
                );
            });
        }
    }
    Ok(())
}

fn text<'r>(project: &'r Read<'_>, module: &FoundModule) -> &'r str {
    project.text.get(module.text.clone()).unwrap_or_default()
}

/// Whether there is nothing but attributes, as every module has them.
fn is_empty(source: &str) -> bool {
    let mut chars = 0;
    // Old Macs end lines by a carriage return alone.
    source.split(['\r', '\n']).filter(|line| !line.starts_with("Attribute ")).all(|line| {
        chars += line.trim().len();
        chars <= EMPTY_SOURCE_CHARS
    })
}
