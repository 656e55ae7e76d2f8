use daemon_archive::Sqlite;
use daemon_journal::{Answered, Corrected, Ended, Ending, Journal, MemoryJournal, PurseEntry, Settled, Write, recount};
use daemon_market::{
    Correction, LossLimits, Nct, Purse, PurseLimits, PurseNote, SettlementNotice, Timestamp, Truth, Verdict,
};

use crate::make::{answer, bounty, key};

const HOUR: i64 = 3_600;
/// When the clock said 2036.
const LATE: i64 = 10 * 365 * 24 * HOUR;

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000 + second * 1_000_000)
}

fn limits() -> PurseLimits {
    let losses = LossLimits { row_max: Some(2), ..LossLimits::default() };
    let most = Some(Nct::literal("2"));
    PurseLimits { hour_max: most, day_max: most, losses, ..PurseLimits::default() }
}

/// A bounty that was answered with a stake of 1 NCT at that second, and sent.
fn staked(id: &str, second: i64) -> [Write; 3] {
    let key = key(id);
    let Write::Answer(plain) = answer(&key, "") else { unreachable!() };
    let answered =
        Answered { at: at(second), verdict: Verdict::Malicious, bid: Nct::literal("1"), bet: String::new(), ..plain };
    let ended = Ended {
        key: key.clone(),
        at: at(second),
        how: Ending::Sent { status: 200 },
        attempts: 1,
        detail: String::new(),
    };
    [bounty(&key), Write::Answer(answered), Write::Ending(ended)]
}

fn settled(id: &str, second: i64, truth: Truth) -> Write {
    let outcome = SettlementNotice { truth: Some(truth), payout: None, ..SettlementNotice::default() };
    Write::Settled(Settled { key: key(id), at: at(second), outcome })
}

fn corrected(id: &str, second: i64, truth: Truth) -> Write {
    let correction = Correction { truth: Some(truth), payout: None, fee: None, reason: "the portal says so".into() };
    Write::Corrected(Corrected { key: key(id), at: at(second), correction })
}

fn note(note: PurseNote, second: i64) -> Write {
    Write::Purse(PurseEntry { at: at(second), note, detail: "a note".into() })
}

/// The purse that comes of these records at that second, in either home, and what else is known.
fn counted(writes: &[Write], second: i64) -> (Purse, daemon_journal::Recounted) {
    let directory = crate::make::directory();
    let mut sqlite = Sqlite::open(directory.path()).unwrap();
    let mut memory = MemoryJournal::new();
    let of = |journal: &mut dyn Journal| {
        journal.commit(writes).unwrap();
        let mut purse = Purse::new(limits());
        let recounted = recount(&mut purse, &*journal, at(second), Nct::literal("0.03125")).unwrap();
        (purse, recounted)
    };
    let (one, other) = (of(&mut memory), of(&mut sqlite));
    assert_eq!(one.1, other.1);
    assert_eq!(format!("{:?}", one.0.breaker()), format!("{:?}", other.0.breaker()));
    other
}

#[test]
fn a_purse_that_is_counted_knows_what_time_it_is() {
    // An answer without a stake is no record of the purse, and was given all the same: its time is not to come again.
    let (mut purse, _) = counted(&[], 100);
    assert_eq!(purse.time(at(50)), at(100));
    assert_eq!(purse.stake(&key("1"), Nct::literal("1"), at(50)).map(|stake| stake.amount()), Some(Nct::literal("1")));
    assert_eq!(purse.staked(at(50)), (Nct::literal("1"), Nct::literal("1")));
}

#[test]
fn a_stake_of_the_future_counts_as_of_now_and_is_named() {
    let (mut purse, recounted) = counted(&[staked("1", 0), staked("2", LATE)].concat(), 2 * HOUR);
    assert_eq!(recounted.closed, None);
    let named: Vec<_> = recounted.ahead.iter().map(|ahead| (ahead.n, ahead.at, ahead.counted_at)).collect();
    assert_eq!(named, [(5, at(LATE), at(2 * HOUR)), (6, at(LATE), at(2 * HOUR))]);
    assert_eq!(recounted.ahead[0].key, Some(key("2")));
    assert_eq!(purse.staked(at(2 * HOUR)), (Nct::literal("1"), Nct::literal("2")));
    assert_eq!(purse.most(at(2 * HOUR)), Err("the limit for a day is reached"));
    // And it goes on from there, not from 2036.
    assert_eq!(purse.most(at(25 * HOUR)), Ok(Nct::literal("1")));
    assert_eq!(purse.most(at(27 * HOUR)), Ok(Nct::literal("1")));
    assert_eq!(purse.staked(at(27 * HOUR)), (Nct::ZERO, Nct::ZERO));
}

