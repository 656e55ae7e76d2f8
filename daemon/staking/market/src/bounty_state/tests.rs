//! Lives of bounties, told from beginning to end.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::{
    ArtifactType, BidBounds, Bounty, BountyId, BountyKey, DefaultStrategy, Findings, Judgement, Nct, Now, Phase, Purse,
    PurseLimits, Rate, Timestamp, Verdict,
};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn at(steady: Duration) -> Now {
    Now { wall: Timestamp::from_micros(1_000_000_000) + steady, steady }
}

pub(super) fn key(id: &str) -> BountyKey {
    BountyKey { id: BountyId::new(id), phase: Phase::Assertion }
}

/// A bounty that comes at the beginning and lives so long.
pub(super) fn bounty(id: &str, life: Duration) -> Arc<Bounty> {
    Arc::new(Bounty {
        key: key(id),
        artifact_type: ArtifactType::File,
        artifact_uri: "https://example.com/a".to_owned(),
        sha256: None,
        metadata: serde_json::Map::new(),
        bounds: BidBounds::default(),
        reward: None,
        response_url: Some("https://example.com/r".to_owned()),
        deliverable: true,
        expires: at(life).wall,
        on_chain: None,
    })
}

pub(super) fn judgement(verdict: Verdict) -> Box<Judgement> {
    Box::new(Judgement {
        verdict,
        confidence: 0.9,
        complete: true,
        skip: None,
        comments: Vec::new(),
        findings: Findings::default(),
    })
}

pub(super) fn betting() -> Betting {
    Betting::new(Box::new(DefaultStrategy), Purse::new(PurseLimits::default()))
}

pub(super) struct Life {
    pub bounties: Bounties,
    pub now: Duration,
}

impl Life {
    pub(super) fn new(policy: BountyPolicy) -> Life {
        Life { bounties: Bounties::new(policy, betting()), now: Duration::ZERO }
    }

    /// What follows from `event`, by name.
    pub(super) fn step(&mut self, event: Event) -> Vec<String> {
        let mut effects = Vec::new();
        self.bounties.step(event, at(self.now), &mut effects);
        effects.iter().map(name).collect()
    }

    pub(super) fn receive(&mut self, id: &str, life: Duration) -> Vec<String> {
        self.step(Event::Received { caller: 1, bounty: bounty(id, life) })
    }

    pub(super) fn written(&mut self, id: &str) -> Vec<String> {
        self.step(Event::BountyWritten { key: key(id), written: Written::Fresh })
    }

    pub(super) fn tick(&mut self, now: Duration) -> Vec<String> {
        self.now = now;
        self.step(Event::Tick)
    }

    /// Takes it from its beginning until a worker has it.
    pub(super) fn examined(&mut self, id: &str, life: Duration) {
        self.receive(id, life);
        self.written(id);
        self.step(Event::Fetched { key: key(id), artifact: 0, declined: None });
    }
}

/// Which artifact, where it is not the first.
fn nth(artifact: usize) -> String {
    if artifact == 0 { String::new() } else { format!("/{artifact}") }
}

/// An effect in few words.
pub(super) fn name(effect: &Effect) -> String {
    match effect {
        Effect::Reply { caller, admission } => format!("reply {caller} {admission:?}"),
        Effect::WriteBounty(key) => format!("write bounty {}", key.id),
        Effect::Fetch { key, artifact, .. } => format!("fetch {}{}", key.id, nth(*artifact)),
        Effect::Examine { key, artifact, .. } => format!("examine {}{}", key.id, nth(*artifact)),
        Effect::WriteAnswer { key, answer } => {
            format!("answer {} {} {} {}", key.id, answer.verdict.name(), answer.bid(), answer.comments.join("; "))
        }
        Effect::Send { key, .. } => format!("send {}", key.id),
        Effect::WriteEnding { key, ending, attempts, .. } => format!("end {} {ending:?} {attempts}", key.id),
        Effect::WriteOutcome { key, outcome, .. } => format!("outcome {} {:?}", key.id, outcome.truth),
        Effect::WriteCorrection { key, correction, .. } => format!("correct {} {:?}", key.id, correction.truth),
        Effect::WritePurse { note, .. } => format!("purse {}", note.name()),
        Effect::Opened { caller, opened } => format!("opened {caller} {opened}"),
        Effect::WriteStep { key, step, .. } => format!("step {} {}", key.id, step.kind.name()),
        Effect::LookUp(key) => format!("look up {}", key.id),
        Effect::Reveal(key) => format!("reveal {}", key.id),
        Effect::Settle(key) => format!("settle {}", key.id),
        Effect::Account(key) => format!("account {}", key.id),
        Effect::Release(key) => format!("release {}", key.id),
        Effect::Forget(key) => format!("forget {}", key.id),
    }
}

