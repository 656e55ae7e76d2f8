//! Markets whose outcome can be told beforehand, and what holds of all of them.

use proptest::prelude::*;

use super::*;
use crate::outcome::Interval;
use crate::{BiddingPlan, Skill};

fn kind(name: &str, share: f64, mu: f64) -> ArtifactKind {
    ArtifactKind { name: name.to_owned(), share, malicious: 0.5, mu, sigma: 1.0 }
}

fn rival(name: &str, true_positive: f64, false_positive: f64, plan: BiddingPlan) -> Rival {
    let skill = Skill { true_positive, false_positive, abstains: 0.1, overconfidence: 1.5 };
    Rival { name: name.to_owned(), skill, bidder: plan.into(), balance: Nct::literal("1000") }
}

fn arbiters(errs: f64) -> Vec<Arbiter> {
    ["X", "Y", "Z"].map(|name| Arbiter { name: name.to_owned(), errs, absent: 0.0 }).to_vec()
}

/// Eight rivals from good to bad, three kinds, three arbiters who err now and then.
fn market(bounties: u64) -> SimulatedMarket {
    let rivals = (0..8u8).map(|number| {
        let plan = BiddingPlan::ALL[usize::from(number) % BiddingPlan::ALL.len()];
        rival(&format!("rival-{number}"), 0.95 - 0.05 * f64::from(number), 0.02 + 0.03 * f64::from(number), plan)
    });
    SimulatedMarket {
        bounties,
        kinds: vec![kind("pe", 6.0, 1.5), kind("office", 3.0, 1.0), kind("elf", 1.0, 0.4)],
        rivals: rivals.collect(),
        arbiters: arbiters(0.02),
        seed: Seed::new(11),
        resamples: 300,
        ..SimulatedMarket::default()
    }
}

fn plan(plan: BiddingPlan) -> StrategyTrial<'static> {
    (plan.name(), Box::new(move |question| Some(plan.bid(question.q, question.bounds))))
}

fn abstain() -> StrategyTrial<'static> {
    ("abstain", Box::new(|_| None))
}

#[test]
fn against_one_who_is_always_wrong_all_is_won() {
    let mut fool = rival("fool", 0.0, 1.0, BiddingPlan::Max);
    fool.skill.abstains = 0.0;
    let kinds = vec![kind("pe", 1.0, 30.0)];
    let market = SimulatedMarket {
        bounties: 10,
        kinds,
        rivals: vec![fool],
        arbiters: arbiters(0.0),
        seed: Seed::new(1),
        ..SimulatedMarket::default()
    };
    let outcome = market.run(&[plan(BiddingPlan::Max)]).unwrap().remove(0);
    // Each time his bid, the reward, and less the fee: 1 + 2 - 0.03125.
    assert_eq!(outcome.profit.to_string(), "29.6875");
    assert_eq!((outcome.bets, outcome.won, outcome.lost, outcome.abstained, outcome.refused), (10, 10, 0, 0, 0));
    assert_eq!((outcome.staked, outcome.fees), (Nct::literal("10"), Nct::literal("0.3125")));
    assert_eq!((outcome.balance, outcome.drawdown), (Nct::literal("1029.6875"), Nct::ZERO));
    assert!((outcome.per_risked - 2.96875 / 1.03125).abs() < 1e-9);
    assert!(
        (outcome.profit_interval.low - 29.6875).abs() < 1e-9 && (outcome.profit_interval.high - 29.6875).abs() < 1e-9
    );
    assert_eq!(outcome.against_base, None);
}

#[test]
fn who_is_always_wrong_loses_until_nothing_is_left() {
    // One who is sure of the wrong thing: arbiters who always err make it so.
    let market = SimulatedMarket {
        bounties: 10,
        kinds: vec![kind("pe", 1.0, 30.0)],
        arbiters: arbiters(1.0),
        balance: Nct::literal("5"),
        seed: Seed::new(1),
        ..SimulatedMarket::default()
    };
    let outcome = market.run(&[plan(BiddingPlan::Max)]).unwrap().remove(0);
    assert_eq!((outcome.bets, outcome.lost, outcome.refused), (4, 4, 6));
    assert_eq!((outcome.profit.to_string().as_str(), outcome.balance), ("-4.125", Nct::literal("0.875")));
    assert_eq!(outcome.drawdown, Nct::literal("4.125"));
}

