//! State of the marketplace: bounties, answers, and money in the exchange. It never blocks.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daemon_market::{Nct, Phase, Profit, Verdict};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::catalogue::Specimen;
use super::faults::{Fault, FaultPlan, Happenings};
use super::progress::{EngineProgress, RunProgress, percentile};
use super::settings::MarketSettings;
use super::stream::Manner;
use super::summary::{Closing, EngineClosing, Parties};
use super::{answer, outcomes};
use crate::{Arbiter, Exchange, Posting, Refused, Rival, Seed, SettledBounty};

/// Default time of a slow artifact.
const SLOW: Duration = Duration::from_secs(3);

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

/// Record of one engine.
#[derive(Default)]
struct EngineBook {
    name: String,
    statuses: BTreeMap<String, u64>,
    answered: u64,
    unanswered: u64,
    again: u64,
    late: u64,
    conflicts: u64,
    wrong: BTreeMap<String, u64>,
    verdicts: BTreeMap<String, u64>,
    latencies: Vec<Duration>,
    right: u64,
    profit: Profit,
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

/// An artifact to be served.
pub(super) struct ServedArtifact(PathBuf);

impl ServedArtifact {
    pub(super) fn open(&self, manner: Manner) -> std::io::Result<super::stream::Streamed> {
        super::stream::Streamed::open(&self.0, manner)
    }
}

/// What happens to an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// The answer counts.
    Counts,
    /// The answer repeats the accepted answer.
    Again,
    /// The answer is accepted, but its sender gets no reply.
    Lost,
    /// The answer is refused on purpose, as an injected fault.
    NotNow,
    NoSuchBounty,
    /// The nonce is unknown.
    Stranger,
    /// Another was taken before.
    Conflict,
    TooLate,
    /// The answer is invalid, with the reason.
    Wrong(String),
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
            plan: self.settings.faults.plan(self.seed, nth),
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

    /// The artifact of a bounty, and how it is to come.
    pub(super) fn artifact(&self, id: u64) -> Option<(ServedArtifact, Manner)> {
        let mut state = self.state();
        let MarketState { cases, happenings, .. } = &mut *state;
        let case = cases.get(&id)?;
        let mut happens = |fault| {
            let happens = case.plan.has(fault);
            if happens {
                happenings.happen(fault);
            }
            happens
        };
        let slow = self.settings.faults.slow_milliseconds.map_or(SLOW, Duration::from_millis);
        let manner = Manner {
            takes: if happens(Fault::SlowArtifact) { slow } else { Duration::ZERO },
            truncated: happens(Fault::TruncatedArtifact),
            lying: happens(Fault::LyingArtifact),
        };
        Some((ServedArtifact(case.specimen.path.clone()), manner))
    }

    /// Takes an answer, or does not.
    pub(super) fn answer(&self, id: u64, kind: &str, nonce: &str, body: &[u8]) -> Fate {
        let mut state = self.state();
        let state = &mut *state;
        let Some(case) = state.cases.get_mut(&id) else { return Fate::NoSuchBounty };
        let Some(at) = case.desks.iter().position(|desk| desk.nonce == nonce) else {
            state.strangers += 1;
            return Fate::Stranger;
        };
        let (desk, engine) = (&mut case.desks[at], &mut state.engines[at]);
        let expected = match case.phase {
            Phase::Assertion => "assertions",
            Phase::Arbitration => "votes",
        };
        if kind != expected {
            return engine.wrong(format!("this bounty requires {expected}"));
        }
        let digest: [u8; 32] = Sha256::digest(body).into();
        if let Some(given) = &desk.answer {
            let same = given.digest == digest;
            if desk.lost == Lost::Waiting {
                desk.lost = Lost::Resolved;
                state.happenings.then(Fault::LostAnswer, again(same));
                case.changed.notify_waiters();
            }
            if same {
                engine.again += 1;
                return Fate::Again;
            }
            engine.conflicts += 1;
            return Fate::Conflict;
        }
        if !case.open || Instant::now() >= case.expires {
            engine.late += 1;
            return Fate::TooLate;
        }
        if case.plan.has(Fault::RefusedAnswer) && !desk.refused_before {
            desk.refused_before = true;
            desk.refused = Some(digest);
            state.happenings.happen(Fault::RefusedAnswer);
            return Fate::NotNow;
        }
        if let Some(before) = desk.refused.take() {
            state.happenings.then(Fault::RefusedAnswer, again(before == digest));
        }
        let said = match answer::read(body, case.phase, self.settings.bounties.bounds()) {
            Ok(said) => said,
            Err(why) => return engine.wrong(why),
        };
        let told = match (said.verdict, case.phase) {
            (Verdict::Malicious | Verdict::Benign, Phase::Assertion) => {
                state.exchange.assert(case.number, &engine.name, said.verdict, said.bid)
            }
            (Verdict::Malicious | Verdict::Benign, Phase::Arbitration) => {
                state.exchange.vote(case.number, &engine.name, said.verdict)
            }
            (Verdict::Suspicious | Verdict::Unknown, _) => Ok(()),
        };
        if let Err(refused) = told {
            return engine.wrong(refused.to_string());
        }
        desk.answer = Some(Given { digest, verdict: said.verdict });
        engine.answered += 1;
        engine.latencies.extend(desk.delivered.map(|delivered| delivered.elapsed()));
        *engine.verdicts.entry(said.verdict.name().to_owned()).or_default() += 1;
        let truth = if case.specimen.malicious { Verdict::Malicious } else { Verdict::Benign };
        engine.right += u64::from(said.verdict == truth);
        case.changed.notify_waiters();
        if case.plan.has(Fault::LostAnswer) {
            desk.lost = Lost::Waiting;
            state.happenings.happen(Fault::LostAnswer);
            return Fate::Lost;
        }
        Fate::Counts
    }

