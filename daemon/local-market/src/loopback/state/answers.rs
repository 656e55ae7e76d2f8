//! What engines do about a bounty that is open: they fetch its artifact, decline it or answer it, once or again.

use std::path::PathBuf;
use std::time::Duration;

use daemon_market::{Phase, Verdict};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::super::answer;
use super::super::stream::{Manner, Streamed};
use super::{Book, Given, Lost, MarketState};
use crate::settings::Fault;

/// Default time of a slow artifact.
const SLOW: Duration = Duration::from_secs(3);

/// An artifact to be served.
pub(in super::super) struct ServedArtifact(PathBuf);

impl ServedArtifact {
    pub(in super::super) fn open(&self, manner: Manner) -> std::io::Result<Streamed> {
        Streamed::open(&self.0, manner)
    }
}

/// What happens to an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) enum Fate {
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
    /// The artifact of a bounty, and how it is to come.
    pub(in super::super) fn artifact(&self, id: u64) -> Option<(ServedArtifact, Manner)> {
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
    pub(in super::super) fn answer(&self, id: u64, kind: &str, nonce: &str, body: &[u8]) -> Fate {
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
    pub(in super::super) fn delivers(&self, id: u64, engine: usize) {
        if let Some(case) = self.state().cases.get_mut(&id) {
            case.desks[engine].delivered.get_or_insert_with(Instant::now);
        }
    }

    /// An engine replied so to a delivery.
    pub(in super::super) fn replied(&self, engine: usize, status: &str) {
        *self.state().engines[engine].statuses.entry(status.to_owned()).or_default() += 1;
    }

    /// An engine will not answer this.
    pub(in super::super) fn declined(&self, id: u64, engine: usize) {
        if let Some(case) = self.state().cases.get_mut(&id) {
            case.desks[engine].declined = true;
            case.changed.notify_waiters();
        }
    }

    /// Counts an occurrence of the fault.
    pub(in super::super) fn happen(&self, fault: Fault) {
        self.state().happenings.happen(fault);
    }

    /// Counts the reaction of an engine.
    pub(in super::super) fn then(&self, fault: Fault, what: &str) {
        self.state().happenings.then(fault, what);
    }

    /// Whether every engine has answered, or will not.
    pub(in super::super) fn is_answered(&self, id: u64) -> bool {
        let state = self.state();
        state.cases.get(&id).is_none_or(|case| case.desks.iter().all(|desk| desk.declined || desk.answer.is_some()))
    }

    /// Whether an answer that was lost on purpose has still to come again.
    pub(in super::super) fn awaits_again(&self, id: u64) -> bool {
        let state = self.state();
        state.cases.get(&id).is_some_and(|case| case.desks.iter().any(|desk| desk.lost == Lost::Waiting))
    }
}

fn again(same: bool) -> &'static str {
    if same { "the same bytes again" } else { "other bytes" }
}
