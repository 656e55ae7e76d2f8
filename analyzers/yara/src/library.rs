//! Compiled rules, loaded set by set.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use analyzers::{Indicator, IndicatorId, LoadedWeights};
use triage::FileKind;
use yara_x::Rules;

use crate::bundle::{self, BundleError, SetSpans};
use crate::index::{Index, PartEntry, RuleEntry};
use crate::magic_class::Heads;
use crate::part_kind::PartKind;
use crate::prefilter::Prefilter;
use crate::set_mask::SetMask;
use crate::source::RuleFolder;

/// The rules of one bundle. Shared by any number of [`Yara`](crate::Yara) analyzers, across threads too.
///
/// Of a set, the parts that are run on every file are loaded on first use, and the others when one of them is first needed,
/// which takes milliseconds and makes memory executable. After [`Library::stop_loading`] it is recorded as missing instead.
pub struct Library {
    bytes: Box<dyn AsRef<[u8]> + Send + Sync>,
    index: Index,
    spans: Vec<SetSpans>,
    /// The rules of each [`load_of`], by the number of their part in its set.
    loads: Vec<OnceLock<Option<LoadedParts>>>,
    /// Made one by one: of ten thousand rules, few are ever seen to be true.
    indicators: Vec<OnceLock<Indicator>>,
    /// The places that rules are for.
    wanted: Vec<RuleFolder>,
    stopped: AtomicBool,
    missing: AtomicU16,
}

/// Rules of a set, by the number of their part; none for parts that are loaded otherwise.
type LoadedParts = Vec<Option<Rules>>;

/// What is loaded at once, as a number: of a set, the parts that are run on every file, or the others, which few files need.
fn load_of(set: usize, kind: PartKind) -> usize {
    2 * set + usize::from(kind == PartKind::Wanted)
}