#[test]
fn a_bounty_lives_from_reception_to_the_taken_answer() {
    let mut life = Life::new(BountyPolicy::default());
    assert_eq!(life.receive("7", 60 * SECOND), ["write bounty 7"]);
    assert_eq!(life.written("7"), ["reply 1 Accepted", "fetch 7"]);
    assert_eq!(life.step(Event::Fetched { key: key("7"), artifact: 0, declined: None }), ["examine 7"]);
    let examined = Event::Examined { key: key("7"), artifact: 0, judgement: judgement(Verdict::Malicious) };
    assert_eq!(life.step(examined), ["answer 7 malicious 0.8125 "]);
    assert_eq!(life.step(Event::AnswerWritten { key: key("7") }), ["send 7"]);
    assert_eq!(life.step(Event::Taken { key: key("7"), status: 200 }), ["end 7 Sent(200) 1"]);
    assert_eq!(life.step(Event::EndingWritten { key: key("7"), written: Written::Fresh }), ["forget 7"]);
    assert_eq!((life.bounties.open(), life.bounties.alarm()), (0, None));
    assert_eq!(life.receive("7", 60 * SECOND), ["reply 1 Known"]);
}

#[test]
fn nobody_is_told_that_a_bounty_is_taken_before_it_is_written_down() {
    let mut life = Life::new(BountyPolicy::default());
    life.receive("7", 60 * SECOND);
    let again = Event::Received { caller: 2, bounty: bounty("7", 60 * SECOND) };
    assert_eq!(life.step(again), [""; 0]);
    assert_eq!(life.written("7"), ["reply 1 Accepted", "reply 2 Known", "fetch 7"]);
    let again = Event::Received { caller: 3, bounty: bounty("7", 60 * SECOND) };
    assert_eq!(life.step(again), ["reply 3 Known"]);
    life.receive("8", 60 * SECOND);
    let not = Event::BountyWritten { key: key("8"), written: Written::Failed };
    assert_eq!(life.step(not), ["reply 1 Unrecorded", "forget 8"]);
}

#[test]
fn the_earliest_to_be_answered_goes_first() {
    let mut life = Life::new(BountyPolicy { fetching_max: 1, examining_max: 1, ..BountyPolicy::default() });
    for (id, seconds) in [("a", 50), ("b", 90), ("c", 20), ("d", 60)] {
        life.receive(id, seconds * SECOND);
        life.written(id);
    }
    let mut order = Vec::new();
    for id in ["a", "c", "d", "b"] {
        order.extend(life.step(Event::Fetched { key: key(id), artifact: 0, declined: None }));
        order.extend(life.step(Event::Examined { key: key(id), artifact: 0, judgement: judgement(Verdict::Benign) }));
    }
    order.retain(|effect| effect.starts_with("examine"));
    assert_eq!(order, ["examine a", "examine c", "examine d", "examine b"]);
}

#[test]
fn too_much_is_refused_before_it_is_taken() {
    let mut life = Life::new(BountyPolicy { open_max: 1, ..BountyPolicy::default() });
    life.receive("a", 60 * SECOND);
    assert_eq!(life.receive("b", 60 * SECOND), ["reply 1 Busy { after: 1s }"]);
    let mut life =
        Life::new(BountyPolicy { rates: vec![Rate { bounties: 1, per: SECOND }], ..BountyPolicy::default() });
    life.receive("a", 60 * SECOND);
    assert_eq!(life.receive("b", 60 * SECOND), ["reply 1 Busy { after: 1s }"]);
    life.step(Event::Drain);
    assert_eq!(life.receive("c", 60 * SECOND), ["reply 1 Draining"]);
}

#[test]
fn what_would_come_too_late_is_not_taken() {
    let mut life = Life::new(BountyPolicy { examining_max: 1, ..BountyPolicy::default() });
    life.examined("slow", 60 * SECOND);
    life.now = 4 * SECOND;
    life.step(Event::Examined { key: key("slow"), artifact: 0, judgement: judgement(Verdict::Benign) });
    for id in ["1", "2", "3"] {
        life.receive(id, 60 * SECOND);
        life.written(id);
    }
    // Three before it take 12 s; with twice that the answer would come late.
    assert_eq!(life.receive("hasty", 20 * SECOND), ["reply 1 Busy { after: 12s }"]);
    assert_eq!(life.receive("patient", 60 * SECOND), ["write bounty patient"]);
}

