//! Accounts of all parties, and the money locked in the registry.
//!
//! Money comes in when a party is admitted, and never again; from then on it only moves. [`Exchange::total`] says so to
//! the unit, [`Exchange::audit`] looks.

mod refused;

use std::collections::BTreeMap;

use daemon_market::{BidBounds, ContractVersion, Nct, Phase, Verdict, settle_one};

pub use refused::{Imbalance, Refused};

use crate::settled::{SettledAssertion, SettledBounty, Votes, sum};

/// Fees of the registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fees {
    /// Fee of the ambassador for each bounty.
    pub bounty: Nct,
    /// Fee of an expert for each assertion.
    pub assertion: Nct,
}

impl Default for Fees {
    /// 0.0625 and 0.03125 NCT: what BountyRegistry is made with.
    fn default() -> Self {
        Fees {
            bounty: Nct::from_base_units(62_500_000_000_000_000),
            assertion: Nct::from_base_units(31_250_000_000_000_000),
        }
    }
}

/// A bounty of one artifact, as the ambassador posts it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posting {
    /// Reward of the bounty.
    pub reward: Nct,
    /// Minimum and maximum bid.
    pub bounds: BidBounds,
    /// The digest of its artifact, for the record.
    pub sha256: Option<String>,
}

/// All balances, and the bounties that are not settled yet.
///
/// A bounty accepts assertions until it is closed, then votes, until it is settled. The caller decides when; there is
/// no clock here.
#[derive(Clone, Debug)]
pub struct Exchange {
    contract: ContractVersion,
    fees: Fees,
    ambassador: Nct,
    experts: BTreeMap<String, Nct>,
    arbiters: BTreeMap<String, Nct>,
    /// Locked for open bounties, or stuck for ever.
    registry: Nct,
    stuck: Nct,
    /// Everything that ever came in.
    admitted: Nct,
    open: BTreeMap<u64, OpenAuction>,
    next: u64,
}

#[derive(Clone, Debug)]
struct OpenAuction {
    posting: Posting,
    closed: bool,
    assertions: Vec<Asserted>,
    /// Votes in the order of arrival.
    votes: Vec<(String, bool)>,
}

#[derive(Clone, Debug)]
struct Asserted {
    engine: String,
    verdict: Verdict,
    bid: Nct,
}

impl Exchange {
    /// Makes an exchange with an ambassador, who has this balance, and no other parties.
    pub fn new(contract: ContractVersion, fees: Fees, ambassador: Nct) -> Exchange {
        Exchange {
            contract,
            fees,
            ambassador,
            experts: BTreeMap::new(),
            arbiters: BTreeMap::new(),
            registry: Nct::ZERO,
            stuck: Nct::ZERO,
            admitted: ambassador,
            open: BTreeMap::new(),
            next: 1,
        }
    }

    /// Lets an expert in, with what he has.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the name is taken, or all balances together are too large to count.
    pub fn admit_expert(&mut self, name: &str, balance: Nct) -> Result<(), Refused> {
        self.admitted = admit(&mut self.experts, name, balance, self.admitted)?;
        Ok(())
    }

    /// Lets an arbiter in, with what he has.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the name is taken, or all balances together are too large to count.
    pub fn admit_arbiter(&mut self, name: &str, balance: Nct) -> Result<(), Refused> {
        self.admitted = admit(&mut self.arbiters, name, balance, self.admitted)?;
        Ok(())
    }

    /// Posts a bounty: locks its reward and the bounty fee, and gives its number.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the bounds are none, or the ambassador cannot pay reward and fee.
    pub fn post(&mut self, posting: Posting) -> Result<u64, Refused> {
        let BidBounds { min, max } = posting.bounds;
        if min == Nct::ZERO || min > max {
            return Err(Refused::Bounds(posting.bounds));
        }
        lock(&mut self.ambassador, &mut self.registry, [posting.reward, self.fees.bounty])?;
        let number = self.next;
        self.next += 1;
        self.open.insert(number, OpenAuction { posting, closed: false, assertions: Vec::new(), votes: Vec::new() });
        Ok(number)
    }

