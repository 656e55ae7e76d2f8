//! What happened while nobody listened: asked by HTTP, for one bounty or for all that are new.

use daemon_transactions::Guid;

use crate::client::{AssertionState, BountyState, VoteState};
use crate::event::{BountyPosted, Event, Message};
use crate::{Client, RequestError};

/// How many assertions are looked at one by one, where the list does not say which index is ours.
const INDICES_MAX: u64 = 256;

/// A bounty and our part in it, as they are now.
#[derive(Clone, PartialEq, Debug)]
pub struct Standing {
    /// The bounty.
    pub bounty: BountyState,
    /// Our assertion and its index, if there is one.
    pub ours: Option<(u64, AssertionState)>,
    /// All assertions that the server could read.
    pub assertions: Vec<AssertionState>,
    /// The votes so far.
    pub votes: Vec<VoteState>,
}

impl Standing {
    /// Whether our assertion is revealed.
    pub fn is_revealed(&self) -> bool {
        self.ours.as_ref().is_some_and(|(_, assertion)| assertion.is_revealed())
    }
}

impl BountyState {
    /// The bounty as the event that told of it, which may have been missed.
    pub fn to_event(&self) -> Message {
        let event = Event::Bounty(BountyPosted {
            guid: self.guid,
            artifact_type: self.artifact_type,
            author: self.author,
            amount: self.amount,
            uri: self.uri.clone(),
            expiration: self.expiration,
            metadata: self.metadata.clone(),
        });
        Message { event, block_number: None, txhash: None }
    }
}

impl Client {
    /// How a bounty stands now, and our part in it.
    ///
    /// # Errors
    /// If a request fails: which, on what, and why.
    pub async fn standing(&self, guid: Guid) -> Result<Standing, RequestError> {
        let bounty = self.bounty(guid).await?;
        let assertions = self.assertions(guid).await?;
        let ours = self.ours(guid, &assertions).await?;
        let votes = self.votes(guid).await?;
        Ok(Standing { bounty, ours, assertions, votes })
    }

    /// Our assertion on a bounty, and its index. After a crash this tells whether what was sent arrived: an account has at
    /// most one assertion on a bounty.
    ///
    /// # Errors
    /// If a request fails.
    pub async fn our_assertion(&self, guid: Guid) -> Result<Option<(u64, AssertionState)>, RequestError> {
        let assertions = self.assertions(guid).await?;
        self.ours(guid, &assertions).await
    }

    /// The index has to be right: a reveal of another's is refused. polyswarmd leaves out of its list what it could not read,
    /// so the place there is only where to begin.
    async fn ours(
        &self,
        guid: Guid,
        assertions: &[AssertionState],
    ) -> Result<Option<(u64, AssertionState)>, RequestError> {
        let account = self.account();
        let Some(place) = assertions.iter().position(|assertion| assertion.author == account) else { return Ok(None) };
        let wanted = (account, assertions[place].commitment);
        let is_ours = |assertion: &AssertionState| (assertion.author, assertion.commitment) == wanted;
        let mut index = u64::try_from(place).unwrap_or(u64::MAX);
        while index < INDICES_MAX {
            match self.assertion(guid, index).await {
                Ok(assertion) if is_ours(&assertion) => return Ok(Some((index, assertion))),
                Ok(_) => {}
                // One that cannot be read, as in the list.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
            index += 1;
        }
        Ok(None)
    }

    /// The newest guids, newest first: `count` at most. Finds the last page by halving, so it costs few requests whatever
    /// the number of bounties.
    ///
    /// # Errors
    /// If a request fails.
    pub async fn newest_guids(&self, count: usize) -> Result<Vec<Guid>, RequestError> {
        let mut last = match self.guids(0).await? {
            first if first.is_empty() => return Ok(Vec::new()),
            first => (0, first),
        };
        // The first page that is empty lies above `last` and at or below `empty`.
        let mut empty = 1;
        loop {
            let page = self.guids(empty).await?;
            if page.is_empty() {
                break;
            }
            last = (empty, page);
            match empty.checked_mul(2) {
                Some(next) if next <= PAGES_MAX => empty = next,
                _ => break,
            }
        }
        while empty - last.0 > 1 {
            let middle = last.0 + (empty - last.0) / 2;
            let page = self.guids(middle).await?;
            if page.is_empty() {
                empty = middle;
            } else {
                last = (middle, page);
            }
        }
        let (mut page, mut guids) = last;
        let mut newest = Vec::new();
        loop {
            newest.extend(guids.into_iter().rev().take(count - newest.len()));
            if newest.len() >= count || page == 0 {
                return Ok(newest);
            }
            page -= 1;
            guids = self.guids(page).await?;
        }
    }
}

/// Most pages that are asked for: 75 million bounties.
const PAGES_MAX: u64 = 1 << 20;
