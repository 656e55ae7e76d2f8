//! A contract as BountyRegistry is one, on a chain: who may assert, reveal and settle, when, and how often; and its account
//! of us.

use std::collections::BTreeMap;
use std::time::Duration;

use daemon_market::{Asserted, Bits, ContractVersion, Nct, Settling, settle};
use daemon_service::polyswarmd::{Mined, News, SeenAssertion};

use crate::posting::FEE;
use crate::scenario::{ChainTerms, Scenario};

pub(crate) const US: &str = "0x00000000000000000000000000000000000000Aa";
const RIVAL: &str = "0x00000000000000000000000000000000000000bb";
/// The block at the beginning.
const FIRST_BLOCK: u64 = 100;
pub(crate) const REWARD: Nct = Nct::from_base_units(2_000_000_000_000_000_000);
const RIVAL_BID: Nct = Nct::from_base_units(200_000_000_000_000_000);

/// What a transaction does.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum ChainAction {
    Commit { number: usize, bids: Vec<Nct>, mask: Vec<bool>, commitment: [u8; 32] },
    Reveal { number: usize, verdicts: Vec<bool>, commitment: [u8; 32] },
    Settle { number: usize },
}

impl ChainAction {
    pub(crate) fn number(&self) -> usize {
        match self {
            ChainAction::Commit { number, .. }
            | ChainAction::Reveal { number, .. }
            | ChainAction::Settle { number } => *number,
        }
    }
}

/// Our assertion.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct OurAssertion {
    pub block: u64,
    pub bids: Vec<Nct>,
    pub mask: Vec<bool>,
    commitment: [u8; 32],
    /// In which block it was revealed, and the verdicts.
    pub revealed: Option<(u64, Vec<bool>)>,
    /// What was paid out.
    pub settled: Option<Nct>,
}

/// A bounty on the chain.
#[derive(Clone, Debug)]
pub(crate) struct BountyOnChain {
    pub expiration: u64,
    pub truth: Vec<bool>,
    /// The block in which the arbiters vote.
    votes: u64,
    pub ours: Option<OurAssertion>,
}

/// The contract, and the chain that it is on.
pub(crate) struct SimulatedContract {
    terms: ChainTerms,
    bounties: BTreeMap<usize, BountyOnChain>,
    /// Transactions that wait: the first block that they can be in.
    pool: Vec<(u64, String)>,
    actions: BTreeMap<String, ChainAction>,
    mined: BTreeMap<String, Mined>,
    block: u64,
}

impl SimulatedContract {
    pub(crate) fn new(scenario: &Scenario) -> SimulatedContract {
        SimulatedContract {
            terms: scenario.terms,
            bounties: BTreeMap::new(),
            pool: Vec::new(),
            actions: BTreeMap::new(),
            mined: BTreeMap::new(),
            block: FIRST_BLOCK,
        }
    }

    pub(crate) fn version(terms: &ChainTerms) -> ContractVersion {
        if terms.one_bid { ContractVersion::V1_3_0 } else { ContractVersion::V1_6_1 }
    }

    /// The latest block at this time.
    pub(crate) fn block_at(&self, now: Duration) -> u64 {
        let passed = now.as_millis() / self.terms.block.as_millis();
        FIRST_BLOCK + u64::try_from(passed).expect("simulations are short")
    }

    /// When this block is made.
    pub(crate) fn time_of(&self, block: u64) -> Duration {
        self.terms.block * u32::try_from(block.saturating_sub(FIRST_BLOCK)).expect("simulations are short")
    }

    pub(crate) fn bounty(&self, number: usize) -> Option<&BountyOnChain> {
        self.bounties.get(&number)
    }

    pub(crate) fn bounties(&self) -> impl Iterator<Item = (usize, &BountyOnChain)> {
        self.bounties.iter().map(|(number, bounty)| (*number, bounty))
    }

