//! The worst errors, with what spoke for them.

use analyzers::Weights;
use serde::Serialize;

use super::judge;
use crate::corpus::CorpusFile;
use crate::figures::FileScore;

/// Measures that are told of one error.
const MEASURES_MAX: usize = 6;

/// A file that was judged wrong.
#[derive(Serialize, Debug)]
pub struct WorstError {
    /// Digest of its bytes.
    pub sha256: String,
    /// Whether it is malware.
    pub malicious: bool,
    /// Probability that it is, as it was judged.
    pub p: f64,
    /// What it was called.
    pub verdict: &'static str,
    /// Its kind.
    pub kind: String,
    /// Where it is from.
    pub source: String,
    /// Its group there.
    pub group: String,
    /// The indicators that decided, with their weights, the heaviest first.
    pub indicators: Vec<(String, f64)>,
    /// What moved the model most, unless it was judged out of fold.
    pub measures: Vec<WorstMeasure>,
    /// Why not everything was looked at.
    pub incomplete: Vec<String>,
}

/// What one measure moved the model by.
#[derive(Serialize, Debug)]
pub struct WorstMeasure {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: f32,
    /// What it moved the margin by.
    pub by: f64,
}

/// The benign files of the highest probability, then the malicious ones of the lowest.
pub(super) fn worst(files: &[&CorpusFile], scores: &[FileScore], weights: &Weights, count: usize) -> Vec<WorstError> {
    let mut all = Vec::new();
    for malicious in [false, true] {
        let mut side: Vec<(&&CorpusFile, f64)> =
            files.iter().zip(scores).filter(|(file, _)| file.malicious == malicious).map(|(f, s)| (f, s.p)).collect();
        side.sort_by(|(one, p), (other, q)| {
            let order = if malicious { p.total_cmp(q) } else { q.total_cmp(p) };
            order.then_with(|| one.sha256.cmp(&other.sha256))
        });
        all.extend(side.into_iter().take(count).map(|(file, _)| error(file, weights)));
    }
    all
}

fn error(file: &CorpusFile, weights: &Weights) -> WorstError {
    let opinion = judge(file, weights);
    let deciding = opinion.deciding();
    let mut indicators: Vec<(String, f64)> = deciding
        .iter()
        .flat_map(|testimony| &testimony.terms)
        .map(|term| (term.indicator.to_string(), term.weight.0))
        .collect();
    indicators.sort_by(|one, other| other.1.abs().total_cmp(&one.1.abs()).then_with(|| one.0.cmp(&other.0)));
    let moved = deciding.and_then(|testimony| testimony.model.as_ref()).map(|model| &model.moved);
    let measures = moved.into_iter().flatten().take(MEASURES_MAX);
    WorstError {
        sha256: file.sha256.to_string(),
        malicious: file.malicious,
        p: opinion.p_malicious,
        verdict: opinion.verdict.name(),
        kind: file.kind.clone(),
        source: file.source.clone(),
        group: file.group.clone(),
        indicators,
        measures: measures
            .map(|moved| WorstMeasure { name: moved.measure.name, value: moved.value, by: moved.by })
            .collect(),
        incomplete: file.record.incomplete.iter().map(ToString::to_string).collect(),
    }
}
