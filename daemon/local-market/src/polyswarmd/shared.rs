//! The world as the clock, the server and its websockets share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{broadcast, watch};

use super::world::World;

/// Messages that a slow websocket may be behind. One that is further behind is cut.
const MESSAGES_BEHIND_MAX: usize = 8_192;

/// The world, and what is told of it.
pub(super) struct Shared {
    world: Mutex<World>,
    messages: broadcast::Sender<Arc<str>>,
    /// Number of the last block.
    blocks: watch::Sender<u64>,
    /// Changes when all websockets are to be cut.
    cuts: watch::Sender<u64>,
    /// Seconds since 1970.
    pub(super) started: f64,
}

impl Shared {
    pub(super) fn new(world: World) -> Shared {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Shared {
            world: Mutex::new(world),
            messages: broadcast::Sender::new(MESSAGES_BEHIND_MAX),
            blocks: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
            started: now.as_secs_f64(),
        }
    }

    /// The world, alone. Nothing waits while it holds this.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        // A panic elsewhere is loud already; the sums are checked at every block.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a block, and tells of it.
    pub(super) fn step(&self) {
        self.tell(|world| world.step());
    }

    /// Tells messages of something that is not a block of its own. They are in the order of what happened.
    pub(super) fn tell(&self, what: impl FnOnce(&mut World) -> super::world::Told) {
        let mut world = self.world();
        let told = what(&mut world);
        for message in told.messages {
            // Nobody may listen.
            let _ = self.messages.send(message.into());
        }
        self.blocks.send_replace(world.chain.block());
        if told.drop_websockets {
            self.cut_websockets();
        }
    }

    /// Cuts every websocket.
    pub(super) fn cut_websockets(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// All messages from now on.
    pub(super) fn messages(&self) -> broadcast::Receiver<Arc<str>> {
        self.messages.subscribe()
    }

    pub(super) fn blocks(&self) -> watch::Receiver<u64> {
        self.blocks.subscribe()
    }

    pub(super) fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }
}
