//! Lives of assertions, told from beginning to end.

use std::sync::Arc;
use std::time::Duration;

use super::super::tests::{Life, SECOND, bounty, judgement, key};
use super::AssertionState;
use crate::{
    AssertionStep, Bounty, BountyPolicy, ChainPosition, ContractWindows, Effect, Event, Nct, OnChain, Standing,
    StepKind, Verdict, Written,
};

const WINDOWS: ContractWindows = ContractWindows { reveal: 10, vote: 20 };
/// The block at which the bounties of these tests expire.
pub(super) const EXPIRATION: u64 = 100;

pub(super) fn on_chain(id: &str, artifacts: usize, expiration: Option<u64>) -> Arc<Bounty> {
    let metadata = vec![serde_json::Map::new(); artifacts];
    let terms = OnChain { metadata, expiration, one_bid: false, fee: Nct::from_base_units(5), bounty_fee: Nct::ZERO };
    Arc::new(Bounty { on_chain: Some(Box::new(terms)), ..(*bounty(id, 60 * SECOND)).clone() })
}

fn steps(key: &str, kinds: &[StepKind]) -> Event {
    Event::AssertionRecovered { bounty: on_chain(key, 1, Some(EXPIRATION)), steps: kinds.to_vec() }
}

pub(super) fn written(kind: StepKind) -> Event {
    Event::StepWritten { key: key("7"), kind, written: Written::Fresh }
}

pub(super) fn block(number: u64) -> Event {
    Event::Block { number, windows: WINDOWS, sure: true }
}

fn asserted() -> Event {
    Event::Asserted { key: key("7"), index: 2, place: ChainPosition::default() }
}

fn failed() -> Event {
    Event::RequestFailed { key: key("7"), after: Duration::ZERO, why: "no connection".to_owned() }
}

fn looked_up(standing: Standing) -> Event {
    Event::LookedUp { key: key("7"), standing }
}

pub(super) fn standing(revealed: bool) -> Standing {
    Standing::Asserted { index: 2, revealed, place: ChainPosition::default() }
}

/// A bounty on the chain, until its answer is written down.
pub(super) fn answered(artifacts: usize, verdicts: &[Verdict]) -> (Life, Vec<Effect>) {
    let mut life = Life::new(BountyPolicy { examining_max: 300, fetching_max: 300, ..BountyPolicy::default() });
    life.step(Event::Received { caller: 1, bounty: on_chain("7", artifacts, Some(EXPIRATION)) });
    life.written("7");
    let mut effects = Vec::new();
    for artifact in 0..artifacts {
        life.step(Event::Fetched { key: key("7"), artifact, declined: None });
        let judgement = judgement(verdicts[artifact % verdicts.len()]);
        let examined = Event::Examined { key: key("7"), artifact, judgement };
        life.bounties.step(examined, super::super::tests::at(life.now), &mut effects);
    }
    (life, effects)
}

/// An assertion that the chain has.
fn on_the_chain() -> Life {
    let (mut life, _) = answered(1, &[Verdict::Malicious]);
    assert_eq!(life.step(Event::AnswerWritten { key: key("7") }), ["step 7 pledged"]);
    assert_eq!(life.step(written(StepKind::Pledged)), ["send 7"]);
    assert_eq!(life.step(asserted()), ["step 7 asserted"]);
    assert_eq!(life.step(Event::Taken { key: key("7"), status: 200 }), ["end 7 Sent(200) 1"]);
    assert_eq!(life.step(Event::EndingWritten { key: key("7"), written: Written::Fresh }), ["forget 7"]);
    assert_eq!(life.step(written(StepKind::Asserted)), [""; 0]);
    assert_eq!(life.bounties.assertion(&key("7")), Some(AssertionState::Asserted));
    life
}

#[test]
fn an_assertion_is_committed_revealed_settled_and_counted() {
    let mut life = on_the_chain();
    assert_eq!(life.step(block(EXPIRATION)), [""; 0], "the contract would refuse it");
    assert_eq!(life.step(block(EXPIRATION + 1)), ["reveal 7"]);
    assert_eq!(life.step(block(EXPIRATION + 2)), [""; 0], "once at a time");
    assert_eq!(life.step(Event::Revealed { key: key("7"), place: ChainPosition::default() }), ["step 7 revealed"]);
    assert_eq!(life.step(Event::Revealed { key: key("7"), place: ChainPosition::default() }), [""; 0], "told twice");
    assert_eq!(life.step(written(StepKind::Revealed)), [""; 0]);
    assert_eq!(life.step(block(EXPIRATION + 30)), [""; 0]);
    assert_eq!(life.step(block(EXPIRATION + 31)), ["settle 7"]);
    let settled = || Event::SettledOnChain { key: key("7"), place: ChainPosition::default(), payout: Some(Nct::ZERO) };
    assert_eq!(life.step(settled()), ["step 7 settled"]);
    assert_eq!(life.step(settled()), [""; 0], "told twice");
    assert_eq!(life.step(written(StepKind::Settled)), ["account 7"]);
    assert!(life.bounties.purse().is_at_stake(&key("7")), "only the outcome frees the stake");
    assert_eq!(life.step(Event::Accounted { key: key("7"), done: false }), [""; 0]);
    assert_eq!(life.tick(5 * SECOND), ["account 7"]);
    assert_eq!(life.step(Event::Accounted { key: key("7"), done: true }), ["release 7"]);
    assert_eq!(life.bounties.alarm(), None);
}

