//! A journal in memory, for simulation and tests. Behaves as the one on disk (`daemon-archive`) does.

use std::collections::HashMap;

use daemon_market::{BountyId, BountyKey, Nct, Phase, StepKind, Timestamp};

use crate::{
    Answered, BountyStatus, Corrected, Counts, Ended, Filter, Journal, JournalEntry, JournalError, Moment, NO_ANSWER,
    NO_BOUNTY, NO_OUTCOME, Pending, PendingAssertion, PurseRecord, PurseRow, Recall, Received, SETTLED_MIN, Settled,
    Shadowed, Stepped, Story, Verified, Write, WriteResult,
};

/// A journal in memory. It is gone when the process ends.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    entries: Vec<JournalEntry>,
    places: HashMap<BountyKey, Places>,
}

/// The positions of a bounty's records among the entries.
#[derive(Clone, Debug)]
struct Places {
    bounty: usize,
    answer: Option<usize>,
    ending: Option<usize>,
    settled: Option<usize>,
    corrected: Vec<usize>,
    steps: Vec<usize>,
    shadows: Vec<usize>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        MemoryJournal::default()
    }

    fn write(&mut self, write: &Write) -> WriteResult {
        let next = self.entries.len();
        let record = match (write, write.key().and_then(|key| self.places.get_mut(key))) {
            (Write::Bounty(_), Some(_)) => return WriteResult::Known,
            (Write::Bounty(bounty), None) => {
                let places = Places {
                    bounty: next,
                    answer: None,
                    ending: None,
                    settled: None,
                    corrected: Vec::new(),
                    steps: Vec::new(),
                    shadows: Vec::new(),
                };
                self.places.insert(bounty.key.clone(), places);
                write.clone()
            }
            (Write::Answer(answer), Some(places)) => {
                if let Some(old) = places.answer.and_then(|at| self.entries.get(at)).and_then(answer_of) {
                    return WriteResult::Answered(old.body.clone());
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
                    return WriteResult::Known;
                }
                places.ending = Some(next);
                write.clone()
            }
            (Write::Settled(_), Some(places)) => {
                if places.settled.is_some() {
                    return WriteResult::Known;
                }
                places.settled = Some(next);
                write.clone()
            }
            (Write::Corrected(_), Some(places)) => {
                places.corrected.push(next);
                write.clone()
            }
            (Write::Step(stepped), Some(places)) => {
                let known = places.steps.iter().filter_map(|at| self.entries.get(*at)).filter_map(step_of);
                let same = |known: &Stepped| {
                    let (known, new) = (&known.step, &stepped.step);
                    known.kind == new.kind
                        && (new.kind != StepKind::Settling || known.place.transaction == new.place.transaction)
                };
                if known.into_iter().any(same) {
                    return WriteResult::Known;
                }
                places.steps.push(next);
                write.clone()
            }
            (Write::Shadow(shadowed), Some(places)) => {
                let known = places.shadows.iter().filter_map(|at| self.entries.get(*at)).filter_map(shadow_of);
                if known.into_iter().any(|known| known.artifact == shadowed.artifact) {
                    return WriteResult::Known;
                }
                places.shadows.push(next);
                Write::Shadow(Shadowed { confidence: shadowed.confidence_written(), ..shadowed.clone() })
            }
            (Write::Purse(_), _) => write.clone(),
            (
                Write::Answer(_)
                | Write::Ending(_)
                | Write::Settled(_)
                | Write::Corrected(_)
                | Write::Step(_)
                | Write::Shadow(_),
                None,
            ) => unreachable!("the batch was checked for strays"),
        };
        self.entries.push(JournalEntry { n: next as u64 + 1, record });
        WriteResult::Fresh
    }

    /// Refuses the batch if one of its writes has no bounty, neither in the journal nor earlier in the batch.
    fn check_strays(&self, batch: &[Write]) -> Result<(), JournalError> {
        let mut coming = std::collections::HashSet::new();
        let mut settling = std::collections::HashSet::new();
        let mut answering = std::collections::HashSet::new();
        for write in batch {
            let Some(key) = write.key() else { continue };
            match write {
                Write::Bounty(_) => {
                    coming.insert(key);
                }
                Write::Answer(_) | Write::Ending(_) | Write::Settled(_) | Write::Shadow(_) => {
                    if !coming.contains(key) && !self.places.contains_key(key) {
                        return Err(write.unfit(NO_BOUNTY));
                    }
                    match write {
                        Write::Settled(_) => drop(settling.insert(key)),
                        Write::Answer(_) => drop(answering.insert(key)),
                        _ => {}
                    }
                }
                Write::Corrected(_) => {
                    let settled = self.places.get(key).is_some_and(|places| places.settled.is_some());
                    if !settled && !settling.contains(key) {
                        return Err(write.unfit(NO_OUTCOME));
                    }
                }
                Write::Step(_) => {
                    let answered = self.places.get(key).is_some_and(|places| places.answer.is_some());
                    if !answered && !answering.contains(key) {
                        return Err(write.unfit(NO_ANSWER));
                    }
                }
                Write::Purse(_) => {}
            }
        }
        Ok(())
    }

    /// The story of the bounty that came in with this entry; `None` for any other record.
    fn story(&self, entry: &JournalEntry) -> Option<Story> {
        let Write::Bounty(bounty) = &entry.record else { return None };
        let places = self.places.get(&bounty.key)?;
        let at = |place: Option<usize>| place.and_then(|place| self.entries.get(place));
        let answer = at(places.answer).and_then(answer_of).cloned();
        let ending = at(places.ending).and_then(ending_of).cloned();
        let settled = at(places.settled).and_then(settled_of).cloned();
        let corrected = at(places.corrected.last().copied()).and_then(corrected_of).cloned();
        let steps = self.steps(places);
        let shadows = places.shadows.iter().filter_map(|at| self.entries.get(*at)).filter_map(shadow_of);
        let shadow = shadows.into_iter().find(|shadowed| shadowed.artifact == 0).cloned();
        let story = Story { bounty: bounty.clone(), answer, ending, settled: None, corrected: None, steps, shadow };
        Some(story.with_settled(settled, corrected))
    }

    fn steps(&self, places: &Places) -> Vec<Stepped> {
        places.steps.iter().filter_map(|at| self.entries.get(*at)).filter_map(step_of).cloned().collect()
    }

    fn stories(&self) -> impl DoubleEndedIterator<Item = Story> {
        self.entries.iter().filter_map(|entry| self.story(entry))
    }
}

