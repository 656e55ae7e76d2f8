//! Which stories a query returns.

use std::borrow::Cow;

use daemon_market::{BountyId, Timestamp, Verdict};

use crate::{BountyStatus, Story};

/// Which stories a query returns: those that meet every condition given here. The default has none, and so matches all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// The bounty came in at this time or later.
    pub since: Option<Timestamp>,
    /// The bounty came in before this time.
    pub until: Option<Timestamp>,
    /// The answer's verdict.
    pub verdict: Option<Verdict>,
    /// The bounty's status.
    pub outcome: Option<BountyStatus>,
    /// Whether the bounty was settled.
    pub settled: Option<bool>,
    /// The SHA-256 of the artifact that was examined.
    pub sha256: Option<[u8; 32]>,
    /// The bounty's id.
    pub id: Option<BountyId>,
    /// A text that occurs in the delivery, the kind, a comment, the report, the generation or the ending's detail. Case
    /// matters.
    pub text: Option<String>,
}

impl Filter {
    /// Whether a story meets every condition.
    pub fn lets_through(&self, story: &Story) -> bool {
        let answer = story.answer.as_ref();
        let outcome = story.ending.as_ref().map_or(BountyStatus::Pending, |ending| ending.how.outcome());
        let says = |text: &String| {
            let of_answer = answer.is_some_and(|answer| {
                [&answer.kind, &answer.report, &answer.generation].into_iter().any(|field| field.contains(text))
                    || comments_json(&answer.comments).contains(text.as_str())
            });
            let of_ending = story.ending.as_ref().is_some_and(|ending| ending.detail.contains(text));
            story.bounty.delivery.contains(text) || of_answer || of_ending
        };
        self.since.is_none_or(|since| story.bounty.received >= since)
            && self.until.is_none_or(|until| story.bounty.received < until)
            && self.verdict.is_none_or(|verdict| answer.is_some_and(|answer| answer.verdict == verdict))
            && self.outcome.is_none_or(|wanted| outcome == wanted)
            && self.settled.is_none_or(|settled| story.settled.is_some() == settled)
            && self.sha256.is_none_or(|sha256| answer.is_some_and(|answer| answer.sha256 == Some(sha256)))
            && self.id.as_ref().is_none_or(|id| story.bounty.key.id == *id)
            && self.text.as_ref().is_none_or(says)
    }
}

/// The comments of an answer as they are stored and searched: a JSON array.
#[expect(clippy::missing_panics_doc, reason = "texts always serialize")]
pub fn comments_json(comments: &[String]) -> Cow<'static, str> {
    if comments.is_empty() {
        return "[]".into();
    }
    serde_json::to_string(comments).expect("texts always serialize").into()
}
