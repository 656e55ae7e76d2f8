//! What was signed so far, and what may still be signed: counted from the record's entries alone. Pure.

use std::collections::HashMap;
use std::time::Duration;

use daemon_base::{Nct, Timestamp};
use daemon_transactions::signing::{Refusal, RefusalCode, SpendingLimits, Spent};
use daemon_transactions::{Address, B256, Guid, U256};

use super::entry::{Kind, RecordEntry, RecordEvent, Signed, Transactions};
use super::window::Window;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// How much may be signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountLimits {
    /// Of bids, fees and allowances.
    pub spending: SpendingLimits,
    /// What transactions may cost in gas within a day, in ether.
    pub gas_day: Nct,
    /// How many new things may be signed within a day, whatever they are: each is a line of the record.
    pub signatures_day: u64,
    /// How many nonces may be left out at once.
    pub nonce_gap: u64,
}

/// What is known of the nonces of one chain.
#[derive(Clone, Debug, Default)]
struct Nonces {
    /// The least that is signed for something new.
    next: u64,
    /// The hash that was signed for each.
    signed: HashMap<u64, B256>,
}

/// What was asserted on a bounty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct AssertedBounty {
    content: B256,
    commitment: Option<U256>,
}

/// Everything that was signed, as far as limits need it.
#[derive(Clone, Debug)]
pub struct SignerAccount {
    limits: AccountLimits,
    hour: Window,
    day: Window,
    gas_day: Window,
    signatures_day: Window,
    total: u128,
    asserted: HashMap<Guid, AssertedBounty>,
    votes: HashMap<Guid, B256>,
    chains: HashMap<u64, Nonces>,
    starts: HashMap<u64, u64>,
    last: Timestamp,
}

/// What is decided of a wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It was signed before: the same again costs nothing and is not written down.
    Again,
    /// It is new, and must be written down before it is signed.
    New,
}

fn refuse<T>(code: RefusalCode, reason: String) -> Result<T, Refusal> {
    Err(Refusal { code, reason })
}

impl SignerAccount {
    /// Of an account that signed nothing. `starts`: the first nonce of each chain.
    pub fn new(limits: AccountLimits, starts: HashMap<u64, u64>) -> SignerAccount {
        SignerAccount {
            limits,
            hour: Window::new(HOUR),
            day: Window::new(DAY),
            gas_day: Window::new(DAY),
            signatures_day: Window::new(DAY),
            total: 0,
            asserted: HashMap::new(),
            votes: HashMap::new(),
            chains: HashMap::new(),
            starts,
            last: Timestamp::from_micros(i64::MIN),
        }
    }

