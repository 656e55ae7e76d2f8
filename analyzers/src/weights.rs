//! The weights file: how much each indicator says, which of them say the same thing twice, and how a sum
//! becomes a probability.
//!
//! It is data, so that fitting replaces a file and no code. It is checked whole when it is loaded: every
//! mistake at once, each with its place, and an indicator without a weight is as much an error as a weight
//! without an indicator.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use triage::Family;

use crate::{Indicator, IndicatorId};

/// Weight of evidence in nats (natural logarithm of a likelihood ratio). Above zero speaks for malice.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct LogOdds(pub f64);

/// The largest weight one indicator may have, in nats either way: e^8 is 3,000 to one, more than any corpus
/// we have could support.
pub const WEIGHT_MAX: f64 = 8.0;

/// What one indicator says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Weight {
    /// How much, when it is seen.
    pub log_odds: LogOdds,
    /// Index into [`Weights::groups`]: with which others it shares a cap.
    pub group: Option<usize>,
}

/// Indicators that say the same thing in several ways, so that together they may say only so much.
#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    /// Its name.
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
    /// How much of the sum to believe. Below one because indicators are not independent.
    pub slope: f64,
    /// Lowest probability ever given: what the size of the corpus allows to claim.
    pub floor: f64,
    /// Highest probability ever given.
    pub ceiling: f64,
}

/// Where probabilities become verdicts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Thresholds {
    /// Malicious from here up.
    pub malicious: f64,
    /// Suspicious from here up.
    pub suspicious: f64,
    /// Benign from here down. Between this and `suspicious` we do not know.
    pub benign: f64,
}

/// A checked weights file.
#[derive(Clone, PartialEq, Debug)]
pub struct Weights {
    /// Where probabilities become verdicts.
    pub thresholds: Thresholds,
    /// Added to the log-odds of every file: `logit(live prior) - logit(fitted prior)`.
    pub prior_shift: f64,
    /// The groups.
    pub groups: Vec<Group>,
    calibrations: [Calibration; Family::ALL.len()],
    indicators: HashMap<IndicatorId, Weight>,
}

impl Weights {
    /// The weight of an indicator. Zero for one that has none, which [`Weights::parse`] lets no catalogued
    /// indicator be.
    pub fn of(&self, indicator: &IndicatorId) -> Weight {
        self.indicators.get(indicator).copied().unwrap_or(Weight {
            log_odds: LogOdds(0.0),
            group: None,
        })
    }

    /// The calibration of a family.
    pub fn calibration(&self, family: Family) -> &Calibration {
        &self.calibrations[family as usize]
    }

    /// Checks `text` (TOML) against the catalogue of all indicators.
    pub fn parse<'a>(text: &str, catalogue: impl IntoIterator<Item = &'a Indicator>) -> Result<Weights, WeightsError> {
        let document = DeTable::parse(text).map_err(|error| {
            let at = error.span().unwrap_or(0..0);
            WeightsError {
                mistakes: vec![WeightsMistake::at(text, &at, error.message().trim().to_owned())],
            }
        })?;
        let mut reader = Reader {
            text,
            mistakes: Vec::new(),
        };
        let weights = reader.weights(document.get_ref(), catalogue);
        if reader.mistakes.is_empty() {
            Ok(weights)
        } else {
            Err(WeightsError {
                mistakes: reader.mistakes,
            })
        }
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
    /// What is wrong and what would be right.
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

type Key<'t> = Spanned<std::borrow::Cow<'t, str>>;

struct Reader<'t> {
    text: &'t str,
    mistakes: Vec<WeightsMistake>,
}

