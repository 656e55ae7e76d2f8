//! Fits weights, calibrations and joins to a corpus, and says by how much they are better on files that they were not
//! fitted to.
//!
//! Each file is judged by numbers that were fitted without its unit. So a comparison with the present numbers favours those,
//! if they were fitted to files like these.

mod descent;
mod design;
mod folds;
mod policy;
mod rewrite;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeSet;

use analyzers::{Calibration, IndicatorId, Join, LayerId, Verdict, Weights};
use serde::Serialize;
use triage::Family;

use self::descent::{Fit, What, fit};
use self::design::Design;
use crate::corpus::{Corpus, CorpusFile};
use crate::evaluation::{Named, judge};
use crate::figures::{AUC, FIGURES, FileScore, JudgedFiles, LOG_LOSS, TPR_AT_1};
use crate::resampling::{Draws, Units, interval};
pub use descent::{OddsLine, Spread};
pub use rewrite::{RewriteError, rewrite_join, rewrite_weights};
pub use text::write_fitted;

/// How to fit.
#[derive(Clone, Debug)]
pub struct FittingOptions {
    /// Families to fit.
    pub families: Vec<Family>,
    /// Whether weights are fitted too, or only calibrations and joins.
    pub weights: bool,
    /// Number of parts that are held out one after another.
    pub folds: usize,
    /// How far numbers may be expected to be from where they are.
    pub spread: Spread,
    /// Share of malware that probabilities are told for: `prior.fitted` of the weights.
    pub prior: f64,
    /// The draws of the bootstrap.
    pub draws: Draws,
    /// Share of malware in the stream that precision is told for.
    pub live_prior: f64,
}

impl Default for FittingOptions {
    fn default() -> Self {
        FittingOptions {
            families: Family::ALL.to_vec(),
            weights: true,
            folds: 5,
            spread: Spread::default(),
            prior: 0.5,
            draws: Draws::default(),
            live_prior: 0.15,
        }
    }
}

/// A weight before and after.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct FittedWeight {
    /// The indicator.
    pub id: String,
    /// The present weight.
    pub before: f64,
    /// The fitted one.
    pub after: f64,
    /// Units of benign files that show it.
    pub benign: usize,
    /// Units of malicious files that show it.
    pub malicious: usize,
}

/// Intercept and factors before and after.
#[derive(Clone, Copy, PartialEq, Serialize, Debug)]
pub struct FittedLine {
    /// Log-odds where nothing is shown.
    pub intercept: [f64; 2],
    /// Factor on the model's margin; 0 without a model.
    pub model: [f64; 2],
    /// Factor on the sum of the indicators.
    pub indicators: [f64; 2],
}

/// What was fitted to one family, and how much better it is.
#[derive(Clone, Serialize, Debug)]
pub struct FittedFamily {
    /// The family.
    #[serde(serialize_with = "name")]
    pub family: Family,
    /// Benign files, malicious ones, and units of both.
    pub files: [usize; 3],
    /// Files of a family with a model that were left out because their margin is not known.
    pub without_margin: usize,
    /// Whether the model's join was fitted.
    pub joined: bool,
    /// Weights that changed.
    pub weights: Vec<FittedWeight>,
    /// The calibration of the indicators alone.
    pub calibration: FittedLine,
    /// Whether the calibration was held back, so that structure alone stays neither benign nor suspicious.
    pub held_back: bool,
    /// The join with the model.
    pub join: Option<FittedLine>,
    /// Calibration and join fitted, with the present weights, against what there is: out of fold.
    pub lines_compared: Named<[f64; 5]>,
    /// Weights fitted too, against what there is: out of fold.
    pub compared: Named<[f64; 5]>,
}

fn name<S: serde::Serializer>(family: &Family, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(family.name())
}

impl FittedFamily {
    /// Whether it is better for certain: the log-loss falls beyond its interval, and the AUC does not.
    pub fn is_better(&self) -> bool {
        let high_of = |figure: usize| self.compared.0.get(figure).map_or(f64::NAN, |values| values[4]);
        high_of(LOG_LOSS) < 0.0 && high_of(AUC) >= 0.0
    }
}

