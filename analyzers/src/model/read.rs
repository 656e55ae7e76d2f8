//! Reads a model and checks it in full: whatever is wrong is told, and nothing of it is used.

use std::fmt;

use daemon_base::Sha256Digest;
use serde::de::{Error, IgnoredAny, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use triage::Family;

use super::{Bend, Join, Model, ModelSource, Node, Split, Tree};
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
/// Longest text that says that there is no model, in bytes.
const NONE_BYTES_MAX: usize = 1_024;
/// Longest name of the evidence that a model was made from.
const EVIDENCE_CHARS_MAX: usize = 128;

/// Why a model cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
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
    made: Option<ModelSource>,
    measures: Vec<String>,
    /// What the ids of indicators begin with that tell of the same as the measures; none: all of them do.
    #[serde(default)]
    about: Vec<String>,
    join: Join,
    trees: Vec<Vec<NodeRow>>,
}

/// The form of a file that says that a family has no model.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoModelFile {
    version: u32,
    family: String,
    none: bool,
}

/// Whether a file has the key that a model has not.
#[derive(Deserialize)]
struct HasNone {
    none: Option<IgnoredAny>,
}

/// A node: measure, threshold, left, right, value; or the value of a leaf.
enum NodeRow {
    Split(u16, f32, u16, u16, f32),
    Leaf(f32),
}

/// Read by hand: the models that we were built with have some 38,000 nodes, which are read at each start, and what is derived for an
/// untagged enum tries one form after the other on a copy of each.
impl<'de> Deserialize<'de> for NodeRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NodeRow, D::Error> {
        deserializer.deserialize_seq(NodeRowVisitor)
    }
}

struct NodeRowVisitor;

impl<'de> Visitor<'de> for NodeRowVisitor {
    type Value = NodeRow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node: [measure, threshold, left, right, value], or [value]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> Result<NodeRow, A::Error> {
        let first: Number = element(&mut row, 0)?;
        let Some(threshold) = row.next_element()? else {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "what f32 cannot hold is infinite, which is refused later"
            )]
            let value = first.as_f64().map(|value| value as f32);
            return value.map(NodeRow::Leaf).ok_or_else(|| A::Error::custom("a value is no number"));
        };
        let measure = first.as_u64().and_then(|measure| u16::try_from(measure).ok());
        let measure =
            measure.ok_or_else(|| A::Error::invalid_value(Unexpected::Other("number of a measure"), &self))?;
        let (left, right, value) = (element(&mut row, 2)?, element(&mut row, 3)?, element(&mut row, 4)?);
        match row.next_element::<IgnoredAny>()? {
            None => Ok(NodeRow::Split(measure, threshold, left, right, value)),
            Some(_) => Err(A::Error::invalid_length(6, &self)),
        }
    }
}

/// The next element of a node; so many came before it.
fn element<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(row: &mut A, before: usize) -> Result<T, A::Error> {
    row.next_element()?.ok_or_else(|| A::Error::invalid_length(before, &NodeRowVisitor))
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
        check_version(file.version)?;
        let (family, set) = measured_family(&file.family, sets)?;
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
        let made = file.made.unwrap_or_default();
        check_made(&made)?;
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
        let digest = Sha256Digest::of(text.as_bytes());
        Ok(Model { family, set: *set, asked, trees, about: file.about, join: file.join, digest, made })
    }

    /// Reads what a file says of the model of a family: a model, or `{"version": 1, "family": "pe", "none": true}`, that files
    /// of this family are judged by the indicators alone. It is one or the other.
    ///
    /// # Errors
    ///
    /// As [`Model::parse`], or if it says both, or something else of `none`.
    pub fn parse_choice(text: &str, sets: &[MeasureSet]) -> Result<(Family, Option<Model>), ModelError> {
        let is_short = text.len() <= NONE_BYTES_MAX;
        if !is_short || !serde_json::from_str::<HasNone>(text).is_ok_and(|file| file.none.is_some()) {
            let model = Model::parse(text, sets)?;
            return Ok((model.family, Some(model)));
        }
        let file: NoModelFile = serde_json::from_str(text).or_else(wrong)?;
        check_version(file.version)?;
        let (family, _) = measured_family(&file.family, sets)?;
        if !file.none {
            return wrong("`none` is true where there is no model, and is left out of a model");
        }
        Ok((family, None))
    }
}

fn check_version(version: u32) -> Result<(), ModelError> {
    if version == VERSION {
        return Ok(());
    }
    wrong(format_args!("it is of version {version}, and this program reads {VERSION}"))
}

/// The family of this name, and what is measured of its files.
fn measured_family<'s>(name: &str, sets: &'s [MeasureSet]) -> Result<(Family, &'s MeasureSet), ModelError> {
    let Some(family) = Family::ALL.into_iter().find(|family| family.name() == name) else {
        return wrong(format_args!("there is no family of files called {name:?}"));
    };
    match sets.iter().find(|set| set.family == name) {
        Some(set) => Ok((family, set)),
        None => wrong(format_args!("nothing is measured of files of {name:?}")),
    }
}

/// What it was made from is shown to people, so it is short and of one line.
fn check_made(made: &ModelSource) -> Result<(), ModelError> {
    let is_name = |text: &String| text.len() <= EVIDENCE_CHARS_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    if made.evidence.as_ref().is_some_and(|evidence| !is_name(evidence)) {
        return wrong(format_args!("made.evidence is no name of at most {EVIDENCE_CHARS_MAX} characters"));
    }
    Ok(())
}

fn check_join(join: &Join) -> Result<(), ModelError> {
    let Join { intercept, model, indicators, bend_sum, bend_odds, floor, ceiling, .. } = *join;
    let Join { malicious, alone, benign, benign_sum, .. } = *join;
    if ![intercept, model, indicators, benign_sum].iter().all(|number| number.abs() <= VALUE_MAX) {
        return wrong(format_args!("join: a number is none, or beyond {VALUE_MAX}"));
    }
    // Negated, so that what is not a number is wrong too.
    if !(model > 0.0 && indicators >= 0.0) {
        return wrong("join: the factor of the model must be above 0, and that of the indicators not below");
    }
    for (name, bend) in [("bend_sum", bend_sum), ("bend_odds", bend_odds)] {
        let is_well = |bend: Bend| (0.0..=VALUE_MAX).contains(&bend.from) && (0.0..=1.0).contains(&bend.factor);
        if !bend.is_none_or(is_well) {
            return wrong(format_args!("join: {name} must have from 0 to {VALUE_MAX}, and a factor from 0 to 1"));
        }
    }
    if !(0.0 < floor && floor <= benign && benign < 0.5 && 0.5 < alone && alone <= ceiling && ceiling < 1.0) {
        return wrong("join: must be 0 < floor <= benign < 0.5 < alone <= ceiling < 1");
    }
    if malicious.is_some_and(|malicious| !(0.5 < malicious && malicious <= ceiling)) {
        return wrong("join: must be 0.5 < malicious <= ceiling");
    }
    Ok(())
}

fn read_tree(rows: &[NodeRow], measures: usize) -> Result<Tree, String> {
    if rows.is_empty() || rows.len() > NODES_MAX {
        return Err(format!("it has {} nodes, and must have 1 to {NODES_MAX}", rows.len()));
    }
    let node = |(at, row): (usize, &NodeRow)| {
        let (value, split) = match *row {
            NodeRow::Leaf(value) => (value, None),
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
