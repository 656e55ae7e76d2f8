//! A chain of Ethereum on loopback, with a token and a registry of bounties of our own writing.
//!
//! The chain is ganache and the compiler solc, both from npm at the versions of `package-lock.json`, installed below
//! cargo's target folder. Where they cannot be had, tests that need them say so and are skipped.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use daemon_transactions::U256;
//! use testchain::{Account, Ganache, Tools};
//!
//! let tools = Tools::install()?;
//! tools.compile()?;
//! let chain = Ganache::start(&tools).await?;
//! let token = chain.deploy("Token", &[U256::from(1_000_000)]).await?;
//! let expert = Account::from_seed(1);
//! assert_eq!(chain.balance(token, expert.address()).await?.base_units(), 0);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod account;
mod chain;
mod rpc;
mod tools;

pub use account::Account;
pub use chain::{CHAIN_ID, GAS, Ganache, GanacheReceipt};
pub use rpc::Reverted;
pub use tools::Tools;
