//! The purse: the only source of stakes, and the losses that close it.
//!
//! What the purse has given is counted from records alone: what was staked, how that ended, how it was settled, when the
//! purse was closed and opened. Told the same records in the same order, a purse is in the same state; so after a
//! restart it is what it was, and nothing about it has to be written down but these.
//!
//! Limits are never exceeded, also not by a clock that somebody sets: time here goes on as the steady clock does
//! ([`Purse::now`]), however the calendar is set meanwhile, and records carry the time that the purse tells. The calendar
//! is asked once, when the purse is told its first time.

mod breaker;
mod windows;

use std::collections::HashMap;
use std::time::Duration;

use crate::{BountyKey, Nct, Now, Profit, SettlementNotice, Timestamp, Verdict};

pub use breaker::{Breaker, LossLimits, return_on_stake};
use windows::SumWindow;

/// How many stakes can be open at once: some hundred megabytes. With more, nothing further is staked.
const OPEN_STAKES_MAX: usize = 1 << 20;
/// How finely the hour and the day are counted. What is counted in a part that has not wholly left the stretch still
/// counts, so what is given in any stretch of that length is never more than its limit, and may be a little less.
const PARTS: u32 = 60;

/// How much may be risked. `None` is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PurseLimits {
    /// Most that one bounty may risk.
    pub bounty_max: Nct,
    /// Most that may be staked within any hour.
    pub hour_max: Option<Nct>,
    /// Most that may be staked within any day.
    pub day_max: Option<Nct>,
    /// Most that may be at stake at once.
    pub open_max: Option<Nct>,
    /// How long a stake counts as open if its settlement is never reported.
    pub open_time: Duration,
    /// The losses that close the purse.
    pub losses: LossLimits,
}

impl Default for PurseLimits {
    /// 1 NCT per bounty, one day until an unsettled stake no longer counts, and no other limit: for tests and
    /// comparisons. The daemon's own defaults are in its configuration.
    fn default() -> Self {
        PurseLimits {
            bounty_max: Nct::from_base_units(10u128.pow(18)),
            hour_max: None,
            day_max: None,
            open_max: None,
            open_time: Duration::from_secs(86_400),
            losses: LossLimits::default(),
        }
    }
}

/// An amount set aside for one bounty. Cannot be copied, so that it is staked only once.
#[derive(PartialEq, Eq, Debug)]
pub struct Stake(Nct);

impl Stake {
    /// The amount.
    pub fn amount(&self) -> Nct {
        self.0
    }
}

/// What a note about the purse says in the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PurseNote {
    /// Losses closed it.
    Closed,
    /// A person opened it.
    Opened,
}

impl PurseNote {
    /// The note's name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            PurseNote::Closed => "closed",
            PurseNote::Opened => "opened",
        }
    }

    /// The note of that name, if there is one.
    pub fn named(name: &str) -> Option<PurseNote> {
        [PurseNote::Closed, PurseNote::Opened].into_iter().find(|note| note.name() == name)
    }
}

/// What a settlement means for a stake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reckoning {
    /// The stake.
    pub bid: Nct,
    /// The gain or loss, fees included; zero if unknown.
    pub profit: Profit,
    /// Whether the stake was lost, if known.
    pub lost: Option<bool>,
}

impl Reckoning {
    /// What a settlement means for a stake of `bid` on `said`. `fee` is the cost of the assertion, used if the notice
    /// does not say.
    pub fn of(outcome: &SettlementNotice, said: Verdict, bid: Nct, fee: Nct) -> Reckoning {
        let profit = outcome.profit(said, bid, fee);
        let right = outcome.bears_out(said);
        let lost = right.map(|right| !right).or(profit.map(|profit| profit < Profit::ZERO));
        Reckoning { bid, profit: profit.unwrap_or(Profit::ZERO), lost }
    }
}

#[derive(Clone, Copy, Debug)]
struct OpenStake {
    amount: Nct,
    at: Timestamp,
}

