//! Where settlements go: to the daemon that runs, or into the journal of one that does not.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use daemon_base::text::path as shown;
use daemon_journal::JournalError;
use daemon_market::Nct;
use daemon_settlement::SettlementLine;

use crate::owner::become_owner_of;
use crate::settlements::inbox::Inbox;
use crate::settlements::{Direct, ImportSummary};
use crate::{clock, control_client};

/// Where settlements go: to the daemon of an archive while it runs, or else into the archive itself.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Directory of the archive.
    pub directory: PathBuf,
    /// Control socket of the daemon.
    pub socket: PathBuf,
}

impl Recipient {
    /// Sends the lines to the daemon if it runs, or else writes them into its journal.
    ///
    /// # Errors
    ///
    /// The daemon or the archive cannot be reached, or the daemon rejects the lines.
    pub fn tell(
        &self,
        name: &str,
        lines: &[SettlementLine],
        fee: Nct,
        patience: Duration,
    ) -> anyhow::Result<ImportSummary> {
        if let Some(told) = control_client::tell(&self.socket, name, lines, patience)? {
            return Ok(told);
        }
        // Nobody listens. From here on files are made, which must be the owner's.
        become_owner_of(&self.directory)?;
        match Direct::open(&self.directory, fee) {
            Ok(mut direct) => Ok(direct.tell(lines, clock::passed(&self.directory))?),
            // One runs without a control socket.
            Err(JournalError::Locked { .. }) => {
                let text: String = lines.iter().map(|line| line.to_json() + "\n").collect();
                let safe: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect();
                let receipt = Inbox::of(&self.directory)?.put(&safe, &text)?;
                let receipt = Inbox::wait(&receipt, patience)?;
                match receipt.error {
                    None => Ok(receipt.told),
                    Some(why) => bail!("the daemon rejected the import: {why}"),
                }
            }
            Err(error) => Err(error).with_context(|| format!("cannot use the archive in {}", shown(&self.directory))),
        }
    }
}
