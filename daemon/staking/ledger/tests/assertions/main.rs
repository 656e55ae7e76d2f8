//! Assertions and kills: the process dies before and after everything it does, and no bounty is lost, none is asserted twice
//! with another commitment, no reveal is missed, and purse and ledger are what the chain's account of us says.
//!
//! `STAKEOUT_ASSERTION_KILLS` says how many random deaths there are (by default few enough for every day),
//! `STAKEOUT_KILLS_SEED` where to begin.

mod chain;
mod world;

use daemon_archive::Sqlite;
use daemon_journal::{Filter, Journal, MemoryJournal, Recall as _};
use daemon_ledger::LedgerEntry;
use daemon_market::{Nct, StepKind};

use chain::is_last;
use world::{AssertionTrial, Death};

/// More blocks than any bounty here needs.
const BLOCKS_MAX: u64 = 400;

/// Lives on until nothing is left to do.
fn finish<J: Journal>(world: &mut AssertionTrial<J>) {
    for _ in 0..BLOCKS_MAX {
        while world.perform(Death::Never) {}
        if world.journal.pending().unwrap().is_empty() && world.journal.pending_assertions().unwrap().is_empty() {
            return;
        }
        world.wait();
    }
    panic!("not everything ends: {:?}", world.journal.pending_assertions().unwrap());
}

/// What holds after any sequence of deaths.
#[track_caller]
fn check<J: Journal>(world: &mut AssertionTrial<J>, bounties: usize, what: &str) {
    let stories = world.journal.query(&Filter::default(), usize::MAX).unwrap();
    assert_eq!(stories.len(), bounties, "{what}");
    let mut profits: i128 = 0;
    for story in &stories {
        let id = story.bounty.key.id.as_str();
        assert!(story.ending.is_some(), "{what}: {id} has no ending");
        let on_chain = world.chain.bounties[id].clone();
        let sent: std::collections::BTreeSet<&String> = on_chain.sent.iter().collect();
        assert!(sent.len() <= 1, "{what}: {id} was asserted with several commitments: {sent:?}");
        let steps: Vec<StepKind> = story.steps.iter().map(|stepped| stepped.step.kind).collect();
        match &on_chain.ours {
            Some(ours) => {
                assert!(on_chain.revealed, "{what}: the reveal of {id} was missed: {steps:?}");
                let (_, payout) = on_chain.settled.clone().unwrap_or_else(|| panic!("{what}: {id} is not settled"));
                let answer = story.answer.as_ref().unwrap();
                let sum: u128 = ours.bids.iter().map(|bid| bid.base_units()).sum();
                assert_eq!(answer.bid, Nct::from_base_units(sum), "{what}: one stake, the sum of the bids");
                assert_eq!(story.staked(), answer.bid, "{what}: {id}");
                let settled = story.settled.as_ref().unwrap_or_else(|| panic!("{what}: {id} has no outcome"));
                assert_eq!(settled.outcome.payout, Some(payout), "{what}: {id}");
                assert_eq!(steps.last(), Some(&StepKind::Settled), "{what}: {steps:?}");
                let entry = LedgerEntry::of(story).unwrap();
                profits += entry.profit().unwrap_or_else(|| panic!("{what}: {id} has no profit")).base_units();
            }
            None => {
                assert_eq!(story.staked(), Nct::ZERO, "{what}: {id} is on no chain: {steps:?}");
                assert!(story.settled.is_none(), "{what}: {id}");
                assert!(steps.is_empty() || steps.iter().any(|step| is_last(*step)), "{what}: {id}: {steps:?}");
            }
        }
    }
    assert_eq!(profits, world.chain.balance, "{what}: the ledger is not the chain's account of us");
    assert_eq!(world.purse().open_stakes(), Nct::ZERO, "{what}: a stake is still held");
    // A purse that is counted anew from the journal is the same.
    world.kill();
    assert_eq!(world.purse().open_stakes(), Nct::ZERO, "{what}: after a restart");
    let verified = world.journal.verify(&mut |_, _| {}).unwrap();
    assert_eq!(verified.damage, None, "{what}");
}

/// Three bounties of one, three and 256 artifacts, one after the other.
fn begin<J: Journal>(world: &mut AssertionTrial<J>) -> usize {
    world.bounty("a", 1, 8);
    world.bounty("b", 3, 9);
    2
}

