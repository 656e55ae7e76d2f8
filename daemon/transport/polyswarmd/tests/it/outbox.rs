//! What is signed and not known to be mined is in the outbox, whatever dies when, and is posted again to the same byte.

use daemon_polyswarmd::{Outbox, Outcome, TransactError};
use daemon_transactions::signing::Wanted;

use crate::server::run;
use crate::signer::{SignerFault, address};
use crate::transactions::{Rig, guid, nonces, posting, prepare, transactor};

#[test]
fn a_transaction_that_a_node_forgot_is_posted_again_to_the_same_byte() {
    run(async {
        for forgets in 1..=2 {
            let rig = Rig::start().await;
            rig.chain.lock().unwrap().forgets = forgets;
            assert!(matches!(rig.run(posting(7)).await, Outcome::Mined(_)), "{forgets}");
            let posted = rig.chain.lock().unwrap().posted.clone();
            assert_eq!((posted.len(), &posted[..2]), (4, &posted[2..]));
            assert_eq!(rig.signer.asked().len(), 1);
        }
    });
}

#[test]
fn what_is_not_mined_stays_open_and_is_mined_in_the_end() {
    run(async {
        let rig = Rig::start().await;
        rig.chain.lock().unwrap().stands_still = true;
        let signed = rig.prepare(posting(7)).await.unwrap();
        let outcome = rig.transactor.submit(&signed).await;
        assert!(outcome == Outcome::NotMined && outcome.is_open());
        // Others are not held up, and get nonces behind it: what waits is seen.
        assert_eq!(nonces(&rig.prepare(posting(8)).await.unwrap()), [2, 3]);
        // Who wants the same again gets the same.
        assert_eq!(rig.prepare(posting(7)).await.unwrap(), signed);
        rig.chain.lock().unwrap().stands_still = false;
        assert!(matches!(rig.transactor.submit(&signed).await, Outcome::Mined(_)));
        assert_eq!(rig.transactor.outbox().all().len(), 1, "that of bounty 8 is still to come");
    });
}

/// Killed after each step, the process does nothing twice and leaves no nonce out.
#[test]
fn after_a_crash_the_same_bytes_are_posted_again() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("outbox");
        let open = || Outbox::open(&path).unwrap();
        for step in 0..4 {
            let _ = std::fs::remove_file(&path);
            let rig = Rig::start().await;
            let before = transactor(&rig.server, &rig.signer, open());
            // The signer dies too, before it answers; or all of it works.
            if step == 0 {
                rig.signer.faults([SignerFault::DropBefore; 3]);
                assert!(prepare(&before, posting(7)).await.is_err());
            }
            let first = if step > 0 { prepare(&before, posting(7)).await.unwrap() } else { Vec::new() };
            if step == 2 {
                // Only the first of two was posted.
                rig.transactor.submit(&first[..1]).await;
            }
            if step == 3 {
                assert!(matches!(before.submit(&first).await, Outcome::Mined(_)));
            }
            drop(before);

            let reborn = transactor(&rig.server, &rig.signer, open());
            assert_eq!(reborn.outbox().all().len(), 1, "{step}");
            if step == 1 {
                // What comes first after a start is not always the resumption: the same is wanted, and there.
                assert_eq!(prepare(&reborn, posting(7)).await.unwrap(), first);
            }
            let resumed = reborn.resume().await;
            assert_eq!(resumed.len(), 1);
            let Ok(Outcome::Mined(events)) = &resumed[0].outcome else { panic!("{step}: {resumed:?}") };
            let last = first.last().map(|last| last.hash);
            assert!(resumed[0].wanted == posting(7) && (step == 0 || resumed[0].transaction == last), "{step}");
            assert_eq!(events.assertion(guid(7), address(1)).unwrap().index, 3);
            assert_eq!((reborn.outbox().all(), rig.chain.lock().unwrap().mined), (Vec::new(), 2), "{step}");
            // Everything that was ever posted were these two.
            let posted: std::collections::BTreeSet<String> = rig.chain.lock().unwrap().posted.iter().cloned().collect();
            assert_eq!(posted.len(), 2, "{step}");
            // And the next nonces are those after them.
            assert_eq!(nonces(&prepare(&reborn, posting(8)).await.unwrap()), [2, 3]);
        }
    });
}

