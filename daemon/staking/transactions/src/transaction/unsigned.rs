//! Transactions as polyswarmd builds them.

use serde::{Deserialize, Serialize};

use crate::{Address, encoding};

/// A transaction to sign, as polyswarmd answers it in JSON: `{nonce, chainId, gas, gasPrice, to, value, data}`.
///
/// Other fields are left out: what is not here is not signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnsignedTransaction {
    /// Number of the account's transactions before this one.
    pub nonce: u64,
    /// The chain that it is for.
    pub chain_id: u64,
    /// Most gas that it may use.
    pub gas: u64,
    /// Wei for each unit of gas.
    pub gas_price: u128,
    /// The contract that is called.
    pub to: Address,
    /// Wei that are sent along. Ours send none.
    pub value: u128,
    /// The call: four bytes that say which function, and its arguments.
    #[serde(with = "encoding::bytes")]
    pub data: Vec<u8>,
}
