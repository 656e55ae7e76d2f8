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
#[cfg(test)]
mod tests;
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
    /// Whether it does not grow old, and is free only by a settlement or where it is void.
    held: bool,
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
        self.open.insert(key.clone(), OpenStake { amount, at, held: false });
        self.next_old = self.next_old.min(at + self.limits.open_time);
    }

    /// Whether the bounty has a stake that is not free yet.
    pub fn is_at_stake(&self, key: &BountyKey) -> bool {
        self.open.contains_key(key)
    }

    /// Holds the stake on the bounty until it is settled or void, however long that takes: a chain may have it.
    pub fn hold(&mut self, key: &BountyKey) {
        if let Some(open) = self.open.get_mut(key) {
            open.held = true;
        }
    }

    /// Returns the stake on the bounty to the purse: the chain never had it.
    pub fn void(&mut self, key: &BountyKey) {
        if let Some(open) = self.open.get_mut(key) {
            open.held = false;
        }
        self.put_back(key);
    }

    /// Returns the stake on the bounty to the purse: it never reached the marketplace. A stake that is held stays.
    pub fn put_back(&mut self, key: &BountyKey) {
        if self.open.get(key).is_some_and(|open| open.held) {
            return;
        }
        if let Some(OpenStake { amount, at, held: _ }) = self.close(key) {
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
            if old <= now && !open.held {
                return false;
            }
            if !open.held {
                next_old = next_old.min(old);
            }
            left = left.saturating_add(open.amount);
            true
        });
        self.open_sum = left;
        self.next_old = next_old;
    }
}
