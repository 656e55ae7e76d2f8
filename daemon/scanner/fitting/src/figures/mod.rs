//! Figures of probabilities of labelled files: how well they rank, how well they are calibrated, what is called what.
//!
//! Both labels weigh the same in the Brier score, the log-loss and the calibration errors, whatever the corpus is made of.
//! Precision is told for a stream with [`JudgedFiles::new`]'s share of malware in it.

use std::cmp::Ordering;

/// A file's probability, and what it is called.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FileScore {
    /// Probability that it is malicious.
    pub p: f64,
    /// Whether it is called malicious.
    pub accused: bool,
    /// Whether it is called benign.
    pub cleared: bool,
}

/// One figure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Figure {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its name in tables.
    pub title: &'static str,
    /// Whether more of it is better.
    pub more_is_better: bool,
}

const fn more(name: &'static str, title: &'static str) -> Figure {
    Figure { name, title, more_is_better: true }
}

const fn less(name: &'static str, title: &'static str) -> Figure {
    Figure { name, title, more_is_better: false }
}

/// How many figures there are.
pub const FIGURES: usize = 18;

/// All figures, in the order of [`JudgedFiles::figures`].
pub static ALL_FIGURES: [Figure; FIGURES] = [
    more("auc", "AUC"),
    more("tpr_at_1", "TPR@1%"),
    less("brier", "Brier"),
    less("log_loss", "log-loss"),
    less("ece", "ECE"),
    less("ece_by_count", "ECE count"),
    more("precision_90", "prec.9"),
    more("recall_90", "rec.9"),
    more("precision_95", "prec.95"),
    more("recall_95", "rec.95"),
    more("precision_97", "prec.97"),
    more("recall_97", "rec.97"),
    less("malware_to_10", "mal<=.1"),
    more("benign_to_10", "ben<=.1"),
    more("benign_cleared", "ben cleared"),
    less("malware_cleared", "mal cleared"),
    more("malware_accused", "mal accused"),
    less("benign_accused", "ben accused"),
];

/// Place of the AUC in all figures.
pub const AUC: usize = 0;
/// Place of the true-positive rate at 1 %.
pub const TPR_AT_1: usize = 1;
/// Place of the Brier score.
pub const BRIER: usize = 2;
/// Place of the log-loss.
pub const LOG_LOSS: usize = 3;

/// False-positive rate of the quoted true-positive rate.
const FALSE_POSITIVES: f64 = 0.01;
/// Probabilities at which precision and recall are told.
const SURE: [f64; 3] = [0.9, 0.95, 0.97];
/// Probability from which down a file passes as harmless.
const HARMLESS: f64 = 0.1;
/// Probabilities are held this far from 0 and 1 before their logarithm is taken.
const CLIP: f64 = 1e-3;
/// Bins of the calibration errors.
const BINS: usize = 10;

/// Labels and scores of some files, so prepared that figures under other weights of the files cost one pass.
#[derive(Clone, Debug)]
pub struct JudgedFiles {
    malicious: Vec<bool>,
    scores: Vec<FileScore>,
    /// The probabilities there are, ascending, and which of them each file has.
    levels: Vec<f64>,
    level: Vec<usize>,
    live_prior: f64,
}

impl JudgedFiles {
    /// Prepares labels and scores. `live_prior` is the share of malware in the stream that precision is told for.
    pub fn new(files: &[(bool, FileScore)], live_prior: f64) -> JudgedFiles {
        let (malicious, scores): (Vec<bool>, Vec<FileScore>) = files.iter().copied().unzip();
        let mut levels: Vec<f64> = scores.iter().map(|score| score.p).collect();
        levels.sort_unstable_by(f64::total_cmp);
        levels.dedup_by(|one, other| one.total_cmp(other) == Ordering::Equal);
        let level =
            scores.iter().map(|score| levels.partition_point(|known| known.total_cmp(&score.p).is_lt())).collect();
        JudgedFiles { malicious, scores, levels, level, live_prior }
    }

