//! Loads rules as a daemon does: compiled, made into workers, and tried on files whose verdicts are known.

use std::sync::Arc;

use analyzers::{Incomplete, Limits, Verdict};
use anyhow::{Context, bail};
use daemon_engine::Policy;
use daemon_pool::{Examine, Fleet, LookOptions, Walled};
use daemon_rules::{FileRole, Severity, Survey};

use crate::load::{Detector, Options, load};
use crate::probes::probes;

/// Maximum number of mistakes reported per load.
const PROBLEMS_MAX: usize = 50;

/// Parameters for loading rules.
#[derive(Clone, Debug)]
pub struct Loader {
    /// The rules and weights to load.
    pub options: Options,
    /// Limits for scanning one artifact.
    pub limits: Limits,
    /// Which file types are scanned.
    pub policy: Policy,
    /// Number of workers to start.
    pub workers: usize,
}

/// Rules that were loaded and tried.
pub struct Ready {
    /// Workers that judge by them.
    pub fleet: Arc<Fleet>,
    /// Whether they were compiled before.
    pub from_cache: bool,
    /// Messages about skipped rules, reduced limits and missing protections.
    pub notices: Vec<String>,
}

impl Loader {
    /// Loads the rules, and tries them. `whole` refuses rules of which anything is wrong.
    ///
    /// # Errors
    /// [`RulesRefused`] with `whole`, if anything is wrong with the rules; else if they cannot be loaded, no worker can be had, or
    /// a probe does not come out as it must.
    pub fn load(&self, whole: bool) -> anyhow::Result<Ready> {
        let (detector, mut notices) = self.detector(whole)?;
        let from_cache = detector.from_cache;
        let (fleet, fleet_notices) = detector.fleet(self.limits, self.policy)?;
        notices.extend(fleet_notices);
        let fleet = Arc::new(fleet);
        try_out(&fleet).context("the new rules fail the probes")?;
        fleet.stock(self.workers).context("cannot start the workers")?;
        Ok(Ready { fleet, from_cache, notices })
    }

    /// Loads the rules, and says what is wrong with them. `whole` refuses rules of which anything is wrong.
    pub(crate) fn detector(&self, whole: bool) -> anyhow::Result<(Detector, Vec<String>)> {
        let detector = load(&self.options)?;
        let mut problems: Vec<String> = detector
            .mistakes
            .iter()
            .filter(|mistake| mistake.severity == Severity::Error)
            .map(|mistake| mistake.rendered.clone())
            .collect();
        if detector.left_out {
            problems.extend(detector.notices.iter().cloned());
        }
        problems.extend(self.empty_files());
        if whole && !problems.is_empty() {
            problems.truncate(PROBLEMS_MAX);
            return Err(RulesRefused(problems).into());
        }
        let mut notices = detector.notices.clone();
        if !whole {
            notices.extend(problems.into_iter().filter(|problem| !detector.notices.contains(problem)));
        }
        Ok((detector, notices))
    }

    /// Finds empty rule files: they are being written, or lost. Of empty weights and models those who read them tell.
    fn empty_files(&self) -> Vec<String> {
        let Ok(survey) = Survey::take(&self.options.directories) else { return Vec::new() };
        let empty = survey.of_role(FileRole::Rules).filter(|entry| entry.stamp.size == 0);
        empty.map(|entry| format!("{}: the file is empty", entry.path.display())).collect()
    }
}

/// The mistakes of new rules.
#[derive(Debug, thiserror::Error)]
#[error("{} with the rules", daemon_base::format::counted(self.0.len() as u64, "problem"))]
pub struct RulesRefused(pub Vec<String>);

/// Has a worker judge files whose verdicts are known.
fn try_out(fleet: &Arc<Fleet>) -> anyhow::Result<()> {
    for probe in probes() {
        let file = daemon_artifact::keep_stream(&probe.bytes[..], u64::MAX).context("cannot create a probe")?;
        let outcome = Walled::new(Arc::clone(fleet)).examine(file, LookOptions::default());
        let report = outcome.with_context(|| format!("cannot scan {}", probe.name))?.examined.report;
        // A bare head is cut short, or nobody can account for it, and is told so; anything else is the rules' doing.
        let of_the_head = |why: &Incomplete| *why == Incomplete::CutShort || why.withholds_benign_only();
        if let Some(why) = report.incomplete.iter().find(|why| !of_the_head(why)) {
            bail!("{} was not fully scanned: {why}", probe.name);
        }
        let malicious = report.opinion.verdict == Verdict::Malicious;
        if malicious != probe.malicious {
            bail!("{} got the verdict {}", probe.name, report.opinion.verdict);
        }
    }
    Ok(())
}
