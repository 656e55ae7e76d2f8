use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::{LayerId, Unit};

static TOYS: &[Measure] = &[
    Measure { name: "toy.size", unit: Unit::Bytes, meaning: "Its size.", source: "test" },
    Measure { name: "toy.odd", unit: Unit::Flag, meaning: "Whether it is odd.", source: "test" },
    Measure { name: "look.shine", unit: Unit::Count, meaning: "How it shines.", source: "test" },
];
static ALL: LazyLock<Vec<&'static Measure>> = LazyLock::new(|| TOYS.iter().collect());
const SET: MeasureSet = MeasureSet::new("pe", 3, &ALL);

/// Two trees: small files are suspicious; odd ones that shine are more so.
const GOOD: &str = r#"{"version":1,"family":"pe","measures_version":3,"made":{"by":"hand"},
    "measures":["toy.odd","toy.size","look.shine"],
    "join":{"intercept":-1,"model":1,"indicators":0.5,"floor":0.01,"ceiling":0.99,"alone":0.97,"signs":false,"benign":0.2,"benign_sum":1.5},
    "trees":[
        [[1,100,1,2,0.5],[2],[-1]],
        [[0,0.5,1,2,0],[-0.25],[2,3.5,3,4,0.75],[0.25],[3]]]}"#;

fn measured(values: [f32; 3]) -> Measured {
    Measured::new(LayerId::ARTIFACT, SET, values.to_vec()).unwrap()
}

fn parse(text: &str) -> Result<Model, String> {
    Model::parse(text, &[SET]).map_err(|error| error.to_string())
}

#[test]
fn every_tree_says_one_number_and_their_sum_is_split_among_the_measures() {
    let model = parse(GOOD).unwrap();
    for (values, margin) in
        [([100.0, 0.0, 0.0], 1.75), ([101.0, 0.0, 9.0], -1.25), ([0.0, 1.0, 3.5], 2.25), ([0.0, 1.0, 3.6], 5.0)]
    {
        let told = model.testify(&measured(values)).unwrap();
        assert_eq!(told.margin, margin, "{values:?}");
        let moved: f64 = told.moved.iter().map(|moved| moved.by).sum();
        assert_eq!(told.base + moved, margin);
    }
    let told = model.testify(&measured([0.0, 1.0, 9.0])).unwrap();
    let names: Vec<_> = told.moved.iter().map(|moved| (moved.measure.name, moved.value, moved.by)).collect();
    assert_eq!(names, [("look.shine", 9.0, 2.25), ("toy.size", 0.0, 1.5), ("toy.odd", 1.0, 0.75)]);
    assert_eq!(told.groups(), [("look", 2.25), ("toy", 2.25)]);
}

#[test]
fn measures_of_another_set_are_not_judged() {
    let other = Measured::new(LayerId::ARTIFACT, MeasureSet::new("pe", 4, &ALL), vec![0.0; 3]).unwrap();
    assert_eq!(parse(GOOD).unwrap().testify(&other), None);
}

