//! Sums of bounties made by hand, to the unit.

use daemon_journal::Ending;
use daemon_ledger::{Grouping, LedgerReport, Sums};
use daemon_market::{Nct, Truth, Verdict};

use crate::story::{TestBounty, archive, record, report};

/// Four bets of which one is open, one won nobody knows what, one lost, one won; and one answer without a stake.
fn some() -> LedgerReport {
    let told = TestBounty::default();
    report(&archive([
        TestBounty {
            id: 1,
            payout: Some("1.5"),
            family: "Emotet",
            indicators: &["yara.pe/a.B", "pe.x.y"],
            ..told.clone()
        },
        TestBounty { id: 2, hour: 1, truth: Some(Truth::Benign), bid: "0.5", ..told.clone() },
        TestBounty { id: 3, hour: 25, bid: "0.25", said: Verdict::Benign, truth: Some(Truth::Benign), ..told.clone() },
        TestBounty { id: 4, hour: 26, settled: false, kind: "text", ..told.clone() },
        TestBounty { id: 5, hour: 27, bid: "0", q: 0.6, truth: Some(Truth::Benign), ..told },
    ]))
}

fn group<'r>(report: &'r LedgerReport, by: Grouping, name: &str) -> &'r Sums {
    let table = report.by.iter().find(|table| table.by == by).expect("it was asked for");
    &table.groups.iter().find(|group| group.name == name).expect("there is such a group").sums
}

#[test]
fn profit_includes_fees_and_leaves_out_what_nobody_told() {
    let report = some();
    let sums = &report.total.sums;
    assert_eq!((sums.bounties, sums.bets, sums.open, sums.won, sums.lost, sums.unknown), (5, 4, 1, 2, 1, 1));
    assert_eq!(sums.staked, Nct::literal("2.75"));
    assert_eq!(sums.reckoned, Nct::literal("1.5"));
    // 1.5 - 1 - 0.03125, and -0.5 - 0.03125.
    assert_eq!(sums.profit.to_string(), "-0.0625");
    // With half of 0.25 that was won by assumption, less the fee.
    assert_eq!(sums.estimated.to_string(), "0.03125");
    assert_eq!(report.fees, Nct::literal("0.0625"));
    let back = report.total.return_on_stake.expect("something was staked");
    assert!((back + 0.0625 / 1.5).abs() < 1e-12, "{back}");
}

#[test]
fn bounties_are_grouped_by_what_is_asked() {
    let report = some();
    assert_eq!(group(&report, Grouping::Day, "1970-01-01").bounties, 2);
    assert_eq!(group(&report, Grouping::Day, "1970-01-02").bounties, 3);
    assert_eq!(group(&report, Grouping::Kind, "text").open, 1);
    // What was softened for want of a stake stands with what was to be said.
    assert_eq!(group(&report, Grouping::Verdict, "malicious").bounties, 4);
    assert_eq!(group(&report, Grouping::Strategy, "default").bets, 4);
    assert_eq!(group(&report, Grouping::Family, "Emotet").profit.to_string(), "0.46875");
    assert_eq!(group(&report, Grouping::Family, "(none)").bounties, 4);
    assert_eq!(group(&report, Grouping::Rule, "yara.pe/a.B").bets, 1);
    assert_eq!(group(&report, Grouping::Rule, "(none)").bounties, 4);
    assert_eq!(group(&report, Grouping::Indicator, "pe.x.y").profit.to_string(), "0.46875");
}

#[test]
fn an_answer_that_never_arrived_staked_nothing() {
    for (ending, staked) in [
        (Some((Ending::Sent { status: 200 }, 1)), "1"),
        (Some((Ending::Expired, 0)), "0"),
        (Some((Ending::Expired, 1)), "1"),
        (Some((Ending::Refused { status: 400 }, 1)), "0"),
        (Some((Ending::Withheld, 0)), "0"),
        (None, "1"),
    ] {
        let entry = TestBounty { ending, truth: Some(Truth::Benign), ..TestBounty::default() }.entry();
        assert_eq!(entry.staked(), Nct::literal(staked), "{ending:?}");
        let profit = if staked == "1" { "-1.03125" } else { "0" };
        assert_eq!(entry.profit().map(|profit| profit.to_string()).as_deref(), Some(profit), "{ending:?}");
    }
}

#[test]
fn calibration_is_of_all_answers_whose_truth_is_known_staked_on_or_not() {
    let calibration = some().calibration;
    // q 0.9 right, 0.9 wrong, 0.9 right, 0.6 wrong.
    assert_eq!((calibration.overall.count, calibration.overall.right), (4, 2));
    let brier = calibration.overall.brier.expect("there are answers");
    assert!((brier - (0.01 + 0.81 + 0.01 + 0.36) / 4.0).abs() < 1e-12, "{brier}");
    assert_eq!(calibration.by_kind.len(), 1);
}

#[test]
fn told_nonsense_is_counted_and_in_no_sum() {
    let told = TestBounty { payout: Some("170141183460469231731"), ..TestBounty::default() };
    let report = report(&archive([told.clone(), TestBounty { id: 2, ..told.clone() }, TestBounty { id: 3, ..told }]));
    assert_eq!(report.total.sums.unknown, 3);
    assert_eq!(report.total.sums.profit.to_string(), "0");
    assert_eq!(report.total.sums.reckoned, Nct::ZERO);
}

#[test]
fn rivals_are_ranked_and_we_are_among_them() {
    let record = record("us", &[("us", "malicious", "1"), ("a", "benign", "0.5"), ("b", "malicious", "1")], (3, 0));
    // Of 0.5 lost and 2 rewarded each of the two right ones gets half.
    let report = report(&archive([TestBounty { payout: Some("2.25"), record, ..TestBounty::default() }]));
    let rivals = &report.rivals;
    assert_eq!(rivals.bounties, 1);
    let seen: Vec<(&str, bool, u64, u64, String)> = rivals
        .engines
        .iter()
        .map(|row| (row.engine.as_str(), row.ours, row.right, row.wrong, row.profit.to_string()))
        .collect();
    assert_eq!(
        seen,
        [
            ("b", false, 1, 0, "1.21875".to_owned()),
            ("us", true, 1, 0, "1.21875".to_owned()),
            ("a", false, 0, 1, "-0.53125".to_owned()),
        ]
    );
}

#[test]
fn misses_and_coverage_are_counted() {
    let told = TestBounty::default();
    let report = report(&archive([
        told.clone(),
        TestBounty { id: 2, ending: Some((Ending::Expired, 0)), ..told.clone() },
        TestBounty { id: 3, ending: Some((Ending::Refused { status: 410 }, 1)), ..told.clone() },
        TestBounty { id: 4, ending: None, said: Verdict::Unknown, bid: "0", bet: false, ..told },
    ]));
    let misses = report.misses;
    assert_eq!((misses.bounties, misses.sent, misses.expired, misses.refused, misses.pending), (4, 1, 1, 1, 1));
    assert_eq!(report.coverage.asserted, Some(0.25));
    assert_eq!(report.coverage.unknown, Some(0.25));
    assert_eq!(report.latency.p50_us, Some(2_000_000));
}

#[test]
fn without_outcomes_the_report_says_how_to_import_them() {
    let report = report(&archive([TestBounty { settled: false, ..TestBounty::default() }]));
    assert!(report.missing.iter().any(|text| text.contains("stakeout outcomes import")), "{:?}", report.missing);
    assert_eq!(report.calibration.overall.brier, None);
}
