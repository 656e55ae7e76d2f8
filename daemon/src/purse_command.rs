//! `stakeout purse`: what may still be risked.

use std::io::Write;

use anyhow::bail;

use crate::cli::PurseArgs;
use crate::exit::Exit;

/// Does it.
pub fn purse(_: &PurseArgs, _: &mut dyn Write) -> anyhow::Result<Exit> {
    bail!("this is not here yet")
}
