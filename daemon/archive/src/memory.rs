//! A journal that forgets with the process: for simulation and tests. Behaves as [`Sqlite`](crate::Sqlite) does.

use std::collections::HashMap;

use daemon_market::{BountyId, BountyKey, Phase};

use crate::record::NO_BOUNTY;
use crate::{
    Answered, Counts, Ended, Entry, Filter, Journal, JournalError, Outcome, Pending, Recall, Received, Story, Verified,
    Write, Written,
};

/// A journal in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    entries: Vec<Entry>,
    places: HashMap<BountyKey, Places>,
}

/// Where a bounty's records are among the entries.
#[derive(Clone, Copy, Debug)]
struct Places {
    bounty: usize,
    answer: Option<usize>,
    ending: Option<usize>,
}

impl Memory {
    /// An empty one.
    pub fn new() -> Self {
        Memory::default()
    }

    fn write(&mut self, write: &Write) -> Written {
        let next = self.entries.len();
        let key = write.key();
        let record = match (write, self.places.get_mut(key)) {
            (Write::Bounty(_), Some(_)) => return Written::Known,
            (Write::Bounty(_), None) => {
                self.places.insert(key.clone(), Places { bounty: next, answer: None, ending: None });
                write.clone()
            }
            (Write::Answer(answer), Some(places)) => {
                if let Some(old) = places.answer.and_then(|at| self.entries.get(at)).and_then(answer_of) {
                    return Written::Answered(old.body.clone());
                }
                places.answer = Some(next);
                Write::Answer(Answered {
                    confidence: answer.confidence_written(),
                    size: answer.size_written().map(i64::unsigned_abs),
                    ..answer.clone()
                })
            }
            (Write::Ending(_), Some(places)) => {
                if places.ending.is_some() {
                    return Written::Known;
                }
                places.ending = Some(next);
                write.clone()
            }
            (Write::Answer(_) | Write::Ending(_), None) => unreachable!("the batch was checked for strays"),
        };
        self.entries.push(Entry { n: next as u64 + 1, record });
        Written::Fresh
    }

    /// The first write of the batch that has no bounty, neither here nor before it.
    fn check_strays(&self, batch: &[Write]) -> Result<(), JournalError> {
        let mut coming = std::collections::HashSet::new();
        for write in batch {
            let key = write.key();
            match write {
                Write::Bounty(_) => {
                    coming.insert(key);
                }
                Write::Answer(_) | Write::Ending(_) => {
                    if !coming.contains(key) && !self.places.contains_key(key) {
                        return Err(JournalError::Unfit { key: key.clone(), why: NO_BOUNTY });
                    }
                }
            }
        }
        Ok(())
    }

    /// The story that begins with the entry, if one does.
    fn story(&self, entry: &Entry) -> Option<Story> {
        let Write::Bounty(bounty) = &entry.record else { return None };
        let places = self.places.get(&bounty.key)?;
        let at = |place: Option<usize>| place.and_then(|place| self.entries.get(place));
        let answer = at(places.answer).and_then(answer_of).cloned();
        let ending = at(places.ending).and_then(ending_of).cloned();
        Some(Story { bounty: bounty.clone(), answer, ending })
    }

    fn stories(&self) -> impl DoubleEndedIterator<Item = Story> {
        self.entries.iter().filter_map(|entry| self.story(entry))
    }
}

fn answer_of(entry: &Entry) -> Option<&Answered> {
    match &entry.record {
        Write::Answer(answer) => Some(answer),
        Write::Bounty(_) | Write::Ending(_) => None,
    }
}

fn ending_of(entry: &Entry) -> Option<&Ended> {
    match &entry.record {
        Write::Ending(ending) => Some(ending),
        Write::Bounty(_) | Write::Answer(_) => None,
    }
}

impl Recall for Memory {
    fn pending(&self) -> Result<Vec<Pending>, JournalError> {
        let open = self.stories().filter(|story| story.ending.is_none());
        Ok(open.map(|story| Pending { bounty: story.bounty, body: story.answer.map(|answer| answer.body) }).collect())
    }

    fn find(&self, id: &BountyId) -> Result<Vec<Entry>, JournalError> {
        let of_phase = |phase| self.places.get(&BountyKey { id: id.clone(), phase });
        let mut places: Vec<usize> = Phase::ALL
            .into_iter()
            .filter_map(of_phase)
            .flat_map(|places| [Some(places.bounty), places.answer, places.ending])
            .flatten()
            .collect();
        places.sort_unstable();
        Ok(places.into_iter().filter_map(|place| self.entries.get(place).cloned()).collect())
    }

    fn query(&self, filter: &Filter, limit: usize) -> Result<Vec<Story>, JournalError> {
        Ok(self.stories().rev().filter(|story| filter.lets_through(story)).take(limit).collect())
    }

    fn counts(&self) -> Result<Counts, JournalError> {
        let mut counts = Counts::default();
        for story in self.stories() {
            counts.bounties += 1;
            counts.answers += u64::from(story.answer.is_some());
            let outcome = story.ending.map_or(Outcome::Pending, |ending| ending.how.outcome());
            *counts.of(outcome) += 1;
        }
        Ok(counts)
    }

    /// Nothing here can be damaged: counts, and tells no link.
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, JournalError> {
        let mut verified = Verified::default();
        for entry in &self.entries {
            match entry.record {
                Write::Bounty(Received { .. }) => verified.bounties += 1,
                Write::Answer(_) => verified.answers += 1,
                Write::Ending(_) => verified.endings += 1,
            }
        }
        let all = self.entries.len() as u64;
        progress(all, all);
        Ok(verified)
    }
}

impl Journal for Memory {
    fn commit(&mut self, batch: &[Write]) -> Result<Vec<Written>, JournalError> {
        batch.iter().try_for_each(Write::check_size)?;
        self.check_strays(batch)?;
        Ok(batch.iter().map(|write| self.write(write)).collect())
    }
}
