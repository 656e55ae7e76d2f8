//! Weights as they are read: good ones, and what is said of mistakes.

use super::*;

crate::indicators! {
    ODD = "toy.head.odd", "Odd.", source: "test";
    CALM = "toy.head.calm", "Calm.", source: "test";
}

const GOOD: &str = r#"version = 1
[thresholds]
malicious = 0.8
suspicious = 0.5
benign = 0.2
benign_without_calm = 0.4
[prior]
fitted = 0.5
live = 0.5
[calibration]
pe = { intercept = -2, slope = 1, floor = 0.03, ceiling = 0.97, benign = 0.3 }
elf = { intercept = -2, slope = 1, floor = 0.03, ceiling = 0.97 }
office = { intercept = -2, slope = 1, floor = 0.03, ceiling = 0.97 }
other = { intercept = -2, slope = 1, floor = 0.03, ceiling = 0.97 }
[groups]
head = { cap = 1.5 }
[indicators]
"toy.head.odd" = { weight = 1.25, group = "head" }
"toy.head.calm" = { weight = -0.5 }
"#;

#[track_caller]
fn mistakes(from: &str, to: &str) -> Vec<String> {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "nothing was replaced");
    let error = Weights::parse(&text, ALL.iter().copied()).expect_err("a mistake was made");
    error.mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_file_is_read() {
    let weights = Weights::parse(GOOD, ALL.iter().copied()).unwrap();
    assert_eq!(weights.of(&ODD.id), Weight { log_odds: LogOdds(1.25), group: Some(0), hides: false, opens: false });
    assert_eq!(weights.of(&CALM.id).log_odds, LogOdds(-0.5));
    assert_eq!(weights.calibration(Family::Elf).intercept, -2.0);
    assert_eq!((weights.calibration(Family::Pe).benign, weights.calibration(Family::Elf).benign), (0.3, 0.2));
}

#[test]
fn what_an_indicator_says_of_the_inside_is_read() {
    for (key, expected) in [("hides", (true, false)), ("opens", (false, true))] {
        let text = GOOD.replacen("{ weight = -0.5 }", &format!("{{ weight = -0.5, {key} = true }}"), 1);
        let Weight { hides, opens, .. } = Weights::parse(&text, ALL.iter().copied()).unwrap().of(&CALM.id);
        assert_eq!((hides, opens), expected);
        let seen = mistakes("{ weight = -0.5 }", &format!("{{ weight = -0.5, {key} = 1 }}"));
        assert!(seen[0].contains(&format!("`toy.head.calm.{key}` must be true or false")), "{seen:?}");
    }
}

#[test]
fn benign_is_below_suspicious_in_every_family_with_and_without_calm_terms() {
    for (from, to) in [("benign = 0.3", "benign = 0.5"), ("benign_without_calm = 0.4", "benign_without_calm = 0.5")] {
        let seen = mistakes(from, to);
        assert!(seen.iter().any(|mistake| mistake.contains("below `thresholds.suspicious`")), "{seen:?}");
    }
    let equal = GOOD.replacen("benign_without_calm = 0.4", "benign_without_calm = 0.2", 1);
    assert!(Weights::parse(&equal, ALL.iter().copied()).is_ok());
    let seen = mistakes("benign_without_calm = 0.4", "benign_without_calm = 0.1");
    assert!(seen.iter().any(|mistake| mistake.contains("must not be below `thresholds.benign`")), "{seen:?}");
}

#[test]
fn a_misspelt_indicator_is_named_with_its_place_and_a_suggestion() {
    assert_eq!(
        mistakes("toy.head.calm", "toy.head.clam"),
        [
            "indicator `toy.head.calm` has no weight: add `\"toy.head.calm\" = { weight = 0.0 }` to [indicators]",
            "19:1: unknown indicator `toy.head.clam`: did you mean `toy.head.calm`?",
        ]
    );
}

#[test]
fn an_unknown_group_is_named_with_a_suggestion() {
    assert_eq!(mistakes("group = \"head\"", "group = \"haed\""), ["18:43: unknown group `haed`: did you mean `head`?"]);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = GOOD.replacen("malicious = 0.8", "malicios = 0.8", 1).replacen("1.25", "\"much\"", 1).replacen(
        "slope = 1,",
        "slope = -1,",
        1,
    );
    let error = Weights::parse(&text, ALL.iter().copied()).unwrap_err();
    assert!(error.mistakes.len() >= 4, "{error}");
}

#[test]
fn not_a_number_is_no_weight() {
    for bad in ["nan", "inf", "-inf", "9.0", "true", "0x10"] {
        let seen = mistakes("1.25", bad);
        assert_eq!(seen, ["18:29: the weight of `toy.head.odd` must be a number from -8 to 8"], "{bad}");
    }
}

#[test]
fn the_prior_shifts_by_the_difference_of_log_odds() {
    let text = GOOD.replacen("fitted = 0.5\nlive = 0.5", "fitted = 0.8\nlive = 0.2", 1);
    let weights = Weights::parse(&text, ALL.iter().copied()).unwrap();
    assert!((weights.prior_shift - (0.25_f64.ln() - 4_f64.ln())).abs() < 1e-12, "{}", weights.prior_shift);
}

#[test]
fn a_calibration_rises_and_has_room() {
    for (from, to) in [("slope = 1,", "slope = 0,"), ("floor = 0.03,", "floor = 0.97,")] {
        let seen = mistakes(from, to);
        assert_eq!(seen, ["calibration.pe: the slope must be above 0 and the floor below the ceiling"], "{to}");
    }
}

#[test]
fn keys_that_nobody_reads_are_mistakes() {
    for (from, to) in [
        ("slope = 1,", "slope = 1, slop = 2,"),
        ("cap = 1.5", "cap = 1.5, cups = 1"),
        ("malicious = 0.8", "malicious = 0.8\nmalicios = 0.8"),
        ("weight = -0.5", "weight = -0.5, wieght = 1"),
        ("version = 1", "version = 1\nversoin = 1"),
    ] {
        let seen = mistakes(from, to);
        assert!(seen.len() == 1 && seen[0].contains("unknown key"), "{to}: {seen:?}");
    }
}

#[test]
fn numbers_are_decimal() {
    assert!(mistakes("slope = 1,", "slope = 0x1,")[0].contains("must be a number"));
}

#[test]
fn broken_toml_is_told_with_its_place() {
    assert!(mistakes("[prior]", "[prior")[0].starts_with("7:"));
}

#[test]
fn an_empty_file_is_told_what_it_lacks() {
    let error = Weights::parse("", ALL.iter().copied()).unwrap_err();
    assert!(error.to_string().contains("`version = 1` is missing"), "{error}");
}
