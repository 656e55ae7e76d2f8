//! Lives of a daemon, lived through again.

mod properties;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use daemon_market::{Abstention, BidRequest, DefaultStrategy, LossLimits, SettlementNotice, Truth};
use proptest::prelude::*;

use super::*;
use crate::{Resampling, counterfactual};
use world::{AskedBounty, Fate, SECOND, World, milli, told};

/// As much as there may be.
#[derive(Debug)]
struct Most;

impl BidStrategy for Most {
    fn name(&self) -> &str {
        "most"
    }

    fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention> {
        Ok(request.bounds.max)
    }
}

/// A third of what the purse would give: it depends on everything that was staked before.
#[derive(Debug)]
struct Third;

impl BidStrategy for Third {
    fn name(&self) -> &str {
        "third"
    }

    fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention> {
        let third = Nct::from_base_units(request.purse.base_units() / 3);
        Ok(third.min(request.bounds.max).max(request.bounds.min))
    }
}

/// Nothing, ever.
#[derive(Debug)]
struct Nothing;

impl BidStrategy for Nothing {
    fn name(&self) -> &str {
        "nothing"
    }

    fn bid(&self, _: &BidRequest<'_>) -> Result<Nct, Abstention> {
        Err(Abstention("rather not".into()))
    }
}

fn default() -> Box<dyn BidStrategy> {
    Box::new(DefaultStrategy)
}

fn most() -> Box<dyn BidStrategy> {
    Box::new(Most)
}

fn third() -> Box<dyn BidStrategy> {
    Box::new(Third)
}

fn strategies() -> BTreeMap<String, Box<dyn BidStrategy>> {
    [default(), most(), third()].into_iter().map(|strategy| (strategy.name().to_owned(), strategy)).collect()
}

fn way<'s>(bidder: Bidder<'s>, limits: PurseLimits) -> Way<'s> {
    Way { bidder, limits, fee: Nct::ZERO, anew: None, until: None }
}

fn comparing() -> Comparing<'static> {
    let folds = std::num::NonZeroUsize::new(4).unwrap();
    let resampling = Resampling { count: 50, seed: 3 };
    Comparing { since: None, until: None, only: None, folds, resampling }
}

fn bids(replayed: &Replayed) -> Vec<Nct> {
    replayed.turns.iter().map(|turn| turn.as_ref().map_or(Nct::ZERO, |turn| turn.bid)).collect()
}

/// Every field that was written down comes out again.
fn check_same(past: &Past, replayed: &Replayed) -> Result<(), TestCaseError> {
    for (entry, turn) in past.entries().iter().zip(&replayed.turns) {
        let turn = turn.as_ref().map(|turn| (turn.bid, turn.purse, turn.wanted, turn.why_not.as_deref()));
        let bet = entry.bet.as_ref().map(|bet| (entry.bid, bet.purse, bet.wanted, bet.why_not.as_deref()));
        prop_assert_eq!(turn, bet, "{}", entry.key);
    }
    Ok(())
}

#[test]
fn a_limit_that_was_reached_is_reached_again_and_one_that_was_not_is_not() {
    let limits = PurseLimits { hour_max: Some(Nct::literal("2.5")), ..PurseLimits::default() };
    let mut world = World::new(most, limits);
    let mut staked = Vec::new();
    for _ in 0..4 {
        staked.push(world.ask(AskedBounty::default()));
        world.pass(SECOND);
    }
    world.pass(Duration::from_secs(3_700));
    staked.push(world.ask(AskedBounty::default()));
    assert_eq!(staked.iter().map(Nct::to_string).collect::<Vec<_>>(), ["1", "1", "0.5", "0", "1"]);
    let past = Past::read(&world.journal).unwrap();
    let strategies = strategies();
    let again = way(Bidder::AsThen(&strategies), limits);
    let replayed = replay(&past, &again);
    assert_eq!(bids(&replayed), staked);
    let seen = reproduced(&past, &again, &replayed, 9);
    assert_eq!((seen.decisions, seen.same, seen.differences.len()), (5, 5, 0));
    let fourth = replayed.turns[3].as_ref().and_then(|turn| turn.why_not.as_deref());
    assert_eq!(fourth, Some("the limit for an hour is reached"));
    // Who stakes less never reaches it.
    let less =
        replay(&past, &way(Bidder::One(&DefaultStrategy), PurseLimits { bounty_max: Nct::literal("0.5"), ..limits }));
    assert_eq!(less.turns.iter().flatten().filter(|turn| turn.bid == Nct::ZERO).count(), 0);
    // With other limits it cannot come out again, and is said to be so.
    let wide = way(Bidder::AsThen(&strategies), PurseLimits::default());
    let seen = reproduced(&past, &wide, &replay(&past, &wide), 1);
    assert_eq!((seen.decisions, seen.same), (5, 3));
    let [difference] = &seen.differences[..] else { panic!("{seen:?}") };
    assert_eq!((difference.recorded, difference.replayed), (Nct::literal("0.5"), Nct::literal("1")));
    assert_eq!(difference.why, "the purse gave 0.5 NCT then, and 1 now");
}

