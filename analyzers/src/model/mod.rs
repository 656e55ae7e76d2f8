//! A model: many small trees that were trained offline on measures of known files, and how what they say is joined with the
//! evidence.
//!
//! Data, as weights are: read from JSON, checked in full when it is loaded, replaced without new code. What it says of a
//! file is a sum of one number a tree, in a fixed order, so it is the same on every machine. Each number is split among the
//! measures that a file's path through the tree asks for, so that a report can show what moved the model (A. Saabas,
//! "Interpreting random forests", 2014).
//!
//! A model is one more witness and no judge: [`weigh`](crate::weigh()) lets it accuse alone only where it is very sure, and
//! call nothing benign that other evidence speaks against.

mod read;
#[cfg(test)]
mod tests;

use daemon_base::Sha256Digest;
use triage::Family;

use crate::{IndicatorId, Measure, MeasureSet, Measured};

pub use read::ModelError;

/// A checked model of one family of files.
#[derive(Clone, PartialEq, Debug)]
pub struct Model {
    family: Family,
    set: MeasureSet,
    /// Places in the set's vector of the measures that trees ask for.
    asked: Vec<usize>,
    trees: Vec<Tree>,
    about: Vec<String>,
    join: Join,
    digest: Sha256Digest,
    made: ModelSource,
}

/// What a model says that it was made from: for people. Whatever else stands there is nobody's.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Deserialize)]
pub struct ModelSource {
    /// Names the evidence: its SHA-256.
    pub evidence: Option<String>,
    /// Number of files.
    pub rows: Option<u64>,
    /// Number of files that are malicious.
    pub malicious: Option<u64>,
}

/// How the sum over all trees becomes log-odds, and when it may decide.
#[derive(Clone, Copy, PartialEq, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Log-odds where both say nothing.
    pub intercept: f64,
    /// Factor on the sum over all trees.
    pub model: f64,
    /// Factor on the sum of the indicators' weights.
    pub indicators: f64,
    /// Where the sum of the indicators' weights begins to count less: many signs together tell of the same.
    #[serde(default)]
    pub bend_sum: Option<Bend>,
    /// Where log-odds of malice begin to count less: how sure the corpus makes us for a stream with less malware in it.
    #[serde(default)]
    pub bend_odds: Option<Bend>,
    /// Lowest probability ever given.
    pub floor: f64,
    /// Highest probability ever given.
    pub ceiling: f64,
    /// Malicious by model and indicators together from this probability up; none: from the one of all files.
    #[serde(default)]
    pub malicious: Option<f64>,
    /// Malicious by the model alone from this probability up.
    pub alone: f64,
    /// Malicious by the model alone only where there is a sign beside the structure of the file: an indicator above zero
    /// whose group is not called `….structure`.
    pub signs: bool,
    /// Benign from here down, by the model alone and joined.
    pub benign: f64,
    /// Benign only if the indicators' sum, without what speaks for the file, is at most this.
    pub benign_sum: f64,
}

impl Join {
    /// Log-odds of malice, by the trees' sum and the indicators'.
    pub fn log_odds(&self, margin: f64, indicators: f64) -> f64 {
        let straight = self.intercept + self.model * margin + self.indicators * Bend::of(self.bend_sum, indicators);
        Bend::of(self.bend_odds, straight)
    }
}

/// A line that goes on less steeply from a point.
#[derive(Clone, Copy, PartialEq, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bend {
    /// Up to here a number stays what it is.
    pub from: f64,
    /// What is beyond counts by this, from 0 to 1.
    pub factor: f64,
}

impl Bend {
    /// `number` after the bend, if there is one.
    pub fn of(bend: Option<Bend>, number: f64) -> f64 {
        match bend {
            Some(Bend { from, factor }) if number > from => from + factor * (number - from),
            _ => number,
        }
    }

    /// How much of a small change of `number` is left after the bend, if there is one.
    pub fn slope(bend: Option<Bend>, number: f64) -> f64 {
        bend.filter(|bend| number > bend.from).map_or(1.0, |bend| bend.factor)
    }
}

/// A tree. The first node is its root; children stand behind their parents.
#[derive(Clone, PartialEq, Debug)]
struct Tree(Vec<Node>);

