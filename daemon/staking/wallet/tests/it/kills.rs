//! A signer that is killed at any moment, while a frontend asks for as much as it can.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use daemon_base::Nct;
use daemon_transactions::SignedLegacyTransaction;
use daemon_transactions::signing::{Ask, SignerReply};
use daemon_wallet::signer::{Record, RecordEvent};

use crate::place::{Place, ask, assertion};

/// Kills. `STAKEOUT_SIGNER_KILLS` sets another number, for a long run.
fn kills() -> u64 {
    std::env::var("STAKEOUT_SIGNER_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(20)
}

#[test]
fn killed_at_any_moment_it_signs_nothing_twice_and_nothing_beyond_its_limits() {
    // Reached now and then, not at once.
    let limit = 2 * kills();
    let place = Place::new(&format!("hour_max = \"{limit}\"\nday_max = \"{limit}\"\ntotal_max = \"{limit}\""));
    let left: Mutex<BTreeMap<u64, Vec<u8>>> = Mutex::default();
    let bounty = AtomicU64::new(0);
    let mut answers = 0;
    for kill in 0..kills() {
        let mut signer = place.start();
        let (left, socket, bounty) = (&left, place.socket(), &bounty);
        std::thread::scope(|scope| {
            let frontends: Vec<_> = (0..2)
                .map(|_| {
                    let socket = socket.clone();
                    scope.spawn(move || {
                        let mut answers = 0;
                        loop {
                            let Ok(SignerReply::Status(status)) = ask(&socket, Ask::Status) else { return answers };
                            let next = status.chains[0].next_nonce;
                            // Both of them, the same nonces, other bounties.
                            let asked = assertion(bounty.fetch_add(1, Ordering::Relaxed).into(), next);
                            match ask(&socket, Ask::Transactions(asked)) {
                                Ok(SignerReply::Transactions(signed)) => {
                                    answers += 1;
                                    for signed in signed {
                                        let before = left.lock().unwrap().insert(signed.nonce, signed.raw.clone());
                                        assert!(
                                            before.is_none_or(|before| before == signed.raw),
                                            "two contents of a nonce"
                                        );
                                    }
                                }
                                Ok(SignerReply::Refused(_)) => {}
                                Ok(other) => panic!("{other:?}"),
                                Err(_) => return answers,
                            }
                        }
                    })
                })
                .collect();
            // Any moment: while it starts to sign, writes, syncs or answers.
            std::thread::sleep(Duration::from_micros(kill * 7_919 % 40_000));
            signer.child.kill().unwrap();
            signer.child.wait().unwrap();
            answers += frontends.into_iter().map(|frontend| frontend.join().unwrap()).sum::<u64>();
        });
    }
    let (_, found) = Record::open(&place.file("record")).unwrap();
    let mut recorded = BTreeMap::new();
    let mut total = Nct::ZERO;
    for entry in &found.entries {
        if let RecordEvent::Signed(signed) = &entry.event {
            total = total.checked_add(signed.amount).unwrap();
            for (nonce, hash) in &signed.transactions.as_ref().unwrap().nonces {
                assert_eq!(recorded.insert(*nonce, hash.0), None, "nonce {nonce} is written down twice");
            }
        }
    }
    let left = left.into_inner().unwrap();
    for (nonce, raw) in &left {
        let read = SignedLegacyTransaction::decode(raw).unwrap();
        assert_eq!(
            recorded.get(nonce),
            Some(&read.transaction().signing_hash().unwrap()),
            "{nonce} was not written down"
        );
    }
    println!(
        "{} kills, {answers} assertions signed, {} nonces written down, {total} NCT of {limit}",
        kills(),
        recorded.len()
    );
    assert!(total <= limit.to_string().parse().unwrap(), "{total}");
    assert!(answers > 0);
}
