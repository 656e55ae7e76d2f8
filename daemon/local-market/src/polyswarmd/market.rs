//! The marketplace as it is started, watched and stopped.

use std::net::SocketAddr;
use std::sync::Arc;

use daemon_market::Nct;
use daemon_transactions::Address;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::registry::amount_min;
use super::server;
use super::shared::Shared;
use super::summary::{ChainClosing, ChainProgress, closing, progress};
use super::world::{Told, World};
use crate::catalogue::catalogue;
use crate::seed::shuffle;
use crate::settings::{MarketSettings, Mistakes};
use crate::{Fees, MarketplaceError, Seed};

/// Blocks after the last bounty is over, so that everyone learns of its last transactions.
const LAST_BLOCKS: u64 = 8;

/// A marketplace that listens, and has made no block yet.
pub struct ChainMarket {
    listener: TcpListener,
    listen: SocketAddr,
    shared: Arc<Shared>,
    specimens: usize,
}

/// Whom transactions of this market are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contracts {
    /// Number of the chain.
    pub chain_id: u64,
    /// Address of the token.
    pub token: Address,
    /// Address of the registry.
    pub registry: Address,
}

/// A hand on a marketplace that runs.
#[derive(Clone)]
pub struct ChainControl(Arc<Shared>);

impl ChainMarket {
    /// Listens, and finds the files to post.
    ///
    /// # Errors
    ///
    /// The settings are wrong, files cannot be read, or the address is in use.
    pub async fn bind(settings: MarketSettings) -> Result<ChainMarket, MarketplaceError> {
        settings.check()?;
        let smallest = Nct::from_base_units(amount_min(settings.contract));
        if settings.bounties.number > 0 && settings.bounties.reward < smallest {
            let told = format!(
                "bounties.reward is {} NCT: contract {} takes no bounty below {smallest} NCT",
                settings.bounties.reward, settings.contract
            );
            return Err(Mistakes(vec![told]).into());
        }
        let mut specimens = catalogue(&settings.bounties)?;
        shuffle(Seed::new(settings.seed), &mut specimens);
        let address = settings.polyswarmd.listen;
        let listen = |source| MarketplaceError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let listen = listener.local_addr().map_err(listen)?;
        let number = specimens.len();
        let shared = Arc::new(Shared::new(World::new(&settings, specimens)));
        Ok(ChainMarket { listener, listen, shared, specimens: number })
    }

    /// The URL of the API, `http://ADDRESS:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Number of files to post.
    pub fn specimens(&self) -> usize {
        self.specimens
    }

    /// Whom transactions are for.
    pub fn contracts(&self) -> Contracts {
        self.control().contracts()
    }

    /// Lets an engine in by name. Others are let in by their address, when they first ask for something.
    pub fn admit(&self, name: &str, account: Address, balance: Nct) {
        self.shared.world().admit(account, Some(name.to_owned()), balance);
    }

    /// A hand on it while it runs.
    pub fn control(&self) -> ChainControl {
        ChainControl(Arc::clone(&self.shared))
    }

    /// Posts everything, and runs until all of it is over and settled, or `stop` is done.
    pub async fn run(self, stop: impl Future<Output = ()>) -> ChainClosing {
        let ChainMarket { listener, shared, .. } = self;
        let (ending, end) = watch::channel(false);
        let serving = server::serve(listener, Arc::clone(&shared), end);
        let until = async {
            tokio::select! {
                () = stop => shared.world().stopped = true,
                () = clock(&shared) => {}
            }
            let _ = ending.send(true);
        };
        let ((), ()) = tokio::join!(until, serving);
        closing(&shared.world())
    }
}

/// Makes blocks until everything is over. Where blocks are made by hand, waits until then.
async fn clock(shared: &Shared) {
    let time = shared.world().settings.block_time();
    if let Some(time) = time {
        let mut blocks = interval(time);
        // A machine that was asleep does not make up for it.
        blocks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut left = LAST_BLOCKS;
        while left > 0 {
            blocks.tick().await;
            shared.step();
            left = if shared.world().is_done() { left - 1 } else { LAST_BLOCKS };
        }
    } else {
        let mut blocks = shared.blocks();
        let _ = blocks.wait_for(|_| shared.world().is_done()).await;
    }
}

impl ChainControl {
    /// Makes the next block.
    pub fn step(&self) {
        self.0.step();
    }

    /// Whom transactions are for.
    pub fn contracts(&self) -> Contracts {
        let world = self.0.world();
        Contracts {
            chain_id: world.settings.chain_id,
            token: world.chain.token_address(),
            registry: world.chain.registry.address,
        }
    }

    /// The progress of the run.
    pub fn progress(&self) -> ChainProgress {
        progress(&self.0.world())
    }

    /// The summary as of now.
    pub fn closing(&self) -> ChainClosing {
        closing(&self.0.world())
    }

    /// Number of websockets that were ever opened.
    pub fn websockets(&self) -> u64 {
        self.0.world().websockets
    }

    /// Cuts every websocket.
    pub fn cut_websockets(&self) {
        self.0.cut_websockets();
    }

    /// Changes the fees of the contract, and tells of it. They are those of every bounty that is not settled yet.
    pub fn set_fees(&self, fees: Fees) {
        self.change(|world| world.manage(|registry| registry.set_fees(fees)));
    }

    /// Changes the windows of the contract, in blocks, and tells of it.
    pub fn set_windows(&self, reveal: u64, vote: u64) {
        self.change(|world| world.manage(|registry| registry.set_windows(reveal, vote)));
    }

    /// Has the contract take no new bounties, or take them again, and tells of it.
    pub fn deprecate(&self, deprecated: bool) {
        self.change(|world| world.manage(|registry| registry.deprecate(deprecated)));
    }

    fn change(&self, what: impl FnOnce(&mut World) -> Told) {
        self.0.tell(what);
    }
}
