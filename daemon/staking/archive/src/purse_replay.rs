//! What is in the purse, counted from the journal.

use std::time::Duration;

use daemon_market::{Bet, BountyKey, Nct, Purse, PurseNote, Reckoning, SettlementNotice, Timestamp, Verdict};

use crate::{Ending, JournalError, PurseEntry, PurseRecord, PurseRow, Recall, at_stake};

/// Losses, and what was staked, are counted over so much time, so that much is read: a day, and the sixtieth of it that may
/// still count though it began before.
const DAY: Duration = Duration::from_secs(86_400 + 86_400 / 60);
/// A record may be so much later than the clock: clocks are set right by so much, and nobody is told.
pub const AHEAD_MAX: Duration = Duration::from_secs(5 * 60);

/// A record whose time lies ahead: the clock was wrong when it was written, or is wrong now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ahead {
    /// Its running number.
    pub n: u64,
    /// The bounty it is about; `None` for a note about the purse.
    pub key: Option<BountyKey>,
    /// The time that it has.
    pub at: Timestamp,
    /// The time that it is taken to be of.
    pub counted_at: Timestamp,
}

/// What else is known once a purse is counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recounted {
    /// Why the purse closes by what was recorded, if it should have closed and that is not recorded: then it died between
    /// the two.
    pub closed: Option<String>,
    /// Records whose times lie ahead, in the order of their numbers.
    pub ahead: Vec<Ahead>,
}

/// Brings a full purse to where it was when the last record was written. `now` is what time it is for the purse; `fee` is
/// what an assertion costs, where nobody told.
///
/// A record that is more than [`AHEAD_MAX`] later than `now` would stop the clock of the purse until then. It is taken to
/// be of the time of the next record that is not, or of `now` where there is none: later than it can have been, so that no
/// limit is exceeded by it.
pub fn recount(purse: &mut Purse, journal: &dyn Recall, now: Timestamp, fee: Nct) -> Result<Recounted, JournalError> {
    let reach = purse.limits().open_time.max(DAY);
    let reach = i64::try_from(reach.as_micros()).unwrap_or(i64::MAX);
    let since = Timestamp::from_micros(now.micros().saturating_sub(reach));
    let mut records = journal.purse(since)?;
    let mut recounted = Recounted { closed: None, ahead: put_back_in_time(&mut records, now) };
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

/// Gives records that lie ahead of `now` the time of the next, by number, that does not; tells which.
fn put_back_in_time(records: &mut Vec<PurseRow>, now: Timestamp) -> Vec<Ahead> {
    let latest = now + AHEAD_MAX;
    if records.iter().all(|(_, record)| record.at() <= latest) {
        return Vec::new();
    }
    records.sort_by_key(|(n, _)| *n);
    let mut ahead = Vec::new();
    let mut next = now;
    let moved = records.drain(..).rev().map(|(n, record)| {
        let at = record.at();
        if at <= latest {
            next = at;
            return (n, record);
        }
        ahead.push(Ahead { n, key: record.key().cloned(), at, counted_at: next });
        (n, record.moved(next))
    });
    let mut moved: Vec<PurseRow> = moved.collect();
    moved.sort_by_key(|(n, record)| (record.at(), *n));
    *records = moved;
    ahead.reverse();
    ahead
}

/// Counts one record, and says why the purse closes by it, if it does.
pub fn count(purse: &mut Purse, record: &PurseRecord, fee: Nct) -> Option<String> {
    match record {
        PurseRecord::Staked { key, at, bid } => purse.was_staked(key, *bid, *at),
        PurseRecord::Ended { key, at, how, attempts } => {
            purse.time(*at);
            if !daemon_market::Ending::from(*how).may_have_arrived(*attempts) {
                purse.put_back(key);
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

/// What an outcome comes to for the stake of which this is recorded.
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
