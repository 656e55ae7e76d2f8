//! The purse, counted from the journal.

use std::collections::HashMap;
use std::time::Duration;

use daemon_market::{Bet, BountyKey, Nct, Purse, PurseNote, Reckoning, SettlementNotice, StepKind, Timestamp, Verdict};

use crate::{Ending, JournalError, PurseEntry, PurseRecord, PurseRow, Recall, at_stake};

/// Stakes and losses are limited per day, so this much of the past is read: a day, and one sixtieth more, because the
/// purse counts in windows of a sixtieth and the oldest one may have begun earlier.
const DAY: Duration = Duration::from_secs(86_400 + 86_400 / 60);
/// How much later than the clock a record may be without being reported: clocks are corrected by that much all the time.
pub const AHEAD_MAX: Duration = Duration::from_secs(5 * 60);

/// A record whose time lies in the future: the clock was wrong when it was written, or is wrong now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ahead {
    /// The record's running number.
    pub n: u64,
    /// The bounty that the record is about; `None` for a note about the purse.
    pub key: Option<BountyKey>,
    /// The time in the record.
    pub at: Timestamp,
    /// The time it is counted at instead.
    pub counted_at: Timestamp,
}

/// What [`recount`] found besides the amounts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recounted {
    /// Why the purse should be closed, if it should be and the journal has no note of it: the process died in between.
    pub closed: Option<String>,
    /// Records whose times lie in the future, by running number.
    pub ahead: Vec<Ahead>,
}

/// Brings a new purse to the state it had when the last record was written. `now` is the purse's time; `fee` is the cost of
/// an assertion, used where a record does not say.
///
/// A record more than [`AHEAD_MAX`] later than `now` would stop the purse's clock until then. It is counted at the time of
/// the next record that is not in the future, or at `now` if there is none. That is later than it can have been, so no
/// limit is exceeded. Where a clock was set, records are counted in the order of their numbers.
///
/// # Errors
///
/// If the journal cannot be read.
pub fn recount(purse: &mut Purse, journal: &dyn Recall, now: Timestamp, fee: Nct) -> Result<Recounted, JournalError> {
    let reach = purse.limits().open_time.max(DAY);
    let reach = i64::try_from(reach.as_micros()).unwrap_or(i64::MAX);
    let since = Timestamp::from_micros(now.micros().saturating_sub(reach));
    let mut records = journal.purse(since)?;
    let mut recounted = Recounted { closed: None, ahead: mend_times(&mut records, now) };
    for (_, record) in &records {
        recounted.closed = count(purse, record, fee).or(recounted.closed);
        if let PurseRecord::Noted(_) = record {
            recounted.closed = None;
        }
    }
    // What was decided without a stake is not among these records, and may be later than all of them.
    purse.time(now);
    Ok(recounted)
}

/// Brings the times of records into an order that fits their numbers, if a clock was set between them. Returns which were
/// later than `now`.
fn mend_times(records: &mut [PurseRow], now: Timestamp) -> Vec<Ahead> {
    let latest = now + AHEAD_MAX;
    records.sort_by_key(|(n, _)| *n);
    let causes = causes_of_closing(records);
    let mut ahead = Vec::new();
    let mut next = now;
    for (n, record) in records.iter_mut().rev() {
        let at = record.at();
        if at <= latest {
            next = at;
            continue;
        }
        ahead.push(Ahead { n: *n, key: record.key().cloned(), at, counted_at: next });
        record.move_to(next);
    }
    ahead.reverse();
    if ahead.is_empty() && !was_set_back(records) {
        records.sort_by_key(|(n, record)| (record.at(), *n));
        return ahead;
    }
    let mut before = Timestamp::from_micros(i64::MIN);
    let mut counted: HashMap<u64, Timestamp> = HashMap::new();
    for (n, record) in records.iter_mut() {
        // A note that losses closed the purse belongs to what closed it, however late it was written.
        let at = match causes.get(n).and_then(|cause| counted.get(cause)) {
            Some(at) => *at,
            None => before.max(record.at()),
        };
        before = before.max(at);
        record.move_to(at);
        counted.insert(*n, at);
        if let Ok(place) = ahead.binary_search_by_key(n, |one| one.n) {
            ahead[place].counted_at = at;
        }
    }
    records.sort_by_key(|(n, record)| (record.at(), causes.get(n).copied().unwrap_or(*n), *n));
    ahead
}