/// The reverse of [`load_of`].
fn set_of(load: usize) -> (usize, PartKind) {
    (load / 2, if load.is_multiple_of(2) { PartKind::Always } else { PartKind::Wanted })
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
        let loads = (0..load_of(spans.len(), PartKind::Always)).map(|_| OnceLock::new()).collect();
        let indicators = index.rules.iter().map(|_| OnceLock::new()).collect();
        let all = [RuleFolder::Any, RuleFolder::Pe, RuleFolder::Elf, RuleFolder::Office];
        let wanted = all.into_iter().filter(|place| index.rules.iter().any(|rule| rule.place == *place)).collect();
        let (stopped, missing) = (AtomicBool::new(false), AtomicU16::new(0));
        Ok(Library { bytes, index, spans, loads, indicators, wanted, stopped, missing })
    }

    /// Every rule that reports, by namespace and name.
    pub fn rules(&self) -> &[RuleEntry] {
        &self.index.rules
    }

    /// The names of the sets with how many reporting rules each has, in the order of their numbers.
    pub fn sets(&self) -> impl Iterator<Item = (&str, usize)> {
        let count = |set: usize| self.index.rules.iter().filter(|rule| rule.sets.has(set)).count();
        self.index.sets.iter().enumerate().map(move |(at, set)| (set.name.as_str(), count(at)))
    }

    /// The indicators of the rules, in the order of [`Library::rules`].
    pub fn indicators(&self) -> impl Iterator<Item = &Indicator> {
        (0..self.indicators.len()).filter_map(|at| self.indicator(at))
    }

    /// The indicator of the rule that stands there in [`Library::rules`].
    pub fn indicator(&self, at: usize) -> Option<&Indicator> {
        let rule = self.index.rules.get(at)?;
        Some(self.indicators.get(at)?.get_or_init(|| rule.indicator()))
    }

    /// Index of the rule of this indicator in [`Library::rules`].
    pub fn position(&self, indicator: &IndicatorId) -> Option<usize> {
        self.index.find(indicator.as_str())
    }

    fn entry(&self, indicator: &IndicatorId) -> Option<&RuleEntry> {
        self.index.rules.get(self.position(indicator)?)
    }

    /// What must be loaded for a file of this kind that begins with `head`: at least eight bytes, or all of a shorter file.
    /// More may turn out to be [`missing`](Library::missing).
    pub fn sets_needed(&self, head: &[u8], kind: FileKind) -> SetMask {
        self.sets_for(head, kind).fold(SetMask::default(), |mask, set| mask.with(load_of(set, PartKind::Always)))
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
        self.wanted.iter().any(|place| place.takes(kind))
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
        let bytes = (*self.bytes).as_ref().get(self.spans.get(set)?.prefilter.clone())?;
        Prefilter::read(bytes)
    }

    /// Loads what of `mask` is not loaded yet.
    ///
    /// # Errors
    ///
    /// [`BundleError::Load`] if yara-x cannot load rules of `mask`. What was loaded before them stays loaded.
    pub fn load(&self, mask: SetMask) -> Result<(), BundleError> {
        for load in mask.iter() {
            let Some(slot) = self.loads.get(load) else { continue };
            if slot.get().is_none_or(Option::is_none) {
                let parts = self.read(load)?;
                // Whoever loaded it meanwhile loaded the same.
                let _ = slot.set(Some(parts));
            }
        }
        Ok(())
    }

    fn read(&self, load: usize) -> Result<LoadedParts, BundleError> {
        let (set, kind) = set_of(load);
        let name = || self.index.sets.get(set).map(|set| set.name.clone()).unwrap_or_default();
        let spans = self.spans.get(set).map_or(&[][..], |spans| &spans.parts);
        let part = |(span, entry): (&Range<usize>, &PartEntry)| {
            let bytes = (*self.bytes).as_ref().get(span.clone()).unwrap_or_default();
            (entry.kind == kind).then(|| Rules::deserialize(bytes)).transpose()
        };
        let parts = spans.iter().zip(self.parts(set)).map(part).collect::<Result<_, _>>();
        parts.map_err(|source| BundleError::Load { set: name(), source })
    }

    /// Returns what is loaded.
    pub fn loaded(&self) -> SetMask {
        let loaded = self.loads.iter().enumerate().filter(|(_, slot)| slot.get().is_some_and(Option::is_some));
        loaded.fold(SetMask::default(), |mask, (load, _)| mask.with(load))
    }

    /// Whether the parts of this kind are loaded.
    pub(crate) fn is_loaded(&self, set: usize, kind: PartKind) -> bool {
        self.loaded().has(load_of(set, kind))
    }

    /// Returns everything that can be loaded.
    pub fn all(&self) -> SetMask {
        (0..self.loads.len()).fold(SetMask::default(), SetMask::with)
    }

    /// From now on what is not loaded is missing, because this process may no longer make memory executable.
    pub fn stop_loading(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Returns what was needed but not loaded since the last call. The caller must report an incomplete scan,
    /// or repeat it in a process that has them.
    pub fn missing(&self) -> SetMask {
        SetMask::from_bits(self.missing.swap(0, Ordering::Relaxed))
    }

    /// The rules of a part of a set, loaded now if they may be.
    pub(crate) fn part(&self, set: usize, part: usize) -> Option<&Rules> {
        let load = load_of(set, self.parts(set).get(part)?.kind);
        let slot = self.loads.get(load)?;
        let parts = if self.stopped.load(Ordering::Relaxed) {
            slot.get().and_then(Option::as_ref)
        } else {
            slot.get_or_init(|| self.read(load).ok()).as_ref()
        };
        if parts.is_none() {
            self.missing.fetch_or(SetMask::default().with(load).bits(), Ordering::Relaxed);
        }
        parts?.get(part)?.as_ref()
    }

    /// Index in [`Library::rules`] of the rule with this namespace and name of yara-x. Private rules are not included.
    pub(crate) fn find(&self, set: usize, part: usize, namespace: &str, name: &str) -> Option<usize> {
        let chunk = self.parts(set).get(part)?.chunks.get(namespace.parse::<usize>().ok()?)?;
        let mut numbers = chunk.iter().map(|&number| number as usize);
        numbers.find(|&number| self.index.rules.get(number).is_some_and(|rule| rule.name == name))
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
        f.debug_struct("Library").field("rules", &self.index.rules.len()).field("loaded", &self.loaded()).finish()
    }
}
