//! Limits for senders.

use std::time::Duration;

/// Limits of [`serve`](crate::serve).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerLimits {
    /// Largest head of a request, request line included, in bytes. Default: 16 KiB.
    pub head_bytes_max: usize,
    /// Longest that a head may take from its first byte, or on a new connection from the beginning. Default: 5 s.
    pub head_time_max: Duration,
    /// Largest body in bytes. Default: 1 MiB. A bounty has about one KiB.
    pub body_bytes_max: usize,
    /// Longest that a body may take. Default: 10 s.
    pub body_time_max: Duration,
    /// Time before the rate of a body is checked. Default: 2 s.
    pub body_grace: Duration,
    /// Slowest that a body may come after that, in bytes per second. Default: 16 KiB/s.
    pub body_rate_min: u32,
    /// Most bytes of unfinished bodies held at once, over all connections. Default: 32 MiB.
    pub bodies_bytes_max: usize,
    /// Most connections at once. Default: 1,024.
    pub connections_max: usize,
    /// Most connections at once from one address, which for IPv6 is one /64. Default: 1,024.
    ///
    /// Behind a reverse proxy, which PolySwarm's HTTPS wants, every connection comes from one address.
    pub connections_per_peer_max: usize,
    /// Maximum time of an idle connection. Default: 60 s.
    pub idle_time_max: Duration,
    /// Maximum time for requests in flight at a shutdown. Default: 10 s.
    pub drain_time_max: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits {
            head_bytes_max: 16 << 10,
            head_time_max: Duration::from_secs(5),
            body_bytes_max: 1 << 20,
            body_time_max: Duration::from_secs(10),
            body_grace: Duration::from_secs(2),
            body_rate_min: 16 << 10,
            bodies_bytes_max: 32 << 20,
            connections_max: 1_024,
            connections_per_peer_max: 1_024,
            idle_time_max: Duration::from_secs(60),
            drain_time_max: Duration::from_secs(10),
        }
    }
}
