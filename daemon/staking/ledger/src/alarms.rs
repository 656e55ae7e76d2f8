//! Alarms, for what a person should look at: falling profit, confidence that is off, silence, a closed purse, bounties
//! that expire, answers that are refused, downloads that fail, a wrong clock.
//!
//! Fed with one event at a time, and asked at any time. The same events in the same order give the same alarms; no
//! clock is read: [`Alarms::look`] is told the time.

use std::collections::VecDeque;
use std::time::Duration;

use daemon_journal::BountyStatus;
use daemon_market::{Nct, Profit, Timestamp, return_on_stake};
use serde::Serialize;

use crate::LedgerEntry;
use crate::calibration::brier;
use crate::lately::Lately;

/// Number of latest stakes whose return is compared with that of earlier ones.
pub const RETURN_RECENT: usize = 50;
/// Most earlier stakes to compare with.
pub const RETURN_TRAILING_MAX: usize = 500;
/// Fewest earlier ones to compare with.
pub const RETURN_TRAILING_MIN: usize = 100;
/// Number of latest answers whose calibration is checked. If one in ten is wrong, the share among a hundred has a
/// standard deviation of 3 points.
pub const CALIBRATION_RECENT: usize = 100;
/// Most earlier answers to compare with.
pub const CALIBRATION_TRAILING_MAX: usize = 1_000;
/// Fewest earlier ones to compare with.
pub const CALIBRATION_TRAILING_MIN: usize = 200;

/// When an alarm goes off. `None` turns that alarm off.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AlarmLimits {
    /// How far the return of the latest [`RETURN_RECENT`] stakes may fall below that of up to [`RETURN_TRAILING_MAX`]
    /// before them, in percentage points of what was staked. Default: 30.
    pub return_fall_max_percent: Option<u32>,
    /// How far the Brier score of the latest [`CALIBRATION_RECENT`] answers may rise above that of up to
    /// [`CALIBRATION_TRAILING_MAX`] before them. Default: 0.08.
    pub brier_rise_max: Option<f64>,
    /// How far the mean confidence of the latest [`CALIBRATION_RECENT`] answers may be from the share of right ones.
    /// Default: 0.10.
    pub confidence_gap_max: Option<f64>,
    /// How long may pass without a bounty. Default: an hour.
    pub silence_max: Option<Duration>,
    /// Largest share of the latest [`LATELY_RECENT`](crate::LATELY_RECENT) ended bounties that may have expired, 0.0 to
    /// 1.0. Default: 0.1.
    pub expired_share_max: Option<f64>,
    /// Largest share of the same bounties whose answer may have been refused, 0.0 to 1.0. Default: 0.1.
    pub refused_share_max: Option<f64>,
    /// Largest share of the latest [`LATELY_RECENT`](crate::LATELY_RECENT) downloads that may have failed, 0.0 to 1.0.
    /// Default: 0.5.
    pub failed_downloads_share_max: Option<f64>,
    /// Longest plausible time from a bounty's arrival to its deadline. If half of the latest
    /// [`LATELY_RECENT`](crate::LATELY_RECENT) have more, or arrive after their deadline, a clock is wrong: ours or the
    /// marketplace's. Default: a day.
    pub bounty_life_max: Option<Duration>,
}

/// Share of bounties with implausible times above which a clock is wrong.
const CLOCK_SHARE_MAX: f64 = 0.5;

impl Default for AlarmLimits {
    fn default() -> Self {
        AlarmLimits {
            return_fall_max_percent: Some(30),
            brier_rise_max: Some(0.08),
            confidence_gap_max: Some(0.10),
            silence_max: Some(Duration::from_secs(3_600)),
            expired_share_max: Some(0.1),
            refused_share_max: Some(0.1),
            failed_downloads_share_max: Some(0.5),
            bounty_life_max: Some(Duration::from_secs(86_400)),
        }
    }
}

