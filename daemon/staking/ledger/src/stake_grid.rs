//! How much was staked at which confidence.

use daemon_market::Nct;

use crate::LedgerEntry;

/// How many answers of each confidence had a stake of each size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StakeGrid {
    /// Number of answers, by stake (none first, then tenths of the largest stake that was allowed), then by confidence
    /// (from 0.5 in steps of 0.025; anything lower is in the first).
    pub cells: [[u64; StakeGrid::CONFIDENCES]; StakeGrid::STAKES],
}

impl Default for StakeGrid {
    fn default() -> Self {
        StakeGrid { cells: [[0; StakeGrid::CONFIDENCES]; StakeGrid::STAKES] }
    }
}

impl StakeGrid {
    /// Number of columns: steps of confidence from 0.5 to 1.
    pub const CONFIDENCES: usize = 20;
    /// Number of rows: no stake, then tenths of the largest stake that was allowed.
    pub const STAKES: usize = 11;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cell of the grid; what is beyond is in the last one"
    )]
    pub(crate) fn add(&mut self, entry: &LedgerEntry) {
        let Some(bet) = &entry.bet else { return };
        let sure = ((bet.q - 0.5) * 2.0 * StakeGrid::CONFIDENCES as f64) as usize;
        let most = bet.max.base_units().max(1) as f64;
        let staked = entry.staked();
        let tenths = (staked.base_units() as f64 / most * 10.0).ceil() as usize;
        let stake = if staked == Nct::ZERO { 0 } else { tenths.clamp(1, StakeGrid::STAKES - 1) };
        self.cells[stake][sure.min(StakeGrid::CONFIDENCES - 1)] += 1;
    }

    /// The largest number in any cell.
    pub fn most(&self) -> u64 {
        self.cells.iter().flatten().copied().max().unwrap_or(0)
    }
}