#[test]
fn a_quorum_settles_at_once() {
    let mut life = on_the_chain();
    life.step(block(EXPIRATION + 1));
    life.step(Event::Revealed { key: key("7"), place: ChainPosition::default() });
    life.step(written(StepKind::Revealed));
    assert_eq!(life.step(Event::Quorum { key: key("7") }), ["settle 7"]);
}

#[test]
fn nothing_is_sent_before_it_is_written_down_that_it_will_be() {
    let (mut life, _) = answered(1, &[Verdict::Benign]);
    assert_eq!(life.step(Event::AnswerWritten { key: key("7") }), ["step 7 pledged"]);
    let not = Event::StepWritten { key: key("7"), kind: StepKind::Pledged, written: Written::Failed };
    assert_eq!(life.step(not), [""; 0]);
    assert_eq!(life.tick(SECOND), ["step 7 pledged"]);
    assert_eq!(life.tick(60 * SECOND), [""; 0]);
    assert_eq!(life.step(written(StepKind::Pledged)), ["end 7 Expired 0", "look up 7"], "too late to send it");
}

#[test]
fn a_reveal_is_tried_until_it_is_there_or_its_window_has_passed() {
    let mut life = on_the_chain();
    assert_eq!(life.step(block(EXPIRATION + 1)), ["reveal 7"]);
    assert_eq!(life.step(failed()), [""; 0]);
    assert_eq!(life.tick(SECOND), ["reveal 7"]);
    assert_eq!(life.step(failed()), [""; 0]);
    assert_eq!(life.tick(2 * SECOND), [""; 0], "the second time it waits longer");
    assert_eq!(life.tick(3 * SECOND), ["reveal 7"]);
    assert_eq!(life.step(block(EXPIRATION + 9)), [""; 0]);
    life.step(failed());
    // The window has passed by an estimate only: it is still tried.
    let guess = Event::Block { number: EXPIRATION + 50, windows: WINDOWS, sure: false };
    assert_eq!(life.step(guess), [""; 0]);
    assert_eq!(life.tick(8 * SECOND), ["reveal 7"]);
    life.step(failed());
    assert_eq!(life.step(block(EXPIRATION + 10)), [""; 0]);
    // One of the attempts may have come through: the chain knows.
    assert_eq!(life.tick(20 * SECOND), ["look up 7"]);
    assert_eq!(life.step(looked_up(Standing::Unknown { why: "no connection".to_owned() })), [""; 0]);
    assert_eq!(life.tick(30 * SECOND), ["look up 7"]);
    assert_eq!(life.step(looked_up(standing(false))), [""; 0], "who was asked may lag behind");
    assert_eq!(life.step(block(EXPIRATION + 13)), [""; 0]);
    assert_eq!(life.tick(40 * SECOND), ["look up 7"]);
    assert_eq!(life.step(looked_up(standing(false))), ["step 7 missed"]);
    assert_eq!(life.step(written(StepKind::Missed)), ["settle 7"], "without votes it is refunded all the same");
}

#[test]
fn a_reveal_that_came_through_unheard_is_not_missed() {
    let mut life = on_the_chain();
    life.step(block(EXPIRATION + 1));
    life.step(block(EXPIRATION + 12));
    life.step(failed());
    assert_eq!(life.tick(20 * SECOND), ["look up 7"]);
    assert_eq!(life.step(looked_up(standing(true))), ["step 7 revealed"]);
}