    /// How many files there are: benign and malicious ones.
    pub fn counts(&self) -> (usize, usize) {
        let malicious = self.malicious.iter().filter(|malicious| **malicious).count();
        (self.malicious.len() - malicious, malicious)
    }

    /// Each file's label and probability.
    pub(crate) fn files(&self) -> impl Iterator<Item = (bool, f64)> + '_ {
        self.malicious.iter().copied().zip(self.scores.iter().map(|score| score.p))
    }

    /// Each file counts once.
    pub fn plain(&self) -> Vec<f64> {
        vec![1.0; self.malicious.len()]
    }

    /// The lowest probability at or above which at most 1 % of the benign files stand.
    pub fn threshold(&self) -> f64 {
        let (benign, _) = self.by_level(&self.plain());
        let allowed = FALSE_POSITIVES * benign.iter().sum::<f64>() + 1e-9;
        let mut above = 0.0;
        let mut lowest = f64::INFINITY;
        for (p, benign) in self.levels.iter().zip(&benign).rev() {
            above += benign;
            if above > allowed {
                break;
            }
            lowest = *p;
        }
        lowest
    }

    /// Points of the ROC curve, (false positives, true positives) as shares, from (0, 0) to (1, 1).
    pub fn roc(&self) -> Vec<(f64, f64)> {
        let (benign, malicious) = self.by_level(&self.plain());
        let (all_benign, all_malicious) = (benign.iter().sum::<f64>(), malicious.iter().sum::<f64>());
        let mut points = vec![(0.0, 0.0)];
        let (mut below, mut found) = (0.0, 0.0);
        for (b, m) in benign.iter().zip(&malicious).rev() {
            below += b;
            found += m;
            points.push((share(below, all_benign), share(found, all_malicious)));
        }
        points
    }

    /// Weight of the benign and of the malicious files of each level.
    fn by_level(&self, weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut benign, mut malicious) = (vec![0.0; self.levels.len()], vec![0.0; self.levels.len()]);
        for ((is_malicious, level), weight) in self.malicious.iter().zip(&self.level).zip(weights) {
            let side = if *is_malicious { &mut malicious } else { &mut benign };
            if let Some(sum) = side.get_mut(*level) {
                *sum += weight;
            }
        }
        (benign, malicious)
    }

    /// AUC and true positives at 1 %, with a weight for each file; `None` if of one label there are no files.
    pub(crate) fn ranking(&self, weights: &[f64]) -> Option<[f64; 2]> {
        let (benign, malicious) = self.by_level(weights);
        let (all_benign, all_malicious) = (benign.iter().sum::<f64>(), malicious.iter().sum::<f64>());
        let (auc, tpr) = ranking(&benign, &malicious, all_benign, all_malicious);
        (all_benign > 0.0 && all_malicious > 0.0).then_some([auc, tpr])
    }

    /// All figures, with a weight for each file. Those that mean nothing (of one label there are no files, or nothing is
    /// accused) are not a number.
    pub fn figures(&self, weights: &[f64]) -> [f64; FIGURES] {
        let (benign, malicious) = self.by_level(weights);
        let (all_benign, all_malicious) = (benign.iter().sum::<f64>(), malicious.iter().sum::<f64>());
        if all_benign <= 0.0 || all_malicious <= 0.0 {
            return [f64::NAN; FIGURES];
        }
        let (auc, tpr) = ranking(&benign, &malicious, all_benign, all_malicious);
        let calibrated = self.calibration(weights, all_benign, all_malicious);
        let by_count = equal_counts(&self.levels, &benign, &malicious, all_benign, all_malicious);
        let of = |label: bool, is: &dyn Fn(&FileScore) -> bool| -> f64 {
            let files = self.malicious.iter().zip(&self.scores).zip(weights);
            let mine = files.filter(|((l, score), _)| **l == label && is(score)).map(|(_, weight)| weight);
            // The sum of nothing is -0.
            let sum = mine.fold(0.0, |sum, weight| sum + weight);
            sum / if label { all_malicious } else { all_benign }
        };
        let [p90, r90, p95, r95, p97, r97] = {
            let mut both = [0.0; 6];
            for (at, sure) in SURE.into_iter().enumerate() {
                let (recall, wrong) = (of(true, &|score| score.p >= sure), of(false, &|score| score.p >= sure));
                let (right, wrong) = (self.live_prior * recall, (1.0 - self.live_prior) * wrong);
                both[2 * at] = if right + wrong > 0.0 { right / (right + wrong) } else { f64::NAN };
                both[2 * at + 1] = recall;
            }
            both
        };
        let low = |score: &FileScore| score.p <= HARMLESS;
        [
            auc,
            tpr,
            calibrated.brier,
            calibrated.log_loss,
            calibrated.ece,
            by_count,
            p90,
            r90,
            p95,
            r95,
            p97,
            r97,
            of(true, &low),
            of(false, &low),
            of(false, &|score| score.cleared),
            of(true, &|score| score.cleared),
            of(true, &|score| score.accused),
            of(false, &|score| score.accused),
        ]
    }

    fn calibration(&self, weights: &[f64], all_benign: f64, all_malicious: f64) -> CalibrationErrors {
        let mut errors = CalibrationErrors { brier: 0.0, log_loss: 0.0, ece: 0.0 };
        let mut bins = [0.0; BINS];
        for ((malicious, score), weight) in self.malicious.iter().zip(&self.scores).zip(weights) {
            let weight = 0.5 * weight / if *malicious { all_malicious } else { all_benign };
            let truth = f64::from(u8::from(*malicious));
            errors.brier += weight * (score.p - truth).powi(2);
            let clipped = score.p.clamp(CLIP, 1.0 - CLIP);
            errors.log_loss -= weight * if *malicious { clipped.ln() } else { (1.0 - clipped).ln() };
            bins[bin(score.p)] += weight * (score.p - truth);
        }
        errors.ece = bins.iter().map(|difference| difference.abs()).sum();
        errors
    }
}

