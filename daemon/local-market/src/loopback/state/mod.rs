//! State of the marketplace: bounties from their posting to their settlement, and money in the exchange. It never blocks.

pub(super) mod answers;
mod closing;
mod engine_book;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use daemon_market::{Nct, Phase, Verdict};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::faults::{FaultPlan, Happenings};
use super::outcomes;
use super::summary::Parties;
use crate::settings::{Fault, MarketSettings};
use crate::{Arbiter, Exchange, Posting, Refused, Rival, Seed, Specimen};
use engine_book::EngineBook;

/// State of a run, shared by the server and the ambassador.
pub(super) struct Book {
    pub settings: MarketSettings,
    pub seed: Seed,
    /// Fraction of malicious files, which rivals know.
    malicious: f64,
    state: Mutex<MarketState>,
}

struct MarketState {
    exchange: Exchange,
    rivals: Vec<Rival>,
    arbiters: Vec<Arbiter>,
    engines: Vec<EngineBook>,
    cases: HashMap<u64, OpenBounty>,
    happenings: Happenings,
    parties: Parties,
    settled: u64,
    stuck: Nct,
    imbalance: Option<String>,
    /// Number of answers with an unknown nonce.
    strangers: u64,
}

/// One bounty.
struct OpenBounty {
    /// In the exchange: by when it was posted, which no seed decides.
    number: u64,
    /// Index of the bounty, from which random values derive, so that rivals and votes do not depend on the speed of
    /// engines.
    nth: u64,
    specimen: Specimen,
    phase: Phase,
    plan: FaultPlan,
    expires: Instant,
    open: bool,
    /// Sessions, one per engine.
    desks: Vec<EngineSession>,
    changed: Arc<Notify>,
}

/// State of a bounty for one engine.
struct EngineSession {
    nonce: String,
    delivered: Option<Instant>,
    /// Whether the engine declined to answer.
    declined: bool,
    answer: Option<Given>,
    /// The digest of what was not taken in on purpose.
    refused: Option<[u8; 32]>,
    refused_before: bool,
    lost: Lost,
}

/// An answer that counts.
struct Given {
    digest: [u8; 32],
    verdict: Verdict,
}

/// Whether an answer was lost on purpose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    Never,
    /// And has not come again.
    Waiting,
    Resolved,
}

/// A bounty that was just posted.
pub(super) struct PostedBounty {
    pub id: u64,
    pub phase: Phase,
    pub plan: FaultPlan,
    pub expires: Instant,
    /// Nonces, one per engine.
    pub nonces: Vec<String>,
    pub changed: Arc<Notify>,
}

