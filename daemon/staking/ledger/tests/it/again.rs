//! Bounties settled again, with the stake that there was and with others.

use daemon_journal::{Ending, Filter, Journal, MemoryJournal, Recall};
use daemon_ledger::{LedgerEntry, Replay, bid_of, counterfactual, counterfactual_saying, request_of};
use daemon_market::{Betting, BidBounds, DefaultStrategy, Nct, Strategy, StrategySettings, Truth, Verdict};

use crate::plausible::{Chance, records};
use crate::story::{TestBounty, archive, entries, record, report};

const RIVALS: &[(&str, &str, &str)] =
    &[("us", "malicious", "1"), ("a", "benign", "0.5"), ("b", "malicious", "0.7"), ("c", "unknown", "0")];

fn won() -> TestBounty {
    // 1 + 0.5 / 1.7 + 2 / 1.7, each rounded down.
    TestBounty { payout: Some("2.470588235294117646"), record: record("us", RIVALS, (2, 1)), ..TestBounty::default() }
}

fn came_to(entry: &LedgerEntry, bid: &str) -> Option<String> {
    counterfactual(entry, Nct::literal(bid)).map(|profit| profit.to_string())
}

#[test]
fn our_own_stake_comes_to_what_was_paid() {
    let entry = won().entry();
    assert_eq!(counterfactual(&entry, entry.staked()), entry.profit());
    assert_eq!(came_to(&entry, "1").as_deref(), Some("1.439338235294117646"));
}

#[test]
fn another_stake_is_settled_with_it_in_the_pool() {
    let entry = won().entry();
    assert_eq!(came_to(&entry, "0").as_deref(), Some("0"), "nothing asserted costs no fee");
    // 0.3 of 1.0 right: 0.3 + 0.15 + 0.6 - 0.3 - 0.03125.
    assert_eq!(came_to(&entry, "0.3").as_deref(), Some("0.71875"));
    // Said the other way round, it is lost.
    let lost = counterfactual_saying(&entry, Verdict::Benign, Nct::literal("0.3"));
    assert_eq!(lost.map(|profit| profit.to_string()).as_deref(), Some("-0.33125"));
    assert_eq!(counterfactual_saying(&entry, Verdict::Suspicious, Nct::literal("0.3")), None);
}

#[test]
fn where_nothing_was_staked_a_stake_is_added() {
    let rivals = record("us", &RIVALS[1..], (2, 1));
    let entry = TestBounty { bid: "0", record: rivals.clone(), ..TestBounty::default() }.entry();
    assert_eq!(came_to(&entry, "0.3").as_deref(), Some("0.71875"));
    // Kept back: it was not among them.
    let entry = TestBounty { ending: Some((Ending::Withheld, 0)), record: rivals, ..TestBounty::default() }.entry();
    assert_eq!(came_to(&entry, "0.3").as_deref(), Some("0.71875"));
}

#[test]
fn what_is_not_told_or_contradicts_itself_is_not_settled_again() {
    let cut = |key: &str| {
        let mut record: serde_json::Value = serde_json::from_str(&won().record).expect("it is JSON");
        record.as_object_mut().expect("an object").remove(key);
        record.to_string()
    };
    for (why, told) in [
        ("not settled", TestBounty { settled: false, ..won() }),
        ("nothing told", TestBounty { record: String::new(), ..won() }),
        ("no contract", TestBounty { record: cut("contract"), ..won() }),
        ("no reward", TestBounty { record: cut("reward"), ..won() }),
        ("no votes", TestBounty { record: cut("votes"), ..won() }),
        ("no assertions", TestBounty { record: cut("assertions"), ..won() }),
        ("we are not told apart", TestBounty { record: cut("engine"), ..won() }),
        ("a stake that is not ours", TestBounty { bid: "0.9", ..won() }),
        ("a payout that is not ours", TestBounty { payout: Some("2.4"), ..won() }),
        ("a truth that nobody voted for", TestBounty { truth: Some(Truth::Benign), payout: None, ..won() }),
        ("a vote without end", TestBounty { record: record("us", RIVALS, (u32::MAX, 1)), ..won() }),
        (
            "an amount without end",
            TestBounty {
                record: record("us", &[("us", "malicious", "1"), ("a", "benign", "340282366920938463463")], (3, 0)),
                payout: None,
                ..won()
            },
        ),
    ] {
        assert_eq!(counterfactual(&told.entry(), Nct::literal("0.5")), None, "{why}");
    }
    // What is never paid to an expert may be untold.
    assert!(counterfactual(&TestBounty { record: cut("bounty_fee"), ..won() }.entry(), Nct::literal("0.5")).is_some());
    assert!(counterfactual(&TestBounty { record: cut("arbiters"), ..won() }.entry(), Nct::literal("0.5")).is_some());
}

