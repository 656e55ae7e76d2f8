//! Whatever happens in whatever order: nothing is sent that is not written down, and no count is lost.

use proptest::prelude::*;

use super::tests::{Life, SECOND, at, bounty, judgement, key};
use super::*;
use crate::{Findings, Refusal, Skip, Verdict};

/// An event about one of four bounties, from small numbers.
fn event(kind: u8, which: u8) -> Event {
    let id = ["a", "b", "c", "d"][usize::from(which) % 4];
    let key = key(id);
    let life = [5 * SECOND, 20 * SECOND, 60 * SECOND][usize::from(which) % 3];
    match kind % 13 {
        0 => Event::Received { caller: 0, bounty: bounty(id, life) },
        1 => Event::BountyWritten { key, written: Written::Fresh },
        2 => Event::BountyWritten { key, written: Written::Failed },
        3 => Event::Recovered { bounty: bounty(id, life), answered: which.is_multiple_of(2) },
        4 => Event::Fetched { key, artifact: 0, declined: None },
        5 => Event::NotFetched {
            key,
            artifact: 0,
            refusal: Refusal { skip: Skip::CannotFetch, why: String::new() },
            findings: Findings::default(),
        },
        6 => Event::Examined { key, artifact: 0, judgement: judgement(Verdict::Malicious) },
        7 => Event::AnswerWritten { key },
        8 => Event::Taken { key, status: 200 },
        9 => Event::Refused { key, status: 400, why: String::new() },
        10 => Event::NotSent { key, after: SECOND, why: String::new() },
        11 => Event::EndingWritten { key, written: Written::Fresh },
        _ => Event::Tick,
    }
}

proptest! {
    #[test]
    fn no_sequence_of_events_sends_what_is_not_written_or_loses_count(
        events in prop::collection::vec((0..13u8, 0..12u8, 0..3_000u64), 0..200)
    ) {
        let mut life = Life::new(BountyPolicy { fetching_max: 2, examining_max: 2, open_max: 3, ..BountyPolicy::default() });
        let mut answers = HashMap::new();
        for (kind, which, millis) in events {
            life.now += Duration::from_millis(millis);
            let mut effects = Vec::new();
            let event = event(kind, which);
            let recovered = match &event {
                Event::Recovered { bounty, answered: true } => {
                    Some(bounty.key.clone()).filter(|key| life.bounties.state(key).is_none())
                }
                Event::AnswerWritten { key } => Some(key.clone())
                    .filter(|key| matches!(life.bounties.state(key), Some(BountyState::Answering | BountyState::Declined))),
                _ => None,
            };
            life.bounties.step(event, at(life.now), &mut effects);
            if let Some(key) = recovered {
                answers.insert(key, true);
            }
            for effect in &effects {
                match effect {
                    Effect::WriteAnswer { key, .. } => {
                        prop_assert!(!answers.get(key).copied().unwrap_or(false), "answered twice: {key}");
                        answers.insert(key.clone(), false);
                    }
                    Effect::Send { key, .. } => prop_assert_eq!(answers.get(key), Some(&true)),
                    Effect::Forget(key) => drop(answers.remove(key)),
                    _ => {}
                }
            }
            let census: usize = life.bounties.census().iter().map(|(_, count)| count).sum();
            prop_assert_eq!(census, life.bounties.open());
            prop_assert!(life.bounties.fetching <= 2 && life.bounties.examining <= 2);
            let with_workers = life.bounties.cases.values().filter(|case| case.has_worker()).count();
            prop_assert_eq!(with_workers, life.bounties.examining);
            let in_rooms = life.bounties.cases.values()
                .filter(|case| matches!(case.state, BountyState::Fetching | BountyState::Fetched)).count();
            prop_assert_eq!(in_rooms, life.bounties.fetching);
            let alarms = life.bounties.cases.values().filter(|case| case.alarm.is_some()).count();
            prop_assert_eq!(alarms, life.bounties.alarms.len());
            prop_assert!(life.bounties.alarm().is_none_or(|alarm| !matches!(kind % 13, 12) || alarm > life.now));
        }
    }
}
