//! Reads and checks a weights file, noting every mistake with its place.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use triage::Family;

use super::{Calibration, Group, LogOdds, Thresholds, WEIGHT_MAX, Weight, Weights, WeightsMistake};
use crate::{Indicator, IndicatorId};

type SpannedKey<'t> = Spanned<std::borrow::Cow<'t, str>>;

pub(super) struct WeightsReader<'t> {
    pub(super) text: &'t str,
    pub(super) mistakes: Vec<WeightsMistake>,
}

impl WeightsReader<'_> {
    fn wrong(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.mistakes.push(WeightsMistake::at(self.text, &span, message.into()));
    }

    fn missing(&mut self, message: String) {
        self.mistakes.push(WeightsMistake { line: 0, column: 0, message });
    }

    pub(super) fn weights<'a>(
        &mut self,
        root: &DeTable<'_>,
        catalogue: impl IntoIterator<Item = &'a Indicator>,
    ) -> Weights {
        self.only(root, "", &["version", "thresholds", "prior", "calibration", "groups", "indicators"]);
        match root.get("version").map(|value| (value.span(), number(value.get_ref()))) {
            Some((_, Some(1.0))) => {}
            Some((span, _)) => self.wrong(span, "the version must be 1"),
            None => self.missing("`version = 1` is missing".to_owned()),
        }
        let thresholds = self.thresholds(root);
        let (prior_fitted, prior_shift) = self.prior(root);
        let calibrations = self.calibrations(root, &thresholds);
        let groups = self.groups(root);
        let indicators = self.indicators(root, &groups, catalogue);
        Weights {
            thresholds,
            prior_shift,
            prior_fitted,
            groups,
            calibrations,
            indicators,
            loaded: None,
            models: Vec::new(),
        }
    }

    fn thresholds(&mut self, root: &DeTable<'_>) -> Thresholds {
        let keys = ["malicious", "suspicious", "benign", "benign_without_calm"];
        let [malicious, suspicious, benign, benign_without_calm] =
            self.numbers(root, "thresholds", "thresholds", keys, 0.0..=1.0);
        if !(benign < suspicious && suspicious <= malicious) {
            self.missing("thresholds must be ascending: benign < suspicious <= malicious".to_owned());
        }
        if benign_without_calm < benign {
            self.missing("`thresholds.benign_without_calm` must not be below `thresholds.benign`".to_owned());
        }
        if benign_without_calm >= suspicious {
            self.missing("`thresholds.benign_without_calm` must be below `thresholds.suspicious`".to_owned());
        }
        Thresholds { malicious, suspicious, benign, benign_without_calm }
    }

    /// The share fitted for, and what it takes to the live one.
    fn prior(&mut self, root: &DeTable<'_>) -> (f64, f64) {
        let [fitted, live] = self.numbers(root, "prior", "prior", ["fitted", "live"], 0.001..=0.999);
        (fitted, logit(live) - logit(fitted))
    }

    fn calibrations(&mut self, root: &DeTable<'_>, thresholds: &Thresholds) -> [Calibration; Family::ALL.len()] {
        let empty = DeTable::new();
        let families = self.table(root, "calibration").unwrap_or(&empty);
        self.only(families, "calibration.", &Family::ALL.map(Family::name));
        Family::ALL.map(|family| {
            let path = format!("calibration.{}", family.name());
            let [intercept, slope] =
                self.some_numbers(families, family.name(), &path, ["intercept", "slope"], -20.0..=20.0);
            let [floor, ceiling] =
                self.some_numbers(families, family.name(), &path, ["floor", "ceiling"], 0.001..=0.999);
            let mut benign = thresholds.benign;
            if let Some(table) = families.get(family.name()).and_then(|value| value.get_ref().as_table()) {
                self.only(table, &format!("{path}."), &["intercept", "slope", "floor", "ceiling", "benign"]);
                if table.contains_key("benign") {
                    [benign] = self.some_numbers(families, family.name(), &path, ["benign"], 0.0..=1.0);
                }
            }
            if benign >= thresholds.suspicious {
                self.missing(format!("`{path}.benign` must be below `thresholds.suspicious`"));
            }
            if slope <= 0.0 || floor >= ceiling {
                self.missing(format!("{path}: the slope must be above 0 and the floor below the ceiling"));
            }
            Calibration { intercept, slope, floor, ceiling, benign }
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
            groups.push(Group { name: name.get_ref().to_string(), cap: LogOdds(cap) });
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
        let mut weight = Weight { log_odds: LogOdds(0.0), group: None, hides: false, opens: false };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(value.span(), format!("`{id}` must be {{ weight = NATS, group = \"NAME\" }}"));
            return weight;
        };
        self.only(table, &format!("{id}."), &["weight", "group", "hides", "opens"]);
        let bounds = -WEIGHT_MAX..=WEIGHT_MAX;
        match table.get("weight").map(|value| (value.span(), number(value.get_ref()))) {
            Some((_, Some(nats))) if bounds.contains(&nats) => weight.log_odds = LogOdds(nats),
            Some((span, _)) => {
                self.wrong(
                    span,
                    format!("the weight of `{id}` must be a number from {} to {}", bounds.start(), bounds.end()),
                );
            }
            None => self.wrong(value.span(), format!("`{id}` has no `weight`")),
        }
        for (key, flag) in [("hides", &mut weight.hides), ("opens", &mut weight.opens)] {
            match table.get(key).map(|value| (value.span(), value.get_ref().as_bool())) {
                Some((_, Some(said))) => *flag = said,
                Some((span, None)) => self.wrong(span, format!("`{id}.{key}` must be true or false")),
                None => {}
            }
        }
        if let Some(name) = table.get("group") {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            weight.group = name.get_ref().as_str().and_then(|name| names.iter().position(|known| *known == name));
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
            Some(value) => number(value.get_ref()).filter(|number| bounds.contains(number)).unwrap_or_else(|| {
                let message = format!("`{path}.{key}` must be a number from {} to {}", bounds.start(), bounds.end());
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

    fn unknown(&mut self, key: &SpannedKey<'_>, what: &str, path: &str, known: &[&str]) {
        let seen = key.get_ref();
        self.wrong(key.span(), format!("unknown {what} `{path}{seen}`{}", nearest(seen, known)));
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
    let near = known.iter().map(|name| (strsim::jaro_winkler(seen, name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((likeness, name)) if likeness > 0.8 => format!(": did you mean `{name}`?"),
        _ => String::new(),
    }
}

/// The log-odds of a probability.
fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}
