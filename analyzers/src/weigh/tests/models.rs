//! A model beside the indicators.

use super::*;

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

/// Where most files are malicious, nothing seen is no evidence that a model has to bow to.
#[test]
fn nothing_beside_the_model_does_not_overrule_it() {
    let (record, mut weights) = modelled(&[], -6.0);
    weights.prior_shift = 4.0;
    let opinion = weigh(&record, &weights);
    assert_eq!((opinion.verdict, opinion.p_malicious < 0.2), (Verdict::Benign, true), "{}", opinion.p_malicious);
}

#[test]
fn a_model_of_a_part_suspects_nothing_in_which_nothing_was_seen() {
    let verdict = |seen: &[&Indicator], signs: bool, about: &str| {
        let (record, weights) = modelled_by(seen, 2.0, &format!("\"signs\":{signs}"), about);
        weigh(&record, &weights).verdict
    };
    let part = r#"["toy.writable"]"#;
    assert_eq!(verdict(&[], true, part), Verdict::Unknown);
    assert_eq!(verdict(&[&LISTED], true, part), Verdict::Unknown, "what speaks for a file is no sign");
    assert_eq!(verdict(&[&WRITABLE], true, part), Verdict::Unknown, "how a file is made is no sign");
    assert_eq!(verdict(&[], true, "[]"), Verdict::Suspicious, "a model of whole files");
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

/// A packed program that was unpacked, and what is inside: signs of each, and what a model says of both.
fn unpacked(outside: &[&Indicator], inside: &[&Indicator], margin: f64) -> (Record, Weights) {
    let (mut record, weights) = modelled(outside, margin);
    let model = weights.model(triage::Family::Other).unwrap().clone();
    let text = WEIGHTS.replacen("{ weight = 1.2,", "{ hides = true, weight = 1.2,", 1);
    let text = text.replacen("{ weight = 1.0, group = \"structure\" }", "{ weight = 0.0, opens = true }", 1);
    let weights = Weights::parse(&text, ALL.iter().copied()).unwrap().with_model(std::sync::Arc::new(model));
    let program = record.add_layer(LayerId::ARTIFACT, crate::UNPACKED, Some(FileKind::Data)).unwrap();
    record.layers[1].wanted = true;
    record.evidence.extend(inside.iter().map(|indicator| Evidence {
        indicator: indicator.id.clone(),
        layer: program,
        span: 0..1,
        detail: Detail::default(),
    }));
    let mut measured = record.measured[0].clone();
    measured.subject = program;
    record.measured.push(measured);
    (record, weights)
}

#[track_caller]
fn check_unpacked(outside: &[&Indicator], inside: &[&Indicator], margin: f64, verdict: Verdict) {
    let (record, weights) = unpacked(outside, inside, margin);
    let opinion = weigh(&record, &weights);
    assert_eq!(opinion.verdict, verdict, "{:?}", opinion.testimonies);
}

#[test]
fn what_was_unpacked_is_judged_by_what_is_inside() {
    // `WRITABLE` says here that the packed program was opened; `PACKED` that it is hidden.
    check_unpacked(&[&PACKED, &NOISY], &[], -4.0, Verdict::Unknown);
    check_unpacked(&[&PACKED, &NOISY, &WRITABLE], &[], -4.0, Verdict::Benign);
    check_unpacked(&[&PACKED, &NOISY, &WRITABLE], &[], 5.0, Verdict::Malicious);
    // What is seen in it accuses only where that is as sure as the model must be alone.
    check_unpacked(&[&PACKED, &WRITABLE], &[&INJECTS], 0.0, Verdict::Suspicious);
    check_unpacked(&[&PACKED, &WRITABLE], &[&INJECTS], 3.0, Verdict::Malicious);
    // What the packed program shows itself, beside how it is made, still counts.
    check_unpacked(&[&INJECTS, &WRITABLE], &[], -4.0, Verdict::Malicious);
}

#[test]
fn the_model_says_nothing_of_a_stub_that_was_opened() {
    for (outside, is_asked) in [(&[&PACKED][..], true), (&[&PACKED, &WRITABLE], false)] {
        let (record, weights) = unpacked(outside, &[], 2.0);
        let testimony = &weigh(&record, &weights).testimonies[0];
        assert_eq!((testimony.subject, testimony.model.is_some()), (LayerId::ARTIFACT, is_asked));
    }
    // A model that was trained without the file has no other word on it.
    let (record, weights) = unpacked(&[&PACKED, &WRITABLE], &[], 2.0);
    assert!(weigh_out_of_fold(&record, &weights, 2.0).testimonies[0].model.is_some());
}

#[test]
fn what_was_unpacked_hides_what_the_file_hides_beside_it() {
    let (mut record, weights) = unpacked(&[&PACKED, &WRITABLE], &[], 5.0);
    record.incomplete.push(Incomplete::Unaccounted("overlay@0x400".into()));
    assert_eq!(weigh(&record, &weights).verdict, Verdict::Unknown);
    // Another part of the file hides nothing of that.
    record.layers[1].name = "image@0x400".to_owned();
    assert_eq!(weigh(&record, &weights).verdict, Verdict::Malicious);
}