fn answer_of(entry: &JournalEntry) -> Option<&Answered> {
    if let Write::Answer(answer) = &entry.record { Some(answer) } else { None }
}

fn ending_of(entry: &JournalEntry) -> Option<&Ended> {
    if let Write::Ending(ending) = &entry.record { Some(ending) } else { None }
}

fn settled_of(entry: &JournalEntry) -> Option<&Settled> {
    if let Write::Settled(settled) = &entry.record { Some(settled) } else { None }
}

fn corrected_of(entry: &JournalEntry) -> Option<&Corrected> {
    if let Write::Corrected(corrected) = &entry.record { Some(corrected) } else { None }
}

fn step_of(entry: &JournalEntry) -> Option<&Stepped> {
    if let Write::Step(stepped) = &entry.record { Some(stepped) } else { None }
}

fn shadow_of(entry: &JournalEntry) -> Option<&Shadowed> {
    if let Write::Shadow(shadowed) = &entry.record { Some(shadowed) } else { None }
}

impl Recall for MemoryJournal {
    fn pending(&self) -> Result<Vec<Pending>, JournalError> {
        let open = self.stories().filter(|story| story.ending.is_none());
        Ok(open.map(|story| Pending { bounty: story.bounty, body: story.answer.map(|answer| answer.body) }).collect())
    }