    /// A bounty comes; `votes`: how many blocks after the reveals the arbiters vote.
    pub(crate) fn post(&mut self, number: usize, blocks: u64, truth: Vec<bool>, votes: u64) {
        let expiration = self.block + blocks;
        let votes = expiration + self.terms.reveal + votes.min(self.terms.vote - 1);
        self.bounties.insert(number, BountyOnChain { expiration, truth, votes, ours: None });
    }

    /// A transaction that does this: the same again where one is not mined yet and `again` is.
    pub(crate) fn transaction(&mut self, action: ChainAction, again: bool) -> String {
        let same = self.actions.iter().find(|(hash, known)| **known == action && !self.mined.contains_key(*hash));
        if let Some((hash, _)) = same.filter(|_| again) {
            return hash.clone();
        }
        let hash = format!("{:#066x}", self.actions.len() + 1);
        self.actions.insert(hash.clone(), action);
        hash
    }

    pub(crate) fn action(&self, transaction: &str) -> Option<&ChainAction> {
        self.actions.get(transaction)
    }

    /// A transaction is sent: it is in one of the next blocks.
    pub(crate) fn send(&mut self, transaction: &str, wait: u64) {
        let known = self.pool.iter().any(|(_, waiting)| waiting == transaction);
        if !known && !self.mined.contains_key(transaction) {
            self.pool.push((self.block + 1 + wait, transaction.to_owned()));
        }
    }

    pub(crate) fn mined(&self, transaction: &str) -> Option<Mined> {
        self.mined.get(transaction).cloned()
    }

    /// The next blocks, up to this one: what happens in them.
    pub(crate) fn mine(&mut self, until: u64) -> Vec<News> {
        let mut news = Vec::new();
        while self.block < until {
            self.block += 1;
            let block = self.block;
            let (now, later) = self.pool.drain(..).partition(|(first, _)| *first <= block);
            self.pool = later;
            for (_, transaction) in now {
                news.extend(self.apply(&transaction));
            }
            let decided = self.bounties.iter().filter(|(_, bounty)| bounty.votes == block);
            news.extend(decided.map(|(number, _)| News::Quorum { guid: number.to_string() }));
        }
        news
    }

    /// Whether anything may still happen without us.
    pub(crate) fn is_busy(&self) -> bool {
        !self.pool.is_empty()
    }

    fn apply(&mut self, transaction: &str) -> Option<News> {
        let action = self.actions.get(transaction)?.clone();
        let mut mined = Mined {
            transaction: transaction.to_owned(),
            block: Some(self.block),
            failed: None,
            index: None,
            paid: None,
        };
        let news = self.execute(&action, &mut mined);
        if let Err(why) = &news {
            mined.failed = Some((*why).to_owned());
        }
        self.mined.insert(transaction.to_owned(), mined);
        news.ok()
    }