/// Fits to all families that have files of both labels. Collections of which many files are harmless are judged, and nothing
/// is fitted to them.
pub fn calibrate(corpus: &Corpus, weights: &Weights, options: &FittingOptions) -> Vec<FittedFamily> {
    options.families.iter().filter_map(|family| of_family(corpus, *family, weights, options)).collect()
}

/// The same weights and models with what was fitted.
pub fn apply(weights: &Weights, fitted: &[FittedFamily]) -> Weights {
    fitted.iter().fold(weights.clone(), |weights, family| {
        let changed: Vec<(IndicatorId, f64)> =
            family.weights.iter().map(|weight| (IndicatorId::loaded(&weight.id), weight.after)).collect();
        let line = |line: &FittedLine| OddsLine {
            intercept: line.intercept[1],
            model: line.model[1],
            indicators: line.indicators[1],
        };
        with_numbers(&weights, family.family, &changed, line(&family.calibration), family.join.as_ref().map(line))
    })
}

fn of_family(corpus: &Corpus, family: Family, weights: &Weights, options: &FittingOptions) -> Option<FittedFamily> {
    let all = corpus.of(family);
    let has_margins = all.iter().any(|file| file.margin.is_some());
    let joined = has_margins && weights.model(family).is_some();
    // Without margins nothing can be said of the model: indicators are fitted, and compared, alone.
    let weights = &if joined { weights.clone() } else { weights.clone().without_model(family) };
    let is_judged = |file: &&CorpusFile| !joined || file.margin.is_some() || !is_measured(file);
    let files: Vec<&CorpusFile> = all.iter().copied().filter(|file| is_judged(file)).collect();
    let fits = |file: &&CorpusFile| !file.noisy;
    let benign = files.iter().filter(|file| !file.malicious).count();
    let malicious = files.len() - benign;
    let labels: BTreeSet<bool> = files.iter().filter(|file| fits(file)).map(|file| file.malicious).collect();
    if labels.len() < 2 {
        return None;
    }
    let design = Design::new(&files, family, weights);
    let start = start(&design, family, weights);
    let fold = folds::folds(&files, options.folds.max(2));
    let by = |what: What, rows: &[usize]| -> (Fit, bool) {
        let units: BTreeSet<&str> =
            rows.iter().filter_map(|at| files.get(*at)).map(|file| file.unit.as_str()).collect();
        let fitted_from = |start: &Fit, what: What| {
            fit(&design, rows, start, what, options.spread, units.len() as f64, options.prior)
        };
        let mut fitted = fitted_from(&start, what);
        let held = policy::held(family, weights, start.alone, fitted.alone);
        let held_back = held != fitted.alone;
        if held_back && what == What::WeightsAndLines {
            // Weights make up for what the calibration may not do.
            fitted = fitted_from(&Fit { alone: held, ..start.clone() }, What::WeightsAndJoin);
        }
        fitted.alone = held;
        (fitted, held_back)
    };
    let fitting: Vec<usize> = files.iter().enumerate().filter(|(_, file)| fits(file)).map(|(at, _)| at).collect();
    let out_of_fold = |what: What| -> Vec<FileScore> {
        let mut scores = vec![FileScore { p: f64::NAN, accused: false, cleared: false }; files.len()];
        for held_out in 0..options.folds.max(2) {
            let rows: Vec<usize> = fitting.iter().copied().filter(|at| fold.get(*at) != Some(&held_out)).collect();
            let (fitted, _) = by(what, &rows);
            let weights = with_fit(weights, family, &design, &fitted);
            for ((file, score), fold) in files.iter().zip(&mut scores).zip(&fold) {
                if *fold == held_out {
                    *score = scored(file, &weights);
                }
            }
        }
        scores
    };
    // Compared are the files that are fitted to: the labels of noisy collections are not to be believed.
    let compared = |scores: &[FileScore]| {
        let some: Vec<(&CorpusFile, usize)> =
            fitting.iter().filter_map(|at| Some((*files.get(*at)?, *fold.get(*at)?))).collect();
        let pick = |scores: &[FileScore]| -> Vec<FileScore> {
            fitting.iter().filter_map(|at| scores.get(*at)).copied().collect()
        };
        let present: Vec<FileScore> = some.iter().map(|(file, _)| scored(file, weights)).collect();
        compared(&some, &present, &pick(scores), options)
    };
    let what = if options.weights { What::WeightsAndLines } else { What::Lines };
    let lines_compared = compared(&out_of_fold(What::Lines));
    let both_compared = match what {
        What::Lines => lines_compared.clone(),
        What::WeightsAndJoin | What::WeightsAndLines => compared(&out_of_fold(what)),
    };
    let (fitted, held_back) = by(what, &fitting);
    let units: BTreeSet<&str> = files.iter().map(|file| file.unit.as_str()).collect();
    Some(FittedFamily {
        family,
        files: [benign, malicious, units.len()],
        without_margin: all.len() - files.len(),
        joined,
        weights: changed(&design, &files, &fitted),
        calibration: line(start.alone, fitted.alone),
        held_back,
        join: start.joined.zip(fitted.joined).map(|(before, after)| line(before, after)),
        lines_compared,
        compared: both_compared,
    })
}