/// The purse: what was staked, and what may still be risked.
#[derive(Clone, Debug)]
pub struct Purse {
    limits: PurseLimits,
    /// The latest time that the purse was told.
    latest: Timestamp,
    /// What time it was here when the steady clock said what: from there on only the steady clock counts.
    began: Option<(Timestamp, Duration)>,
    hour: SumWindow,
    day: SumWindow,
    open: HashMap<BountyKey, OpenStake>,
    open_sum: Nct,
    /// Before this, no stake in `open` grows old.
    next_old: Timestamp,
    breaker: Breaker,
}

impl Purse {
    /// A purse from which nothing was staked yet.
    pub fn new(limits: PurseLimits) -> Purse {
        Purse {
            limits,
            latest: Timestamp::from_micros(i64::MIN),
            began: None,
            hour: SumWindow::new(Duration::from_secs(3_600), PARTS),
            day: SumWindow::new(Duration::from_secs(86_400), PARTS),
            open: HashMap::new(),
            open_sum: Nct::ZERO,
            next_old: Timestamp::from_micros(i64::MAX),
            breaker: Breaker::new(limits.losses),
        }
    }

    /// The purse's time, which records carry.
    ///
    /// The first call takes the time of the calendar, unless records are later. From then on the purse's time advances
    /// with the steady clock: setting the calendar forward frees no limit, and setting it back delays nothing.
    pub fn now(&mut self, now: Now) -> Timestamp {
        let (began, steady) = *self.began.get_or_insert((self.latest.max(now.wall), now.steady));
        self.clock(began + now.steady.saturating_sub(steady))
    }

    /// The purse's time, but later than every time returned before: for records whose order matters.
    pub fn stamp(&mut self, now: Now) -> Timestamp {
        let before = self.latest;
        let now = self.now(now);
        if now > before { now } else { self.clock(before + Duration::from_micros(1)) }
    }

    /// Moves the purse's time forward to that of a record, and returns the purse's time.
    pub fn time(&mut self, at: Timestamp) -> Timestamp {
        self.clock(at)
    }

    /// The purse's limits.
    pub fn limits(&self) -> &PurseLimits {
        &self.limits
    }

    /// The most that one bounty may ever risk.
    pub fn bounty_max(&self) -> Nct {
        self.limits.bounty_max
    }