#[test]
fn when_an_answer_is_due_what_is_known_is_answered() {
    let mut life = Life::new(BountyPolicy { fetching_max: 1, ..BountyPolicy::default() });
    life.receive("7", 60 * SECOND);
    life.written("7");
    life.receive("8", 60 * SECOND);
    life.written("8");
    let due = "limit.time: the download was not finished when the answer was due";
    let turn = "limit.time: still waiting in the queue when the answer was due";
    assert_eq!(life.bounties.alarm(), Some(58 * SECOND));
    assert_eq!(
        life.tick(58 * SECOND),
        [format!("answer 7 unknown 0 SKIPPED; {due}"), format!("answer 8 unknown 0 SKIPPED; {turn}")]
    );
    // What was being downloaded comes too late, and changes nothing.
    assert_eq!(life.step(Event::Fetched { key: key("7"), artifact: 0, declined: None }), [""; 0]);
}

#[test]
fn a_late_worker_is_counted_and_not_heard() {
    let mut life = Life::new(BountyPolicy { examining_max: 1, ..BountyPolicy::default() });
    life.examined("7", 60 * SECOND);
    life.examined("8", 60 * SECOND);
    assert_eq!(life.bounties.state(&key("8")), Some(BountyState::Fetched));
    let answers = life.tick(58 * SECOND + SECOND / 2);
    assert_eq!(answers.len(), 2, "{answers:?}");
    life.step(Event::AnswerWritten { key: key("7") });
    life.step(Event::Taken { key: key("7"), status: 200 });
    assert_eq!(life.step(Event::EndingWritten { key: key("7"), written: Written::Fresh }), [""; 0]);
    life.receive("9", 100 * SECOND);
    life.written("9");
    assert_eq!(life.step(Event::Fetched { key: key("9"), artifact: 0, declined: None }), [""; 0]);
    let late = Event::Examined { key: key("7"), artifact: 0, judgement: judgement(Verdict::Malicious) };
    assert_eq!(life.step(late), ["forget 7", "examine 9"]);
}

#[test]
fn an_answer_that_cannot_be_written_down_is_never_sent() {
    let mut life = Life::new(BountyPolicy::default());
    life.examined("7", 60 * SECOND);
    let mut effects = Vec::new();
    let examined = Event::Examined { key: key("7"), artifact: 0, judgement: judgement(Verdict::Malicious) };
    life.bounties.step(examined, at(life.now), &mut effects);
    let Some(Effect::WriteAnswer { answer, .. }) = effects.pop() else { panic!("{effects:?}") };
    assert_eq!(life.step(Event::AnswerNotWritten { key: key("7"), answer }), [""; 0]);
    let mut effects = Vec::new();
    life.now = SECOND;
    life.bounties.step(Event::Tick, at(life.now), &mut effects);
    let Some(Effect::WriteAnswer { answer, .. }) = effects.pop() else { panic!("{effects:?}") };
    assert_eq!(life.step(Event::AnswerNotWritten { key: key("7"), answer }), [""; 0]);
    life.now = 60 * SECOND;
    assert_eq!(life.step(Event::Tick), ["end 7 Expired 0"]);
}

#[test]
fn an_answer_is_sent_again_until_nobody_listens() {
    let mut life = Life::new(BountyPolicy::default());
    life.step(Event::Recovered { bounty: bounty("7", 60 * SECOND), answered: true });
    let lost = |after| Event::NotSent { key: key("7"), after, why: "refused".to_owned() };
    assert_eq!(life.step(lost(SECOND)), [""; 0]);
    assert_eq!(life.bounties.state(&key("7")), Some(BountyState::AnsweredDurably));
    assert_eq!(life.tick(SECOND), ["send 7"]);
    // Asked to wait for longer than the bounty lives, we try again towards its end.
    assert_eq!(life.step(lost(100 * SECOND)), [""; 0]);
    let last = life.bounties.alarm().unwrap();
    assert!((40 * SECOND..59 * SECOND).contains(&last), "{last:?}");
    assert_eq!(life.tick(last), ["send 7"]);
    life.now = 60 * SECOND - SECOND / 2;
    assert_eq!(life.step(lost(SECOND)), ["end 7 Expired 4"]);
}