#[test]
fn bounties_without_votes_are_neither_won_nor_lost() {
    let market = SimulatedMarket { bounties: 5, kinds: vec![kind("pe", 1.0, 1.0)], ..SimulatedMarket::default() };
    let outcome = market.run(&[plan(BiddingPlan::Min)]).unwrap().remove(0);
    assert_eq!((outcome.bets, outcome.won, outcome.lost), (5, 0, 0));
    assert_eq!(outcome.profit.to_string(), "10");
}

#[test]
fn the_same_seed_gives_the_same_market_and_another_one_another() {
    let run =
        |seed| SimulatedMarket { seed: Seed::new(seed), ..market(200) }.run(&[plan(BiddingPlan::Default)]).unwrap();
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn every_strategy_sees_the_same_bounties() {
    let mut seen: Vec<(String, Drawn, Verdict, usize)> = Vec::new();
    let watch = |strategy: &str, drawn: &Drawn, settled: &SettledBounty| {
        let others = settled.assertions.iter().filter(|assertion| assertion.engine != US).count();
        assert!(settled.balances());
        seen.push((strategy.to_owned(), *drawn, settled.truth, others));
    };
    market(200).run_watched(&[abstain(), plan(BiddingPlan::Max)], watch).unwrap();
    let (first, second) = seen.split_at(200);
    for (first, second) in first.iter().zip(second) {
        assert_eq!((&first.0[..], &second.0[..]), ("abstain", "max"));
        assert_eq!((first.1, first.2, first.3), (second.1, second.2, second.3));
    }
}

#[test]
fn who_abstains_gains_nothing_and_is_compared_all_the_same() {
    let outcomes = market(300).run(&[plan(BiddingPlan::Default), abstain()]).unwrap();
    let [default, abstain] = outcomes.as_slice() else { panic!("two strategies") };
    assert_eq!((abstain.profit, abstain.abstained, abstain.per_risked), (Profit::ZERO, 300, 0.0));
    assert_eq!(default.against_base, None);
    let difference = abstain.against_base.unwrap();
    assert_eq!(Profit::ZERO.checked_sub(default.profit), Some(difference.profit));
    assert!((difference.interval.low + default.profit_interval.high).abs() < 1e-9);
    let holds = |interval: Interval, number: f64| (interval.low..=interval.high).contains(&number);
    assert!(holds(default.profit_interval, default.profit.as_f64()));
    assert!(holds(default.per_risked_interval, default.per_risked));
}

#[test]
fn two_who_do_the_same_do_not_differ() {
    let (_, same) = plan(BiddingPlan::Default);
    let outcomes = market(300).run(&[("same", same), plan(BiddingPlan::Default)]).unwrap();
    let difference = outcomes[0].against_base.unwrap();
    assert_eq!(difference.profit, Profit::ZERO);
    assert_eq!((difference.interval.low, difference.interval.high), (0.0, 0.0));
    assert_eq!(outcomes[0].profit_interval, outcomes[1].profit_interval);
}

#[test]
fn knowing_more_pays_more() {
    let profit = |mu| {
        let kinds = vec![kind("pe", 1.0, mu)];
        market_of(kinds).run(&[plan(BiddingPlan::Default)]).unwrap().remove(0).profit
    };
    let market_profits = [0.2, 0.8, 2.0, 5.0].map(profit);
    assert!(market_profits.is_sorted(), "{market_profits:?}");
    assert!(market_profits[0].is_loss() && !market_profits[3].is_loss(), "{market_profits:?}");
}

fn market_of(kinds: Vec<ArtifactKind>) -> SimulatedMarket {
    SimulatedMarket { kinds, ..market(1_000) }
}

#[test]
fn strategies_are_told_what_can_be_known() {
    let check = |question: &Question| {
        assert!((0.5..=1.0).contains(&question.q));
        assert!(["pe", "office", "elf"].contains(&question.kind));
        assert!(matches!(question.verdict, Verdict::Malicious | Verdict::Benign));
        assert_eq!((question.reward, question.fee), (Nct::literal("2"), Nct::literal("0.03125")));
        assert_eq!(question.ratio.is_some(), question.bounty > 1, "{}", question.bounty);
        assert!(question.ratio.is_none_or(|ratio| (0.2..4.0).contains(&ratio)), "{:?}", question.ratio);
        None
    };
    market(200).run(&[("curious", Box::new(check))]).unwrap();
}

#[test]
fn the_ratio_is_what_others_gained() {
    // One is always right with 1 NCT, one always wrong with 1 NCT: (2 + 1) / 1.
    let sure = |name, right: f64| {
        let mut rival = rival(name, right, 1.0 - right, BiddingPlan::Max);
        rival.skill.abstains = 0.0;
        rival
    };
    let market = SimulatedMarket {
        bounties: 20,
        kinds: vec![kind("pe", 1.0, 1.0)],
        rivals: vec![sure("right", 1.0), sure("wrong", 0.0)],
        arbiters: arbiters(0.0),
        ..SimulatedMarket::default()
    };
    let check = |question: &Question| {
        assert_eq!(question.ratio, (question.bounty > 1).then_some(3.0));
        Some(question.bounds.min)
    };
    market.run(&[("curious", Box::new(check))]).unwrap();
}

#[test]
fn markets_that_cannot_be_are_told_why() {
    let said = |market: SimulatedMarket| market.run(&[]).unwrap_err().to_string();
    assert!(said(SimulatedMarket::default()).starts_with("there is nothing to bet on"));
    assert!(said(market(0)).starts_with("there is nothing to bet on"));
    let mut bad = market(10);
    bad.kinds[1].malicious = 1.5;
    assert_eq!(said(bad), "the malicious part of kind `office` is 1.5: it must be a probability, 0.0 to 1.0");
    let mut bad = market(10);
    bad.rivals[0].skill.overconfidence = f64::NAN;
    assert_eq!(said(bad), "overconfidence of rival `rival-0` is NaN: it must be above 0.0");
    let mut bad = market(10);
    bad.rivals[0].name = US.to_owned();
    assert!(bad.run(&[abstain()]).unwrap_err().to_string().contains("the name `stakeout` is already in use"));
    let bad = SimulatedMarket { reward: Nct::from_base_units(u128::MAX / 2), ..market(10) };
    assert_eq!(bad.run(&[abstain()]).unwrap_err(), SimulateError::TooMuch);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The run itself audits the exchange, and compares profit with the balance.
    #[test]
    fn money_is_conserved_in_every_market(
        seed: u64,
        contract in prop::sample::select(ContractVersion::ALL.to_vec()),
        (errs, absent) in (0.0..1.0, 0.0..1.0),
        (reward, balance) in (0..5 * 10u128.pow(18), 0..20 * 10u128.pow(18)),
        bid in 0..2 * 10u128.pow(18),
    ) {
        let mut market = market(40);
        market.arbiters.iter_mut().for_each(|arbiter| (arbiter.errs, arbiter.absent) = (errs, absent));
        market.rivals.iter_mut().for_each(|rival| rival.balance = Nct::from_base_units(balance));
        let market = SimulatedMarket {
            seed: Seed::new(seed),
            contract,
            reward: Nct::from_base_units(reward),
            balance: Nct::from_base_units(balance),
            resamples: 10,
            ..market
        };
        let bid = Nct::from_base_units(bid);
        let outcomes = market.run(&[plan(BiddingPlan::Default), ("fixed", Box::new(move |_| Some(bid)))]).unwrap();
        for outcome in outcomes {
            prop_assert_eq!(outcome.bets + outcome.abstained + outcome.refused, 40);
            prop_assert!(outcome.won + outcome.lost <= outcome.bets);
        }
    }
}
