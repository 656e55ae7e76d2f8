//! `stakeout outcomes`: what the marketplace tells of settled bounties.

use std::io::Write;

use anyhow::bail;

use crate::cli::OutcomesArgs;
use crate::exit::Exit;

/// Does it.
pub fn outcomes(_: &OutcomesArgs, _: &mut dyn Write) -> anyhow::Result<Exit> {
    bail!("this is not here yet")
}
