//! Bounties that come again under a known id and say something else.
//!
//! The first bounty is the one that was accepted, and it stays. The second is reported, because its sender believes
//! that it was accepted. Recent bounties are remembered by a number each; if that is not conclusive, the journal is
//! read.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::rc::Rc;

use bytes::Bytes;
use daemon_base::text::causes;
use daemon_journal::Write;
use daemon_market::{Admission, BountyKey};
use serde_json::Value;
use tokio::task::spawn_local;
use tracing::warn;

use super::Engine;
use crate::metrics;

/// Number of remembered bounties: some megabytes.
const REMEMBERED_MAX: usize = 20_000;
/// Maximum number of field names in a log event.
const FIELDS_MAX: usize = 8;

/// Digests and bodies of recent bounties.
#[derive(Default)]
pub(super) struct Bodies {
    seen: HashMap<BountyKey, BodyFingerprints>,
    order: VecDeque<BountyKey>,
    hasher: RandomState,
}

/// Keyed digests of bodies, whose collisions senders cannot cause.
#[derive(Clone, Copy)]
struct BodyFingerprints {
    /// Total size of the stored bodies, in bytes.
    said: u64,
    /// Digest of the last differing body that was logged.
    otherwise: Option<u64>,
}

/// Result of comparing a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Compared {
    Same,
    /// The body differs, and that was logged.
    Otherwise,
    Unknown,
}

impl Bodies {
    fn number(&self, body: &[u8]) -> u64 {
        self.hasher.hash_one(body)
    }

    fn remember(&mut self, key: &BountyKey, said: &[u8], otherwise: Option<&[u8]>) {
        let seen = BodyFingerprints { said: self.number(said), otherwise: otherwise.map(|body| self.number(body)) };
        if self.seen.insert(key.clone(), seen).is_none() {
            self.order.push_back(key.clone());
        }
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }

    fn compare(&self, key: &BountyKey, body: &[u8]) -> Compared {
        let Some(seen) = self.seen.get(key) else { return Compared::Unknown };
        match self.number(body) {
            number if number == seen.said => Compared::Same,
            number if Some(number) == seen.otherwise => Compared::Otherwise,
            _ => Compared::Unknown,
        }
    }
}

impl Engine {
    /// Tells if a bounty that was known says something else than it did, in other fields than these.
    pub(super) fn compare(
        self: &Rc<Self>,
        key: &BountyKey,
        admission: Admission,
        body: &Bytes,
        observed: &'static [&'static str],
    ) {
        if admission == Admission::Accepted {
            return self.inner.borrow_mut().bodies.remember(key, body, None);
        }
        if admission != Admission::Known {
            return;
        }
        match self.inner.borrow().bodies.compare(key, body) {
            Compared::Same => {}
            Compared::Otherwise => metrics::reused_id(),
            Compared::Unknown => {
                let (engine, key, body) = (Rc::clone(self), key.clone(), body.clone());
                spawn_local(async move { engine.compare_with_journal(&key, &body, observed).await });
            }
        }
    }

    async fn compare_with_journal(&self, key: &BountyKey, body: &[u8], observed: &[&str]) {
        let entries = match self.parts.archive.find(key.id.clone()).await {
            Ok(entries) => entries,
            Err(error) => {
                return warn!(bounty = %key, why = causes(&error), "journal lookup failed");
            }
        };
        let first = entries.into_iter().find_map(|entry| match entry.record {
            Write::Bounty(taken) if taken.key == *key => Some(taken.wire),
            _ => None,
        });
        // What it said is gone once its details are let go of: then nobody can tell.
        let Some(first) = first.filter(|first| !first.is_empty()) else { return };
        let differ = differences(&first, body, observed);
        if differ.is_empty() {
            return self.inner.borrow_mut().bodies.remember(key, body, None);
        }
        self.inner.borrow_mut().bodies.remember(key, &first, Some(body));
        metrics::reused_id();
        warn!(
            bounty = %key,
            differ = differ.join(", "),
            "bounty id reused with other content: only the first is answered"
        );
    }
}

/// Names of the fields in which two bodies differ, but for those that were only observed; none where they say the same in
/// other words.
fn differences(first: &[u8], second: &[u8], observed: &[&str]) -> Vec<String> {
    let read = |body| serde_json::from_slice::<Value>(body).unwrap_or_default();
    let (first, second) = (read(first), read(second));
    let (Some(one), Some(other)) = (first.as_object(), second.as_object()) else {
        return if first == second { Vec::new() } else { vec!["everything".to_owned()] };
    };
    let mut names: Vec<&String> = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name))).collect();
    names.retain(|name| one.get(*name) != other.get(*name) && !observed.contains(&name.as_str()));
    names.into_iter().take(FIELDS_MAX).map(|name| name.chars().take(64).collect()).collect()
}

#[cfg(test)]
mod tests {
    use daemon_market::{BountyId, Phase};

    use super::*;

    #[test]
    fn what_says_the_same_in_other_words_is_no_difference() {
        let first = br#"{"id": 7, "artifact_uri": "a", "rules": {"min": 1}}"#;
        assert_eq!(differences(first, br#"{"rules":{"min":1},"artifact_uri":"a","id":7}"#, &[]), [""; 0]);
        assert_eq!(
            differences(first, br#"{"id": 7, "artifact_uri": "b", "rules": {"min": 2}, "more": 1}"#, &[]),
            ["artifact_uri", "rules", "more"]
        );
        assert_eq!(differences(b"[]", b"{}", &[]), ["everything"]);
    }

    #[test]
    fn what_was_only_observed_may_differ() {
        let (first, again) = (br#"{"guid": "a", "block": 3, "block_millis": 900}"#, br#"{"guid": "a", "block": 9}"#);
        assert_eq!(differences(first, again, &["block", "block_millis"]), [""; 0]);
        assert_eq!(differences(first, br#"{"guid": "b", "block": 9}"#, &["block", "block_millis"]), ["guid"]);
    }

    #[test]
    fn no_more_bodies_are_remembered_than_there_is_memory_for() {
        let mut bodies = Bodies::default();
        let key = |id: usize| BountyKey { id: BountyId::new(&id.to_string()), phase: Phase::Assertion };
        for id in 0..REMEMBERED_MAX + 10 {
            bodies.remember(&key(id), b"a", None);
            bodies.remember(&key(id), b"a", Some(b"b"));
        }
        assert_eq!((bodies.seen.len(), bodies.order.len()), (REMEMBERED_MAX, REMEMBERED_MAX));
        let last = key(REMEMBERED_MAX);
        let compared = [b"a", b"b", b"c"].map(|body| bodies.compare(&last, body));
        assert_eq!(compared, [Compared::Same, Compared::Otherwise, Compared::Unknown]);
        assert_eq!(bodies.compare(&key(0), b"a"), Compared::Unknown);
    }
}
