//! What every strategy keeps to, whatever it is asked.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its numbers are its own, and small")]

use proptest::prelude::*;
use proptest::strategy::Strategy as Making;

use super::{named, request, settings};
use crate::bid::{BidBounds, BidRequest, Conviction, STRATEGIES, Strategy, StrategySettings, kelly};
use crate::{Nct, Verdict};

const KINDS: [&str; 4] = ["pe32+.dll", "pe32.exe", "elf64", ""];
const VERDICTS: [Verdict; 4] = [Verdict::Malicious, Verdict::Benign, Verdict::Suspicious, Verdict::Unknown];

fn amount() -> impl Making<Value = u128> {
    prop_oneof![any::<u128>(), 0u128..4, Just(u128::MAX), any::<u64>().prop_map(u128::from)]
}

pub(super) fn number() -> impl Making<Value = f64> {
    prop_oneof![any::<f64>(), -0.5f64..1.5, Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(1.0)]
}

proptest! {
    #[test]
    fn a_bid_is_within_its_bounds_and_the_same_again(
        q in number(),
        ratio in number(),
        (kind, verdict) in (0usize..4, 0usize..4),
        evidence in proptest::collection::vec("[a-z]{1,5}", 0..4),
        (a, b, same) in (amount(), amount(), any::<bool>()),
        (reward, fee, purse, balance) in (amount(), amount(), amount(), amount()),
    ) {
        let units = Nct::from_base_units;
        let bounds = BidBounds { min: units(a), max: units(if same { a } else { b }) };
        let told = BidRequest {
            conviction: Conviction::from_probability(q),
            verdict: VERDICTS[verdict],
            kind: KINDS[kind],
            evidence: &evidence,
            bounds,
            reward: units(reward),
            fee: units(fee),
            purse: units(purse),
            balance: units(balance),
            ratio,
            ..request(q)
        };
        for (name, _) in STRATEGIES {
            let bid = named(name).bid(&told);
            if let Ok(bid) = &bid {
                prop_assert!(bounds.min <= *bid && *bid <= bounds.max, "{name}: {bid:?}");
            }
            prop_assert_eq!(named(name).bid(&told), bid, "{}", name);
        }
    }

    #[test]
    fn only_what_may_abstain_abstains(q in number(), a in amount(), b in amount()) {
        let bounds = BidBounds { min: Nct::from_base_units(a.min(b)), max: Nct::from_base_units(a.max(b)) };
        for (name, _) in STRATEGIES {
            if !["threshold", "kelly", "table", "expression"].contains(name) {
                prop_assert!(named(name).bid(&BidRequest { bounds, ..request(q) }).is_ok(), "{name}");
            }
        }
    }

    #[test]
    fn kelly_expects_profit_and_rises_with_certainty(
        (p, q) in (0.0f64..=1.0, 0.0f64..=1.0),
        ratio in 0.01f64..20.0,
        (min, max, fee) in (0u128..1 << 70, 0u128..1 << 70, 0u128..1 << 55),
        (purse, balance) in (0u128..1 << 72, 0u128..1 << 72),
        part in 0.01f64..=1.0,
    ) {
        let units = Nct::from_base_units;
        let bounds = BidBounds { min: units(min.min(max)), max: units(min.max(max)) };
        let kelly = Strategy::named("kelly", &StrategySettings { kelly_fraction: part, ..settings() }).unwrap();
        let at = |q| BidRequest {
            bounds, fee: units(fee), purse: units(purse), balance: units(balance), ratio, ..request(q)
        };
        let unsure = kelly.bid(&at(p.min(q))).unwrap_or(Nct::ZERO);
        let sure = kelly.bid(&at(p.max(q)));
        prop_assert!(unsure <= *sure.as_ref().unwrap_or(&Nct::ZERO), "{unsure} at {p} or {q}, and then {sure:?}");
        let sure_request = at(p.max(q));
        let full = kelly::full(&sure_request);
        match sure {
            Ok(bid) => {
                prop_assert!(kelly::profit(bid, &sure_request) > 0.0);
                prop_assert!(bid.base_units() <= purse);
                // Up to how near doubles are to amounts.
                prop_assert!(bid.base_units() as f64 <= full * (1.0 + 1e-9) + 1.0);
            }
            // What it would have bid: nothing speaks for any.
            Err(_) => {
                let wanted = BidBounds { max: bounds.max.min(units(purse)), ..bounds };
                let best = if wanted.min > wanted.max { Nct::ZERO } else { wanted.hold((part * full) as u128) };
                let worth = kelly::profit(best, &sure_request) > 0.0 && best > Nct::ZERO;
                prop_assert!(!worth || (best.base_units() as f64) > full, "{best} of {full}");
            }
        }
    }

    #[test]
    fn a_table_bids_no_more_than_its_rows_say(conviction in 0.0f64..=1.0, rows in proptest::collection::btree_map(0u8..=20, 0u8..=20, 1..5)) {
        let row = |(at, fraction): (&u8, &u8)| {
            format!("* * {} {}", f64::from(*at) / 20.0, f64::from(*fraction) / 20.0).parse().unwrap()
        };
        let table = Strategy::named("table", &StrategySettings { table: rows.iter().map(row).collect(), ..settings() }).unwrap();
        let request = request((conviction + 1.0) / 2.0);
        let lowest = f64::from(*rows.keys().next().unwrap()) / 20.0;
        match table.bid(&request) {
            Err(_) => prop_assert!(request.conviction.get() < lowest),
            Ok(bid) => {
                let most = f64::from(*rows.values().max().unwrap()) / 20.0;
                let least = f64::from(*rows.values().min().unwrap()) / 20.0;
                prop_assert!(request.conviction.get() >= lowest);
                prop_assert!(request.bounds.at(least) <= bid && bid <= request.bounds.at(most));
            }
        }
    }
}
