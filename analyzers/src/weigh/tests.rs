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

/// A record of a measured file, and weights with a model that says `margin` of every file.
fn modelled(seen: &[&Indicator], margin: f64) -> (Record, Weights) {
    modelled_with(seen, margin, false)
}

/// `signs`: whether the model needs a sign beside the structure to accuse alone.
fn modelled_with(seen: &[&Indicator], margin: f64, signs: bool) -> (Record, Weights) {
    modelled_by(seen, margin, &format!("\"signs\":{signs}"), "[]")
}

/// `about`: what the indicators' ids begin with that the model knows of.
fn modelled_about(seen: &[&Indicator], margin: f64, about: &str) -> (Record, Weights) {
    modelled_by(seen, margin, "\"signs\":false", about)
}

fn modelled_by(seen: &[&Indicator], margin: f64, signs: &str, about: &str) -> (Record, Weights) {
    use std::sync::{Arc, LazyLock};

    use crate::{Measure, MeasureSet, Measured, Model, Unit};

    static SIZE: Measure = Measure { name: "toy.size", unit: Unit::Bytes, meaning: "Its size.", source: "test" };
    static SIZES: LazyLock<Vec<&'static Measure>> = LazyLock::new(|| vec![&SIZE]);
    let set = MeasureSet::new("other", 1, &SIZES);
    let text = format!(
        r#"{{"version":1,"family":"other","measures_version":1,"made":null,"measures":["toy.size"],"about":{about},"join":{{"intercept":0,
        "model":1,"indicators":0.5,"floor":0.01,"ceiling":0.995,"alone":0.97,{signs},"benign":0.2,"benign_sum":1.6}},
        "trees":[[[{margin}]]]}}"#
    );
    let mut record = record(seen);
    record.measured.push(Measured::new(LayerId::ARTIFACT, set, vec![1.0]).unwrap());
    (record, weights().with_model(Arc::new(Model::parse(&text, &[set]).unwrap())))
}

#[track_caller]
fn check_modelled(seen: &[&Indicator], margin: f64, verdict: Verdict) {
    let (record, weights) = modelled(seen, margin);
    let opinion = weigh(&record, &weights);
    assert_eq!(opinion.verdict, verdict, "{:?}", opinion.testimonies);
}

#[test]
fn a_model_alone_accuses_where_it_is_very_sure_and_suspects_before() {
    check_modelled(&[], 4.0, Verdict::Malicious);
    // p = .953: more than enough for indicators.
    check_modelled(&[], 3.0, Verdict::Suspicious);
    check_modelled(&[], -0.5, Verdict::Unknown);
    check_modelled(&[], -3.0, Verdict::Benign);
}

#[test]
fn a_model_that_needs_signs_accuses_nothing_for_its_structure() {
    // The group is called `structure` here, as `elf.structure` is.
    for (seen, verdict) in [
        (&[][..], Verdict::Suspicious),
        (&[&PACKED], Verdict::Suspicious),
        (&[&SIGNED], Verdict::Suspicious),
        (&[&INJECTS], Verdict::Malicious),
    ] {
        let (record, weights) = modelled_with(seen, 6.0, true);
        assert_eq!(weigh(&record, &weights).verdict, verdict, "{seen:?}");
    }
}

#[test]
fn indicators_accuse_with_less_of_a_model_but_not_against_it() {
    check_modelled(&[&INJECTS], 0.0, Verdict::Malicious);
    check_modelled(&[&INJECTS], -3.0, Verdict::Unknown);
}

#[test]
fn a_model_may_ask_for_more_than_all_files_before_it_accuses() {
    for (asked, verdict) in [("", Verdict::Malicious), ("\"malicious\":0.96,", Verdict::Suspicious)] {
        // p = .80 to .95 by both together.
        let (record, weights) = modelled_by(&[&INJECTS], 0.5, &format!("{asked}\"signs\":false"), "[]");
        let opinion = weigh(&record, &weights);
        assert!((0.8..0.95).contains(&opinion.p_malicious), "{}", opinion.p_malicious);
        assert_eq!(opinion.verdict, verdict);
    }
}

