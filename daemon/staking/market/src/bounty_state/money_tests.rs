//! What is told of money moves the purse once, and only when it is written down.

use super::tests::{Life, SECOND, key};
use super::*;
use crate::{Correction, LossLimits, Nct, Profit, PurseLimits, Reckoning, SettlementNotice, Truth, Written};

const FRESH: Written = Written::Fresh;

/// Two losses in a row close the purse.
fn life() -> Life {
    let limits =
        PurseLimits { losses: LossLimits { row_max: Some(2), ..LossLimits::default() }, ..PurseLimits::default() };
    let betting = Betting::new(Box::new(crate::DefaultStrategy), Purse::new(limits));
    Life { bounties: Bounties::new(BountyPolicy::default(), betting), now: Duration::ZERO }
}

fn reckoning(profit: &str) -> Reckoning {
    let profit: Profit = profit.parse().unwrap();
    Reckoning { bid: Nct::literal("1"), profit, lost: Some(profit.is_loss()) }
}

impl Life {
    /// It is told that one that ended long ago was lost, or won.
    fn told(&mut self, id: &str, profit: &str) -> Vec<String> {
        let outcome = Box::new(SettlementNotice { truth: Some(Truth::Benign), ..SettlementNotice::default() });
        self.step(Event::Settled { key: key(id), outcome, reckoning: reckoning(profit) })
    }

    fn correct(&mut self, id: &str, profit: &str) -> Vec<String> {
        let correction = Box::new(Correction { truth: Some(Truth::Malicious), ..Correction::default() });
        self.step(Event::Corrected { key: key(id), correction, reckoning: reckoning(profit) })
    }

    fn outcome(&mut self, id: &str, written: Written) -> Vec<String> {
        self.step(Event::OutcomeWritten { key: key(id), written })
    }

    fn losses(&self) -> u32 {
        self.bounties.purse().breaker().losses_in_a_row()
    }

    fn closed(&self) -> bool {
        self.bounties.purse().closed().is_some()
    }

    fn reopen(&mut self, caller: Caller) -> Vec<String> {
        self.step(Event::Reopened { caller, detail: "seen".to_owned() })
    }

