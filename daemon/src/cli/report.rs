//! Arguments of `report`.

use clap::Args;

/// Arguments of `report`.
#[derive(Args, Debug)]
pub struct ReportArgs {}
