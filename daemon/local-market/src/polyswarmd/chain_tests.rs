//! Laws of the chain: whatever anybody sends, money is where it should be after every block, and nonces count up.

use alloy_primitives::U256;
use daemon_market::{BidBounds, ContractVersion, Nct};
use daemon_transactions::{Address, ArtifactBits, Bloom, Guid, commitment};
use proptest::prelude::*;

use super::call::RegistryCall;
use super::chain::{Chain, PoolError, Transaction};
use super::registry::{Posting, Terms};
use crate::Fees;

const ACCOUNTS: u8 = 6;
const NCT: u128 = 10u128.pow(18);

fn account(nth: u8) -> Address {
    Address::from_bytes([nth + 1; 20])
}

fn chain(contract: ContractVersion) -> Chain {
    let terms = Terms {
        contract,
        fees: Fees::default(),
        bids: BidBounds::default(),
        amount_min: Nct::from_base_units(NCT / 16),
        reveal_window: 3,
        vote_window: 3,
    };
    let mut chain = Chain::new(terms, 1);
    for nth in 0..ACCOUNTS {
        chain.token.deposit(account(nth), Nct::from_base_units(30 * NCT));
    }
    for nth in 4..ACCOUNTS {
        chain.registry.arbiters.insert(account(nth), Nct::from_base_units(NCT * u128::from(nth)));
    }
    chain
}

/// Calls that mean something often enough: few bounties, few numbers.
fn call(registry: Address) -> impl Strategy<Value = RegistryCall> {
    let guid = (0..3u128).prop_map(Guid::from_number);
    let units =
        prop_oneof![Just(0), Just(NCT / 16), Just(NCT), 0..3 * NCT, Just(u128::MAX)].prop_map(Nct::from_base_units);
    let bits = (0..8u64).prop_map(U256::from);
    prop_oneof![
        1 => units.clone().prop_map(move |amount| RegistryCall::Approve { spender: registry, amount }),
        4 => Just(RegistryCall::Approve { spender: registry, amount: Nct::from_base_units(u128::MAX) }),
        1 => (0..ACCOUNTS, units.clone()).prop_map(|(to, amount)| RegistryCall::Transfer { to: account(to), amount }),
        3 => (guid.clone(), units.clone(), 1..3u64, 1..6u64).prop_map(|(guid, amount, artifact_count, duration)| {
            let (uri, bloom, metadata) = ("u".to_owned(), Bloom::of([]), String::new());
            RegistryCall::PostBounty(Box::new(Posting { guid, artifact_type: 0, amount, uri, artifact_count, duration, bloom, metadata }))
        }),
        6 => (guid.clone(), prop::collection::vec(units, 0..3), bits.clone(), 0..ACCOUNTS, bits.clone()).prop_map(
            |(guid, bids, mask, who, verdicts)| {
                let verdicts = ArtifactBits::from_number(verdicts, 0);
                let commitment = commitment(account(who), U256::from(9), &verdicts);
                RegistryCall::PostAssertion { guid, bids, mask, commitment }
            }
        ),
        6 => (guid.clone(), 0..3u64, bits.clone()).prop_map(|(guid, index, verdicts)| {
            RegistryCall::RevealAssertion { guid, index, nonce: U256::from(9), verdicts, metadata: String::new() }
        }),
        6 => (guid.clone(), bits).prop_map(|(guid, votes)| RegistryCall::VoteOnBounty { guid, votes, valid_bloom: true }),
        6 => guid.prop_map(|guid| RegistryCall::SettleBounty { guid }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Nobody can make money, nor have the registry pay what it was not given.
    #[test]
    fn money_is_conserved_whatever_anybody_sends(
        version in 0..ContractVersion::ALL.len(),
        blocks in prop::collection::vec(
            prop::collection::vec((0..ACCOUNTS, call(chain(ContractVersion::V1_6_1).registry.address)), 0..6), 1..40
        ),
        fails in prop::collection::vec(any::<bool>(), 8),
    ) {
        let mut chain = chain(ContractVersion::ALL[version]);
        let mut mined = 0;
        for block in blocks {
            for (who, call) in block {
                chain.submit_local(account(who), call).unwrap();
            }
            chain.mine(|_| {
                mined += 1;
                fails[mined % fails.len()] && mined % 5 == 0
            });
            prop_assert_eq!(chain.audit(), Ok(()));
        }
    }
}

#[test]
fn transactions_are_carried_out_in_the_order_of_their_nonces() {
    let mut chain = chain(ContractVersion::V1_6_1);
    let send = |chain: &mut Chain, nonce: u64, units: u8| {
        let call = RegistryCall::Transfer { to: account(1), amount: Nct::from_base_units(units.into()) };
        let hash = alloy_primitives::B256::from(U256::from(nonce * 1_000 + u64::from(units)));
        chain.submit(Transaction { hash, sender: account(0), nonce, call })
    };
    send(&mut chain, 2, 3).unwrap();
    send(&mut chain, 1, 2).unwrap();
    assert_eq!((chain.count_with_pending(account(0)), chain.pending(account(0))), (0, vec![1, 2]));
    chain.mine(|_| false);
    assert_eq!(chain.token.balance(account(1)).base_units(), 30 * NCT, "nonce 0 is missing");
    send(&mut chain, 0, 1).unwrap();
    assert_eq!(chain.count_with_pending(account(0)), 3);
    let mined = chain.mine(|_| false);
    let values: Vec<_> = mined.log.iter().map(|logged| format!("{:?}", logged.event)).collect();
    assert!(values[0].contains("Nct(1)") && values[1].contains("Nct(2)") && values[2].contains("Nct(3)"), "{values:?}");
    assert_eq!(chain.count(account(0)), 3);
    assert_eq!(send(&mut chain, 2, 9), Err(PoolError::NonceTooLow));
}
