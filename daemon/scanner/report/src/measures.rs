//! The measures of a file and what its evidence comes to, as JSON: what a model is trained on.

use analyzers::{LayerId, Measured, Testimony};
use daemon_engine::Report;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::layer_name;

/// One subject, judged.
#[derive(serde::Serialize, Debug)]
pub struct SubjectRecord {
    /// The layer, empty for the file itself.
    pub layer: String,
    /// Sum of the weights of its evidence, in nats, after caps.
    pub sum: f64,
    /// The same without what speaks for it.
    pub sum_without_calm: f64,
    /// Probability that it is malicious.
    pub p_malicious: f64,
    /// File type, by triage.
    pub kind: &'static str,
    /// Whether an analyzer vouches for it: if not, it may be malicious, but not benign.
    pub vouched: bool,
}

/// The measures of one subject.
#[derive(serde::Serialize, Debug)]
pub struct MeasuresRecord {
    /// The layer, empty for the file itself.
    pub layer: String,
    /// Which analyzer's measures these are.
    pub family: &'static str,
    /// Version of the set of measures.
    pub version: u32,
    /// Each measure by its name.
    pub values: MeasureValues,
}

/// Names and values, as one JSON object in the order of the set.
#[derive(Debug)]
pub struct MeasureValues(Measured);

impl Serialize for MeasureValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.values().len()))?;
        for (measure, value) in self.0.iter() {
            map.serialize_entry(measure.name, &value)?;
        }
        map.end()
    }
}

impl SubjectRecord {
    /// All subjects of a report that were judged.
    pub fn all(report: &Report) -> Vec<SubjectRecord> {
        let record = |testimony: &Testimony| {
            let layer = report.layers.get(testimony.subject.index());
            SubjectRecord {
                layer: name(report, testimony.subject),
                sum: testimony.sum.0,
                sum_without_calm: testimony.sum_without_calm.0,
                p_malicious: testimony.p_malicious,
                kind: layer.map_or(report.kind, |layer| layer.kind).name(),
                vouched: layer.is_some_and(|layer| layer.wanted),
            }
        };
        report.opinion.testimonies.iter().map(record).collect()
    }
}

impl MeasuresRecord {
    /// All measures of a report.
    pub fn all(report: &Report) -> Vec<MeasuresRecord> {
        let record = |measured: &Measured| MeasuresRecord {
            layer: name(report, measured.subject),
            family: measured.set.family,
            version: measured.set.version,
            values: MeasureValues(measured.clone()),
        };
        report.measured.iter().map(record).collect()
    }
}

fn name(report: &Report, layer: LayerId) -> String {
    layer_name(report, layer).to_owned()
}
