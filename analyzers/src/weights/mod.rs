//! The weights file: how much each indicator says, which of them say the same thing twice, and how a sum
//! becomes a probability.
//!
//! Weights are data, so that new weights change a file but no code. The file is checked when it is loaded. All mistakes
//! are reported, each with its position; a missing weight is a mistake, and so is a weight without an indicator.

mod read;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use toml::de::DeTable;
use triage::Family;

use crate::{Indicator, IndicatorId, Join, Model};

/// Weight of evidence in nats (natural logarithm of a likelihood ratio). Above zero speaks for malice.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct LogOdds(pub f64);

/// The largest weight one indicator may have, in nats either way: e^8 is 3,000 to one, more than any corpus
/// we have could support.
pub(crate) const WEIGHT_MAX: f64 = 8.0;

/// Weight of one indicator.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Weight {
    /// Log-odds that the indicator adds.
    pub log_odds: LogOdds,
    /// Index into [`Weights::groups`]: with which others it shares a cap.
    pub group: Option<usize>,
    /// Whether it says that what the file does is hidden inside of it: packed, encrypted, in a script.
    pub hides: bool,
    /// Whether it says that what the file hides was unpacked, and is examined in its own right: then neither how the file is
    /// made nor the model of its family counts for the file itself.
    pub opens: bool,
}

/// Indicators that overlap, so their sum is limited.
#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    /// Name of the group.
    pub name: String,
    /// Most that its members may add up to, in nats, either way.
    pub cap: LogOdds,
}

/// From a sum of weights to a probability, for one family of files: `p = logistic(intercept + slope * sum)`,
/// then held between `floor` and `ceiling`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Calibration {
    /// Log-odds of a file that shows nothing at all.
    pub intercept: f64,
    /// Factor on the sum of weights. It is below one because indicators are not independent.
    pub slope: f64,
    /// Lowest probability ever given: what the size of the corpus allows to claim.
    pub floor: f64,
    /// Highest probability ever given.
    pub ceiling: f64,
    /// Benign from here down: [`Thresholds::benign`], unless the family has one of its own.
    pub benign: f64,
}

/// Thresholds between verdicts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Thresholds {
    /// Malicious from here up.
    pub malicious: f64,
    /// Suspicious from here up.
    pub suspicious: f64,
    /// Benign from here down, in families without a threshold of their own ([`Calibration::benign`]). Between this and
    /// `suspicious` we do not know.
    pub benign: f64,
    /// Nor is a file benign whose probability is above this when all that speaks for it is left out.
    pub benign_without_calm: f64,
}

/// Weights of loaded indicators. There may be ten thousand, of which a file shows a few, so they are looked up one by
/// one.
pub trait LoadedWeights: fmt::Debug + Send + Sync {
    /// Returns the weight in nats and the name of the group.
    fn of(&self, indicator: &IndicatorId) -> Option<(f64, Option<&str>)>;

    /// Whether it says that a file is malware. Such a file is never benign, whatever else is seen.
    fn accuses(&self, _indicator: &IndicatorId) -> bool {
        false
    }

    /// Indicators with the same number here are one that was loaded several times: however many of them are seen, they
    /// count once.
    fn twins(&self, _indicator: &IndicatorId) -> Option<u32> {
        None
    }
}

/// A checked weights file.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Thresholds between verdicts.
    pub thresholds: Thresholds,
    /// Added to the log-odds of every file: `logit(live prior) - logit(fitted prior)`.
    pub prior_shift: f64,
    /// Share of malicious files that calibrations and joins were fitted for.
    pub prior_fitted: f64,
    /// The groups.
    pub groups: Vec<Group>,
    pub(crate) calibrations: [Calibration; Family::ALL.len()],
    pub(crate) indicators: HashMap<IndicatorId, Weight>,
    /// Weights of loaded indicators, and the group of those without a known group.
    loaded: Option<(Arc<dyn LoadedWeights>, Option<usize>)>,
    /// The models that are weighed beside the evidence, at most one a family.
    models: Vec<Arc<Model>>,
}

impl Weights {
    /// The weight of an indicator. Zero for one that has none, which [`Weights::parse`] lets no catalogued
    /// indicator be.
    pub fn of(&self, indicator: &IndicatorId) -> Weight {
        let compiled = self.indicators.get(indicator).copied();
        compiled.or_else(|| self.of_loaded(indicator)).unwrap_or(Weight {
            log_odds: LogOdds(0.0),
            group: None,
            hides: false,
            opens: false,
        })
    }

