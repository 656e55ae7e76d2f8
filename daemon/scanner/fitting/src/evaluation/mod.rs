//! How good given weights and models are on a corpus: figures by family and population with intervals, two versions pair by
//! pair, each source and collection for itself, and the worst errors with their evidence.

mod sources;
mod text;
mod worst;

use std::collections::{BTreeMap, BTreeSet};

use analyzers::{Opinion, Verdict, Weights, weigh, weigh_out_of_fold};
use serde::{Serialize, Serializer, ser::SerializeMap};
use triage::Family;

use crate::corpus::{Corpus, CorpusFile};
use crate::figures::{ALL_FIGURES, FIGURES, FileScore, JudgedFiles};
use crate::resampling::{Draws, Units, interval};
pub use sources::{BenignSource, Collection};
pub use text::write_text;
pub use worst::{WorstError, WorstMeasure};

/// Files of one benign group that count where no package may speak for all.
const GROUP_FILES_MAX: usize = 80;

/// How to evaluate.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationOptions {
    /// The draws of the bootstrap.
    pub draws: Draws,
    /// Share of malware in the stream that precision is told for.
    pub live_prior: f64,
    /// How many errors of each label are listed.
    pub worst: usize,
}

impl Default for EvaluationOptions {
    fn default() -> Self {
        EvaluationOptions { draws: Draws::default(), live_prior: 0.15, worst: 20 }
    }
}

/// What was found.
#[derive(Serialize, Debug)]
pub struct Evaluation {
    /// Version of this form.
    pub schema: u32,
    /// Names of the versions: the first, and the second if two were compared.
    pub versions: Vec<String>,
    /// Files that were scanned and stand in no manifest.
    pub unlisted: usize,
    /// Files of the manifests that were not scanned.
    pub missing: usize,
    /// Each family with files of both labels.
    pub families: Vec<FamilyEvaluation>,
}

/// One family of files.
#[derive(Serialize, Debug)]
pub struct FamilyEvaluation {
    /// Its name.
    pub family: &'static str,
    /// Files judged beside a margin of a model that was trained without them.
    pub out_of_fold: usize,
    /// Files that a model judged which may have been trained on them.
    pub in_sample: usize,
    /// Figures of each population.
    pub populations: Vec<PopulationFigures>,
    /// The second version beside the first, by population.
    pub compared: Vec<ComparedFigures>,
    /// Benign sources: how many of each are accused at the threshold of all others.
    pub benign_sources: Vec<BenignSource>,
    /// Collections of malware, each against all benign files.
    pub collections: Vec<Collection>,
    /// Benign files of the highest probability, then malicious ones of the lowest.
    pub worst: Vec<WorstError>,
    /// What is drawn of it.
    #[serde(skip)]
    pub curves: Vec<(String, JudgedFiles)>,
}

/// Figures of some files.
#[derive(Serialize, Debug)]
pub struct PopulationFigures {
    /// Which files.
    pub population: &'static str,
    /// How many are benign.
    pub benign: usize,
    /// How many are malicious.
    pub malicious: usize,
    /// How many units they are of.
    pub units: usize,
    /// Each figure with its interval.
    pub figures: Named<[f64; 3]>,
}

/// Figures of two versions on the same files.
#[derive(Serialize, Debug)]
pub struct ComparedFigures {
    /// Which files.
    pub population: &'static str,
    /// Each figure: the first version, the second, their difference and its interval, by the same draws.
    pub figures: Named<[f64; 5]>,
}

/// One value for each figure, by its name in JSON.
#[derive(Clone, Debug)]
pub struct Named<T>(pub Vec<T>);

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (figure, value) in ALL_FIGURES.iter().zip(&self.0) {
            map.serialize_entry(figure.name, value)?;
        }
        map.end()
    }
}

/// A version of weights and models.
#[derive(Clone, Copy, Debug)]
pub struct Version<'v> {
    /// What it is called.
    pub name: &'v str,
    /// The weights, with their models.
    pub weights: &'v Weights,
}

/// Judges a file again: beside its margin out of fold if it has one, and if its family has a model.
pub fn judge(file: &CorpusFile, weights: &Weights) -> Opinion {
    match file.margin.filter(|_| weights.model(file.family).is_some()) {
        Some(margin) => weigh_out_of_fold(&file.record, weights, margin),
        None => weigh(&file.record, weights),
    }
}

fn scored(file: &CorpusFile, weights: &Weights) -> FileScore {
    let opinion = judge(file, weights);
    FileScore {
        p: opinion.p_malicious,
        accused: opinion.verdict == Verdict::Malicious,
        cleared: opinion.verdict == Verdict::Benign,
    }
}

/// Evaluates one version, or compares two.
pub fn evaluate(
    corpus: &Corpus,
    first: Version<'_>,
    second: Option<Version<'_>>,
    options: &EvaluationOptions,
) -> Evaluation {
    let families = Family::ALL.into_iter().filter_map(|family| of_family(corpus, family, first, second, options));
    Evaluation {
        schema: 1,
        versions: std::iter::once(first.name).chain(second.map(|second| second.name)).map(str::to_owned).collect(),
        unlisted: corpus.unlisted,
        missing: corpus.missing,
        families: families.collect(),
    }
}

