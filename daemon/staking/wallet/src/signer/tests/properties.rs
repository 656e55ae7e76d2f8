//! Whatever a stolen frontend asks, in whatever order, with kills between any two writes, full disks and clocks that are set:
//! no limit is exceeded, no nonce and no bounty is signed for two contents.

use std::collections::{BTreeMap, HashMap};

use daemon_transactions::fast::{FastMessage, FastTransaction, Json};
use daemon_transactions::signing::FastAssertion;
use daemon_transactions::{B256, LegacyTransaction, SignedLegacyTransaction, keccak256};
use proptest::prelude::*;

use super::disk::DiskFault;
use super::*;
use crate::signer::{Kind, RecordEvent};

/// What a frontend does, or what happens to the signer.
#[derive(Clone, Debug)]
enum SignerStep {
    Ask {
        kind: u8,
        bounty: u8,
        bid: u8,
        secret: u8,
        ahead: i8,
        tamper: u8,
    },
    /// Something that was asked before, once more.
    Again(prop::sample::Index),
    Time(i32),
    Fault(DiskFault),
    Restart,
    Reset,
}

fn fault() -> impl Strategy<Value = DiskFault> {
    prop_oneof![
        (0_usize..700).prop_map(DiskFault::Full),
        Just(DiskFault::SyncFails),
        (0_usize..700).prop_map(DiskFault::DiesWriting),
        Just(DiskFault::DiesAfterSync),
    ]
}

fn step() -> impl Strategy<Value = SignerStep> {
    prop_oneof![
        12 => (0_u8..6, 0_u8..12, 0_u8..20, 0_u8..2, -3_i8..5, 0_u8..40)
            .prop_map(|(kind, bounty, bid, secret, ahead, tamper)| SignerStep::Ask { kind, bounty, bid, secret, ahead, tamper }),
        4 => any::<prop::sample::Index>().prop_map(SignerStep::Again),
        3 => (-90_000_i32..30_000).prop_map(SignerStep::Time),
        3 => fault().prop_map(SignerStep::Fault),
        1 => Just(SignerStep::Restart),
        1 => Just(SignerStep::Reset),
    ]
}

/// What a frontend asks, honest or not.
fn asked(desk: &mut Desk<Disk>, kind: u8, bounty: u8, bid: u8, secret: u8, ahead: i8, tamper: u8) -> Ask {
    let next = desk.status(at(0)).chains[0].next_nonce;
    let nonce = next.saturating_add_signed(ahead.max(0).into()).saturating_sub(u64::from(ahead.min(0).unsigned_abs()));
    let number = u128::from(bounty);
    // Up to 1.2 NCT: some are beyond the market's range.
    let amount = Nct::from_base_units(u128::from(bid) * 63_000_000_000_000_000);
    let wanted = match kind {
        0..=2 => Wanted::Assertion {
            bounty: guid(number),
            bids: Bids::Each(vec![amount]),
            mask: verdicts(),
            commitment: commitment(address(), U256::from(number + 1 + u128::from(secret)), &verdicts()),
            fee: Nct::literal("0.03125"),
        },
        3 => reveal(number + u128::from(secret)),
        4 => Wanted::Approve { amount },
        _ => {
            let metadata = Json::Number(u128::from(secret).into());
            return Ask::FastAssertion(FastAssertion { bounty: guid(number), verdict: true, bid: amount, metadata });
        }
    };
    let mut ask = built(&wanted, nonce, CHAIN);
    match tamper {
        0 => ask.transactions[0].value = 1,
        1 => ask.transactions[0].to = Address::from_bytes([9; 20]),
        2 => ask.amount = Nct::ZERO,
        3 => ask.transactions[0].data.truncate(40),
        4 => ask.transactions.truncate(1),
        5 => ask.transactions[0].data = Call::Approve { spender: address(), amount: U256::MAX }.encode(),
        6 => ask.chain_id = HOME,
        _ => {}
    }
    Ask::Transactions(ask)
}

/// What left the signer.
#[derive(Default)]
struct Left {
    /// The transaction of each nonce.
    nonces: BTreeMap<u64, LegacyTransaction>,
    /// What was said of each bounty: the call's bytes, or the text.
    bounties: HashMap<Guid, Vec<u8>>,
    /// Everything that moves money, once: what it moves.
    money: HashMap<B256, Nct>,
}

