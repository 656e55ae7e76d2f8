//! How a bounty was decided, from what the chain has about it: truth, payouts by the contract's rules, and the record that
//! the ledger reads.

use daemon_market::{
    Asserted, Bits, Bounty, ContractVersion, Nct, OnChain, Settlement, SettlementNotice, Settling, Truth, Verdict,
    settle,
};
use serde_json::{Value, json};
use tracing::warn;

use super::NAME;
use super::chain::SeenAssertion;

/// What the chain has about a bounty.
pub(super) struct Decided<'a> {
    pub guid: &'a str,
    pub bounty: &'a Bounty,
    pub terms: &'a OnChain,
    pub assertions: &'a [SeenAssertion],
    pub votes: &'a [Vec<bool>],
    /// Our address.
    pub us: &'a str,
    /// What was paid out to us, if that was told.
    pub paid: Option<Nct>,
    pub contract: ContractVersion,
}

impl Decided<'_> {
    /// What is told of it, as a person would import it.
    pub(super) fn notice(&self) -> SettlementNotice {
        let settlement = self.settlement();
        let ours = self.assertions.iter().position(|assertion| same(&assertion.author, self.us));
        let by_the_rules = ours.and_then(|ours| settlement.as_ref()?.payouts.get(ours).copied());
        if let (Some(paid), Some(due)) = (self.paid, by_the_rules)
            && paid != due
        {
            warn!(bounty = self.guid, %paid, %due, "the payout is not what the contract's rules say");
        }
        SettlementNotice {
            truth: self.truth(settlement.as_ref()),
            payout: self.paid.or(by_the_rules),
            fee: Some(self.terms.fee),
            source: NAME.to_owned(),
            record: self.record(settlement.as_ref()).to_string(),
        }
    }

    /// The settlement by the contract's rules; `None` where they give none.
    fn settlement(&self) -> Option<Settlement> {
        let what = Settling {
            amount: self.reward(),
            num_artifacts: self.bounty.artifacts(),
            bounty_fee: self.terms.bounty_fee,
            assertion_fee: self.terms.fee,
            arbiter_count: u32::try_from(self.votes.len()).ok()?,
            assertions: self
                .assertions
                .iter()
                .map(|assertion| Asserted {
                    bids: assertion.bids.clone(),
                    mask: bits(&assertion.mask),
                    verdicts: bits(assertion.verdicts.as_deref().unwrap_or_default()),
                    revealed: assertion.verdicts.is_some(),
                })
                .collect(),
            votes: self.votes.iter().map(|vote| bits(vote)).collect(),
        };
        settle(self.contract, &what)
            .inspect_err(|error| warn!(bounty = self.guid, why = error.to_string(), "settlement not computed"))
            .ok()
    }

    fn reward(&self) -> Nct {
        self.bounty.reward.unwrap_or(Nct::ZERO)
    }

    /// The truth about its artifact, where it has one only: of several there is no one truth.
    fn truth(&self, settlement: Option<&Settlement>) -> Option<Truth> {
        match settlement?.truth[..] {
            [malicious] => Some(if malicious { Truth::Malicious } else { Truth::Benign }),
            _ => None,
        }
    }

    fn record(&self, settlement: Option<&Settlement>) -> Value {
        let one = self.bounty.artifacts() == 1;
        let payout = |number: usize| settlement.and_then(|settlement| settlement.payouts.get(number));
        let verdict = |assertion: &SeenAssertion| match assertion.verdicts.as_deref() {
            // What is not revealed is wrong, whatever is true: nothing can be said of it.
            None => Verdict::Unknown,
            Some(verdicts) if verdicts.first() == Some(&true) => Verdict::Malicious,
            Some(_) => Verdict::Benign,
        };
        let assertions: Vec<Value> = self
            .assertions
            .iter()
            .enumerate()
            .map(|(number, assertion)| {
                let bid = assertion.bids.iter().fold(0u128, |sum, bid| sum.saturating_add(bid.base_units()));
                json!({
                    // Ours under the very name that the record calls us by, however the market writes it.
                    "engine": if same(&assertion.author, self.us) { self.us } else { &assertion.author },
                    "verdict": verdict(assertion).name(),
                    "bid": Nct::from_base_units(bid).to_string(),
                    "payout": payout(number).map(|payout| payout.to_string()),
                    "mask": assertion.mask,
                    "verdicts": assertion.verdicts,
                })
            })
            .collect();
        let malicious = |artifact: usize| self.votes.iter().filter(|vote| vote.get(artifact) == Some(&true)).count();
        let mut record = json!({
            "contract": self.contract.version(),
            "reward": self.reward().to_string(),
            "bounty_fee": self.terms.bounty_fee.to_string(),
            "assertion_fee": self.terms.fee.to_string(),
            "truth": settlement.map(|settlement| settlement.truth.clone()),
        });
        if one {
            record["engine"] = self.us.into();
            record["assertions"] = assertions.into();
            record["votes"] = json!({ "malicious": malicious(0), "benign": self.votes.len() - malicious(0) });
        } else {
            // Called otherwise: each is about several artifacts, and what reads of one would misunderstand them.
            record["assertions_by_artifact"] = assertions.into();
            record["votes_by_artifact"] = (0..self.bounty.artifacts())
                .map(|artifact| json!({ "malicious": malicious(artifact), "benign": self.votes.len() - malicious(artifact) }))
                .collect();
        }
        record
    }
}

/// Whether two addresses are one: they are written with and without a checksum in their letters' case.
pub(super) fn same(one: &str, other: &str) -> bool {
    let digits = |address: &str| address.trim_start_matches("0x").to_ascii_lowercase();
    digits(one) == digits(other)
}

fn bits(list: &[bool]) -> Bits {
    let mut bits = Bits::default();
    list.iter().enumerate().filter(|(_, set)| **set).for_each(|(place, _)| bits.set(place));
    bits
}