/// The topic of an alarm. The names are an interface: metrics and log events use them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AlarmId {
    /// The return on stakes fell.
    ReturnFalls,
    /// Answers are further from the truth than before.
    CalibrationDrifts,
    /// Answers are right more often, or less often, than their confidence says.
    ConfidenceOff,
    /// No bounty came for a long time.
    Silence,
    /// The purse is closed.
    BreakerOpen,
    /// Bounties expire unanswered.
    BountiesExpire,
    /// The marketplace refuses answers.
    AnswersRefused,
    /// Downloads of artifacts fail.
    DownloadsFail,
    /// Our clock and the times in bounties do not agree.
    ClockOff,
}

impl AlarmId {
    /// Every alarm id.
    pub const ALL: [AlarmId; 9] = [
        AlarmId::ReturnFalls,
        AlarmId::CalibrationDrifts,
        AlarmId::ConfidenceOff,
        AlarmId::Silence,
        AlarmId::BreakerOpen,
        AlarmId::BountiesExpire,
        AlarmId::AnswersRefused,
        AlarmId::DownloadsFail,
        AlarmId::ClockOff,
    ];

    /// The id's name in metrics, log and JSON.
    pub fn name(self) -> &'static str {
        match self {
            AlarmId::ReturnFalls => "return_falls",
            AlarmId::CalibrationDrifts => "calibration_drifts",
            AlarmId::ConfidenceOff => "confidence_off",
            AlarmId::Silence => "silence",
            AlarmId::BreakerOpen => "breaker_open",
            AlarmId::BountiesExpire => "bounties_expire",
            AlarmId::AnswersRefused => "answers_refused",
            AlarmId::DownloadsFail => "downloads_fail",
            AlarmId::ClockOff => "clock_off",
        }
    }
}

/// An alarm that is on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Alarm {
    /// The topic.
    #[serde(serialize_with = "id")]
    pub id: AlarmId,
    /// What happened, and what to do about it.
    pub message: String,
    /// When the alarm went off, in microseconds since 1970.
    #[serde(serialize_with = "micros")]
    pub since: Timestamp,
}

fn id<S: serde::Serializer>(id: &AlarmId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.name())
}

fn micros<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(at.micros())
}

/// The result of one answer, as far as alarms need it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Heard {
    /// When we were told of the settlement.
    pub at: Timestamp,
    /// The stake.
    pub staked: Nct,
    /// The gain or loss, fees included, if known.
    pub profit: Option<Profit>,
    /// Our confidence, and whether we were right, if both are known.
    pub told: Option<(f64, bool)>,
}

