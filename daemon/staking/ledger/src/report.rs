//! The report on a journal.

use daemon_journal::{Filter, JournalError, PurseEntry, PurseRecord, Recall};
use daemon_market::{BidStrategy, PurseNote, STRATEGIES, Strategy, StrategySettings, Timestamp};

use crate::alarms::AlarmLimits;
use crate::grouping::Grouping;
use crate::ledger::{Ledger, LedgerReport, Question};

impl Question {
    /// Groups so, compares with every strategy, and has the usual limits of alarms.
    pub fn of_all_strategies(groupings: Vec<Grouping>, settings: &StrategySettings) -> Question {
        // Those that the settings say nothing about are none: a table without rows, an expression without text.
        let strategies: Vec<Box<dyn BidStrategy>> =
            STRATEGIES.iter().filter_map(|(name, _)| Strategy::named(name, settings).ok()).collect();
        Question { groupings, strategies, alarms: AlarmLimits::default() }
    }
}

/// Makes the report on the bounties that `filter` lets through, in one pass over the journal, as of `now` or of their end.
///
/// # Errors
/// If the journal cannot be read.
pub fn report(
    journal: &dyn Recall,
    filter: &Filter,
    question: Question,
    now: Timestamp,
) -> Result<LedgerReport, JournalError> {
    let mut ledger = Ledger::new(question);
    journal.each(filter, &mut |story| ledger.see(&story))?;
    // Of what is over, it was as it was at its end.
    let at = filter.until.map_or(now, |until| until.min(now));
    let notes = journal.purse(now)?;
    let closed = notes.into_iter().filter_map(|(_, record)| noted(record)).rfind(|entry| entry.at <= at);
    let closed = closed.filter(|entry| entry.note == PurseNote::Closed);
    Ok(ledger.close(at, closed.as_ref().map(|entry| (entry.at, entry.detail.as_str()))))
}

fn noted(record: PurseRecord) -> Option<PurseEntry> {
    match record {
        PurseRecord::Noted(entry) => Some(entry),
        PurseRecord::Staked { .. }
        | PurseRecord::Ended { .. }
        | PurseRecord::Settled { .. }
        | PurseRecord::Stepped { .. }
        | PurseRecord::Corrected { .. } => None,
    }
}
