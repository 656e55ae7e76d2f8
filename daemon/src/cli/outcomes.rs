//! Arguments of `outcomes`.

use clap::Args;

/// Arguments of `outcomes`.
#[derive(Args, Debug)]
pub struct OutcomesArgs {}
