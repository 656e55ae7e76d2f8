//! Programs packed by UPX, through the whole engine with the rules and models that we ship.

use analyzers::Verdict;
use daemon_engine::{Analyzers, Cancel, Limits, Report, RuleSet, assemble, examine};
use specimens::elf::{self, R, X, elf};
use specimens::pe;
use specimens::upx::upx;

use crate::verdicts::{BOT_WORDS, report};

fn report_within(bytes: &[u8], limits: Limits) -> Report {
    let rules = RuleSet::embedded();
    let mut analyzers: Analyzers<'_> = assemble(&rules);
    examine(bytes, &mut analyzers, &limits, &Cancel::default())
}

/// Ids of what was seen in the layer of this name.
fn seen_in<'r>(report: &'r Report, layer: &str) -> Vec<&'r str> {
    let is_there = |seen: &&analyzers::Evidence| report.layers[seen.layer.index()].name == layer;
    report.evidence.iter().filter(is_there).map(|seen| seen.indicator.as_str()).collect()
}

#[test]
fn what_a_packed_program_does_is_seen_inside_of_it() {
    let bot = elf().load(R | X, vec![0x90; 4_096]).strings(BOT_WORDS).build();
    for (program, sign) in [(pe::injector().build(), "pe.import.injection_set"), (bot, "elf.string.flood_vocabulary")] {
        let plain = report(&program);
        assert!(seen_in(&plain, "").contains(&sign), "{:?}", seen_in(&plain, ""));
        let packed = upx(&program);
        for packed in [packed.clone(), packed.clone().method(8), packed.mark(*b"LSD!")] {
            let report = report(&packed.build());
            assert!(seen_in(&report, "").contains(&"packed.upx.opened"), "{:?}", report.evidence);
            assert!(seen_in(&report, "unpacked").contains(&sign), "{:?}", report.evidence);
            assert_eq!(report.opinion.verdict, Verdict::Malicious, "{:?}", report.opinion);
        }
    }
}

#[test]
fn a_packed_program_in_which_nothing_is_seen_is_benign() {
    for program in [elf::tool().build(), pe::ordinary().build()] {
        assert_eq!(report(&program).opinion.verdict, Verdict::Benign);
        let report = report(&upx(&program).build());
        assert_eq!(report.opinion.verdict, Verdict::Benign, "{:?} {:?}", report.opinion, report.incomplete);
    }
}

#[test]
fn a_packed_program_whose_marks_were_changed_is_not_benign() {
    for program in [elf::tool().build(), pe::ordinary().build()] {
        let report = report(&upx(&program).mark(*b"ABCD").build());
        assert_eq!(report.opinion.verdict, Verdict::Unknown, "{:?}", report.opinion);
        assert!(report.incomplete.is_empty(), "{:?}", report.incomplete);
    }
}

#[test]
fn what_was_not_unpacked_whole_is_never_benign() {
    let tight = Limits { stream_bytes_max: 1_000, ..Limits::default() };
    for program in [elf::tool().build(), pe::ordinary().build()] {
        let packed = upx(&program).build();
        let mut half = packed[..packed.len() / 2].to_vec();
        for (bytes, limits) in [
            (half.as_slice(), Limits::default()),
            (&packed[..packed.len() - 2_500], Limits::default()),
            (&upx(&program).unpacker(60_000).build(), Limits::default()),
            (&upx(&program).filter(0x36).build(), Limits::default()),
            (&packed, tight),
            (&packed, Limits { depth_max: 0, ..Limits::default() }),
            (&packed, Limits { entries_max: 0, ..Limits::default() }),
            (&[packed.as_slice(), &pe::noise(40_000)].concat(), Limits::default()),
        ] {
            let report = report_within(bytes, limits);
            let verdict = report.opinion.verdict;
            assert!(verdict != Verdict::Benign && verdict != Verdict::Malicious, "{verdict:?} {:?}", report.evidence);
            assert!(!report.incomplete.is_empty());
        }
        half.truncate(3_000);
        assert_ne!(report(&half).opinion.verdict, Verdict::Benign);
    }
}

#[test]
fn packing_again_and_again_ends_at_the_depth() {
    let mut program = elf::tool().build();
    for _ in 0..12 {
        program = upx(&program).build();
    }
    let report = report(&program);
    assert_ne!(report.opinion.verdict, Verdict::Benign);
    assert!(report.incomplete.iter().any(|why| why.to_string() == "limit.depth"), "{:?}", report.incomplete);
}