/// What numbers were made from, a line each: for the file that holds them.
pub fn made(corpus: &Corpus, fitted: &[FittedFamily], version: &str) -> Vec<String> {
    let mut lines = vec![format!(
        "by `stakeout calibrate` {version} from {} labelled files, digest {}",
        corpus.files.len(),
        corpus.digest()
    )];
    lines.extend(fitted.iter().map(|family| {
        let [benign, malicious, units] = family.files;
        let of = |figure: usize| family.compared.0.get(figure).copied().unwrap_or([f64::NAN; 5]);
        let ([_, auc, ..], [_, loss, _, low, high]) = (of(AUC), of(LOG_LOSS));
        format!(
            "{}: {benign} benign and {malicious} malicious files of {units} units; out of fold AUC {auc:.4}, log-loss \
             {loss:.4} (by {low:+.4} to {high:+.4} against the numbers before)",
            family.family.name()
        )
    }));
    lines
}

fn is_measured(file: &CorpusFile) -> bool {
    file.record.measured.iter().any(|measured| measured.subject == LayerId::ARTIFACT)
}

fn scored(file: &CorpusFile, weights: &Weights) -> FileScore {
    let opinion = judge(file, weights);
    FileScore {
        p: opinion.p_malicious,
        accused: opinion.verdict == Verdict::Malicious,
        cleared: opinion.verdict == Verdict::Benign,
    }
}

/// The present numbers.
fn start(design: &Design, family: Family, weights: &Weights) -> Fit {
    let Calibration { intercept, slope, .. } = *weights.calibration(family);
    let joined = weights.model(family).map(|model| {
        let Join { intercept, model, indicators, .. } = *model.join();
        OddsLine { intercept, model, indicators }
    });
    let alone = OddsLine { intercept, model: 0.0, indicators: slope };
    let bend_sum = weights.model(family).and_then(|model| model.join().bend_sum);
    let has_margins = design.rows.iter().any(|row| row.margin.is_some());
    Fit { weights: design.now(), alone, joined: joined.filter(|_| has_margins), bend_sum }
}

/// The weights with fitted numbers, as they would be written down: rounded.
fn with_fit(weights: &Weights, family: Family, design: &Design, fitted: &Fit) -> Weights {
    let changed: Vec<(IndicatorId, f64)> = design
        .parameters
        .iter()
        .zip(&fitted.weights)
        .map(|(parameter, after)| (parameter.id.clone(), hundredths(*after)))
        .collect();
    with_numbers(weights, family, &changed, rounded(fitted.alone), fitted.joined.map(rounded))
}

fn with_numbers(
    weights: &Weights,
    family: Family,
    changed: &[(IndicatorId, f64)],
    alone: OddsLine,
    joined: Option<OddsLine>,
) -> Weights {
    let calibration =
        Calibration { intercept: alone.intercept, slope: alone.indicators, ..*weights.calibration(family) };
    let mut new = weights.clone().with_calibration(family, calibration);
    for (id, after) in changed {
        new = new.with_weight(id, *after);
    }
    match joined {
        Some(OddsLine { intercept, model, indicators }) => {
            new.with_join(family, |join| Join { intercept, model, indicators, ..join })
        }
        None => new,
    }
}

