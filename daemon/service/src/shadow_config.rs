//! The section `[shadow]` of the configuration.

use std::path::PathBuf;

use daemon_config::{Bytes, section};

section! {
    check = check;

    /// A second set of rules, weights and models that judges the same artifacts after the live one. It is never staked on
    /// and changes no answer; `stakeout report` compares it with the live set.
    pub struct ShadowConfig {
        /// Directory of the second set. What it lacks is that of the live set: the rule files of scan.rules, the weights,
        /// the model of each family. Changes are detected and loaded; a set that cannot be used stops nothing. Default
        /// (empty): none.
        directory: PathBuf = PathBuf::new();
        /// Maximum number of artifacts that wait for the second set. More are not judged by it.
        queued_max: usize = 64;
        /// Maximum size of all artifacts that are held for it, if its rules are not the live ones and it has to scan them
        /// itself. More are not judged by it.
        artifacts_bytes_max: Bytes = Bytes(64 << 20);
    }
}

fn check(config: &ShadowConfig, wrong: &mut dyn FnMut(String)) {
    if config.queued_max == 0 {
        wrong("queued_max must be at least 1".to_owned());
    }
}

impl ShadowConfig {
    /// Whether there is a second set.
    pub fn is_on(&self) -> bool {
        !self.directory.as_os_str().is_empty()
    }
}
