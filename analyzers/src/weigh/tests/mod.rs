//! Evidence weighed by toy weights.

mod models;

use proptest::prelude::*;
use triage::FileKind;

use super::*;
use crate::{Budget, Cancel, Detail, Incomplete, Limits, LoadedWeights};

crate::indicators! {
    PACKED = "toy.packed", "Packed.", source: "test";
    NOISY = "toy.noisy", "Noisy.", source: "test";
    WRITABLE = "toy.writable", "Writable.", source: "test";
    INJECTS = "toy.injects", "Injects.", source: "test";
    SIGNED = "toy.signed", "Signed.", source: "test";
    KNOWN = "toy.known", "Known.", source: "test";
    LISTED = "toy.listed", "Listed.", source: "test";
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
        pe = { intercept = -2.0, slope = 1.0, floor = 0.03, ceiling = 0.97 }
        elf = { intercept = -2.0, slope = 1.0, floor = 0.03, ceiling = 0.97 }
        office = { intercept = -2.0, slope = 1.0, floor = 0.03, ceiling = 0.97 }
        other = { intercept = -2.0, slope = 1.0, floor = 0.03, ceiling = 0.97 }
        [groups]
        structure = { cap = 1.5 }
        calm = { cap = 1.2 }
        [indicators]
        "toy.packed" = { weight = 1.2, group = "structure" }
        "toy.noisy" = { weight = 1.1, group = "structure" }
        "toy.writable" = { weight = 1.0, group = "structure" }
        "toy.injects" = { weight = 4.1 }
        "toy.signed" = { weight = -0.7 }
        "toy.known" = { weight = -1.0, group = "calm" }
        "toy.listed" = { weight = -1.0, group = "calm" }
        "#;

fn weights() -> Weights {
    Weights::parse(WEIGHTS, ALL.iter().copied()).unwrap()
}

fn record(seen: &[&Indicator]) -> Record {
    let mut record = Record::new(FileKind::Data, Budget::new(Limits::default(), Cancel::default()));
    record.layers[0].wanted = true;
    record.evidence = seen
        .iter()
        .map(|indicator| Evidence {
            indicator: indicator.id.clone(),
            layer: LayerId::ARTIFACT,
            span: 0..1,
            detail: Detail::default(),
        })
        .collect();
    record
}

use crate::Indicator;

#[track_caller]
fn check(seen: &[&Indicator], verdict: Verdict) {
    assert_eq!(weigh(&record(seen), &weights()).verdict, verdict);
}

#[test]
fn nothing_seen_by_those_who_looked_is_benign() {
    check(&[], Verdict::Benign);
}

#[test]
fn nobody_looked_is_unknown() {
    let mut record = record(&[]);
    record.layers[0].wanted = false;
    let opinion = weigh(&record, &weights());
    assert_eq!((opinion.verdict, opinion.confidence.get(), opinion.p_malicious), (Verdict::Unknown, 0.5, 0.5));
}

#[test]
fn signs_in_what_nobody_vouches_for_may_speak_for_malice_only() {
    for (sign, verdict) in [(&SIGNED, Verdict::Unknown), (&INJECTS, Verdict::Malicious)] {
        let mut record = record(&[sign]);
        record.layers[0].wanted = false;
        assert_eq!(weigh(&record, &weights()).verdict, verdict);
    }
}

#[test]
fn correlated_signs_alone_are_never_malicious() {
    check(&[&PACKED, &NOISY, &WRITABLE], Verdict::Unknown);
}

#[test]
fn what_speaks_for_a_file_is_held_to_the_cap_of_its_group_too() {
    let seen = weigh(&record(&[&KNOWN, &LISTED]), &weights());
    let group = seen.testimonies[0].groups[0];
    assert_eq!((group.plain, group.held), (LogOdds(-2.0), LogOdds(-1.2)));
    assert_eq!(seen.testimonies[0].sum, LogOdds(-1.2));
}

#[test]
fn calm_evidence_does_not_make_a_file_benign_alone() {
    // 1.2 - 2.0 is 0.31 without, and 0.17 with what speaks for it: unknown becomes benign.
    check(&[&PACKED], Verdict::Unknown);
    check(&[&PACKED, &SIGNED], Verdict::Benign);
    // 4.1 - 2.0 is malicious. No more can be had than that it is not called so.
    check(&[&INJECTS], Verdict::Malicious);
    let excused = weigh(&record(&[&INJECTS, &SIGNED, &KNOWN, &LISTED]), &weights());
    assert_eq!(excused.verdict, Verdict::Suspicious);
    // However much speaks for it: 3.2 of signs and 8 of excuses are no benign file.
    let mut generous = weights();
    generous.indicators.get_mut(&SIGNED.id).unwrap().log_odds = LogOdds(-8.0);
    let bought = weigh(&record(&[&INJECTS, &SIGNED]), &generous);
    assert!(bought.p_malicious < 0.05, "{bought:?}");
    assert_eq!(bought.verdict, Verdict::Unknown);
}

#[test]
fn one_vouched_member_does_not_make_its_container_benign() {
    let mut record = record(&[]);
    record.layers[0].wanted = false;
    let child = record.add_layer(LayerId::ARTIFACT, "letter.docx", Some(FileKind::Data)).unwrap();
    record.layers[child.index()].wanted = true;
    assert_eq!(weigh(&record, &weights()).verdict, Verdict::Unknown);
}

#[test]
fn a_family_may_have_a_benign_threshold_of_its_own() {
    let mut weights = weights();
    assert_eq!(weigh(&record(&[&PACKED]), &weights).verdict, Verdict::Unknown);
    weights.calibrations[Family::Other as usize].benign = 0.35;
    assert_eq!(weigh(&record(&[&PACKED]), &weights).verdict, Verdict::Benign);
}

#[test]
fn one_strong_sign_is_malicious() {
    check(&[&INJECTS], Verdict::Malicious);
}

#[test]
fn an_incomplete_record_is_never_benign_but_may_be_malicious() {
    let mut quiet = record(&[&SIGNED]);
    quiet.incomplete.push(Incomplete::Truncated);
    assert_eq!(weigh(&quiet, &weights()).verdict, Verdict::Unknown);
    let mut loud = record(&[&INJECTS]);
    loud.incomplete.push(Incomplete::Truncated);
    assert_eq!(weigh(&loud, &weights()).verdict, Verdict::Malicious);
}

#[test]
fn a_limit_that_only_the_budget_noticed_is_never_benign() {
    let mut record = record(&[]);
    record.budget.exhaust(crate::Limit::Steps);
    assert_eq!(weigh(&record, &weights()).verdict, Verdict::Unknown);
}

#[test]
fn an_artifact_is_as_bad_as_its_worst_subject() {
    let mut record = record(&[&SIGNED]);
    let child = record.add_layer(LayerId::ARTIFACT, "inner", Some(FileKind::Data)).unwrap();
    record.layers[child.index()].wanted = true;
    let mut inner = record.evidence[0].clone();
    inner.layer = child;
    inner.indicator = INJECTS.id.clone();
    record.evidence.push(inner);
    let opinion = weigh(&record, &weights());
    assert_eq!(opinion.verdict, Verdict::Malicious);
    assert_eq!(opinion.deciding().unwrap().subject, child);
}

/// Rules that name malware, and that came twice.
#[derive(Debug)]
struct TestRules;

impl LoadedWeights for TestRules {
    fn of(&self, indicator: &IndicatorId) -> Option<(f64, Option<&str>)> {
        let weight = match indicator.as_str() {
            "yara.a.weak" => 0.1,
            "yara.a.same" => 2.0,
            "yara.b.same" => 3.0,
            "yara.c.same" => 2.5,
            _ => return None,
        };
        Some((weight, None))
    }

    fn accuses(&self, indicator: &IndicatorId) -> bool {
        indicator.as_str() == "yara.a.weak"
    }

    fn twins(&self, indicator: &IndicatorId) -> Option<u32> {
        indicator.as_str().ends_with(".same").then_some(7)
    }
}

fn loaded(ids: &[&str]) -> Opinion {
    let mut record = record(&[&SIGNED]);
    for id in ids {
        let mut seen = record.evidence[0].clone();
        seen.indicator = IndicatorId::loaded(id);
        record.evidence.push(seen);
    }
    weigh(&record, &weights().with_loaded("none", std::sync::Arc::new(TestRules)))
}

#[test]
fn what_a_rule_calls_malware_is_never_benign() {
    assert_eq!(loaded(&[]).verdict, Verdict::Benign);
    assert_eq!(loaded(&["yara.a.other"]).verdict, Verdict::Benign);
    let opinion = loaded(&["yara.a.weak"]);
    assert_eq!((opinion.verdict, opinion.confidence.get()), (Verdict::Unknown, 0.5));
}

#[test]
fn a_rule_that_came_several_times_counts_once() {
    let sum = |ids: &[&str]| loaded(ids).testimonies[0].sum.0;
    let once = sum(&["yara.b.same"]);
    assert!((once - 2.3).abs() < 1e-9, "{once}");
    for ids in [&["yara.a.same", "yara.b.same"][..], &["yara.c.same", "yara.b.same", "yara.a.same"]] {
        assert_eq!(sum(ids), once, "{ids:?}");
    }
    assert!((sum(&["yara.a.same"]) - 1.3).abs() < 1e-9);
}

proptest! {
    #[test]
    fn order_and_repetition_of_evidence_make_no_difference(order in proptest::collection::vec(0..ALL.len(), 0..40)) {
        let seen: Vec<&Indicator> = order.iter().map(|&index| ALL[index]).collect();
        let mut once = seen.clone();
        once.sort_by_key(|indicator| indicator.id.as_str());
        once.dedup();
        let (many, few) = (weigh(&record(&seen), &weights()), weigh(&record(&once), &weights()));
        prop_assert_eq!(many, few);
    }

    #[test]
    fn probabilities_stay_between_floor_and_ceiling(order in proptest::collection::vec(0..ALL.len(), 0..10)) {
        let seen: Vec<&Indicator> = order.iter().map(|&index| ALL[index]).collect();
        let opinion = weigh(&record(&seen), &weights());
        prop_assert!((0.03..=0.97).contains(&opinion.p_malicious));
        prop_assert!((0.0..=1.0).contains(&opinion.confidence.get()));
    }
}
