//! Whether the transactions that polyswarmd built do what was asked of it, and nothing else.
//!
//! polyswarmd builds transactions and the account's owner signs them, so a polyswarmd that is broken, or not the one it
//! seems, could have anything signed. The transport checks before it asks the signer, and the signer checks again: it
//! does not trust the transport either.
//!
//! ```
//! use daemon_transactions::signing::Wanted;
//! use daemon_transactions::verify::{ChainPolicy, Mismatch, verify};
//! use daemon_transactions::{Call, Guid, UnsignedTransaction};
//!
//! let registry = "0x21262bF29FF08691C8A72bc6f22F791996E1891F".parse().unwrap();
//! let token = "0x6ab00Ecd1aa7cf088873c889b191D4a12f9A8d3D".parse().unwrap();
//! let policy = ChainPolicy { chain_id: 1337, token, registry, gas_max: 5_000_000, gas_price_max: 0 };
//! let bounty = Guid::from_number(7);
//! let mut built = UnsignedTransaction {
//!     nonce: 0,
//!     chain_id: 1337,
//!     gas: 1_000_000,
//!     gas_price: 0,
//!     to: registry,
//!     value: 0,
//!     data: Call::SettleBounty { guid: bounty }.encode(),
//! };
//! assert_eq!(verify(&Wanted::Settle { bounty }, &[built.clone()], &policy), Ok(()));
//!
//! built.value = 1;
//! assert_eq!(verify(&Wanted::Settle { bounty }, &[built], &policy), Err(Mismatch::Value { index: 0, value: 1 }));
//! ```

use crate::signing::{Bids, Wanted};
use crate::{AbiError, Address, Call, UnsignedTransaction, amount};

/// What is known of a chain beforehand, and not from polyswarmd.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainPolicy {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The token's contract.
    pub token: Address,
    /// The registry of bounties.
    pub registry: Address,
    /// Most gas of one transaction.
    pub gas_max: u64,
    /// Most wei for each unit of gas: 0 on a free chain.
    pub gas_price_max: u128,
}

/// How transactions differ from what is wanted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Mismatch {
    /// Not as many transactions as the wish takes.
    #[error("{seen} transactions where there must be {expected}")]
    Count {
        /// How many there must be.
        expected: usize,
        /// How many there are.
        seen: usize,
    },
    /// For another chain.
    #[error("transaction {index} is for chain {seen}, not {expected}")]
    Chain {
        /// Which transaction, from 0.
        index: usize,
        /// The chain's id.
        expected: u64,
        /// Its own.
        seen: u64,
    },
    /// It sends ether along.
    #[error("transaction {index} sends {value} wei along, and must send none")]
    Value {
        /// Which transaction, from 0.
        index: usize,
        /// Wei.
        value: u128,
    },
    /// Its nonce does not follow the one before.
    #[error("transaction {index} has nonce {seen}, which is not one more than that of the transaction before")]
    Nonce {
        /// Which transaction, from 0.
        index: usize,
        /// Its nonce.
        seen: u64,
    },
    /// It may use too much gas.
    #[error("transaction {index} may use {gas} gas, more than {max}")]
    Gas {
        /// Which transaction, from 0.
        index: usize,
        /// Its gas.
        gas: u64,
        /// The most.
        max: u64,
    },
    /// It pays too much for gas.
    #[error("transaction {index} pays {gas_price} wei for a unit of gas, more than {max}")]
    GasPrice {
        /// Which transaction, from 0.
        index: usize,
        /// Its price.
        gas_price: u128,
        /// The most.
        max: u128,
    },
    /// It calls another contract.
    #[error("transaction {index} calls {seen}, not the {contract} {expected}")]
    Contract {
        /// Which transaction, from 0.
        index: usize,
        /// "token" or "registry".
        contract: &'static str,
        /// Its address.
        expected: Address,
        /// What is called.
        seen: Address,
    },
    /// It is no call that is known.
    #[error("transaction {index}: {error}")]
    Call {
        /// Which transaction, from 0.
        index: usize,
        /// Why.
        error: AbiError,
    },
    /// It calls another function, or with other arguments.
    #[error("transaction {index} is not the {function} that is wanted: {difference}")]
    Arguments {
        /// Which transaction, from 0.
        index: usize,
        /// The function that is wanted.
        function: &'static str,
        /// What differs.
        difference: String,
    },
    /// What is wanted cannot be: no contract takes it.
    #[error("no such thing can be asked for: {0}")]
    Wish(&'static str),
}

