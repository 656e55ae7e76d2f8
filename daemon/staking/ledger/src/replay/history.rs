//! The past: everything that was decided, in order.

use std::collections::{BTreeSet, HashMap};

use daemon_journal::{Filter, JournalError, Moment, PurseEntry, Recall};
use daemon_market::{BountyKey, Phase, PurseNote, SettlementNotice, StepKind, Timestamp};

use crate::LedgerEntry;

/// The past: every bounty that was answered with an assertion, and the order of all decisions in the journal.
#[derive(Debug, Default)]
pub struct Past {
    entries: Vec<LedgerEntry>,
    /// The first settlement of entries that were corrected since, by the number of the entry.
    pub(super) told_first: HashMap<usize, SettlementNotice>,
    pub(super) moments: Vec<(Timestamp, Happened)>,
}

/// An event of the past, with the number of its entry.
#[derive(Debug)]
pub(super) enum Happened {
    /// An answer was decided.
    Answered(usize),
    /// The bounty ended.
    Ended(usize),
    /// We were told how the bounty was settled.
    Settled(usize),
    /// A person corrected the settlement.
    Corrected(usize, SettlementNotice),
    /// The chain may have the assertion from here on: its stake does not grow old.
    Pledged(usize),
    /// The chain never had the assertion.
    Void(usize),
    /// Losses closed the purse, for this reason.
    Closed(String),
    /// A person opened the purse.
    Opened,
}

impl Past {
    /// Reads the past from the journal. Votes are left out: they have no stake.
    ///
    /// Keeps little of each bounty: no evidence, and the marketplace's record only in parsed form.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn read(journal: &dyn Recall) -> Result<Past, JournalError> {
        // First the order: what a daemon writes meanwhile is then in the stories, and not yet past.
        let moments = journal.past()?;
        let mut past = Past::default();
        let mut places: HashMap<BountyKey, usize> = HashMap::new();
        journal.each(&Filter::default(), &mut |story| {
            let entry = LedgerEntry::of(&story).filter(|entry| entry.key.phase == Phase::Assertion);
            if let Some(mut entry) = entry {
                entry.indicators = Vec::new();
                if let Some(outcome) = &mut entry.outcome {
                    outcome.record = String::new();
                }
                places.insert(entry.key.clone(), past.entries.len());
                let first = story.corrected.map(|(_, first)| SettlementNotice { record: String::new(), ..first });
                past.told_first.extend(first.map(|first| (past.entries.len(), first)));
                past.entries.push(entry);
            }
        })?;
        for moment in moments {
            let at = moment.at();
            let happened = match moment {
                Moment::Answered { key, .. } => places.get(&key).map(|place| Happened::Answered(*place)),
                Moment::Ended { key, .. } => places.get(&key).map(|place| Happened::Ended(*place)),
                Moment::Settled { key, .. } => places.get(&key).map(|place| Happened::Settled(*place)),
                Moment::Stepped { key, kind, .. } => places.get(&key).map(|place| match kind {
                    StepKind::Void => Happened::Void(*place),
                    _ => Happened::Pledged(*place),
                }),
                Moment::Corrected(corrected) => places.get(&corrected.key).and_then(|place| {
                    let outcome = past.entries.get(*place)?.outcome.as_ref()?.corrected(&corrected.correction);
                    Some(Happened::Corrected(*place, outcome))
                }),
                Moment::Noted(PurseEntry { note: PurseNote::Closed, detail, .. }) => Some(Happened::Closed(detail)),
                Moment::Noted(PurseEntry { note: PurseNote::Opened, .. }) => Some(Happened::Opened),
            };
            past.moments.extend(happened.map(|happened| (at, happened)));
        }
        Ok(past)
    }

    /// The bounties in the order in which they came in. Elsewhere an entry is named by its index here.
    pub fn entries(&self) -> &[LedgerEntry] {
        &self.entries
    }

    /// The names of the strategies that decided.
    pub fn strategies(&self) -> BTreeSet<&str> {
        self.entries.iter().filter_map(|entry| entry.bet.as_ref()).map(|bet| bet.strategy.as_str()).collect()
    }
}
