//! Arguments of `local-market`.

use clap::Args;

/// Arguments of `local-market`.
#[derive(Args, Debug)]
pub struct LocalMarketArgs {}
