//! Progress and summary of a run.

use std::collections::BTreeMap;

use daemon_market::{Nct, Profit};
use daemon_transactions::Address;
use serde::{Serialize, Serializer};

use super::accounts::Account;
use super::world::World;
use crate::Participant;
use crate::settings::ChainFault;

/// Progress of a run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ChainProgress {
    /// Total number of bounties.
    pub number: u64,
    /// Number of bounties on the chain.
    pub posted: u64,
    /// Number of bounties that are over.
    pub over: u64,
    /// Number of the last block.
    pub block: u64,
    /// Each engine's account.
    pub engines: Vec<ChainAccount>,
}

/// An account: what it did, and what that brought.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ChainAccount {
    /// Name, or else the address.
    pub name: String,
    /// Address.
    pub address: Address,
    /// Role.
    pub role: Participant,
    /// Number of bounties that it posted.
    pub posted: u64,
    /// Number of bounties that it asserted on.
    pub asserted: u64,
    /// Number of assertions that it revealed in time.
    pub revealed: u64,
    /// Number of bounties that it voted on.
    pub voted: u64,
    /// Number of bounties that it settled for itself.
    pub settled: u64,
    /// Number of its verdicts on single artifacts that are as labelled.
    pub right: u64,
    /// Number of those that are not.
    pub wrong: u64,
    /// Sum of its bids; of the ambassador, of its amounts.
    pub staked: Nct,
    /// Sum of its payouts.
    pub paid: Nct,
    /// Balance at the end.
    pub balance: Nct,
    /// Balance at the end less what it was given at the beginning.
    #[serde(serialize_with = "as_text")]
    pub profit: Profit,
    /// Number of its transactions that were mined and reverted, by reason.
    pub reverted: BTreeMap<String, u64>,
    /// Number of its transactions that were not taken, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// Summary of a run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ChainClosing {
    /// Random seed.
    pub seed: u64,
    /// Version of the contract.
    pub contract: String,
    /// Number of blocks.
    pub blocks: u64,
    /// Number of posted bounties.
    pub posted: u64,
    /// Number of posted bounties with a malicious artifact.
    pub malicious: u64,
    /// Number of bounties that are over.
    pub over: u64,
    /// Number of bounties that were over before everyone had settled.
    pub unsettled: u64,
    /// Number of bounties that were not posted, because their files could not be read or the contract refused.
    pub skipped: u64,
    /// All accounts: the ambassador, engines, rivals, arbiters.
    pub accounts: Vec<ChainAccount>,
    /// What is still locked in the registry.
    pub locked: Nct,
    /// All money.
    pub total: Nct,
    /// Whether all money was where it should be after every block, to the unit.
    pub conserved: bool,
    /// The first imbalance, if there was one.
    pub imbalance: Option<String>,
    /// How often each fault happened.
    pub faults: BTreeMap<ChainFault, u64>,
}

impl ChainClosing {
    /// The accounts of engines.
    pub fn engines(&self) -> impl Iterator<Item = &ChainAccount> {
        self.accounts.iter().filter(|account| account.role == Participant::Engine)
    }
}

pub(super) fn progress(world: &World) -> ChainProgress {
    let mut engines = accounts(world);
    engines.retain(|account| account.role == Participant::Engine);
    ChainProgress {
        number: world.bounties.number,
        posted: world.posted,
        over: world.over,
        block: world.chain.block(),
        engines,
    }
}

pub(super) fn closing(world: &World) -> ChainClosing {
    let locked = world.chain.token.balance(world.chain.registry.address);
    let imbalance = world.imbalance.or_else(|| world.chain.audit().err());
    ChainClosing {
        seed: world.seed,
        contract: world.chain.registry.terms.contract.version().to_owned(),
        blocks: world.chain.block(),
        posted: world.posted,
        malicious: world.malicious,
        over: world.over,
        unsettled: world.unsettled,
        skipped: world.skipped,
        accounts: accounts(world),
        locked,
        total: world.chain.token.deposited(),
        conserved: imbalance.is_none(),
        imbalance: imbalance.map(|imbalance| imbalance.to_string()),
        faults: world.faults.happened().clone(),
    }
}

/// All accounts, by role and name.
fn accounts(world: &World) -> Vec<ChainAccount> {
    let mut accounts: Vec<ChainAccount> =
        world.accounts.iter().map(|(address, account)| told(world, address, account)).collect();
    let rank = |account: &ChainAccount| match account.role {
        Participant::Ambassador => 0,
        Participant::Engine => 1,
        Participant::Rival => 2,
        Participant::Arbiter => 3,
        Participant::Registry => 4,
    };
    accounts.sort_by(|a, b| (rank(a), &a.name).cmp(&(rank(b), &b.name)));
    accounts
}

fn told(world: &World, address: Address, account: &Account) -> ChainAccount {
    let balance = world.chain.token.balance(address);
    ChainAccount {
        name: account.name.clone(),
        address,
        role: account.role,
        posted: account.posted,
        asserted: account.asserted,
        revealed: account.revealed,
        voted: account.voted,
        settled: account.settled,
        right: account.right,
        wrong: account.wrong,
        staked: account.staked,
        paid: account.paid,
        balance,
        profit: Profit::of(balance, account.deposited).unwrap_or_default(),
        reverted: account.reverted.clone(),
        refused: account.refused.clone(),
    }
}

fn as_text<S: Serializer>(profit: &Profit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(profit)
}
