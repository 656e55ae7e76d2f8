//! The weights file: how much each indicator says, which of them say the same thing twice, and how a sum
//! becomes a probability.
//!
//! Weights are data, so that new weights change a file but no code. The file is checked when it is loaded. All mistakes
//! are reported, each with its position; a missing weight is a mistake, and so is a weight without an indicator.

mod read;

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
        })
    }

    fn of_loaded(&self, indicator: &IndicatorId) -> Option<Weight> {
        let (loaded, shared) = self.loaded.as_ref()?;
        let (nats, named) = loaded.of(indicator)?;
        let nats = if nats.is_nan() { 0.0 } else { nats.clamp(-WEIGHT_MAX, WEIGHT_MAX) };
        let group = named.and_then(|name| self.group(name)).or(*shared);
        Some(Weight { log_odds: LogOdds(nats), group, hides: false })
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

#[cfg(test)]
mod tests {
    use super::*;

    crate::indicators! {
        ODD = "toy.head.odd", "Odd.", source: "test";
        CALM = "toy.head.calm", "Calm.", source: "test";
    }

    const GOOD: &str = r#"version = 1
[thresholds]
malicious = 0.8
suspicious = 0.5
benign = 0.2
benign_without_calm = 0.4
[prior]
fitted = 0.5
live = 0.5
[calibration]
pe = { intercept = -2, slope = 1, floor = 0.03, ceiling = 0.97, benign = 0.3 }
elf = { intercept = -2, slope = 1, floor = 0.03, ceiling = 0.97 }
office = { intercept = -2, slope = 1, floor = 0.03, ceiling = 0.97 }
other = { intercept = -2, slope = 1, floor = 0.03, ceiling = 0.97 }
[groups]
head = { cap = 1.5 }
[indicators]
"toy.head.odd" = { weight = 1.25, group = "head" }
"toy.head.calm" = { weight = -0.5 }
"#;

    #[track_caller]
    fn mistakes(from: &str, to: &str) -> Vec<String> {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "nothing was replaced");
        let error = Weights::parse(&text, ALL.iter().copied()).expect_err("a mistake was made");
        error.mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_file_is_read() {
        let weights = Weights::parse(GOOD, ALL.iter().copied()).unwrap();
        assert_eq!(weights.of(&ODD.id), Weight { log_odds: LogOdds(1.25), group: Some(0), hides: false });
        assert_eq!(weights.of(&CALM.id).log_odds, LogOdds(-0.5));
        assert_eq!(weights.calibration(Family::Elf).intercept, -2.0);
        assert_eq!((weights.calibration(Family::Pe).benign, weights.calibration(Family::Elf).benign), (0.3, 0.2));
    }

    #[test]
    fn benign_is_below_suspicious_in_every_family_with_and_without_calm_terms() {
        for (from, to) in [("benign = 0.3", "benign = 0.5"), ("benign_without_calm = 0.4", "benign_without_calm = 0.5")]
        {
            let seen = mistakes(from, to);
            assert!(seen.iter().any(|mistake| mistake.contains("below `thresholds.suspicious`")), "{seen:?}");
        }
        let equal = GOOD.replacen("benign_without_calm = 0.4", "benign_without_calm = 0.2", 1);
        assert!(Weights::parse(&equal, ALL.iter().copied()).is_ok());
        let seen = mistakes("benign_without_calm = 0.4", "benign_without_calm = 0.1");
        assert!(seen.iter().any(|mistake| mistake.contains("must not be below `thresholds.benign`")), "{seen:?}");
    }

    #[test]
    fn a_misspelt_indicator_is_named_with_its_place_and_a_suggestion() {
        assert_eq!(
            mistakes("toy.head.calm", "toy.head.clam"),
            [
                "indicator `toy.head.calm` has no weight: add `\"toy.head.calm\" = { weight = 0.0 }` to [indicators]",
                "19:1: unknown indicator `toy.head.clam`: did you mean `toy.head.calm`?",
            ]
        );
    }

    #[test]
    fn an_unknown_group_is_named_with_a_suggestion() {
        assert_eq!(
            mistakes("group = \"head\"", "group = \"haed\""),
            ["18:43: unknown group `haed`: did you mean `head`?"]
        );
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let text = GOOD.replacen("malicious = 0.8", "malicios = 0.8", 1).replacen("1.25", "\"much\"", 1).replacen(
            "slope = 1,",
            "slope = -1,",
            1,
        );
        let error = Weights::parse(&text, ALL.iter().copied()).unwrap_err();
        assert!(error.mistakes.len() >= 4, "{error}");
    }

    #[test]
    fn not_a_number_is_no_weight() {
        for bad in ["nan", "inf", "-inf", "9.0", "true", "0x10"] {
            let seen = mistakes("1.25", bad);
            assert_eq!(seen, ["18:29: the weight of `toy.head.odd` must be a number from -8 to 8"], "{bad}");
        }
    }

    #[test]
    fn the_prior_shifts_by_the_difference_of_log_odds() {
        let text = GOOD.replacen("fitted = 0.5\nlive = 0.5", "fitted = 0.8\nlive = 0.2", 1);
        let weights = Weights::parse(&text, ALL.iter().copied()).unwrap();
        assert!((weights.prior_shift - (0.25_f64.ln() - 4_f64.ln())).abs() < 1e-12, "{}", weights.prior_shift);
    }

    #[test]
    fn a_calibration_rises_and_has_room() {
        for (from, to) in [("slope = 1,", "slope = 0,"), ("floor = 0.03,", "floor = 0.97,")] {
            let seen = mistakes(from, to);
            assert_eq!(seen, ["calibration.pe: the slope must be above 0 and the floor below the ceiling"], "{to}");
        }
    }

    #[test]
    fn keys_that_nobody_reads_are_mistakes() {
        for (from, to) in [
            ("slope = 1,", "slope = 1, slop = 2,"),
            ("cap = 1.5", "cap = 1.5, cups = 1"),
            ("malicious = 0.8", "malicious = 0.8\nmalicios = 0.8"),
            ("weight = -0.5", "weight = -0.5, wieght = 1"),
            ("version = 1", "version = 1\nversoin = 1"),
        ] {
            let seen = mistakes(from, to);
            assert!(seen.len() == 1 && seen[0].contains("unknown key"), "{to}: {seen:?}");
        }
    }

    #[test]
    fn numbers_are_decimal() {
        assert!(mistakes("slope = 1,", "slope = 0x1,")[0].contains("must be a number"));
    }

    #[test]
    fn broken_toml_is_told_with_its_place() {
        assert!(mistakes("[prior]", "[prior")[0].starts_with("7:"));
    }

    #[test]
    fn an_empty_file_is_told_what_it_lacks() {
        let error = Weights::parse("", ALL.iter().copied()).unwrap_err();
        assert!(error.to_string().contains("`version = 1` is missing"), "{error}");
    }
}