    fn noted(&mut self, written: Written) -> Vec<String> {
        self.step(Event::PurseWritten { written })
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn an_outcome_is_counted_once_and_only_when_it_is_written_down() {
    let mut life = life();
    assert_eq!(life.told("1", "-1"), ["outcome 1 Some(Benign)"]);
    assert_eq!(life.losses(), 0, "it is not written down");
    assert!(life.bounties.settling(&key("1")));
    // Told again meanwhile, also otherwise: the first is on its way.
    for profit in ["-1", "0.5", "-1"] {
        assert_eq!(life.told("1", profit), NOTHING);
    }
    assert_eq!(life.outcome("1", FRESH), NOTHING);
    assert_eq!(life.losses(), 1);
    assert!(!life.bounties.settling(&key("1")));
    assert_eq!(life.outcome("1", FRESH), NOTHING, "nothing is on its way");
    assert_eq!(life.losses(), 1);
}

#[test]
fn what_could_not_be_written_down_is_counted_when_it_is() {
    let mut life = life();
    for _ in 0..7 {
        assert_eq!(life.told("1", "-1"), ["outcome 1 Some(Benign)"]);
        assert_eq!(life.outcome("1", Written::Failed), NOTHING);
        assert_eq!(life.losses(), 0);
    }
    life.told("1", "-1");
    life.outcome("1", FRESH);
    assert_eq!((life.losses(), life.closed()), (1, false), "it is one loss, not eight");
    // The journal knew it: so did the purse.
    life.told("1", "-1");
    assert_eq!(life.outcome("1", Written::Known), NOTHING);
    assert_eq!((life.losses(), life.closed()), (1, false));
    life.told("2", "-1");
    assert_eq!(life.outcome("2", FRESH), ["purse closed"]);
    assert!(life.closed());
}

#[test]
fn the_purse_moves_in_the_order_of_times_whichever_write_comes_back_first() {
    let mut life = life();
    life.told("1", "-1");
    life.told("2", "0.5");
    life.told("3", "-1");
    assert_eq!(life.outcome("3", FRESH), NOTHING);
    assert_eq!(life.outcome("2", FRESH), NOTHING);
    assert_eq!(life.losses(), 0, "the first is not there yet");
    assert_eq!(life.outcome("1", FRESH), NOTHING, "a win lies between");
    assert_eq!((life.losses(), life.closed()), (1, false));
    // One that fails holds nothing up.
    life.told("4", "0.5");
    life.told("5", "-1");
    assert_eq!(life.outcome("5", FRESH), NOTHING);
    assert_eq!(life.outcome("4", Written::Failed), ["purse closed"]);
}

#[test]
fn a_closed_purse_opens_once_that_is_written_down() {
    let mut life = life();
    assert_eq!(life.step(Event::FoundClosed { why: "losses".to_owned() }), ["purse closed"]);
    life.told("1", "-1");
    life.told("2", "-1");
    life.outcome("1", FRESH);
    assert_eq!(life.outcome("2", FRESH), NOTHING, "one note is written at a time");
    assert_eq!(life.reopen(1), NOTHING);
    assert_eq!(life.noted(FRESH), ["purse closed"]);
    assert_eq!(life.noted(FRESH), ["purse opened"]);
    assert!(life.closed());
    assert_eq!(life.noted(Written::Failed), ["opened 1 false"]);
    assert!(life.closed(), "what is not written down has not happened");
    assert_eq!(life.reopen(2), ["purse opened"]);
    assert_eq!(life.noted(FRESH), ["opened 2 true"]);
    assert_eq!((life.closed(), life.losses()), (false, 0));
    assert_eq!(life.noted(FRESH), NOTHING, "no note is on its way");
}

#[test]
fn what_was_told_before_a_person_opens_the_purse_is_forgotten_by_that() {
    let mut life = life();
    life.told("1", "-1");
    assert_eq!(life.reopen(1), ["purse opened"]);
    life.told("2", "-1");
    assert_eq!(life.noted(FRESH), ["opened 1 true"]);
    life.outcome("2", FRESH);
    assert_eq!(life.losses(), 0, "the first is not there yet");
    life.outcome("1", FRESH);
    assert_eq!(life.losses(), 1, "the second was told after it was opened");
}

#[test]
fn a_note_that_cannot_be_written_down_is_tried_until_it_is() {
    let mut life = life();
    life.told("1", "-1");
    life.told("2", "-1");
    life.outcome("1", FRESH);
    assert_eq!(life.outcome("2", FRESH), ["purse closed"]);
    assert_eq!(life.reopen(1), NOTHING);
    assert_eq!(life.noted(Written::Failed), ["opened 1 false"], "who waits behind it does not wait for room on a disk");
    assert_eq!(life.reopen(2), ["opened 2 false"]);
    for second in 1..=3 {
        assert_eq!(life.bounties.alarm(), Some(second * SECOND));
        assert_eq!(life.tick(second * SECOND - SECOND / 2), NOTHING);
        assert_eq!(life.tick(second * SECOND), ["purse closed"]);
        assert_eq!(life.bounties.alarm(), None);
        assert!(life.closed());
        if second < 3 {
            assert_eq!(life.noted(Written::Failed), NOTHING);
        }
    }
    assert_eq!(life.noted(FRESH), NOTHING);
    assert_eq!(life.bounties.alarm(), None);
    assert_eq!(life.reopen(3), ["purse opened"]);
    assert_eq!(life.noted(FRESH), ["opened 3 true"]);
}

#[test]
fn a_correction_is_counted_once_it_is_written_down() {
    let mut life = life();
    life.told("1", "0.5");
    assert_eq!(life.correct("1", "-1"), NOTHING, "what it corrects is on its way");
    life.outcome("1", FRESH);
    life.told("2", "-1");
    life.outcome("2", FRESH);
    assert_eq!(life.losses(), 1);
    assert_eq!(life.correct("1", "-1"), ["correct 1 Some(Malicious)"]);
    assert_eq!((life.correct("1", "-1"), life.losses()), (Vec::new(), 1));
    assert_eq!(life.outcome("1", Written::Failed), NOTHING);
    assert_eq!(life.losses(), 1);
    life.correct("1", "-1");
    assert_eq!(life.outcome("1", FRESH), ["purse closed"], "both were lost");
    assert_eq!(life.losses(), 2);
}

#[test]
fn a_stake_that_never_left_is_free_once_that_is_written_down() {
    let mut life = life();
    life.examined("7", 60 * SECOND);
    life.step(Event::Examined {
        key: key("7"),
        artifact: 0,
        judgement: super::tests::judgement(crate::Verdict::Malicious),
    });
    life.step(Event::AnswerWritten { key: key("7") });
    assert_eq!(life.step(Event::Refused { key: key("7"), status: 404, why: String::new() }), ["end 7 Refused(404) 1"]);
    assert_eq!(life.bounties.purse().open_count(), 1, "a restart would send it once more");
    life.step(Event::EndingWritten { key: key("7"), written: Written::Failed });
    assert_eq!(life.bounties.purse().open_count(), 1);
    life.step(Event::EndingWritten { key: key("7"), written: FRESH });
    assert_eq!(life.bounties.purse().open_count(), 0);
}
