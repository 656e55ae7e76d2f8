//! `stakeout report`: profit and loss.

use std::io::Write;

use anyhow::bail;

use crate::cli::ReportArgs;
use crate::exit::Exit;

/// Does it.
pub fn report(_: &ReportArgs, _: &mut dyn Write) -> anyhow::Result<Exit> {
    bail!("this is not here yet")
}
