//! YARA rules as an analyzer.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use analyzers::{Analyzer, Findings, Incomplete, Indicator, Limit, Sample};
use triage::FileKind;
use yara_x::errors::ScanError;
use yara_x::{ScanResults, Scanner};

use crate::externals;
use crate::index::PartEntry;
use crate::library::Library;
use crate::part_kind::PartKind;
use crate::pe::PeOutput;
use crate::prefilter::{FileFacts, Prefilter, PrefilterState};

/// Matches of one pattern that yara-x keeps. Conditions that count see no more either, which is as many as
/// rules ask for, and keeps a file of one repeated pattern from growing memory without end.
const MATCHES_PER_PATTERN_MAX: usize = 10_000;

/// Matches shown with a hit.
const MATCHES_SHOWN_MAX: usize = 4;

/// Bytes shown of a match.
const EXCERPT_BYTES_MAX: usize = 24;

/// Tries the rules of a library on files. Keeps a scanner per part of a set, for making one takes longer than most scans.
pub struct Yara<'r> {
    library: &'r Library,
    /// The sets that were used.
    sets: Vec<Option<OpenSet<'r>>>,
    prefilter: PrefilterState,
    hits: Vec<Hit>,
}

/// A set that was used.
struct OpenSet<'r> {
    /// Tells which parts a file needs. Without it, it needs all.
    prefilter: Option<Prefilter<'r>>,
    parts: Vec<OpenPart<'r>>,
}

/// A part of a set.
struct OpenPart<'r> {
    entry: &'r PartEntry,
    /// Whether the file that is looked at needs it.
    needed: bool,
    scanner: Option<Scanner<'r>>,
}

/// A rule that is true of the file.
struct Hit {
    rule: usize,
    span: Range<usize>,
    detail: String,
}

impl<'r> Yara<'r> {
    /// An analyzer that has no scanners yet.
    pub fn new(library: &'r Library) -> Self {
        Yara { library, sets: Vec::new(), prefilter: PrefilterState::default(), hits: Vec::new() }
    }

    /// Makes the scanners of the parts that are loaded and run on every file, and uses each once with a timeout, which
    /// starts yara-x's clock thread. After this, scans with what is loaded need no new thread and no new executable memory.
    pub fn rehearse(&mut self) {
        for set in 0..self.library.sets_count() {
            let open = open(self.library, &mut self.sets, set);
            // One of the other parts will do where none is run on every file.
            let mut rehearsed = false;
            for (number, part) in open.parts.iter_mut().enumerate() {
                if !self.library.is_loaded(set, number) || rehearsed && part.entry.kind != PartKind::Always {
                    continue;
                }
                if let Some(scanner) = part.scanner(self.library, set, number) {
                    rehearsed = true;
                    scanner.set_timeout(timeout(Duration::from_secs(1)));
                    // An empty file may be too short for nothing.
                    let _ = scanner.scan(b"");
                }
            }
        }
    }
}

/// The set, opened now if need be.
fn open<'s, 'r>(library: &'r Library, sets: &'s mut Vec<Option<OpenSet<'r>>>, set: usize) -> &'s mut OpenSet<'r> {
    if sets.len() <= set {
        sets.resize_with(set + 1, || None);
    }
    sets.get_mut(set).expect("it was made long enough").get_or_insert_with(|| {
        let part = |entry| OpenPart { entry, needed: false, scanner: None };
        OpenSet { prefilter: library.prefilter(set), parts: library.parts(set).iter().map(part).collect() }
    })
}

impl OpenSet<'_> {
    /// Finds out which parts this file needs.
    fn choose(&mut self, file: &[u8], pe: &mut PeOutput, state: &mut PrefilterState) {
        let all = self.prefilter.is_none();
        self.parts.iter_mut().for_each(|part| part.needed = all || part.entry.kind == PartKind::Always);
        if let Some(prefilter) = self.prefilter {
            let facts = if prefilter.asks_facts() { pe.facts(file) } else { FileFacts::default() };
            prefilter.search(file, facts, state, |part| {
                if let Some(part) = self.parts.get_mut(part) {
                    part.needed = true;
                }
            });
        }
    }
}

impl<'r> OpenPart<'r> {
    /// Its scanner, made now if need be. None where the part is missing.
    fn scanner(&mut self, library: &'r Library, set: usize, number: usize) -> Option<&mut Scanner<'r>> {
        let rules = library.part(set, number)?;
        Some(self.scanner.get_or_insert_with(|| {
            let mut scanner = Scanner::new(rules);
            scanner.max_matches_per_pattern(MATCHES_PER_PATTERN_MAX);
            scanner
        }))
    }
}

/// A whole number of seconds that is never over before `limit` is: yara-x's clock ticks once a second for the
/// whole process, so its first second may be short.
fn timeout(limit: Duration) -> Duration {
    let whole = limit.as_secs() + u64::from(limit.subsec_nanos() > 0);
    Duration::from_secs(whole.saturating_add(1))
}

impl Analyzer for Yara<'_> {
    fn name(&self) -> &'static str {
        "yara"
    }

    fn indicators(&self) -> Box<dyn Iterator<Item = &Indicator> + '_> {
        Box::new(self.library.indicators())
    }

    fn wants(&self, kind: FileKind) -> bool {
        self.library.wants(kind)
    }

    fn vouches(&self, _kind: FileKind) -> bool {
        false
    }

    fn opens(&self, _kind: FileKind) -> bool {
        false
    }

    fn rehearse(&mut self) {
        Yara::rehearse(self);
    }

    fn analyze<'a>(&mut self, sample: Sample<'a>, findings: &mut Findings<'a>) {
        self.hits.clear();
        let limit = timeout(findings.budget().limits().wall_time_max);
        let mut pass = Pass { sample, limit, pe: PeOutput::default(), findings };
        for set in self.library.sets_for(sample.bytes, sample.kind) {
            let open = open(self.library, &mut self.sets, set);
            if pass.try_set(self.library, set, open, &mut self.prefilter, &mut self.hits).is_err() {
                break;
            }
        }
        // yara-x gives its hits in no order. A file that its place brings to a second set may hit twice.
        self.hits.sort_by_key(|hit| hit.rule);
        self.hits.dedup_by_key(|hit| hit.rule);
        for hit in self.hits.drain(..) {
            if let Some(indicator) = self.library.indicator(hit.rule) {
                findings.saw_with(indicator, hit.span, hit.detail);
            }
        }
    }
}

