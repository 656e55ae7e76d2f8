//! What is signed, what is refused, and why.

use daemon_transactions::SignedLegacyTransaction;
use daemon_transactions::fast::Json;
use daemon_transactions::signing::{ClaimMessage, FastAssertion, FastVote};

use super::*;

fn fresh() -> (Disk, Desk<Disk>) {
    let disk = Disk::default();
    let desk = signer_on(&disk, small_limits());
    (disk, desk)
}

fn code(reply: SignerReply) -> RefusalCode {
    match reply {
        SignerReply::Refused(refusal) => refusal.code,
        other => panic!("it was signed: {other:?}"),
    }
}

#[test]
fn a_bounty_is_asserted_revealed_and_settled() {
    let (disk, mut desk) = fresh();
    let asserted = sign(&mut desk, &assertion(1, "0.5"), 5, 0).unwrap();
    let revealed = sign(&mut desk, &reveal(1), 7, 100).unwrap();
    let settled = sign(&mut desk, &Wanted::Settle { bounty: guid(1) }, 8, 200).unwrap();
    let nonces: Vec<u64> = [&asserted, &revealed, &settled].into_iter().flatten().map(|signed| signed.nonce).collect();
    assert_eq!(nonces, [5, 6, 7, 8]);
    for signed in asserted.iter().chain(&revealed).chain(&settled) {
        let read = SignedLegacyTransaction::decode(&signed.raw).unwrap();
        assert_eq!((read.sender().unwrap(), read.hash()), (address(), signed.hash));
        assert_eq!(read.transaction().chain_id, CHAIN);
    }
    let status = desk.status(at(200));
    assert_eq!((status.spent.hour, status.spent.total), (Nct::literal("0.53125"), Nct::literal("0.53125")));
    assert_eq!(
        status.chains.iter().map(|chain| (chain.chain_id, chain.next_nonce)).collect::<Vec<_>>(),
        [(CHAIN, 9), (HOME, 5)]
    );
    // After a restart it is the same.
    drop(desk);
    let mut again = signer_on(&disk, small_limits());
    assert_eq!(again.status(at(200)), status);
    assert_eq!(sign(&mut again, &assertion(1, "0.5"), 5, 300), Ok(asserted), "the same again is the same");
    assert_eq!(again.status(at(300)).spent.total, Nct::literal("0.53125"), "and counts once");
}

#[test]
fn one_bounty_has_one_assertion() {
    let (_, mut desk) = fresh();
    sign(&mut desk, &assertion(1, "0.5"), 5, 0).unwrap();
    let mut other = assertion(1, "0.5");
    let Wanted::Assertion { commitment, .. } = &mut other else { unreachable!() };
    *commitment += U256::from(1);
    for other in [assertion(1, "0.6"), other] {
        assert_eq!(sign(&mut desk, &other, 7, 0), Err(RefusalCode::BountyTaken));
    }
    let fast = FastAssertion { bounty: guid(1), verdict: true, bid: Nct::literal("0.5"), metadata: Json::Null };
    assert_eq!(code(ask(&mut desk, Ask::FastAssertion(fast), 0)), RefusalCode::BountyTaken, "on no other way either");
}

#[test]
fn a_nonce_is_signed_for_one_content_only_and_nonces_rise() {
    let (_, mut desk) = fresh();
    assert_eq!(sign(&mut desk, &assertion(1, "0.5"), 4, 0), Err(RefusalCode::NonceUsed), "below the start");
    let first = sign(&mut desk, &assertion(1, "0.5"), 5, 0).unwrap();
    for nonce in [4, 5, 6] {
        assert_eq!(sign(&mut desk, &assertion(2, "0.5"), nonce, 0), Err(RefusalCode::NonceUsed), "{nonce}");
    }
    // The same with another price of gas is another content.
    let mut dearer = built(&assertion(1, "0.5"), 5, CHAIN);
    dearer.transactions[0].gas += 1;
    assert_eq!(code(ask(&mut desk, Ask::Transactions(dearer), 0)), RefusalCode::NonceUsed);
    // Another chain has nonces of its own.
    assert!(matches!(
        ask(&mut desk, Ask::Transactions(built(&Wanted::Settle { bounty: guid(1) }, 5, HOME)), 0),
        SignerReply::Transactions(_)
    ));
    // A gap is left behind for good, and is not wide.
    let settle = Wanted::Settle { bounty: guid(9) };
    assert_eq!(sign(&mut desk, &settle, 11, 0), Err(RefusalCode::NotAllowed), "a gap of 4");
    assert!(sign(&mut desk, &settle, 10, 0).is_ok(), "a gap of 3");
    for nonce in 7..=9 {
        assert_eq!(sign(&mut desk, &settle, nonce, 0), Err(RefusalCode::NonceUsed), "{nonce}");
    }
    assert_eq!(sign(&mut desk, &settle, u64::MAX, 0), Err(RefusalCode::NotAllowed));
    assert_eq!(sign(&mut desk, &assertion(1, "0.5"), 5, 0), Ok(first));
}

