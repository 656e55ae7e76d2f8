//! The dialects that records can be in: those of the transports that are built in.

use daemon_journal::Received;
use daemon_market::Bounty;

use crate::polyswarmd;

/// The bounty that a record holds, if it came by a transport that is built in and can be read.
pub fn recorded_bounty(received: &Received) -> Option<Bounty> {
    match received.dialect.as_str() {
        daemon_journal::WEBHOOK => daemon_webhook::parse(&received.wire, received.received).ok(),
        polyswarmd::NAME => polyswarmd::read(&received.wire, received.received).ok(),
        _ => None,
    }
}