struct CalibrationErrors {
    brier: f64,
    log_loss: f64,
    ece: f64,
}

/// Which of ten bins of equal width a probability is in.
pub(crate) fn bin(p: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 10")]
    let index = (p.clamp(0.0, 1.0) * BINS as f64) as usize;
    index.min(BINS - 1)
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// The area below the ROC curve, where ties count half, and the most that is found while at most 1 % of the benign files are
/// accused.
fn ranking(benign: &[f64], malicious: &[f64], all_benign: f64, all_malicious: f64) -> (f64, f64) {
    let (mut area, mut below) = (0.0, 0.0);
    for (b, m) in benign.iter().zip(malicious) {
        area += m * (below + b / 2.0);
        below += b;
    }
    let (mut accused, mut found, mut tpr) = (0.0, 0.0, 0.0);
    for (b, m) in benign.iter().zip(malicious).rev() {
        accused += b;
        found += m;
        if accused / all_benign > FALSE_POSITIVES + 1e-12 {
            break;
        }
        tpr = found / all_malicious;
    }
    (area / (all_benign * all_malicious), tpr)
}

/// The calibration error over ten bins that hold as much of the (balanced) files each; files of one probability are in one bin.
fn equal_counts(levels: &[f64], benign: &[f64], malicious: &[f64], all_benign: f64, all_malicious: f64) -> f64 {
    let mut bins = [0.0; BINS];
    let mut below = 0.0;
    for ((p, b), m) in levels.iter().zip(benign).zip(malicious) {
        let (b, m) = (0.5 * b / all_benign, 0.5 * m / all_malicious);
        let middle = below + (b + m) / 2.0;
        below += b + m;
        bins[bin(middle)] += b * p + m * (p - 1.0);
    }
    bins.iter().map(|difference| difference.abs()).sum()
}

#[cfg(test)]
mod tests;
