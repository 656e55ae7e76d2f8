//! Compiled rules, loaded part by part.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use analyzers::{Indicator, IndicatorId, LoadedWeights};
use triage::FileKind;
use yara_x::Rules;

use crate::bundle::{self, BundleError, Spans};
use crate::index::{Index, PartEntry, RuleEntry};
use crate::magic_class::Heads;
use crate::part_kind::PartKind;
use crate::part_mask::PartMask;
use crate::prefilter::Prefilter;

/// The rules of one bundle. Shared by any number of [`Yara`](crate::Yara) analyzers, across threads too.
///
/// A part of a set is loaded when it is first needed, which takes milliseconds and makes memory executable. After
/// [`Library::stop_loading`] it is recorded as missing instead.
pub struct Library {
    bytes: Box<dyn AsRef<[u8]> + Send + Sync>,
    index: Index,
    spans: Spans,
    /// Read one by one: of ten thousand rules, few are ever seen to be true. None if it cannot be read.
    rules: Vec<OnceLock<Option<Box<RuleEntry>>>>,
    /// The parts of all sets, those of the first set first.
    parts: Vec<LibraryPart>,
    /// Number of the first part of each set.
    first_parts: Vec<usize>,
    /// Made one by one, too.
    indicators: Vec<OnceLock<Box<Indicator>>>,
    stopped: AtomicBool,
    missing: Mutex<PartMask>,
}

/// A part of a set.
struct LibraryPart {
    /// Its set, and its number there.
    place: (usize, usize),
    /// None if it cannot be loaded.
    rules: OnceLock<Option<Rules>>,
}

impl LibraryPart {
    /// Its rules, if they are loaded.
    fn loaded(&self) -> Option<&Rules> {
        self.rules.get()?.as_ref()
    }
}

impl Library {
    /// Opens a bundle that [`compile`](crate::compile) made on this machine. Loads no set yet.
    ///
    /// The bundle holds machine code, and only its shape is checked here: open nothing that others could write to.
    ///
    /// # Errors
    ///
    /// [`BundleError`] if the bytes are no bundle, were compiled for another yara-x or processor, or are damaged.
    pub fn open(bytes: Box<dyn AsRef<[u8]> + Send + Sync>) -> Result<Library, BundleError> {
        let (index, spans) = bundle::read((*bytes).as_ref())?;
        let mut parts = Vec::new();
        let mut first_parts = Vec::new();
        for (set, entry) in index.sets.iter().enumerate() {
            first_parts.push(parts.len());
            let place = |part| LibraryPart { place: (set, part), rules: OnceLock::new() };
            parts.extend((0..entry.parts.len()).map(place));
        }
        let rules = spans.rules.iter().map(|_| OnceLock::new()).collect();
        let indicators = spans.rules.iter().map(|_| OnceLock::new()).collect();
        let (stopped, missing) = (AtomicBool::new(false), Mutex::default());
        Ok(Library { bytes, index, spans, rules, parts, first_parts, indicators, stopped, missing })
    }

