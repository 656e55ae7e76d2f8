//! Requests to polyswarmd, as a microengine makes them.
//!
//! A [`Client`] talks to one host, follows no redirect, and sends its key nowhere else. A reply of status 429 pauses all
//! requests. Everything that comes back is bounded in size, time and depth, and read strictly.

mod account;
mod artifacts;
mod base;
mod error;
mod generation;
mod market;
mod pause;
mod posting;
mod replies;
mod send;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use daemon_transactions::Address;
use reqwest::{Certificate, redirect};
use tokio::sync::Semaphore;

pub use artifacts::ArtifactError;
pub use base::{ApiKey, Base, SetupError};
pub use error::{RequestError, RequestFailure};
pub use posting::{Posted, Receipt};
pub use replies::{
    ArtifactEntry, AssertionState, BountyState, BuiltTransactions, MinedEvents, Transfer, VoteState, Wallet,
};

use crate::Chain;
use pause::Pause;

/// A generation of polyswarmd, and of its API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Generation {
    /// In front of a chain: transactions are built, signed and mined; assertions are commitments, to be revealed.
    Ethereum,
    /// Without a chain: assertions are signed as they are, at once and for good. Time is in seconds since 1970.
    Fast,
}

/// Limits of requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestLimits {
    /// Maximum time to connect. Default: 5 s.
    pub connect_time_max: Duration,
    /// Maximum time of an attempt. Default: 10 s.
    pub request_time_max: Duration,
    /// Most bytes that are read of a reply. Default: 4 MiB.
    pub reply_bytes_max: usize,
    /// Maximum number of attempts, including the first. Default: 3.
    pub attempts_max: u32,
    /// The pause after the first failure; it doubles with each. Default: 250 ms.
    pub retry_pause: Duration,
    /// The pause of all requests after status 429, if the server does not say how long. Default: 2 s.
    pub rate_limit_pause: Duration,
    /// Longest pause that a server may ask for. Default: 60 s.
    pub retry_after_max: Duration,
    /// Maximum number of simultaneous requests; as many may wait for receipts besides. Default: 16.
    pub requests_max: usize,
    /// Longest that the server itself waits for a receipt: its own limit is 10 s on the side chain, and 60 s on the home
    /// chain. Default: `None`, which is that and a half more.
    pub receipt_wait_max: Option<Duration>,
}

impl Default for RequestLimits {
    fn default() -> Self {
        RequestLimits {
            connect_time_max: Duration::from_secs(5),
            request_time_max: Duration::from_secs(10),
            reply_bytes_max: 4 << 20,
            attempts_max: 3,
            retry_pause: Duration::from_millis(250),
            rate_limit_pause: Duration::from_secs(2),
            retry_after_max: Duration::from_secs(60),
            requests_max: 16,
            receipt_wait_max: None,
        }
    }
}

impl RequestLimits {
    fn receipt_wait(&self, chain: Chain) -> Duration {
        self.receipt_wait_max.unwrap_or(match chain {
            Chain::Side => Duration::from_secs(15),
            Chain::Home => Duration::from_secs(90),
        })
    }
}

/// Everything that a [`Client`] is made from.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where polyswarmd is.
    pub base: Base,
    /// The key it knows us by.
    pub key: Option<ApiKey>,
    /// Whether the key may be sent over unencrypted http.
    pub allow_key_over_http: bool,
    /// The account that all requests are made for.
    pub account: Address,
    /// The chain that all requests are about.
    pub chain: Chain,
    /// Limits of requests.
    pub limits: RequestLimits,
    /// Certificates, each in PEM, that are trusted besides the system's. Default: none.
    pub roots_pem: Vec<Vec<u8>>,
}

/// Makes requests to one polyswarmd, for one account. Clones share connections, limits and pauses.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<ClientState>,
}

#[derive(Debug)]
struct ClientState {
    http: reqwest::Client,
    base: Base,
    key: Option<ApiKey>,
    account: Address,
    chain: Chain,
    limits: RequestLimits,
    pause: Pause,
    generation: OnceLock<Generation>,
    turns: Semaphore,
    long_turns: Semaphore,
}

impl Client {
    /// A client; sends nothing yet.
    ///
    /// # Errors
    /// If the key would go over unencrypted http unallowed, or no HTTP client can be made.
    pub fn new(options: ClientOptions) -> Result<Client, SetupError> {
        if options.key.is_some() && !options.base.is_encrypted() && !options.allow_key_over_http {
            return Err(SetupError::KeyOverHttp);
        }
        // One provider a process: if another part was first, its choice is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let roots: Result<Vec<_>, _> = options.roots_pem.iter().map(|pem| Certificate::from_pem(pem)).collect();
        let http = reqwest::Client::builder()
            .user_agent(concat!("stakeout/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .connect_timeout(options.limits.connect_time_max)
            .pool_max_idle_per_host(options.limits.requests_max)
            .tcp_nodelay(true)
            .tls_certs_merge(roots.map_err(SetupError::Client)?)
            .build()
            .map_err(SetupError::Client)?;
        let turns = options.limits.requests_max.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Client {
            shared: Arc::new(ClientState {
                http,
                base: options.base,
                key: options.key,
                account: options.account,
                chain: options.chain,
                limits: options.limits,
                pause: Pause::default(),
                generation: OnceLock::new(),
                turns: Semaphore::new(turns),
                long_turns: Semaphore::new(turns),
            }),
        })
    }

    /// The account that requests are made for.
    pub fn account(&self) -> Address {
        self.shared.account
    }

    /// The chain that requests are about.
    pub fn chain(&self) -> Chain {
        self.shared.chain
    }

    /// Where polyswarmd is.
    pub fn base(&self) -> &Base {
        &self.shared.base
    }
}
