//! `stakeout demo`: the whole product in one command.

use std::io::Write;

use anyhow::bail;

use crate::cli::DemoArgs;
use crate::exit::Exit;

/// Does it.
pub fn demo(_: &DemoArgs, _: &mut dyn Write) -> anyhow::Result<Exit> {
    bail!("this is not here yet")
}