#[test]
fn what_was_sent_and_not_heard_of_is_looked_up_until_the_chain_can_tell() {
    let (mut life, _) = answered(1, &[Verdict::Malicious]);
    life.step(Event::AnswerWritten { key: key("7") });
    life.step(written(StepKind::Pledged));
    life.step(block(EXPIRATION - 1));
    let refused = Event::Refused { key: key("7"), status: 0, why: "reverted".to_owned() };
    assert_eq!(life.step(refused), ["end 7 Refused(0) 1", "look up 7"]);
    assert_eq!(life.step(Event::EndingWritten { key: key("7"), written: Written::Fresh }), ["forget 7"]);
    assert!(life.bounties.purse().is_at_stake(&key("7")), "that it was refused frees nothing: the chain may have it");
    assert_eq!(life.step(looked_up(Standing::Absent)), [""; 0], "it may still come");
    life.step(block(EXPIRATION + 4));
    assert_eq!(life.tick(10 * SECOND), ["look up 7"]);
    assert_eq!(life.step(looked_up(Standing::Absent)), ["step 7 void"]);
    assert!(life.bounties.purse().is_at_stake(&key("7")), "not before it is written down");
    assert_eq!(life.step(written(StepKind::Void)), ["release 7"]);
    assert!(!life.bounties.purse().is_at_stake(&key("7")));
    assert_eq!(life.bounties.purse().open_stakes(), Nct::ZERO);
}

#[test]
fn what_the_chain_did_not_have_when_it_was_asked_may_have_come_before_the_reply() {
    let (mut life, _) = answered(1, &[Verdict::Malicious]);
    life.step(Event::AnswerWritten { key: key("7") });
    life.step(written(StepKind::Pledged));
    life.step(block(EXPIRATION - 1));
    let refused = Event::Refused { key: key("7"), status: 0, why: "no reply".to_owned() };
    assert_eq!(life.step(refused), ["end 7 Refused(0) 1", "look up 7"]);
    life.step(Event::EndingWritten { key: key("7"), written: Written::Fresh });
    // The reply takes ten seconds. Meanwhile it was mined, in the last block that it could be in.
    life.step(block(EXPIRATION + 8));
    assert_eq!(life.step(looked_up(Standing::Absent)), [""; 0]);
    assert!(life.bounties.purse().is_at_stake(&key("7")));
    assert_eq!(life.tick(10 * SECOND), ["look up 7"]);
    assert_eq!(life.step(looked_up(standing(false))), ["step 7 asserted"]);
    assert_eq!(life.step(written(StepKind::Asserted)), ["reveal 7"]);
}

#[test]
fn what_was_sent_and_not_heard_of_may_be_there() {
    let (mut life, _) = answered(1, &[Verdict::Malicious]);
    life.step(Event::AnswerWritten { key: key("7") });
    life.step(written(StepKind::Pledged));
    life.now = 60 * SECOND - SECOND / 10;
    let lost = Event::NotSent { key: key("7"), after: Duration::MAX, why: String::new() };
    assert_eq!(life.step(lost), ["end 7 Expired 1", "look up 7"]);
    assert_eq!(life.step(looked_up(standing(false))), ["step 7 asserted"]);
    life.step(block(EXPIRATION + 1));
    assert_eq!(life.step(written(StepKind::Asserted)), ["reveal 7"]);
}

#[test]
fn after_a_crash_every_state_goes_on_where_it_was() {
    use StepKind::{Asserted, Missed, Pledged, Revealed, Settled, Settling, Void};
    let after = |kinds: &[StepKind], number: u64| {
        let mut life = Life::new(BountyPolicy::default());
        let mut effects = life.step(steps("7", kinds));
        effects.extend(life.step(block(number)));
        effects.extend(life.tick(SECOND));
        effects
    };
    let late = EXPIRATION + 40;
    assert_eq!(after(&[Pledged], EXPIRATION - 5), ["look up 7"], "its bounty has ended: nobody sends it any more");
    assert_eq!(after(&[Pledged, Asserted], EXPIRATION - 5), [""; 0]);
    assert_eq!(after(&[Pledged, Asserted], EXPIRATION + 1), ["reveal 7"]);
    assert_eq!(after(&[Pledged, Asserted], late), ["look up 7"]);
    assert_eq!(after(&[Pledged, Asserted, Revealed], EXPIRATION + 1), [""; 0]);
    assert_eq!(after(&[Pledged, Asserted, Revealed], late), ["settle 7"]);
    assert_eq!(after(&[Pledged, Asserted, Revealed, Settling], late), ["settle 7"]);
    assert_eq!(after(&[Pledged, Asserted, Missed], late), ["settle 7"]);
    assert_eq!(after(&[Pledged, Asserted, Revealed, Settled], late), ["account 7"]);
    assert_eq!(after(&[Pledged, Void], late), [""; 0]);
}

