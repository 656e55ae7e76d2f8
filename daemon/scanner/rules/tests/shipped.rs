//! House rules of the rules we ship. That each hits what its test says is shown where a compiler is at hand.

use std::collections::BTreeSet;
use std::path::PathBuf;

use daemon_rules::{shipped, test_cases};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../rules")
}

/// File, name and text of every rule we ship.
fn rules() -> Vec<(String, String, String)> {
    let mut rules = Vec::new();
    for file in shipped() {
        let text = String::from_utf8(file.text).expect("our rules are text");
        let stem = file.name.strip_suffix(".yar").expect("our rules are *.yar").to_owned();
        for rule in text.split("\nrule ").skip(1) {
            rules.push((stem.clone(), rule.lines().next().unwrap().to_owned(), rule.to_owned()));
        }
    }
    rules
}

/// What `key` is set to in the rule's `meta`.
fn meta<'a>(rule: &'a str, key: &str) -> Option<&'a str> {
    rule.lines().find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix("= "))
}

#[test]
fn there_are_enough_of_them() {
    assert!(rules().len() >= 36);
}

#[test]
fn every_rule_says_what_it_sees_how_much_it_counts_and_where_it_is_from() {
    for (file, name, rule) in rules() {
        let text = |key| meta(&rule, key).unwrap_or_else(|| panic!("{file}: {name} has no {key}")).trim_matches('"');
        assert!(text("description").ends_with('.') && text("description").starts_with(char::is_uppercase), "{name}");
        assert_eq!(text("author"), "stakeout", "{name}");
        assert!(!text("reference").is_empty(), "{name}");
        let weight: f64 = text("weight").parse().expect("a weight is a number");
        assert!((0.1..=8.0).contains(&weight), "{name}");
        // The EICAR test file is no technique of anybody.
        assert!(file == "any/eicar" || text("attack").starts_with('T'), "{name}");
    }
}

/// `logistic(intercept + weight)` is the probability that a file is malicious of which nothing else is known.
#[test]
fn no_rule_without_a_family_makes_a_file_malicious_alone() {
    for (file, name, rule) in rules() {
        let weight: f64 = meta(&rule, "weight").unwrap().parse().unwrap();
        // The calibration of `weights.toml`: -2.2 for PE files, which rules for any file see too; else -2.95.
        let intercept = if file.starts_with("pe/") || file.starts_with("any/") { -2.2 } else { -2.95 };
        let malicious = 1.0 / (1.0 + (-intercept - weight).exp()) >= 0.8;
        assert!(!malicious || meta(&rule, "family").is_some(), "{name} weighs {weight}");
    }
}

#[test]
fn every_rule_has_a_case_that_it_hits_and_every_file_a_near_miss() {
    let cases = test_cases::cases(&[directory()]).unwrap();
    let hit: BTreeSet<_> =
        cases.iter().flat_map(|case| case.hits.iter().map(move |rule| (case.rules.clone(), rule.clone()))).collect();
    let there: BTreeSet<_> = rules().into_iter().map(|(file, name, _)| (file, name)).collect();
    assert_eq!(hit, there);
    for file in there.iter().map(|(file, _)| file) {
        assert!(cases.iter().any(|case| case.rules == *file && case.hits.is_empty()), "{file} has no near miss");
    }
}

#[test]
fn nothing_we_ship_holds_the_eicar_string() {
    let string: Vec<u8> = br"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$".iter().rev().copied().collect();
    for path in [directory().join("any/eicar.yar"), directory().join("any/eicar.test.toml")] {
        let text = std::fs::read(&path).unwrap();
        assert!(!text.windows(string.len()).any(|window| window == string), "{path:?}");
    }
}