#[test]
fn after_a_desync_the_same_assertion_is_signed_with_another_nonce_and_counts_again() {
    let (_, mut desk) = fresh();
    let first = sign(&mut desk, &assertion(1, "0.5"), 5, 0).unwrap();
    let second = sign(&mut desk, &assertion(1, "0.5"), 7, 0).unwrap();
    assert_ne!(first, second);
    assert_eq!(desk.status(at(0)).spent.hour, Nct::literal("1.0625"));
}

#[test]
fn a_person_fills_a_gap_but_no_nonce_is_signed_twice() {
    let (disk, mut desk) = fresh();
    let settle = |bounty| Wanted::Settle { bounty: guid(bounty) };
    sign(&mut desk, &settle(1), 8, 0).unwrap();
    desk.set_nonce(CHAIN, 5, "the gap", at(0)).unwrap();
    let mut desk = signer_on(&disk, small_limits());
    for nonce in 5..8 {
        assert!(sign(&mut desk, &settle(2), nonce, 0).is_ok(), "{nonce}");
    }
    assert_eq!(sign(&mut desk, &settle(2), 8, 0), Err(RefusalCode::NonceUsed), "it was signed for something else");
    assert!(sign(&mut desk, &settle(2), 9, 0).is_ok());
    desk.set_nonce(CHAIN, 1_000, "used by hand", at(0)).unwrap();
    assert_eq!(sign(&mut desk, &settle(3), 999, 0), Err(RefusalCode::NonceUsed));
    assert!(sign(&mut desk, &settle(3), 1_000, 0).is_ok());
}

#[test]
fn limits_of_a_bounty_an_hour_a_day_and_in_all_hold() {
    let (_, mut desk) = fresh();
    let mut nonce = 5;
    let mut next = |desk: &mut Desk<Disk>, bounty, bid: &str, seconds| {
        let signed = sign(desk, &assertion(bounty, bid), nonce, seconds);
        nonce += if signed.is_ok() { 2 } else { 0 };
        signed.err()
    };
    assert_eq!(next(&mut desk, 1, "1.1", 0), Some(RefusalCode::OverBounty), "above bid_max");
    assert_eq!(next(&mut desk, 1, "0.01", 0), Some(RefusalCode::NotAllowed), "below bid_min");
    assert_eq!(next(&mut desk, 1, "0.96875", 0), None);
    assert_eq!(next(&mut desk, 2, "0.96875", 10), None);
    assert_eq!(next(&mut desk, 3, "0.96875", 20), None);
    assert_eq!(next(&mut desk, 4, "0.0625", 3_599), Some(RefusalCode::OverHour));
    // Three are within the hour until the first is an hour old.
    assert_eq!(next(&mut desk, 4, "0.96875", 3_600), None);
    assert_eq!(next(&mut desk, 5, "0.96875", 7_300), None);
    assert_eq!(next(&mut desk, 6, "0.0625", 20_000), Some(RefusalCode::OverDay));
    assert_eq!(next(&mut desk, 6, "0.96875", 86_400), None);
    assert_eq!(next(&mut desk, 7, "0.96875", 200_000), None);
    assert_eq!(next(&mut desk, 8, "0.96875", 210_000), None);
    assert_eq!(next(&mut desk, 9, "0.96875", 300_000), None);
    assert_eq!(next(&mut desk, 10, "0.0625", 400_000), Some(RefusalCode::OverTotal));
    // What brings money back goes on.
    assert_eq!(sign(&mut desk, &reveal(1), nonce, 400_000).err(), None);
    nonce += 1;
    desk.reset_total("looked at it", at(400_000)).unwrap();
    assert_eq!(sign(&mut desk, &assertion(10, "0.0625"), nonce, 400_000).err(), None);
}

#[test]
fn a_clock_that_goes_back_widens_no_window() {
    let (disk, mut desk) = fresh();
    for (bounty, nonce) in [(1, 5), (2, 7), (3, 9)] {
        sign(&mut desk, &assertion(bounty, "0.96875"), nonce, 10_000).unwrap();
    }
    for seconds in [9_000, 0, -90_000, 13_599] {
        assert_eq!(sign(&mut desk, &assertion(4, "0.5"), 11, seconds), Err(RefusalCode::OverHour), "{seconds}");
        let mut again = signer_on(&disk, small_limits());
        assert_eq!(sign(&mut again, &assertion(4, "0.5"), 11, seconds), Err(RefusalCode::OverHour), "{seconds}");
    }
    assert!(sign(&mut desk, &assertion(4, "0.5"), 11, 13_600).is_ok());
}