    /// Whether something may be signed now. Only time passes by that.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn decide(&mut self, wish: &Signed, now: Timestamp) -> Result<Decision, Refusal> {
        let now = self.pass(now);
        self.decide_on_bounty(wish)?;
        if self.decide_on_nonces(wish.transactions.as_ref())? == Decision::Again && self.is_known(wish) {
            return Ok(Decision::Again);
        }
        self.decide_on_amounts(wish, now)?;
        Ok(Decision::New)
    }

    /// Time passes, and never goes back: what was let out of a window would otherwise be within it again.
    pub fn pass(&mut self, now: Timestamp) -> Timestamp {
        self.last = self.last.max(now);
        self.last
    }

    /// Whether all that is no transaction was signed before. (Of transactions, their nonces tell.)
    fn is_known(&self, wish: &Signed) -> bool {
        match (wish.kind, wish.bounty) {
            (Kind::FastAssertion, Some(bounty)) => self.asserted.contains_key(&bounty),
            (Kind::FastVote, Some(bounty)) => self.votes.contains_key(&bounty),
            (Kind::Claim | Kind::FastAssertion | Kind::FastVote, _) => false,
            _ => true,
        }
    }

    /// One assertion, and one vote, of a bounty; and a reveal of what was asserted.
    fn decide_on_bounty(&self, wish: &Signed) -> Result<(), Refusal> {
        let Some(bounty) = wish.bounty else { return Ok(()) };
        let asserted = self.asserted.get(&bounty);
        match wish.kind {
            Kind::Assertion | Kind::FastAssertion => match asserted {
                Some(asserted) if asserted.content != wish.content => {
                    refuse(RefusalCode::BountyTaken, format!("another assertion on bounty {bounty} was signed before"))
                }
                _ => Ok(()),
            },
            Kind::FastVote => match self.votes.get(&bounty) {
                Some(vote) if *vote != wish.content => {
                    refuse(RefusalCode::BountyTaken, format!("another vote on bounty {bounty} was signed before"))
                }
                _ => Ok(()),
            },
            Kind::Reveal => match asserted {
                Some(asserted) if asserted.commitment == wish.commitment => Ok(()),
                Some(_) => refuse(
                    RefusalCode::NotAsWanted,
                    format!("nonce and verdicts are not those that the assertion on bounty {bounty} committed to"),
                ),
                None => refuse(
                    RefusalCode::NotAllowed,
                    format!("no assertion on bounty {bounty} was signed here, so there is nothing to reveal"),
                ),
            },
            Kind::Settle | Kind::Approve | Kind::Claim => Ok(()),
        }
    }

    /// A nonce is signed for one content only, and new ones rise.
    fn decide_on_nonces(&self, transactions: Option<&Transactions>) -> Result<Decision, Refusal> {
        let Some(Transactions { chain_id, nonces }) = transactions else { return Ok(Decision::Again) };
        let none = HashMap::new();
        let signed = self.chains.get(chain_id).map_or(&none, |chain| &chain.signed);
        let mut next = self.next_nonce(*chain_id);
        let mut decision = Decision::Again;
        for (nonce, hash) in nonces {
            match signed.get(nonce) {
                Some(known) if *known == hash.0 => continue,
                Some(_) => {
                    return refuse(
                        RefusalCode::NonceUsed,
                        format!("nonce {nonce} was signed for something else; next is {next}"),
                    );
                }
                None => {}
            }
            if *nonce < next {
                let why = format!("nonce {nonce} is below the next one, which is {next}");
                return refuse(RefusalCode::NonceUsed, why);
            }
            let most = next.saturating_add(self.limits.nonce_gap);
            // The last nonce of all would leave none that is next.
            if *nonce > most || *nonce == u64::MAX {
                let why = format!(
                    "nonce {nonce} leaves a gap: next is {next}, and up to {most} is signed. If the account made \
transactions elsewhere, a person must run `stakeout-signer set-nonce`"
                );
                return refuse(RefusalCode::NotAllowed, why);
            }
            next = *nonce + 1;
            decision = Decision::New;
        }
        Ok(decision)
    }

    fn decide_on_amounts(&mut self, wish: &Signed, now: Timestamp) -> Result<(), Refusal> {
        let amount = wish.amount.base_units();
        let SpendingLimits { bounty, hour, day, total } = self.limits.spending;
        let spent = [
            (RefusalCode::OverBounty, "one bounty", 0, bounty),
            (RefusalCode::OverTotal, "all until a person resets it (`stakeout-signer reset-total`)", self.total, total),
            (RefusalCode::OverDay, "a day", self.day.sum(now), day),
            (RefusalCode::OverHour, "an hour", self.hour.sum(now), hour),
        ];
        // What costs nothing may go on when all is spent: reveals and settlements bring money back.
        for (code, what, spent, limit) in spent.into_iter().filter(|_| amount > 0) {
            if spent.checked_add(amount).is_none_or(|sum| sum > limit.base_units()) {
                let spent = Nct::from_base_units(spent);
                let reason =
                    format!("{} NCT more than {spent} NCT are beyond the limit of {limit} NCT for {what}", wish.amount);
                return refuse(code, reason);
            }
        }
        let gas = self.gas_day.sum(now);
        let gas_max = self.limits.gas_day;
        if gas.checked_add(wish.gas.base_units()).is_none_or(|sum| sum > gas_max.base_units()) {
            let reason = format!("the gas of a day would cost more than {gas_max} ether (gas_day_max)");
            return refuse(RefusalCode::OverDay, reason);
        }
        if self.signatures_day.sum(now) >= u128::from(self.limits.signatures_day) {
            let reason = format!("{} things were signed within a day (signatures_day_max)", self.limits.signatures_day);
            return refuse(RefusalCode::OverDay, reason);
        }
        Ok(())
    }

    /// Counts an entry.
    pub fn apply(&mut self, entry: &RecordEntry) {
        let at = self.pass(entry.at);
        match &entry.event {
            RecordEvent::Opened(_) => {}
            RecordEvent::TotalReset { .. } => self.total = 0,
            RecordEvent::NonceSet { chain_id, next, .. } => self.chains.entry(*chain_id).or_default().next = *next,
            RecordEvent::Signed(signed) => self.count(signed, at),
        }
    }

    fn count(&mut self, signed: &Signed, at: Timestamp) {
        let amount = signed.amount.base_units();
        self.hour.add(at, amount);
        self.day.add(at, amount);
        self.total = self.total.saturating_add(amount);
        self.gas_day.add(at, signed.gas.base_units());
        self.signatures_day.add(at, 1);
        match (signed.kind, signed.bounty) {
            (Kind::Assertion | Kind::FastAssertion, Some(bounty)) => {
                self.asserted.insert(bounty, AssertedBounty { content: signed.content, commitment: signed.commitment });
            }
            (Kind::FastVote, Some(bounty)) => {
                self.votes.insert(bounty, signed.content);
            }
            _ => {}
        }
        let Some(Transactions { chain_id, nonces }) = &signed.transactions else { return };
        let next = self.next_nonce(*chain_id);
        let chain = self.chains.entry(*chain_id).or_default();
        chain.next = next;
        for (nonce, hash) in nonces {
            chain.signed.insert(*nonce, hash.0);
            chain.next = chain.next.max(nonce.saturating_add(1));
        }
    }

    /// The least nonce that is signed for something new.
    pub fn next_nonce(&self, chain_id: u64) -> u64 {
        let start = || self.starts.get(&chain_id).copied().unwrap_or(0);
        self.chains.get(&chain_id).map_or_else(start, |chain| chain.next)
    }

    /// How much may be signed.
    pub fn limits(&self) -> &AccountLimits {
        &self.limits
    }

    /// What was signed of the limits.
    pub fn spent(&mut self, now: Timestamp) -> Spent {
        let now = self.pass(now);
        Spent {
            hour: Nct::from_base_units(self.hour.sum(now)),
            day: Nct::from_base_units(self.day.sum(now)),
            total: Nct::from_base_units(self.total),
        }
    }
}

/// Whose record it is, by its entries.
pub fn owner(entries: &[RecordEntry]) -> Option<Address> {
    entries.iter().find_map(|entry| match &entry.event {
        RecordEvent::Opened(opened) => Some(opened.address),
        _ => None,
    })
}
