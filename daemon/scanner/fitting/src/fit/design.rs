//! Files as rows of numbers: which weights add up in each, under which caps.

use std::collections::BTreeMap;

use analyzers::{IndicatorId, LayerId, Testimony, Weights, weigh_out_of_fold};
use triage::Family;

use crate::corpus::CorpusFile;

/// Most files of a unit that count whole: one package of 1,300 files must not speak for all.
const UNIT_FILES_MAX: f64 = 80.0;
/// The largest weight that an indicator may get, in nats: more than any corpus of ours supports.
const WEIGHT_MAX: f64 = 4.5;
/// Last part of the names of groups of structure: packed and odd files are as common among honest ones.
const STRUCTURE: &str = "structure";

/// A weight that is fitted.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) id: IndicatorId,
    /// The present weight.
    pub(super) now: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Weights of one file that share a cap.
#[derive(Clone, Debug)]
struct GroupTerms {
    cap: f64,
    /// Weights that are not fitted: of rules, and of what is held at 0.
    fixed: f64,
    parameters: Vec<usize>,
}

/// One file.
#[derive(Clone, Debug)]
pub(super) struct DesignRow {
    groups: Vec<GroupTerms>,
    pub(super) malicious: bool,
    /// How much it counts beside others of its label.
    pub(super) share: f64,
    /// Margin out of fold, where a model judges it.
    pub(super) margin: Option<f64>,
}

/// The files of one family.
#[derive(Clone, Debug)]
pub(super) struct Design {
    pub(super) parameters: Vec<Parameter>,
    pub(super) rows: Vec<DesignRow>,
}

impl DesignRow {
    /// The sum of its weights, and which parameters a little more of would change it.
    pub(super) fn sum(&self, weights: &[f64], mut moves: impl FnMut(usize)) -> f64 {
        let mut sum = 0.0;
        for group in &self.groups {
            let plain = group.fixed + group.parameters.iter().map(|at| weights[*at]).sum::<f64>();
            sum += plain.clamp(-group.cap, group.cap);
            if plain.abs() < group.cap {
                group.parameters.iter().copied().for_each(&mut moves);
            }
        }
        sum
    }
}

#[cfg(test)]
impl DesignRow {
    /// A file that shows these parameters, in one group without a cap.
    pub(super) fn showing(parameters: &[usize], malicious: bool, margin: f64) -> DesignRow {
        let group = GroupTerms { cap: f64::INFINITY, fixed: 0.0, parameters: parameters.to_vec() };
        DesignRow { groups: vec![group], malicious, share: 1.0, margin: Some(margin) }
    }
}

impl Design {
    /// The files of a family, as these weights see them.
    pub(super) fn new(files: &[&CorpusFile], family: Family, weights: &Weights) -> Design {
        let own: Vec<Option<Testimony>> = files.iter().map(|file| own_testimony(file, weights)).collect();
        let mut parameters: BTreeMap<IndicatorId, Parameter> = BTreeMap::new();
        for term in own.iter().flatten().flat_map(|testimony| &testimony.terms) {
            if weights.is_compiled(&term.indicator) && weights.of(&term.indicator).log_odds.0 != 0.0 {
                let make = || parameter(&term.indicator, weights);
                parameters.entry(term.indicator.clone()).or_insert_with(make);
            }
        }
        let parameters: Vec<Parameter> = parameters.into_values().collect();
        let place = |id: &IndicatorId| parameters.binary_search_by(|parameter| parameter.id.cmp(id)).ok();
        let mut sizes: BTreeMap<&str, f64> = BTreeMap::new();
        files.iter().for_each(|file| *sizes.entry(&file.unit).or_default() += 1.0);
        let has_model = weights.model(family).is_some();
        let row = |(file, testimony): (&&CorpusFile, &Option<Testimony>)| {
            let size = sizes.get(file.unit.as_str()).copied().unwrap_or(1.0);
            DesignRow {
                groups: testimony.iter().flat_map(|testimony| groups(testimony, weights, &place)).collect(),
                malicious: file.malicious,
                share: (UNIT_FILES_MAX / size).min(1.0),
                margin: file.margin.filter(|_| has_model),
            }
        };
        let rows = files.iter().zip(&own).map(row).collect();
        Design { parameters, rows }
    }

    /// The present weights.
    pub(super) fn now(&self) -> Vec<f64> {
        self.parameters.iter().map(|parameter| parameter.now).collect()
    }
}

/// What the evidence on the file itself comes to. Of what is inside of it the label says nothing.
fn own_testimony(file: &CorpusFile, weights: &Weights) -> Option<Testimony> {
    // Any margin will do: only the terms are looked at.
    let opinion = weigh_out_of_fold(&file.record, weights, 0.0);
    opinion.testimonies.into_iter().find(|testimony| testimony.subject == LayerId::ARTIFACT)
}

fn parameter(id: &IndicatorId, weights: &Weights) -> Parameter {
    let weight = weights.of(id);
    let now = weight.log_odds.0;
    let group = weight.group.and_then(|group| weights.groups.get(group));
    let is_structure = group.is_some_and(|group| group.name.rsplit('.').next() == Some(STRUCTURE));
    // What speaks for malice never comes to speak for a file, nor the other way round; structure says no more than it did.
    let (low, high) = match now > 0.0 {
        true if is_structure => (0.0, now),
        true => (0.0, WEIGHT_MAX.max(now)),
        false => (-WEIGHT_MAX.max(-now), 0.0),
    };
    Parameter { id: id.clone(), now, low, high }
}

fn groups(testimony: &Testimony, weights: &Weights, place: &impl Fn(&IndicatorId) -> Option<usize>) -> Vec<GroupTerms> {
    let mut groups: BTreeMap<Option<usize>, GroupTerms> = BTreeMap::new();
    for term in &testimony.terms {
        let cap = term.group.and_then(|group| weights.groups.get(group)).map_or(f64::INFINITY, |group| group.cap.0);
        let group = groups.entry(term.group).or_insert(GroupTerms { cap, fixed: 0.0, parameters: Vec::new() });
        match place(&term.indicator) {
            Some(parameter) => group.parameters.push(parameter),
            None => group.fixed += term.weight.0,
        }
    }
    groups.into_values().collect()
}