#[test]
fn what_a_model_knows_nothing_of_it_does_not_excuse() {
    for (about, verdict) in [
        // It measures what injects: it may say that this is nothing.
        (r#"["toy.inj"]"#, Verdict::Unknown),
        ("[]", Verdict::Unknown),
        // It measures something else: what injects is judged as if there were no model.
        (r#"["office.source."]"#, Verdict::Malicious),
    ] {
        let (record, weights) = modelled_about(&[&INJECTS], -9.0, about);
        let opinion = weigh(&record, &weights);
        assert_eq!(opinion.verdict, verdict, "{about}: {:?}", opinion.testimonies);
    }
    // Nor does it accuse for what others are calm about.
    let (record, weights) = modelled_about(&[&PACKED], -9.0, r#"["office.source."]"#);
    assert_eq!(weigh(&record, &weights).verdict, Verdict::Benign);
}

#[test]
fn a_model_accuses_nothing_whose_inside_is_hidden() {
    for (hides, verdict) in [(true, Verdict::Unknown), (false, Verdict::Malicious)] {
        let (record, weights) = modelled(&[&PACKED], 5.0);
        let model = weights.model(triage::Family::Other).unwrap().clone();
        let text = WEIGHTS.replacen("{ weight = 1.2,", &format!("{{ hides = {hides}, weight = 1.2,"), 1);
        let weights = Weights::parse(&text, ALL.iter().copied()).unwrap().with_model(std::sync::Arc::new(model));
        assert_eq!(weigh(&record, &weights).verdict, verdict);
    }
    // The same of a part that nobody could account for.
    let (mut record, weights) = modelled(&[], 5.0);
    record.incomplete.push(Incomplete::Unaccounted("overlay@0x400".into()));
    assert_eq!(weigh(&record, &weights).verdict, Verdict::Unknown);
    // Indicators may.
    let (mut record, weights) = modelled(&[&INJECTS], 5.0);
    record.incomplete.push(Incomplete::Unaccounted("overlay@0x400".into()));
    assert_eq!(weigh(&record, &weights).verdict, Verdict::Malicious);
}

#[test]
fn benign_needs_the_model_and_few_signs_and_nothing_that_speaks_for_a_file_buys_it() {
    check_modelled(&[&PACKED], -4.0, Verdict::Benign);
    // Their cap is 1.5, and 1.6 is allowed; more is too much, however calm the model.
    check_modelled(&[&PACKED, &NOISY], -4.0, Verdict::Benign);
    check_modelled(&[&INJECTS], -9.0, Verdict::Unknown);
    // What speaks for it lowers the joined probability, but not what is left without it.
    check_modelled(&[&SIGNED, &KNOWN], -1.0, Verdict::Unknown);
}

#[test]
fn a_rule_that_names_malware_is_not_argued_with() {
    #[derive(Debug)]
    struct AccusingRule;
    impl LoadedWeights for AccusingRule {
        fn of(&self, _: &IndicatorId) -> Option<(f64, Option<&str>)> {
            Some((6.0, None))
        }
        fn accuses(&self, _: &IndicatorId) -> bool {
            true
        }
    }
    let (mut record, weights) = modelled(&[], -6.0);
    let indicator = IndicatorId::loaded("yara.Trojan");
    record.evidence.push(Evidence { indicator, layer: LayerId::ARTIFACT, span: 0..1, detail: Detail::default() });
    let opinion = weigh(&record, &weights.with_loaded("none", std::sync::Arc::new(AccusingRule)));
    assert_eq!(opinion.verdict, Verdict::Malicious);
}

#[test]
fn what_was_not_measured_is_judged_by_its_evidence() {
    let (mut record, weights) = modelled(&[&INJECTS], 9.0);
    record.measured.clear();
    let told = weigh(&record, &weights);
    assert_eq!(told.p_malicious, weigh(&record, &self::weights()).p_malicious);
    assert_eq!(told.testimonies[0].model, None);
}

#[test]
fn what_is_hidden_does_not_decide_beside_what_is_accused() {
    // The artifact hides its inside, which the model is sure about; what was found in it shows an accusing sign.
    let (mut record, weights) = modelled(&[], 5.0);
    record.incomplete.push(Incomplete::Unaccounted("overlay@0x400".into()));
    let inside = record.add_layer(LayerId::ARTIFACT, "inside", Some(FileKind::Data)).unwrap();
    let indicator = INJECTS.id.clone();
    record.evidence.push(Evidence { indicator, layer: inside, span: 0..1, detail: Detail::default() });
    let opinion = weigh(&record, &weights);
    assert_eq!(opinion.verdict, Verdict::Malicious);
    assert_eq!(opinion.deciding().map(|testimony| testimony.subject), Some(inside));
    assert_eq!(opinion.deciding().map(|testimony| testimony.p_malicious), Some(opinion.confidence.get()));
}

#[test]
fn one_of_many_members_accuses_a_program_only_where_that_is_very_sure() {
    let program = triage::triage(&specimens::pe::pe().build());
    for (kind, name, margin, verdict) in [
        // By indicators and model .89, then .99; alone it is .97 that a model must be.
        (program, "overlay@0x400!setup.exe", 0.0, Verdict::Suspicious),
        (program, "overlay@0x400!setup.exe", 3.0, Verdict::Malicious),
        (program, "image@0x400", 0.0, Verdict::Malicious),
        (FileKind::Data, "inner.zip!setup.exe", 0.0, Verdict::Malicious),
    ] {
        let (mut record, weights) = modelled(&[], margin);
        record.layers[0].kind = kind;
        let inside = record.add_layer(LayerId::ARTIFACT, name, Some(FileKind::Data)).unwrap();
        record.measured[0].subject = inside;
        let indicator = INJECTS.id.clone();
        record.evidence.push(Evidence { indicator, layer: inside, span: 0..1, detail: Detail::default() });
        assert_eq!(weigh(&record, &weights).verdict, verdict, "{name} {margin}");
    }
}
