//! A corpus that is made by known weights gives these weights back.

use analyzers::{Budget, Cancel, Detail, Evidence, Limits, Record};
use daemon_base::Sha256Digest;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use triage::FileKind;

use super::*;
use crate::figures::BRIER;

analyzers::indicators! {
    STRONG = "toy.a.strong", "Says more than it is given.", source: "test";
    FAIR = "toy.a.fair", "Says what it is given.", source: "test";
    EMPTY = "toy.a.empty", "Says nothing.", source: "test";
    WRONG = "toy.a.wrong", "Speaks for a file, and is given a weight against it.", source: "test";
    ODD = "toy.a.odd", "Structure that looks telling here.", source: "test";
    RARE = "toy.a.rare", "Nothing shows it.", source: "test";
    CALM = "toy.a.calm", "Costs nothing to have.", source: "test";
}

const WEIGHTS: &str = r#"version = 1
[thresholds]
malicious = 0.8
suspicious = 0.5
benign = 0.2
benign_without_calm = 0.4
[prior]
fitted = 0.5
live = 0.5
[calibration]
pe = { intercept = -2, slope = 1, floor = 0.01, ceiling = 0.99 }
elf = { intercept = -2, slope = 1, floor = 0.01, ceiling = 0.99 }
office = { intercept = -2, slope = 1, floor = 0.01, ceiling = 0.99 }
other = { intercept = -2, slope = 1, floor = 0.01, ceiling = 0.99 }
[groups]
"toy.structure" = { cap = 1.5 }
[indicators]
"toy.a.strong" = { weight = 0.5 }
"toy.a.fair" = { weight = 1.5 }
"toy.a.empty" = { weight = 1.0 }
"toy.a.wrong" = { weight = 0.4 }
"toy.a.odd" = { weight = 1.5, group = "toy.structure" }
"toy.a.rare" = { weight = 2.0 }
"toy.a.calm" = { weight = 0.0 }
"#;

/// How often each is shown, by benign files and by malicious ones.
const SHOWN: [(&analyzers::Indicator, f64, f64); 6] = [
    (&STRONG, 0.05, 0.5),
    (&FAIR, 0.1, 0.33),
    (&EMPTY, 0.3, 0.3),
    (&WRONG, 0.4, 0.2),
    (&ODD, 0.1, 0.7),
    (&CALM, 0.6, 0.1),
];

fn corpus(files: u32, seed: u64) -> Corpus {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut file = |number: u32| {
        let malicious = number % 2 == 1;
        let mut record = Record::new(FileKind::Text, Budget::new(Limits::default(), Cancel::default()));
        for (indicator, benign, bad) in SHOWN {
            let share = if malicious { bad } else { benign };
            if f64::from(chance.next_u32()) < share * f64::from(u32::MAX) {
                let (indicator, layer, detail) = (indicator.id.clone(), LayerId::ARTIFACT, Detail::default());
                record.evidence.push(Evidence { indicator, layer, span: 0..1, detail });
            }
        }
        CorpusFile {
            sha256: Sha256Digest::of(&number.to_le_bytes()),
            malicious,
            source: format!("source {}", number % 4),
            group: number.to_string(),
            kind: "text".to_owned(),
            family: Family::Other,
            unit: number.to_string(),
            program: false,
            hard: false,
            noisy: false,
            record,
            margin: None,
        }
    };
    let mut files: Vec<CorpusFile> = (0..files).map(&mut file).collect();
    files.sort_by_key(|file| file.sha256);
    Corpus { files, unlisted: 0, missing: 0 }
}

fn weights() -> Weights {
    Weights::parse(WEIGHTS, ALL.iter().copied()).unwrap()
}

fn options() -> FittingOptions {
    let spread = Spread { weight: 2.0, ..Spread::default() };
    FittingOptions { draws: Draws { count: 100, seed: 1 }, spread, ..FittingOptions::default() }
}

fn fitted(corpus: &Corpus) -> FittedFamily {
    calibrate(corpus, &weights(), &options()).pop().unwrap()
}

