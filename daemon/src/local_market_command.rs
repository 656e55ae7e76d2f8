//! `stakeout local-market`: a marketplace on loopback.

use std::io::Write;

use anyhow::bail;

use crate::cli::LocalMarketArgs;
use crate::exit::Exit;

/// Does it.
pub fn local_market(_: &LocalMarketArgs, _: &mut dyn Write) -> anyhow::Result<Exit> {
    bail!("this is not here yet")
}
