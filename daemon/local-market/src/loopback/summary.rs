//! Summary of a run: parties, engines, faults.

use std::collections::BTreeMap;

use daemon_market::{Nct, Profit};
use serde::{Serialize, Serializer};

use super::Happenings;
use crate::{Exchange, Participant, SettledBounty};

/// Summary of a run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Closing {
    /// Random seed.
    pub seed: u64,
    /// Contract that settled the bounties.
    pub contract: String,
    /// Number of posted bounties.
    pub posted: u64,
    /// Number of posted bounties about malicious files.
    pub malicious: u64,
    /// Number of settled bounties.
    pub settled: u64,
    /// Number of bounties not posted because their file could not be read.
    pub skipped: u64,
    /// Duration of the run, in seconds.
    pub took_seconds: f64,
    /// Summary of each engine.
    pub engines: Vec<EngineClosing>,
    /// Results of all parties: the ambassador, engines, rivals, arbiters, the registry.
    pub parties: Vec<Party>,
    /// Whether all money is where it should be, to the unit.
    pub conserved: bool,
    /// The imbalance, if there is one.
    pub imbalance: Option<String>,
    /// Total amount of money.
    pub total: Nct,
    /// Amount that remains in the registry forever.
    pub stuck: Nct,
    /// Number of answers with an unknown nonce.
    pub strangers: u64,
    /// Injected faults and reactions to them.
    pub faults: Happenings,
}

/// Summary of an engine.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EngineClosing {
    /// Name of the engine.
    pub name: String,
    /// Number of replies to deliveries, by status.
    pub replies: BTreeMap<String, u64>,
    /// Number of bounties that it answered in time.
    pub answered: u64,
    /// Number of bounties that it did not answer in time.
    pub unanswered: u64,
    /// Number of late answers.
    pub late: u64,
    /// Number of repeated answers with the same bytes.
    pub again: u64,
    /// Number of repeated answers with other bytes.
    pub conflicts: u64,
    /// Number of refused answers, by reason.
    pub wrong: BTreeMap<String, u64>,
    /// Number of answers, by verdict.
    pub verdicts: BTreeMap<String, u64>,
    /// Number of verdicts that agree with the label.
    pub right: u64,
    /// From the delivery to the answer, in half of all cases.
    pub latency_p50_ms: f64,
    /// The same in 99 of 100 cases.
    pub latency_p99_ms: f64,
}

/// Result of a party.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Party {
    /// Name of the party.
    pub name: String,
    /// Role of the party.
    pub role: Participant,
    /// Number of bets; of the ambassador, of bounties.
    pub bets: u64,
    /// Sum of stakes; of the ambassador, of rewards.
    pub staked: Nct,
    /// Gains of won bets, including fees.
    pub won: Nct,
    /// Losses of lost bets, including fees.
    pub lost: Nct,
    /// Profit by its balance.
    #[serde(serialize_with = "as_text")]
    pub profit: Profit,
    /// Balance at the end.
    pub balance: Nct,
}

fn as_text<S: Serializer>(profit: &Profit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(profit)
}

/// Initial balances and bets of all parties.
pub(super) struct Parties {
    began: Vec<(Party, Nct)>,
}

impl Parties {
    pub(super) fn new(ambassador: Nct) -> Parties {
        let mut parties = Parties { began: Vec::new() };
        parties.add("ambassador", Participant::Ambassador, ambassador);
        parties
    }

    pub(super) fn engine(&mut self, name: &str, balance: Nct) {
        self.add(name, Participant::Engine, balance);
    }

    /// An engine that votes is paid as an arbiter, on an account of its own.
    pub(super) fn voting_engine(&mut self, name: &str) {
        self.add(name, Participant::Arbiter, Nct::ZERO);
    }

    pub(super) fn rival(&mut self, name: &str, balance: Nct) {
        self.add(name, Participant::Rival, balance);
    }

    pub(super) fn arbiter(&mut self, name: &str) {
        self.add(name, Participant::Arbiter, Nct::ZERO);
    }

    fn add(&mut self, name: &str, role: Participant, balance: Nct) {
        let party = Party {
            name: name.to_owned(),
            role,
            bets: 0,
            staked: Nct::ZERO,
            won: Nct::ZERO,
            lost: Nct::ZERO,
            profit: Profit::ZERO,
            balance,
        };
        self.began.push((party, balance));
    }

    /// Counts a settled bounty. Nothing if it cannot be counted.
    pub(super) fn settled(&mut self, settled: &SettledBounty) -> Option<()> {
        for (party, _) in &mut self.began {
            match party.role {
                Participant::Ambassador => {
                    party.bets += 1;
                    party.staked = party.staked.checked_add(settled.reward)?;
                }
                Participant::Engine | Participant::Rival => {
                    let own = settled.assertions.iter().find(|assertion| assertion.engine == party.name);
                    let Some(own) = own else { continue };
                    let profit = settled.profit(&party.name)?;
                    party.bets += 1;
                    party.staked = party.staked.checked_add(own.bid)?;
                    party.lost = party.lost.checked_add(profit.loss())?;
                    let gain = Nct::from_base_units(u128::try_from(profit.base_units()).unwrap_or(0));
                    party.won = party.won.checked_add(gain)?;
                }
                Participant::Arbiter | Participant::Registry => {}
            }
        }
        Some(())
    }

    /// Everybody, with what is there now.
    pub(super) fn close(&self, exchange: &Exchange) -> Vec<Party> {
        let mut all: Vec<Party> = Vec::with_capacity(self.began.len() + 1);
        let registry = Party {
            name: "registry".to_owned(),
            role: Participant::Registry,
            bets: 0,
            staked: Nct::ZERO,
            won: Nct::ZERO,
            lost: Nct::ZERO,
            profit: Profit::ZERO,
            balance: Nct::ZERO,
        };
        for (party, began) in self.began.iter().cloned().chain([(registry, Nct::ZERO)]) {
            let balance = match party.role {
                Participant::Ambassador => Some(exchange.ambassador()),
                Participant::Engine | Participant::Rival => exchange.expert(&party.name),
                Participant::Arbiter => exchange.arbiter(&party.name),
                Participant::Registry => Some(exchange.registry()),
            };
            let balance = balance.unwrap_or_default();
            all.push(Party { profit: Profit::of(balance, began).unwrap_or_default(), balance, ..party });
        }
        all
    }

    /// Whether what some gained is what others lost, to the unit.
    pub(super) fn come_to_nothing(parties: &[Party]) -> bool {
        let sum = parties.iter().try_fold(Profit::ZERO, |sum, party| sum.checked_add(party.profit));
        sum == Some(Profit::ZERO)
    }
}