    /// A delivery to that engine begins.
    pub(super) fn delivers(&self, id: u64, engine: usize) {
        if let Some(case) = self.state().cases.get_mut(&id) {
            case.desks[engine].delivered.get_or_insert_with(Instant::now);
        }
    }

    /// An engine replied so to a delivery.
    pub(super) fn replied(&self, engine: usize, status: &str) {
        *self.state().engines[engine].statuses.entry(status.to_owned()).or_default() += 1;
    }

    /// An engine will not answer this.
    pub(super) fn declined(&self, id: u64, engine: usize) {
        if let Some(case) = self.state().cases.get_mut(&id) {
            case.desks[engine].declined = true;
            case.changed.notify_waiters();
        }
    }

    /// Counts an occurrence of the fault.
    pub(super) fn happen(&self, fault: Fault) {
        self.state().happenings.happen(fault);
    }

    /// Counts the reaction of an engine.
    pub(super) fn then(&self, fault: Fault, what: &str) {
        self.state().happenings.then(fault, what);
    }

    /// Whether every engine has answered, or will not.
    pub(super) fn is_answered(&self, id: u64) -> bool {
        let state = self.state();
        state.cases.get(&id).is_none_or(|case| case.desks.iter().all(|desk| desk.declined || desk.answer.is_some()))
    }

    /// Whether an answer that was lost on purpose has still to come again.
    pub(super) fn awaits_again(&self, id: u64) -> bool {
        let state = self.state();
        state.cases.get(&id).is_some_and(|case| case.desks.iter().any(|desk| desk.lost == Lost::Waiting))
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

    /// Returns the progress of the run.
    pub(super) fn progress(&self) -> RunProgress {
        let state = self.state();
        let engine = |engine: &EngineBook| EngineProgress {
            name: engine.name.clone(),
            answered: engine.answered,
            latency: percentile(&engine.latencies, 0.5),
            profit: engine.profit,
        };
        RunProgress {
            number: self.settings.bounties.number,
            posted: state.cases.len() as u64,
            settled: state.settled,
            engines: state.engines.iter().map(engine).collect(),
        }
    }

    /// Returns the summary of the run.
    pub(super) fn closing(&self, took: Duration, skipped: u64) -> Closing {
        let mut state = self.state();
        let state = &mut *state;
        for desk in state.cases.values_mut().flat_map(|case| &mut case.desks) {
            if desk.lost == Lost::Waiting {
                state.happenings.then(Fault::LostAnswer, "not sent again");
                desk.lost = Lost::Resolved;
            }
        }
        let imbalance = state.exchange.audit().err().map(|imbalance| imbalance.to_string());
        let imbalance = state.imbalance.clone().or(imbalance);
        let parties = state.parties.close(&state.exchange);
        let bad = state.cases.values().filter(|case| case.specimen.malicious).count() as u64;
        Closing {
            seed: self.settings.seed,
            contract: self.settings.contract.version().to_owned(),
            posted: state.cases.len() as u64,
            malicious: bad,
            settled: state.settled,
            skipped,
            took_seconds: took.as_secs_f64(),
            engines: state.engines.iter().map(EngineBook::close).collect(),
            conserved: imbalance.is_none() && Parties::come_to_nothing(&parties),
            imbalance,
            parties,
            total: state.exchange.total(),
            stuck: state.stuck,
            strangers: state.strangers,
            faults: state.happenings.clone(),
        }
    }
}

impl EngineBook {
    fn wrong(&mut self, why: String) -> Fate {
        *self.wrong.entry(why.clone()).or_default() += 1;
        Fate::Wrong(why)
    }

    fn settled(&mut self, desk: &EngineSession, settled: &SettledBounty) {
        if desk.answer.is_none() {
            self.unanswered += 1;
        }
        self.profit = self.profit.saturating_add(settled.profit(&self.name).unwrap_or_default());
    }

    fn close(&self) -> EngineClosing {
        EngineClosing {
            name: self.name.clone(),
            replies: self.statuses.clone(),
            answered: self.answered,
            unanswered: self.unanswered,
            late: self.late,
            again: self.again,
            conflicts: self.conflicts,
            wrong: self.wrong.clone(),
            verdicts: self.verdicts.clone(),
            right: self.right,
            latency_p50_ms: percentile(&self.latencies, 0.5).as_secs_f64() * 1e3,
            latency_p99_ms: percentile(&self.latencies, 0.99).as_secs_f64() * 1e3,
        }
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

fn again(same: bool) -> &'static str {
    if same { "the same bytes again" } else { "other bytes" }
}

/// Makes an unpredictable nonce: the keys of the standard library's hash maps come from the system's random source.
fn nonce() -> String {
    let random = || RandomState::new().hash_one("nonce");
    format!("{:016x}{:016x}", random(), random())
}
