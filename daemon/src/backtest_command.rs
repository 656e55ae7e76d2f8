//! `stakeout backtest`: what other strategies would have earned.

use std::io::Write;

use anyhow::bail;

use crate::cli::BacktestArgs;
use crate::exit::Exit;

/// Does it.
pub fn backtest(_: &BacktestArgs, _: &mut dyn Write) -> anyhow::Result<Exit> {
    bail!("this is not here yet")
}
