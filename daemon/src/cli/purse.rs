//! Arguments of `purse`.

use clap::Args;

/// Arguments of `purse`.
#[derive(Args, Debug)]
pub struct PurseArgs {}
