//! What is counted of each account: what it did on the chain, and what that cost and brought.

use std::collections::BTreeMap;

use daemon_market::Nct;
use daemon_transactions::{Address, Guid};

use super::chain::Logged;
use super::parties::Parties;
use super::receipt::{EmittedEvent, NewAssertion, Reveal};
use super::registry::Registry;
use crate::Participant;

/// Most reasons that are counted one by one, and longest reason, in characters.
const REASONS_MAX: usize = 64;
const REASON_CHARS_MAX: usize = 200;

/// An account and what was counted of it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) role: Participant,
    /// What it was given from outside.
    pub(super) deposited: Nct,
    pub(super) posted: u64,
    pub(super) asserted: u64,
    pub(super) revealed: u64,
    pub(super) voted: u64,
    pub(super) settled: u64,
    /// Sum of bids; of the ambassador, of amounts.
    pub(super) staked: Nct,
    /// Sum of payouts.
    pub(super) paid: Nct,
    /// Verdicts on artifacts that were revealed, by whether they are as labelled.
    pub(super) right: u64,
    pub(super) wrong: u64,
    /// Transactions that were mined and reverted, by the reason.
    pub(super) reverted: BTreeMap<String, u64>,
    /// Transactions that were not taken, by the reason.
    pub(super) refused: BTreeMap<String, u64>,
}

impl Account {
    fn new(name: String, role: Participant, deposited: Nct) -> Account {
        Account {
            name,
            role,
            deposited,
            posted: 0,
            asserted: 0,
            revealed: 0,
            voted: 0,
            settled: 0,
            staked: Nct::ZERO,
            paid: Nct::ZERO,
            right: 0,
            wrong: 0,
            reverted: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }
}

/// All accounts that anything is known of.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts(BTreeMap<Address, Account>);

impl Accounts {
    pub(super) fn admit(&mut self, account: Address, name: String, role: Participant, deposited: Nct) {
        self.0.insert(account, Account::new(name, role, deposited));
    }

    pub(super) fn get(&self, account: Address) -> Option<&Account> {
        self.0.get(&account)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Address, &Account)> {
        self.0.iter().map(|(address, account)| (*address, account))
    }

    /// How many accounts are not of this market's own.
    pub(super) fn engines(&self) -> usize {
        self.0.values().filter(|account| account.role == Participant::Engine).count()
    }

    /// Counts a transaction that was mined and reverted.
    pub(super) fn reverted(&mut self, account: Address, why: &str) {
        if let Some(account) = self.0.get_mut(&account) {
            count(&mut account.reverted, why);
        }
    }

    /// Counts a transaction that was not taken.
    pub(super) fn refused(&mut self, account: Address, why: &str) {
        if let Some(account) = self.0.get_mut(&account) {
            count(&mut account.refused, why);
        }
    }

    /// Counts an event.
    pub(super) fn count(&mut self, logged: &Logged, registry: &Registry, parties: &Parties) {
        match &logged.event {
            EmittedEvent::Bounty(bounty) => self.of(bounty.author, |account| {
                account.posted += 1;
                account.staked = account.staked.saturating_add(bounty.amount);
            }),
            EmittedEvent::Assertion(NewAssertion { author, bids, .. }) => self.of(*author, |account| {
                account.asserted += 1;
                account.staked = bids.iter().fold(account.staked, |sum, bid| sum.saturating_add(*bid));
            }),
            EmittedEvent::Reveal(reveal) => {
                let (right, wrong) = judge(reveal, registry, parties);
                self.of(reveal.author, |account| {
                    account.revealed += 1;
                    account.right += right;
                    account.wrong += wrong;
                });
            }
            EmittedEvent::Vote { voter, .. } => self.of(*voter, |account| account.voted += 1),
            EmittedEvent::Settled { settler, payout, .. } => self.of(*settler, |account| {
                account.settled += 1;
                account.paid = account.paid.saturating_add(*payout);
            }),
            EmittedEvent::Transfer { .. }
            | EmittedEvent::Quorum { .. }
            | EmittedEvent::Fees { .. }
            | EmittedEvent::Windows { .. }
            | EmittedEvent::Deprecated { .. }
            | EmittedEvent::Undeprecated => {}
        }
    }

    fn of(&mut self, account: Address, what: impl FnOnce(&mut Account)) {
        if let Some(account) = self.0.get_mut(&account) {
            what(account);
        }
    }
}

/// Counts a reason. Those who send decide what the reasons are, so there is a limit to their number and length.
fn count(reasons: &mut BTreeMap<String, u64>, why: &str) {
    let why: String = why.chars().take(REASON_CHARS_MAX).collect();
    let is_known = reasons.contains_key(&why);
    let why = if is_known || reasons.len() < REASONS_MAX { why } else { "other reasons".to_owned() };
    *reasons.entry(why).or_default() += 1;
}

/// How many of the verdicts that are revealed are as labelled, and how many not.
fn judge(reveal: &Reveal, registry: &Registry, parties: &Parties) -> (u64, u64) {
    let mask = mask_of(registry, reveal.guid, reveal.index);
    let (Some(truth), Some(mask)) = (parties.truth(reveal.guid), mask) else { return (0, 0) };
    let said = truth.iter().enumerate().filter(|(artifact, _)| mask.bit(*artifact));
    said.fold(
        (0, 0),
        |(right, wrong), (artifact, truth)| {
            if reveal.verdicts.bit(artifact) == *truth { (right + 1, wrong) } else { (right, wrong + 1) }
        },
    )
}

fn mask_of(registry: &Registry, guid: Guid, index: usize) -> Option<alloy_primitives::U256> {
    Some(registry.bounties.get(&guid)?.assertions.get(index)?.mask)
}