    /// The most that may be risked now.
    ///
    /// # Errors
    ///
    /// The reason if nothing may be risked.
    #[expect(clippy::missing_panics_doc, reason = "the minimum is of four values")]
    pub fn most(&mut self, now: Timestamp) -> Result<Nct, &'static str> {
        let now = self.clock(now);
        if self.breaker.closed().is_some() {
            return Err("the purse is closed after losses, until a person opens it");
        }
        if self.open.len() >= OPEN_STAKES_MAX {
            return Err("too many stakes are open");
        }
        let left = |limit: Option<Nct>, given: Nct| {
            limit.map_or(Nct::from_base_units(u128::MAX), |limit| limit.checked_sub(given).unwrap_or(Nct::ZERO))
        };
        let most = [
            (self.limits.bounty_max, "the limit for one bounty is zero"),
            (left(self.limits.hour_max, self.hour.sum(now)), "the limit for an hour is reached"),
            (left(self.limits.day_max, self.day.sum(now)), "the limit for a day is reached"),
            (left(self.limits.open_max, self.open_sum), "the limit for all open stakes is reached"),
        ];
        let (most, why) = most.into_iter().min_by_key(|(most, _)| *most).expect("there are four");
        if most == Nct::ZERO { Err(why) } else { Ok(most) }
    }

    /// Sets `amount` aside for the bounty, if it may be risked.
    pub fn stake(&mut self, key: &BountyKey, amount: Nct, now: Timestamp) -> Option<Stake> {
        let most = self.most(now).ok()?;
        if amount == Nct::ZERO || amount > most || self.open.contains_key(key) {
            return None;
        }
        self.count(key, amount, now);
        Some(Stake(amount))
    }

    /// Counts a stake that the journal has.
    pub fn was_staked(&mut self, key: &BountyKey, amount: Nct, at: Timestamp) {
        // First the time: an older stake on it may be open no more.
        let at = self.clock(at);
        if amount > Nct::ZERO && !self.open.contains_key(key) {
            self.count(key, amount, at);
        }
    }

    fn count(&mut self, key: &BountyKey, amount: Nct, at: Timestamp) {
        let at = self.clock(at);
        self.hour.add(at, amount);
        self.day.add(at, amount);
        self.open_sum = self.open_sum.saturating_add(amount);
        self.open.insert(key.clone(), OpenStake { amount, at });
        self.next_old = self.next_old.min(at + self.limits.open_time);
    }

    /// Returns the stake on the bounty to the purse: it never reached the marketplace.
    pub fn put_back(&mut self, key: &BountyKey) {
        if let Some(OpenStake { amount, at }) = self.close(key) {
            self.hour.take_back(at, amount);
            self.day.take_back(at, amount);
        }
    }

    /// Counts the settlement of the stake on the bounty. Returns the reason if the purse closes by it.
    pub fn settle(&mut self, key: &BountyKey, reckoning: Reckoning, at: Timestamp) -> Option<String> {
        let at = self.clock(at);
        self.close(key);
        self.breaker.settled(key, reckoning, at)
    }

    /// Counts a person's correction of a settlement. Returns the reason if the purse closes by it. A closed purse stays
    /// closed until a person opens it.
    pub fn correct(&mut self, key: &BountyKey, reckoning: Reckoning, at: Timestamp) -> Option<String> {
        self.clock(at);
        self.breaker.corrected(key, reckoning)
    }

    /// Closes the purse, as the journal says.
    pub fn was_closed(&mut self, why: &str, at: Timestamp) {
        self.clock(at);
        self.breaker.close(why);
    }

    /// Opens the purse for a person. Earlier losses do not close it again.
    pub fn reopen(&mut self, at: Timestamp) {
        self.clock(at);
        self.breaker.open();
    }

    /// Why the purse is closed, if it is.
    pub fn closed(&self) -> Option<&str> {
        self.breaker.closed()
    }

    /// The breaker, which closes the purse.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// The sum of all open stakes.
    pub fn open_stakes(&self) -> Nct {
        self.open_sum
    }

    /// Number of open stakes.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// The amounts staked within the last hour and within the last day.
    pub fn staked(&mut self, now: Timestamp) -> (Nct, Nct) {
        let now = self.clock(now);
        (self.hour.sum(now), self.day.sum(now))
    }

    fn close(&mut self, key: &BountyKey) -> Option<OpenStake> {
        let open = self.open.remove(key)?;
        self.open_sum = self.open_sum.checked_sub(open.amount).unwrap_or(Nct::ZERO);
        Some(open)
    }

    /// The time, which here never goes backwards. Stakes that grew old by then are open no more.
    fn clock(&mut self, now: Timestamp) -> Timestamp {
        self.latest = self.latest.max(now);
        if self.latest >= self.next_old {
            self.forget_old();
        }
        self.latest
    }

    fn forget_old(&mut self) {
        let (now, open_time) = (self.latest, self.limits.open_time);
        let mut next_old = Timestamp::from_micros(i64::MAX);
        let mut left = Nct::ZERO;
        self.open.retain(|_, open| {
            let old = open.at + open_time;
            if old <= now {
                return false;
            }
            next_old = next_old.min(old);
            left = left.saturating_add(open.amount);
            true
        });
        self.open_sum = left;
        self.next_old = next_old;
    }
}

#[cfg(test)]
mod tests {
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
        let right =
            SettlementNotice { truth: Some(Truth::Benign), payout: Some(units(5)), ..SettlementNotice::default() };
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
}
