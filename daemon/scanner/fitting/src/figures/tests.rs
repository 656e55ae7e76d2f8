//! Wanted values are those of scikit-learn 1.9.1: `roc_auc_score`, `brier_score_loss` and `log_loss` (clipped to .001 and
//! .999, with weights of .5 for each label), `roc_curve(drop_intermediate=False)` for the true positives at 1 %,
//! `precision_score` with weights of .15 and .85, `recall_score`, and `calibration_curve` with its `uniform` and `quantile`
//! bins, weighted by their counts.

use super::*;

fn judged(benign: impl IntoIterator<Item = f64>, malicious: impl IntoIterator<Item = f64>) -> JudgedFiles {
    let score = |p: f64| FileScore { p, accused: p >= 0.8, cleared: p <= 0.2 };
    let benign = benign.into_iter().map(|p| (false, score(p)));
    let malicious = malicious.into_iter().map(|p| (true, score(p)));
    JudgedFiles::new(&benign.chain(malicious).collect::<Vec<_>>(), 0.15)
}

#[track_caller]
fn holds(judged: &JudgedFiles, wanted: &[(&str, f64)]) {
    let figures = judged.figures(&judged.plain());
    for (name, value) in wanted {
        let at = ALL_FIGURES.iter().position(|figure| figure.name == *name).unwrap();
        assert!((figures[at] - value).abs() < 1e-12, "{name}: {} is not {value}", figures[at]);
    }
}

#[test]
fn ties_count_half() {
    let seen = judged(
        [0.05, 0.1, 0.1, 0.2, 0.3, 0.4, 0.4, 0.5, 0.7, 0.9],
        [0.1, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.95, 0.99],
    );
    holds(&seen, &[("auc", 0.8), ("brier", 0.18775499999999998), ("log_loss", 0.5668960466185918)]);
    holds(&seen, &[("malware_to_10", 0.1), ("benign_to_10", 0.3), ("benign_cleared", 0.4), ("malware_accused", 0.5)]);
}

#[test]
fn calibration_errors_and_what_is_found_at_one_percent() {
    let spread = |step: u32, scale: f64, from: f64| {
        (0..100).map(move |number| f64::from(number * step % 100) / 100.0 * scale + from)
    };
    let seen = judged(spread(37, 0.7, 0.0013), spread(53, 0.69, 0.3057));
    holds(
        &seen,
        &[
            ("auc", 0.8382000000000001),
            ("tpr_at_1", 0.44),
            ("brier", 0.1629488425),
            ("log_loss", 0.4836456534070885),
            ("ece", 0.11888400000000002),
            ("ece_by_count", 0.10274000000000001),
        ],
    );
    // `roc_curve` has the same threshold: a malicious file, between the highest benign one and the next.
    assert!((seen.threshold() - 0.6921).abs() < 1e-12, "{}", seen.threshold());
}

/// Of two decimals, as scikit-learn was given them.
fn rounded(p: f64) -> f64 {
    (p * 100.0).round_ties_even() / 100.0
}

#[test]
fn labels_of_other_sizes_weigh_the_same_and_precision_is_that_of_the_stream() {
    let benign = (0..300u32).map(|number| {
        let part = f64::from((number * number * 7 + 3 * number) % 101);
        rounded(part * part / 101.0 / 101.0 * 0.97)
    });
    let malicious =
        (0..70u32).map(|number| rounded(0.15 + f64::from((number * number * 5 + number) % 97) / 97.0 * 0.84));
    holds(
        &judged(benign, malicious),
        &[
            ("auc", 0.7503571428571428),
            ("tpr_at_1", 0.0),
            ("brier", 0.22123409523809526),
            ("log_loss", 0.6240931878927984),
            ("precision_90", 0.2743902439024391),
            ("recall_90", 0.08571428571428572),
            ("precision_95", 0.20134228187919465),
            ("recall_95", 0.02857142857142857),
            ("recall_97", 0.0),
        ],
    );
}

#[test]
fn a_weight_is_a_file_that_stands_there_so_often() {
    let weighted = judged([0.1, 0.4, 0.8], [0.3, 0.9]);
    let repeated = judged([0.1, 0.1, 0.4, 0.8, 0.8, 0.8], [0.3, 0.9, 0.9]);
    let (one, other) = (weighted.figures(&[2.0, 1.0, 3.0, 1.0, 2.0]), repeated.figures(&repeated.plain()));
    for ((figure, one), other) in ALL_FIGURES.iter().zip(one).zip(other) {
        assert!((one - other).abs() < 1e-12 || one.is_nan() && other.is_nan(), "{}: {one} {other}", figure.name);
    }
}

#[test]
fn of_one_label_there_are_no_figures() {
    assert!(judged([0.1], []).figures(&[1.0]).iter().all(|figure| figure.is_nan()));
    assert!(judged([], []).figures(&[]).iter().all(|figure| figure.is_nan()));
    assert_eq!(judged([], []).threshold(), f64::INFINITY);
}

#[test]
fn the_curve_goes_from_corner_to_corner() {
    let curve = judged([0.1, 0.6], [0.6, 0.9]).roc();
    assert_eq!(curve, [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
}
