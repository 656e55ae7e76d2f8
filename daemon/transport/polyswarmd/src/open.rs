//! From the configuration to a market that can be traded on.

use daemon_transactions::Address;
use daemon_transactions::signing::{ChainStatus, Status};
use daemon_transactions::verify::ChainPolicy;

use crate::nonces::NonceManager;
use crate::{
    ApiKey, Base, Client, ClientOptions, Config, Connection, ConnectionLimits, Generation, Outbox, OutboxError,
    RequestError, SetupError, SignerClient, SignerError, Transactor,
};

/// Wei in a gwei.
const GWEI: u128 = 1_000_000_000;

/// Why the market cannot be traded on.
#[derive(Debug, thiserror::Error)]
pub enum MarketUnusable {
    /// The configuration is wrong.
    #[error("polyswarmd: the configuration cannot be used")]
    Setup(#[from] SetupError),
    /// The signer cannot be asked.
    #[error("polyswarmd: the signer cannot be asked")]
    Signer(#[from] SignerError),
    /// The signer has another account than is configured.
    #[error("polyswarmd.account is {named}, and the signer has the key of {signer}: which one is right?")]
    Account {
        /// The account in the configuration.
        named: Address,
        /// The signer's.
        signer: Address,
    },
    /// The signer has no such chain.
    #[error(
        "the signer does not sign for chain {wanted}: it knows {known:?}; set polyswarmd.chain_id, or tell the signer"
    )]
    Chain {
        /// The chain in the configuration; 0 if none is named.
        wanted: u64,
        /// Those that the signer knows.
        known: Vec<u64>,
    },
    /// The file of open transactions cannot be used.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// polyswarmd cannot be asked.
    #[error("polyswarmd cannot be asked")]
    Request(#[from] RequestError),
}

impl MarketUnusable {
    /// Whether the same may succeed in a moment: nobody has to change anything.
    pub fn is_passing(&self) -> bool {
        match self {
            MarketUnusable::Signer(error) => error.is_passing(),
            MarketUnusable::Request(error) => error.why.is_passing(),
            MarketUnusable::Setup(_)
            | MarketUnusable::Outbox(_)
            | MarketUnusable::Account { .. }
            | MarketUnusable::Chain { .. } => false,
        }
    }
}

/// A market that can be traded on.
#[derive(Debug)]
pub struct Market {
    /// Asks and posts.
    pub client: Client,
    /// Which polyswarmd it is.
    pub generation: Generation,
    /// Takes transactions to the chain; on fast polyswarmd, where there is none, only its signer is of use.
    pub transactor: Transactor,
    connection_limits: ConnectionLimits,
}

impl Market {
    /// Asks the signer who it is, and polyswarmd what it is. What was signed before and is not known to be mined is in
    /// `outbox`: call [`Transactor::resume`]. `roots_pem` are certificates that are trusted besides the system's.
    ///
    /// # Errors
    /// If the configuration cannot be used, or either cannot be asked: [`MarketUnusable::is_passing`] tells whether to try
    /// again.
    pub async fn open(config: &Config, outbox: Outbox, roots_pem: Vec<Vec<u8>>) -> Result<Market, MarketUnusable> {
        let base = Base::new(&config.url, &config.community)?;
        let key = match config.api_key_file.as_os_str().is_empty() {
            true => None,
            false => Some(ApiKey::read(&config.api_key_file)?),
        };
        let signer = SignerClient::new(&config.signer_socket);
        let status = signer.status().await?;
        let account = account(config, &status)?;
        let client = Client::new(ClientOptions {
            base,
            key,
            allow_key_over_http: config.allow_key_over_http,
            account,
            chain: config.chain,
            limits: config.limits(),
            roots_pem,
        })?;
        let generation = client.generation().await?;
        let chain = match generation {
            Generation::Ethereum => chain(config, &status)?.clone(),
            // There is no chain, so the signer need not know any.
            Generation::Fast => ChainStatus { chain_id: 0, token: account, registry: account, next_nonce: 0 },
        };
        let policy = ChainPolicy {
            chain_id: chain.chain_id,
            token: chain.token,
            registry: chain.registry,
            gas_max: u64::try_from(config.gas_max).unwrap_or(u64::MAX),
            gas_price_max: u128::try_from(config.gas_price_max_gwei).unwrap_or(u128::MAX).saturating_mul(GWEI),
        };
        let transactor =
            Transactor::new(client.clone(), signer, NonceManager::default(), policy, outbox, chain.next_nonce);
        Ok(Market { client, generation, transactor, connection_limits: config.connection_limits() })
    }

    /// The websocket of events; opens nothing yet.
    pub fn connection(&self) -> Connection {
        Connection::new(self.client.clone(), self.generation, self.connection_limits)
    }
}

fn account(config: &Config, status: &Status) -> Result<Address, MarketUnusable> {
    match config.named_account() {
        Some(named) if named != status.address => Err(MarketUnusable::Account { named, signer: status.address }),
        Some(_) | None => Ok(status.address),
    }
}

fn chain<'s>(config: &Config, status: &'s Status) -> Result<&'s ChainStatus, MarketUnusable> {
    let wanted = u64::try_from(config.chain_id).unwrap_or(u64::MAX);
    let found = match (wanted, status.chains.as_slice()) {
        (0, [only]) => Some(only),
        (0, _) => None,
        (wanted, chains) => chains.iter().find(|chain| chain.chain_id == wanted),
    };
    let known = || status.chains.iter().map(|chain| chain.chain_id).collect();
    found.ok_or_else(|| MarketUnusable::Chain { wanted, known: known() })
}
