//! Open connections, and which of them is closed when there are too many.
//!
//! A stranger who opens connections and says nothing must not keep others out. So when it is crowded, a newcomer takes
//! the place of the connection that has been waited for longest, and those that brought a signed delivery before go
//! last. A connection whose delivery is being decided on is never closed for that.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::ServerLimits;

/// Stage of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Not a byte has come yet.
    New,
    /// The head of a request is coming.
    Head,
    /// The body is being received.
    Body,
    /// The gate is deciding about the bounty.
    Deciding,
    /// The last request is replied to.
    Idle,
}

/// Instruction to a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// Keep the connection.
    Stay,
    /// Finish what is begun, and close.
    Finish,
    /// Close now.
    Leave,
}

/// Progress of a connection.
#[derive(Debug)]
pub(crate) struct ConnectionProgress {
    peer: IpAddr,
    stage: Cell<Stage>,
    since: Cell<Instant>,
    trusted: Cell<bool>,
    order: Cell<Order>,
    ordered: Notify,
}

impl ConnectionProgress {
    fn new(peer: IpAddr) -> Self {
        ConnectionProgress {
            peer,
            stage: Cell::new(Stage::New),
            since: Cell::new(Instant::now()),
            trusted: Cell::new(false),
            order: Cell::new(Order::Stay),
            ordered: Notify::new(),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage.get()
    }

    pub(crate) fn enter(&self, stage: Stage) {
        self.stage.set(stage);
        self.since.set(Instant::now());
    }

    /// Bytes have come: the beginning of a head, unless a request is being served.
    pub(crate) fn on_first_byte(&self) {
        match self.stage.get() {
            // A new connection has one time for its whole head, counted from when it was made.
            Stage::New => self.stage.set(Stage::Head),
            Stage::Idle => self.enter(Stage::Head),
            Stage::Head | Stage::Body | Stage::Deciding => {}
        }
    }

    /// Marks the connection as trusted: it delivered a signed request.
    pub(crate) fn trust(&self) {
        self.trusted.set(true);
    }

    /// Deadline of the stage. Bodies have their own limits, and decisions have none.
    pub(crate) fn deadline(&self, limits: &ServerLimits) -> Option<Instant> {
        match self.stage.get() {
            Stage::New | Stage::Head => Some(self.since.get() + limits.head_time_max),
            Stage::Idle => Some(self.since.get() + limits.idle_time_max),
            Stage::Body | Stage::Deciding => None,
        }
    }

    fn tell(&self, order: Order) {
        self.order.set(order);
        self.ordered.notify_one();
    }

    /// Waits to be told something.
    pub(crate) async fn ordered(&self) -> Order {
        self.ordered.notified().await;
        self.order.get()
    }
}

/// All connections, the oldest first.
#[derive(Default, Debug)]
pub(crate) struct Connections {
    all: RefCell<BTreeMap<u64, Rc<ConnectionProgress>>>,
    last: Cell<u64>,
}

/// A connection's place among them, given back when it is dropped.
pub(crate) struct ConnectionSlot {
    pub(crate) progress: Rc<ConnectionProgress>,
    id: u64,
    connections: Rc<Connections>,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.connections.all.borrow_mut().remove(&self.id);
    }
}

impl Connections {
    /// A place for a connection from `peer`; none if all are taken by connections that must not be closed.
    pub(crate) fn admit(self: &Rc<Self>, peer: IpAddr, limits: &ServerLimits) -> Option<ConnectionSlot> {
        let peer = network(peer);
        let of_peer = self.all.borrow().values().filter(|progress| progress.peer == peer).count();
        let room = if of_peer >= limits.connections_per_peer_max {
            self.evict(|progress| progress.peer == peer)
        } else if self.all.borrow().len() >= limits.connections_max {
            self.evict(|_| true)
        } else {
            true
        };
        if !room {
            return None;
        }
        let id = self.last.get() + 1;
        self.last.set(id);
        let progress = Rc::new(ConnectionProgress::new(peer));
        self.all.borrow_mut().insert(id, Rc::clone(&progress));
        Some(ConnectionSlot { progress, id, connections: Rc::clone(self) })
    }

    /// Closes the connection that will be missed least, if there is one.
    pub(crate) fn evict_one(&self) -> bool {
        self.evict(|_| true)
    }

    fn evict(&self, among: impl Fn(&ConnectionProgress) -> bool) -> bool {
        let mut all = self.all.borrow_mut();
        let least = all
            .iter()
            .filter(|(_, progress)| progress.stage.get() != Stage::Deciding && among(progress))
            .min_by_key(|(_, progress)| (progress.trusted.get(), progress.since.get()))
            .map(|(id, _)| *id);
        match least.and_then(|id| all.remove(&id)) {
            Some(progress) => {
                progress.tell(Order::Leave);
                true
            }
            None => false,
        }
    }

    /// Tells all of them to finish.
    pub(crate) fn finish(&self) {
        self.all.borrow().values().for_each(|progress| progress.tell(Order::Finish));
    }
}

/// Network of a peer: an IPv4 address, in any notation, or the /64 of an IPv6 host.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> ServerLimits {
        ServerLimits { connections_max: 4, connections_per_peer_max: 2, ..ServerLimits::default() }
    }

    fn peer(last: u8) -> IpAddr {
        [127, 0, 0, last].into()
    }

    fn told(place: &ConnectionSlot) -> Order {
        place.progress.order.get()
    }

    #[test]
    fn a_crowd_from_one_peer_displaces_its_own() {
        let connections = Rc::new(Connections::default());
        let other = connections.admit(peer(1), &limits()).unwrap();
        let first = connections.admit(peer(2), &limits()).unwrap();
        let second = connections.admit(peer(2), &limits()).unwrap();
        let third = connections.admit(peer(2), &limits()).unwrap();
        assert_eq!([&other, &first, &second, &third].map(told), [Order::Stay, Order::Leave, Order::Stay, Order::Stay]);
    }

    #[test]
    fn who_brought_a_signed_delivery_goes_last() {
        let connections = Rc::new(Connections::default());
        let trusted = connections.admit(peer(1), &limits()).unwrap();
        trusted.progress.trust();
        let places: Vec<_> = (2..=4).map(|last| connections.admit(peer(last), &limits()).unwrap()).collect();
        let _newcomer = connections.admit(peer(5), &limits()).unwrap();
        assert_eq!(told(&trusted), Order::Stay);
        assert_eq!(told(&places[0]), Order::Leave);
    }

    #[test]
    fn what_is_being_decided_on_is_not_displaced() {
        let connections = Rc::new(Connections::default());
        let places: Vec<_> = (1..=4).map(|last| connections.admit(peer(last), &limits()).unwrap()).collect();
        places.iter().for_each(|place| place.progress.enter(Stage::Deciding));
        assert!(connections.admit(peer(5), &limits()).is_none());
        drop(places);
        assert!(connections.admit(peer(5), &limits()).is_some());
        assert_eq!(connections.all.borrow().len(), 0);
    }

    #[test]
    fn one_host_is_one_peer_however_it_is_written() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8::1"));
    }
}