#[test]
fn a_life_without_deaths_ends_well() {
    let mut world = AssertionTrial::new(MemoryJournal::new(), 1, 0);
    let mut bounties = begin(&mut world);
    world.bounty("c", 256, 30);
    bounties += 1;
    finish(&mut world);
    assert_eq!(world.chain.reverted, 0, "nothing is sent that the contract refuses");
    check(&mut world, bounties, "no death");
}

#[test]
fn a_death_before_or_after_any_effect_changes_nothing_for_the_worse() {
    // As many effects as there are without a death.
    let mut world = AssertionTrial::new(MemoryJournal::new(), 5, 0);
    begin(&mut world);
    finish(&mut world);
    let effects = world.effects;
    assert!(effects > 30, "{effects}");
    for death in [Death::Before, Death::After] {
        for nth in 0..effects {
            let mut world = AssertionTrial::new(MemoryJournal::new(), 5, 0);
            let bounties = begin(&mut world);
            for block in 0..BLOCKS_MAX {
                while world.effects < nth && world.perform(Death::Never) {}
                if world.effects == nth && world.perform(death) {
                    break;
                }
                assert!(block + 1 < BLOCKS_MAX, "effect {nth} never comes");
                world.wait();
            }
            // What was not yet written down when it died was never taken: the marketplace asks again.
            for (id, artifacts) in [("a", 1), ("b", 3)] {
                let known = world.journal.find(&world::key(id).id).unwrap();
                if known.is_empty() {
                    world.bounty(id, artifacts, 9);
                }
            }
            finish(&mut world);
            check(&mut world, bounties, &format!("death {death:?} effect {nth}"));
        }
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "how many deaths there are is told by the environment")]
fn random_deaths_and_lost_requests_in_any_order_lose_nothing() {
    let number =
        |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let deaths_max = number("STAKEOUT_ASSERTION_KILLS", 500);
    let first = number("STAKEOUT_KILLS_SEED", 42);
    let (mut deaths, mut seed, mut asserted, mut lives) = (0, first, 0, 0);
    while deaths < deaths_max {
        seed += 1;
        lives += 1;
        deaths += live(AssertionTrial::new(MemoryJournal::new(), seed, 6), seed, &mut asserted);
    }
    println!("from seed {first}: {lives} lives, {deaths} deaths, {asserted} bounties asserted, revealed and settled");
    assert!(asserted > lives, "too little was asserted to tell: {asserted}");
}

#[test]
fn on_disk_it_is_the_same() {
    use std::os::unix::fs::PermissionsExt;
    let ours = std::fs::Permissions::from_mode(0o700);
    let directory = tempfile::Builder::new().permissions(ours).tempdir().unwrap();
    let journal = Sqlite::open(&directory.path().join("archive")).unwrap();
    let mut asserted = 0;
    live(AssertionTrial::new(journal, 7, 6), 7, &mut asserted);
    assert!(asserted > 0);
}

/// Some bounties, and some deaths among them; how many.
fn live<J: Journal>(mut world: AssertionTrial<J>, seed: u64, asserted: &mut u64) -> u64 {
    let (mut deaths, mut bounties, mut next) = (0, 0, 0);
    for _ in 0..60 {
        if world.dice.roll(6) == 0 {
            next += 1;
            let artifacts = [1, 1, 2, 7][usize::try_from(world.dice.roll(4)).unwrap()];
            let blocks = 6 + world.dice.roll(10);
            let id = format!("b{next}");
            world.bounty(&id, artifacts, blocks);
            // It counts once it is written down: nobody was told that it is taken before. It may be refused.
            while world.journal.find(&world::key(&id).id).unwrap().is_empty() && world.perform(Death::Never) {}
            bounties += usize::from(!world.journal.find(&world::key(&id).id).unwrap().is_empty());
        }
        for _ in 0..world.dice.roll(40) {
            let death = match world.dice.roll(60) {
                0 => Death::Before,
                1 => Death::After,
                _ => Death::Never,
            };
            deaths += u64::from(world.perform(death) && death != Death::Never);
        }
        world.wait();
    }
    finish(&mut world);
    *asserted += world.chain.bounties.values().filter(|bounty| bounty.ours.is_some()).count() as u64;
    check(&mut world, bounties, &format!("seed {seed}"));
    deaths
}
