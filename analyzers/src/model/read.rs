//! Reads a model and checks it in full: whatever is wrong is told, and nothing of it is used.

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;
use triage::Family;

use super::{Join, Model, Node, Split, Tree};
use crate::MeasureSet;

/// Longest model, in bytes. The ones that we train have some 200 KB.
const BYTES_MAX: usize = 8 << 20;
/// Most trees: each is walked for every file.
const TREES_MAX: usize = 2_000;
/// Most nodes of one tree.
const NODES_MAX: usize = 1_024;
/// Largest value of a node either way: that of all trees together is a few dozen.
const VALUE_MAX: f64 = 100.0;
/// The version of the form.
const VERSION: u32 = 1;

/// Why a model cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the model cannot be used: {0}")]
pub struct ModelError(String);

fn wrong<T>(why: impl fmt::Display) -> Result<T, ModelError> {
    Err(ModelError(why.to_string()))
}

/// The form of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelFile {
    version: u32,
    family: String,
    measures_version: u32,
    /// How it was made: for people.
    #[serde(rename = "made")]
    _made: IgnoredAny,
    measures: Vec<String>,
    join: Join,
    trees: Vec<Vec<NodeRow>>,
}

/// A node: measure, threshold, left, right, value; or the value of a leaf.
#[derive(Deserialize)]
#[serde(untagged)]
enum NodeRow {
    Split(u16, f32, u16, u16, f32),
    Leaf([f32; 1]),
}

impl Model {
    /// Reads a model of one of these sets of measures.
    ///
    /// # Errors
    ///
    /// If it is no model, of another version, asks for measures that there are not, or has trees that are none: says what is
    /// wrong.
    pub fn parse(text: &str, sets: &[MeasureSet]) -> Result<Model, ModelError> {
        if text.len() > BYTES_MAX {
            return wrong(format_args!("it has more than {BYTES_MAX} bytes"));
        }
        let file: ModelFile = serde_json::from_str(text).or_else(wrong)?;
        if file.version != VERSION {
            return wrong(format_args!("it is of version {}, and this program reads {VERSION}", file.version));
        }
        let Some(family) = Family::ALL.into_iter().find(|family| family.name() == file.family) else {
            return wrong(format_args!("there is no family of files called {:?}", file.family));
        };
        let Some(set) = sets.iter().find(|set| set.family == file.family) else {
            return wrong(format_args!("nothing is measured of files of {:?}", file.family));
        };
        if file.measures_version != set.version {
            let (asked, known) = (file.measures_version, set.version);
            return wrong(format_args!("it asks for version {asked} of the measures, and this program takes {known}"));
        }
        let mut asked = Vec::with_capacity(file.measures.len());
        for name in &file.measures {
            match set.position(name) {
                Some(at) => asked.push(at),
                None => return wrong(format_args!("there is no measure {name:?}")),
            }
        }
        check_join(&file.join)?;
        if file.trees.is_empty() || file.trees.len() > TREES_MAX {
            return wrong(format_args!("it has {} trees, and must have 1 to {TREES_MAX}", file.trees.len()));
        }
        let mut trees = Vec::with_capacity(file.trees.len());
        for (index, rows) in file.trees.iter().enumerate() {
            match read_tree(rows, asked.len()) {
                Ok(tree) => trees.push(tree),
                Err(why) => return wrong(format_args!("tree {index}: {why}")),
            }
        }
        Ok(Model { family, set: *set, asked, trees, join: file.join })
    }
}

fn check_join(join: &Join) -> Result<(), ModelError> {
    let Join { intercept, model, indicators, floor, ceiling, alone, signs: _, benign, benign_sum } = *join;
    if ![intercept, model, indicators, benign_sum].iter().all(|number| number.abs() <= VALUE_MAX) {
        return wrong(format_args!("join: a number is none, or beyond {VALUE_MAX}"));
    }
    // Negated, so that what is not a number is wrong too.
    if !(model > 0.0 && indicators >= 0.0) {
        return wrong("join: the factor of the model must be above 0, and that of the indicators not below");
    }
    if !(0.0 < floor && floor <= benign && benign < 0.5 && 0.5 < alone && alone <= ceiling && ceiling < 1.0) {
        return wrong("join: must be 0 < floor <= benign < 0.5 < alone <= ceiling < 1");
    }
    Ok(())
}

fn read_tree(rows: &[NodeRow], measures: usize) -> Result<Tree, String> {
    if rows.is_empty() || rows.len() > NODES_MAX {
        return Err(format!("it has {} nodes, and must have 1 to {NODES_MAX}", rows.len()));
    }
    let node = |(at, row): (usize, &NodeRow)| {
        let (value, split) = match *row {
            NodeRow::Leaf([value]) => (value, None),
            NodeRow::Split(measure, threshold, left, right, value) => {
                let is_behind = |child: u16| usize::from(child) > at && usize::from(child) < rows.len();
                if usize::from(measure) >= measures || !threshold.is_finite() || !is_behind(left) || !is_behind(right) {
                    return Err(format!("node {at} asks for a measure, or goes to a node, that there is not"));
                }
                (value, Some(Split { measure, threshold, left, right }))
            }
        };
        if !(-VALUE_MAX..=VALUE_MAX).contains(&f64::from(value)) {
            return Err(format!("node {at} has no value within {VALUE_MAX}"));
        }
        Ok(Node { value, split })
    };
    rows.iter().enumerate().map(node).collect::<Result<Vec<_>, _>>().map(Tree)
}