    fn of_loaded(&self, indicator: &IndicatorId) -> Option<Weight> {
        let (loaded, shared) = self.loaded.as_ref()?;
        let (nats, named) = loaded.of(indicator)?;
        let nats = if nats.is_nan() { 0.0 } else { nats.clamp(-WEIGHT_MAX, WEIGHT_MAX) };
        let group = named.and_then(|name| self.group(name)).or(*shared);
        Some(Weight { log_odds: LogOdds(nats), group, hides: false, opens: false })
    }

    /// Whether this indicator says that a file is malware.
    pub fn accuses(&self, indicator: &IndicatorId) -> bool {
        self.loaded.as_ref().is_some_and(|(loaded, _)| loaded.accuses(indicator))
    }

    /// The number that this indicator shares with those that are the same as it, if there are any.
    pub(crate) fn twins(&self, indicator: &IndicatorId) -> Option<u32> {
        self.loaded.as_ref()?.0.twins(indicator)
    }

    fn group(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|known| known.name == name)
    }

    /// The calibration of a family.
    pub fn calibration(&self, family: Family) -> &Calibration {
        &self.calibrations[family as usize]
    }

    /// Adds the weights of `loaded` indicators, limited to `WEIGHT_MAX`. Indicators without a known group share
    /// `group`.
    pub fn with_loaded(mut self, group: &str, loaded: Arc<dyn LoadedWeights>) -> Weights {
        self.loaded = Some((loaded, self.group(group)));
        self
    }

    /// Weighs a model beside the evidence, instead of another one of its family.
    pub fn with_model(mut self, model: Arc<Model>) -> Weights {
        self = self.without_model(model.family());
        self.models.push(model);
        self
    }

    /// Weighs no model of this family.
    pub fn without_model(mut self, family: Family) -> Weights {
        self.models.retain(|known| known.family() != family);
        self
    }

    /// Whether the indicator is one of the analyzers, whose weight stands in the file, and not one of loaded rules.
    pub fn is_compiled(&self, indicator: &IndicatorId) -> bool {
        self.indicators.contains_key(indicator)
    }

    /// The same with another weight of an indicator of the analyzers; of others nothing changes.
    pub fn with_weight(mut self, indicator: &IndicatorId, log_odds: f64) -> Weights {
        if let Some(weight) = self.indicators.get_mut(indicator) {
            weight.log_odds = LogOdds(log_odds);
        }
        self
    }

    /// The same with another calibration of a family.
    pub fn with_calibration(mut self, family: Family, calibration: Calibration) -> Weights {
        self.calibrations[family as usize] = calibration;
        self
    }

    /// The same with the model of a family, if it has one, joined in another way.
    pub fn with_join(self, family: Family, change: impl FnOnce(Join) -> Join) -> Weights {
        let Some(model) = self.model(family) else { return self };
        let model = model.clone().with_join(change(*model.join()));
        self.with_model(Arc::new(model))
    }

    /// The model of a family.
    pub fn model(&self, family: Family) -> Option<&Model> {
        self.models.iter().find(|model| model.family() == family).map(Arc::as_ref)
    }

    /// Checks `text` (TOML) against the catalogue of all indicators.
    ///
    /// # Errors
    ///
    /// Every mistake in `text`, with its place: no TOML, unknown keys, numbers out of range, indicators without a
    /// weight or weights without an indicator.
    pub fn parse<'a>(text: &str, catalogue: impl IntoIterator<Item = &'a Indicator>) -> Result<Weights, WeightsError> {
        let document = DeTable::parse(text).map_err(|error| {
            let at = error.span().unwrap_or(0..0);
            WeightsError { mistakes: vec![WeightsMistake::at(text, &at, error.message().trim().to_owned())] }
        })?;
        let mut reader = read::WeightsReader { text, mistakes: Vec::new() };
        let weights = reader.weights(document.get_ref(), catalogue);
        if reader.mistakes.is_empty() { Ok(weights) } else { Err(WeightsError { mistakes: reader.mistakes }) }
    }
}

/// Everything that is wrong with a weights file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct WeightsError {
    /// The mistakes, in the order of the checks.
    pub mistakes: Vec<WeightsMistake>,
}

/// One mistake in a weights file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WeightsMistake {
    /// Line, from 1; 0 when it is about the file as a whole.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The mistake and its correction.
    pub message: String,
}

impl WeightsMistake {
    fn at(text: &str, span: &Range<usize>, message: String) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        WeightsMistake {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
        }
    }
}

impl fmt::Display for WeightsMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.message)
        } else {
            write!(f, "{}:{}: {}", self.line, self.column, self.message)
        }
    }
}
