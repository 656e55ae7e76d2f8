use daemon_archive::Sqlite;
use daemon_journal::{
    Filter, Journal, LetGo, MemoryJournal, Moment, PurseRecord, Recall, Received, Write, WriteResult, recount,
};
use daemon_market::{BountyKey, Nct, Purse, PurseLimits, StepKind, Timestamp};

use crate::make::{answer, bounty, ending, key, settled, step};

/// Runs a test in both homes.
fn both(test: impl Fn(&mut dyn Journal)) {
    test(&mut MemoryJournal::new());
    let directory = crate::make::directory();
    test(&mut Sqlite::open(&directory.path().join("archive")).unwrap());
}

/// A bounty that came by a chain, answered and sent.
fn sent(id: &str) -> [Write; 4] {
    let key = key(id);
    let Write::Bounty(received) = bounty(&key) else { unreachable!() };
    let received = Received { dialect: "polyswarmd".to_owned(), ..received };
    let end = ending(&key, daemon_journal::Ending::Refused { status: 0 });
    [Write::Bounty(received), answer(&key, "all of it"), step(&key, StepKind::Pledged, ""), end]
}

fn pending(journal: &dyn Recall) -> Vec<(String, Vec<StepKind>)> {
    let pending = journal.pending_assertions().unwrap().into_iter();
    pending
        .map(|pending| {
            assert_eq!(pending.body, b"all of it");
            let kinds = pending.steps.iter().map(|stepped| stepped.step.kind).collect();
            (pending.bounty.key.id.as_str().to_owned(), kinds)
        })
        .collect()
}

#[test]
fn an_assertion_is_pending_until_it_is_void_or_its_outcome_is_recorded() {
    both(|journal| {
        for id in ["a", "b", "c", "d"] {
            journal.commit(&sent(id)).unwrap();
        }
        let of =
            |id: &str, kinds: &[StepKind]| kinds.iter().map(|kind| step(&key(id), *kind, "0x1")).collect::<Vec<_>>();
        journal.commit(&of("a", &[StepKind::Asserted, StepKind::Revealed, StepKind::Settled])).unwrap();
        journal.commit(&of("b", &[StepKind::Void])).unwrap();
        // Somebody told how it was settled, and it is not revealed yet: that is still to be done.
        journal.commit(&of("c", &[StepKind::Asserted])).unwrap();
        journal.commit(&[settled(&key("c"), None)]).unwrap();
        use StepKind::{Asserted, Pledged, Revealed, Settled};
        let open = |id: &str, kinds: &[StepKind]| (id.to_owned(), kinds.to_vec());
        assert_eq!(
            pending(journal),
            [
                open("a", &[Pledged, Asserted, Revealed, Settled]),
                open("c", &[Pledged, Asserted]),
                open("d", &[Pledged])
            ]
        );
        journal.commit(&[settled(&key("a"), Some("1.5"))]).unwrap();
        assert_eq!(pending(journal), [open("c", &[Pledged, Asserted]), open("d", &[Pledged])]);
        journal.commit(&of("c", &[StepKind::Missed, StepKind::Abandoned])).unwrap();
        assert_eq!(pending(journal), [open("d", &[Pledged])]);
        let story = |id: &str| {
            let filter = Filter { id: Some(key(id).id), ..Filter::default() };
            journal.query(&filter, 1).unwrap().remove(0)
        };
        assert_eq!(story("a").steps.len(), 4);
        assert_eq!(story("b").staked(), Nct::ZERO, "the chain never had it");
        assert_eq!(story("d").staked(), story("d").answer.unwrap().bid, "the chain may have it, though it was refused");
        let past = journal.past().unwrap();
        let stepped = past.iter().filter(|moment| matches!(moment, Moment::Stepped { .. })).count();
        assert_eq!(stepped, 5, "those that matter to a purse");
        let verified = journal.verify(&mut |_, _| {}).unwrap();
        assert_eq!((verified.steps, verified.damage), (11, None));
    });
}

#[test]
fn each_step_is_there_once_and_a_settlement_may_be_tried_again() {
    both(|journal| {
        let stray = journal.commit(&[bounty(&key("1")), step(&key("1"), StepKind::Pledged, "")]).unwrap_err();
        assert!(stray.to_string().contains("no answer"), "{stray}");
        journal.commit(&sent("1")).unwrap();
        let steps = [
            step(&key("1"), StepKind::Asserted, "0x1"),
            step(&key("1"), StepKind::Asserted, "0x2"),
            step(&key("1"), StepKind::Settling, "0x3"),
            step(&key("1"), StepKind::Settling, "0x4"),
            step(&key("1"), StepKind::Settling, "0x3"),
        ];
        use WriteResult::{Fresh, Known};
        assert_eq!(journal.commit(&steps).unwrap(), [Fresh, Known, Fresh, Fresh, Known]);
        let found: Vec<Write> = journal.find(&key("1").id).unwrap().into_iter().map(|entry| entry.record).collect();
        assert_eq!(found[4..], [steps[0].clone(), steps[2].clone(), steps[3].clone()], "as they were written");
    });
}

#[test]
fn a_stake_on_the_chain_is_open_however_old_it_is_and_void_ones_never_were() {
    both(|journal| {
        for id in ["held", "void"] {
            journal.commit(&sent(id)).unwrap();
        }
        let open = |journal: &dyn Recall| {
            let mut purse = Purse::new(PurseLimits::default());
            recount(&mut purse, journal, Timestamp::from_micros(30 * 86_400_000_000), Nct::ZERO).unwrap();
            let at_stake = |id: &str| purse.is_at_stake(&key(id));
            (at_stake("held"), at_stake("void"), purse.open_stakes())
        };
        let bid = Nct::from_base_units(62_500_000_000_000_001);
        assert_eq!(open(journal), (true, true, bid.checked_add(bid).unwrap()), "a month later");
        journal.commit(&[step(&key("void"), StepKind::Void, "")]).unwrap();
        assert_eq!(open(journal), (true, false, bid));
        let since = Timestamp::from_micros(9_000_000);
        let kinds: Vec<BountyKey> = journal
            .purse(since)
            .unwrap()
            .into_iter()
            .filter_map(|(_, record)| match record {
                PurseRecord::Staked { key, .. } | PurseRecord::Stepped { key, .. } => Some(key),
                _ => None,
            })
            .collect();
        assert_eq!(kinds, [key("held"), key("held")], "its stake, and that it is held");
    });
}

#[test]
fn the_answer_stays_as_long_as_its_reveal_may_need_it() {
    let directory = crate::make::directory();
    let mut journal = Sqlite::open(directory.path()).unwrap();
    journal.commit(&sent("open")).unwrap();
    journal.commit(&sent("void")).unwrap();
    journal.commit(&[step(&key("void"), StepKind::Void, "")]).unwrap();
    let at = Timestamp::from_micros;
    let order = LetGo { before: at(1_000_000), at: at(9_000_000), essence: str::to_owned };
    assert_eq!(journal.let_go(&order).unwrap().bounties, 1);
    drop(journal);
    let mut journal = Sqlite::open(directory.path()).unwrap();
    assert_eq!(pending(&journal), [("open".to_owned(), vec![StepKind::Pledged])], "with all of its answer");
    journal.commit(&[step(&key("open"), StepKind::Abandoned, ""), settled(&key("open"), Some("0"))]).unwrap();
    assert_eq!(journal.let_go(&order).unwrap().bounties, 1);
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap().damage, None);
}
