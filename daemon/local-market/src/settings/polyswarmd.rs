//! The configuration of the chain and of the server before it: section `[polyswarmd]`.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use daemon_market::Nct;
use serde::Deserialize;

use super::chain_faults::{ChainFault, ChainFaults};
use super::faults::Often;

/// Longest duration of a bounty, in blocks: `MAX_DURATION` of every version.
pub(crate) const DURATION_BLOCKS_MAX: u64 = 100;
/// Most artifacts that a bounty of the ambassador holds.
const ARTIFACTS_MAX: usize = 16;

/// The chain, its clock, and the server that speaks polyswarmd's API for it.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolyswarmdSettings {
    /// Address of the API. Port 0 selects a free port.
    pub listen: SocketAddr,
    /// Seconds from one block to the next. 0: blocks are made by hand, for tests.
    pub block_seconds: f64,
    /// Blocks in which a bounty accepts assertions, at most 100.
    pub duration_blocks: u64,
    /// Blocks after that in which assertions are revealed.
    pub reveal_window_blocks: u64,
    /// Blocks after that in which arbiters vote.
    pub vote_window_blocks: u64,
    /// Blocks after the vote window in which parties are waited for to settle, before the bounty counts as over.
    pub grace_blocks: u64,
    /// Most artifacts of one bounty. Two of three bounties have one; the others up to so many.
    pub artifacts_max: usize,
    /// Websockets that must have been opened before the first bounty is posted, so that no engine misses it.
    pub websockets_min: u64,
    /// Number of the chain, which transactions are signed for.
    pub chain_id: u64,
    /// The key that requests must have, 32 hexadecimal digits in lower case. Not set: none.
    pub api_key: Option<String>,
    /// What every account is given that is seen for the first time, so that an engine needs no configuration here.
    pub balance: Nct,
    /// Whether hashes in websocket messages begin with `0x`. Both are seen at real communities.
    pub hash_prefix: bool,
    /// Seconds after which a question about a transaction that is not mined is answered with a timeout.
    pub receipt_seconds: f64,
    /// What goes wrong, and how often.
    pub faults: ChainFaults,
}

impl Default for PolyswarmdSettings {
    fn default() -> Self {
        PolyswarmdSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            block_seconds: 1.0,
            duration_blocks: 20,
            reveal_window_blocks: 10,
            vote_window_blocks: 10,
            grace_blocks: 20,
            artifacts_max: 3,
            websockets_min: 0,
            chain_id: 1_337,
            api_key: None,
            balance: Nct::from_base_units(1_000 * 10u128.pow(18)),
            hash_prefix: true,
            receipt_seconds: 10.0,
            faults: ChainFaults::default(),
        }
    }
}

/// Without the key.
impl fmt::Debug for PolyswarmdSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolyswarmdSettings")
            .field("listen", &self.listen)
            .field("block_seconds", &self.block_seconds)
            .field("has_api_key", &self.api_key.is_some())
            .finish_non_exhaustive()
    }
}

impl PolyswarmdSettings {
    /// The time from one block to the next; `None` where blocks are made by hand.
    pub(crate) fn block_time(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.block_seconds).ok().filter(|time| !time.is_zero())
    }

    /// How long a question about a transaction waits for it.
    pub(crate) fn receipt_time(&self) -> Duration {
        Duration::try_from_secs_f64(self.receipt_seconds).unwrap_or_default()
    }

    /// Finds every mistake.
    pub(super) fn check(&self, beyond_loopback: bool, wrong: &mut Vec<String>) {
        let mut unless = |right: bool, what: String| {
            if !right {
                wrong.push(format!("polyswarmd.{what}"));
            }
        };
        let listen = self.listen;
        unless(
            beyond_loopback || listen.ip().is_loopback(),
            format!(
                "listen is {listen}, which other machines can reach: use 127.0.0.1, or set listen_beyond_loopback = true"
            ),
        );
        unless(
            self.block_seconds == 0.0 || (0.01..=3_600.0).contains(&self.block_seconds),
            format!("block_seconds must be from 0.01 to 3600, or 0, not {}", self.block_seconds),
        );
        unless(
            (0.0..=600.0).contains(&self.receipt_seconds),
            format!("receipt_seconds must be from 0 to 600, not {}", self.receipt_seconds),
        );
        unless(
            (1..=DURATION_BLOCKS_MAX).contains(&self.duration_blocks),
            format!("duration_blocks must be from 1 to {DURATION_BLOCKS_MAX}, not {}", self.duration_blocks),
        );
        for (key, blocks) in [
            ("reveal_window_blocks", self.reveal_window_blocks),
            ("vote_window_blocks", self.vote_window_blocks),
            ("grace_blocks", self.grace_blocks),
        ] {
            unless((1..=1_000_000).contains(&blocks), format!("{key} must be from 1 to 1000000, not {blocks}"));
        }
        unless(
            (1..=ARTIFACTS_MAX).contains(&self.artifacts_max),
            format!("artifacts_max must be from 1 to {ARTIFACTS_MAX}, not {}", self.artifacts_max),
        );
        // EIP-155 doubles it, in 64 bits here.
        unless(
            (1..=1 << 62).contains(&self.chain_id),
            format!("chain_id must be from 1 to {}, not {}", 1u64 << 62, self.chain_id),
        );
        if let Some(key) = &self.api_key {
            let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let is_key = key.len() == 32 && key.bytes().all(is_digit);
            unless(is_key, "api_key must be 32 hexadecimal digits in lower case".to_owned());
        }
        for fault in ChainFault::ALL {
            if let Often::Share(often) = self.faults.often(fault) {
                unless(
                    (0.0..=1.0).contains(&often),
                    format!("faults.{} must be from 0.0 to 1.0, not {often}", fault.name()),
                );
            }
        }
    }
}
