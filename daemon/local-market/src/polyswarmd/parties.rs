//! The parties that this market plays itself: the ambassador, rivals and arbiters. They see what is on the chain, and act
//! by transactions of their own, which the next block holds.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{U256, keccak256};
use daemon_market::{BidBounds, Nct, Verdict};
use daemon_transactions::{Address, ArtifactBits, Guid, commitment};

use super::call::RegistryCall;
use super::chain::{Chain, tail};
use super::registry::{Posting, RegistryBounty, Round};
use crate::Participant;
use crate::{Arbiter, Rival, Seed};

/// What an arbiter has staked: as much as any other.
const ARBITER_STAKE: Nct = Nct::from_base_units(10_000_000 * 10u128.pow(18));
/// Bounties whose artifacts have numbers of their own, for the draws of rivals and arbiters.
const ARTIFACT_NUMBERS: u64 = 256;

/// Everyone that this market plays.
#[derive(Debug)]
pub(super) struct Parties {
    seed: Seed,
    /// Fraction of malicious artifacts, which rivals know.
    malicious: f64,
    pub(super) ambassador: Address,
    rivals: Vec<(Address, Rival)>,
    arbiters: Vec<(Address, Arbiter)>,
    courses: BTreeMap<Guid, Course>,
}

/// A bounty of the ambassador on its way.
#[derive(Debug)]
struct Course {
    nth: u64,
    truth: Vec<bool>,
    done: BTreeSet<(Address, PartyStep)>,
    secrets: BTreeMap<Address, Secret>,
}

/// What a rival committed to.
#[derive(Clone, Copy, Debug)]
struct Secret {
    nonce: U256,
    verdicts: U256,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum PartyStep {
    Assert,
    Reveal,
    Vote,
    Settle,
}

/// Terms of rivals' bets.
#[derive(Clone, Copy, Debug)]
struct Bets {
    bounds: BidBounds,
    fee: Nct,
    one_bid: bool,
}

impl Parties {
    /// Makes all of them, with accounts on the chain.
    pub(super) fn new(
        seed: Seed,
        malicious: f64,
        ambassador_balance: Nct,
        rivals: Vec<Rival>,
        arbiters: Vec<Arbiter>,
        chain: &mut Chain,
    ) -> Parties {
        let ambassador = account_of("ambassador");
        chain.token.deposit(ambassador, ambassador_balance);
        let rivals: Vec<(Address, Rival)> =
            rivals.into_iter().map(|rival| (account_of(&format!("rival {}", rival.name)), rival)).collect();
        for (account, rival) in &rivals {
            chain.token.deposit(*account, rival.balance);
        }
        let arbiters: Vec<(Address, Arbiter)> =
            arbiters.into_iter().map(|arbiter| (account_of(&format!("arbiter {}", arbiter.name)), arbiter)).collect();
        for (account, _) in &arbiters {
            chain.registry.arbiters.insert(*account, ARBITER_STAKE);
        }
        Parties { seed, malicious, ambassador, rivals, arbiters, courses: BTreeMap::new() }
    }

    /// Everyone's name, account, part and first balance.
    pub(super) fn all(&self, ambassador_balance: Nct) -> Vec<(String, Address, Participant, Nct)> {
        let mut all = vec![("ambassador".to_owned(), self.ambassador, Participant::Ambassador, ambassador_balance)];
        let rival =
            |(account, rival): &(Address, Rival)| (rival.name.clone(), *account, Participant::Rival, rival.balance);
        all.extend(self.rivals.iter().map(rival));
        let arbiter =
            |(account, arbiter): &(Address, Arbiter)| (arbiter.name.clone(), *account, Participant::Arbiter, Nct::ZERO);
        all.extend(self.arbiters.iter().map(arbiter));
        all
    }

    /// Which artifacts of a bounty are malicious, if it is the ambassador's.
    pub(super) fn truth(&self, guid: Guid) -> Option<&[bool]> {
        self.courses.get(&guid).map(|course| course.truth.as_slice())
    }

    /// The ambassador posts a bounty; `truth` says for each artifact whether it is malicious.
    pub(super) fn post(&mut self, chain: &mut Chain, nth: u64, posting: Posting, truth: Vec<bool>) {
        let course = Course { nth, truth, done: BTreeSet::new(), secrets: BTreeMap::new() };
        self.courses.insert(posting.guid, course);
        let amount = posting.amount.saturating_add(chain.registry.terms.fees.bounty);
        let spender = chain.registry.address;
        submit(chain, self.ambassador, RegistryCall::Approve { spender, amount });
        submit(chain, self.ambassador, RegistryCall::PostBounty(Box::new(posting)));
    }

    /// Forgets a bounty that is over.
    pub(super) fn forget(&mut self, guid: Guid) {
        self.courses.remove(&guid);
    }

