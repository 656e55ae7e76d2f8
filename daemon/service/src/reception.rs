//! The engine and its health, as transports see them.

use std::rc::Rc;

use bytes::Bytes;
use daemon_market::{Admission, Bounty, BountyKey, Event, Now};

use crate::engine::Engine;
use crate::health::Health;
use crate::transport::{Local, Reception, TakesBounties, Transport};

/// The engine in front of a transport.
struct EngineDesk {
    engine: Rc<Engine>,
    health: Rc<Health>,
    transport: Rc<dyn Transport>,
}

/// For `transport`, in front of this engine.
pub(crate) fn reception(engine: Rc<Engine>, health: Rc<Health>, transport: Rc<dyn Transport>) -> Reception {
    Reception(Rc::new(EngineDesk { engine, health, transport }))
}

impl TakesBounties for EngineDesk {
    fn admit(&self, bounty: Bounty, delivery: String, wire: Bytes) -> Local<'_, Admission> {
        Box::pin(self.engine.receive(bounty, delivery, wire, &self.transport))
    }

    fn chain_event(&self, event: Event) {
        self.engine.happen(event);
    }

    fn sent_answer(&self, key: &BountyKey) -> Option<Bytes> {
        self.engine.sent_answer(key)
    }

    fn now(&self) -> Now {
        self.engine.parts.clock.now()
    }

    fn is_alive(&self) -> bool {
        self.health.live().is_ok()
    }
}
