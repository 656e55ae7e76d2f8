//! Loads the rules that the arguments select, and prints their mistakes to standard error.

use daemon_base::format::counted;
use daemon_detector::{Detector, Options, RulesCache};
use daemon_engine::{Limits, Policy};
use daemon_pool::Rules;
use daemon_rules::{Mistake, Severity};

use crate::cli::args::{RulesArgs, WallArgs};
use crate::terminal::notice;

/// Maximum number of mistakes in rules shown before a scan; `rules check` shows all.
const MISTAKES_SHOWN_MAX: usize = 5;

impl RulesArgs {
    /// Returns these arguments as options of the detector.
    pub(crate) fn options(&self) -> Options {
        Options {
            directories: self.directories.clone(),
            no_shipped_rules: self.no_shipped_rules,
            no_yara: self.no_yara,
            cache: match &self.rules_cache {
                _ if self.no_rules_cache => RulesCache::None,
                Some(directory) => RulesCache::At(directory.clone()),
                None => RulesCache::User,
            },
            worker: self.worker.clone(),
            weights: None,
            models: Vec::new(),
            artifacts_per_worker: None,
            begin_workers: false,
        }
    }
}

/// Loads rules and weights, and prints their mistakes to standard error.
pub(crate) fn load(options: &Options) -> anyhow::Result<Detector> {
    let detector = daemon_detector::load(options)?;
    detector.notices.iter().for_each(|text| notice(text));
    let errors: Vec<&Mistake> =
        detector.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).collect();
    for mistake in errors.iter().take(MISTAKES_SHOWN_MAX) {
        notice(&mistake.rendered);
    }
    if errors.len() > MISTAKES_SHOWN_MAX {
        let more = counted((errors.len() - MISTAKES_SHOWN_MAX) as u64, "more error");
        notice(&format!("and {more}: run `stakeout rules check`"));
    }
    Ok(detector)
}

/// Starts what a pool scans with. Prints reduced limits and missing protections to standard error.
pub(crate) fn examiners(detector: Detector, wall: &WallArgs, limits: Limits, policy: Policy) -> anyhow::Result<Rules> {
    let (rules, notices) = detector.examiners(wall.in_process, limits, policy)?;
    notices.iter().for_each(|text| notice(text));
    Ok(rules)
}
