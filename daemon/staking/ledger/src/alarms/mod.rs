//! Alarms, for what a person should look at: falling profit, confidence that is off, silence, a closed purse, bounties
//! that expire, answers that are refused, downloads that fail, a wrong clock.
//!
//! Fed with one event at a time, and asked at any time. The same events in the same order give the same alarms; no
//! clock is read: [`Alarms::look`] is told the time.

mod alarm;
mod limits;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use daemon_journal::BountyStatus;
use daemon_market::{Nct, Profit, Timestamp, return_on_stake};

pub use self::alarm::{Alarm, AlarmId};
pub use self::limits::{
    AlarmLimits, CALIBRATION_RECENT, CALIBRATION_TRAILING_MAX, CALIBRATION_TRAILING_MIN, RETURN_RECENT,
    RETURN_TRAILING_MAX, RETURN_TRAILING_MIN,
};
use crate::LedgerEntry;
use crate::calibration::brier;
use crate::lately::Lately;

/// Share of bounties with implausible times above which a clock is wrong.
const CLOCK_SHARE_MAX: f64 = 0.5;

/// The result of one answer, as far as alarms need it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AnswerResult {
    /// When we were told of the settlement.
    pub at: Timestamp,
    /// The stake.
    pub staked: Nct,
    /// The gain or loss, fees included, if known.
    pub profit: Option<Profit>,
    /// Our confidence, and whether we were right, if both are known.
    pub told: Option<(f64, bool)>,
}

impl AnswerResult {
    /// The result of a bounty; `None` if it is not settled.
    pub fn of(entry: &LedgerEntry) -> Option<AnswerResult> {
        let at = entry.settled?;
        let told = entry.bet.as_ref().map(|bet| bet.q).zip(entry.right());
        Some(AnswerResult { at, staked: entry.staked(), profit: entry.profit(), told })
    }
}

/// How a bounty ended, as far as alarms need it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlarmEnding {
    /// The bounty ended normally.
    Well,
    /// The bounty expired.
    Expired,
    /// The marketplace refused the answer.
    Refused,
}

impl From<BountyStatus> for AlarmEnding {
    fn from(how: BountyStatus) -> AlarmEnding {
        match how {
            BountyStatus::Pending | BountyStatus::Sent | BountyStatus::Withheld => AlarmEnding::Well,
            BountyStatus::Expired => AlarmEnding::Expired,
            BountyStatus::Refused => AlarmEnding::Refused,
        }
    }
}

/// Watches for conditions that a person should look at. Remembers at most about 1,900 events.
#[derive(Clone, Debug)]
pub struct Alarms {
    limits: AlarmLimits,
    returns: VecDeque<(Nct, Profit)>,
    answers: VecDeque<(f64, bool)>,
    latest: Option<Timestamp>,
    fall: Option<(Timestamp, String)>,
    drift: Option<(Timestamp, String)>,
    gap: Option<(Timestamp, String)>,
    closed: Option<Timestamp>,
    expired: Lately,
    refused: Lately,
    failed: Lately,
    untimely: Lately,
    expire: Option<(Timestamp, String)>,
    refusal: Option<(Timestamp, String)>,
    failure: Option<(Timestamp, String)>,
    clock: Option<(Timestamp, String)>,
}

impl Alarms {
    /// Alarms without any events.
    pub fn new(limits: AlarmLimits) -> Alarms {
        Alarms {
            limits,
            returns: VecDeque::new(),
            answers: VecDeque::new(),
            latest: None,
            fall: None,
            drift: None,
            gap: None,
            closed: None,
            expired: Lately::default(),
            refused: Lately::default(),
            failed: Lately::default(),
            untimely: Lately::default(),
            expire: None,
            refusal: None,
            failure: None,
            clock: None,
        }
    }

    /// Counts a bounty that came in or was answered: the silence is over.
    pub fn answered(&mut self, at: Timestamp) {
        self.latest = Some(self.latest.map_or(at, |latest| latest.max(at)));
    }

    /// Forgets all settlements, to be told them again after a correction.
    pub fn forget_settled(&mut self) {
        let Alarms { returns, answers, fall, drift, gap, .. } = Alarms::new(self.limits);
        (self.returns, self.answers) = (returns, answers);
        (self.fall, self.drift, self.gap) = (fall, drift, gap);
    }