    fn pending_assertions(&self) -> Result<Vec<PendingAssertion>, JournalError> {
        let open = self.stories().filter(Story::is_assertion_open);
        let pending = |story: Story| {
            let body = story.answer?.body;
            Some(PendingAssertion { bounty: story.bounty, body, steps: story.steps })
        };
        Ok(open.filter_map(pending).collect())
    }

    fn find(&self, id: &BountyId) -> Result<Vec<JournalEntry>, JournalError> {
        let of_phase = |phase| self.places.get(&BountyKey { id: id.clone(), phase });
        let mut places: Vec<usize> = Phase::ALL
            .into_iter()
            .filter_map(of_phase)
            .flat_map(|places| {
                let once = [Some(places.bounty), places.answer, places.ending, places.settled];
                let several = places.corrected.iter().chain(&places.steps).chain(&places.shadows);
                once.into_iter().flatten().chain(several.copied())
            })
            .collect();
        places.sort_unstable();
        Ok(places.into_iter().filter_map(|place| self.entries.get(place).cloned()).collect())
    }

    fn query(&self, filter: &Filter, limit: usize) -> Result<Vec<Story>, JournalError> {
        Ok(self.stories().rev().filter(|story| filter.lets_through(story)).take(limit).collect())
    }

    fn each(&self, filter: &Filter, see: &mut dyn FnMut(Story)) -> Result<(), JournalError> {
        self.stories().filter(|story| filter.lets_through(story)).for_each(see);
        Ok(())
    }

    fn purse(&self, since: Timestamp) -> Result<Vec<PurseRow>, JournalError> {
        let staked = |key: &BountyKey| {
            let answer = self.places.get(key).and_then(|places| self.entries.get(places.answer?)).and_then(answer_of);
            answer.filter(|answer| answer.bid > Nct::ZERO)
        };
        let outcomes = self.entries.iter().rev().filter(|entry| matches!(entry.record, Write::Settled(_)));
        let latest = outcomes.take(SETTLED_MIN).last().map_or(u64::MAX, |entry| entry.n);
        let held = |key: &BountyKey| {
            let bounty = self.places.get(key).and_then(|places| self.entries.get(places.bounty));
            bounty.and_then(|entry| self.story(entry)).is_some_and(|story| story.is_assertion_open())
        };
        let ended = |key: &BountyKey| {
            // What the chain has arrived, whatever became of the attempt to send it.
            if self.places.get(key).is_some_and(|places| !places.steps.is_empty()) {
                return None;
            }
            let ending = self.places.get(key).and_then(|places| self.entries.get(places.ending?)).and_then(ending_of);
            ending.map(|ended| (ended.how, ended.attempts))
        };
        let mut records: Vec<PurseRow> = self
            .entries
            .iter()
            .filter(|entry| match &entry.record {
                Write::Settled(Settled { at, .. }) => *at >= since || entry.n >= latest,
                Write::Answer(Answered { key, at, .. }) => *at >= since || held(key),
                Write::Step(Stepped { key, at, .. }) => *at >= since || held(key),
                Write::Ending(Ended { at, .. }) => *at >= since,
                Write::Corrected(_) | Write::Purse(_) => true,
                Write::Bounty(_) | Write::Shadow(_) => false,
            })
            .filter_map(|entry| {
                Some((
                    entry.n,
                    match &entry.record {
                        Write::Bounty(_) | Write::Shadow(_) => None,
                        Write::Answer(answer) => {
                            let Answered { key, at, bid, .. } = answer;
                            (*bid > Nct::ZERO).then(|| PurseRecord::Staked { key: key.clone(), at: *at, bid: *bid })
                        }
                        Write::Ending(Ended { key, at, how, attempts, .. }) => staked(key)
                            .filter(|answer| answer.at >= since)
                            .map(|_| PurseRecord::Ended { key: key.clone(), at: *at, how: *how, attempts: *attempts }),
                        Write::Settled(Settled { key, at, outcome }) => {
                            staked(key).map(|answer| PurseRecord::Settled {
                                key: key.clone(),
                                at: *at,
                                verdict: answer.verdict,
                                bid: answer.bid,
                                outcome: outcome.clone(),
                                bet: answer.bet.clone(),
                                ended: ended(key),
                            })
                        }
                        Write::Corrected(Corrected { key, at, correction }) => {
                            staked(key).map(|answer| PurseRecord::Corrected {
                                key: key.clone(),
                                at: *at,
                                verdict: answer.verdict,
                                bid: answer.bid,
                                outcome: daemon_market::SettlementNotice::default().corrected(correction),
                                bet: answer.bet.clone(),
                                ended: ended(key),
                            })
                        }
                        Write::Step(Stepped { key, at, step }) => {
                            let kind = step.kind;
                            matches!(kind, StepKind::Pledged | StepKind::Void).then(|| PurseRecord::Stepped {
                                key: key.clone(),
                                at: *at,
                                kind,
                            })
                        }
                        Write::Purse(note) => Some(PurseRecord::Noted(note.clone())),
                    }?,
                ))
            })
            .collect();
        records.sort_by_key(|(_, record)| record.at());
        Ok(records)
    }

