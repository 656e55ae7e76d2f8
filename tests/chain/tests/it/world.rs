//! A chain with a token, a registry, and everybody who takes part.

use std::io::Write;
use std::sync::OnceLock;

use crate::signer::{self, Signer};
use anyhow::{Result, bail, ensure};
use daemon_base::Nct;
use daemon_transactions::signing::Wanted;
use daemon_transactions::verify::{ChainPolicy, verify, wanted_calls};
use daemon_transactions::{Address, Call, ContractEvent, LegacyTransaction, U256, UnsignedTransaction};
use testchain::{Account, CHAIN_ID, GAS, Ganache, GanacheReceipt, Tools};

/// Blocks in which assertions are revealed.
pub(crate) const REVEAL_WINDOW: u64 = 10;

/// Blocks in which arbiters vote.
pub(crate) const VOTE_WINDOW: u64 = 10;

pub(crate) const EXPERTS: usize = 4;
pub(crate) const ARBITERS: usize = 3;

/// What everybody has at the start.
const RICHES: Nct = Nct::from_base_units(1_000_000_000_000_000_000_000);

pub(crate) struct ChainTrial {
    pub(crate) chain: Ganache,
    pub(crate) policy: ChainPolicy,
    pub(crate) ambassador: Account,
    pub(crate) experts: Vec<Account>,
    pub(crate) arbiters: Vec<Account>,
    /// Who signs for the first expert, if not its own key.
    pub(crate) signer: Option<Signer>,
}

/// What npm brings, or `None` where it cannot be had, which is said once.
fn tools() -> Option<&'static Tools> {
    static TOOLS: OnceLock<Option<Tools>> = OnceLock::new();
    let install = || match Tools::install() {
        Ok(tools) => {
            tools.compile().expect("our contracts compile");
            Some(tools)
        }
        Err(error) => {
            skip(&format!("a real chain: {error:#}"));
            None
        }
    };
    TOOLS.get_or_init(install).as_ref()
}

fn skip(why: &str) {
    // Past the capture of a test that passes.
    let _ = std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes());
}

impl ChainTrial {
    /// `None` where there is no ganache.
    pub(crate) async fn new() -> Option<ChainTrial> {
        Some(ChainTrial::deploy(tools()?).await.expect("a chain starts, and takes our contracts"))
    }

    /// The same, with the first expert's key in a running `stakeout-signer`. `None` too where that is not built.
    pub(crate) async fn with_signer() -> Option<ChainTrial> {
        let tools = tools()?;
        let Some(program) = signer::program() else {
            skip("the signer on a real chain: stakeout-signer is not built (cargo build --workspace)");
            return None;
        };
        let mut world = ChainTrial::deploy(tools).await.expect("a chain starts, and takes our contracts");
        let signer = Signer::start(&program, &world.experts[0], &world.policy).expect("the signer starts");
        world.signer = Some(signer);
        Some(world)
    }

    async fn deploy(tools: &Tools) -> Result<ChainTrial> {
        let chain = Ganache::start(tools).await?;
        let token = chain.deploy("Token", &[U256::from(u128::MAX)]).await?;
        let ambassador = Account::from_seed(0);
        let experts: Vec<_> = (10..).take(EXPERTS).map(Account::from_seed).collect();
        let arbiters: Vec<_> = (20..).take(ARBITERS).map(Account::from_seed).collect();
        let registry = chain.deploy("BountyRegistry", &arguments(token, &arbiters)).await?;
        for account in [&ambassador].into_iter().chain(&experts).chain(&arbiters) {
            chain.give(token, account.address(), RICHES).await?;
        }
        let policy = ChainPolicy { chain_id: CHAIN_ID, token, registry, gas_max: GAS, gas_price_max: 0 };
        Ok(ChainTrial { chain, policy, ambassador, experts, arbiters, signer: None })
    }

    pub(crate) async fn balance(&self, account: Address) -> Result<Nct> {
        self.chain.balance(self.policy.token, account).await
    }

    /// A call, signed by the account's own key.
    pub(crate) async fn call(&self, account: &Account, call: &Call) -> Result<GanacheReceipt> {
        let is_token = matches!(call, Call::Approve { .. } | Call::Transfer { .. });
        let transaction = LegacyTransaction {
            nonce: self.chain.nonce(account.address()).await?,
            gas_price: 0,
            gas: GAS,
            to: if is_token { self.policy.token } else { self.policy.registry },
            value: U256::ZERO,
            data: call.encode(),
            chain_id: CHAIN_ID,
        };
        self.chain.send(&account.sign(transaction).encode()).await
    }

    /// What an expert wants: built as polyswarmd builds it, verified, signed, sent. The last transaction's receipt.
    pub(crate) async fn act(&self, expert: &Account, wanted: &Wanted) -> Result<GanacheReceipt> {
        let first = self.chain.nonce(expert.address()).await?;
        let build = |(nonce, call): (u64, Call)| UnsignedTransaction {
            nonce,
            chain_id: CHAIN_ID,
            gas: GAS,
            gas_price: 0,
            to: if matches!(call, Call::Approve { .. }) { self.policy.token } else { self.policy.registry },
            value: 0,
            data: call.encode(),
        };
        let calls = wanted_calls(wanted, self.policy.registry)?;
        let built: Vec<_> = (first..).zip(calls).map(build).collect();
        verify(wanted, &built, &self.policy)?;
        let is_held = expert.address() == self.experts[0].address();
        let signed: Vec<Vec<u8>> = match self.signer.as_ref().filter(|_| is_held) {
            Some(signer) => {
                let signed = signer.sign(CHAIN_ID, wanted, &built)?;
                signed.into_iter().map(|transaction| transaction.raw).collect()
            }
            None => built.into_iter().map(|transaction| expert.sign(transaction.into()).encode()).collect(),
        };
        let mut last = None;
        for raw in signed {
            last = Some(self.chain.send(&raw).await?);
        }
        let Some(receipt) = last else { bail!("nothing was wanted") };
        Ok(receipt)
    }
}

/// The words of the registry's constructor: token, windows, and two lists, which stand behind the five words of the head.
fn arguments(token: Address, arbiters: &[Account]) -> Vec<U256> {
    let word = |number: usize| U256::from(number);
    let list = |items: Vec<U256>| [vec![word(items.len())], items].concat();
    let addresses = list(arbiters.iter().map(|arbiter| arbiter.address().to_number()).collect());
    let stakes = list((1..=arbiters.len()).map(|stake| word(stake * 1000)).collect());
    let head = 5 * 32;
    let second = head + addresses.len() * 32;
    let windows = [REVEAL_WINDOW, VOTE_WINDOW].map(U256::from);
    [vec![token.to_number(), windows[0], windows[1], word(head), word(second)], addresses, stakes].concat()
}

/// The one event of a receipt that is not the token's.
pub(crate) fn told(receipt: &GanacheReceipt) -> Result<&ContractEvent> {
    let of_registry =
        |event: &&ContractEvent| !matches!(event, ContractEvent::Transfer { .. } | ContractEvent::Approval { .. });
    let mut events = receipt.events.iter().filter(of_registry);
    let Some(event) = events.next() else { bail!("the registry told nothing") };
    let next = events.next();
    ensure!(matches!(next, None | Some(ContractEvent::QuorumReached { .. })), "the registry told more: {next:?}");
    Ok(event)
}
