//! What the exchange refuses, what it pays, and that money is conserved whatever is asked of it.

use daemon_market::Profit;
use proptest::prelude::*;

use super::*;

fn posting(reward: &str) -> Posting {
    Posting { reward: Nct::literal(reward), bounds: BidBounds::default(), sha256: None }
}

/// An ambassador with 100 NCT, experts A and B with 5, arbiters X and Y with nothing.
fn exchange() -> Exchange {
    let mut exchange = Exchange::new(ContractVersion::V1_6_1, Fees::default(), Nct::literal("100"));
    for expert in ["A", "B"] {
        exchange.admit_expert(expert, Nct::literal("5")).unwrap();
    }
    for arbiter in ["X", "Y"] {
        exchange.admit_arbiter(arbiter, Nct::ZERO).unwrap();
    }
    exchange
}

#[test]
fn the_loser_pays_the_winner_and_the_fees_are_an_arbiters() {
    let mut exchange = exchange();
    let number = exchange.post(Posting { sha256: Some("00ff".to_owned()), ..posting("2") }).unwrap();
    exchange.assert(number, "A", Verdict::Malicious, Nct::literal("1")).unwrap();
    exchange.assert(number, "B", Verdict::Benign, Nct::literal("0.5")).unwrap();
    assert_eq!(exchange.expert("A"), Some(Nct::literal("3.96875")));
    assert_eq!((exchange.ambassador(), exchange.registry()), (Nct::literal("97.9375"), Nct::literal("3.625")));
    exchange.close(number).unwrap();
    exchange.vote(number, "Y", Verdict::Malicious).unwrap();
    exchange.vote(number, "X", Verdict::Malicious).unwrap();
    let settled = exchange.settle(number).unwrap();

    assert_eq!(exchange.expert("A"), Some(Nct::literal("7.46875")));
    assert_eq!(exchange.expert("B"), Some(Nct::literal("4.46875")));
    // The second of two who voted: bounty 1 is an odd one.
    assert_eq!((exchange.arbiter("X"), exchange.arbiter("Y")), (Some(Nct::literal("0.125")), Some(Nct::ZERO)));
    assert_eq!((exchange.ambassador(), exchange.registry()), (Nct::literal("97.9375"), Nct::ZERO));
    exchange.audit().unwrap();
    assert!(settled.balances());
    assert_eq!((settled.truth, settled.votes), (Verdict::Malicious, Votes { malicious: 2, benign: 0 }));
    assert_eq!((settled.bounty.as_str(), settled.sha256.as_deref()), ("1", Some("00ff")));
    assert_eq!(settled.profit("A"), Profit::of(Nct::literal("7.46875"), Nct::literal("5")));
}

#[test]
fn without_votes_nobody_loses_and_the_dust_is_stuck() {
    let mut exchange = exchange();
    exchange.admit_expert("C", Nct::literal("5")).unwrap();
    let number = exchange.post(posting("2.000000000000000001")).unwrap();
    for expert in ["A", "B", "C"] {
        exchange.assert(number, expert, Verdict::Benign, Nct::literal("1")).unwrap();
    }
    exchange.close(number).unwrap();
    let settled = exchange.settle(number).unwrap();
    assert_eq!((settled.truth, settled.stuck), (Verdict::Unknown, Nct::from_base_units(0)));
    let number = exchange.post(posting("2")).unwrap();
    for expert in ["A", "B", "C"] {
        exchange.assert(number, expert, Verdict::Benign, Nct::literal("1")).unwrap();
    }
    exchange.close(number).unwrap();
    assert_eq!(exchange.settle(number).unwrap().stuck, Nct::from_base_units(2));
    assert_eq!(exchange.registry(), Nct::from_base_units(2));
    exchange.audit().unwrap();
}

