//! How much was staked by how sure we were.

use daemon_market::Nct;

use crate::LedgerEntry;

/// How finely confidence is told: from one half to one.
pub(crate) const SURE: usize = 20;
/// How finely a stake is told, as a part of what could be bid at most; one more for nothing.
pub(crate) const STAKE: usize = 11;

/// How many answers of each confidence had a stake of each size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StakeGrid {
    /// By stake (nothing first, then tenths of the most allowed), then by confidence (from one half in steps of 0.025;
    /// what is below is in the first).
    pub cells: [[u64; SURE]; STAKE],
}

impl Default for StakeGrid {
    fn default() -> Self {
        StakeGrid { cells: [[0; SURE]; STAKE] }
    }
}

impl StakeGrid {
    pub(crate) fn add(&mut self, entry: &LedgerEntry) {
        let Some(bet) = &entry.bet else { return };
        let sure = ((bet.q - 0.5) * 2.0 * SURE as f64) as usize;
        let most = bet.max.base_units().max(1) as f64;
        let staked = entry.staked();
        let tenths = (staked.base_units() as f64 / most * 10.0).ceil() as usize;
        let stake = if staked == Nct::ZERO { 0 } else { tenths.clamp(1, STAKE - 1) };
        self.cells[stake][sure.min(SURE - 1)] += 1;
    }

    /// The largest of all counts.
    pub fn most(&self) -> u64 {
        self.cells.iter().flatten().copied().max().unwrap_or(0)
    }
}