#[test]
fn a_record_of_the_future_is_put_before_what_came_after_it() {
    let late = [note(PurseNote::Closed, LATE), note(PurseNote::Opened, HOUR)];
    let records = [&staked("1", LATE)[..], &late[..], &staked("2", 2 * HOUR)[..]].concat();
    let (mut purse, recounted) = counted(&records, 30 * HOUR);
    assert_eq!(purse.closed(), None, "a person opened it after it was closed");
    assert_eq!(recounted.ahead.iter().map(|ahead| ahead.n).collect::<Vec<_>>(), [2, 3, 4]);
    assert!(recounted.ahead.iter().all(|ahead| ahead.counted_at == at(HOUR)));
    // So the next start does not count it as of its own time again.
    assert_eq!(purse.most(at(30 * HOUR)), Ok(Nct::literal("1")));
}

#[test]
fn a_record_a_little_ahead_is_left_as_it_is() {
    let (mut purse, recounted) = counted(&staked("1", 299), 0);
    assert_eq!(recounted.ahead, []);
    assert_eq!(purse.time(at(0)), at(299));
    assert_eq!(counted(&staked("1", 301), 0).1.ahead.len(), 2);
}

#[test]
fn a_clock_that_is_set_back_settles_no_stake_before_it_was_staked() {
    // Staked at one o'clock. Then the clock was set back, the daemon started anew, and it was settled.
    for set_back_to in [60, HOUR - 60] {
        let records = [&staked("1", HOUR)[..], &[settled("1", set_back_to, Truth::Malicious)]].concat();
        let (purse, recounted) = counted(&records, 2 * HOUR);
        assert_eq!((recounted.ahead.len(), purse.open_count()), (0, 0), "{set_back_to}");
    }
}

#[test]
fn what_a_person_saw_before_the_clock_was_set_back_closes_nothing_afterwards() {
    // Opened at two o'clock, after a loss. At the next start the clock says four minutes before the loss was told.
    let loss = [settled("1", HOUR, Truth::Benign), note(PurseNote::Opened, 2 * HOUR)];
    let records = [&staked("1", 0)[..], &loss[..]].concat();
    let (purse, recounted) = counted(&records, HOUR - 240);
    assert_eq!(recounted.ahead.len(), 1);
    assert_eq!(recounted.ahead[0].counted_at, at(HOUR));
    assert_eq!(purse.breaker().losses_in_a_row(), 0);
    // The order of losses and wins is that in which they were told.
    let told = [settled("1", HOUR, Truth::Benign), settled("2", HOUR - 100, Truth::Malicious)];
    let records = [&staked("1", 0)[..], &staked("2", 0)[..], &told[..]].concat();
    assert_eq!(counted(&records, 2 * HOUR).0.breaker().losses_in_a_row(), 0);
}

#[test]
fn a_note_that_was_written_late_closes_no_purse_that_a_person_opened_since() {
    let losses = [settled("1", 100, Truth::Benign), settled("2", 200, Truth::Benign)];
    // The second loss closed it; that could be written down only after a person had opened it.
    let notes = [note(PurseNote::Opened, 300), note(PurseNote::Closed, 200)];
    let records = [&staked("1", 0)[..], &staked("2", 0)[..], &losses[..], &notes[..]].concat();
    assert_eq!(counted(&records, 2 * HOUR).0.closed(), None);
    let set_back = [&staked("3", HOUR)[..], &[settled("3", 500, Truth::Malicious)]].concat();
    assert_eq!(counted(&[records.clone(), set_back].concat(), 2 * HOUR).0.closed(), None);
    // The clock says a quarter to, so all of it is of the future.
    assert_eq!(counted(&records, -900).0.closed(), None);
}

#[test]
fn what_was_corrected_is_counted_as_corrected() {
    let bounties = [staked("1", 0), staked("2", 1)].concat();
    let told = [settled("1", 10, Truth::Benign), settled("2", 20, Truth::Benign)];
    let (purse, recounted) = counted(&[&bounties[..], &told].concat(), 100);
    assert_eq!(recounted.closed.as_deref(), Some("2 stakes in a row were lost, and 2 are too many"));
    assert_eq!(purse.breaker().losses_in_a_row(), 2);
    // The second was no loss. The purse is closed by what was told before, until a person opens it.
    let right = [corrected("2", 30, Truth::Malicious)];
    let (purse, _) = counted(&[&bounties[..], &told, &right].concat(), 100);
    assert_eq!((purse.breaker().losses_in_a_row(), purse.closed().is_some()), (0, true));
    // The other way round a correction closes it.
    let told = [settled("1", 10, Truth::Malicious), settled("2", 20, Truth::Benign)];
    let wrong = [corrected("1", 30, Truth::Benign)];
    let (_, recounted) = counted(&[&bounties[..], &told, &wrong].concat(), 100);
    assert_eq!(recounted.closed.as_deref(), Some("2 stakes in a row were lost, and 2 are too many"));
    // The latest of several counts.
    let both = [corrected("1", 30, Truth::Benign), corrected("1", 31, Truth::Malicious)];
    let (purse, _) = counted(&[&bounties[..], &told, &both].concat(), 100);
    assert_eq!(purse.breaker().losses_in_a_row(), 1);
}