impl Left {
    /// Reads what left as the chain would, and finds what must not be.
    fn take(&mut self, reply: &SignerReply) {
        match reply {
            SignerReply::Transactions(signed) => {
                for signed in signed {
                    let read = SignedLegacyTransaction::decode(&signed.raw).unwrap();
                    assert_eq!(read.sender().unwrap(), address());
                    let transaction = read.transaction().clone();
                    assert!(transaction.value.is_zero() && transaction.chain_id == CHAIN);
                    let call = Call::decode(&transaction.data).unwrap();
                    match &call {
                        Call::Approve { spender, amount } => {
                            assert_eq!(
                                (transaction.to.to_string(), spender.to_string()),
                                (TOKEN.to_owned(), REGISTRY.to_owned())
                            );
                            self.money.insert(signed.hash, daemon_transactions::amount::to_nct(*amount).unwrap());
                        }
                        Call::PostAssertion { guid, .. } => {
                            assert_eq!(transaction.to.to_string(), REGISTRY);
                            self.say(*guid, transaction.data.clone());
                        }
                        // That it reveals what was asserted is looked up in the record.
                        Call::RevealAssertion { .. } => {}
                        other => panic!("{other:?} was signed"),
                    }
                    let before = self.nonces.insert(transaction.nonce, transaction.clone());
                    assert!(before.is_none_or(|before| before == transaction), "two contents of a nonce");
                }
            }
            SignerReply::Fast(payload) => {
                let read = FastTransaction::parse(&payload.raw_transaction).unwrap();
                let FastMessage::Assertion { guid, bid, .. } = read.message().unwrap() else { panic!("no assertion") };
                self.say(guid, payload.raw_transaction.clone().into_bytes());
                self.money.insert(keccak256(payload.raw_transaction.as_bytes()), bid);
            }
            SignerReply::Refused(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn say(&mut self, bounty: Guid, what: Vec<u8>) {
        let before = self.bounties.insert(bounty, what.clone());
        assert!(before.is_none_or(|before| before == what), "two assertions on a bounty");
    }
}

/// Sums of the record, counted in the plainest way, against the limits. Returns what was signed since the last reset, and in
/// all.
fn check_record(entries: &[RecordEntry], config: &Config) -> (u128, u128) {
    let limits = config.account_limits().spending;
    let mut money: Vec<(i64, u128)> = Vec::new();
    let (mut since, mut all) = (0, 0);
    let mut last = i64::MIN;
    let mut commitments = HashMap::new();
    for entry in entries {
        let at = entry.at.micros().max(last);
        last = at;
        match &entry.event {
            RecordEvent::TotalReset { .. } => since = 0,
            RecordEvent::Signed(signed) => {
                let amount = signed.amount.base_units();
                assert!(amount <= limits.bounty.base_units(), "a bounty");
                match signed.kind {
                    Kind::Assertion => {
                        commitments.insert(signed.bounty, signed.commitment);
                    }
                    Kind::Reveal => assert_eq!(commitments.get(&signed.bounty), Some(&signed.commitment)),
                    _ => {}
                }
                money.push((at, amount));
                since += amount;
                all += amount;
                assert!(since <= limits.total.base_units(), "in all");
                for (length, limit) in [(3_600, limits.hour), (86_400, limits.day)] {
                    let within = money.iter().filter(|(then, _)| *then > at - length * 1_000_000);
                    assert!(within.map(|(_, amount)| amount).sum::<u128>() <= limit.base_units(), "{length} s");
                }
            }
            RecordEvent::Opened(_) | RecordEvent::NonceSet { .. } => {}
        }
    }
    (since, all)
}

proptest! {
    #[test]
    fn no_limit_is_exceeded_whatever_is_asked_and_whatever_dies(steps in prop::collection::vec(step(), 1..80)) {
        let disk = Disk::default();
        let config = small_limits();
        let mut desk = signer_on(&disk, config.clone());
        let mut left = Left::default();
        let mut before: Vec<Ask> = Vec::new();
        let mut time = 100_000;
        for step in steps {
            let question = match step {
                SignerStep::Ask { kind, bounty, bid, secret, ahead, tamper } => {
                    let question = asked(&mut desk, kind, bounty, bid, secret, ahead, tamper);
                    before.push(question.clone());
                    Some(question)
                }
                SignerStep::Again(index) if !before.is_empty() => Some(index.get(&before).clone()),
                SignerStep::Again(_) => None,
                SignerStep::Time(passed) => {
                    time += i64::from(passed);
                    None
                }
                SignerStep::Fault(fault) => {
                    disk.break_next(fault);
                    None
                }
                SignerStep::Restart => {
                    desk = signer_on(&disk, config.clone());
                    None
                }
                SignerStep::Reset => {
                    // A person tries again until it is done.
                    let _ = desk.reset_total("a test", at(time));
                    None
                }
            };
            if let Some(question) = question {
                left.take(&ask(&mut desk, question, time));
            }
            if disk.is_dead() || desk.is_broken() {
                desk = signer_on(&disk, config.clone());
            }
            let recorded = entries(&disk);
            let (since, all) = check_record(&recorded, &config);
            prop_assert_eq!(desk.status(at(time)).spent.total.base_units(), since, "the count is the record's");
            // What left is in the record, so what left is within the limits.
            let money: u128 = left.money.values().map(|amount| amount.base_units()).sum();
            prop_assert!(money <= all, "{money} left, {all} recorded");
        }
    }

    #[test]
    fn no_bytes_of_a_record_make_a_signer_panic(bytes: Vec<u8>, cut in 0_usize..2_000) {
        let disk = Disk::default();
        let mut desk = signer_on(&disk, small_limits());
        sign(&mut desk, &assertion(1, "0.5"), 5, 0).unwrap();
        let mut content = disk.bytes();
        content.truncate(cut.min(content.len()));
        content.extend(bytes);
        let _ = Record::read(Disk::with(&content), "record".as_ref());
    }
}