    /// An expert asserts: locks his bid and the assertion fee.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is no such bounty or it is closed, the verdict is neither malicious nor benign, the expert
    /// is unknown, has asserted already or cannot pay, or the bid is out of bounds.
    pub fn assert(&mut self, number: u64, engine: &str, verdict: Verdict, bid: Nct) -> Result<(), Refused> {
        let bounty = still_open(&mut self.open, number, self.next)?;
        if bounty.closed {
            return Err(Refused::Closed(number));
        }
        says_malicious(verdict)?;
        let balance = self.experts.get_mut(engine).ok_or_else(|| Refused::NoSuchParty(engine.to_owned()))?;
        if bounty.assertions.iter().any(|assertion| assertion.engine == engine) {
            return Err(Refused::AlreadyAsserted(engine.to_owned()));
        }
        let BidBounds { min, max } = bounty.posting.bounds;
        if bid < min {
            return Err(Refused::BidBelow { bid, min });
        }
        if bid > max {
            return Err(Refused::BidAbove { bid, max });
        }
        lock(balance, &mut self.registry, [bid, self.fees.assertion])?;
        bounty.assertions.push(Asserted { engine: engine.to_owned(), verdict, bid });
        Ok(())
    }

    /// Takes no more assertions on this bounty, and votes from now on. Closing twice changes nothing.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is no such bounty, or it is settled.
    pub fn close(&mut self, number: u64) -> Result<(), Refused> {
        still_open(&mut self.open, number, self.next)?.closed = true;
        Ok(())
    }

    /// An arbiter votes, and stakes nothing.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is no such bounty or it is not closed, the verdict is neither malicious nor benign, or the
    /// arbiter is unknown or has voted already.
    pub fn vote(&mut self, number: u64, arbiter: &str, verdict: Verdict) -> Result<(), Refused> {
        let bounty = still_open(&mut self.open, number, self.next)?;
        if !bounty.closed {
            return Err(Refused::StillOpen(number));
        }
        let malicious = says_malicious(verdict)?;
        if !self.arbiters.contains_key(arbiter) {
            return Err(Refused::NoSuchParty(arbiter.to_owned()));
        }
        if bounty.votes.iter().any(|(voter, _)| voter == arbiter) {
            return Err(Refused::AlreadyVoted(arbiter.to_owned()));
        }
        bounty.votes.push((arbiter.to_owned(), malicious));
        Ok(())
    }

    /// Settles a bounty that is closed, with the votes it has, and pays everyone.
    ///
    /// The contract draws one arbiter among those who voted, by their stakes. Arbiters have no stakes here: they take
    /// turns, from bounty to bounty.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is no such bounty, it is not closed, or the contract would not settle it.
    pub fn settle(&mut self, number: u64) -> Result<SettledBounty, Refused> {
        let bounty = still_open(&mut self.open, number, self.next)?;
        if !bounty.closed {
            return Err(Refused::StillOpen(number));
        }
        let OpenAuction { posting, closed: _, assertions, votes } = bounty;
        let staked: Vec<(Nct, bool)> =
            assertions.iter().map(|said| (said.bid, said.verdict == Verdict::Malicious)).collect();
        let voted: Vec<bool> = votes.iter().map(|(_, malicious)| *malicious).collect();
        let Fees { bounty: bounty_fee, assertion: assertion_fee } = self.fees;
        let arbiters = u32::try_from(self.arbiters.len()).map_err(|_| Refused::TooMuch)?;
        let settlement =
            settle_one(self.contract, posting.reward, bounty_fee, assertion_fee, arbiters, &staked, &voted)?;
        let counted = |verdict: bool| u32::try_from(voted.iter().filter(|malicious| **malicious == verdict).count());
        let (Ok(malicious), Ok(benign)) = (counted(true), counted(false)) else { return Err(Refused::TooMuch) };
        let settled = SettledBounty {
            bounty: number.to_string(),
            phase: Phase::Assertion,
            sha256: posting.sha256.take(),
            truth: match settlement.truth.first() {
                Some(true) => Verdict::Malicious,
                Some(false) => Verdict::Benign,
                None => Verdict::Unknown,
            },
            at: None,
            contract: self.contract,
            reward: posting.reward,
            bounty_fee,
            assertion_fee,
            assertions: std::mem::take(assertions)
                .into_iter()
                .zip(settlement.payouts)
                .map(|(Asserted { engine, verdict, bid }, payout)| SettledAssertion { engine, verdict, bid, payout })
                .collect(),
            votes: Votes { malicious, benign },
            refund: settlement.refund,
            arbiter: settlement.arbiter,
            stuck: settlement.stuck,
        };
        // Nobody is drawn where nobody voted, and there is nothing to be drawn for then.
        let turn = number.checked_rem(votes.len() as u64).and_then(|turn| votes.get(usize::try_from(turn).ok()?));
        let turn = turn.map(|(engine, _)| engine.clone());
        self.open.remove(&number);
        self.pay(&settled, turn.as_deref());
        Ok(settled)
    }