fn of_family(
    corpus: &Corpus,
    family: Family,
    first: Version<'_>,
    second: Option<Version<'_>>,
    options: &EvaluationOptions,
) -> Option<FamilyEvaluation> {
    let files = corpus.of(family);
    if files.iter().all(|file| file.malicious) || files.iter().all(|file| !file.malicious) {
        return None;
    }
    let scores: Vec<FileScore> = files.iter().map(|file| scored(file, first.weights)).collect();
    let others: Option<Vec<FileScore>> =
        second.map(|second| files.iter().map(|file| scored(file, second.weights)).collect());
    let has_model = first.weights.model(family).is_some();
    let margins = files.iter().filter(|file| has_model && file.margin.is_some()).count();
    let measured = files.iter().filter(|file| has_model && is_measured(file)).count();
    let mut evaluation = FamilyEvaluation {
        family: family.name(),
        out_of_fold: margins,
        in_sample: measured.saturating_sub(margins),
        populations: Vec::new(),
        compared: Vec::new(),
        benign_sources: sources::benign_sources(&files, &scores, options.live_prior),
        collections: sources::collections(&files, &scores, options.live_prior),
        worst: worst::worst(&files, &scores, first.weights, options.worst),
        curves: Vec::new(),
    };
    for (population, some) in populations(&files) {
        let of = |scores: &[FileScore]| {
            let labelled: Vec<(bool, FileScore)> =
                some.iter().filter_map(|at| Some((files.get(*at)?.malicious, *scores.get(*at)?))).collect();
            JudgedFiles::new(&labelled, options.live_prior)
        };
        let judged = of(&scores);
        let (benign, malicious) = judged.counts();
        if benign == 0 || malicious == 0 {
            continue;
        }
        let units =
            Units::new(some.iter().filter_map(|at| files.get(*at)).map(|file| (file.malicious, file.unit.as_str())));
        let other = others.as_deref().map(of);
        let (figures, differences) = with_intervals(&judged, other.as_ref(), &units, options.draws);
        evaluation.populations.push(PopulationFigures { population, benign, malicious, units: units.count(), figures });
        evaluation.compared.extend(differences.map(|figures| ComparedFigures { population, figures }));
        if population == "all" || population == "programs" {
            let name = |version: Version<'_>| format!("{population}, {}", version.name);
            evaluation.curves.push((name(first), judged));
            evaluation.curves.extend(second.zip(other).map(|(second, other)| (name(second), other)));
        }
    }
    Some(evaluation)
}

fn is_measured(file: &CorpusFile) -> bool {
    file.record.measured.iter().any(|measured| measured.subject == analyzers::LayerId::ARTIFACT)
}

/// Figures with intervals, and how the second version differs, by the same draws.
fn with_intervals(
    judged: &JudgedFiles,
    other: Option<&JudgedFiles>,
    units: &Units,
    draws: Draws,
) -> (Named<[f64; 3]>, Option<Named<[f64; 5]>>) {
    let mut drawn: Vec<Vec<f64>> = vec![Vec::new(); FIGURES];
    let mut differences = drawn.clone();
    units.draw(draws, |weights| {
        let first = judged.figures(weights);
        for (column, value) in drawn.iter_mut().zip(first) {
            column.push(value);
        }
        if let Some(other) = other {
            for ((column, first), second) in differences.iter_mut().zip(first).zip(other.figures(weights)) {
                column.push(second - first);
            }
        }
    });
    let first = judged.figures(&judged.plain());
    let figures = first.iter().zip(drawn).map(|(value, drawn)| {
        let [low, high] = interval(drawn);
        [*value, low, high]
    });
    let compared = other.map(|other| {
        let second = other.figures(&other.plain());
        let rows = first.iter().zip(second).zip(differences).map(|((first, second), drawn)| {
            let [low, high] = interval(drawn);
            [*first, second, second - first, low, high]
        });
        Named(rows.collect())
    });
    (Named(figures.collect()), compared)
}

/// Which files figures are told for, by their places.
fn populations(files: &[&CorpusFile]) -> Vec<(&'static str, Vec<usize>)> {
    let places = |is: &dyn Fn(usize, &CorpusFile) -> bool| -> Vec<usize> {
        files.iter().enumerate().filter(|(at, file)| is(*at, file)).map(|(at, _)| at).collect()
    };
    let mut of_group: BTreeMap<&str, usize> = BTreeMap::new();
    let few: BTreeSet<usize> = files
        .iter()
        .enumerate()
        .filter(|(_, file)| {
            file.malicious || {
                let seen = of_group.entry(&file.group).or_default();
                *seen += 1;
                *seen <= GROUP_FILES_MAX
            }
        })
        .map(|(at, _)| at)
        .collect();
    let ordinary = |file: &CorpusFile| file.malicious || !file.hard;
    let all = places(&|_, _| true);
    let mut populations = vec![
        ("all", all.clone()),
        ("measured", places(&|_, file| is_measured(file))),
        ("without noisy", places(&|_, file| !file.noisy)),
        ("the same, 80 a group", places(&|at, file| !file.noisy && few.contains(&at))),
        ("ordinary", places(&|_, file| ordinary(file))),
        ("programs", places(&|_, file| file.program)),
        ("ordinary programs", places(&|_, file| file.program && ordinary(file))),
    ];
    populations.retain(|(name, some)| *name == "all" || !some.is_empty() && (*name != "measured" || *some != all));
    populations
}
