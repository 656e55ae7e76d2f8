//! What the archive can be told: its section of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use daemon_config::{Bytes, section};

use crate::Retention;

section! {
    /// The archive of bounties, answers and artifacts.
    pub struct Config {
        /// Directory of the archive. Only its owner may have access.
        directory: PathBuf = PathBuf::from("/var/lib/stakeout");
        /// Maximum total size of stored artifacts. 0: store none.
        artifacts_bytes_max: Bytes = Bytes(10 << 30);
        /// Time after which stored artifacts are deleted.
        artifacts_age_max: Duration = Duration::from_secs(30 * 86_400);
        /// Time after which the details of ended bounties are deleted: signed bodies, bytes of answers, evidence.
        /// Everything that the purse, reports and backtests of strategies need is kept forever. "0s": keep details
        /// forever.
        details_age_max: Duration = Duration::from_secs(180 * 86_400);
    }
}

impl Config {
    /// Returns the retention limits of the artifact store.
    pub fn retention(&self) -> Retention {
        Retention { bytes_max: self.artifacts_bytes_max.0, age_max: self.artifacts_age_max }
    }

    /// Directory of the archive. A dry run has its own, so that its records and those of the real engine do not mix.
    pub fn directory(&self, dry_run: bool) -> PathBuf {
        if dry_run { self.directory.join("dry-run") } else { self.directory.clone() }
    }
}
