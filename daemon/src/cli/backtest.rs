//! Arguments of `backtest`.

use clap::Args;

/// Arguments of `backtest`.
#[derive(Args, Debug)]
pub struct BacktestArgs {}