    /// Counts a new bounty and its deadline.
    pub fn came(&mut self, at: Timestamp, expires: Timestamp) {
        let most = self.limits.bounty_life_max.unwrap_or(Duration::MAX);
        self.untimely.add(at, expires <= at || at.until(expires) > most);
    }

    /// Counts a bounty that ended.
    pub fn ended(&mut self, at: Timestamp, how: AlarmEnding) {
        self.expired.add(at, how == AlarmEnding::Expired);
        self.refused.add(at, how == AlarmEnding::Refused);
    }

    /// Counts a download, and whether it succeeded.
    pub fn downloaded(&mut self, at: Timestamp, done: bool) {
        self.failed.add(at, !done);
    }

    /// Counts a settled bounty.
    pub fn settled(&mut self, heard: AnswerResult) {
        if let Some(profit) = heard.profit.filter(|_| heard.staked > Nct::ZERO) {
            push(&mut self.returns, (heard.staked, profit), RETURN_RECENT + RETURN_TRAILING_MAX);
            let message = self.return_falls();
            turn(&mut self.fall, heard.at, message);
        }
        if let Some((q, right)) = heard.told.filter(|(q, _)| !q.is_nan()) {
            push(&mut self.answers, (q.clamp(0.0, 1.0), right), CALIBRATION_RECENT + CALIBRATION_TRAILING_MAX);
            let messages = (self.calibration_drifts(), self.confidence_off());
            turn(&mut self.drift, heard.at, messages.0);
            turn(&mut self.gap, heard.at, messages.1);
        }
    }

