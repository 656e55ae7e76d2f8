//! Bounties made by hand, and what the ledger makes of an archive in memory.

use daemon_journal::{Answered, Ended, Ending, Filter, Journal, MemoryJournal, Recall, Received, Settled, Write};
use daemon_ledger::{AlarmLimits, Grouping, Ledger, LedgerEntry, LedgerReport, Question};
use daemon_market::{
    Bet, BidStrategy, BountyId, BountyKey, Nct, Phase, STRATEGIES, SettlementNotice, Strategy, StrategySettings,
    Timestamp, Truth, Verdict,
};

pub(crate) const FEE: &str = "0.03125";

/// A bounty, as a test needs it: change what matters.
#[derive(Clone)]
pub(crate) struct TestBounty {
    pub id: u64,
    pub hour: i64,
    pub said: Verdict,
    pub q: f64,
    pub bid: &'static str,
    pub kind: &'static str,
    pub family: &'static str,
    pub indicators: &'static [&'static str],
    pub ending: Option<(Ending, u32)>,
    pub truth: Option<Truth>,
    pub payout: Option<&'static str>,
    pub record: String,
    pub settled: bool,
    pub bet: bool,
}

impl Default for TestBounty {
    fn default() -> Self {
        TestBounty {
            id: 1,
            hour: 0,
            said: Verdict::Malicious,
            q: 0.9,
            bid: "1",
            kind: "pe32.exe",
            family: "",
            indicators: &[],
            ending: Some((Ending::Sent { status: 200 }, 1)),
            truth: Some(Truth::Malicious),
            payout: None,
            record: String::new(),
            settled: true,
            bet: true,
        }
    }
}

impl TestBounty {
    fn key(&self) -> BountyKey {
        BountyKey { id: BountyId::new(&self.id.to_string()), phase: Phase::Assertion }
    }

    pub(crate) fn writes(&self) -> Vec<Write> {
        let at = |seconds: i64| Timestamp::from_micros((self.hour * 3_600 + seconds) * 1_000_000);
        let key = self.key();
        let evidence: Vec<_> = self.indicators.iter().map(|id| serde_json::json!({ "id": id })).collect();
        let bet = Bet {
            strategy: "default".to_owned(),
            verdict: self.said,
            confidence: self.q,
            q: self.q,
            conviction: (2.0 * self.q - 1.0).max(0.0),
            family: self.family.to_owned(),
            evidence: Vec::new(),
            min: Nct::literal("0.0625"),
            max: Nct::literal("1"),
            reward: Nct::literal("2"),
            fee: Nct::literal(FEE),
            purse: Nct::literal("1"),
            balance: Nct::literal("100"),
            ratio: 0.5,
            complete: true,
            wanted: Nct::literal(self.bid),
            why_not: None,
        };
        let bid = Nct::literal(self.bid);
        let softened = self.bet && bid == Nct::ZERO;
        let mut writes = vec![
            Write::Bounty(Received {
                key: key.clone(),
                dialect: daemon_journal::WEBHOOK.to_owned(),
                delivery: String::new(),
                received: at(0),
                expires: at(90),
                wire: Vec::new(),
            }),
            Write::Answer(Answered {
                key: key.clone(),
                at: at(2),
                body: Vec::new(),
                verdict: if softened { Verdict::Unknown } else { self.said },
                bid,
                confidence: self.q,
                kind: self.kind.to_owned(),
                sha256: None,
                size: None,
                generation: String::new(),
                comments: if self.bid == "0" { vec!["nothing is staked, for a test".to_owned()] } else { Vec::new() },
                report: serde_json::json!({ "evidence": evidence }).to_string(),
                bet: if self.bet { bet.to_json() } else { String::new() },
            }),
        ];
        if let Some((how, attempts)) = self.ending {
            let detail = String::new();
            writes.push(Write::Ending(Ended { key: key.clone(), at: at(3), how, attempts, detail }));
        }
        if self.settled {
            let outcome = SettlementNotice {
                truth: self.truth,
                payout: self.payout.map(Nct::literal),
                fee: Some(Nct::literal(FEE)),
                source: "test".to_owned(),
                record: self.record.clone(),
            };
            writes.push(Write::Settled(Settled { key, at: at(7_200), outcome }));
        }
        writes
    }

    pub(crate) fn entry(&self) -> LedgerEntry {
        entries(&archive([self.clone()])).pop().expect("it was answered")
    }
}

pub(crate) fn archive(told: impl IntoIterator<Item = TestBounty>) -> MemoryJournal {
    let mut journal = MemoryJournal::new();
    for told in told {
        journal.commit(&told.writes()).expect("memory takes it");
    }
    journal
}

pub(crate) fn entries(journal: &MemoryJournal) -> Vec<LedgerEntry> {
    let mut entries = Vec::new();
    journal.each(&Filter::default(), &mut |story| entries.extend(LedgerEntry::of(&story))).expect("memory is read");
    entries
}

pub(crate) fn strategies() -> Vec<Box<dyn BidStrategy>> {
    STRATEGIES.iter().filter_map(|(name, _)| Strategy::named(name, &StrategySettings::default()).ok()).collect()
}

pub(crate) fn report(journal: &MemoryJournal) -> LedgerReport {
    let groupings = Grouping::ALL.to_vec();
    let mut ledger = Ledger::new(Question { groupings, strategies: strategies(), alarms: AlarmLimits::default() });
    journal.each(&Filter::default(), &mut |story| ledger.see(&story)).expect("memory is read");
    ledger.close(Timestamp::from_micros(1_796_000_000_000_000), None)
}

/// The record of a market that tells everything: rivals and what they bid, votes.
pub(crate) fn record(engine: &str, assertions: &[(&str, &str, &str)], votes: (u32, u32)) -> String {
    let assertions: Vec<_> = assertions
        .iter()
        .map(|(engine, verdict, bid)| serde_json::json!({ "engine": engine, "verdict": verdict, "bid": bid }))
        .collect();
    serde_json::json!({
        "engine": engine, "contract": "1.6.1", "reward": "2", "bounty_fee": "0.0625", "assertion_fee": FEE,
        "arbiters": 3, "assertions": assertions, "votes": { "malicious": votes.0, "benign": votes.1 },
    })
    .to_string()
}