    /// Every rule that reports, by namespace and name.
    pub fn rules(&self) -> RuleList<'_> {
        RuleList { library: self }
    }

    /// Number of sets.
    pub(crate) fn sets_count(&self) -> usize {
        self.index.sets.len()
    }

    /// The names of the sets with how many reporting rules each has, in the order of their numbers.
    pub fn sets(&self) -> impl Iterator<Item = (&str, usize)> {
        let count = |set: usize| self.rules().iter().filter(|rule| rule.sets.has(set)).count();
        self.index.sets.iter().enumerate().map(move |(at, set)| (set.name.as_str(), count(at)))
    }

    /// The indicators of the rules, in the order of [`Library::rules`].
    pub fn indicators(&self) -> impl Iterator<Item = &Indicator> {
        (0..self.indicators.len()).filter_map(|at| self.indicator(at))
    }

    /// The indicator of the rule that stands there in [`Library::rules`].
    pub fn indicator(&self, at: usize) -> Option<&Indicator> {
        let rule = self.rules().get(at)?;
        Some(self.indicators.get(at)?.get_or_init(|| Box::new(rule.indicator())))
    }

    /// Index of the rule of this indicator in [`Library::rules`].
    pub fn position(&self, indicator: &IndicatorId) -> Option<usize> {
        let id_at = |&at: &u32| self.rules().get(at as usize).map_or("", |rule| rule.id.as_str());
        let found = self.index.by_id.binary_search_by(|at| id_at(at).cmp(indicator.as_str())).ok()?;
        self.index.by_id.get(found).map(|&at| at as usize)
    }

    fn entry(&self, indicator: &IndicatorId) -> Option<&RuleEntry> {
        self.rules().get(self.position(indicator)?)
    }

    /// The parts that are run on every or many a file of this kind that begins with `head`: at least eight bytes, or all of a
    /// shorter file. Others may turn out to be [`missing`](Library::missing).
    pub fn parts_needed(&self, head: &[u8], kind: FileKind) -> PartMask {
        let parts = self.sets_for(head, kind).flat_map(|set| {
            let parts = self.parts(set).iter().zip(self.first_part(set)..);
            parts.filter(|(part, _)| part.kind != PartKind::Wanted).map(|(_, number)| number)
        });
        parts.collect()
    }

    /// The sets whose rules may be true of a file of this kind that begins with `head`.
    pub(crate) fn sets_for(&self, head: &[u8], kind: FileKind) -> impl Iterator<Item = usize> {
        let heads = Heads::of(head);
        let sets = self.index.sets.iter().enumerate();
        sets.filter(move |(_, set)| heads.within(set.heads) || set.places.iter().any(|place| place.takes(kind)))
            .map(|(at, _)| at)
    }

    /// Whether any rule may be true of some file of this kind.
    pub(crate) fn wants(&self, kind: FileKind) -> bool {
        self.index.places.iter().any(|place| place.takes(kind))
    }

    /// Whether some rule asks for what a file is called.
    pub fn asks_names(&self) -> bool {
        self.index.sets.iter().flat_map(|set| &set.parts).any(|part| part.asks_names)
    }

    /// The parts of a set, in the order of their numbers.
    pub(crate) fn parts(&self, set: usize) -> &[PartEntry] {
        self.index.sets.get(set).map_or(&[], |set| &set.parts)
    }

    /// What tells which parts of a set a file needs. None if all of them are always run.
    pub(crate) fn prefilter(&self, set: usize) -> Option<Prefilter<'_>> {
        let bytes = (*self.bytes).as_ref().get(self.spans.sets.get(set)?.prefilter.clone())?;
        Prefilter::read(bytes)
    }

    fn first_part(&self, set: usize) -> usize {
        self.first_parts.get(set).copied().unwrap_or(usize::MAX)
    }

    /// Loads the parts of `mask` that are not loaded yet.
    ///
    /// # Errors
    ///
    /// [`BundleError::Load`] if yara-x cannot load a part. What was loaded before it stays loaded.
    pub fn load(&self, mask: &PartMask) -> Result<(), BundleError> {
        for part in mask.iter().filter_map(|number| self.parts.get(number)) {
            if part.loaded().is_none() {
                let rules = self.read(part)?;
                // Whoever loaded it meanwhile loaded the same.
                let _ = part.rules.set(Some(rules));
            }
        }
        Ok(())
    }

    fn read(&self, part: &LibraryPart) -> Result<Rules, BundleError> {
        let (set, number) = part.place;
        let span = self.spans.sets.get(set).and_then(|spans| spans.parts.get(number)).cloned().unwrap_or_default();
        let bytes = (*self.bytes).as_ref().get(span).unwrap_or_default();
        let name = || self.index.sets.get(set).map(|set| set.name.clone()).unwrap_or_default();
        Rules::deserialize(bytes).map_err(|source| BundleError::Load { set: name(), source })
    }

    /// Returns the parts that are loaded.
    pub fn loaded(&self) -> PartMask {
        let loaded = self.parts.iter().enumerate().filter(|(_, part)| part.loaded().is_some());
        loaded.map(|(number, _)| number).collect()
    }

    /// Whether this part of a set is loaded.
    pub(crate) fn is_loaded(&self, set: usize, part: usize) -> bool {
        let part = self.parts.get(self.first_part(set).saturating_add(part));
        part.is_some_and(|part| part.loaded().is_some())
    }

    /// Returns all parts.
    pub fn all(&self) -> PartMask {
        (0..self.parts.len()).collect()
    }

    /// From now on what is not loaded is missing, because this process may no longer make memory executable.
    pub fn stop_loading(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Returns the parts that were needed but not loaded since the last call. The caller must report an incomplete scan,
    /// or repeat it in a process that has them.
    pub fn missing(&self) -> PartMask {
        std::mem::take(&mut *self.missed())
    }

    fn missed(&self) -> MutexGuard<'_, PartMask> {
        // A part is added in one step.
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules of a part of a set, loaded now if they may be.
    pub(crate) fn part(&self, set: usize, part: usize) -> Option<&Rules> {
        let number = self.first_part(set).saturating_add(part);
        let part = self.parts.get(number)?;
        let rules = if self.stopped.load(Ordering::Relaxed) {
            part.loaded()
        } else {
            part.rules.get_or_init(|| self.read(part).ok()).as_ref()
        };
        if rules.is_none() {
            self.missed().add(number);
        }
        rules
    }

    /// Index in [`Library::rules`] of the rule with this namespace and name of yara-x. Private rules are not included.
    pub(crate) fn find(&self, set: usize, part: usize, namespace: &str, name: &str) -> Option<usize> {
        let chunk = self.parts(set).get(part)?.chunks.get(namespace.parse::<usize>().ok()?)?;
        let mut numbers = chunk.iter().map(|&number| number as usize);
        numbers.find(|&number| self.rules().get(number).is_some_and(|rule| rule.name == name))
    }
}

/// The rules of a library. Each is read from the bundle when it is first asked for.
#[derive(Clone, Copy, Debug)]
pub struct RuleList<'l> {
    library: &'l Library,
}

impl<'l> RuleList<'l> {
    /// The rule of this number.
    pub fn get(self, number: usize) -> Option<&'l RuleEntry> {
        let read = || {
            let span = self.library.spans.rules.get(number).cloned()?;
            postcard::from_bytes((*self.library.bytes).as_ref().get(span)?).ok().map(Box::new)
        };
        self.library.rules.get(number)?.get_or_init(read).as_deref()
    }

    /// All of them, in their order.
    pub fn iter(self) -> impl Iterator<Item = &'l RuleEntry> {
        (0..self.len()).filter_map(move |number| self.get(number))
    }

    /// Number of rules.
    pub fn len(self) -> usize {
        self.library.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl LoadedWeights for Library {
    fn of(&self, indicator: &IndicatorId) -> Option<(f64, Option<&str>)> {
        let rule = self.entry(indicator)?;
        Some((rule.weight, rule.group.as_deref()))
    }

    fn accuses(&self, indicator: &IndicatorId) -> bool {
        self.entry(indicator).is_some_and(|rule| rule.accuses)
    }

    fn twins(&self, indicator: &IndicatorId) -> Option<u32> {
        self.entry(indicator)?.twins
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("rules", &self.rules.len()).field("loaded", &self.loaded()).finish()
    }
}
