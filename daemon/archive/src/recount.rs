//! What is in the purse, counted from the journal.

use std::time::Duration;

use daemon_market::{Bet, Nct, Purse, PurseNote, Reckoning, Timestamp};

use crate::{JournalError, PurseEntry, PurseRecord, Recall, at_stake};

/// Losses, and what was staked, are counted over so much time, so that much is read: a day, and the sixtieth of it that may
/// still count though it began before.
const DAY: Duration = Duration::from_secs(86_400 + 86_400 / 60);

/// Brings a full purse to where it was when the last record was written, and says why it closes by what was recorded, if
/// it should have closed and that is not recorded: then it died between the two. `fee` is what an assertion costs, where
/// nobody told.
pub fn recount(
    purse: &mut Purse,
    journal: &dyn Recall,
    now: Timestamp,
    fee: Nct,
) -> Result<Option<String>, JournalError> {
    let reach = purse.limits().open_time.max(DAY);
    let reach = i64::try_from(reach.as_micros()).unwrap_or(i64::MAX);
    let since = Timestamp::from_micros(now.micros().saturating_sub(reach));
    let mut untold = None;
    for record in journal.purse(since)? {
        untold = count(purse, &record, fee).or(untold);
        if let PurseRecord::Noted(_) = record {
            untold = None;
        }
    }
    // What was decided without a stake is not among these records, and may be later than all of them.
    purse.time(now);
    Ok(untold)
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
            let fee = Bet::from_json(bet).map_or(fee, |bet| bet.fee);
            return purse.settle(key, Reckoning::of(outcome, *verdict, at_stake(*bid, *ended), fee), *at);
        }
        PurseRecord::Noted(PurseEntry { at, note, detail }) => match note {
            PurseNote::Closed => purse.was_closed(detail, *at),
            PurseNote::Opened => purse.reopen(*at),
        },
    }
    None
}
