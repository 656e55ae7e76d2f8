use daemon_archive::{JournalReader, Sqlite};
use daemon_journal::{
    Answered, BountyStatus, Corrected, Counts, Ended, Ending, Filter, Journal, JournalEntry, JournalError,
    MemoryJournal, Moment, Pending, PurseEntry, PurseRow, RECORD_BYTES_MAX, Recall, Received, Settled, Write,
    WriteResult,
};
use daemon_market::{BountyId, BountyKey, Correction, Nct, Phase, PurseNote, Timestamp, Truth, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::make::{answer, bounty, corrected, ending, key, life, purse, settled, shadow};

/// Runs a test in both homes.
fn both(test: impl Fn(&mut dyn Journal)) {
    test(&mut MemoryJournal::new());
    let directory = crate::make::directory();
    test(&mut Sqlite::open(&directory.path().join("archive")).unwrap());
}

#[test]
fn what_is_written_is_read_back() {
    both(|journal| {
        let life = life("12345678901234567890123");
        assert_eq!(journal.commit(&life).unwrap(), [WriteResult::Fresh, WriteResult::Fresh, WriteResult::Fresh]);
        let found = journal.find(&key("12345678901234567890123").id).unwrap();
        let expected: Vec<JournalEntry> =
            (1..).zip(life.iter().cloned()).map(|(n, record)| JournalEntry { n, record }).collect();
        assert_eq!(found, expected);
        let stories = journal.query(&Filter::default(), 10).unwrap();
        assert_eq!(stories.len(), 1);
        assert_eq!(Write::Bounty(stories[0].bounty.clone()), life[0]);
        assert_eq!(stories[0].answer.clone().map(Write::Answer).as_ref(), Some(&life[1]));
        assert_eq!(stories[0].ending.clone().map(Write::Ending).as_ref(), Some(&life[2]));
        assert_eq!(journal.counts().unwrap(), Counts { bounties: 1, answers: 1, sent: 1, ..Counts::default() });
        let verified = journal.verify(&mut |_, _| {}).unwrap();
        assert_eq!((verified.bounties, verified.answers, verified.endings, verified.damage), (1, 1, 1, None));
    });
}

#[test]
fn the_first_answer_is_the_answer() {
    both(|journal| {
        let key = key("1");
        let writes = [bounty(&key), answer(&key, "first"), bounty(&key), answer(&key, "second")];
        let written = journal.commit(&writes).unwrap();
        let first = WriteResult::Answered(b"first".to_vec());
        assert_eq!(written, [WriteResult::Fresh, WriteResult::Fresh, WriteResult::Known, first.clone()]);
        assert_eq!(journal.commit(&[answer(&key, "third")]).unwrap(), [first]);
        assert_eq!(journal.pending().unwrap()[0].body.as_deref(), Some(&b"first"[..]));
        assert_eq!(journal.commit(&[ending(&key, Ending::Expired)]).unwrap(), [WriteResult::Fresh]);
        assert_eq!(journal.commit(&[ending(&key, Ending::Sent { status: 200 })]).unwrap(), [WriteResult::Known]);
        assert_eq!(journal.counts().unwrap().expired, 1);
        assert_eq!(journal.pending().unwrap(), []);
    });
}

#[test]
fn a_second_opinion_stands_beside_the_answer_and_moves_nothing() {
    both(|journal| {
        let key = key("1");
        let stray = journal.commit(&[shadow(&key, 0)]).unwrap_err();
        assert!(matches!(stray, JournalError::Unfit { .. }), "{stray}");
        journal.commit(&life("1")).unwrap();
        let before = (journal.purse(Timestamp::from_micros(0)).unwrap(), journal.past().unwrap());
        let writes = [shadow(&key, 1), shadow(&key, 0), shadow(&key, 0)];
        assert_eq!(journal.commit(&writes).unwrap(), [WriteResult::Fresh, WriteResult::Fresh, WriteResult::Known]);
        let stories = journal.query(&Filter::default(), 10).unwrap();
        assert_eq!(stories[0].shadow.clone().map(Write::Shadow).as_ref(), Some(&writes[1]));
        let found = journal.find(&key.id).unwrap();
        let records: Vec<Write> = found.into_iter().skip(3).map(|entry| entry.record).collect();
        assert_eq!(records, [shadow(&key, 1), shadow(&key, 0)]);
        assert_eq!((journal.purse(Timestamp::from_micros(0)).unwrap(), journal.past().unwrap()), before);
        assert_eq!(journal.verify(&mut |_, _| {}).unwrap().shadows, 2);
    });
}

#[test]
fn how_a_bounty_was_settled_is_told_once() {
    both(|journal| {
        let key = key("1");
        let late = settled(&key, Some("1.5"));
        journal.commit(&[bounty(&key), answer(&key, "first"), ending(&key, Ending::Expired)]).unwrap();
        assert_eq!(journal.query(&Filter { settled: Some(true), ..Filter::default() }, 9).unwrap(), []);
        assert_eq!(journal.commit(std::slice::from_ref(&late)).unwrap(), [WriteResult::Fresh]);
        assert_eq!(
            journal.commit(&[settled(&key, None), purse(PurseNote::Closed)]).unwrap(),
            [WriteResult::Known, WriteResult::Fresh]
        );
        let stories = journal.query(&Filter { settled: Some(true), ..Filter::default() }, 9).unwrap();
        assert_eq!(stories[0].settled.clone().map(Write::Settled), Some(late));
        let verified = journal.verify(&mut |_, _| {}).unwrap();
        assert_eq!((verified.outcomes, verified.notes, verified.damage), (1, 1, None));
        assert_eq!(journal.counts().unwrap().settled, 1);
        let records = journal.purse(Timestamp::from_micros(0)).unwrap();
        let kinds = |records: &[PurseRow]| records.iter().map(|(_, record)| record.at().micros()).collect::<Vec<_>>();
        assert_eq!(records.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert_eq!(kinds(&records), [2_000, 3_000, 4_000, 5_000]);
        // A stake that is too long ago is not told, nor how it ended; when it was settled, and that the purse is closed, is.
        assert_eq!(kinds(&journal.purse(Timestamp::from_micros(2_500)).unwrap()), [4_000, 5_000]);
        assert_eq!(kinds(&journal.purse(Timestamp::from_micros(9_000)).unwrap()), [4_000, 5_000]);
        let past = journal.past().unwrap();
        assert_eq!(past.iter().map(|moment| moment.at().micros()).collect::<Vec<_>>(), [2_000, 3_000, 4_000, 5_000]);
        assert!(
            matches!(
                &past[..],
                [Moment::Answered { .. }, Moment::Ended { .. }, Moment::Settled { .. }, Moment::Noted(_)]
            ),
            "{past:?}"
        );
    });
}

#[test]
fn a_correction_stands_beside_what_it_corrects() {
    both(|journal| {
        let key = key("1");
        let (told, correction) = (settled(&key, Some("1.5")), corrected(&key, Some("0")));
        let life = [bounty(&key), answer(&key, "first"), ending(&key, Ending::Sent { status: 200 })];
        journal.commit(&life).unwrap();
        let error = journal.commit(std::slice::from_ref(&correction)).unwrap_err();
        assert!(error.to_string().contains("does not say how it was settled"), "{error}");
        assert!(!error.is_final());
        journal.commit(&[told.clone(), correction.clone()]).unwrap();
        let again = corrected(&key, None);
        assert_eq!(journal.commit(std::slice::from_ref(&again)).unwrap(), [WriteResult::Fresh], "there may be several");
        let story = journal.query(&Filter::default(), 9).unwrap().remove(0);
        let Write::Settled(Settled { at, outcome, .. }) = told else { unreachable!() };
        let (latest, first) = story.corrected.unwrap();
        assert_eq!((Write::Corrected(latest), &first), (again.clone(), &outcome));
        let settled = story.settled.unwrap();
        assert_eq!((settled.at, settled.outcome.truth, settled.outcome.payout), (at, Some(Truth::Benign), None));
        assert_eq!((settled.outcome.source, settled.outcome.record), (outcome.source, outcome.record), "these stay");
        let found: Vec<Write> = journal.find(&key.id).unwrap().into_iter().map(|entry| entry.record).collect();
        assert_eq!(found[4..], [correction, again]);
        let verified = journal.verify(&mut |_, _| {}).unwrap();
        assert_eq!((verified.outcomes, verified.corrections, verified.damage), (1, 2, None));
        assert!(matches!(&journal.past().unwrap()[3..], [Moment::Corrected(_), Moment::Corrected(_)]));
    });
}

#[test]
fn phases_are_apart() {
    both(|journal| {
        let expert = key("1");
        let arbiter = BountyKey { phase: Phase::Arbitration, ..expert.clone() };
        let written = journal.commit(&[bounty(&expert), bounty(&arbiter), answer(&arbiter, "vote")]).unwrap();
        assert_eq!(written, [WriteResult::Fresh, WriteResult::Fresh, WriteResult::Fresh]);
        let pending = journal.pending().unwrap();
        assert_eq!(pending.iter().map(|pending| pending.body.is_some()).collect::<Vec<_>>(), [false, true]);
        assert_eq!(journal.find(&expert.id).unwrap().len(), 3);
    });
}

#[test]
fn one_bad_write_spoils_its_batch_and_nothing_else() {
    both(|journal| {
        let (good, stray) = (key("1"), key("2"));
        let batch = [bounty(&good), answer(&stray, "to nobody")];
        let error = journal.commit(&batch).unwrap_err();
        assert!(matches!(&error, JournalError::Unfit { key, .. } if *key == Some(stray.clone())), "{error}");
        assert!(!error.is_final());
        assert_eq!(journal.counts().unwrap(), Counts::default());
        assert_eq!(journal.commit(&batch[..1]).unwrap(), [WriteResult::Fresh]);
        assert_eq!(journal.find(&good.id).unwrap()[0].n, 1);
        let Write::Bounty(received) = bounty(&stray) else { unreachable!() };
        let large = Write::Bounty(Received { wire: vec![0; RECORD_BYTES_MAX], ..received });
        assert!(matches!(journal.commit(&[large]), Err(JournalError::Unfit { .. })));
    });
}

#[test]
fn numbers_at_their_ends_are_written_as_documented() {
    both(|journal| {
        for (at, confidence, written) in [
            (0, f64::NAN, 0.0f64),
            (1, f64::INFINITY, 1.0),
            (2, -0.0, 0.0),
            (3, -3.0, 0.0),
            (4, 1.0, 1.0),
            (5, 0.5, 0.5),
        ] {
            let key = key(&format!("with a \0 in it, {at}"));
            let Write::Answer(plain) = answer(&key, "") else { unreachable!() };
            let edge = Answered {
                confidence,
                bid: Nct::from_base_units(u128::MAX),
                size: Some(u64::MAX),
                at: Timestamp::from_micros(i64::MIN),
                sha256: None,
                comments: vec![],
                ..plain
            };
            journal.commit(&[bounty(&key), Write::Answer(edge.clone())]).unwrap();
            let found = journal.find(&key.id).unwrap().remove(1).record;
            let Write::Answer(found) = found else { unreachable!() };
            assert_eq!(found.confidence.to_bits(), written.to_bits(), "{confidence}");
            assert_eq!(found, Answered { confidence: written, size: Some(i64::MAX as u64), ..edge });
        }
        assert_eq!(journal.verify(&mut |_, _| {}).unwrap().damage, None);
    });
}

/// One of few bounties, so that sequences meet.
fn keys() -> impl Strategy<Value = BountyKey> {
    (0..6u8, any::<bool>()).prop_map(|(id, expert)| BountyKey {
        id: BountyId::new(&format!("b{id}")),
        phase: if expert { Phase::Assertion } else { Phase::Arbitration },
    })
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![Just(Verdict::Malicious), Just(Verdict::Benign), Just(Verdict::Suspicious), Just(Verdict::Unknown)]
}

fn endings() -> impl Strategy<Value = Ending> {
    prop_oneof![
        any::<u16>().prop_map(|status| Ending::Sent { status }),
        any::<u16>().prop_map(|status| Ending::Refused { status }),
        Just(Ending::Expired),
        Just(Ending::Withheld),
    ]
}

fn writes() -> impl Strategy<Value = Write> {
    let bounty = (keys(), "[a-c]{0,3}", 0..50i64, vec(any::<u8>(), 0..20)).prop_map(|(key, delivery, at, wire)| {
        let received = Timestamp::from_micros(at);
        Write::Bounty(Received {
            key,
            dialect: daemon_journal::WEBHOOK.to_owned(),
            delivery,
            received,
            expires: Timestamp::from_micros(at + 9),
            wire,
        })
    });
    let texts = ("[a-c]{0,3}", "\\PC{0,5}", vec("[a-c\"]{0,3}", 0..3));
    let numbers = (any::<f64>(), prop_oneof![Just(0), any::<u128>()], any::<Option<u64>>(), any::<Option<bool>>());
    let answer = (keys(), vec(any::<u8>(), 0..20), verdicts(), numbers, texts).prop_map(
        |(key, body, verdict, (confidence, bid, size, sha256), (kind, report, comments))| {
            Write::Answer(Answered {
                key,
                at: Timestamp::from_micros(5),
                body,
                verdict,
                bid: Nct::from_base_units(bid),
                confidence,
                kind,
                sha256: sha256.map(|one| [u8::from(one); 32]),
                size,
                generation: "g".into(),
                comments,
                bet: if report.len() % 2 == 0 { String::new() } else { "{}".into() },
                report,
            })
        },
    );
    let ending = (keys(), endings(), any::<u32>(), "[a-c]{0,3}").prop_map(|(key, how, attempts, detail)| {
        Write::Ending(Ended { key, at: Timestamp::from_micros(7), how, attempts, detail })
    });
    let truths = proptest::option::of(prop_oneof![Just(Truth::Malicious), Just(Truth::Benign)]);
    let settled = (keys(), 0..50i64, truths, any::<Option<u128>>(), any::<Option<u128>>()).prop_map(
        |(key, at, truth, payout, fee)| {
            let outcome = daemon_market::SettlementNotice {
                truth,
                payout: payout.map(Nct::from_base_units),
                fee: fee.map(Nct::from_base_units),
                source: "s".into(),
                record: String::new(),
            };
            Write::Settled(Settled { key, at: Timestamp::from_micros(at), outcome })
        },
    );
    let truths = proptest::option::of(prop_oneof![Just(Truth::Malicious), Just(Truth::Benign)]);
    let corrected =
        (keys(), 0..50i64, truths, any::<Option<u128>>(), "[a-c]{0,3}").prop_map(|(key, at, truth, payout, reason)| {
            let payout = payout.map(Nct::from_base_units);
            let correction = Correction { truth, payout, fee: None, reason };
            Write::Corrected(Corrected { key, at: Timestamp::from_micros(at), correction })
        });
    let purse = (any::<bool>(), 0..50i64).prop_map(|(closed, at)| {
        let note = if closed { PurseNote::Closed } else { PurseNote::Opened };
        Write::Purse(PurseEntry { at: Timestamp::from_micros(at), note, detail: "why".into() })
    });
    prop_oneof![3 => bounty, 2 => answer, 1 => ending, 1 => settled, 1 => corrected, 1 => purse]
}

fn filters() -> impl Strategy<Value = Filter> {
    let outcome = proptest::option::of(proptest::sample::select(BountyStatus::ALL.to_vec()));
    let times = (proptest::option::of(0..50i64), proptest::option::of(0..50i64));
    let id = proptest::option::of((0..6u8).prop_map(|id| BountyId::new(&format!("b{id}"))));
    let verdict = proptest::option::weighted(0.3, verdicts());
    let sha256 = proptest::option::weighted(0.3, any::<bool>());
    let settled = proptest::option::weighted(0.3, any::<bool>());
    (times, verdict, outcome, (sha256, settled), id, proptest::option::of("[a-c]{0,2}")).prop_map(
        |((since, until), verdict, outcome, (sha256, settled), id, text)| Filter {
            settled,
            since: since.map(Timestamp::from_micros),
            until: until.map(Timestamp::from_micros),
            verdict,
            outcome,
            sha256: sha256.map(|one| [u8::from(one); 32]),
            id,
            text,
        },
    )
}

/// All that can be asked.
#[derive(PartialEq, Debug)]
struct QueryResults {
    pending: Vec<Pending>,
    found: Vec<Vec<JournalEntry>>,
    stories: Vec<Vec<daemon_journal::Story>>,
    every: Vec<daemon_journal::Story>,
    purse: Vec<Vec<PurseRow>>,
    past: Vec<Moment>,
    counts: Counts,
}

fn see(journal: &dyn Recall, filters: &[Filter]) -> QueryResults {
    QueryResults {
        pending: journal.pending().unwrap(),
        found: (0..6).map(|id| journal.find(&BountyId::new(&format!("b{id}"))).unwrap()).collect(),
        stories: filters.iter().map(|filter| journal.query(filter, 5).unwrap()).collect(),
        every: {
            let mut every = Vec::new();
            journal.each(&filters[0], &mut |story| every.push(story)).unwrap();
            every
        },
        purse: [0, 6, 25].map(|since| journal.purse(Timestamp::from_micros(since)).unwrap()).into(),
        past: journal.past().unwrap(),
        counts: journal.counts().unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn both_homes_do_the_same(batches in vec(vec(writes(), 0..8), 0..12), filters in vec(filters(), 6)) {
        let directory = crate::make::directory();
        let mut memory = MemoryJournal::new();
        let mut sqlite = Sqlite::open(directory.path()).unwrap();
        for (at, batch) in batches.iter().enumerate() {
            // Some random batches have strays: then both refuse, and go on.
            let (one, other) = (memory.commit(batch), sqlite.commit(batch));
            prop_assert_eq!(one.clone().map_err(|error| error.to_string()), other.map_err(|error| error.to_string()));
            if one.is_err() {
                for write in batch {
                    let (one, other) = (memory.commit(std::slice::from_ref(write)), sqlite.commit(std::slice::from_ref(write)));
                    prop_assert_eq!(one.map_err(|error| error.to_string()), other.map_err(|error| error.to_string()));
                }
            }
            if at % 4 == 3 {
                drop(sqlite);
                sqlite = Sqlite::open(directory.path()).unwrap();
            }
        }
        let expected = see(&memory, &filters);
        prop_assert_eq!(&see(&sqlite, &filters), &expected);
        prop_assert_eq!(&see(&JournalReader::open(directory.path()).unwrap(), &filters), &expected);
        let verified = sqlite.verify(&mut |_, _| {}).unwrap();
        prop_assert_eq!(&verified.damage, &None);
        let counted = memory.verify(&mut |_, _| {}).unwrap();
        prop_assert_eq!(
            (verified.bounties, verified.answers, verified.endings, verified.outcomes, verified.corrections, verified.notes),
            (counted.bounties, counted.answers, counted.endings, counted.outcomes, counted.corrections, counted.notes)
        );
    }
}
