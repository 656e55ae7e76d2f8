//! Second opinions beside the answers.

use std::collections::BTreeMap;

use daemon_journal::{Journal, MemoryJournal, Shadowed, Write};
use daemon_ledger::{Past, Resampling, ShadowQuestion, ShadowRow, replay, shadows};
use daemon_market::{
    Bet, BidStrategy, BountyId, BountyKey, Nct, Phase, PurseLimits, Strategy, StrategySettings, Timestamp, Verdict,
};

use crate::story::{TestBounty, archive, record};

const RIVALS: &[(&str, &str, &str)] = &[("us", "malicious", "1"), ("a", "benign", "0.5"), ("b", "malicious", "1")];

/// Malicious with a stake of 1, and right: a payout of 2.25.
fn won(id: u64) -> TestBounty {
    let record = record("us", RIVALS, (3, 0));
    TestBounty {
        id,
        hour: i64::try_from(id).unwrap_or_default(),
        payout: Some("2.25"),
        record,
        ..TestBounty::default()
    }
}

/// A second opinion on a bounty, with what the strategy would have been asked.
fn opinion(journal: &mut MemoryJournal, id: u64, verdict: Verdict, artifacts: u32, generation: &str) {
    let key = BountyKey { id: BountyId::new(&id.to_string()), phase: Phase::Assertion };
    let decided = matches!(verdict, Verdict::Malicious | Verdict::Benign);
    let bet = decided.then(|| {
        let entry = won(id).entry();
        Bet { verdict, purse: Nct::ZERO, wanted: Nct::ZERO, ..entry.bet.expect("it has one") }.to_json()
    });
    let shadowed = Shadowed {
        key,
        artifact: 0,
        artifacts,
        at: Timestamp::from_micros(i64::try_from(id).unwrap_or_default()),
        verdict,
        confidence: 0.9,
        kind: "pe32.exe".to_owned(),
        generation: generation.to_owned(),
        bet: bet.unwrap_or_default(),
    };
    journal.commit(&[Write::Shadow(shadowed)]).expect("memory takes it");
}

fn rows(journal: &MemoryJournal, since: Option<Timestamp>) -> Vec<ShadowRow> {
    // Whoever decided then wanted as much as there may be.
    let max = Strategy::named("max", &StrategySettings::default()).expect("there is one");
    let strategies: BTreeMap<String, Box<dyn BidStrategy>> = [("default".to_owned(), max)].into();
    let past = Past::read(journal).expect("memory is read");
    let question = ShadowQuestion {
        strategies: &strategies,
        limits: PurseLimits::default(),
        fee: Nct::literal("0.03125"),
        since,
        until: None,
        resampling: Resampling::default(),
    };
    shadows(&past, &question)
}

#[test]
fn each_set_is_compared_on_what_it_judged_and_on_nothing_else() {
    let mut journal = archive((1..=6).map(won));
    opinion(&mut journal, 1, Verdict::Malicious, 1, "s1");
    opinion(&mut journal, 2, Verdict::Benign, 1, "s1");
    opinion(&mut journal, 3, Verdict::Unknown, 1, "s1");
    opinion(&mut journal, 4, Verdict::Benign, 2, "s1");
    opinion(&mut journal, 5, Verdict::Malicious, 1, "s2");
    let rows = rows(&journal, None);
    let counts: Vec<_> =
        rows.iter().map(|row| (row.generation.as_str(), row.bounties, row.differ, row.settled)).collect();
    assert_eq!(counts, [("s1", 3, 2, 3), ("s2", 1, 0, 1)], "one of several artifacts is not compared");
    let first = &rows[0];
    assert_eq!((first.live.right, first.live.wrong, first.live.undecided), (3, 0, 0));
    assert_eq!((first.shadow.right, first.shadow.wrong, first.shadow.undecided), (1, 1, 1));
    assert_eq!((first.compared, first.live_bids.bets, first.shadow_bids.bets), (3, 3, 2));
    // Live: three times 2.25 less 1 less the fee. The shadow: once that, once a stake of 1 and a fee lost, once nothing.
    assert_eq!(first.live_bids.profit.to_string(), "3.65625");
    assert_eq!(first.shadow_bids.profit.to_string(), "0.1875");
    assert_eq!(first.difference.to_string(), "-3.46875");
    let (low, high) = first.mean_low.zip(first.mean_high).expect("there are bounties");
    assert!(low < high && high.to_string() == "0", "{low} {high}");
    assert_eq!(rows[1].difference.to_string(), "0");
    assert_eq!((rows[1].first, rows[1].last), (5, 5));
}

#[test]
fn second_opinions_move_no_sum_and_only_the_period_counts() {
    let bare = archive((1..=4).map(won));
    let mut journal = bare.clone();
    for id in 1..=4 {
        opinion(&mut journal, id, Verdict::Benign, 1, "s1");
    }
    let mut told = crate::story::report(&journal);
    assert_eq!(std::mem::take(&mut told.shadowed), 4);
    assert_eq!(crate::story::report(&bare), told);
    let after = Timestamp::from_micros(3 * 3_600 * 1_000_000);
    assert_eq!(rows(&journal, Some(after)).iter().map(|row| row.bounties).collect::<Vec<_>>(), [2]);
    assert_eq!(rows(&bare, None), []);
    // A replay of what was done knows nothing of them.
    let [with, without] = [&journal, &bare].map(|journal| {
        let past = Past::read(journal).expect("memory is read");
        let strategies = BTreeMap::new();
        let way = daemon_ledger::Way {
            bidder: daemon_ledger::Bidder::AsThen(&strategies),
            limits: PurseLimits::default(),
            fee: Nct::ZERO,
            anew: None,
            until: None,
        };
        replay(&past, &way)
    });
    assert_eq!(with, without);
}