#[test]
fn what_is_refused_moves_nothing() {
    let mut exchange = exchange();
    let number = exchange.post(posting("2")).unwrap();
    exchange.assert(number, "A", Verdict::Malicious, Nct::literal("1")).unwrap();
    let closed = exchange.post(posting("2")).unwrap();
    exchange.close(closed).unwrap();
    exchange.vote(closed, "X", Verdict::Benign).unwrap();
    let over = exchange.post(posting("2")).unwrap();
    exchange.close(over).unwrap();
    exchange.settle(over).unwrap();
    exchange.admit_expert("poor", Nct::literal("1.03")).unwrap();
    let before = format!("{exchange:?}");

    let (malicious, one) = (Verdict::Malicious, Nct::literal("1"));
    let asserted =
        |exchange: &mut Exchange, number, engine, verdict, bid| exchange.assert(number, engine, verdict, bid);
    type Asserting<'a> = (u64, &'a str, Verdict, Nct, Refused);
    let assertions: [Asserting; 9] = [
        (9, "B", malicious, one, Refused::NoSuchBounty(9)),
        (0, "B", malicious, one, Refused::NoSuchBounty(0)),
        (over, "B", malicious, one, Refused::Settled(over)),
        (closed, "B", malicious, one, Refused::Closed(closed)),
        (number, "Z", malicious, one, Refused::NoSuchParty("Z".to_owned())),
        (number, "A", malicious, one, Refused::AlreadyAsserted("A".to_owned())),
        (number, "B", Verdict::Unknown, one, Refused::NoStakeOn(Verdict::Unknown)),
        (
            number,
            "B",
            malicious,
            Nct::literal("0.06"),
            Refused::BidBelow { bid: Nct::literal("0.06"), min: Nct::literal("0.0625") },
        ),
        (number, "B", malicious, Nct::literal("1.1"), Refused::BidAbove { bid: Nct::literal("1.1"), max: one }),
    ];
    for (number, engine, verdict, bid, refused) in assertions {
        assert_eq!(asserted(&mut exchange, number, engine, verdict, bid), Err(refused));
    }
    let balance = Refused::Balance { needed: Nct::literal("1.03125"), balance: Nct::literal("1.03") };
    assert_eq!(exchange.assert(number, "poor", malicious, one), Err(balance));

    assert_eq!(exchange.vote(number, "X", malicious), Err(Refused::StillOpen(number)));
    assert_eq!(exchange.vote(closed, "X", malicious), Err(Refused::AlreadyVoted("X".to_owned())));
    assert_eq!(exchange.vote(closed, "A", malicious), Err(Refused::NoSuchParty("A".to_owned())));
    assert_eq!(exchange.vote(closed, "Y", Verdict::Suspicious), Err(Refused::NoStakeOn(Verdict::Suspicious)));
    assert_eq!(exchange.settle(number), Err(Refused::StillOpen(number)));
    assert_eq!(exchange.settle(over), Err(Refused::Settled(over)));
    assert_eq!(exchange.admit_expert("A", one), Err(Refused::NameTaken("A".to_owned())));
    assert_eq!(exchange.admit_arbiter("Z", Nct::from_base_units(u128::MAX)), Err(Refused::TooMuch));
    let needed = Nct::literal("200.0625");
    let balance = exchange.ambassador();
    assert_eq!(exchange.post(posting("200")), Err(Refused::Balance { needed, balance }));
    for bounds in [BidBounds { min: Nct::ZERO, max: one }, BidBounds { min: Nct::literal("2"), max: one }] {
        assert_eq!(exchange.post(Posting { bounds, ..posting("2") }), Err(Refused::Bounds(bounds)));
    }
    assert_eq!(format!("{exchange:?}"), before);
}

#[test]
fn an_audit_sees_a_unit_that_is_not_where_it_should_be() {
    let mut exchange = exchange();
    exchange.post(posting("2")).unwrap();
    let unit = Nct::from_base_units(1);
    let mut richer = exchange.clone();
    richer.ambassador = richer.ambassador.checked_add(unit).unwrap();
    assert!(matches!(richer.audit(), Err(Imbalance::Total { .. })));
    let mut robbed = exchange.clone();
    robbed.ambassador = robbed.ambassador.checked_add(unit).unwrap();
    robbed.registry = robbed.registry.checked_sub(unit).unwrap();
    assert!(matches!(robbed.audit(), Err(Imbalance::Registry { .. })));
}

