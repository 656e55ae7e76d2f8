//! Decides when something goes wrong between an engine and the chain, and counts how often it did.

use std::collections::BTreeMap;

use rand::rngs::ChaCha8Rng;

use crate::Seed;
use crate::seed::happens;
use crate::settings::{ChainFault, ChainFaults, Often};

/// Decides at each occasion whether a fault happens, and counts.
#[derive(Debug)]
pub(super) struct FaultDraw {
    often: ChainFaults,
    chance: ChaCha8Rng,
    occasions: BTreeMap<ChainFault, u64>,
    happened: BTreeMap<ChainFault, u64>,
}

impl FaultDraw {
    pub(super) fn new(often: ChainFaults, seed: Seed) -> FaultDraw {
        FaultDraw { often, chance: seed.of(0, "chain faults"), occasions: BTreeMap::new(), happened: BTreeMap::new() }
    }

    /// Whether it happens now.
    pub(super) fn happens(&mut self, fault: ChainFault) -> bool {
        let occasion = self.occasions.entry(fault).or_default();
        *occasion += 1;
        let so = match self.often.often(fault) {
            Often::First(number) => *occasion <= number,
            Often::Share(share) => happens(&mut self.chance, share),
        };
        if so {
            *self.happened.entry(fault).or_default() += 1;
        }
        so
    }

    /// How often each fault happened.
    pub(super) fn happened(&self) -> &BTreeMap<ChainFault, u64> {
        &self.happened
    }
}
