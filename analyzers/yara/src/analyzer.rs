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
use crate::library::Library;

/// Matches of one pattern that yara-x keeps. Conditions that count see no more either, which is as many as
/// rules ask for, and keeps a file of one repeated pattern from growing memory without end.
const MATCHES_PER_PATTERN_MAX: usize = 10_000;

/// Matches shown with a hit.
const MATCHES_SHOWN_MAX: usize = 4;

/// Bytes shown of a match.
const EXCERPT_BYTES_MAX: usize = 24;

/// Tries the rules of a library on files. Keeps a scanner per set, for making one takes longer than most scans.
pub struct Yara<'r> {
    library: &'r Library,
    scanners: Vec<Option<Scanner<'r>>>,
    hits: Vec<Hit>,
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
        Yara { library, scanners: Vec::new(), hits: Vec::new() }
    }

    /// Makes the scanners of all sets that are loaded, and uses each once with a timeout, which starts yara-x's
    /// clock thread. After this, scans with these sets need no new thread and no new executable memory.
    pub fn rehearse(&mut self) {
        for set in self.library.loaded().iter() {
            if let Some(scanner) = scanner(self.library, &mut self.scanners, set) {
                scanner.set_timeout(timeout(Duration::from_secs(1)));
                // An empty file may be too short for nothing.
                let _ = scanner.scan(b"");
            }
        }
    }
}

/// The scanner of `set`, made now if need be. None where the set is missing.
fn scanner<'s, 'r>(
    library: &'r Library,
    scanners: &'s mut Vec<Option<Scanner<'r>>>,
    set: usize,
) -> Option<&'s mut Scanner<'r>> {
    let rules = library.set(set)?;
    if scanners.len() <= set {
        scanners.resize_with(set + 1, || None);
    }
    let slot = scanners.get_mut(set)?;
    Some(slot.get_or_insert_with(|| {
        let mut scanner = Scanner::new(rules);
        scanner.max_matches_per_pattern(MATCHES_PER_PATTERN_MAX);
        scanner
    }))
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
        for set in self.library.sets_needed(sample.bytes, sample.kind).iter() {
            // Also where it is noticed that time is over.
            if findings.budget().step(1).is_err() {
                break;
            }
            let Some(scanner) = scanner(self.library, &mut self.scanners, set) else {
                findings.incomplete(Incomplete::Panicked(Cow::Borrowed("yara")));
                continue;
            };
            scanner.set_timeout(limit);
            if self.library.set_asks_names(set) {
                externals::tell(scanner, &findings.path(), sample);
            }
            match scanner.scan(sample.bytes) {
                Ok(results) => gather(&results, self.library, set, sample, &mut self.hits),
                Err(ScanError::Timeout) => {
                    findings.budget().exhaust(Limit::Time);
                    break;
                }
                Err(_) => findings.incomplete(Incomplete::Panicked(Cow::Borrowed("yara"))),
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

/// The hits among `results` that are for files of this kind.
fn gather(results: &ScanResults<'_, '_>, library: &Library, set: usize, sample: Sample<'_>, hits: &mut Vec<Hit>) {
    for rule in results.matching_rules() {
        let Some(at) = library.find(set, rule.namespace(), rule.identifier()) else { continue };
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
