//! A chain in memory: blocks, accounts' nonces, transactions that wait, and what became of those that are mined.
//!
//! A block holds, in the order of arrival, every waiting transaction whose nonce is its sender's next. After each block
//! the money is counted ([`Chain::audit`]).

use std::collections::{BTreeMap, HashMap, VecDeque};

use alloy_primitives::{B256, U256, keccak256};
use daemon_market::Nct;
use daemon_transactions::Address;

use super::call::RegistryCall;
use super::receipt::{EmittedEvent, Reverted};
use super::registry::{Registry, Sent, Terms};
use super::token::Token;

/// Most transactions that wait at once, of all accounts.
const POOL_MAX: usize = 10_000;
/// Most transactions of one account that wait at once.
const POOL_OF_ACCOUNT_MAX: usize = 1_000;
/// Most transactions whose receipts are kept.
const RECEIPTS_MAX: usize = 200_000;

/// A transaction that is in the pool, or mined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Transaction {
    pub(super) hash: B256,
    pub(super) sender: Address,
    pub(super) nonce: u64,
    pub(super) call: RegistryCall,
}

/// What became of a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Receipt {
    pub(super) block: u64,
    pub(super) outcome: Result<Vec<EmittedEvent>, Reverted>,
}

/// An event with the transaction that emitted it; the registry's managers need none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Logged {
    pub(super) block: u64,
    pub(super) hash: B256,
    pub(super) event: EmittedEvent,
}

/// A block that was made: what its transactions emitted, and whose were reverted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Mined {
    pub(super) log: Vec<Logged>,
    pub(super) reverted: Vec<(Address, Reverted)>,
}

/// Why a transaction is not taken into the pool, in the words of geth.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum PoolError {
    #[error("nonce too low")]
    NonceTooLow,
    #[error("known transaction: {0:x}")]
    Known(B256),
    #[error("replacement transaction underpriced")]
    Underpriced,
    #[error("txpool is full")]
    Full,
}

/// The sums do not balance: a bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Imbalance {
    #[error("{deposited} NCT were deposited, but the accounts hold {total} NCT")]
    Total { deposited: Nct, total: Nct },
    #[error("bounties have locked {locked:?} NCT, but the registry holds {registry} NCT")]
    Registry { locked: Option<Nct>, registry: Nct },
}

/// The chain.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) token: Token,
    pub(super) registry: Registry,
    token_address: Address,
    block: u64,
    counts: BTreeMap<Address, u64>,
    pool: Vec<Transaction>,
    receipts: HashMap<B256, Receipt>,
    /// The oldest first.
    mined: VecDeque<B256>,
    seed: u64,
}

impl Chain {
    pub(super) fn new(terms: Terms, seed: u64) -> Chain {
        let contract = |name: &str| Address::from_bytes(tail(keccak256(name)));
        Chain {
            token: Token::default(),
            registry: Registry::new(contract("BountyRegistry"), terms),
            token_address: contract("NectarToken"),
            block: 0,
            counts: BTreeMap::new(),
            pool: Vec::new(),
            receipts: HashMap::new(),
            mined: VecDeque::new(),
            seed,
        }
    }

    /// The number of the last block.
    pub(super) fn block(&self) -> u64 {
        self.block
    }

    pub(super) fn token_address(&self) -> Address {
        self.token_address
    }

    /// How many transactions of an account are mined: its next nonce, if nothing of it waits.
    pub(super) fn count(&self, account: Address) -> u64 {
        self.counts.get(&account).copied().unwrap_or_default()
    }

    /// The next nonce of an account after what waits without a gap.
    pub(super) fn count_with_pending(&self, account: Address) -> u64 {
        let mut next = self.count(account);
        let waiting = self.pending(account);
        while waiting.contains(&next) {
            next += 1;
        }
        next
    }

    /// Nonces of an account's transactions that wait.
    pub(super) fn pending(&self, account: Address) -> Vec<u64> {
        let mut nonces: Vec<u64> =
            self.pool.iter().filter(|waiting| waiting.sender == account).map(|waiting| waiting.nonce).collect();
        nonces.sort_unstable();
        nonces
    }

    pub(super) fn receipt(&self, hash: B256) -> Option<&Receipt> {
        self.receipts.get(&hash)
    }

    /// Takes a transaction into the pool.
    pub(super) fn submit(&mut self, transaction: Transaction) -> Result<(), PoolError> {
        if self.pool.iter().any(|waiting| waiting.hash == transaction.hash) {
            return Err(PoolError::Known(transaction.hash));
        }
        if transaction.nonce < self.count(transaction.sender) {
            return Err(PoolError::NonceTooLow);
        }
        let same = |waiting: &Transaction| (waiting.sender, waiting.nonce) == (transaction.sender, transaction.nonce);
        if self.pool.iter().any(same) {
            return Err(PoolError::Underpriced);
        }
        let own = self.pool.iter().filter(|waiting| waiting.sender == transaction.sender).count();
        if self.pool.len() >= POOL_MAX || own >= POOL_OF_ACCOUNT_MAX {
            return Err(PoolError::Full);
        }
        self.pool.push(transaction);
        Ok(())
    }