#[test]
fn what_is_wrong_is_told() {
    for (from, to, expected) in [
        (r#""version":1"#, r#""version":2"#, "of version 2, and this program reads 1"),
        (r#""family":"pe""#, r#""family":"pf""#, "no family of files called \"pf\""),
        (r#""alone":0.97"#, r#""malicious":0.5,"alone":0.97"#, "must be 0.5 < malicious <= ceiling"),
        (r#""alone":0.97"#, r#""malicious":0.995,"alone":0.97"#, "must be 0.5 < malicious <= ceiling"),
        (r#""family":"pe""#, r#""family":"elf""#, "nothing is measured of files of \"elf\""),
        (r#""measures_version":3"#, r#""measures_version":2"#, "asks for version 2 of the measures"),
        ("look.shine", "look.shin", "there is no measure \"look.shin\""),
        (r#""intercept":-1"#, r#""intercept":1e9"#, "join: a number is none, or beyond"),
        (r#""floor""#, r#""bend_sum":{"from":-1,"factor":0.5},"floor""#, "join: bend_sum must have from 0"),
        (r#""floor""#, r#""bend_odds":{"from":1,"factor":1.5},"floor""#, "join: bend_odds must have from 0"),
        (r#""floor""#, r#""bend_odds":{"from":1},"floor""#, "missing field `factor`"),
        (r#""model":1"#, r#""model":0"#, "the factor of the model must be above 0"),
        (r#""ceiling":0.99"#, r#""ceiling":0.9"#, "0 < floor <= benign < 0.5 < alone <= ceiling < 1"),
        (r#""alone":0.97,"#, "", "missing field `alone`"),
        ("[2],[-1]]", "[2],[-1]],[]", "tree 1: it has 0 nodes"),
        ("[1,100,1,2,0.5]", "[1,100,0,2,0.5]", "tree 0: node 0 asks for a measure, or goes to a node"),
        ("[1,100,1,2,0.5]", "[1,100,1,3,0.5]", "tree 0: node 0 asks for a measure, or goes to a node"),
        ("[1,100,1,2,0.5]", "[3,100,1,2,0.5]", "tree 0: node 0 asks for a measure, or goes to a node"),
        ("[1,100,1,2,0.5]", "[1,1e99,1,2,0.5]", "tree 0: node 0 asks for a measure"),
        ("[3]", "[101]", "tree 1: node 4 has no value within 100"),
        ("[3]", "[3,4]", "expected a node: [measure, threshold, left, right, value], or [value]"),
        ("[3]", "[]", "expected a node"),
        ("[1,100,1,2,0.5]", "[1.5,100,1,2,0.5]", "expected a node"),
        ("[1,100,1,2,0.5]", "[1.0,100,1,2,0.5]", "expected a node"),
        ("[1,100,1,2,0.5]", "[-1,100,1,2,0.5]", "expected a node"),
        ("[1,100,1,2,0.5]", "[65537,100,1,2,0.5]", "expected a node"),
        ("[1,100,1,2,0.5]", "[1,100,1,2,0.5,9]", "expected a node"),
        ("[1,100,1,2,0.5]", "[1,100,1,2]", "invalid length 4, expected a node"),
        (r#""made""#, r#""mode""#, "unknown field `mode`"),
        (r#"{"by":"hand"}"#, r#"{"rows":"many"}"#, "expected u64 at line 1"),
        (r#"{"by":"hand"}"#, r#"{"evidence":"a\nb"}"#, "made.evidence is no name of at most 128 characters"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let error = parse(&GOOD.replacen(from, to, 1)).unwrap_err();
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[test]
fn it_names_its_text_and_what_it_was_made_from() {
    let model = parse(&GOOD.replacen(r#""by":"hand""#, r#""rows":9,"malicious":4,"evidence":"0a1b""#, 1)).unwrap();
    let made = ModelSource { evidence: Some("0a1b".to_owned()), rows: Some(9), malicious: Some(4) };
    assert_eq!((model.made(), model.measures()), (&made, &SET));
    let plain = parse(GOOD).unwrap();
    assert_eq!(plain.made(), &ModelSource::default());
    assert_eq!(plain.digest(), Sha256Digest::of(GOOD.as_bytes()));
    assert_ne!(plain.digest(), model.digest());
}

#[test]
fn a_file_may_say_that_a_family_has_no_model_and_says_nothing_else_then() {
    let choice = |text: &str| Model::parse_choice(text, &[SET]).map_err(|error| error.to_string());
    let (family, model) = choice(GOOD).unwrap();
    assert_eq!((family, model.as_ref()), (Family::Pe, Some(&parse(GOOD).unwrap())));
    assert_eq!(choice(r#"{"version":1,"family":"pe","none":true}"#), Ok((Family::Pe, None)));
    for (text, expected) in [
        ("", "EOF while parsing"),
        ("{}", "missing field `version`"),
        (r#"{"version":1,"family":"pe","none":false}"#, "`none` is true where there is no model"),
        (r#"{"version":1,"family":"pe","none":"yes"}"#, "invalid type"),
        (r#"{"version":1,"family":"pe","none":true,"trees":[]}"#, "unknown field `trees`"),
        (r#"{"version":2,"family":"pe","none":true}"#, "of version 2"),
        (r#"{"version":1,"family":"elf","none":true}"#, "nothing is measured of files of \"elf\""),
        (r#"{"version":1,"family":"pie","none":true}"#, "no family of files called \"pie\""),
        (r#"{"version":1,"none":true}"#, "missing field `family`"),
    ] {
        let error = choice(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(choice(&GOOD.replacen("{", r#"{"none":true,"#, 1)).is_err(), "a model and none");
}

#[test]
fn a_model_that_is_cut_off_anywhere_is_none() {
    for end in (0..GOOD.len()).filter(|&end| GOOD.is_char_boundary(end)) {
        assert!(parse(&GOOD[..end]).is_err(), "{end}");
    }
    let deep = "[".repeat(100_000);
    assert!(parse(&GOOD.replacen(r#"{"by":"hand"}"#, &deep, 1)).is_err());
}

#[test]
fn what_is_beyond_a_bend_counts_less() {
    let bends = r#""bend_sum":{"from":2,"factor":0.25},"bend_odds":{"from":1,"factor":0.5},"floor""#;
    let join = *parse(&GOOD.replacen(r#""floor""#, bends, 1)).unwrap().join();
    let straight = *parse(GOOD).unwrap().join();
    // -1 + margin + sum / 2, with what the sum has beyond 2 by a quarter, and of that what is beyond 1 by one half.
    for (margin, sum, expected) in [(0.0, 2.0, 0.0), (0.0, 6.0, 0.5), (1.0, 6.0, 1.25), (-3.0, -4.0, -6.0)] {
        assert_eq!(join.log_odds(margin, sum), expected, "{margin} {sum}");
    }
    assert_eq!(straight.log_odds(1.0, 6.0), 3.0);
    assert_eq!((Bend::slope(join.bend_sum, 2.0), Bend::slope(join.bend_sum, 2.5)), (1.0, 0.25));
    assert_eq!(Bend::slope(None, 9.0), 1.0);
}

proptest! {
    #[test]
    fn any_measures_are_judged_by_any_model_that_was_read(
        values in [-1e6f32..1e6, -1e6..1e6, -1e6..1e6],
        at in 0..GOOD.len(),
        byte in any::<u8>(),
    ) {
        let mut text = GOOD.as_bytes().to_vec();
        text[at] = byte;
        if let Some(model) = std::str::from_utf8(&text).ok().and_then(|text| parse(text).ok())
            && let Some(told) = model.testify(&measured(values))
        {
            let moved: f64 = told.moved.iter().map(|moved| moved.by).sum();
            prop_assert!((told.base + moved - told.margin).abs() < 1e-6 && told.margin.is_finite());
        }
    }
}