#[test]
fn a_bounty_from_before_goes_on_where_it_was() {
    let mut life = Life::new(BountyPolicy::default());
    let recovered = |id, answered, seconds| Event::Recovered { bounty: bounty(id, seconds * SECOND), answered };
    assert_eq!(life.step(recovered("new", false, 60)), ["fetch new"]);
    assert_eq!(life.step(recovered("answered", true, 60)), ["send answered"]);
    assert_eq!(life.step(recovered("late", false, 0)), ["end late Expired 0"]);
    assert_eq!(life.step(recovered("too late", true, 0)), ["end too late Expired 1"]);
}

#[test]
fn what_is_not_judged_is_answered_with_the_reason() {
    let nct = |text: &str| text.parse::<Nct>().unwrap();
    let mut policy = BountyPolicy { reward_min: nct("1"), ..BountyPolicy::default() };
    policy.filter.reject.push("mimetype == text/html".parse().unwrap());
    let mut life = Life::new(policy);
    let mut nth = 0;
    let mut check = |change: fn(&mut Bounty), expected: &str| {
        let id = format!("{nth}");
        nth += 1;
        let mut bounty = bounty(&id, 60 * SECOND);
        change(Arc::make_mut(&mut bounty));
        let effects = life.step(Event::Recovered { bounty, answered: false });
        assert_eq!(effects, [expected.replace(" 7", &format!(" {id}"))]);
    };
    check(
        |bounty| bounty.artifact_type = ArtifactType::Url,
        "answer 7 unknown 0 SKIPPED:TYPE-UNSUPPORTED; URLs are not visited",
    );
    check(
        |bounty| bounty.reward = Some(Nct::from_base_units(5 * 10u128.pow(17))),
        "answer 7 unknown 0 SKIPPED; a reward of 0.5 NCT is below the 1 NCT that we work for",
    );
    check(
        |bounty| drop(bounty.metadata.insert("mimetype".to_owned(), "text/html".into())),
        "answer 7 unknown 0 SKIPPED; declined by a filter on its metadata",
    );
    // The least reward is enough.
    check(|bounty| bounty.reward = Some(Nct::from_base_units(10u128.pow(18))), "fetch 7");
}

#[test]
fn nothing_is_staked_on_what_is_not_wholly_known() {
    let check = |change: fn(&mut Bounty, &mut Judgement), expected: &str| {
        let (mut bounty, mut judgement) = (bounty("7", SECOND), judgement(Verdict::Malicious));
        change(Arc::make_mut(&mut bounty), &mut judgement);
        let answer = betting().answer(&bounty, *judgement, &BountyPolicy::default(), at(Duration::ZERO).wall);
        let said = format!("{} {} {}", answer.verdict.name(), answer.bid(), answer.comments.join("; "));
        assert_eq!(said.trim_end(), expected);
    };
    check(|_, _| {}, "malicious 0.8125");
    check(
        |_, judgement| judgement.complete = false,
        "suspicious 0 malicious, and nothing staked: the examination is incomplete",
    );
    check(
        |_, judgement| {
            judgement.complete = false;
            judgement.verdict = Verdict::Benign;
        },
        "unknown 0 benign, and nothing staked: the examination is incomplete",
    );
    check(
        |bounty, _| std::mem::swap(&mut bounty.bounds.min, &mut bounty.bounds.max),
        "suspicious 0 malicious, and nothing staked: the bounty allows no bid",
    );
    check(
        |bounty, _| bounty.bounds.min = Nct::from_base_units(u128::MAX),
        "suspicious 0 malicious, and nothing staked: the bounty allows no bid",
    );
    check(
        |bounty, _| {
            bounty.bounds = BidBounds { min: Nct::from_base_units(u128::MAX), max: Nct::from_base_units(u128::MAX) };
        },
        "suspicious 0 malicious, and nothing staked: the smallest bid allowed is above the limit for one bounty",
    );
    // The purse holds the range, not the verdict: 0.0625 to 1 of a bounty that would take 5.
    check(|bounty, _| bounty.bounds.max = Nct::from_base_units(5 * 10u128.pow(18)), "malicious 0.8125");
    check(|bounty, _| bounty.key.phase = Phase::Arbitration, "malicious 0");
    check(|_, judgement| judgement.verdict = Verdict::Suspicious, "suspicious 0");
}