/// Compares transactions with what is wanted.
///
/// # Errors
///
/// The first difference that is found.
pub fn verify(wanted: &Wanted, transactions: &[UnsignedTransaction], policy: &ChainPolicy) -> Result<(), Mismatch> {
    check_wish(wanted)?;
    let calls = wanted_calls(wanted, policy.registry)?;
    if transactions.len() != calls.len() {
        return Err(Mismatch::Count { expected: calls.len(), seen: transactions.len() });
    }
    for (index, (transaction, call)) in transactions.iter().zip(&calls).enumerate() {
        check_frame(index, transaction, policy)?;
        let before = index.checked_sub(1).map(|before| transactions[before].nonce);
        if before.is_some_and(|before| before.checked_add(1) != Some(transaction.nonce)) {
            return Err(Mismatch::Nonce { index, seen: transaction.nonce });
        }
        check_call(index, transaction, call, policy)?;
    }
    Ok(())
}

/// The calls that fulfil a wish, in order.
///
/// # Errors
///
/// If the amounts of the wish do not add up within 128 bits.
pub fn wanted_calls(wanted: &Wanted, registry: Address) -> Result<Vec<Call>, Mismatch> {
    Ok(match wanted {
        Wanted::Assertion { bounty, bids, mask, commitment, .. } => {
            let sum = wanted.amount().ok_or(Mismatch::Wish("bids and fee are beyond 2^128 base units"))?;
            let bids = bids.clone();
            vec![
                Call::Approve { spender: registry, amount: amount::to_u256(sum) },
                Call::PostAssertion { guid: *bounty, bids, mask: mask.to_number(), commitment: *commitment },
            ]
        }
        Wanted::Reveal { bounty, index, nonce, verdicts, metadata } => vec![Call::RevealAssertion {
            guid: *bounty,
            index: *index,
            nonce: *nonce,
            verdicts: verdicts.to_number(),
            metadata: metadata.clone(),
        }],
        Wanted::Settle { bounty } => vec![Call::SettleBounty { guid: *bounty }],
        Wanted::Approve { amount } => {
            vec![Call::Approve { spender: registry, amount: amount::to_u256(*amount) }]
        }
    })
}

/// Longest metadata of a reveal that polyswarmd takes, in characters.
pub const METADATA_MAX: usize = 1024;

/// How much of a call is shown, in characters: its metadata may be long.
const DIFFERENCE_MAX: usize = 400;

/// Refuses what no contract takes, and what would be lost for certain.
fn check_wish(wanted: &Wanted) -> Result<(), Mismatch> {
    match wanted {
        Wanted::Assertion { mask, .. } if mask.count() == 0 => {
            Err(Mismatch::Wish("an assertion on none of the artifacts"))
        }
        Wanted::Assertion { bids: Bids::Each(bids), mask, .. } if bids.len() != mask.count() => {
            Err(Mismatch::Wish("a bid is needed for each artifact that is asserted on, and no other"))
        }
        Wanted::Assertion { commitment, .. } if commitment.is_zero() => Err(Mismatch::Wish("a commitment of zero")),
        Wanted::Reveal { nonce, .. } if nonce.is_zero() => Err(Mismatch::Wish("a nonce of zero")),
        Wanted::Reveal { metadata, .. } if metadata.chars().count() > METADATA_MAX => {
            Err(Mismatch::Wish("metadata of more than 1024 characters"))
        }
        _ => Ok(()),
    }
}

/// What every transaction must be, whatever it calls.
fn check_frame(index: usize, transaction: &UnsignedTransaction, policy: &ChainPolicy) -> Result<(), Mismatch> {
    let UnsignedTransaction { chain_id, gas, gas_price, value, .. } = *transaction;
    if chain_id != policy.chain_id {
        return Err(Mismatch::Chain { index, expected: policy.chain_id, seen: chain_id });
    }
    if value != 0 {
        return Err(Mismatch::Value { index, value });
    }
    if gas > policy.gas_max {
        return Err(Mismatch::Gas { index, gas, max: policy.gas_max });
    }
    if gas_price > policy.gas_price_max {
        return Err(Mismatch::GasPrice { index, gas_price, max: policy.gas_price_max });
    }
    Ok(())
}

fn check_call(
    index: usize,
    transaction: &UnsignedTransaction,
    wanted: &Call,
    policy: &ChainPolicy,
) -> Result<(), Mismatch> {
    let (contract, expected) = match wanted {
        Call::Approve { .. } | Call::Transfer { .. } => ("token", policy.token),
        _ => ("registry", policy.registry),
    };
    if transaction.to != expected {
        return Err(Mismatch::Contract { index, contract, expected, seen: transaction.to });
    }
    let seen = Call::decode(&transaction.data).map_err(|error| Mismatch::Call { index, error })?;
    if seen == *wanted {
        return Ok(());
    }
    let difference = if seen.name() == wanted.name() {
        format!("{seen:?}").chars().take(DIFFERENCE_MAX).collect()
    } else {
        format!("it is {}", seen.name())
    };
    Err(Mismatch::Arguments { index, function: wanted.name(), difference })
}

#[cfg(test)]
mod tests;