    /// Everyone does what is due, as of the next block.
    pub(super) fn act(&mut self, chain: &mut Chain) {
        let next = chain.block() + 1;
        let terms = chain.registry.terms;
        let bets = Bets { bounds: terms.bids, fee: terms.fees.assertion, one_bid: terms.contract.one_bid() };
        let Parties { seed, malicious, ambassador, rivals, arbiters, courses } = self;
        for (guid, course) in courses {
            let Some(bounty) = chain.registry.bounties.get(guid) else { continue };
            let mut calls = Vec::new();
            match chain.registry.round(bounty, next) {
                Round::Assertion => {
                    for (account, rival) in rivals.iter() {
                        if !course.first(*account, PartyStep::Assert) {
                            continue;
                        }
                        let balance = chain.token.balance(*account);
                        if let Some((call, secret)) =
                            assert(*seed, *malicious, (*guid, course), (*account, rival), balance, bets)
                        {
                            let amount = bets.needed(&call);
                            calls.push((*account, RegistryCall::Approve { spender: chain.registry.address, amount }));
                            calls.push((*account, call));
                            course.secrets.insert(*account, secret);
                        }
                    }
                }
                Round::Reveal => {
                    for (account, secret) in course.secrets.clone() {
                        if let Some(index) = index_of(bounty, account)
                            && course.first(account, PartyStep::Reveal)
                        {
                            calls.push((account, reveal(*guid, index, secret, course.truth.len())));
                        }
                    }
                }
                Round::Vote | Round::Quorum | Round::Finished => {
                    let round = chain.registry.round(bounty, next);
                    for (account, arbiter) in arbiters.iter() {
                        if round < Round::Finished && course.first(*account, PartyStep::Vote) {
                            let votes = votes(*seed, course, arbiter);
                            calls.extend(votes.map(|votes| (*account, vote(*guid, votes))));
                        }
                        let voted = bounty.votes.iter().any(|vote| vote.voter == *account);
                        if round == Round::Finished && voted && course.first(*account, PartyStep::Settle) {
                            calls.push((*account, RegistryCall::SettleBounty { guid: *guid }));
                        }
                    }
                    let mut ready = vec![*ambassador];
                    ready.extend(course.secrets.keys().filter(|account| index_of(bounty, **account).is_some()));
                    for account in ready {
                        if round >= Round::Quorum && course.first(account, PartyStep::Settle) {
                            calls.push((account, RegistryCall::SettleBounty { guid: *guid }));
                        }
                    }
                }
            }
            calls.into_iter().for_each(|(account, call)| submit(chain, account, call));
        }
    }
}

impl Course {
    /// Whether this party does that for the first time, which it then has done.
    fn first(&mut self, account: Address, step: PartyStep) -> bool {
        self.done.insert((account, step))
    }
}

impl Bets {
    /// What an assertion locks.
    fn needed(self, call: &RegistryCall) -> Nct {
        let bids = if let RegistryCall::PostAssertion { bids, .. } = call { bids.as_slice() } else { &[] };
        bids.iter().fold(self.fee, |sum, bid| sum.saturating_add(*bid))
    }
}

/// What a rival asserts of a bounty, if anything.
fn assert(
    seed: Seed,
    malicious: f64,
    (guid, course): (Guid, &Course),
    (account, rival): (Address, &Rival),
    balance: Nct,
    bets: Bets,
) -> Option<(RegistryCall, Secret)> {
    let (mut mask, mut verdicts, mut bids) = (U256::ZERO, U256::ZERO, Vec::new());
    let mut left = balance.checked_sub(bets.fee)?;
    for (artifact, truth) in course.truth.iter().enumerate() {
        let Some(opinion) = rival.assess(seed, number(course.nth, artifact), *truth, malicious) else { continue };
        let Some(bid) = rival.bid(opinion, bets.bounds, left, Nct::ZERO) else { continue };
        if !bets.one_bid || bids.is_empty() {
            left = left.checked_sub(bid)?;
            bids.push(bid);
        }
        mask.set_bit(artifact, true);
        verdicts.set_bit(artifact, opinion.verdict == Verdict::Malicious);
    }
    if bids.is_empty() {
        return None;
    }
    let mut text = guid.number().to_be_bytes().to_vec();
    text.extend(account.as_bytes());
    let nonce = U256::from_be_bytes(keccak256(&text).0);
    let commitment = commitment(account, nonce, &ArtifactBits::from_number(verdicts, 0));
    Some((RegistryCall::PostAssertion { guid, bids, mask, commitment }, Secret { nonce, verdicts }))
}

fn reveal(guid: Guid, index: u64, secret: Secret, artifacts: usize) -> RegistryCall {
    let metadata =
        serde_json::Value::from_iter(std::iter::repeat_n(serde_json::json!({ "malware_family": "" }), artifacts));
    let Secret { nonce, verdicts } = secret;
    RegistryCall::RevealAssertion { guid, index, nonce, verdicts, metadata: metadata.to_string() }
}

/// How an arbiter votes; `None` if it is absent.
fn votes(seed: Seed, course: &Course, arbiter: &Arbiter) -> Option<ArtifactBits> {
    let first = *course.truth.first()?;
    arbiter.vote(seed, number(course.nth, 0), first)?;
    let vote =
        |(artifact, truth): (usize, &bool)| arbiter.vote(seed, number(course.nth, artifact), *truth).unwrap_or(*truth);
    ArtifactBits::new(course.truth.iter().enumerate().map(vote).collect()).ok()
}

fn vote(guid: Guid, votes: ArtifactBits) -> RegistryCall {
    RegistryCall::VoteOnBounty { guid, votes: votes.to_number(), valid_bloom: true }
}

fn index_of(bounty: &RegistryBounty, account: Address) -> Option<u64> {
    let place = bounty.assertions.iter().position(|assertion| assertion.author == account)?;
    u64::try_from(place).ok()
}

/// The number of an artifact among those of all bounties.
fn number(nth: u64, artifact: usize) -> u64 {
    nth.wrapping_mul(ARTIFACT_NUMBERS).wrapping_add(artifact as u64)
}

/// A transaction of a party of ours. A pool that is full, or a bug, shows as a party that does nothing.
fn submit(chain: &mut Chain, account: Address, call: RegistryCall) {
    let _ = chain.submit_local(account, call);
}

/// The account of a party that has no key.
fn account_of(name: &str) -> Address {
    Address::from_bytes(tail(keccak256(name)))
}