#[test]
fn an_answer_that_was_about_to_be_sent_is_sent_after_a_crash() {
    let mut life = Life::new(BountyPolicy::default());
    life.step(steps("7", &[StepKind::Pledged]));
    let bounty = on_chain("7", 1, Some(EXPIRATION));
    assert_eq!(life.step(Event::Recovered { bounty, answered: true }), ["send 7"]);
    assert_eq!(life.step(block(5)), [""; 0], "who sends it hears of it");
    assert_eq!(life.tick(SECOND), [""; 0]);
    assert_eq!(life.step(asserted()), ["step 7 asserted"]);
    // Written down as answered, and not yet that it will be sent: nobody can have it.
    let mut life = Life::new(BountyPolicy::default());
    life.bounties.betting.purse.was_staked(&key("7"), Nct::from_base_units(9), super::super::tests::at(life.now).wall);
    let bounty = on_chain("7", 1, Some(EXPIRATION));
    assert_eq!(life.step(Event::Recovered { bounty, answered: true }), ["step 7 pledged"]);
}

#[test]
fn what_cannot_be_settled_is_given_up_after_a_week_as_a_loss() {
    let mut life = on_the_chain();
    life.step(block(EXPIRATION + 1));
    life.step(Event::Revealed { key: key("7"), place: ChainPosition::default() });
    life.step(written(StepKind::Revealed));
    assert_eq!(life.step(block(EXPIRATION + 31)), ["settle 7"]);
    life.step(failed());
    life.now = 8 * 86_400 * SECOND;
    assert_eq!(life.step(Event::Tick), ["settle 7"]);
    let mut effects = Vec::new();
    life.bounties.step(failed(), super::super::tests::at(life.now), &mut effects);
    let [Effect::WriteStep { step: AssertionStep { kind, payout, detail, .. }, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((*kind, *payout, detail.as_str()), (StepKind::Abandoned, Some(Nct::ZERO), "no connection"));
    assert_eq!(life.step(written(StepKind::Abandoned)), ["account 7"]);
}

#[test]
fn a_calendar_that_is_set_forward_gives_nothing_up() {
    let mut life = on_the_chain();
    life.step(block(EXPIRATION + 1));
    life.step(Event::Revealed { key: key("7"), place: ChainPosition::default() });
    life.step(written(StepKind::Revealed));
    life.step(block(EXPIRATION + 31));
    let mut effects = Vec::new();
    let now = super::super::tests::at(life.now);
    let in_a_year = crate::Now { wall: now.wall + 365 * 86_400 * SECOND, ..now };
    life.bounties.step(failed(), in_a_year, &mut effects);
    assert!(effects.is_empty(), "{effects:?}");
    assert_eq!(life.bounties.assertion(&key("7")), Some(AssertionState::Revealed));
}

#[test]
fn where_blocks_do_not_count_nothing_is_revealed_and_time_tells_when_to_settle() {
    let mut life = Life::new(BountyPolicy::default());
    let bounty = on_chain("7", 1, None);
    let kinds = vec![StepKind::Pledged, StepKind::Asserted];
    assert_eq!(life.step(Event::AssertionRecovered { bounty, steps: kinds }), [""; 0]);
    life.now = 60 * SECOND;
    assert_eq!(life.step(block(1)), ["step 7 revealed"], "as far as it is to be");
    assert_eq!(life.step(written(StepKind::Revealed)), ["settle 7"]);
}

#[test]
fn a_step_that_cannot_be_written_down_is_written_again_and_nothing_else_is_done() {
    let mut life = on_the_chain();
    life.step(block(EXPIRATION + 1));
    life.step(Event::Revealed { key: key("7"), place: ChainPosition::default() });
    let not = Event::StepWritten { key: key("7"), kind: StepKind::Revealed, written: Written::Failed };
    assert_eq!(life.step(not), [""; 0]);
    assert_eq!(life.step(block(EXPIRATION + 40)), [""; 0]);
    assert_eq!(life.tick(SECOND), ["step 7 revealed"]);
    assert_eq!(life.step(written(StepKind::Revealed)), ["settle 7"]);
}

#[test]
fn reveals_go_before_settlements_and_no_more_are_under_way_than_there_may_be() {
    let mut life = Life::new(BountyPolicy::default());
    for nth in 0..100 {
        life.step(steps(&format!("s{nth}"), &[StepKind::Asserted, StepKind::Revealed]));
        life.step(steps(&format!("r{nth}"), &[StepKind::Asserted]));
    }
    // Those to be settled expired just as the others: by a quorum they are due.
    for nth in 0..100 {
        life.step(Event::Quorum { key: key(&format!("s{nth}")) });
    }
    let effects = life.step(block(EXPIRATION + 1));
    assert_eq!(effects.len(), 32, "{effects:?}");
    assert!(effects.iter().all(|effect| effect.starts_with("reveal ")), "the settlements before took half");
    let failed = Event::RequestFailed { key: key("s0"), after: Duration::ZERO, why: String::new() };
    assert_eq!(life.step(failed).len(), 1, "where one ends the next begins");
}
