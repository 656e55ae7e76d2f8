//! Reads one VBA project: its `dir` and `PROJECT` streams, and the source of its modules.

use std::borrow::Cow;
use std::ops::Range;

use analyzers::{Budget, Exhausted, Limit};
use memchr::memmem;

use super::MARKER;
use super::decompress::{End, decompress};
use super::dir::{Dir, ListedModule};
use super::pcode::{self, Compiled};
use super::project::Project;
use crate::compound::{Compound, StorageEntry};

/// A project that was read.
#[derive(Debug)]
pub(crate) struct Read<'c> {
    /// The path of its storage.
    pub storage: &'c str,
    /// The `dir` stream, if it can be decompressed.
    pub dir: Option<Dir>,
    /// The `PROJECT` stream, if there is one.
    pub project: Option<Project>,
    /// All sources, concatenated, in the code page of the project.
    pub raw: Vec<u8>,
    /// All sources as text, separated by line breaks.
    pub text: String,
    /// The modules: first the listed ones, in order, then the others.
    pub modules: Vec<FoundModule>,
    /// Modules that are listed and have no stream.
    pub missing: Vec<String>,
    /// Bytes of the stream `_VBA_PROJECT`, which says which version of Office compiled the modules.
    pub cache_bytes: Option<u64>,
    /// The stream `_VBA_PROJECT` in small letters, if it holds the names of a compiled project.
    pub names: Vec<u8>,
    /// Words in that stream that run, fetch or hide something, in small letters.
    pub telling_names: Vec<Vec<u8>>,
    /// No storage of a project was found, only what looks like source.
    pub is_guess: bool,
    /// A stream of compiled code of another form (`__SRP_0`) is there.
    pub has_srp: bool,
}

/// A module whose stream was found.
#[derive(Debug)]
pub(crate) struct FoundModule {
    /// Name of the module.
    pub name: String,
    /// The path of its stream.
    pub stream: String,
    /// Range of its source in [`Read::raw`].
    pub raw: Range<usize>,
    /// Range of its source in [`Read::text`].
    pub text: Range<usize>,
    /// The compiled form, which precedes the source.
    pub compiled: Compiled,
    /// A name in its source that the compiled project does not know.
    pub unknown_name: Option<String>,
    /// The `dir` stream lists it.
    pub listed: bool,
    /// How the decompression of the source ended.
    pub end: End,
    /// Offset of a character that valid source cannot have, though the compression is valid.
    pub garbled: Option<usize>,
}

