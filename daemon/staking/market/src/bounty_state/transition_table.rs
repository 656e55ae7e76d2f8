//! Every event in every state: what follows, as a table that is read like code (`testdata/bounty_state.txt`).
//!
//! `STAKEOUT_BLESS=1 cargo test -p daemon-market` writes it anew; the difference is reviewed.

use std::time::Duration;

use super::tests::{Life, SECOND, at, bounty, judgement, key};
use super::{BountyPolicy, BountyState, Event, Written};
use crate::{Answer, Correction, Findings, Nct, Profit, Reckoning, Refusal, SettlementNotice, Skip, Truth, Verdict};

/// Brings a bounty into `state`.
fn life_in(state: BountyState) -> Life {
    let mut life = Life::new(BountyPolicy::default());
    life.receive("7", 60 * SECOND);
    let key = || key("7");
    let examined = || Event::Examined { key: key(), artifact: 0, judgement: judgement(Verdict::Benign) };
    let to_answer = |life: &mut Life| {
        life.written("7");
        life.step(Event::Fetched { key: key(), artifact: 0, declined: None });
        life.step(examined());
    };
    let to_sending = |life: &mut Life| {
        to_answer(life);
        life.step(Event::AnswerWritten { key: key() });
    };
    match state {
        BountyState::Received => {}
        // Nothing rests in these: what follows from them follows at once.
        BountyState::Durable => life.bounties.cases.values_mut().for_each(|case| case.state = BountyState::Durable),
        BountyState::Accepted => {
            life = Life::new(BountyPolicy { fetching_max: 0, ..BountyPolicy::default() });
            life.receive("7", 60 * SECOND);
            life.written("7");
        }
        BountyState::Fetching => drop(life.written("7")),
        BountyState::Fetched => {
            life = Life::new(BountyPolicy { examining_max: 0, ..BountyPolicy::default() });
            life.receive("7", 60 * SECOND);
            life.written("7");
            life.step(Event::Fetched { key: key(), artifact: 0, declined: None });
        }
        BountyState::Examining => {
            life.written("7");
            life.step(Event::Fetched { key: key(), artifact: 0, declined: None });
        }
        BountyState::Declined => {
            life.written("7");
            let refusal = Refusal { skip: Skip::TypeUnsupported, why: "nobody examines it".to_owned() };
            life.step(Event::Fetched { key: key(), artifact: 0, declined: Some((refusal, Findings::default())) });
        }
        BountyState::Answering => to_answer(&mut life),
        BountyState::AnsweredDurably => {
            to_sending(&mut life);
            life.step(Event::NotSent { key: key(), after: SECOND, why: String::new() });
        }
        BountyState::Sending => to_sending(&mut life),
        BountyState::Sent | BountyState::Outcome => {
            to_sending(&mut life);
            life.step(Event::Taken { key: key(), status: 200 });
            if state == BountyState::Outcome {
                life.step(settled(Truth::Benign));
                life.step(Event::OutcomeWritten { key: key(), written: Written::Fresh });
            }
        }
        BountyState::Expired => {
            to_sending(&mut life);
            life.now = 60 * SECOND - SECOND / 3;
            life.step(Event::NotSent { key: key(), after: 100 * SECOND, why: String::new() });
        }
        BountyState::Failed => {
            to_sending(&mut life);
            life.step(Event::Refused { key: key(), status: 400, why: String::new() });
        }
    }
    assert_eq!(life.bounties.state(&key()), Some(state));
    life
}

fn settled(truth: Truth) -> Event {
    let outcome = Box::new(SettlementNotice { truth: Some(truth), ..SettlementNotice::default() });
    let reckoning = Reckoning { bid: Nct::from_base_units(1), profit: Profit::ZERO, lost: None };
    Event::Settled { key: key("7"), outcome, reckoning }
}

fn corrected() -> Event {
    let reckoning = Reckoning { bid: Nct::from_base_units(1), profit: Profit::ZERO, lost: None };
    let correction = Correction { truth: Some(Truth::Malicious), ..Correction::default() };
    Event::Corrected { key: key("7"), correction: Box::new(correction), reckoning }
}

