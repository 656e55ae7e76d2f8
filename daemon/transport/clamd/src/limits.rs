//! Limits of clients, with the default at each field.

use std::time::Duration;

/// What clients may spend of us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClamdLimits {
    /// Largest stream, in bytes. Default: 100 MiB, as clamd's.
    pub stream_bytes_max: u64,
    /// Maximum number of open connections. Default: 128.
    pub connections_max: usize,
    /// Maximum number of commands of a session that are worked on at once. More are not read. Default: 16.
    pub session_scans_max: usize,
    /// Maximum time until the first command. Default: 30 s, as clamd's.
    pub command_wait_max: Duration,
    /// Maximum time without a byte where some must come. Default: 120 s, as clamd's.
    pub read_wait_max: Duration,
    /// Maximum time in which a client takes a reply. Default: 30 s.
    pub write_wait_max: Duration,
    /// Maximum time of a whole stream. Default: 10 minutes.
    pub stream_time_max: Duration,
    /// Maximum time of a scan, with the time that it waits. Default: 120 s, as clamd's.
    pub scan_time_max: Duration,
    /// Whether RELOAD and STATS are done for clients over TCP. Default: no.
    pub control_over_tcp: bool,
}

impl Default for ClamdLimits {
    fn default() -> Self {
        ClamdLimits {
            stream_bytes_max: 100 << 20,
            connections_max: 128,
            session_scans_max: 16,
            command_wait_max: Duration::from_secs(30),
            read_wait_max: Duration::from_secs(120),
            write_wait_max: Duration::from_secs(30),
            stream_time_max: Duration::from_secs(600),
            scan_time_max: Duration::from_secs(120),
            control_over_tcp: false,
        }
    }
}