    /// Moves what was settled. Settlement is conserved and all parties are known, so nothing here can fail but by a bug.
    fn pay(&mut self, settled: &SettledBounty, arbiter: Option<&str>) {
        let registry = &mut self.registry;
        let mut to = |balance: &mut Nct, amount: Nct| {
            *registry = registry.checked_sub(amount).expect("a settlement pays what the bounty locked, and no more");
            *balance = balance.checked_add(amount).expect("all money together can be counted");
        };
        to(&mut self.ambassador, settled.refund);
        for assertion in &settled.assertions {
            to(self.experts.get_mut(&assertion.engine).expect("who asserted was admitted"), assertion.payout);
        }
        if let Some(arbiter) = arbiter {
            to(self.arbiters.get_mut(arbiter).expect("who voted was admitted"), settled.arbiter);
        }
        self.stuck = self.stuck.checked_add(settled.stuck).expect("all money together can be counted");
    }

    /// Returns the balance of the ambassador.
    pub fn ambassador(&self) -> Nct {
        self.ambassador
    }

    /// Returns the balance of an expert.
    pub fn expert(&self, name: &str) -> Option<Nct> {
        self.experts.get(name).copied()
    }

    /// Returns the balance of an arbiter.
    pub fn arbiter(&self, name: &str) -> Option<Nct> {
        self.arbiters.get(name).copied()
    }

    /// Amount locked for open bounties, or stuck forever.
    pub fn registry(&self) -> Nct {
        self.registry
    }

    /// Total of all accounts. It changes only when a party is admitted.
    #[expect(clippy::missing_panics_doc, reason = "what was admitted can be counted")]
    pub fn total(&self) -> Nct {
        let parties = self.experts.values().chain(self.arbiters.values()).copied();
        sum(parties.chain([self.ambassador, self.registry])).expect("what was admitted can be counted")
    }

    /// Whether every unit is where it should be.
    ///
    /// # Errors
    ///
    /// [`Imbalance`] if the sum of all accounts is not what was admitted, or the registry does not hold what is locked.
    pub fn audit(&self) -> Result<(), Imbalance> {
        let (admitted, total) = (self.admitted, self.total());
        if admitted != total {
            return Err(Imbalance::Total { admitted, total });
        }
        let locked = self.open.values().flat_map(|bounty| {
            let staked = bounty.assertions.iter().flat_map(|said| [said.bid, self.fees.assertion]);
            staked.chain([bounty.posting.reward, self.fees.bounty])
        });
        let locked = sum(locked.chain([self.stuck])).unwrap_or(Nct::from_base_units(u128::MAX));
        if locked != self.registry {
            return Err(Imbalance::Registry { locked, registry: self.registry });
        }
        Ok(())
    }
}

/// Admits a party, and returns the new total of deposits.
fn admit(parties: &mut BTreeMap<String, Nct>, name: &str, balance: Nct, admitted: Nct) -> Result<Nct, Refused> {
    if parties.contains_key(name) {
        return Err(Refused::NameTaken(name.to_owned()));
    }
    let admitted = admitted.checked_add(balance).ok_or(Refused::TooMuch)?;
    parties.insert(name.to_owned(), balance);
    Ok(admitted)
}

/// Moves an amount and a fee into the registry, or nothing.
fn lock(balance: &mut Nct, registry: &mut Nct, amounts: [Nct; 2]) -> Result<(), Refused> {
    let needed = sum(amounts).ok_or(Refused::TooMuch)?;
    let left = balance.checked_sub(needed).ok_or(Refused::Balance { needed, balance: *balance })?;
    *registry = registry.checked_add(needed).ok_or(Refused::TooMuch)?;
    *balance = left;
    Ok(())
}

fn still_open(open: &mut BTreeMap<u64, OpenAuction>, number: u64, next: u64) -> Result<&mut OpenAuction, Refused> {
    let gone = if (1..next).contains(&number) { Refused::Settled(number) } else { Refused::NoSuchBounty(number) };
    open.get_mut(&number).ok_or(gone)
}

fn says_malicious(verdict: Verdict) -> Result<bool, Refused> {
    match verdict {
        Verdict::Malicious => Ok(true),
        Verdict::Benign => Ok(false),
        Verdict::Suspicious | Verdict::Unknown => Err(Refused::NoStakeOn(verdict)),
    }
}

#[cfg(test)]
mod tests;