#[test]
fn a_purse_that_losses_closed_is_closed_again_but_not_by_losses_of_others() {
    let limits =
        PurseLimits { losses: LossLimits { row_max: Some(2), ..LossLimits::default() }, ..PurseLimits::default() };
    let mut world = World::new(default, limits);
    // The first two are less sure: who asks for more stakes nothing on them.
    for (nth, q) in [0.6, 0.6, 0.99, 0.99].into_iter().enumerate() {
        let asked = AskedBounty { q, ..AskedBounty::default() };
        let bid = world.ask(asked);
        assert_eq!(bid > Nct::ZERO, nth < 2, "closed after the second");
        let key = world.keys[nth].clone();
        let outcome = told(&world.answer(&key), bid, Truth::Benign);
        world.settle(&key, outcome);
        world.pass(SECOND);
    }
    world.reopen();
    world.pass(SECOND);
    assert!(world.ask(AskedBounty::default()) > Nct::ZERO);
    let past = Past::read(&world.journal).unwrap();
    let strategies = strategies();
    let again = way(Bidder::AsThen(&strategies), limits);
    let replayed = replay(&past, &again);
    check_same(&past, &replayed).unwrap();
    assert_eq!(replayed.closings.len(), 1);
    assert_eq!(replayed.closings[0].1, "2 stakes in a row were lost, and 2 are too many");

    #[derive(Debug)]
    struct Sure;
    impl BidStrategy for Sure {
        fn name(&self) -> &str {
            "sure"
        }
        fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention> {
            if request.q > 0.9 { Ok(request.bounds.min) } else { Err(Abstention("not sure".into())) }
        }
    }
    let other = replay(&past, &way(Bidder::One(&Sure), limits));
    let staked: Vec<bool> = bids(&other).iter().map(|bid| *bid > Nct::ZERO).collect();
    assert_eq!(staked, [false, false, true, true, true]);
    assert_eq!(other.closings.len(), 1, "by its own losses, of the third and the fourth");
    assert_eq!(other.closings[0].0, past.entries()[3].settled.unwrap());
}

#[test]
fn a_strategy_nobody_knows_here_is_named_and_stakes_nothing() {
    let mut world = World::new(third, PurseLimits::default());
    world.ask(AskedBounty::default());
    let past = Past::read(&world.journal).unwrap();
    assert_eq!(past.strategies().into_iter().collect::<Vec<_>>(), ["third"]);
    let none = BTreeMap::new();
    let way = way(Bidder::AsThen(&none), PurseLimits::default());
    let replayed = replay(&past, &way);
    assert_eq!(bids(&replayed), [Nct::ZERO]);
    let seen = reproduced(&past, &way, &replayed, 9);
    assert_eq!(seen.differences[0].why, "there is no strategy `third` here");
}

#[test]
fn what_is_compared_does_not_depend_on_how_it_went() {
    let mut world = World::new(default, PurseLimits::default());
    for truth in [Truth::Malicious, Truth::Benign, Truth::Benign, Truth::Malicious] {
        world.ask(AskedBounty { q: 0.75, ..AskedBounty::default() });
        let key = world.keys.last().unwrap().clone();
        // Nothing is told but the truth.
        world.settle(&key, SettlementNotice { truth: Some(truth), ..SettlementNotice::default() });
        world.pass(SECOND);
    }
    let bid = world.ask(AskedBounty { q: 0.75, ..AskedBounty::default() });
    let key = world.keys.last().unwrap().clone();
    let outcome = told(&world.answer(&key), bid, Truth::Malicious);
    world.settle(&key, outcome);
    world.ask(AskedBounty { fate: Fate::Refused, ..AskedBounty::default() });
    world.ask(AskedBounty::default());
    let past = Past::read(&world.journal).unwrap();
    let more = replay(&past, &way(Bidder::One(&Most), PurseLimits::default()));
    let compared = compare(&past, &[more], &comparing());
    let ComparisonTally { answered, compared: counted, untold, unsettled, .. } = compared.bounties;
    assert_eq!((answered, counted, untold, unsettled), (7, 1, 4, 2));
    let [done, more] = &compared.sides[..] else { panic!("{compared:?}") };
    assert_eq!((done.bets, done.staked), (1, bid));
    assert_eq!((more.bets, more.staked), (1, Nct::literal("1")));
    let entry = &past.entries()[4];
    assert_eq!(Some(done.profit), entry.profit());
    assert_eq!(Some(more.profit), counterfactual(entry, Nct::literal("1")));
    assert!(more.profit > done.profit, "it was right, and staked more");
    let against = more.against.unwrap();
    assert_eq!(against.difference, more.profit.checked_sub(done.profit).unwrap());
    assert_eq!(
        against.interval.map(|interval| (interval.low, interval.high)),
        Some((against.difference, against.difference))
    );
    assert_eq!((against.better, against.worse), (1, 0));
}

#[test]
fn an_answer_that_was_kept_back_is_compared_as_if_it_had_been_sent() {
    let mut world = World::new(default, PurseLimits::default());
    for fate in [Fate::Withheld, Fate::Refused] {
        world.ask(AskedBounty { q: 0.75, fate, ..AskedBounty::default() });
        let key = world.keys.last().unwrap().clone();
        let outcome = told(&world.answer(&key), Nct::ZERO, Truth::Malicious);
        world.settle(&key, outcome);
    }
    let past = Past::read(&world.journal).unwrap();
    let more = replay(&past, &way(Bidder::One(&Most), PurseLimits::default()));
    let compared = compare(&past, &[more], &comparing());
    let ComparisonTally { compared: counted, withheld, unheard, .. } = compared.bounties;
    assert_eq!((counted, withheld, unheard), (1, 1, 1));
    assert!(Profit::ZERO < compared.sides[0].profit && compared.sides[0].profit < compared.sides[1].profit);
}

#[test]
fn a_drawdown_is_the_deepest_fall_from_the_highest_point() {
    let mut side = Side::default();
    let rows = ["1", "-0.5", "0.25", "-2", "3", "-1"].map(|profit| (milli(1), profit.parse().unwrap()));
    side.sum(rows.into_iter());
    assert_eq!((side.profit.to_string(), side.drawdown), ("0.75".to_owned(), Nct::literal("2.25")));
}
