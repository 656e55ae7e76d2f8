//! A marketplace that posts bounties as webhooks, takes answers by HTTP, settles, and keeps its own account of us.

use std::collections::BTreeMap;

use daemon_market::{BountyId, BountyKey, Nct, Phase, SettlementNotice, Timestamp, Truth, Verdict};
use daemon_settlement::{About, Change, SettlementLine};
use serde_json::json;

use crate::scenario::{By, PlannedBounty};

/// What an assertion costs, on top of its stake.
pub(crate) const FEE: Nct = Nct::from_base_units(31_250_000_000_000_000);

/// What the marketplace knows of a bounty of its own.
#[derive(Clone, Debug)]
pub(crate) struct BountyByWebhook {
    pub key: BountyKey,
    pub expires: Timestamp,
    malicious: bool,
    /// The first answer that came.
    body: Option<Vec<u8>>,
    pub taken: Option<(Verdict, Nct)>,
    pub settled: Option<SettlementNotice>,
}

/// The marketplace.
#[derive(Default)]
pub(crate) struct PostingMarket {
    bounties: BTreeMap<usize, BountyByWebhook>,
}

/// Its reply to an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answered {
    Taken,
    TooLate,
    /// There is another answer to it already.
    Different,
}

impl PostingMarket {
    /// Posts a bounty; its body. Another time it is the same.
    pub(crate) fn post(&mut self, bounty: &PlannedBounty, now: Timestamp) -> Option<Vec<u8>> {
        let By::Webhook { life, phase } = bounty.by else { return None };
        let number = bounty.number;
        let malicious = bounty.artifacts.first()?.malicious;
        let posted = self.bounties.entry(number).or_insert_with(|| BountyByWebhook {
            key: BountyKey { id: BountyId::new(&number.to_string()), phase },
            expires: now + life,
            malicious,
            body: None,
            taken: None,
            settled: None,
        });
        let expires = jiff::Timestamp::from_microsecond(posted.expires.micros()).expect("simulations are short");
        let body = json!({
            "id": number,
            "artifact_type": "FILE",
            "artifact_uri": format!("https://example.org/{number}"),
            "expiration": expires.to_string(),
            "phase": phase.name(),
            "response_url": format!("https://example.org/{number}/assertions"),
            "metadata": {},
            "rules": {},
        });
        Some(body.to_string().into_bytes())
    }

    pub(crate) fn bounty(&self, number: usize) -> Option<&BountyByWebhook> {
        self.bounties.get(&number)
    }

    pub(crate) fn answer(&mut self, number: usize, body: &[u8], now: Timestamp) -> Answered {
        let Some(posted) = self.bounties.get_mut(&number) else { return Answered::TooLate };
        if posted.body.get_or_insert_with(|| body.to_vec()) != body {
            return Answered::Different;
        }
        if now > posted.expires {
            return Answered::TooLate;
        }
        if posted.taken.is_none() && posted.key.phase == Phase::Assertion {
            let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            let verdict = answer["verdict"].as_str().and_then(Verdict::named).unwrap_or(Verdict::Unknown);
            // Amounts are far beyond what a double holds exactly, but below 2^64.
            let bid = answer["bid"].as_u64().map_or(Nct::ZERO, |bid| Nct::from_base_units(bid.into()));
            posted.taken = Some((verdict, bid));
        }
        Answered::Taken
    }

    /// Settles a bounty; what it tells of that, now and later.
    pub(crate) fn settle(&mut self, number: usize) -> Option<SettlementLine> {
        let posted = self.bounties.get_mut(&number)?;
        let outcome = posted.settled.clone().unwrap_or_else(|| posted.outcome(posted.malicious));
        posted.settled = Some(outcome.clone());
        Some(posted.line(outcome))
    }

    /// What somebody tells who is wrong.
    pub(crate) fn wrong(&self, number: usize) -> Option<SettlementLine> {
        let posted = self.bounties.get(&number)?;
        Some(posted.line(posted.outcome(!posted.malicious)))
    }

    /// Settles it anew, with the other truth; the correction that a person makes of it.
    pub(crate) fn settle_anew(&mut self, number: usize) -> Option<SettlementLine> {
        let posted = self.bounties.get_mut(&number)?;
        let right = posted.outcome(!posted.malicious);
        let change = Change {
            truth: Some(right.truth),
            payout: Some(right.payout),
            fee: None,
            reason: "the marketplace settled it anew".to_owned(),
        };
        posted.settled = Some(right.clone());
        Some(SettlementLine { correction: Some(change), ..posted.line(right) })
    }

    /// What we paid and got for a bounty, in base units.
    pub(crate) fn balance(&self, number: usize) -> i128 {
        let Some(posted) = self.bounties.get(&number) else { return 0 };
        let Some((_, bid)) = posted.taken.filter(|(_, bid)| *bid > Nct::ZERO) else { return 0 };
        let payout = posted.settled.as_ref().and_then(|settled| settled.payout).unwrap_or(Nct::ZERO);
        let signed = |amount: Nct| i128::try_from(amount.base_units()).expect("amounts here are small");
        signed(payout) - signed(bid) - signed(FEE)
    }
}

impl BountyByWebhook {
    fn line(&self, outcome: SettlementNotice) -> SettlementLine {
        SettlementLine { about: About::Bounty(self.key.id.clone(), None), outcome, correction: None }
    }

    /// Pays one and a half times the stake to who is right.
    fn outcome(&self, malicious: bool) -> SettlementNotice {
        let truth = Some(if malicious { Truth::Malicious } else { Truth::Benign });
        let notice = SettlementNotice { truth, fee: Some(FEE), source: "market".to_owned(), ..Default::default() };
        let staked = self.taken.filter(|(_, bid)| *bid > Nct::ZERO);
        let payout =
            staked.map_or(
                0,
                |(verdict, bid)| {
                    if notice.bears_out(verdict) == Some(true) { bid.base_units() / 2 * 3 } else { 0 }
                },
            );
        let ours = staked.map(|(verdict, bid)| {
            json!({ "engine": "us", "verdict": verdict.name(), "bid": bid.to_string(), "payout": Nct::from_base_units(payout).to_string() })
        });
        let record = json!({ "engine": "us", "assertions": ours.into_iter().collect::<Vec<_>>() }).to_string();
        SettlementNotice { payout: Some(Nct::from_base_units(payout)), record, ..notice }
    }
}
