//! What a hit says.

use analyzers::{IndicatorId, LoadedWeights};

use crate::{MIXED, evidence, hits, left, library};

#[test]
fn a_hit_says_where_and_what() {
    let library = library(MIXED);
    let seen = evidence(&library, b"MZ \"evil\" \x01 evil");
    let evil = seen.iter().find(|evidence| evidence.indicator.as_str() == "yara.any.mixed.pe_evil").unwrap();
    assert_eq!((evil.span.clone(), evil.detail.as_str()), (4..8, "$a \"evil\""));
    let indicator = library.indicator(library.position(&evil.indicator).unwrap()).unwrap();
    assert_eq!(indicator.id, evil.indicator);
    assert_eq!((&*indicator.meaning, &*indicator.source), ("Is evil.", "any/mixed.yar, by me"));
    assert_eq!(library.of(&evil.indicator), Some((2.0, None)));
    assert_eq!(library.of(&IndicatorId::new("yara.any.mixed.none")), None);
}

#[test]
fn a_rule_of_a_folder_speaks_of_no_other_files() {
    let rule = r#"rule evil { strings: $a = "evil" condition: $a }"#;
    let library = library(&[("pe/a.yar", rule), ("elf/a.yar", rule), ("office/a.yar", rule), ("any/a.yar", rule)]);
    let with_evil = |host: Vec<u8>| hits(&library, &[host, b"evil".to_vec()].concat());
    assert_eq!(with_evil(specimens::pe::pe().build()), ["yara.any.a.evil", "yara.pe.a.evil"]);
    assert_eq!(with_evil(specimens::elf::elf().build()), ["yara.any.a.evil", "yara.elf.a.evil"]);
    assert_eq!(with_evil(b"{\\rtf1 ".to_vec()), ["yara.any.a.evil", "yara.office.a.evil"]);
    assert_eq!(with_evil(b"MZ no image ".to_vec()), ["yara.any.a.evil"]);
}

#[test]
fn every_ending_of_a_rule_file_is_left_out_of_its_namespace() {
    let rule = "rule a { condition: true }";
    let names = ["a/one.yar", "a/two.YARA", "a/three.rule", "a/four.Rules"];
    let sources: Vec<_> = names.iter().map(|&name| (name, rule)).collect();
    assert_eq!(left(&sources), ["yara.a.four.a", "yara.a.one.a", "yara.a.three.a", "yara.a.two.a"]);
}

#[test]
fn the_same_rule_in_several_files_is_one() {
    let rule = |name: &str, meta: &str| format!("rule {name} {{ meta: {meta} strings: $a = \"evil\" condition: $a }}");
    let library = library(&[
        ("a.yar", &rule("one", "score = 60")),
        ("b.yar", &rule("one", "score = 75").replace(" strings", "\n  // a comment\n  strings")),
        ("c.yar", &rule("renamed", "score = 70")),
        ("d.yar", "rule one { strings: $x = \"evi\" condition: $x }"),
        ("e.yar", "rule other { strings: $a = \"evil\" condition: #a > 0 }"),
    ]);
    let twins: Vec<_> = library.rules().iter().map(|rule| (rule.id.as_str(), rule.twins.is_some())).collect();
    let expected = [
        ("yara.a.one", true),
        ("yara.b.one", true),
        ("yara.c.renamed", true),
        ("yara.d.one", true),
        ("yara.e.other", false),
    ];
    assert_eq!(twins, expected);
    // All of them hit and are told; which counts is settled where evidence is weighed.
    assert_eq!(hits(&library, b"evil").len(), 5);
    let ids: Vec<_> = library.rules().iter().map(|rule| IndicatorId::loaded(&rule.id)).collect();
    assert!(ids[..4].iter().all(|id| LoadedWeights::twins(&library, id) == LoadedWeights::twins(&library, &ids[0])));
}

#[test]
fn utilities_are_hints_and_rules_that_name_malware_accuse() {
    let library = library(&[
        ("utils/domain.yar", "rule domain { strings: $a = /[a-z]+\\.[a-z]+/ condition: $a }"),
        ("malware/foo.yar", "rule foo { strings: $a = \"evil\" condition: $a }"),
        ("x.yar", "rule bar { meta: tc_detection_name = \"Bar\" tc_detection_factor = 5 condition: true }"),
    ]);
    let of = |id: &str| {
        let id = IndicatorId::loaded(id);
        (LoadedWeights::of(&library, &id).unwrap(), LoadedWeights::accuses(&library, &id))
    };
    assert_eq!(of("yara.utils.domain.domain"), ((0.3, Some("yara.hint")), false));
    assert_eq!(of("yara.malware.foo.foo"), ((2.0, Some("yara.unmeasured")), true));
    assert_eq!(of("yara.x.bar"), ((3.5, None), true));
}
