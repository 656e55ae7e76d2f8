//! A contract as BountyRegistry is one: who may assert, reveal and settle, when, and how often; and its account of us.

use std::collections::BTreeMap;

use daemon_market::{
    Asserted, Bits, ChainPosition, ContractVersion, ContractWindows, Nct, Settling, Standing, StepKind, settle,
};

pub(crate) const WINDOWS: ContractWindows = ContractWindows { reveal: 12, vote: 10 };
pub(crate) const FEE: Nct = Nct::from_base_units(7);

/// What we assert: all that the chain is told of it, now or later.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct PlannedAssertion {
    pub commitment: String,
    pub bids: Vec<Nct>,
    pub mask: Vec<bool>,
    pub verdicts: Vec<bool>,
}

/// A bounty on the chain.
#[derive(Clone, Debug)]
pub(crate) struct OnChain {
    pub expiration: u64,
    pub truth: Vec<bool>,
    pub ours: Option<PlannedAssertion>,
    pub revealed: bool,
    pub settled: Option<(String, Nct)>,
    /// The commitments that were ever sent for it.
    pub sent: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct FileChain {
    pub block: u64,
    pub bounties: BTreeMap<String, OnChain>,
    pub transactions: u64,
    /// What we paid and got, in base units.
    pub balance: i128,
    pub reverted: u64,
}

impl FileChain {
    pub(crate) fn post(&mut self, id: &str, expiration: u64, truth: Vec<bool>) {
        let bounty = OnChain { expiration, truth, ours: None, revealed: false, settled: None, sent: Vec::new() };
        self.bounties.insert(id.to_owned(), bounty);
    }

    pub(crate) fn commit(&mut self, id: &str, assertion: PlannedAssertion) -> Result<u64, String> {
        let block = self.block;
        let bounty = self.bounties.get_mut(id).expect("only bounties of this chain are answered");
        bounty.sent.push(assertion.commitment.clone());
        if block >= bounty.expiration || bounty.ours.is_some() {
            self.reverted += 1;
            return Err("reverted".to_owned());
        }
        let paid = assertion.bids.iter().map(|bid| bid.base_units()).sum::<u128>() + FEE.base_units();
        self.balance -= i128::try_from(paid).unwrap();
        bounty.ours = Some(assertion);
        Ok(1)
    }

    pub(crate) fn reveal(&mut self, id: &str, assertion: &PlannedAssertion) -> Result<(), String> {
        let block = self.block;
        let bounty = self.bounties.get_mut(id).expect("only bounties of this chain are revealed");
        let open = (bounty.expiration..bounty.expiration + WINDOWS.reveal).contains(&block);
        if !open || bounty.revealed || bounty.ours.as_ref() != Some(assertion) {
            self.reverted += 1;
            return Err("reverted".to_owned());
        }
        bounty.revealed = true;
        Ok(())
    }

    /// The hash that the next settlement has.
    pub(crate) fn prepare(&mut self) -> String {
        self.transactions += 1;
        format!("{:#066x}", self.transactions)
    }

    pub(crate) fn settle(&mut self, id: &str, transaction: &str) -> Result<Nct, String> {
        let block = self.block;
        let bounty = self.bounties.get_mut(id).expect("only bounties of this chain are settled");
        let Some(ours) = bounty
            .ours
            .as_ref()
            .filter(|_| bounty.settled.is_none() && block >= bounty.expiration + WINDOWS.reveal + WINDOWS.vote)
        else {
            self.reverted += 1;
            return Err("reverted".to_owned());
        };
        let payout = payout(ours, bounty.revealed, &bounty.truth);
        bounty.settled = Some((transaction.to_owned(), payout));
        self.balance += i128::try_from(payout.base_units()).unwrap();
        Ok(payout)
    }

    pub(crate) fn mined(&self, id: &str, transaction: &str) -> Option<Nct> {
        self.bounties[id].settled.as_ref().filter(|(settled, _)| settled == transaction).map(|(_, payout)| *payout)
    }

    pub(crate) fn standing(&self, id: &str, commitment: &str) -> Standing {
        match self.bounties.get(id).and_then(|bounty| Some((bounty, bounty.ours.as_ref()?))) {
            Some((bounty, ours)) if ours.commitment == commitment => {
                Standing::Asserted { index: 1, revealed: bounty.revealed, place: ChainPosition::default() }
            }
            _ => Standing::Absent,
        }
    }
}

/// What the contract's rules pay us, beside one who always says malicious.
fn payout(ours: &PlannedAssertion, revealed: bool, truth: &[bool]) -> Nct {
    let bits = |list: &[bool]| {
        let mut bits = Bits::default();
        list.iter().enumerate().filter(|(_, set)| **set).for_each(|(place, _)| bits.set(place));
        bits
    };
    let all = vec![true; truth.len()];
    let bid = Nct::from_base_units(400_000_000_000_000_000);
    let rival = Asserted { bids: vec![bid; truth.len()], mask: bits(&all), verdicts: bits(&all), revealed: true };
    let us = Asserted { bids: ours.bids.clone(), mask: bits(&ours.mask), verdicts: bits(&ours.verdicts), revealed };
    let what = Settling {
        amount: Nct::from_base_units(2_000_000_000_000_000_000),
        num_artifacts: truth.len(),
        bounty_fee: FEE,
        assertion_fee: FEE,
        arbiter_count: 1,
        assertions: vec![rival, us],
        votes: vec![bits(truth)],
    };
    settle(ContractVersion::V1_6_1, &what).expect("it can be settled").payouts[1]
}

pub(crate) fn is_last(kind: StepKind) -> bool {
    matches!(kind, StepKind::Settled | StepKind::Void | StepKind::Abandoned)
}