    /// The alarms that are on at `now`, in the order of their ids. `breaker_closed` is why the purse is closed, if it is.
    pub fn look(&mut self, now: Timestamp, breaker_closed: Option<&str>) -> Vec<Alarm> {
        // Where no bounty came since the start, silence began when it was first looked for.
        let latest = *self.latest.get_or_insert(now);
        self.closed = breaker_closed.map(|_| self.closed.unwrap_or(now));
        let of = |id, state: &Option<(Timestamp, String)>| {
            state.as_ref().map(|(since, message)| Alarm { id, message: message.clone(), since: *since })
        };
        let silent = latest.until(now);
        let silence = self.limits.silence_max.filter(|most| silent > *most).map(|_| Alarm {
            id: AlarmId::Silence,
            message: format!(
                "no bounty was received for {}: check the webhook with `stakeout webhook ping`, and \
                 whether the marketplace still lists this engine",
                time(silent)
            ),
            since: latest,
        });
        let breaker = breaker_closed.zip(self.closed).map(|(why, since)| Alarm {
            id: AlarmId::BreakerOpen,
            message: format!(
                "the purse is closed and nothing is staked: {why}. Find the cause with `stakeout report`, then resume \
                 with `stakeout purse resume`"
            ),
            since,
        });
        self.look_at_the_latest(now);
        [
            of(AlarmId::ReturnFalls, &self.fall),
            of(AlarmId::CalibrationDrifts, &self.drift),
            of(AlarmId::ConfidenceOff, &self.gap),
            silence,
            breaker,
            of(AlarmId::BountiesExpire, &self.expire),
            of(AlarmId::AnswersRefused, &self.refusal),
            of(AlarmId::DownloadsFail, &self.failure),
            of(AlarmId::ClockOff, &self.clock),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Updates the alarms about the latest bounties, answers and downloads.
    fn look_at_the_latest(&mut self, now: Timestamp) {
        let limits = self.limits;
        let expire = self.expired.too_bad(now, limits.expired_share_max).map(|(bad, all)| {
            format!(
                "{bad} of the last {all} bounties expired: see `stakeout archive query --ending expired`; if the load \
                 is too high, lower market.open_max or market.rates, or increase the workers \
                 (scan.workers); if answers are not delivered, check the network"
            )
        });
        turn(&mut self.expire, now, expire);
        let refusal = self.refused.too_bad(now, limits.refused_share_max).map(|(bad, all)| {
            format!(
                "the marketplace refused {bad} of the last {all} answers: see `stakeout archive \
                 query --ending refused` for its replies, and check whether it still lists this engine"
            )
        });
        turn(&mut self.refusal, now, refusal);
        let failure = self.failed.too_bad(now, limits.failed_downloads_share_max).map(|(bad, all)| {
            format!(
                "{bad} of the last {all} downloads failed: see \"download failed\" in the log; check \
                 the network, the resolver, and intake.allow_networks"
            )
        });
        turn(&mut self.failure, now, failure);
        let most = limits.bounty_life_max.map(|_| CLOCK_SHARE_MAX);
        let clock = self.untimely.too_bad(now, most).map(|(bad, all)| {
            format!(
                "{bad} of the last {all} bounties had expired on arrival, or have more than {} left: check \
                 the clock of this machine with `stakeout doctor`, and its time synchronization",
                time(limits.bounty_life_max.unwrap_or_default())
            )
        });
        turn(&mut self.clock, now, clock);
    }

    fn return_falls(&self) -> Option<String> {
        let most = self.limits.return_fall_max_percent?;
        let (before, recent) = split(&self.returns, RETURN_RECENT, RETURN_TRAILING_MIN)?;
        let (before, recent) = (return_on_stake(self.returns.iter().take(before)), return_on_stake(recent.into_iter()));
        ((before - recent) * 100.0 > f64::from(most)).then(|| {
            format!(
                "the last {RETURN_RECENT} stakes had a return of {:.1} %, those before them {:.1} %: see \
                 `stakeout report --by kind --by rule` for the losses, and stake less there",
                recent * 100.0,
                before * 100.0
            )
        })
    }

    fn calibration_drifts(&self) -> Option<String> {
        let most = self.limits.brier_rise_max?;
        let (before, recent) = split(&self.answers, CALIBRATION_RECENT, CALIBRATION_TRAILING_MIN)?;
        let of = |answers: &mut dyn Iterator<Item = &(f64, bool)>| {
            let (sum, count) =
                answers.fold((0.0, 0u32), |(sum, count), (q, right)| (sum + brier(*q, *right), count + 1));
            sum / f64::from(count.max(1))
        };
        let (before, recent) = (of(&mut self.answers.iter().take(before)), of(&mut recent.into_iter()));
        (recent - before > most).then(|| {
            format!(
                "the Brier loss of the last {CALIBRATION_RECENT} answers is {recent:.3}, that of those before them \
                 {before:.3}: the artifacts or the rules have changed; see `stakeout report`, and test other \
                 weights with `stakeout backtest`"
            )
        })
    }

    fn confidence_off(&self) -> Option<String> {
        let most = self.limits.confidence_gap_max?;
        let (_, recent) = split(&self.answers, CALIBRATION_RECENT, 0)?;
        let count = recent.len() as f64;
        let (sure, right) =
            recent.iter().fold((0.0, 0.0), |(sure, right), (q, was)| (sure + q, right + f64::from(u8::from(*was))));
        let (sure, right) = (sure / count, right / count);
        ((sure - right).abs() > most).then(|| {
            format!(
                "the last {CALIBRATION_RECENT} answers had a mean confidence of {:.1} %, but {:.1} % were right: \
                 {}; adjust the weights, or market.conviction",
                sure * 100.0,
                right * 100.0,
                if sure > right { "stakes are too large" } else { "stakes could be larger" }
            )
        })
    }
}

fn push<T>(queue: &mut VecDeque<T>, latest: T, most: usize) {
    queue.push_back(latest);
    if queue.len() > most {
        queue.pop_front();
    }
}

/// The number of items before the latest `recent`, and the latest ones; `None` if fewer than `before_min` are before
/// them.
fn split<T>(queue: &VecDeque<T>, recent: usize, before_min: usize) -> Option<(usize, Vec<&T>)> {
    let before = queue.len().checked_sub(recent).filter(|before| *before >= before_min)?;
    Some((before, queue.iter().skip(before).collect()))
}

/// Turns an alarm on or off. While it is on, its message is kept up to date.
fn turn(state: &mut Option<(Timestamp, String)>, at: Timestamp, message: Option<String>) {
    let since = state.take().map_or(at, |(since, _)| since);
    *state = message.map(|message| (since, message));
}

fn time(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