    /// Takes a call of a party of this market, which needs no signature: it is the account's next transaction.
    pub(super) fn submit_local(&mut self, sender: Address, call: RegistryCall) -> Result<B256, PoolError> {
        let nonce = self.count_with_pending(sender);
        let mut text = sender.as_bytes().to_vec();
        text.extend(nonce.to_be_bytes());
        let hash = keccak256(&text);
        self.submit(Transaction { hash, sender, nonce, call })?;
        Ok(hash)
    }

    /// Makes the next block. `fails` says of which transactions the node makes nothing, though it mines them.
    pub(super) fn mine(&mut self, mut fails: impl FnMut(&Transaction) -> bool) -> Mined {
        self.block += 1;
        let mut mined = Mined::default();
        let mut waiting = std::mem::take(&mut self.pool);
        loop {
            let mut left = Vec::new();
            let before = waiting.len();
            for transaction in waiting {
                if transaction.nonce != self.count(transaction.sender) {
                    left.push(transaction);
                    continue;
                }
                *self.counts.entry(transaction.sender).or_default() += 1;
                let outcome = if fails(&transaction) {
                    Err(Reverted::new("check parameters"))
                } else {
                    self.execute(transaction.sender, transaction.call)
                };
                let (block, hash) = (self.block, transaction.hash);
                match &outcome {
                    Ok(events) => {
                        mined.log.extend(events.iter().map(|event| Logged { block, hash, event: event.clone() }));
                    }
                    Err(why) => mined.reverted.push((transaction.sender, why.clone())),
                }
                self.keep(hash, Receipt { block, outcome });
            }
            waiting = left;
            if waiting.len() == before {
                break;
            }
        }
        self.pool = waiting;
        mined
    }

    fn execute(&mut self, sender: Address, call: RegistryCall) -> Result<Vec<EmittedEvent>, Reverted> {
        let (sent, seed) = (Sent { sender, block: self.block }, self.seed);
        let Chain { token, registry, .. } = self;
        match call {
            RegistryCall::Approve { spender, amount } => {
                token.approve(sender, spender, amount);
                Ok(Vec::new())
            }
            RegistryCall::Transfer { to, amount } => {
                token.transfer(sender, to, amount)?;
                Ok(vec![EmittedEvent::Transfer { from: sender, to, value: amount }])
            }
            RegistryCall::PostBounty(posting) => registry.post_bounty(token, sent, *posting),
            RegistryCall::PostAssertion { guid, bids, mask, commitment } => {
                registry.post_assertion(token, sent, guid, bids, mask, commitment)
            }
            RegistryCall::RevealAssertion { guid, index, nonce, verdicts, metadata } => {
                registry.reveal_assertion(sent, guid, index, nonce, verdicts, metadata)
            }
            RegistryCall::VoteOnBounty { guid, votes, valid_bloom } => {
                registry.vote_on_bounty(sent, guid, votes, valid_bloom)
            }
            RegistryCall::SettleBounty { guid } => {
                registry.settle_bounty(token, sent, |block| block_hash(seed, block), guid)
            }
            RegistryCall::Refused(why) => Err(Reverted(why.into())),
        }
    }

    fn keep(&mut self, hash: B256, receipt: Receipt) {
        self.receipts.insert(hash, receipt);
        self.mined.push_back(hash);
        if self.mined.len() > RECEIPTS_MAX
            && let Some(oldest) = self.mined.pop_front()
        {
            self.receipts.remove(&oldest);
        }
    }

    /// Whether all money is where it should be, to the unit.
    pub(super) fn audit(&self) -> Result<(), Imbalance> {
        let deposited = self.token.deposited();
        self.token.audit().map_err(|total| Imbalance::Total { deposited, total })?;
        let registry = self.token.balance(self.registry.address);
        let locked = self.registry.locked();
        if locked == Some(registry) { Ok(()) } else { Err(Imbalance::Registry { locked, registry }) }
    }
}

/// The hash of a block: any number that nobody can choose.
fn block_hash(seed: u64, block: u64) -> U256 {
    let text = [seed.to_be_bytes(), block.to_be_bytes()].concat();
    U256::from_be_bytes(keccak256(&text).0)
}

/// The last 20 bytes of a hash.
pub(super) fn tail(hash: B256) -> [u8; Address::LENGTH] {
    let mut bytes = [0; Address::LENGTH];
    bytes.copy_from_slice(&hash[12..]);
    bytes
}