    fn past(&self) -> Result<Vec<Moment>, JournalError> {
        let moment = |entry: &JournalEntry| match &entry.record {
            Write::Bounty(_) | Write::Shadow(_) => None,
            Write::Answer(Answered { key, at, .. }) => Some(Moment::Answered { key: key.clone(), at: *at }),
            Write::Ending(Ended { key, at, .. }) => Some(Moment::Ended { key: key.clone(), at: *at }),
            Write::Settled(Settled { key, at, .. }) => Some(Moment::Settled { key: key.clone(), at: *at }),
            Write::Corrected(corrected) => Some(Moment::Corrected(corrected.clone())),
            Write::Step(Stepped { key, at, step }) => matches!(step.kind, StepKind::Pledged | StepKind::Void)
                .then(|| Moment::Stepped { key: key.clone(), at: *at, kind: step.kind }),
            Write::Purse(note) => Some(Moment::Noted(note.clone())),
        };
        let mut moments: Vec<Moment> = self.entries.iter().filter_map(moment).collect();
        moments.sort_by_key(Moment::at);
        Ok(moments)
    }

    fn counts(&self) -> Result<Counts, JournalError> {
        let mut counts = Counts::default();
        for story in self.stories() {
            counts.bounties += 1;
            counts.answers += u64::from(story.answer.is_some());
            counts.settled += u64::from(story.settled.is_some());
            let outcome = story.ending.map_or(BountyStatus::Pending, |ending| ending.how.outcome());
            *counts.of(outcome) += 1;
        }
        Ok(counts)
    }

    /// Only counts: nothing in memory can be damaged, and there are no links.
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, JournalError> {
        let mut verified = Verified::default();
        for entry in &self.entries {
            match entry.record {
                Write::Bounty(Received { .. }) => verified.bounties += 1,
                Write::Answer(_) => verified.answers += 1,
                Write::Ending(_) => verified.endings += 1,
                Write::Settled(_) => verified.outcomes += 1,
                Write::Corrected(_) => verified.corrections += 1,
                Write::Step(_) => verified.steps += 1,
                Write::Shadow(_) => verified.shadows += 1,
                Write::Purse(_) => verified.notes += 1,
            }
        }
        let all = self.entries.len() as u64;
        progress(all, all);
        Ok(verified)
    }
}

impl Journal for MemoryJournal {
    fn commit(&mut self, batch: &[Write]) -> Result<Vec<WriteResult>, JournalError> {
        batch.iter().try_for_each(Write::check_size)?;
        self.check_strays(batch)?;
        Ok(batch.iter().map(|write| self.write(write)).collect())
    }
}