#[derive(Clone, Debug)]
enum ExchangeCall {
    Post(u128, u128),
    Assert(u64, usize, Verdict, u128),
    Close(u64),
    Vote(u64, usize, Verdict),
    Settle(u64),
    AdmitExpert(usize, u128),
    AdmitArbiter(usize, u128),
}

const NAMES: [&str; 5] = ["A", "B", "C", "D", "E"];

fn amounts() -> impl Strategy<Value = u128> {
    prop_oneof![0..20u128, 0..=3 * 10u128.pow(18), any::<u128>()]
}

fn calls() -> impl Strategy<Value = ExchangeCall> {
    let verdict = || {
        prop_oneof![
            8 => Just(Verdict::Malicious),
            8 => Just(Verdict::Benign),
            1 => Just(Verdict::Suspicious),
            1 => Just(Verdict::Unknown)
        ]
    };
    let (number, name) = (|| 0..8u64, || 0..NAMES.len());
    prop_oneof![
        2 => (amounts(), amounts()).prop_map(|(reward, min)| ExchangeCall::Post(reward, min)),
        6 => (number(), name(), verdict(), amounts()).prop_map(|(n, e, v, b)| ExchangeCall::Assert(n, e, v, b)),
        2 => number().prop_map(ExchangeCall::Close),
        6 => (number(), name(), verdict()).prop_map(|(n, a, v)| ExchangeCall::Vote(n, a, v)),
        2 => number().prop_map(ExchangeCall::Settle),
        1 => (name(), amounts()).prop_map(|(name, balance)| ExchangeCall::AdmitExpert(name, balance)),
        1 => (name(), amounts()).prop_map(|(name, balance)| ExchangeCall::AdmitArbiter(name, balance)),
    ]
}

proptest! {
    #[test]
    fn money_is_conserved_whatever_is_asked(
        contract in prop::sample::select(ContractVersion::ALL.to_vec()),
        ambassador in 10u128.pow(18)..=100 * 10u128.pow(18),
        calls in prop::collection::vec(calls(), 0..120),
    ) {
        let units = Nct::from_base_units;
        let mut exchange = Exchange::new(contract, Fees::default(), units(ambassador));
        for name in &NAMES[..3] {
            exchange.admit_expert(name, Nct::literal("5")).unwrap();
        }
        for name in &NAMES[..2] {
            exchange.admit_arbiter(name, Nct::ZERO).unwrap();
        }
        for call in calls {
            let before = exchange.total();
            let mut came_in = Nct::ZERO;
            match call {
                ExchangeCall::Post(reward, min) => {
                    let bounds = BidBounds { min: units(min), max: units(3 * 10u128.pow(18)) };
                    // A refusal is as good as an acceptance here: what holds must hold after both.
                    let _ = exchange.post(Posting { reward: units(reward), bounds, sha256: None });
                }
                ExchangeCall::Assert(number, name, verdict, bid) => {
                    let _ = exchange.assert(number, NAMES[name], verdict, units(bid));
                }
                ExchangeCall::Close(number) => {
                    let _ = exchange.close(number);
                }
                ExchangeCall::Vote(number, name, verdict) => {
                    let _ = exchange.vote(number, NAMES[name], verdict);
                }
                ExchangeCall::Settle(number) => match exchange.settle(number) {
                    Ok(settled) => prop_assert!(settled.balances()),
                    Err(refused) => prop_assert!(!matches!(refused, Refused::Settle(_)), "{}", refused),
                },
                ExchangeCall::AdmitExpert(name, balance) => {
                    if exchange.admit_expert(NAMES[name], units(balance)).is_ok() {
                        came_in = units(balance);
                    }
                }
                ExchangeCall::AdmitArbiter(name, balance) => {
                    if exchange.admit_arbiter(NAMES[name], units(balance)).is_ok() {
                        came_in = units(balance);
                    }
                }
            }
            prop_assert_eq!(Some(exchange.total()), before.checked_add(came_in));
            prop_assert_eq!(exchange.audit(), Ok(()));
        }
    }
}
