//! A second set of rules, weights and models beside the live one, whose opinions are compared and never acted on.
//!
//! A directory brings what is different in it. What it lacks is that of the live set: without rule files it has the live
//! rules, without a `weights.toml` the live weights, without a `FAMILY.model.json` the live model of that family. Where the
//! rules are the live ones, workers see the same in a file, and the second opinion is weighed from what they saw; else it
//! has a worker of its own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use daemon_base::text::path as shown;
use daemon_engine::RuleSet;
use daemon_pool::Fleet;
use daemon_rules::{FileRole, Survey, model_family};
use rustix::process::setpriority_process;

use crate::load::Options;
use crate::loader::{Loader, RulesRefused};
use crate::models::DataRefused;
use crate::watch::{RulesHome, TakenRules};

/// The lowest priority there is.
const NICE: i32 = 19;

/// Gives the thread that calls, and the processes that it starts from now on, the lowest priority.
pub fn lower_priority() {
    // Whoever may not lower it goes on as he is.
    let _ = setpriority_process(None, NICE);
}

/// A second set in use.
pub struct ShadowSet {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// Its worker, if its rules are not the live ones.
    pub fleet: Option<Arc<Fleet>>,
}

/// The second set in use, shared by those that judge by it and those that replace it.
#[derive(Clone, Default)]
pub struct ShadowPlace(Arc<Mutex<Option<Arc<ShadowSet>>>>);

impl ShadowPlace {
    /// The set in use; `None` until one was loaded.
    pub fn set(&self) -> Option<Arc<ShadowSet>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, set: Arc<ShadowSet>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(set);
    }
}

/// Loads a second set, and puts it in its place.
pub struct ShadowHome {
    /// Loads the live set.
    pub live: Loader,
    /// The directory of the second set.
    pub directory: PathBuf,
    /// Where it is put.
    pub place: ShadowPlace,
}

impl ShadowHome {
    /// The directories whose changes may change the second set.
    pub fn directories(&self) -> Vec<PathBuf> {
        let live = self.live.options.directories.iter().cloned();
        std::iter::once(self.directory.clone()).chain(live).collect()
    }
}

impl RulesHome for ShadowHome {
    const IS_SHADOW: bool = true;

    type Ready = (ShadowSet, bool, Vec<String>);

    fn load(&self) -> anyhow::Result<Self::Ready> {
        lower_priority();
        let own = OwnFiles::look(&self.directory)?;
        let options = own.beside(&self.live.options, &self.directory)?;
        let loader = Loader { options, workers: 1, ..self.live.clone() };
        let (set, from_cache, notices) = if own.has_rules {
            let ready = loader.load(true)?;
            let rules = Arc::clone(ready.fleet.rules());
            (ShadowSet { rules, fleet: Some(ready.fleet) }, ready.from_cache, ready.notices)
        } else {
            // The rules are the live ones: what is wrong with them is told there.
            let (detector, _) = loader.detector(false)?;
            let from_cache = detector.from_cache;
            (ShadowSet { rules: detector.rules()?, fleet: None }, from_cache, Vec::new())
        };
        own.check_names(&set.rules)?;
        Ok((set, from_cache, notices))
    }

    fn take(&self, (set, from_cache, notices): Self::Ready, _: &str) -> TakenRules {
        let rules = Arc::clone(&set.rules);
        self.place.put(Arc::new(set));
        TakenRules { rules, from_cache, notices }
    }
}

/// What a directory brings.
#[derive(Default)]
struct OwnFiles {
    has_rules: bool,
    weights: Option<PathBuf>,
    models: Vec<PathBuf>,
}

impl OwnFiles {
    /// Looks at the directory of a second set. Whatever is no file refuses it.
    fn look(directory: &Path) -> anyhow::Result<OwnFiles> {
        let survey = Survey::take(&[directory])?;
        if survey.problems.is_empty() {
            return Ok(OwnFiles::of(&survey));
        }
        let told = survey.problems.iter().map(|problem| format!("{}: {}", shown(&problem.path), problem.why));
        Err(RulesRefused(told.collect()).into())
    }

    fn of(survey: &Survey) -> OwnFiles {
        let paths = |role| survey.of_role(role).map(|entry| entry.path.clone());
        OwnFiles {
            has_rules: survey.of_role(FileRole::Rules).next().is_some(),
            weights: paths(FileRole::Weights).next(),
            models: paths(FileRole::Model).collect(),
        }
    }

    /// How the second set is loaded: what it lacks is that of the live one.
    fn beside(&self, live: &Options, directory: &Path) -> anyhow::Result<Options> {
        let theirs = OwnFiles::of(&Survey::take(&live.directories)?);
        let has_own = |path: &PathBuf| self.models.iter().any(|own| family(own) == family(path));
        let models = theirs.models.into_iter().chain(live.models.iter().cloned()).filter(|path| !has_own(path));
        Ok(Options {
            directories: if self.has_rules { vec![directory.to_owned()] } else { live.directories.clone() },
            no_yara: live.no_yara && !self.has_rules,
            weights: self.weights.clone().or_else(|| live.weights.clone()).or(theirs.weights),
            models: self.models.iter().cloned().chain(models).collect(),
            ..live.clone()
        })
    }

    /// Refuses a model whose name and family disagree: which of two takes the place of which would be anybody's guess.
    fn check_names(&self, rules: &RuleSet) -> anyhow::Result<()> {
        for choice in rules.models() {
            let Some(path) = choice.path.as_ref().filter(|path| self.models.contains(path)) else { continue };
            let named = choice.family.name();
            if family(path) != Some(named) {
                let what = format!(
                    "cannot use {}: it is of the family {named}, and must be called {named}.model.json",
                    shown(path)
                );
                return Err(DataRefused(what).into());
            }
        }
        Ok(())
    }
}

/// The family that a model's name says.
fn family(path: &Path) -> Option<&str> {
    model_family(path.file_name()?.to_str()?)
}