/// A process dies while its signer is away. What it wanted is signed first after a start, and the chain does not know of it
/// yet: something new with its nonces would be refused, and what was signed would be let go of with it, so that nothing
/// behind it were ever mined.
#[test]
fn what_the_process_before_left_unsigned_keeps_its_nonces() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let open = || Outbox::open(&directory.path().join("outbox")).unwrap();
        let rig = Rig::start().await;
        let before = transactor(&rig.server, &rig.signer, open());
        rig.signer.faults([SignerFault::DropBefore; 3]);
        assert!(prepare(&before, posting(7)).await.is_err());
        drop(before);

        let reborn = transactor(&rig.server, &rig.signer, open());
        let new = prepare(&reborn, posting(8)).await.unwrap();
        assert_eq!((nonces(&new), reborn.outbox().all().len()), (vec![2, 3], 2));
        assert!(matches!(reborn.submit(&new).await, Outcome::Mined(_)));
        assert_eq!(rig.chain.lock().unwrap().mined, 4);
    });
}

/// What of before waits for a block waits for it together.
#[test]
fn all_of_before_is_posted_before_any_is_waited_for() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let open = || Outbox::open(&directory.path().join("outbox")).unwrap();
        let rig = Rig::start().await;
        let before = transactor(&rig.server, &rig.signer, open());
        for number in 0..3 {
            prepare(&before, Wanted::Settle { bounty: guid(number) }).await.unwrap();
        }
        drop(before);
        assert_eq!(transactor(&rig.server, &rig.signer, open()).resume().await.len(), 3);
        let requests: Vec<String> = rig.server.seen().into_iter().map(|seen| seen.what).collect();
        let first_wait = requests.iter().position(|what| what == "GET /transactions").unwrap();
        let posted = requests[..first_wait].iter().filter(|what| *what == "POST /transactions").count();
        assert!(posted >= 3, "{requests:?}");
        assert_eq!(rig.chain.lock().unwrap().mined, 3);
    });
}

/// Signed, not posted, and forgotten by whoever wanted it: everything behind it would wait for ever.
#[test]
fn a_nonce_that_is_missing_is_posted_when_others_wait_for_it() {
    run(async {
        let rig = Rig::start().await;
        rig.prepare(posting(7)).await.unwrap();
        assert!(matches!(rig.run(posting(8)).await, Outcome::Mined(_)));
        assert_eq!(rig.chain.lock().unwrap().mined, 4);
    });
}

/// Whoever learns by an event that something was mined does not ask for its receipt.
#[test]
fn the_outbox_does_not_grow_for_ever() {
    run(async {
        let rig = Rig::start().await;
        for number in 0..100 {
            let signed = rig.prepare(Wanted::Settle { bounty: guid(number) }).await.unwrap();
            for transaction in &signed {
                rig.transactor_client().post_transaction(&transaction.to_posted()).await.unwrap();
            }
            rig.chain.lock().unwrap().mine();
            assert!(rig.transactor.outbox().all().len() <= 65, "{number}");
        }
        assert_eq!(rig.chain.lock().unwrap().mined, 100);
    });
}

#[test]
fn what_cannot_be_written_down_is_not_signed() {
    run(async {
        let rig = Rig::start().await;
        let outbox = Outbox::open(std::path::Path::new("/nonexistent/outbox")).unwrap();
        let transactor = transactor(&rig.server, &rig.signer, outbox);
        for _ in 0..2 {
            let error = prepare(&transactor, posting(7)).await.unwrap_err();
            assert!(matches!(error, TransactError::Outbox(_)), "{error}");
        }
        assert_eq!((rig.signer.asked(), transactor.outbox().all()), (Vec::new(), Vec::new()));
    });
}
