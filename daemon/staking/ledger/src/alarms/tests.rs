use super::*;
use crate::lately::LATELY_RECENT;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn on(alarms: &mut Alarms, seconds: i64) -> Vec<(AlarmId, i64)> {
    let seen = alarms.look(at(seconds), None);
    seen.into_iter().map(|alarm| (alarm.id, alarm.since.micros() / 1_000_000)).collect()
}

fn stake(profit: &str, seconds: i64) -> AnswerResult {
    AnswerResult { at: at(seconds), staked: "1".parse().unwrap(), profit: profit.parse().ok(), told: None }
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
        alarms.settled(AnswerResult { profit: None, ..stake("0", second) });
        alarms.settled(AnswerResult { staked: Nct::ZERO, ..stake("-1", second) });
    }
    assert_eq!(on(&mut alarms, 300), []);
}

fn answer(alarms: &mut Alarms, q: f64, right: bool, second: i64) {
    alarms.settled(AnswerResult { at: at(second), staked: Nct::ZERO, profit: None, told: Some((q, right)) });
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