fn fitted_with(spread: Spread, corpus: &Corpus) -> FittedFamily {
    calibrate(corpus, &weights(), &FittingOptions { spread, ..options() }).pop().unwrap()
}

#[test]
fn weights_that_made_the_files_are_found() {
    let family = fitted(&corpus(6_000, 1));
    let slope = family.calibration.indicators[1];
    let after = |id: &str| family.weights.iter().find(|weight| weight.id == id).map(|weight| weight.after);
    let logit = |p: f64| (p / (1.0 - p)).ln();
    for (indicator, benign, malicious) in &SHOWN[..2] {
        let id = indicator.id.as_str();
        let says = slope * after(id).unwrap_or(weights().of(&indicator.id).log_odds.0);
        let wanted = logit(*malicious) - logit(*benign);
        assert!((says - wanted).abs() < 0.3, "{id} says {says}, not {wanted}");
    }
    assert!(after("toy.a.empty").unwrap() * slope < 0.15, "{:?}", family.weights);
    // Against the file or not at all, but never for it.
    assert_eq!(after("toy.a.wrong"), Some(0.0));
    // Structure says no more than it did, however telling it looks here.
    assert!(after("toy.a.odd").is_none_or(|after| after <= 1.5), "{:?}", family.weights);
    // What nobody shows, and what says nothing on purpose, stays.
    assert_eq!((after("toy.a.rare"), after("toy.a.calm")), (None, None));
    assert!(family.is_better(), "{:?}", family.compared);
    let brier = family.compared.0[BRIER];
    assert!(brier[4] < 0.0 && brier[1] < brier[0], "{brier:?}");
}

#[test]
fn the_same_corpus_gives_the_same_numbers() {
    let corpus = corpus(400, 2);
    let (one, other) = (fitted(&corpus), fitted(&corpus));
    let text = |family: &FittedFamily| serde_json::to_string(family).unwrap();
    assert_eq!(text(&one), text(&other));
    let weights = apply(&weights(), std::slice::from_ref(&one));
    for weight in &one.weights {
        assert_eq!(weights.of(&IndicatorId::loaded(&weight.id)).log_odds.0, weight.after);
    }
}

#[test]
fn few_files_move_little() {
    let many = fitted_with(Spread::default(), &corpus(6_000, 3));
    let few = fitted_with(Spread::default(), &corpus(20, 3));
    let moved = |family: &FittedFamily| {
        let weight = family.weights.iter().find(|weight| weight.id == "toy.a.strong");
        weight.map_or(0.0, |weight| (weight.after - weight.before).abs())
    };
    assert!(moved(&few) < 0.5 * moved(&many), "{} {}", moved(&few), moved(&many));
}

#[test]
fn nothing_is_fitted_to_one_label_or_to_noisy_collections_alone() {
    let mut corpus = corpus(40, 4);
    corpus.files.iter_mut().filter(|file| file.malicious).for_each(|file| file.noisy = true);
    assert!(calibrate(&corpus, &weights(), &options()).is_empty());
    corpus.files.retain(|file| !file.malicious);
    assert!(calibrate(&corpus, &weights(), &options()).is_empty());
}

#[test]
fn folds_hold_units_together_and_spread_each_source() {
    let mut corpus = corpus(400, 5);
    corpus.files.iter_mut().for_each(|file| file.unit = format!("{}", file.group.parse::<u32>().unwrap() / 8));
    let files: Vec<&CorpusFile> = corpus.files.iter().collect();
    let fold = folds::folds(&files, 5);
    for (file, other) in files.iter().zip(&fold).flat_map(|one| files.iter().zip(&fold).map(move |other| (one, other)))
    {
        assert!(file.0.unit != other.0.unit || file.1 == other.1);
    }
    for part in 0..5 {
        let held = fold.iter().filter(|fold| **fold == part).count();
        assert!((60..=100).contains(&held), "{held} of 400 files in fold {part}");
    }
}