/// For each note that the purse closed, by its number: the number of what closed it, which has the same time.
fn causes_of_closing(records: &[PurseRow]) -> HashMap<u64, u64> {
    let mut told: HashMap<Timestamp, u64> = HashMap::new();
    let mut causes = HashMap::new();
    for (n, record) in records {
        match record {
            PurseRecord::Settled { at, .. } | PurseRecord::Corrected { at, .. } => drop(told.insert(*at, *n)),
            PurseRecord::Noted(entry) if entry.note == PurseNote::Closed => {
                causes.extend(told.get(&entry.at).map(|cause| (*n, *cause)));
            }
            _ => {}
        }
    }
    causes
}

/// Whether a clock was set back before a start, so that what was written after that has earlier times than what was written
/// before. To count it first would settle stakes before they are staked, and losses in another order.
fn was_set_back(records: &[PurseRow]) -> bool {
    let mut before = Timestamp::from_micros(i64::MIN);
    let mut latest: HashMap<&BountyKey, Timestamp> = HashMap::new();
    records.iter().any(|(_, record)| {
        let at = record.at();
        // These have times of their own, each later than all that were there. What could not be written at first is older
        // than what was written meanwhile.
        let stamped = match record {
            PurseRecord::Settled { .. } | PurseRecord::Corrected { .. } => true,
            PurseRecord::Noted(entry) => entry.note == PurseNote::Opened,
            PurseRecord::Staked { .. } | PurseRecord::Ended { .. } | PurseRecord::Stepped { .. } => false,
        };
        let earlier = record.key().and_then(|key| latest.insert(key, at)).is_some_and(|last| at < last);
        let set_back = earlier || stamped && at < before;
        before = before.max(at);
        set_back
    })
}

/// Counts one record. Returns the reason if the record makes the purse close.
pub fn count(purse: &mut Purse, record: &PurseRecord, fee: Nct) -> Option<String> {
    match record {
        PurseRecord::Staked { key, at, bid } => purse.was_staked(key, *bid, *at),
        PurseRecord::Ended { key, at, how, attempts } => {
            purse.time(*at);
            if !daemon_market::Ending::from(*how).may_have_arrived(*attempts) {
                purse.put_back(key);
            }
        }
        PurseRecord::Stepped { key, at, kind } => {
            purse.time(*at);
            match kind {
                StepKind::Pledged => purse.hold(key),
                StepKind::Void => purse.void(key),
                _ => {}
            }
        }
        PurseRecord::Settled { key, at, verdict, bid, outcome, bet, ended } => {
            return purse.settle(key, reckoning(outcome, *verdict, *bid, bet, *ended, fee), *at);
        }
        PurseRecord::Corrected { key, at, verdict, bid, outcome, bet, ended } => {
            return purse.correct(key, reckoning(outcome, *verdict, *bid, bet, *ended, fee), *at);
        }
        PurseRecord::Noted(PurseEntry { at, note, detail }) => match note {
            PurseNote::Closed => purse.was_closed(detail, *at),
            PurseNote::Opened => purse.reopen(*at),
        },
    }
    None
}

/// What a settlement means for the stake of this record.
fn reckoning(
    outcome: &SettlementNotice,
    said: Verdict,
    bid: Nct,
    bet: &str,
    ended: Option<(Ending, u32)>,
    fee: Nct,
) -> Reckoning {
    let fee = Bet::from_json(bet).map_or(fee, |bet| bet.fee);
    Reckoning::of(outcome, said, at_stake(bid, ended), fee)
}
