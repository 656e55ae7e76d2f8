//! What judging files can be told: its section of the configuration.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use daemon_config::{Bytes, section};

use crate::{Options, RulesCache};

/// Least memory that a worker may be given for one artifact: rules and a file of some size need that much.
pub const MEMORY_BYTES_MIN: u64 = 16 << 20;

section! {
    check = check;

    /// Scanning of artifacts.
    pub struct Config {
        /// Number of worker processes. 0: the number of processors.
        workers: usize = 0;
        /// Maximum time to scan an artifact.
        time_max: Duration = Duration::from_secs(5);
        /// Maximum additional memory of a worker for an artifact, at least "16M". An artifact that needs more is
        /// answered unknown (limit.memory). All workers together get at most half of the available memory, of the
        /// machine or of its control group. If that is less, the limit of each worker is lowered, and if necessary the
        /// number of workers.
        memory_max: Bytes = Bytes(256 << 20);
        /// Artifacts after which a worker process is replaced, 10000 at most: an artifact that took over its worker could
        /// decide about those after it. 1: about none, for some 9 ms of processor time more for each artifact. The next
        /// worker is started while the one before works.
        artifacts_per_worker: usize = 100;
        /// Also run the YARA rules on file types that no analyzer parses. The contents of a scanned file (macros,
        /// members, objects) are always scanned with all rules.
        any_kind: bool = false;
        /// Directories with YARA rules. Each may contain a weights.toml and models (pe.model.json, elf.model.json, office.model.json).
        /// Changes are detected and loaded.
        rules: Vec<PathBuf> = Vec::new();
        /// Use the built-in YARA rules.
        shipped_rules: bool = true;
        /// Directory for the cache of compiled rules. Default (empty): `rules` in the archive's directory.
        rules_cache: PathBuf = PathBuf::new();
        /// Time without changes before changed rules are loaded.
        rules_settle_time: Duration = Duration::from_millis(250);
        /// Program to run as worker. Default (empty): stakeout-worker in the directory of this program, or else this
        /// program.
        worker: PathBuf = PathBuf::new();
    }
}

fn check(config: &Config, wrong: &mut dyn FnMut(String)) {
    if config.rules_settle_time < Duration::from_millis(10) {
        wrong("rules_settle_time must be at least 10ms".to_owned());
    }
    if config.memory_max.0 < MEMORY_BYTES_MIN {
        wrong("memory_max must be at least \"16M\"".to_owned());
    }
    if config.artifacts_per_worker == 0 {
        wrong("artifacts_per_worker must be at least 1".to_owned());
    }
    if config.time_max < Duration::from_millis(10) {
        wrong("time_max must be at least 10ms".to_owned());
    }
}

impl Config {
    /// How many workers are asked for: as many as there are processors, where the configuration says none.
    pub fn workers(&self) -> NonZeroUsize {
        let configured = NonZeroUsize::new(self.workers);
        configured.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }

    /// Which rules and weights are loaded; compiled rules are kept in `cache` if no directory is named.
    pub fn options(&self, cache: &Path) -> Options {
        let cache = match &self.rules_cache {
            empty if empty.as_os_str().is_empty() => cache.to_owned(),
            path => path.clone(),
        };
        Options {
            directories: self.rules.clone(),
            no_shipped_rules: !self.shipped_rules,
            no_yara: !self.shipped_rules && self.rules.is_empty(),
            cache: RulesCache::At(cache),
            worker: Some(self.worker.clone()).filter(|path| !path.as_os_str().is_empty()),
            weights: None,
            models: Vec::new(),
            artifacts_per_worker: NonZeroUsize::new(self.artifacts_per_worker),
            begin_workers: false,
        }
    }
}
