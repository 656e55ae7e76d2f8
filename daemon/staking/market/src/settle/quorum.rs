//! How the arbiters' votes are counted, one after the other, and what they make the truth.

use super::{Bits, ContractVersion, SettleError, Settling};

/// How the votes of the arbiters went.
///
/// An artifact has quorum as soon as the arbiters who have not voted cannot turn it any more. From then on its malicious
/// votes are counted no further; all votes still count against them when the truth is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quorum {
    /// For each artifact, the malicious votes up to its quorum.
    pub malicious_votes: Vec<u32>,
    /// Which artifacts reached quorum.
    pub reached: Bits,
    /// Number, from 0, of the vote with which every artifact had quorum or every arbiter had voted. The bounty can be
    /// settled then, without waiting for the end of the vote.
    pub reached_by_vote: Option<usize>,
}

impl Quorum {
    /// Counts the votes of a bounty as that version of the contract does.
    ///
    /// # Errors
    ///
    /// If there are more votes than arbiters.
    pub fn of(contract: ContractVersion, what: &Settling) -> Result<Quorum, SettleError> {
        let weight = contract.malicious_weight();
        let arbiters = u64::from(what.arbiter_count);
        let mut malicious = vec![0; what.num_artifacts];
        let mut reached = Bits::default();
        let mut reached_by_vote = None;
        for (number, vote) in what.votes.iter().enumerate() {
            let voted = number as u64 + 1;
            for (artifact, malicious) in malicious.iter_mut().enumerate() {
                if reached.has(artifact) {
                    continue;
                }
                *malicious += u32::from(vote.has(artifact));
                let malicious = u64::from(*malicious);
                // Every malicious vote is one of those cast, so this difference cannot be below nothing.
                let benign = voted - malicious;
                let benign_most = arbiters.checked_sub(malicious).ok_or(SettleError::Vote(number))?;
                let malicious_most = arbiters.checked_sub(benign).ok_or(SettleError::Vote(number))?;
                // A malicious vote weighs 10 at most, and there are fewer than 2^32 arbiters: no product overflows.
                if malicious * weight >= benign_most || benign > malicious_most * weight {
                    reached.set(artifact);
                }
            }
            if reached_by_vote.is_none() && (voted == arbiters || reached.count() == what.num_artifacts) {
                reached_by_vote = Some(number);
            }
        }
        Ok(Quorum { malicious_votes: malicious, reached, reached_by_vote })
    }

    /// For each artifact, whether it is malicious; a tie by weight is malicious. Empty if nobody voted.
    pub(super) fn truth(&self, contract: ContractVersion, votes: usize) -> Vec<bool> {
        if votes == 0 {
            return Vec::new();
        }
        let malicious = |count: &u32| {
            let count = u64::from(*count);
            count * contract.malicious_weight() >= votes as u64 - count
        };
        self.malicious_votes.iter().map(malicious).collect()
    }
}