#[test]
fn transactions_that_do_anything_else_are_refused() {
    let (disk, mut desk) = fresh();
    let before = disk.bytes();
    type Change = fn(&mut SignTransactions);
    let changes: [(&str, Change, RefusalCode); 16] = [
        ("another contract", |ask| ask.transactions[1].to = Address::from_bytes([1; 20]), RefusalCode::NotAsWanted),
        ("another token", |ask| ask.transactions[0].to = REGISTRY.parse().unwrap(), RefusalCode::NotAsWanted),
        ("ether", |ask| ask.transactions[0].value = 1, RefusalCode::NotAsWanted),
        ("another chain in one", |ask| ask.transactions[1].chain_id = HOME, RefusalCode::NotAsWanted),
        ("a chain that is not known", |ask| ask.chain_id = 4, RefusalCode::UnknownChain),
        ("another chain than its transactions", |ask| ask.chain_id = HOME, RefusalCode::NotAsWanted),
        ("too much gas", |ask| ask.transactions[0].gas = 50_000_001, RefusalCode::NotAsWanted),
        ("gas that costs", |ask| ask.transactions[0].gas_price = 1, RefusalCode::NotAsWanted),
        ("a nonce that does not follow", |ask| ask.transactions[1].nonce += 1, RefusalCode::NotAsWanted),
        ("no transactions", |ask| ask.transactions.clear(), RefusalCode::NotAsWanted),
        ("one more", |ask| ask.transactions.push(ask.transactions[1].clone()), RefusalCode::NotAsWanted),
        ("another order", |ask| ask.transactions.reverse(), RefusalCode::NotAsWanted),
        ("a byte more", |ask| ask.transactions[1].data.push(0), RefusalCode::NotAsWanted),
        (
            "a transfer",
            |ask| {
                let recipient = Address::from_bytes([1; 20]);
                ask.transactions[0].data = Call::Transfer { recipient, amount: U256::from(1) }.encode();
            },
            RefusalCode::NotAsWanted,
        ),
        (
            "an approval for another",
            |ask| {
                let spender = Address::from_bytes([1; 20]);
                ask.transactions[0].data = Call::Approve { spender, amount: U256::from(1) }.encode();
            },
            RefusalCode::NotAsWanted,
        ),
        ("an amount that it is not", |ask| ask.amount = Nct::ZERO, RefusalCode::NotAsWanted),
    ];
    for (what, change, expected) in changes {
        let mut asked = built(&assertion(1, "0.5"), 5, CHAIN);
        change(&mut asked);
        assert_eq!(code(ask(&mut desk, Ask::Transactions(asked), 0)), expected, "{what}");
    }
    let mut fee = assertion(1, "0.5");
    let Wanted::Assertion { fee: paid, .. } = &mut fee else { unreachable!() };
    *paid = Nct::literal("0.04");
    assert_eq!(sign(&mut desk, &fee, 5, 0), Err(RefusalCode::OverBounty), "a fee above the market's");
    assert_eq!(sign(&mut desk, &Wanted::Approve { amount: Nct::literal("2.1") }, 5, 0), Err(RefusalCode::OverBounty));
    assert_eq!(disk.bytes(), before, "nothing is written of what is refused");
    assert!(sign(&mut desk, &Wanted::Approve { amount: Nct::ZERO }, 5, 0).is_ok(), "an allowance is taken back");
}

#[test]
fn only_what_was_committed_to_is_revealed() {
    let (_, mut desk) = fresh();
    assert_eq!(sign(&mut desk, &reveal(1), 5, 0), Err(RefusalCode::NotAllowed), "nothing was asserted");
    sign(&mut desk, &assertion(1, "0.5"), 5, 0).unwrap();
    let mut other = reveal(1);
    let Wanted::Reveal { verdicts, .. } = &mut other else { unreachable!() };
    *verdicts = ArtifactBits::new(vec![false]).unwrap();
    assert_eq!(sign(&mut desk, &other, 7, 0), Err(RefusalCode::NotAsWanted));
    assert!(sign(&mut desk, &reveal(1), 7, 0).is_ok());
}

