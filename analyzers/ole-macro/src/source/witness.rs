//! Positions at which signs were seen, up to a limit.

use std::fmt::{self, Display};
use std::ops::Range;

use analyzers::Findings;
use memchr::{memchr_iter, memchr2, memrchr};

use super::Module;
use super::sign_set::{SignSet, TELLING_BESIDE_WRITES};
use super::words::Sign;
use crate::catalogue::source::{AUTOSTART_PAYLOAD, EXECUTES};

/// Places kept per sign and project. A sign is weighed once; these are for people to look at.
const PLACES_MAX: u8 = 3;

/// Evidence seen in a project.
pub(super) struct Witness {
    /// Signs seen anywhere in the project.
    seen: SignSet,
    /// Signs seen since the line began.
    line: SignSet,
    /// Signs seen since somebody asked, those in strings that were put together among them.
    fresh: SignSet,
    /// How often each sign was seen.
    counts: [u32; 64],
    /// Places kept so far, by sign.
    kept: [u8; 64],
    /// Positions in the current module.
    places: Vec<SignPosition>,
    /// Positions in the modules read so far.
    modules: Vec<Vec<SignPosition>>,
}

impl Default for Witness {
    fn default() -> Self {
        Witness {
            seen: SignSet::default(),
            line: SignSet::default(),
            fresh: SignSet::default(),
            counts: [0; 64],
            kept: [0; 64],
            places: Vec::new(),
            modules: Vec::new(),
        }
    }
}

struct SignPosition {
    sign: Sign,
    /// Offset in the source of the module.
    start: usize,
    /// The folded string, if the sign is in one.
    folded: Option<String>,
}

impl Witness {
    /// Signs on a line are those seen from now on.
    pub(super) fn begin_line(&mut self) {
        self.line = SignSet::default();
    }

    /// The signs seen on this line.
    pub(super) fn seen_on_line(&self) -> SignSet {
        self.line
    }

    /// The signs seen since this was asked for before.
    pub(super) fn take_fresh(&mut self) -> SignSet {
        std::mem::take(&mut self.fresh)
    }

    /// How often `sign` was seen.
    pub(super) fn count(&self, sign: Sign) -> u32 {
        self.counts.get(sign as usize).copied().unwrap_or_default()
    }

    /// Whether any of `signs` was seen.
    pub(super) fn has(&self, signs: &[Sign]) -> bool {
        self.seen.has_any(SignSet::of(signs))
    }

    /// Whether nothing but `signs` was seen.
    pub(super) fn has_only(&self, signs: &[Sign]) -> bool {
        self.seen.is_within(SignSet::of(signs))
    }

    /// `sign` was seen at `start` of the module that is being read.
    pub(super) fn saw(&mut self, sign: Sign, start: usize) {
        self.line.insert(sign);
        self.keep(sign, start, || None);
    }

    /// `sign` was seen at `span` of `text`, which was put together at `start`.
    pub(super) fn saw_folded(&mut self, sign: Sign, start: usize, text: &[u8], span: &Range<usize>) {
        self.keep(sign, start, || {
            let around = span.start.saturating_sub(40)..text.len().min(span.end + 80);
            Some(String::from_utf8_lossy(text.get(around).unwrap_or_default()).into_owned())
        });
    }

    fn keep(&mut self, sign: Sign, start: usize, folded: impl FnOnce() -> Option<String>) {
        self.seen.insert(sign);
        self.fresh.insert(sign);
        if let Some(count) = self.counts.get_mut(sign as usize) {
            *count = count.saturating_add(1);
        }
        let Some(kept) = self.kept.get_mut(sign as usize).filter(|kept| **kept < PLACES_MAX) else { return };
        *kept += 1;
        self.places.push(SignPosition { sign, start, folded: folded() });
    }

    /// The module that is being read ends.
    pub(super) fn end_module(&mut self) {
        self.modules.push(std::mem::take(&mut self.places));
    }

    /// Reports what was seen in `modules`, but for the signs that `drops` says.
    pub(super) fn report(&mut self, modules: &[Module<'_>], drops: impl Fn(Sign) -> bool, findings: &mut Findings<'_>) {
        for (module, mut places) in modules.iter().zip(std::mem::take(&mut self.modules)) {
            places.retain(|place| !drops(place.sign));
            if places.is_empty() {
                continue;
            }
            // One line is shown once per sign.
            places.sort_by_key(|place| (place.start, place.sign as u8));
            findings.within(module.name, |findings| {
                let (mut number, mut counted) = (1, 0);
                let source = module.source.as_bytes();
                for place in places {
                    number += line_ends(source.get(counted..place.start).unwrap_or_default());
                    counted = place.start;
                    let line = Excerpt { number, source, start: place.start, folded: place.folded.as_deref() };
                    findings.saw_with(place.sign.indicator(), line.span(), line);
                }
            });
        }
    }

    /// Reports what the classes of mraptor come to over the whole project. `runs`: a scripting shell starts something.
    pub(super) fn conclude(&self, runs: bool, findings: &mut Findings<'_>) {
        if runs {
            findings.saw_with(
                &EXECUTES,
                0..0,
                "a scripting shell is made, and a member that starts programs is called",
            );
        }
        let starts = self.has(&[Sign::AutostartDocument, Sign::AutostartWorkbook, Sign::AutostartControl]);
        let executes = runs || self.has(&[Sign::Executes]);
        // Saving the document, a log or a table is what macros are for; what is written by code that hides or fetches
        // something, too, is another matter.
        let writes = self.has(&[Sign::Writes]) && (executes || self.seen.has_any(TELLING_BESIDE_WRITES));
        let deed = match (writes, executes) {
            (true, true) => "starts by itself, writes and executes",
            (true, false) => "starts by itself and writes",
            (false, true) => "starts by itself and executes",
            (false, false) => return,
        };
        if starts {
            findings.saw_with(&AUTOSTART_PAYLOAD, 0..0, deed);
        }
    }
}

/// Line ends in `bytes`: CR LF is one.
fn line_ends(bytes: &[u8]) -> usize {
    let returns = memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n')).count();
    memchr_iter(b'\n', bytes).count() + returns
}

/// A line of source, as `line 12: Shell x`.
struct Excerpt<'s> {
    number: usize,
    source: &'s [u8],
    start: usize,
    folded: Option<&'s str>,
}

/// Bytes shown before a sign that stands far in a long line.
const LEAD: usize = 40;

impl Excerpt<'_> {
    /// The line, from shortly before the sign if it is long.
    fn span(&self) -> Range<usize> {
        let before = self.source.get(..self.start).unwrap_or_default();
        let start = memrchr(b'\n', before).max(memrchr(b'\r', before)).map_or(0, |at| at + 1);
        let rest = self.source.get(self.start..).unwrap_or_default();
        let end = self.start + memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let start = if end - start > 120 { start.max(self.start.saturating_sub(LEAD)) } else { start };
        start..end.min(start + 400)
    }
}

impl Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = String::from_utf8_lossy(self.source.get(self.span()).unwrap_or_default());
        match self.folded {
            Some(folded) => write!(f, "line {}: makes \"{}\" of {}", self.number, folded, line.trim()),
            None => write!(f, "line {}: {}", self.number, line.trim()),
        }
    }
}