/// Every event that there is, by name.
fn events() -> Vec<(&'static str, Duration, Event)> {
    let key = || key("7");
    let refusal = || Refusal { skip: Skip::CannotFetch, why: "it is not there".to_owned() };
    let answer = || {
        Box::new(Answer {
            verdict: Verdict::Unknown,
            stake: None,
            bet: None,
            at: at(Duration::ZERO).wall,
            confidence: 0.5,
            comments: Vec::new(),
            findings: Findings::default(),
            assertion: None,
        })
    };
    let early = SECOND;
    vec![
        ("received again", early, Event::Received { caller: 2, bounty: bounty("7", 60 * SECOND) }),
        ("bounty written", early, Event::BountyWritten { key: key(), written: Written::Fresh }),
        ("bounty known", early, Event::BountyWritten { key: key(), written: Written::Known }),
        ("bounty not written", early, Event::BountyWritten { key: key(), written: Written::Failed }),
        ("recovered", early, Event::Recovered { bounty: bounty("7", 60 * SECOND), answered: true }),
        ("fetched", early, Event::Fetched { key: key(), artifact: 0, declined: None }),
        (
            "fetched, unwanted",
            early,
            Event::Fetched { key: key(), artifact: 0, declined: Some((refusal(), Findings::default())) },
        ),
        (
            "not fetched",
            early,
            Event::NotFetched { key: key(), artifact: 0, refusal: refusal(), findings: Findings::default() },
        ),
        ("examined", early, Event::Examined { key: key(), artifact: 0, judgement: judgement(Verdict::Malicious) }),
        ("answer written", early, Event::AnswerWritten { key: key() }),
        ("answer not written", early, Event::AnswerNotWritten { key: key(), answer: answer() }),
        ("taken", early, Event::Taken { key: key(), status: 200 }),
        ("refused", early, Event::Refused { key: key(), status: 404, why: String::new() }),
        ("not sent", early, Event::NotSent { key: key(), after: SECOND, why: String::new() }),
        (
            "not sent, too late",
            60 * SECOND - SECOND / 3,
            Event::NotSent { key: key(), after: 60 * SECOND, why: String::new() },
        ),
        ("ending written", early, Event::EndingWritten { key: key(), written: Written::Fresh }),
        ("ending not written", early, Event::EndingWritten { key: key(), written: Written::Failed }),
        ("settled", early, settled(Truth::Malicious)),
        ("corrected", early, corrected()),
        ("outcome written", early, Event::OutcomeWritten { key: key(), written: Written::Fresh }),
        ("purse found closed", early, Event::FoundClosed { why: String::new() }),
        ("purse opened", early, Event::Reopened { caller: 3, detail: String::new() }),
        ("purse written", early, Event::PurseWritten { written: Written::Fresh }),
        ("drain", early, Event::Drain),
        ("tick, early", early, Event::Tick),
        ("tick, due", 58 * SECOND + SECOND / 2, Event::Tick),
        ("tick, dead", 60 * SECOND, Event::Tick),
    ]
}

fn table() -> String {
    let mut table = String::new();
    for state in BountyState::ALL {
        table.push_str(&format!("{}\n", state.name()));
        for (name, now, event) in events() {
            let mut life = life_in(state);
            life.now = now;
            let effects = life.step(event);
            let then = life.bounties.state(&key("7")).map_or("gone", BountyState::name);
            let then = if then == state.name() { "-" } else { then };
            let effects = effects.iter().map(|effect| effect.replace(" 7", "")).collect::<Vec<_>>().join(", ");
            table.push_str(format!("  {name:<18} {then:<16} {effects}").trim_end());
            table.push('\n');
        }
    }
    table
}

#[test]
#[allow(clippy::disallowed_methods, reason = "on demand the test writes its table anew")]
fn every_event_in_every_state_does_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/bounty_state.txt");
    let table = table();
    if std::env::var_os("STAKEOUT_BLESS").is_some() {
        return std::fs::write(path, &table).expect("the source tree can be written to");
    }
    let expected = include_str!("../../testdata/bounty_state.txt");
    for (line, (seen, expected)) in table.lines().zip(expected.lines()).enumerate() {
        assert_eq!(seen, expected, "testdata/bounty_state.txt:{}", line + 1);
    }
    assert_eq!(table.lines().count(), expected.lines().count());
}