#[test]
fn a_strategy_is_asked_what_it_was_asked_and_held_to_the_purse() {
    let entry = won().entry();
    let request = request_of(&entry).expect("there was something to bid on");
    assert_eq!(request.conviction.get(), entry.bet.as_ref().expect("a bet").conviction);
    assert_eq!((request.bounds, request.kind), (BidBounds::default(), "pe32.exe"));
    let max = Strategy::named("max", &StrategySettings::default()).expect("there is one");
    assert_eq!(bid_of(max.as_ref(), &entry), Some(Nct::literal("1")));
    let purse = |amount: &str| {
        let mut entry = entry.clone();
        entry.bet.as_mut().expect("a bet").purse = Nct::literal(amount);
        bid_of(max.as_ref(), &entry)
    };
    assert_eq!(purse("0.3"), Some(Nct::literal("0.3")));
    assert_eq!(purse("0.01"), Some(Nct::ZERO), "the least that is allowed is more");
    assert_eq!(purse("0"), Some(Nct::ZERO));
    let mut incomplete = entry.clone();
    incomplete.bet.as_mut().expect("a bet").complete = false;
    assert_eq!(bid_of(max.as_ref(), &incomplete), Some(Nct::ZERO));
    assert_eq!(bid_of(max.as_ref(), &TestBounty { bet: false, ..TestBounty::default() }.entry()), None);
}

#[test]
fn strategies_are_compared_on_what_was_told_in_full() {
    let report = report(&archive([
        won(),
        TestBounty { id: 2, payout: Some("1.5"), ..TestBounty::default() },
        // It never arrived, and so it would not have with another stake.
        TestBounty {
            id: 3,
            ending: Some((Ending::Expired, 0)),
            record: record("us", &RIVALS[1..], (2, 1)),
            ..TestBounty::default()
        },
    ]));
    let table = &report.strategies;
    assert_eq!((table.compared, table.not_compared), (1, 1));
    assert_eq!(table.rows[0].profit.to_string(), "1.439338235294117646");
    let of =
        |name: &str| table.rows.iter().find(|row| row.name == name).map(|row| (row.staked, row.profit.to_string()));
    assert_eq!(of("max"), Some((Nct::literal("1"), "1.439338235294117646".to_owned())));
    // 0.0625 of 0.7625: 2.5 x 0.0625 / 0.7625 less the fee.
    let (staked, profit) = of("min").expect("it is compared");
    assert_eq!(staked, Nct::literal("0.0625"));
    assert!(profit.starts_with("0.17366803278688524"), "{profit}");
}

#[test]
fn every_payout_of_a_plausible_market_is_reproduced_to_the_unit() {
    let (mut journal, mut chance) = (MemoryJournal::new(), Chance::new(7));
    for n in 0..600 {
        journal.commit(&records(n, &mut chance)).expect("memory takes it");
    }
    let mut reproduced = 0;
    for entry in entries(&journal).iter().filter(|entry| entry.staked() > Nct::ZERO) {
        if let Some(payout) = entry.outcome.as_ref().and_then(|outcome| outcome.payout) {
            let again = counterfactual(entry, entry.staked()).expect("all was told");
            assert_eq!(Some(again), entry.profit(), "{payout} for {:?}", entry.key);
            assert!(Replay::of(entry).is_some());
            reproduced += 1;
        }
    }
    assert!(reproduced > 300, "{reproduced}");
    let mut stories = 0;
    journal.each(&Filter::default(), &mut |_| stories += 1).expect("memory is read");
    assert_eq!(stories, 600);
}

#[test]
fn the_default_strategy_bids_again_what_it_bid() {
    let (mut journal, mut chance) = (MemoryJournal::new(), Chance::new(8));
    for n in 0..300 {
        journal.commit(&records(n, &mut chance)).expect("memory takes it");
    }
    let betting = Betting::new(Box::new(DefaultStrategy), daemon_market::Purse::new(Default::default()));
    for entry in entries(&journal) {
        if let Some(again) = bid_of(betting.strategy.as_ref(), &entry) {
            assert_eq!(again, entry.bid, "{:?}", entry.key);
        }
    }
}
