//! What holds for all archives.

use daemon_journal::{Journal, MemoryJournal};
use daemon_ledger::{LedgerReport, Sums};
use daemon_market::{Nct, Profit};
use proptest::prelude::*;

use crate::plausible::{Chance, records};
use crate::story::{entries, report};

fn filled(seed: u64, count: u64) -> (MemoryJournal, LedgerReport) {
    let (mut journal, mut chance) = (MemoryJournal::new(), Chance::new(seed));
    for n in 0..count {
        journal.commit(&records(n, &mut chance)).expect("memory takes it");
    }
    let report = report(&journal);
    (journal, report)
}

fn plus(a: &Sums, b: &Sums) -> Sums {
    Sums {
        bounties: a.bounties + b.bounties,
        bets: a.bets + b.bets,
        open: a.open + b.open,
        won: a.won + b.won,
        lost: a.lost + b.lost,
        unknown: a.unknown + b.unknown,
        staked: a.staked.checked_add(b.staked).expect("it fits"),
        reckoned: a.reckoned.checked_add(b.reckoned).expect("it fits"),
        profit: a.profit.checked_add(b.profit).expect("it fits"),
        estimated: a.estimated.checked_add(b.estimated).expect("it fits"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn groups_sum_up_to_the_whole(seed: u64, count in 0u64..150) {
        let (_, report) = filled(seed, count);
        for table in &report.by {
            let sum = table.groups.iter().fold(Sums::default(), |sum, group| plus(&sum, &group.sums));
            if table.by.parts() {
                prop_assert_eq!(&sum, &report.total.sums, "{}", table.by.name());
            } else {
                prop_assert!(sum.bounties >= report.total.sums.bounties);
            }
        }
    }

    #[test]
    fn the_profit_is_the_sum_of_settlements(seed: u64, count in 0u64..150) {
        let (journal, report) = filled(seed, count);
        let (mut profit, mut staked) = (Profit::ZERO, Nct::ZERO);
        for entry in entries(&journal) {
            let Some(outcome) = &entry.outcome else { continue };
            // By hand: what came in, less what was paid.
            let paid = entry.staked().checked_add(entry.fee()).expect("it fits");
            let lost = outcome.bears_out(entry.verdict) == Some(false);
            if entry.staked() > Nct::ZERO && (outcome.payout.is_some() || lost) {
                let gain = Profit::of(outcome.payout.unwrap_or(Nct::ZERO), paid).expect("it fits");
                profit = profit.checked_add(gain).expect("it fits");
                staked = staked.checked_add(entry.staked()).expect("it fits");
            }
        }
        prop_assert_eq!(report.total.sums.profit, profit);
        prop_assert_eq!(report.total.sums.reckoned, staked);
        prop_assert_eq!(report.course.last().map_or(Profit::ZERO, |moment| moment.profits[0]), profit);
    }

    #[test]
    fn bets_are_open_known_or_unknown(seed: u64, count in 0u64..150) {
        let (_, report) = filled(seed, count);
        let sums = &report.total.sums;
        prop_assert!(sums.open + sums.won + sums.lost <= sums.bets);
        let misses = &report.misses;
        prop_assert_eq!(misses.bounties, count);
        prop_assert_eq!(misses.sent + misses.expired + misses.refused + misses.withheld + misses.pending, count);
        let told: u64 = report.calibration.overall.bins.iter().map(|bin| bin.count).sum();
        prop_assert_eq!(told, report.calibration.overall.count);
        let by_kind: u64 = report.calibration.by_kind.iter().map(|kind| kind.row.count).sum();
        prop_assert_eq!(by_kind, report.calibration.overall.count);
    }
}

#[test]
fn the_same_archive_gives_the_same_report() {
    assert_eq!(filled(3, 200).1, filled(3, 200).1);
}
