//! Outcomes into a journal that no daemon has open.

use std::collections::HashSet;
use std::path::Path;

use daemon_archive::Sqlite;
use daemon_journal::{Corrected, Journal, JournalError, PurseEntry, Settled, Write};
use daemon_market::{BountyKey, Nct, PurseNote, Timestamp};
use daemon_settlement::{About, SettlementLine};

use super::{ImportSummary, News, judge, stories};

/// Maximum number of settlements per commit.
const BATCH_MAX: usize = 256;

/// A journal opened to write outcomes into it.
pub struct Direct {
    journal: Sqlite,
    /// Fee of an assertion, if it is not known.
    fee: Nct,
    batch: Vec<Write>,
    /// Bounties in the current batch: further lines about them are judged after its commit.
    about: HashSet<BountyKey>,
}

impl Direct {
    /// Opens the journal in the archive `directory`. [`JournalError::Locked`] where a daemon has it.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal cannot be opened.
    pub fn open(directory: &Path, fee: Nct) -> Result<Direct, JournalError> {
        Ok(Direct { journal: Sqlite::open(directory)?, fee, batch: Vec::new(), about: HashSet::new() })
    }

    /// Takes every line in.
    ///
    /// Whether losses close the purse is not decided here: a daemon that starts counts it from what is written down.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal cannot be read or written. Lines before that may have been written; told again,
    /// they change nothing.
    pub fn tell(&mut self, lines: &[SettlementLine], now: Timestamp) -> Result<ImportSummary, JournalError> {
        let mut told = ImportSummary::default();
        for line in lines {
            told.lines += 1;
            if line.about == About::Purse {
                told.opened += 1;
                let (note, detail) = (PurseNote::Opened, line.outcome.source.clone());
                self.batch.push(Write::Purse(PurseEntry { at: now, note, detail }));
                continue;
            }
            let mut stories = stories(&self.journal, &line.about)?;
            if stories.iter().any(|story| self.about.contains(&story.bounty.key)) {
                self.commit(&mut told)?;
                stories = super::stories(&self.journal, &line.about)?;
            }
            told.unasked += u64::from(stories.is_empty());
            for story in stories {
                let key = story.bounty.key.clone();
                let write = match judge(&story, line, self.fee) {
                    News::Settled(_) => {
                        Write::Settled(Settled { key: key.clone(), at: now, outcome: line.outcome.clone() })
                    }
                    News::Corrected(correction, _) => {
                        Write::Corrected(Corrected { key: key.clone(), at: now, correction })
                    }
                    other => {
                        told = told.and(other.told());
                        continue;
                    }
                };
                self.about.insert(key);
                self.batch.push(write);
            }
            if self.batch.len() >= BATCH_MAX {
                self.commit(&mut told)?;
            }
        }
        self.commit(&mut told)?;
        Ok(told)
    }

    fn commit(&mut self, told: &mut ImportSummary) -> Result<(), JournalError> {
        self.journal.commit(&self.batch)?;
        self.about.clear();
        for write in self.batch.drain(..) {
            match write {
                Write::Corrected(_) => told.corrected += 1,
                Write::Purse(_) => {}
                _ => told.fresh += 1,
            }
        }
        Ok(())
    }
}