/// What a file is tried with.
struct Pass<'p, 'a> {
    sample: Sample<'a>,
    limit: Duration,
    pe: PeOutput,
    findings: &'p mut Findings<'a>,
}

/// The time for the file is over.
struct TimeIsOver;

impl<'a> Pass<'_, 'a> {
    fn try_set<'r>(
        &mut self,
        library: &'r Library,
        set: usize,
        open: &mut OpenSet<'r>,
        state: &mut PrefilterState,
        hits: &mut Vec<Hit>,
    ) -> Result<(), TimeIsOver> {
        open.choose(self.sample.bytes, &mut self.pe, state);
        // Where rules are missing, another process will do all of it: all that are missing are named, and none is run.
        let mut lacks_some = false;
        for (number, part) in open.parts.iter_mut().enumerate().filter(|(_, part)| part.needed) {
            lacks_some |= part.scanner(library, set, number).is_none();
        }
        if lacks_some {
            self.findings.incomplete(Incomplete::Panicked(Cow::Borrowed("yara")));
            return Ok(());
        }
        for (number, part) in open.parts.iter_mut().enumerate().filter(|(_, part)| part.needed) {
            let Some(scanner) = &mut part.scanner else { continue };
            if let Some(results) = self.scan(part.entry, scanner)? {
                gather(&results, library, set, number, self.sample, hits);
            }
        }
        Ok(())
    }

    /// Runs a part. None if that failed, which is told.
    fn scan<'s, 'r>(
        &mut self,
        part: &PartEntry,
        scanner: &'s mut Scanner<'r>,
    ) -> Result<Option<ScanResults<'s, 'r>>, TimeIsOver>
    where
        'a: 's,
    {
        // Also where it is noticed that time is over.
        self.findings.budget().step(1).map_err(|_| TimeIsOver)?;
        scanner.set_timeout(self.limit);
        if part.asks_names {
            externals::tell(scanner, &self.findings.path(), self.sample);
        }
        if let Some(pe) = part.asks_pe.and_then(|fields| self.pe.with(fields, self.sample.bytes)) {
            // It refuses what is no module's.
            let _ = scanner.set_module_output(pe);
        }
        match scanner.scan(self.sample.bytes) {
            Ok(results) => Ok(Some(results)),
            Err(ScanError::Timeout) => {
                self.findings.budget().exhaust(Limit::Time);
                Err(TimeIsOver)
            }
            Err(_) => {
                self.findings.incomplete(Incomplete::Panicked(Cow::Borrowed("yara")));
                Ok(None)
            }
        }
    }
}

/// The hits among `results` that are for files of this kind.
fn gather(
    results: &ScanResults<'_, '_>,
    library: &Library,
    set: usize,
    part: usize,
    sample: Sample<'_>,
    hits: &mut Vec<Hit>,
) {
    for rule in results.matching_rules() {
        let Some(at) = library.find(set, part, rule.namespace(), rule.identifier()) else { continue };
        let here = library.rules().get(at).is_some_and(|entry| entry.place.takes(sample.kind));
        if !here {
            continue;
        }
        // One match of each pattern, the earliest first.
        let mut matches: Vec<(Range<usize>, &str)> = rule
            .patterns()
            .filter_map(|pattern| Some((pattern.matches().next()?.range(), pattern.identifier())))
            .collect();
        matches.sort_by_key(|(span, _)| (span.start, span.end));
        let span = matches.first().map_or(0..0, |(span, _)| span.clone());
        hits.push(Hit { rule: at, span, detail: Shown { matches: &matches, bytes: sample.bytes }.to_string() });
    }
}

/// Matches as text: `$a "MZ..", $b "UPX!"`.
struct Shown<'a> {
    matches: &'a [(Range<usize>, &'a str)],
    bytes: &'a [u8],
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (span, pattern)) in self.matches.iter().take(MATCHES_SHOWN_MAX).enumerate() {
            let separator = if at > 0 { ", " } else { "" };
            write!(f, "{separator}{pattern} \"")?;
            let matched = self.bytes.get(span.clone()).unwrap_or_default();
            for &byte in matched.iter().filter(|&&byte| byte != 0).take(EXCERPT_BYTES_MAX) {
                let shown =
                    if byte == b' ' || byte.is_ascii_graphic() && byte != b'"' { char::from(byte) } else { '.' };
                write!(f, "{shown}")?;
            }
            f.write_str("\"")?;
        }
        match self.matches.len().saturating_sub(MATCHES_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl fmt::Debug for Yara<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yara").field("library", self.library).finish_non_exhaustive()
    }
}