impl Reader<'_> {
    fn wrong(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.mistakes.push(WeightsMistake::at(self.text, &span, message.into()));
    }

    fn missing(&mut self, message: String) {
        self.mistakes.push(WeightsMistake {
            line: 0,
            column: 0,
            message,
        });
    }

    fn weights<'a>(&mut self, root: &DeTable<'_>, catalogue: impl IntoIterator<Item = &'a Indicator>) -> Weights {
        self.only(
            root,
            "",
            &["version", "thresholds", "prior", "calibration", "groups", "indicators"],
        );
        match root.get("version").map(|value| (value.span(), number(value.get_ref()))) {
            Some((_, Some(1.0))) => {}
            Some((span, _)) => self.wrong(span, "this program reads weights of version 1"),
            None => self.missing("`version = 1` is missing".to_owned()),
        }
        let thresholds = self.thresholds(root);
        let prior_shift = self.prior_shift(root);
        let calibrations = self.calibrations(root);
        let groups = self.groups(root);
        let indicators = self.indicators(root, &groups, catalogue);
        Weights {
            thresholds,
            prior_shift,
            groups,
            calibrations,
            indicators,
        }
    }

    fn thresholds(&mut self, root: &DeTable<'_>) -> Thresholds {
        let [malicious, suspicious, benign] = self.numbers(
            root,
            "thresholds",
            "thresholds",
            ["malicious", "suspicious", "benign"],
            0.0..=1.0,
        );
        if !(benign < suspicious && suspicious <= malicious) {
            self.missing("thresholds must rise: benign < suspicious <= malicious".to_owned());
        }
        Thresholds {
            malicious,
            suspicious,
            benign,
        }
    }

    fn prior_shift(&mut self, root: &DeTable<'_>) -> f64 {
        let [fitted, live] = self.numbers(root, "prior", "prior", ["fitted", "live"], 0.001..=0.999);
        crate::weigh::logit(live) - crate::weigh::logit(fitted)
    }

    fn calibrations(&mut self, root: &DeTable<'_>) -> [Calibration; Family::ALL.len()] {
        let empty = DeTable::new();
        let families = self.table(root, "calibration").unwrap_or(&empty);
        self.only(families, "calibration.", &Family::ALL.map(Family::name));
        Family::ALL.map(|family| {
            let path = format!("calibration.{}", family.name());
            let [intercept, slope] =
                self.some_numbers(families, family.name(), &path, ["intercept", "slope"], -20.0..=20.0);
            let [floor, ceiling] =
                self.some_numbers(families, family.name(), &path, ["floor", "ceiling"], 0.001..=0.999);
            if let Some(table) = families.get(family.name()).and_then(|value| value.get_ref().as_table()) {
                self.only(table, &format!("{path}."), &["intercept", "slope", "floor", "ceiling"]);
            }
            if slope <= 0.0 || floor >= ceiling {
                self.missing(format!(
                    "{path}: the slope must be above 0 and the floor below the ceiling"
                ));
            }
            Calibration {
                intercept,
                slope,
                floor,
                ceiling,
            }
        })
    }

    fn groups(&mut self, root: &DeTable<'_>) -> Vec<Group> {
        let Some(table) = self.table(root, "groups") else {
            return Vec::new();
        };
        let mut groups = Vec::new();
        for (name, _) in table {
            let path = format!("groups.{}", name.get_ref());
            let [cap] = self.numbers(table, name.get_ref(), &path, ["cap"], 0.0..=WEIGHT_MAX);
            groups.push(Group {
                name: name.get_ref().to_string(),
                cap: LogOdds(cap),
            });
        }
        groups
    }

    fn indicators<'a>(
        &mut self,
        root: &DeTable<'_>,
        groups: &[Group],
        catalogue: impl IntoIterator<Item = &'a Indicator>,
    ) -> HashMap<IndicatorId, Weight> {
        let empty = DeTable::new();
        let table = self.table(root, "indicators").unwrap_or(&empty);
        let mut weights = HashMap::new();
        let mut known: Vec<&str> = Vec::new();
        for indicator in catalogue {
            let id = indicator.id.as_str();
            known.push(id);
            match table.get(id) {
                Some(value) => {
                    let weight = self.weight(id, value, groups);
                    weights.insert(indicator.id.clone(), weight);
                }
                None => self.missing(format!(
                    "indicator `{id}` has no weight: add `\"{id}\" = {{ weight = 0.0 }}` to [indicators]"
                )),
            }
        }
        for (key, _) in table {
            if !known.contains(&key.get_ref().as_ref()) {
                self.unknown(key, "indicator", "", &known);
            }
        }
        weights
    }

    fn weight(&mut self, id: &str, value: &Spanned<DeValue<'_>>, groups: &[Group]) -> Weight {
        let mut weight = Weight {
            log_odds: LogOdds(0.0),
            group: None,
        };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(
                value.span(),
                format!("`{id}` must read {{ weight = NATS, group = \"NAME\" }}"),
            );
            return weight;
        };
        self.only(table, &format!("{id}."), &["weight", "group"]);
        let bounds = -WEIGHT_MAX..=WEIGHT_MAX;
        match table.get("weight").map(|value| (value.span(), number(value.get_ref()))) {
            Some((_, Some(nats))) if bounds.contains(&nats) => weight.log_odds = LogOdds(nats),
            Some((span, _)) => {
                self.wrong(
                    span,
                    format!(
                        "the weight of `{id}` must be a number from {} to {}",
                        bounds.start(),
                        bounds.end()
                    ),
                );
            }
            None => self.wrong(value.span(), format!("`{id}` has no `weight`")),
        }
        if let Some(name) = table.get("group") {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            weight.group = name
                .get_ref()
                .as_str()
                .and_then(|name| names.iter().position(|known| *known == name));
            if weight.group.is_none() {
                let seen = name.get_ref().as_str().unwrap_or_default();
                self.wrong(name.span(), format!("unknown group `{seen}`{}", nearest(seen, &names)));
            }
        }
        weight
    }

    /// The numbers `keys` of the table `name`, which may have no others.
    fn numbers<const N: usize>(
        &mut self,
        parent: &DeTable<'_>,
        name: &str,
        path: &str,
        keys: [&str; N],
        bounds: std::ops::RangeInclusive<f64>,
    ) -> [f64; N] {
        if let Some(table) = parent.get(name).and_then(|value| value.get_ref().as_table()) {
            self.only(table, &format!("{path}."), &keys);
        }
        self.some_numbers(parent, name, path, keys, bounds)
    }

    fn some_numbers<const N: usize>(
        &mut self,
        parent: &DeTable<'_>,
        name: &str,
        path: &str,
        keys: [&str; N],
        bounds: std::ops::RangeInclusive<f64>,
    ) -> [f64; N] {
        let table = parent.get(name).and_then(|value| value.get_ref().as_table());
        keys.map(|key| match table.and_then(|table| table.get(key)) {
            None => {
                self.missing(format!(
                    "`{path}.{key}` is missing: a number from {} to {}",
                    bounds.start(),
                    bounds.end()
                ));
                *bounds.start()
            }
            Some(value) => number(value.get_ref())
                .filter(|number| bounds.contains(number))
                .unwrap_or_else(|| {
                    let message = format!(
                        "`{path}.{key}` must be a number from {} to {}",
                        bounds.start(),
                        bounds.end()
                    );
                    self.wrong(value.span(), message);
                    *bounds.start()
                }),
        })
    }

    fn table<'r, 'i>(&mut self, root: &'r DeTable<'i>, name: &str) -> Option<&'r DeTable<'i>> {
        match root.get(name).map(|value| (value.span(), value.get_ref().as_table())) {
            Some((_, Some(table))) => Some(table),
            Some((span, None)) => {
                self.wrong(span, format!("`{name}` must be a table"));
                None
            }
            None => {
                self.missing(format!("the table [{name}] is missing"));
                None
            }
        }
    }

    fn only(&mut self, table: &DeTable<'_>, path: &str, known: &[&str]) {
        for (key, _) in table {
            if !known.contains(&key.get_ref().as_ref()) {
                self.unknown(key, "key", path, known);
            }
        }
    }

    fn unknown(&mut self, key: &Key<'_>, what: &str, path: &str, known: &[&str]) {
        let seen = key.get_ref();
        self.wrong(
            key.span(),
            format!("unknown {what} `{path}{seen}`{}", nearest(seen, known)),
        );
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    let number: f64 = match value {
        DeValue::Float(float) => float.as_str().replace('_', "").parse().ok()?,
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().replace('_', "").parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

fn nearest(seen: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|name| (strsim::jaro_winkler(seen, name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((likeness, name)) if likeness > 0.8 => format!(": did you mean `{name}`?"),
        _ => String::new(),
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
[prior]
fitted = 0.5
live = 0.5
[calibration]
pe = { intercept = -2, slope = 1, floor = 0.03, ceiling = 0.97 }
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
        assert_eq!(
            weights.of(&ODD.id),
            Weight {
                log_odds: LogOdds(1.25),
                group: Some(0)
            }
        );
        assert_eq!(weights.of(&CALM.id).log_odds, LogOdds(-0.5));
        assert_eq!(weights.calibration(Family::Elf).intercept, -2.0);
    }

    #[test]
    fn a_misspelt_indicator_is_named_with_its_place_and_a_suggestion() {
        assert_eq!(
            mistakes("toy.head.calm", "toy.head.clam"),
            [
                "indicator `toy.head.calm` has no weight: add `\"toy.head.calm\" = { weight = 0.0 }` to [indicators]",
                "18:1: unknown indicator `toy.head.clam`: did you mean `toy.head.calm`?",
            ]
        );
    }

    #[test]
    fn an_unknown_group_is_named_with_a_suggestion() {
        assert_eq!(
            mistakes("group = \"head\"", "group = \"haed\""),
            ["17:44: unknown group `haed`: did you mean `head`?"]
        );
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let text = GOOD
            .replacen("malicious = 0.8", "malicios = 0.8", 1)
            .replacen("1.25", "\"much\"", 1)
            .replacen("slope = 1,", "slope = -1,", 1);
        let error = Weights::parse(&text, ALL.iter().copied()).unwrap_err();
        assert!(error.mistakes.len() >= 4, "{error}");
    }

    #[test]
    fn not_a_number_is_no_weight() {
        for bad in ["nan", "inf", "-inf", "9.0", "true", "0x10"] {
            let seen = mistakes("1.25", bad);
            assert_eq!(
                seen,
                ["17:29: the weight of `toy.head.odd` must be a number from -8 to 8"],
                "{bad}"
            );
        }
    }

    #[test]
    fn broken_toml_is_told_with_its_place() {
        assert!(mistakes("[prior]", "[prior")[0].starts_with("6:"));
    }

    #[test]
    fn an_empty_file_is_told_what_it_lacks() {
        let error = Weights::parse("", ALL.iter().copied()).unwrap_err();
        assert!(error.to_string().contains("`version = 1` is missing"), "{error}");
    }
}