impl Book {
    /// A book for these files, with rivals and arbiters and no engines yet.
    pub(super) fn new(settings: MarketSettings, specimens: &[Specimen]) -> Result<Book, Refused> {
        let fees = settings.fees.into();
        let each = settings.bounties.reward.checked_add(settings.fees.bounty).ok_or(Refused::TooMuch)?;
        let needed = each.base_units().checked_mul(settings.bounties.number.into()).map(Nct::from_base_units);
        let ambassador = settings.bounties.balance.or(needed).ok_or(Refused::TooMuch)?;
        let mut exchange = Exchange::new(settings.contract, fees, ambassador);
        let mut parties = Parties::new(ambassador);
        let rivals: Vec<Rival> = settings.rivals.iter().flat_map(|rivals| rivals.all()).collect();
        for rival in &rivals {
            exchange.admit_expert(&rival.name, rival.balance)?;
            parties.rival(&rival.name, rival.balance);
        }
        let arbiters = settings.arbiters.all();
        for arbiter in &arbiters {
            exchange.admit_arbiter(&arbiter.name, Nct::ZERO)?;
            parties.arbiter(&arbiter.name);
        }
        let bad = specimens.iter().filter(|specimen| specimen.malicious).count();
        let state = MarketState {
            exchange,
            rivals,
            arbiters,
            engines: Vec::new(),
            cases: HashMap::new(),
            happenings: Happenings::default(),
            parties,
            settled: 0,
            stuck: Nct::ZERO,
            imbalance: None,
            strangers: 0,
        };
        Ok(Book {
            seed: Seed::new(settings.seed),
            malicious: bad as f64 / specimens.len().max(1) as f64,
            settings,
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, MarketState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits an engine; also as an arbiter, if engines vote.
    pub(super) fn admit(&self, name: &str, balance: Nct) -> Result<(), Refused> {
        let mut state = self.state();
        state.exchange.admit_expert(name, balance)?;
        state.parties.engine(name, balance);
        if self.settings.bounties.arbitration > 0.0 {
            state.exchange.admit_arbiter(name, Nct::ZERO)?;
            state.parties.voting_engine(name);
        }
        state.engines.push(EngineBook { name: name.to_owned(), ..EngineBook::default() });
        Ok(())
    }

    /// Posts the `nth` bounty, as `id`.
    pub(super) fn post(&self, id: u64, nth: u64, specimen: &Specimen, sha256: &str) -> Result<PostedBounty, Refused> {
        let mut state = self.state();
        let state = &mut *state;
        let bounties = &self.settings.bounties;
        let posting = Posting { reward: bounties.reward, bounds: bounties.bounds(), sha256: Some(sha256.to_owned()) };
        let number = state.exchange.post(posting)?;
        let votes = crate::seed::happens(&mut self.seed.of(nth, "arbitration"), bounties.arbitration);
        let phase = if votes { Phase::Arbitration } else { Phase::Assertion };
        let desk = |_: &EngineBook| EngineSession {
            nonce: nonce(),
            delivered: None,
            declined: false,
            answer: None,
            refused: None,
            refused_before: false,
            lost: Lost::Never,
        };
        let case = OpenBounty {
            number,
            nth,
            specimen: specimen.clone(),
            phase,
            plan: FaultPlan::of(&self.settings.faults, self.seed, nth),
            expires: Instant::now() + bounties.life(),
            open: true,
            desks: state.engines.iter().map(desk).collect(),
            changed: Arc::default(),
        };
        if phase == Phase::Arbitration {
            // What engines vote on, the others have asserted on before.
            self.rivals_assert(&case, &mut state.exchange, &state.rivals)?;
            state.exchange.close(number)?;
        }
        let opened = PostedBounty {
            id,
            phase,
            plan: case.plan.clone(),
            expires: case.expires,
            nonces: case.desks.iter().map(|desk| desk.nonce.clone()).collect(),
            changed: Arc::clone(&case.changed),
        };
        state.cases.insert(id, case);
        Ok(opened)
    }

    fn rivals_assert(&self, case: &OpenBounty, exchange: &mut Exchange, rivals: &[Rival]) -> Result<(), Refused> {
        let bounds = self.settings.bounties.bounds();
        for rival in rivals {
            let Some(opinion) = rival.assess(self.seed, case.nth, case.specimen.malicious, self.malicious) else {
                continue;
            };
            let balance = exchange.expert(&rival.name).unwrap_or_default();
            if let Some(bid) = rival.bid(opinion, bounds, balance, self.settings.fees.assertion) {
                exchange.assert(case.number, &rival.name, opinion.verdict, bid)?;
            }
        }
        Ok(())
    }

    /// Rivals assert, arbiters vote, and it is settled. Returns what there is to tell to which engine.
    pub(super) fn settle(&self, id: u64, at: jiff::Timestamp) -> Result<Vec<(usize, String)>, Refused> {
        let mut state = self.state();
        let state = &mut *state;
        let Some(case) = state.cases.get_mut(&id) else { return Ok(Vec::new()) };
        case.open = false;
        let number = case.number;
        if case.phase == Phase::Assertion {
            self.rivals_assert(case, &mut state.exchange, &state.rivals)?;
            state.exchange.close(number)?;
        }
        for arbiter in &state.arbiters {
            if let Some(malicious) = arbiter.vote(self.seed, case.nth, case.specimen.malicious) {
                let verdict = if malicious { Verdict::Malicious } else { Verdict::Benign };
                state.exchange.vote(number, &arbiter.name, verdict)?;
            }
        }
        let mut settled = state.exchange.settle(number)?;
        if let Err(imbalance) = state.exchange.audit() {
            state.imbalance.get_or_insert_with(|| imbalance.to_string());
        }
        (settled.bounty, settled.phase, settled.at) = (id.to_string(), case.phase, Some(at.to_string()));
        state.settled += 1;
        state.stuck = state.stuck.checked_add(settled.stuck).ok_or(Refused::TooMuch)?;
        state.parties.settled(&settled).ok_or(Refused::TooMuch)?;
        for (desk, engine) in case.desks.iter().zip(&mut state.engines) {
            engine.settled(desk, &settled);
            note_faults(&case.plan, desk, &mut state.happenings);
        }
        let arbiters = self.settings.arbiters.number;
        let line = |(at, engine): (usize, &EngineBook)| Some((at, outcomes::line(&settled, &engine.name, arbiters)?));
        Ok(state.engines.iter().enumerate().filter_map(line).collect())
    }
}

/// Counts the reactions of an engine to faults of the artifact or of the order.
fn note_faults(plan: &FaultPlan, desk: &EngineSession, happenings: &mut Happenings) {
    let answered = desk.answer.as_ref().map_or("no answer", |given| given.verdict.name());
    let artifact = [Fault::SlowArtifact, Fault::TruncatedArtifact, Fault::LyingArtifact, Fault::DeadArtifact];
    for fault in artifact.into_iter().chain([Fault::OutOfOrder]).filter(|fault| plan.has(*fault)) {
        happenings.then(fault, answered);
    }
    if desk.refused.is_some() {
        happenings.then(Fault::RefusedAnswer, "not sent again");
    }
}

/// Makes an unpredictable nonce: the keys of the standard library's hash maps come from the system's random source.
fn nonce() -> String {
    let random = || RandomState::new().hash_one("nonce");
    format!("{:016x}{:016x}", random(), random())
}