#[derive(Clone, Copy, PartialEq, Debug)]
struct Node {
    /// What the tree would say if it ended here.
    value: f32,
    split: Option<Split>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Split {
    /// Index into [`Model::asked`].
    measure: u16,
    /// Left where the measure is at most this.
    threshold: f32,
    left: u16,
    right: u16,
}

/// What a model says of one subject.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelTestimony {
    /// The sum over all trees, in log-odds of the model's own.
    pub margin: f64,
    /// The sum before any measure was looked at.
    pub base: f64,
    /// What each measure that was asked for moved the sum by, with its value; those that moved it most first.
    pub moved: Vec<Moved>,
}

/// What one measure moved the model by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Moved {
    /// The measure.
    pub measure: &'static Measure,
    /// Its value.
    pub value: f32,
    /// What it moved the sum by.
    pub by: f64,
}

impl ModelTestimony {
    /// What all measures of each group moved the sum by; those that moved it most first.
    pub fn groups(&self) -> Vec<(&'static str, f64)> {
        let mut groups: Vec<(&'static str, f64)> = Vec::new();
        for moved in &self.moved {
            let group = moved.measure.group();
            match groups.iter_mut().find(|(name, _)| *name == group) {
                Some((_, sum)) => *sum += moved.by,
                None => groups.push((group, moved.by)),
            }
        }
        groups.sort_by(|one, other| other.1.abs().total_cmp(&one.1.abs()).then_with(|| one.0.cmp(other.0)));
        groups
    }
}

impl Model {
    /// The family of files that it is about.
    pub fn family(&self) -> Family {
        self.family
    }

    /// How it is joined with the evidence.
    pub fn join(&self) -> &Join {
        &self.join
    }

    /// The same, joined in another way.
    pub(crate) fn with_join(self, join: Join) -> Model {
        Model { join, ..self }
    }

    /// Whether the model measures only a part of what a file holds, such as its macros.
    pub fn measures_a_part(&self) -> bool {
        !self.about.is_empty()
    }

    /// Whether an indicator tells of what the model's measures tell of too. What a model of macro source knows nothing of,
    /// such as an embedded program, it cannot excuse.
    pub fn is_about(&self, indicator: &IndicatorId) -> bool {
        self.about.is_empty() || self.about.iter().any(|start| indicator.as_str().starts_with(start))
    }

    /// How many trees it has.
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// The measures that it was made for.
    pub fn measures(&self) -> &MeasureSet {
        &self.set
    }

    /// SHA-256 of its text.
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// What it says that it was made from.
    pub fn made(&self) -> &ModelSource {
        &self.made
    }

    /// What it says of measured files; `None` of measures that it was not made for.
    pub fn testify(&self, measured: &Measured) -> Option<ModelTestimony> {
        if measured.set != self.set {
            return None;
        }
        let values: Vec<f32> =
            self.asked.iter().map(|&at| measured.values().get(at).copied().unwrap_or_default()).collect();
        let mut by = vec![0.0; values.len()];
        let (mut margin, mut base) = (0.0, 0.0);
        for Tree(nodes) in &self.trees {
            let Some(mut node) = nodes.first() else { continue };
            base += f64::from(node.value);
            while let Some(split) = node.split {
                let measure = usize::from(split.measure);
                let goes_left = values.get(measure).is_some_and(|value| *value <= split.threshold);
                // Children stand behind their parents, so this ends.
                let Some(child) = nodes.get(usize::from(if goes_left { split.left } else { split.right })) else {
                    break;
                };
                if let Some(moved) = by.get_mut(measure) {
                    *moved += f64::from(child.value) - f64::from(node.value);
                }
                node = child;
            }
            margin += f64::from(node.value);
        }
        let measures = self.set.measures();
        let mut moved: Vec<Moved> = self
            .asked
            .iter()
            .zip(values)
            .zip(by)
            .filter(|(_, by)| *by != 0.0)
            .filter_map(|((&at, value), by)| Some(Moved { measure: measures.get(at)?, value, by }))
            .collect();
        moved.sort_by(|one, other| {
            other.by.abs().total_cmp(&one.by.abs()).then_with(|| one.measure.name.cmp(other.measure.name))
        });
        Some(ModelTestimony { margin, base, moved })
    }
}
