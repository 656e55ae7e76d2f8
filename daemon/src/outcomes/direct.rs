//! Outcomes into a journal that no daemon has open.

use std::path::Path;

use daemon_archive::{Journal, JournalError, PurseEntry, Settled, Sqlite, Write, Written};
use daemon_market::{Nct, PurseNote, Timestamp};

use super::{About, Line, News, Told, judge, stories};

/// So many outcomes are committed at once.
const BATCH_MAX: usize = 256;

/// A journal opened to write outcomes into it.
pub struct Direct {
    journal: Sqlite,
    /// What an assertion costs, where nobody told.
    fee: Nct,
    batch: Vec<Write>,
}

impl Direct {
    /// Opens the journal in the archive `directory`. [`JournalError::Locked`] where a daemon has it.
    pub fn open(directory: &Path, fee: Nct) -> Result<Direct, JournalError> {
        Ok(Direct { journal: Sqlite::open(directory)?, fee, batch: Vec::new() })
    }

    /// Takes every line in.
    ///
    /// Whether losses close the purse is not decided here: a daemon that starts counts it from what is written down.
    pub fn tell(&mut self, lines: &[Line], now: Timestamp) -> Result<Told, JournalError> {
        let mut told = Told::default();
        for line in lines {
            told.lines += 1;
            if line.about == About::Purse {
                told.opened += 1;
                let (note, detail) = (PurseNote::Opened, line.outcome.source.clone());
                self.batch.push(Write::Purse(PurseEntry { at: now, note, detail }));
                continue;
            }
            let stories = stories(&self.journal, &line.about)?;
            told.unasked += u64::from(stories.is_empty());
            for story in stories {
                match judge(&story, &line.outcome, self.fee) {
                    News::Fresh(_) => {
                        let settled = Settled { key: story.bounty.key, at: now, outcome: line.outcome.clone() };
                        self.batch.push(Write::Settled(settled));
                    }
                    News::Known => told.known += 1,
                    News::Conflicting => told.conflicting += 1,
                    News::Pending => told.pending += 1,
                }
            }
            if self.batch.len() >= BATCH_MAX {
                self.commit(&mut told)?;
            }
        }
        self.commit(&mut told)?;
        Ok(told)
    }

    fn commit(&mut self, told: &mut Told) -> Result<(), JournalError> {
        let written = self.journal.commit(&self.batch)?;
        for (write, written) in self.batch.drain(..).zip(written) {
            match (write, written) {
                (Write::Purse(_), _) => {}
                (_, Written::Fresh) => told.fresh += 1,
                // Told twice within one batch.
                (_, Written::Known | Written::Answered(_)) => told.known += 1,
            }
        }
        Ok(())
    }
}