#[test]
fn gas_that_costs_is_counted() {
    let (_, mut desk) = fresh();
    let settle = |nonce, gas_price| {
        let mut ask = built(&Wanted::Settle { bounty: guid(1) }, nonce, HOME);
        ask.transactions[0].gas = 500_000;
        ask.transactions[0].gas_price = gas_price;
        Ask::Transactions(ask)
    };
    // 0.0000000001 ether are 10^8 wei: twice 500,000 gas at 100 wei.
    for nonce in [5, 6] {
        assert!(matches!(ask(&mut desk, settle(nonce, 100), 0), SignerReply::Transactions(_)));
    }
    assert_eq!(code(ask(&mut desk, settle(7, 1), 0)), RefusalCode::OverDay);
    assert!(matches!(ask(&mut desk, settle(7, 0), 0), SignerReply::Transactions(_)), "free gas goes on");
    assert_eq!(code(ask(&mut desk, settle(8, 101), 90_000)), RefusalCode::NotAsWanted);
    assert!(matches!(ask(&mut desk, settle(8, 100), 90_000), SignerReply::Transactions(_)));
}

#[test]
fn a_day_has_so_many_signatures_and_no_more() {
    let disk = Disk::default();
    let mut desk = signer_on(&disk, config("[limits]\nsignatures_day_max = 3\n"));
    for nonce in 5..8 {
        assert!(sign(&mut desk, &Wanted::Settle { bounty: guid(1) }, nonce, 0).is_ok());
    }
    assert_eq!(sign(&mut desk, &Wanted::Settle { bounty: guid(1) }, 8, 86_399), Err(RefusalCode::OverDay));
    assert!(sign(&mut desk, &Wanted::Settle { bounty: guid(1) }, 7, 0).is_ok(), "the same again costs nothing");
    assert!(sign(&mut desk, &Wanted::Settle { bounty: guid(1) }, 8, 86_400).is_ok());
}

#[test]
fn fast_assertions_and_votes_are_signed_once_a_bounty() {
    let (disk, mut desk) = fresh();
    let assertion = |bid: &str, verdict| {
        let metadata = Json::Object(vec![("malware_family".to_owned(), Json::Text("EICAR".to_owned()))]);
        Ask::FastAssertion(FastAssertion { bounty: guid(7), verdict, bid: Nct::literal(bid), metadata })
    };
    let SignerReply::Fast(first) = ask(&mut desk, assertion("0.5", true), 0) else { panic!("it is signed") };
    assert!(first.raw_transaction.contains("AssertionTransaction") && first.signature.len() == 132, "{first:?}");
    assert_eq!(ask(&mut desk, assertion("0.5", true), 9), SignerReply::Fast(first));
    assert_eq!(desk.status(at(9)).spent.total, Nct::literal("0.5"));
    assert_eq!(code(ask(&mut desk, assertion("0.5", false), 0)), RefusalCode::BountyTaken);
    assert_eq!(code(ask(&mut desk, assertion("1.5", false), 0)), RefusalCode::OverBounty);
    let vote = |vote| Ask::FastVote(FastVote { bounty: guid(7), vote });
    let mut again = signer_on(&disk, small_limits());
    assert!(matches!(ask(&mut again, vote(true), 0), SignerReply::Fast(_)));
    let length = disk.bytes().len();
    assert!(matches!(ask(&mut again, vote(true), 0), SignerReply::Fast(_)));
    assert_eq!(disk.bytes().len(), length, "the same again is not written down");
    assert_eq!(code(ask(&mut again, vote(false), 0)), RefusalCode::BountyTaken);
}

#[test]
fn claims_and_fast_signatures_are_refused_unless_they_are_allowed() {
    let disk = Disk::default();
    let mut strict = signer_on(&disk, config(""));
    let claim = || Ask::Claim(ClaimMessage { message: "I own this engine".to_owned() });
    let fast = FastAssertion { bounty: guid(7), verdict: true, bid: Nct::literal("0.5"), metadata: Json::Null };
    let vote = FastVote { bounty: guid(7), vote: true };
    for asked in [claim(), Ask::FastAssertion(fast), Ask::FastVote(vote)] {
        assert_eq!(code(ask(&mut strict, asked, 0)), RefusalCode::NotAllowed);
    }
    let (_, mut desk) = fresh();
    let SignerReply::Claim(claimed) = ask(&mut desk, claim(), 0) else { panic!("it is signed") };
    assert_eq!(claimed.address, address());
    assert_eq!(
        claimed.signature,
        format!("0x{}", base16ct::lower::encode_string(&wallet().sign_message(b"I own this engine")))
    );
    let long = Ask::Claim(ClaimMessage { message: "x".repeat(70_000) });
    assert_eq!(code(ask(&mut desk, long, 0)), RefusalCode::Malformed);
}
