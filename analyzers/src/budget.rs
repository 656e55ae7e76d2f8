//! Limits of a scan, shared by all layers of an artifact.
//!
//! One [`Budget`] serves the whole tree of containers, so that a thousand small bombs cost no more than a
//! big one. It counts work, not time: the same bytes under the same limits stop at the same place on any
//! machine. Time is watched from outside, through [`Cancel`].

use std::time::Duration;

use daemon_base::Cancel;
use serde::{Deserialize, Serialize};

use crate::Limit;

/// Limits for one artifact. Operators may change each; the defaults are for a machine with two cores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Largest artifact examined, in bytes. Larger ones are `unknown(limit.size)` at once. Default: 256 MiB.
    pub artifact_bytes_max: u64,
    /// Bytes that may be produced by decompression and decoding, over all layers. Default: 128 MiB.
    pub produced_bytes_max: u64,
    /// Bytes that one stream (for example one VBA module) may decompress to. Default: 16 MiB.
    pub stream_bytes_max: u64,
    /// Entries of containers (archive members, directory entries, streams) looked at, over all layers. Default: 10,000.
    pub entries_max: u64,
    /// Maximum nesting of layers; the artifact has depth 0. Default: 8.
    pub depth_max: u32,
    /// Named layers in one report. Default: 1,000.
    pub layers_max: usize,
    /// Pieces of evidence in one report. Default: 1,000.
    pub evidence_max: usize,
    /// Turns of loops over structures that the file itself describes, over all layers. Default: 10 million,
    /// about 100 ms of the dearest loops we have.
    pub steps_max: u64,
    /// Maximum elapsed time per artifact, enforced by the caller. Default: 5 s.
    pub wall_time_max: Duration,
    /// Maximum additional memory per artifact, in bytes, enforced by the caller on a separate process. Default: 256
    /// MiB.
    pub memory_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            artifact_bytes_max: 256 << 20,
            produced_bytes_max: 128 << 20,
            stream_bytes_max: 16 << 20,
            entries_max: 10_000,
            depth_max: 8,
            layers_max: 1_000,
            evidence_max: 1_000,
            steps_max: 10_000_000,
            wall_time_max: Duration::from_secs(5),
            memory_bytes_max: 256 << 20,
        }
    }
}

/// A limit was hit. The budget remembers which, so the caller only has to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exhausted(pub Limit);

/// The remaining budget of one artifact.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    cancel: Cancel,
    produced: u64,
    entries: u64,
    steps: u64,
    /// Bit per [`Limit`] that was hit.
    hit: u16,
}

impl Budget {
    /// Makes a full budget. `cancel` signals the end of the time.
    pub fn new(limits: Limits, cancel: Cancel) -> Self {
        Budget { limits, cancel, produced: 0, entries: 0, steps: 0, hit: 0 }
    }

    /// The limits it was made from.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Pays for `bytes` more bytes of decompressed or decoded content, before they are made.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] once more than [`Limits::produced_bytes_max`] bytes were paid for.
    pub fn produce(&mut self, bytes: u64) -> Result<(), Exhausted> {
        self.produced = self.produced.saturating_add(bytes);
        self.check(self.produced <= self.limits.produced_bytes_max, Limit::Produced)
    }

    /// Checks that one stream may grow to `bytes`, before it does.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if `bytes` is more than [`Limits::stream_bytes_max`].
    pub fn stream(&mut self, bytes: u64) -> Result<(), Exhausted> {
        self.check(bytes <= self.limits.stream_bytes_max, Limit::Stream)
    }

    /// Returns how many more bytes one stream may produce.
    pub fn stream_room(&self) -> u64 {
        self.limits.stream_bytes_max.min(self.limits.produced_bytes_max.saturating_sub(self.produced))
    }

    /// Pays for `count` more entries of containers.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] once more than [`Limits::entries_max`] entries were paid for.
    pub fn entries(&mut self, count: u64) -> Result<(), Exhausted> {
        self.entries = self.entries.saturating_add(count);
        self.check(self.entries <= self.limits.entries_max, Limit::Entries)
    }

    /// Pays for `count` turns of a loop that the file controls; also where time is noticed.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] once more than [`Limits::steps_max`] steps were paid for, or when the examination was cancelled.
    pub fn step(&mut self, count: u64) -> Result<(), Exhausted> {
        if self.cancel.is_cancelled() {
            return self.check(false, Limit::Time);
        }
        self.steps = self.steps.saturating_add(count);
        self.check(self.steps <= self.limits.steps_max, Limit::Steps)
    }

    /// Notes that `limit` was hit, when that was found by other means.
    pub fn exhaust(&mut self, limit: Limit) -> Exhausted {
        self.hit |= 1 << limit as u16;
        Exhausted(limit)
    }

    /// The limits hit so far, each once, in the order of [`Limit::ALL`].
    pub fn hit(&self) -> impl Iterator<Item = Limit> + '_ {
        Limit::ALL.into_iter().filter(|&limit| self.hit & (1 << limit as u16) != 0)
    }

    fn check(&mut self, within: bool, limit: Limit) -> Result<(), Exhausted> {
        if within { Ok(()) } else { Err(self.exhaust(limit)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_hit_after_its_last_unit_and_remembered_once() {
        let limits = Limits { steps_max: 2, ..Limits::default() };
        let mut budget = Budget::new(limits, Cancel::default());
        assert_eq!(budget.step(1), Ok(()));
        assert_eq!(budget.step(1), Ok(()));
        assert_eq!(budget.step(1), Err(Exhausted(Limit::Steps)));
        assert_eq!(budget.step(u64::MAX), Err(Exhausted(Limit::Steps)));
        assert_eq!(budget.hit().collect::<Vec<_>>(), [Limit::Steps]);
    }

    #[test]
    fn cancelling_is_seen_at_the_next_step() {
        let cancel = Cancel::default();
        let mut budget = Budget::new(Limits::default(), cancel.clone());
        assert_eq!(budget.step(1), Ok(()));
        cancel.cancel();
        assert_eq!(budget.step(1), Err(Exhausted(Limit::Time)));
    }
}