impl Heard {
    /// The result of a bounty; `None` if it is not settled.
    pub fn of(entry: &LedgerEntry) -> Option<Heard> {
        let at = entry.settled?;
        let told = entry.bet.as_ref().map(|bet| bet.q).zip(entry.right());
        Some(Heard { at, staked: entry.staked(), profit: entry.profit(), told })
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
    pub fn settled(&mut self, heard: Heard) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lately::LATELY_RECENT;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn on(alarms: &mut Alarms, seconds: i64) -> Vec<(AlarmId, i64)> {
        let seen = alarms.look(at(seconds), None);
        seen.into_iter().map(|alarm| (alarm.id, alarm.since.micros() / 1_000_000)).collect()
    }

    fn stake(profit: &str, seconds: i64) -> Heard {
        Heard { at: at(seconds), staked: "1".parse().unwrap(), profit: profit.parse().ok(), told: None }
    }

    fn quiet() -> AlarmLimits {
        AlarmLimits { silence_max: None, ..AlarmLimits::default() }
    }

    #[test]
    fn a_return_that_falls_is_an_alarm_until_it_rises() {
        let mut alarms = Alarms::new(quiet());
        for second in 0..150 {
            alarms.settled(stake("0.2", second));
        }
        assert_eq!(on(&mut alarms, 150), []);
        // n losses of 1 among 50 return 0.2 - 1.2 n / 50, and those before 0.2: more than 0.3 below that from the 13th.
        for second in 150..162 {
            alarms.settled(stake("-1", second));
            assert_eq!(on(&mut alarms, second), []);
        }
        alarms.settled(stake("-1", 162));
        assert_eq!(on(&mut alarms, 170), [(AlarmId::ReturnFalls, 162)]);
        let message = &alarms.look(at(170), None)[0].message;
        assert!(message.starts_with("the last 50 stakes had a return of -11.2 %, those before them 20.0 %"));
        alarms.settled(stake("-1", 171));
        assert_eq!(on(&mut alarms, 171), [(AlarmId::ReturnFalls, 162)], "it is on since it began");
        for second in 172..222 {
            alarms.settled(stake("0.2", second));
        }
        assert_eq!(on(&mut alarms, 222), []);
    }

    #[test]
    fn few_stakes_are_no_reason_for_alarm() {
        let mut alarms = Alarms::new(quiet());
        for (second, at) in (0..RETURN_TRAILING_MIN + RETURN_RECENT - 1).zip(0..) {
            alarms.settled(stake(if second < RETURN_TRAILING_MIN { "1" } else { "-1" }, at));
        }
        assert_eq!(on(&mut alarms, 200), []);
    }

    #[test]
    fn what_was_not_staked_or_is_not_known_changes_no_return() {
        let mut alarms = Alarms::new(quiet());
        for second in 0..150 {
            alarms.settled(stake("0.2", second));
        }
        for second in 150..300 {
            alarms.settled(Heard { profit: None, ..stake("0", second) });
            alarms.settled(Heard { staked: Nct::ZERO, ..stake("-1", second) });
        }
        assert_eq!(on(&mut alarms, 300), []);
    }

    fn answer(alarms: &mut Alarms, q: f64, right: bool, second: i64) {
        alarms.settled(Heard { at: at(second), staked: Nct::ZERO, profit: None, told: Some((q, right)) });
    }

    #[test]
    fn confidence_that_breaks_its_word_is_an_alarm() {
        let mut alarms = Alarms::new(AlarmLimits { brier_rise_max: None, ..quiet() });
        for second in 0..99 {
            answer(&mut alarms, 0.9, second % 10 >= 3, second);
        }
        assert_eq!(on(&mut alarms, 99), [], "99 answers are too few");
        answer(&mut alarms, 0.9, true, 99);
        let seen = alarms.look(at(99), None);
        assert_eq!(seen[0].id, AlarmId::ConfidenceOff);
        assert!(seen[0].message.contains("a mean confidence of 90.0 %, but 70.0 % were right: stakes are too large"));
        for second in 100..200 {
            answer(&mut alarms, 0.7, second % 10 >= 3, second);
        }
        assert_eq!(on(&mut alarms, 200), []);
    }

    #[test]
    fn a_brier_loss_that_rises_is_an_alarm() {
        let mut alarms = Alarms::new(AlarmLimits { confidence_gap_max: None, ..quiet() });
        for second in 0..300 {
            answer(&mut alarms, 0.9, second % 10 != 0, second);
        }
        assert_eq!(on(&mut alarms, 300), []);
        // Each wrong answer in place of a right one adds 0.8 to the sum over the last hundred: eleven add 0.088.
        for second in 300..320 {
            answer(&mut alarms, 0.9, false, second);
        }
        let seen = on(&mut alarms, 320);
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].0, AlarmId::CalibrationDrifts);
        assert!((309..=313).contains(&seen[0].1), "{seen:?}");
    }

    #[test]
    fn silence_is_an_alarm_from_the_last_bounty_on() {
        let mut alarms = Alarms::new(AlarmLimits::default());
        assert_eq!(on(&mut alarms, 0), []);
        assert_eq!(on(&mut alarms, 3_600), []);
        assert_eq!(on(&mut alarms, 3_601), [(AlarmId::Silence, 0)], "since it was first looked for");
        alarms.answered(at(3_700));
        assert_eq!(on(&mut alarms, 7_300), []);
        assert_eq!(on(&mut alarms, 7_301), [(AlarmId::Silence, 3_700)]);
        alarms.answered(at(1));
        assert_eq!(on(&mut alarms, 7_301), [(AlarmId::Silence, 3_700)], "an older one is no later");
    }

    #[test]
    fn a_closed_purse_is_an_alarm_that_says_why() {
        let mut alarms = Alarms::new(quiet());
        assert_eq!(alarms.look(at(1), None), []);
        let seen = alarms.look(at(2), Some("3 stakes in a row were lost"));
        assert_eq!((seen[0].id, seen[0].since), (AlarmId::BreakerOpen, at(2)));
        assert!(seen[0].message.contains("3 stakes in a row were lost") && seen[0].message.contains("stakeout purse"));
        assert_eq!(alarms.look(at(3), Some("still"))[0].since, at(2));
        assert_eq!(alarms.look(at(4), None), []);
        assert_eq!(alarms.look(at(5), Some("again"))[0].since, at(5));
    }

    #[test]
    fn bounties_that_expire_answers_refused_and_downloads_that_fail_are_alarms_until_others_go_well() {
        let all = [AlarmId::BountiesExpire, AlarmId::AnswersRefused, AlarmId::DownloadsFail];
        let mut second = 0;
        let mut bad = |alarms: &mut Alarms, id: AlarmId, is: bool| {
            second += 1;
            match id {
                AlarmId::BountiesExpire => {
                    alarms.ended(at(second), if is { AlarmEnding::Expired } else { AlarmEnding::Well })
                }
                AlarmId::AnswersRefused => {
                    alarms.ended(at(second), if is { AlarmEnding::Refused } else { AlarmEnding::Well })
                }
                _ => alarms.downloaded(at(second), !is),
            }
            second
        };
        for id in all {
            let mut alarms = Alarms::new(quiet());
            bad(&mut alarms, id, true);
            let second = bad(&mut alarms, id, true);
            assert_eq!(on(&mut alarms, second), [], "two are chance");
            let began = bad(&mut alarms, id, true);
            assert_eq!(on(&mut alarms, began), [(id, began)]);
            let later = bad(&mut alarms, id, true);
            let seen = alarms.look(at(later), None);
            assert_eq!((seen[0].id, seen[0].since), (id, at(began)));
            assert!(seen[0].message.contains("4"), "{}", seen[0].message);
            let last = (0..LATELY_RECENT).map(|_| bad(&mut alarms, id, false)).last().unwrap();
            assert_eq!(on(&mut alarms, last), []);
        }
    }

    #[test]
    fn what_went_badly_is_over_after_an_hour() {
        let mut alarms = Alarms::new(quiet());
        (0..3).for_each(|second| alarms.downloaded(at(second), false));
        assert_eq!(on(&mut alarms, 3), [(AlarmId::DownloadsFail, 3)]);
        assert_eq!(on(&mut alarms, 3_700), []);
    }

    #[test]
    fn a_clock_that_most_bounties_contradict_is_an_alarm() {
        const DAY: i64 = 86_400;
        let alarm = |lives: &[i64], most: Option<Duration>| {
            let mut alarms = Alarms::new(AlarmLimits { bounty_life_max: most, ..quiet() });
            lives.iter().for_each(|life| alarms.came(at(1_000), at(1_000 + life)));
            on(&mut alarms, 1_000).len() == 1
        };
        let day = Some(Duration::from_secs(DAY as u64));
        assert!(alarm(&[0, -5, -600, 60], day), "it is fast");
        assert!(alarm(&[DAY + 1, DAY + 1, 400 * DAY, 60], day), "it is slow");
        assert!(!alarm(&[0, -5, -600, 60, 60, 60], day), "half of them");
        assert!(!alarm(&[DAY, 1, 60, 3_600], day));
        assert!(!alarm(&[0, -5, -600], None));
    }

    #[test]
    fn ids_are_all_different() {
        let mut names = AlarmId::ALL.map(AlarmId::name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
