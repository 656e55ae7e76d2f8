use proptest::prelude::*;

use super::*;
use crate::{BountyId, Phase, Truth};

fn key(id: u8) -> BountyKey {
    BountyKey { id: BountyId::new(&id.to_string()), phase: Phase::Assertion }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn units(units: u128) -> Nct {
    Nct::from_base_units(units)
}

#[test]
fn where_the_truth_is_not_told_a_stake_is_lost_if_less_came_back_than_was_paid() {
    // A stake of 10 and a fee of 1.
    for (payout, lost) in [(0, true), (10, true), (11, false), (25, false)] {
        let notice = SettlementNotice { payout: Some(units(payout)), ..SettlementNotice::default() };
        assert_eq!(Reckoning::of(&notice, Verdict::Benign, units(10), units(1)).lost, Some(lost), "{payout}");
    }
    let right = SettlementNotice { truth: Some(Truth::Benign), payout: Some(units(5)), ..SettlementNotice::default() };
    assert_eq!(Reckoning::of(&right, Verdict::Benign, units(10), units(1)).lost, Some(false), "the truth counts");
}

fn limits() -> PurseLimits {
    PurseLimits {
        bounty_max: units(10),
        hour_max: Some(units(25)),
        day_max: Some(units(40)),
        open_max: Some(units(30)),
        open_time: Duration::from_secs(7_200),
        losses: LossLimits::default(),
    }
}

#[test]
fn what_may_be_risked_falls_and_comes_back() {
    let mut purse = Purse::new(limits());
    assert_eq!(purse.most(at(0)), Ok(units(10)));
    assert!(purse.stake(&key(1), units(11), at(0)).is_none(), "more than a bounty may risk");
    assert!(purse.stake(&key(1), units(0), at(0)).is_none(), "nothing is no stake");
    assert!(purse.stake(&key(1), units(10), at(0)).is_some());
    assert!(purse.stake(&key(1), units(1), at(0)).is_none(), "there is one stake to a bounty");
    assert!(purse.stake(&key(2), units(10), at(1)).is_some());
    assert_eq!(purse.most(at(2)), Ok(units(5)));
    assert!(purse.stake(&key(3), units(5), at(2)).is_some());
    assert_eq!(purse.most(at(3)), Err("the limit for an hour is reached"));
    // Never sent: as if it had not been.
    purse.put_back(&key(3));
    assert_eq!(purse.most(at(3)), Ok(units(5)));
    // An hour later, and the part of an hour that a stake is counted in.
    assert_eq!(purse.most(at(3_661)), Ok(units(10)));
    assert!(purse.stake(&key(4), units(10), at(3_661)).is_some());
    assert_eq!(purse.most(at(3_662)), Err("the limit for all open stakes is reached"));
    // Settled, or so old that nobody will tell.
    let reckoning = Reckoning { bid: units(10), profit: Profit::ZERO, lost: Some(false) };
    assert_eq!(purse.settle(&key(4), reckoning, at(3_663)), None);
    assert_eq!(purse.most(at(3_663)), Ok(units(10)));
    assert_eq!(purse.open_stakes(), units(20));
    purse.most(at(7_200)).unwrap();
    assert_eq!(purse.open_stakes(), units(10));
    // A clock that is set back gives nothing back.
    assert_eq!(purse.staked(at(0)), purse.staked(at(7_200)));
}

#[test]
fn what_was_staked_is_counted_once_and_nothing_is_no_stake() {
    let mut purse = Purse::new(limits());
    purse.was_staked(&key(1), units(7), at(0));
    purse.was_staked(&key(1), units(7), at(1));
    purse.was_staked(&key(2), units(0), at(2));
    assert_eq!((purse.open_count(), purse.open_stakes()), (1, units(7)));
    assert_eq!(purse.staked(at(3)), (units(7), units(7)));
}

#[test]
fn no_more_stakes_are_open_than_there_is_memory_for() {
    let mut purse = Purse::new(PurseLimits::default());
    let numbered = |id: usize| BountyKey { id: BountyId::new(&id.to_string()), phase: Phase::Assertion };
    for id in 1..OPEN_STAKES_MAX {
        purse.was_staked(&numbered(id), units(1), at(0));
    }
    assert!(purse.most(at(1)).is_ok(), "there is room for one more");
    assert!(purse.stake(&numbered(0), units(1), at(1)).is_some());
    assert_eq!(purse.most(at(1)), Err("too many stakes are open"));
    assert!(purse.stake(&numbered(OPEN_STAKES_MAX), units(1), at(1)).is_none());
    assert_eq!(purse.open_count(), 1_048_576);
}

#[test]
fn as_much_time_passes_as_does_by_the_steady_clock() {
    const DAY: i64 = 86_400;
    let told = |wall: i64, steady: u64| Now { wall: at(wall), steady: Duration::from_secs(steady) };
    let mut purse = Purse::new(limits());
    assert_eq!(purse.now(told(100 * DAY, 5)), at(100 * DAY));
    let now = purse.now(told(101 * DAY, 65));
    assert_eq!(now, at(100 * DAY + 60), "set forward by a day");
    assert_eq!(purse.now(told(99 * DAY, 125)), at(100 * DAY + 120), "set back by a day");
    assert_eq!(purse.now(told(9_999 * DAY, 125)), at(100 * DAY + 120));
    // What records say is later is not undone.
    purse.time(at(100 * DAY + 500));
    assert_eq!(purse.now(told(100 * DAY, 130)), at(100 * DAY + 500));
    assert_eq!(purse.now(told(100 * DAY, 605)), at(100 * DAY + 600));
    let first = purse.stamp(told(100 * DAY, 605));
    assert!(first > at(100 * DAY + 600) && purse.stamp(told(0, 605)) > first, "each later than the one before");
}

#[test]
fn a_clock_set_forward_frees_no_limit() {
    let mut purse = Purse::new(PurseLimits { open_max: None, ..limits() });
    let told = |wall: i64, steady: u64| Now { wall: at(wall), steady: Duration::from_secs(steady) };
    for id in 0..2 {
        let now = purse.now(told(1_000, 0));
        assert!(purse.stake(&key(id), units(10), now).is_some());
    }
    let left = |purse: &mut Purse, now: Now| {
        let now = purse.now(now);
        purse.most(now)
    };
    assert_eq!(left(&mut purse, told(1_000 + 2 * 86_400, 10)), Ok(units(5)), "the hour is not over");
    assert_eq!(left(&mut purse, told(1_000 + 2 * 86_400, 3_700)), Ok(units(10)), "now it is");
    let now = purse.now(told(1_000 + 2 * 86_400, 3_700));
    assert!(purse.stake(&key(2), units(10), now).is_some());
    let now = purse.now(told(1_000 + 2 * 86_400, 3_701));
    assert!(purse.stake(&key(3), units(10), now).is_some());
    assert_eq!(left(&mut purse, told(1_000 + 9 * 86_400, 7_500)), Err("the limit for a day is reached"));
}

#[derive(Clone, Debug)]
enum PurseStep {
    Stake(u8, u128),
    PutBack(u8),
    Settle(u8),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<(i64, PurseStep)>> {
    let step = prop_oneof![
        6 => (any::<u8>(), 0..14u128).prop_map(|(id, amount)| PurseStep::Stake(id, amount)),
        1 => any::<u8>().prop_map(PurseStep::PutBack),
        2 => any::<u8>().prop_map(PurseStep::Settle),
        1 => Just(PurseStep::Restart),
    ];
    // Clocks go forwards, mostly.
    proptest::collection::vec((-50..1_500i64, step), 1..300)
}

proptest! {
    #[test]
    fn no_sequence_of_stakes_and_restarts_exceeds_a_limit(steps in steps()) {
        let mut purse = Purse::new(limits());
        let mut records: Vec<(Timestamp, PurseStep)> = Vec::new();
        let (mut clock, mut latest) = (0i64, i64::MIN);
        // What there is by a count of its own: when, which, how much.
        let mut staked: Vec<(i64, u8, u128)> = Vec::new();
        let mut open: std::collections::BTreeMap<u8, (i64, u128)> = std::collections::BTreeMap::new();
        for (elapsed, step) in steps {
            clock += elapsed;
            latest = latest.max(clock);
            match step {
                PurseStep::Stake(id, amount) => {
                    if purse.stake(&key(id), units(amount), at(clock)).is_some() {
                        staked.push((latest, id, amount));
                        open.insert(id, (latest, amount));
                        records.push((at(latest), PurseStep::Stake(id, amount)));
                    }
                }
                PurseStep::PutBack(id) => {
                    purse.most(at(clock)).ok();
                    open.retain(|_, (since, _)| *since + 7_200 > latest);
                    purse.put_back(&key(id));
                    if let Some((since, amount)) = open.remove(&id) {
                        staked.retain(|stake| *stake != (since, id, amount));
                    }
                    records.push((at(latest), PurseStep::PutBack(id)));
                }
                PurseStep::Settle(id) => {
                    let reckoning = Reckoning { bid: units(1), profit: Profit::ZERO, lost: None };
                    purse.settle(&key(id), reckoning, at(clock));
                    open.remove(&id);
                    records.push((at(latest), PurseStep::Settle(id)));
                }
                PurseStep::Restart => {
                    let before = (purse.most(at(latest)), purse.staked(at(latest)), purse.open_stakes());
                    purse = Purse::new(limits());
                    for (then, record) in &records {
                        match record {
                            PurseStep::Stake(id, amount) => purse.was_staked(&key(*id), units(*amount), *then),
                            PurseStep::PutBack(id) => {
                                purse.most(*then).ok();
                                purse.put_back(&key(*id));
                            }
                            PurseStep::Settle(id) => {
                                let reckoning = Reckoning { bid: units(1), profit: Profit::ZERO, lost: None };
                                purse.settle(&key(*id), reckoning, *then);
                            }
                            PurseStep::Restart => {}
                        }
                    }
                    let after = (purse.most(at(latest)), purse.staked(at(latest)), purse.open_stakes());
                    prop_assert_eq!(before, after);
                }
            }
            open.retain(|_, (since, _)| *since + 7_200 > latest);
            let within = |time: i64| staked.iter().filter(|(then, ..)| *then > latest - time).map(|(.., amount)| amount).sum::<u128>();
            prop_assert!(within(3_600) <= 25, "{} in an hour", within(3_600));
            prop_assert!(within(86_400) <= 40, "{} in a day", within(86_400));
            let at_stake: u128 = open.values().map(|(_, amount)| amount).sum();
            prop_assert!(at_stake <= 30);
            purse.most(at(latest)).ok();
            prop_assert_eq!(purse.open_stakes(), units(at_stake));
        }
    }
}
