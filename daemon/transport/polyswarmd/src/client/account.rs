//! The account that pays: its nonces, and what it has.

use daemon_base::Nct;
use daemon_transactions::{U256, amount};
use serde::Deserialize;

use super::error::RequestError;
use super::replies::Wallet;
use super::send::ApiCall;
use super::{Client, Generation};
use crate::lenient;

#[derive(Deserialize)]
struct One<T>(#[serde(deserialize_with = "one")] T)
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display;

fn one<'de, D: serde::Deserializer<'de>, T: std::str::FromStr>(deserializer: D) -> Result<T, D::Error>
where
    T::Err: std::fmt::Display,
{
    lenient::number(deserializer, "it must be an integer, not negative")
}

impl Client {
    /// Number of the account's transactions that were mined, or with `pending` also of those that are about to be.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn nonce(&self, pending: bool) -> Result<u64, RequestError> {
        let query: &[(&str, &str)] = if pending { &[] } else { &[("ignore_pending", " ")] };
        let nonce: One<u64> = self.call(ApiCall::get("/nonce".to_owned()).query(query)).await?;
        Ok(nonce.0)
    }

    /// The nonces of the account's transactions that are about to be mined, in no order.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn pending(&self) -> Result<Vec<u64>, RequestError> {
        let nonces: Option<Vec<One<u64>>> = self.call(ApiCall::get("/pending".to_owned())).await?;
        Ok(nonces.unwrap_or_default().into_iter().map(|nonce| nonce.0).collect())
    }

    /// The account's NCT.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn balance(&self, generation: Generation) -> Result<Nct, RequestError> {
        let account = self.account();
        match generation {
            Generation::Ethereum => {
                let balance: One<U256> = self.call(ApiCall::get(format!("/balances/{account}/nct"))).await?;
                // More than there can ever be is as good as the most.
                Ok(amount::to_nct(balance.0).unwrap_or(Nct::from_base_units(u128::MAX)))
            }
            Generation::Fast => self.wallet().await.map(|wallet| wallet.nct),
        }
    }

    /// The account's ether, in wei.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn ether(&self) -> Result<U256, RequestError> {
        let balance: One<U256> = self.call(ApiCall::get(format!("/balances/{}/eth", self.account()))).await?;
        Ok(balance.0)
    }

    /// The account's balances, on fast polyswarmd.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn wallet(&self) -> Result<Wallet, RequestError> {
        self.call(ApiCall::get(format!("/wallets/{}", self.account()))).await
    }
}