    fn execute(&mut self, action: &ChainAction, mined: &mut Mined) -> Result<News, &'static str> {
        let (terms, block) = (self.terms, self.block);
        let (guid, transaction) = (action.number().to_string(), mined.transaction.clone());
        let bounty = self.bounties.get_mut(&action.number()).ok_or("Bounty not initialized")?;
        match action {
            ChainAction::Commit { bids, mask, commitment, .. } => {
                if block >= bounty.expiration {
                    return Err("Bounty inactive");
                }
                if bounty.ours.is_some() {
                    return Err("Sender has already asserted");
                }
                let (bids, mask, commitment) = (bids.clone(), mask.clone(), *commitment);
                bounty.ours = Some(OurAssertion { block, bids, mask, commitment, revealed: None, settled: None });
                mined.index = Some(1);
                Ok(News::Asserted { guid, author: US.to_owned(), index: 1, commitment, transaction, block })
            }
            ChainAction::Reveal { verdicts, commitment, .. } => {
                if !(bounty.expiration..bounty.expiration + terms.reveal).contains(&block) {
                    return Err("Bounty not in reveal window");
                }
                let ours = bounty.ours.as_mut().filter(|ours| ours.commitment == *commitment);
                let ours = ours.ok_or("Commitment hash mismatch")?;
                if ours.revealed.is_some() {
                    return Err("Bounty already revealed");
                }
                ours.revealed = Some((block, verdicts.clone()));
                Ok(News::Revealed { guid, author: US.to_lowercase(), transaction, block })
            }
            ChainAction::Settle { .. } => {
                if block < bounty.votes {
                    return Err("No Quorum and vote active");
                }
                let (truth, ours) = (bounty.truth.clone(), bounty.ours.as_mut().ok_or("nothing is asserted")?);
                if ours.settled.is_some() {
                    return Err("Sender already settled");
                }
                let payout = payout(&terms, ours, &truth);
                ours.settled = Some(payout);
                mined.paid = Some(payout).filter(|_| terms.tells_payouts);
                let payout = mined.paid;
                Ok(News::Settled { guid, settler: US.to_owned(), payout, transaction, block })
            }
        }
    }

    /// The assertions about a bounty, as a node has them that knows this block.
    pub(crate) fn assertions(&self, number: usize, block: u64) -> Vec<SeenAssertion> {
        let Some(bounty) = self.bounties.get(&number) else { return Vec::new() };
        let all = vec![true; bounty.truth.len()];
        let rival = SeenAssertion {
            author: RIVAL.to_owned(),
            index: 0,
            bids: rival_bids(&self.terms, bounty.truth.len()),
            mask: all.clone(),
            commitment: [9; 32],
            verdicts: (block > bounty.expiration).then_some(all),
        };
        let ours = bounty.ours.as_ref().filter(|ours| ours.block <= block).map(|ours| SeenAssertion {
            author: US.to_lowercase(),
            index: 1,
            bids: ours.bids.clone(),
            mask: ours.mask.clone(),
            commitment: ours.commitment,
            verdicts: ours.revealed.as_ref().filter(|(at, _)| *at <= block).map(|(_, verdicts)| verdicts.clone()),
        });
        [rival].into_iter().chain(ours).collect()
    }

    pub(crate) fn votes(&self, number: usize, block: u64) -> Vec<Vec<bool>> {
        let voted = self.bounties.get(&number).filter(|bounty| bounty.votes <= block);
        voted.map(|bounty| bounty.truth.clone()).into_iter().collect()
    }

    /// What we paid and got for a bounty, in base units.
    pub(crate) fn balance(&self, number: usize) -> i128 {
        let Some(ours) = self.bounties.get(&number).and_then(|bounty| bounty.ours.as_ref()) else { return 0 };
        let signed = |amount: Nct| i128::try_from(amount.base_units()).expect("amounts here are small");
        signed(ours.settled.unwrap_or(Nct::ZERO)) - signed(ours.paid_in()) - signed(FEE)
    }
}

impl OurAssertion {
    /// The sum of the bids.
    pub(crate) fn paid_in(&self) -> Nct {
        self.bids.iter().fold(Nct::ZERO, |sum, bid| sum.saturating_add(*bid))
    }
}

fn rival_bids(terms: &ChainTerms, artifacts: usize) -> Vec<Nct> {
    vec![RIVAL_BID; if terms.one_bid { 1 } else { artifacts }]
}

/// What the contract's rules pay us, beside one who always says malicious.
fn payout(terms: &ChainTerms, ours: &OurAssertion, truth: &[bool]) -> Nct {
    let bits = |list: &[bool]| list.iter().copied().collect::<Bits>();
    let all = bits(&vec![true; truth.len()]);
    let rival = Asserted { bids: rival_bids(terms, truth.len()), mask: all, verdicts: all, revealed: true };
    let verdicts = ours.revealed.as_ref().map(|(_, verdicts)| bits(verdicts));
    let us = Asserted {
        bids: ours.bids.clone(),
        mask: bits(&ours.mask),
        verdicts: verdicts.unwrap_or_default(),
        revealed: verdicts.is_some(),
    };
    let what = Settling {
        amount: REWARD,
        num_artifacts: truth.len(),
        bounty_fee: FEE,
        assertion_fee: FEE,
        arbiter_count: 1,
        assertions: vec![rival, us],
        votes: vec![bits(truth)],
    };
    settle(SimulatedContract::version(terms), &what).expect("it can be settled").payouts[1]
}