fn line(before: OddsLine, after: OddsLine) -> FittedLine {
    let after = rounded(after);
    FittedLine {
        intercept: [before.intercept, after.intercept],
        model: [before.model, after.model],
        indicators: [before.indicators, after.indicators],
    }
}

/// Two decimals, as weights are written.
fn hundredths(number: f64) -> f64 {
    let rounded = (number * 100.0).round() / 100.0;
    // Not `-0`.
    if rounded == 0.0 { 0.0 } else { rounded }
}

fn rounded(line: OddsLine) -> OddsLine {
    let thousandths = |number: f64| (number * 1000.0).round() / 1000.0;
    OddsLine {
        intercept: thousandths(line.intercept),
        model: thousandths(line.model),
        indicators: thousandths(line.indicators),
    }
}

fn changed(design: &Design, files: &[&CorpusFile], fitted: &Fit) -> Vec<FittedWeight> {
    let shown = |id: &IndicatorId, malicious: bool| {
        let showing = files.iter().filter(|file| {
            file.malicious == malicious && file.record.evidence.iter().any(|seen| seen.indicator == *id)
        });
        showing.map(|file| file.unit.as_str()).collect::<BTreeSet<&str>>().len()
    };
    let rows = design.parameters.iter().zip(&fitted.weights).map(|(parameter, after)| (parameter, hundredths(*after)));
    rows.filter(|(parameter, after)| (parameter.now - after).abs() > 1e-9)
        .map(|(parameter, after)| FittedWeight {
            id: parameter.id.to_string(),
            before: parameter.now,
            after,
            benign: shown(&parameter.id, false),
            malicious: shown(&parameter.id, true),
        })
        .collect()
}

/// Figures before and after, and the interval of their difference. Files of different folds are judged by different numbers,
/// so that how they rank is told within each fold, and is the mean of all folds.
fn compared(
    files: &[(&CorpusFile, usize)],
    before: &[FileScore],
    after: &[FileScore],
    options: &FittingOptions,
) -> Named<[f64; 5]> {
    let judged = |scores: &[FileScore], of: Option<usize>| {
        let labelled: Vec<(bool, FileScore)> = files
            .iter()
            .zip(scores)
            .filter(|((_, fold), _)| of.is_none_or(|of| of == *fold))
            .map(|((file, _), score)| (file.malicious, *score))
            .collect();
        JudgedFiles::new(&labelled, options.live_prior)
    };
    let folds = files.iter().map(|(_, fold)| fold + 1).max().unwrap_or(0);
    let version = |scores: &[FileScore]| {
        let parts: Vec<JudgedFiles> = (0..folds).map(|fold| judged(scores, Some(fold))).collect();
        (judged(scores, None), parts)
    };
    let figures = |(whole, parts): &(JudgedFiles, Vec<JudgedFiles>), weights: &[f64]| {
        let mut figures = whole.figures(weights);
        let of_fold = |fold: usize| -> Vec<f64> {
            files.iter().zip(weights).filter(|((_, of), _)| *of == fold).map(|(_, weight)| *weight).collect()
        };
        let ranked: Vec<[f64; 2]> =
            parts.iter().enumerate().filter_map(|(fold, part)| part.ranking(&of_fold(fold))).collect();
        for (at, figure) in [AUC, TPR_AT_1].into_iter().enumerate() {
            figures[figure] = ranked.iter().map(|both| both[at]).sum::<f64>() / ranked.len() as f64;
        }
        figures
    };
    let (one, other) = (version(before), version(after));
    let units = Units::new(files.iter().map(|(file, _)| (file.malicious, file.unit.as_str())));
    let mut drawn: Vec<Vec<f64>> = vec![Vec::new(); FIGURES];
    units.draw(options.draws, |weights| {
        let pairs = figures(&one, weights).into_iter().zip(figures(&other, weights));
        drawn.iter_mut().zip(pairs).for_each(|(column, (before, after))| column.push(after - before));
    });
    let plain = vec![1.0; files.len()];
    let pairs = figures(&one, &plain).into_iter().zip(figures(&other, &plain));
    let rows = pairs.zip(drawn).map(|((before, after), drawn)| {
        let [low, high] = interval(drawn);
        [before, after, after - before, low, high]
    });
    Named(rows.collect())
}
