//! Every event in every state of an assertion: what follows, as a table that is read like code
//! (`testdata/assertion_state.txt`).
//!
//! `STAKEOUT_BLESS=1 cargo test -p daemon-market` writes it anew; the difference is reviewed.

use std::time::Duration;

use super::super::tests::{Life, SECOND, key};
use super::AssertionState;
use super::tests::{EXPIRATION, block, on_chain, standing, written};
use crate::{BountyPolicy, ChainPosition, Event, Nct, Standing, StepKind, Written};

/// The block at which what an assertion in this state waits for is due.
fn due(state: AssertionState) -> u64 {
    match state {
        AssertionState::Pledged | AssertionState::Asserted | AssertionState::Settled => EXPIRATION + 1,
        AssertionState::Revealed | AssertionState::Missed => EXPIRATION + 31,
    }
}

/// An assertion in `state`: waiting, or with a request under way.
fn life_in(state: AssertionState, requests: bool) -> Life {
    let mut life = Life::new(BountyPolicy::default());
    let steps = match state {
        AssertionState::Pledged => vec![StepKind::Pledged],
        AssertionState::Asserted => vec![StepKind::Pledged, StepKind::Asserted],
        AssertionState::Revealed => vec![StepKind::Pledged, StepKind::Asserted, StepKind::Revealed],
        AssertionState::Missed => vec![StepKind::Pledged, StepKind::Asserted, StepKind::Missed],
        AssertionState::Settled => vec![StepKind::Asserted, StepKind::Revealed, StepKind::Settled],
    };
    life.step(Event::AssertionRecovered { bounty: on_chain("7", 1, Some(EXPIRATION)), steps });
    if state == AssertionState::Settled && !requests {
        life.step(Event::Accounted { key: key("7"), done: false });
    }
    if requests {
        life.step(block(due(state)));
        life.tick(SECOND);
    }
    assert_eq!(life.bounties.assertion(&key("7")), Some(state));
    life
}

fn events(state: AssertionState) -> Vec<(&'static str, Duration, Event)> {
    let key = || key("7");
    let early = SECOND;
    let step = |kind, written| Event::StepWritten { key: key(), kind, written };
    let settled = Event::SettledOnChain { key: key(), place: ChainPosition::default(), payout: Some(Nct::ZERO) };
    let looked_up = |standing| Event::LookedUp { key: key(), standing };
    vec![
        ("recovered again", early, Event::AssertionRecovered { bounty: on_chain("7", 1, None), steps: Vec::new() }),
        ("asserted", early, Event::Asserted { key: key(), index: 2, place: ChainPosition::default() }),
        ("revealed", early, Event::Revealed { key: key(), place: ChainPosition::default() }),
        ("settled", early, settled),
        ("request failed", early, Event::RequestFailed { key: key(), after: Duration::ZERO, why: String::new() }),
        ("found, hidden", early, looked_up(standing(false))),
        ("found, revealed", early, looked_up(standing(true))),
        ("not found", early, looked_up(Standing::Absent)),
        ("not looked up", early, looked_up(Standing::Unknown { why: String::new() })),
        ("accounted", early, Event::Accounted { key: key(), done: true }),
        ("not accounted", early, Event::Accounted { key: key(), done: false }),
        ("quorum", early, Event::Quorum { key: key() }),
        ("void written", early, step(StepKind::Void, Written::Fresh)),
        ("step not written", early, step(StepKind::Asserted, Written::Failed)),
        ("block, early", early, block(EXPIRATION)),
        ("block, due", early, block(due(state))),
        ("block, closed", early, block(EXPIRATION + 10)),
        ("tick", early, Event::Tick),
        ("tick, late", 100 * SECOND, Event::Tick),
    ]
}

fn table() -> String {
    let mut table = String::new();
    for state in AssertionState::ALL {
        for requests in [false, true] {
            table.push_str(&format!("{}{}\n", state.name(), if requests { ", a request under way" } else { "" }));
            for (name, now, event) in events(state) {
                let mut life = life_in(state, requests);
                life.now = life.now.max(now);
                let effects = life.step(event).join(", ").replace(" 7", "");
                let then = life.bounties.assertion(&key("7")).map_or("gone", AssertionState::name);
                let then = if then == state.name() { "-" } else { then };
                table.push_str(format!("  {name:<18} {then:<10} {effects}").trim_end());
                table.push('\n');
            }
        }
    }
    // What each step leads to, once it is written down.
    let mut life = life_in(AssertionState::Asserted, true);
    life.step(Event::Revealed { key: key("7"), place: ChainPosition::default() });
    table.push_str("asserted, its reveal being written down\n");
    let effects = life.step(written(StepKind::Revealed)).join(", ");
    let then = life.bounties.assertion(&key("7")).map_or("gone", AssertionState::name);
    table.push_str(format!("  {:<18} {then:<10} {effects}", "step written").trim_end());
    table.push('\n');
    table
}

#[test]
#[allow(clippy::disallowed_methods, reason = "on demand the test writes its table anew")]
fn every_event_in_every_state_does_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/assertion_state.txt");
    let table = table();
    if std::env::var_os("STAKEOUT_BLESS").is_some() {
        return std::fs::write(path, &table).expect("the source tree can be written to");
    }
    let expected = include_str!("../../../testdata/assertion_state.txt");
    for (line, (seen, expected)) in table.lines().zip(expected.lines()).enumerate() {
        assert_eq!(seen, expected, "testdata/assertion_state.txt:{}", line + 1);
    }
    assert_eq!(table.lines().count(), expected.lines().count());
}