impl<'c> Read<'c> {
    /// Reads the project whose storage holds `streams`.
    pub(super) fn new(
        compound: &Compound<'_>,
        storage: &'c str,
        streams: &[&StorageEntry],
        budget: &mut Budget,
    ) -> Result<Read<'c>, Exhausted> {
        let mut read = Read {
            storage,
            dir: None,
            project: None,
            raw: Vec::new(),
            text: String::new(),
            modules: Vec::new(),
            missing: Vec::new(),
            cache_bytes: None,
            names: Vec::new(),
            telling_names: Vec::new(),
            is_guess: false,
            has_srp: false,
        };
        // What is no module, or was one already.
        let mut taken = vec![false; streams.len()];
        for (stream, taken) in streams.iter().zip(&mut taken) {
            *taken = true;
            match stream.name() {
                name if name.eq_ignore_ascii_case("dir") => {
                    let bytes = read_stream(compound, stream, 0, budget)?;
                    let mut plain = Vec::new();
                    let end = expand(&bytes, &mut plain, budget)?;
                    read.dir = (!plain.is_empty()).then(|| Dir::read(&plain, end == End::Whole));
                }
                name if name.eq_ignore_ascii_case("_VBA_PROJECT") => {
                    read.cache_bytes = Some(stream.size);
                    let bytes = compound.read(stream, budget)?;
                    read.read_names(&bytes, budget)?;
                }
                name if name.starts_with("__SRP_") => read.has_srp = true,
                _ => *taken = false,
            }
        }
        let encoding = read.encoding();
        let around = read.around();
        let path = if around.is_empty() { "PROJECT".to_owned() } else { format!("{around}/PROJECT") };
        if let Some(entry) = compound.find(&path) {
            read.project = Some(Project::read(&compound.read(entry, budget)?, encoding));
        }
        let listed = read.dir.as_mut().map(|dir| std::mem::take(&mut dir.modules)).unwrap_or_default();
        for module in &listed {
            budget.step(streams.len() as u64)?;
            let names = module.streams.iter();
            let found = names.filter_map(|name| streams.iter().position(|stream| same(stream.name(), name))).next();
            match found.and_then(|at| Some((at, streams.get(at)?))) {
                Some((at, stream)) => {
                    taken.iter_mut().skip(at).take(1).for_each(|taken| *taken = true);
                    read.add_listed(compound, module, stream, budget)?;
                }
                None => read.missing.push(module.name.clone()),
            }
        }
        for (stream, _) in streams.iter().zip(taken).filter(|(_, taken)| !taken) {
            read.add_unlisted(compound, stream, budget)?;
        }
        Ok(read)
    }

    /// The path of the storage around the one with the modules: where `PROJECT` and the forms are.
    pub(super) fn around(&self) -> &'c str {
        self.storage.rsplit_once('/').map_or("", |(around, _)| around)
    }

    fn encoding(&self) -> &'static encoding_rs::Encoding {
        self.dir.as_ref().map_or(encoding_rs::WINDOWS_1252, |dir| dir.encoding)
    }

    /// Reads the names of a compiled project.
    fn read_names(&mut self, project: &[u8], budget: &mut Budget) -> Result<(), Exhausted> {
        budget.step(project.len() as u64 / 64)?;
        if pcode::has_names(project) {
            budget.produce(project.len() as u64)?;
            self.names = project.to_ascii_lowercase();
            self.telling_names = pcode::names(project);
        }
        Ok(())
    }

    fn add_listed(
        &mut self,
        compound: &Compound<'_>,
        module: &ListedModule,
        stream: &StorageEntry,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let stated = module.offset as usize;
        let bytes = read_stream(compound, stream, stated, budget)?;
        let container = bytes.get(stated..).unwrap_or_default();
        // An offset that leads nowhere keeps nobody from finding the source.
        let at = if container.first() == Some(&1) { stated } else { find_source(&bytes, 0).unwrap_or(stated) };
        let (cache, container) = bytes.split_at(at.min(bytes.len()));
        self.add(&module.name, stream, container, cache, true, budget)
    }

    fn add_unlisted(
        &mut self,
        compound: &Compound<'_>,
        stream: &StorageEntry,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let bytes = compound.read(stream, budget)?;
        let mut from = 0;
        while let Some(at) = find_source(&bytes, from) {
            let container = bytes.get(at..).unwrap_or_default();
            let cache = bytes.get(..at).unwrap_or_default();
            self.add(stream.name(), stream, container, cache, false, budget)?;
            // A stream is a module; another one behind it would be odd, and many would be a bomb.
            from = bytes.len().min(at + 4096);
        }
        Ok(())
    }

    fn add(
        &mut self,
        name: &str,
        stream: &StorageEntry,
        container: &[u8],
        cache: &[u8],
        listed: bool,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        budget.step(cache.len() as u64 / 64)?;
        let compiled = Compiled::read(cache);
        let raw = self.raw.len();
        // Every module has attributes, and so source. One that is listed and has none, not even an empty one, was lost.
        let end = match container {
            [] if listed => End::Malformed(0),
            [] => End::Whole,
            _ => expand(container, &mut self.raw, budget)?,
        };
        let raw = raw..self.raw.len();
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let source = self.raw.get(raw.clone()).unwrap_or_default();
        let garbled = source.iter().position(|byte| is_no_text(*byte));
        let (decoded, _) = self.encoding().decode_without_bom_handling(source);
        budget.produce(decoded.len() as u64)?;
        let mut unknown_name = None;
        if compiled.lines.is_some() && !self.names.is_empty() {
            budget.step(1 + (self.names.len() + cache.len()) as u64 / 8)?;
            unknown_name = pcode::unknown_name(&decoded, &self.names, cache);
        }
        let text = self.text.len()..self.text.len() + decoded.len();
        self.text.push_str(&decoded);
        self.modules.push(FoundModule {
            name: name.to_owned(),
            stream: stream.path.clone(),
            raw,
            text,
            compiled,
            unknown_name,
            listed,
            end,
            garbled,
        });
        Ok(())
    }
}

/// The bytes of a stream that holds a compressed container at `at`. One whose size is a lie is looked for where streams
/// of its true size lie.
fn read_stream<'c>(
    compound: &Compound<'c>,
    stream: &StorageEntry,
    at: usize,
    budget: &mut Budget,
) -> Result<Cow<'c, [u8]>, Exhausted> {
    let holds = |bytes: &[u8]| bytes.get(at) == Some(&1) || find_source(bytes, 0).is_some();
    let bytes = compound.read(stream, budget)?;
    if holds(&bytes) {
        return Ok(bytes);
    }
    let short = compound.read_as_short(stream, budget)?;
    Ok(if holds(&short) { short } else { bytes })
}

/// Decompresses as much as there is room for, and pays for it.
fn expand(container: &[u8], out: &mut Vec<u8>, budget: &mut Budget) -> Result<End, Exhausted> {
    let before = out.len();
    budget.step(container.len() as u64 / 64)?;
    let room = budget.stream_room();
    let end = decompress(container, usize::try_from(room).unwrap_or(usize::MAX), out);
    budget.produce((out.len() - before) as u64)?;
    if end == End::Full {
        // What was decompressed is still looked at; the limit makes the report incomplete.
        let limit = if room == budget.limits().stream_bytes_max { Limit::Stream } else { Limit::Produced };
        budget.exhaust(limit);
    }
    Ok(end)
}

/// Control characters that no source has, in any code page: the editor does not take them (none in 792 modules of
/// documents). Tabs, line ends and the end mark of old files are text.
fn is_no_text(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, 0x09..=0x0d | 0x1a)
}

/// Offset of compressed source in `bytes`, from `from` on, by its known beginning.
fn find_source(bytes: &[u8], from: usize) -> Option<usize> {
    let found = memmem::find_iter(bytes.get(from..)?, MARKER).map(|at| from + at);
    found.filter_map(|at| at.checked_sub(3)).find(|at| bytes.get(*at) == Some(&1))
}

/// Whether two names are the same to Office (MS-CFB 2.6.4).
fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || (!one.is_ascii() && one.to_uppercase() == other.to_uppercase())
}
