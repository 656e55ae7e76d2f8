//! Whatever a daemon lived through comes out again to the last bit, and sums are the same however they are made.

use std::time::Duration;

use daemon_journal::Recall;
use daemon_market::{LossLimits, PurseNote, SettlementNotice, Truth};
use proptest::prelude::*;

use super::world::{AskedBounty, Fate, World, told};
use super::*;

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    Ask(AskedBounty),
    Settle(prop::sample::Index, bool, Telling),
    Correct(prop::sample::Index, bool),
    Reopen,
    Pass(u64),
    SetBack(u64),
    Restart(u8),
}

#[derive(Clone, Copy, Debug)]
enum Telling {
    All,
    Truth,
    Paid,
}

fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    use prop::sample::select;
    let fates = [
        Fate::Taken,
        Fate::Taken,
        Fate::Taken,
        Fate::Refused,
        Fate::RefusedLate,
        Fate::Lost,
        Fate::Late,
        Fate::Withheld,
    ];
    let verdicts = [Verdict::Malicious, Verdict::Malicious, Verdict::Benign, Verdict::Suspicious, Verdict::Unknown];
    let asked = (
        0.5..1.0f64,
        select(verdicts.to_vec()),
        prop::bool::weighted(0.9),
        50..300u64,
        100..1_500u64,
        select(fates.to_vec()),
    );
    let asked = asked.prop_map(|(q, verdict, complete, min, max, fate)| AskedBounty {
        q,
        verdict,
        complete,
        bounds: (min, max),
        fate,
    });
    let telling = select(vec![Telling::All, Telling::All, Telling::Truth, Telling::Paid]);
    let step = prop_oneof![
        10 => asked.prop_map(Step::Ask),
        8 => (any::<prop::sample::Index>(), any::<bool>(), telling).prop_map(|(which, bad, telling)| Step::Settle(which, bad, telling)),
        2 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(which, bad)| Step::Correct(which, bad)),
        1 => Just(Step::Reopen),
        4 => prop_oneof![0..2_000u64, 0..30_000u64].prop_map(Step::Pass),
        1 => (0..500u64).prop_map(Step::SetBack),
        1 => (0..3u8).prop_map(Step::Restart),
    ];
    proptest::collection::vec(step, 1..120)
}

fn limits() -> PurseLimits {
    PurseLimits {
        bounty_max: Nct::literal("1"),
        hour_max: Some(Nct::literal("3")),
        day_max: Some(Nct::literal("9")),
        open_max: Some(Nct::literal("2.5")),
        open_time: Duration::from_secs(7_200),
        losses: LossLimits { day_max: Some(Nct::literal("2")), row_max: Some(3), drop_max_percent: Some(50) },
    }
}

fn live(steps: &[Step], first: fn() -> Box<dyn BidStrategy>) -> World {
    let mut world = World::new(first, limits());
    for step in steps {
        match step {
            Step::Ask(asked) => {
                world.ask(asked.clone());
            }
            Step::Settle(which, bad, telling) if !world.keys.is_empty() => {
                let key = world.keys[which.index(world.keys.len())].clone();
                let answer = world.answer(&key);
                let truth = if *bad { Truth::Malicious } else { Truth::Benign };
                let past = Past::read(&world.journal).unwrap();
                let staked = past.entries().iter().find(|entry| entry.key == key).unwrap().staked();
                let all = told(&answer, staked, truth);
                world.settle(
                    &key,
                    match telling {
                        Telling::All => all,
                        Telling::Truth => SettlementNotice { truth: Some(truth), ..SettlementNotice::default() },
                        Telling::Paid => SettlementNotice { payout: all.payout, ..SettlementNotice::default() },
                    },
                );
            }
            Step::Correct(which, bad) if !world.keys.is_empty() => {
                let key = world.keys[which.index(world.keys.len())].clone();
                world.correct(&key, if *bad { Truth::Malicious } else { Truth::Benign });
            }
            Step::Settle(..) | Step::Correct(..) => {}
            Step::Reopen => world.reopen(),
            Step::Pass(seconds) => world.pass(Duration::from_secs(*seconds)),
            Step::SetBack(seconds) => world.set_back(Duration::from_secs(*seconds)),
            Step::Restart(strategy) => world.restart([default, most, third][usize::from(*strategy)]),
        }
    }
    world
}

proptest! {
    #[test]
    fn every_recorded_bid_comes_out_again_to_the_last_bit(steps in steps(), first in 0..3usize) {
        let world = live(&steps, [default, most, third][first]);
        let past = Past::read(&world.journal).unwrap();
        let strategies = strategies();
        let way = way(Bidder::AsThen(&strategies), limits());
        let replayed = replay(&past, &way);
        check_same(&past, &replayed)?;
        let seen = reproduced(&past, &way, &replayed, 9);
        prop_assert_eq!((seen.same, seen.differences, seen.untold), (seen.decisions, vec![], 0));
        // Also where the closings of the journal are not believed, but come of the losses.
        let closed = world.journal.purse(Timestamp::from_micros(0)).unwrap().into_iter().filter(|record| {
            matches!(record, (_, daemon_journal::PurseRecord::Noted(entry)) if entry.note == PurseNote::Closed)
        });
        prop_assert_eq!(closed.map(|(_, record)| record.at()).collect::<Vec<_>>(),
            replayed.closings.iter().map(|(at, _)| *at).collect::<Vec<_>>());
        if steps.iter().all(|step| !matches!(step, Step::Restart(_))) {
            let name = [default, most, third][first]();
            let one = replay(&past, &Way { bidder: Bidder::One(&*name), ..way });
            prop_assert_eq!(one, replayed);
        }
    }

    #[test]
    fn nothing_staked_is_nothing_earned_and_the_same_comes_out_twice(steps in steps()) {
        let world = live(&steps, default);
        let past = Past::read(&world.journal).unwrap();
        let ways = || [&Nothing as &dyn BidStrategy, &Most, &Third].map(|strategy| replay(&past, &way(Bidder::One(strategy), limits())));
        let comparison = compare(&past, &ways(), &comparing());
        prop_assert_eq!(&comparison, &compare(&Past::read(&world.journal).unwrap(), &ways(), &comparing()));
        let ComparisonTally { answered, compared, not_chosen, unsettled, unheard, untold, withheld } = comparison.bounties;
        prop_assert_eq!(answered, compared + not_chosen + unsettled + unheard + untold);
        prop_assert!(withheld <= compared);
        let [done, nothing, ..] = &comparison.sides[..] else { panic!("there are four") };
        prop_assert_eq!((nothing.bets, nothing.staked, nothing.profit, nothing.drawdown), (0, Nct::ZERO, Profit::ZERO, Nct::ZERO));
        prop_assert_eq!(nothing.against.map(|against| against.difference), Profit::ZERO.checked_sub(done.profit));
        for (nth, side) in comparison.sides.iter().enumerate() {
            let folds = comparison.folds.iter().map(|fold| fold.profits[nth]);
            prop_assert_eq!(folds.fold(Profit::ZERO, Profit::saturating_add), side.profit);
        }
        prop_assert_eq!(comparison.folds.iter().map(|fold| fold.bounties).sum::<u64>(), compared);
    }
}
