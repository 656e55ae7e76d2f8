//! Models beside the rules: which is whose, read and checked.

use std::path::PathBuf;
use std::sync::Arc;

use analyzers::Model;
use daemon_base::text::path as shown;
use daemon_engine::{MEASURE_SETS, ModelChoice, RuleSet};
use daemon_rules::model_family;

/// Weights or models that cannot be used: names the file, the place and the mistake.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DataRefused(pub String);

/// The texts of models that take the place of those built in.
pub(crate) struct ModelTexts {
    /// Those that are used whatever lies beside the rules.
    pub own: Vec<(PathBuf, String)>,
    /// Those beside the rules, each named after its family.
    pub beside: Vec<(PathBuf, String)>,
}

impl ModelTexts {
    /// Has `rules` judge by them, and by the models built in for families of which nothing is said.
    ///
    /// # Errors
    ///
    /// [`DataRefused`] if one cannot be used, there are two of a family, or a name and what is in the file disagree.
    pub(crate) fn give(self, rules: RuleSet) -> anyhow::Result<RuleSet> {
        let mut beside: Vec<ModelChoice> = Vec::new();
        for (path, text) in self.beside {
            let choice = read(path.clone(), &text)?;
            let named = path.file_name().and_then(|name| name.to_str()).and_then(model_family).unwrap_or_default();
            if named != choice.family.name() {
                let (path, family) = (shown(&path), choice.family.name());
                return refuse(format!(
                    "cannot use {path}: it is of the family {family}, and must be called {family}.model.json"
                ));
            }
            add(&mut beside, choice)?;
        }
        let mut own: Vec<ModelChoice> = Vec::new();
        for (path, text) in self.own {
            add(&mut own, read(path, &text)?)?;
        }
        // Each takes the place of the one before it.
        Ok(beside.into_iter().chain(own).fold(rules.with_embedded_models(), RuleSet::with_choice))
    }
}

fn refuse<T>(why: String) -> anyhow::Result<T> {
    Err(DataRefused(why).into())
}

fn read(path: PathBuf, text: &str) -> anyhow::Result<ModelChoice> {
    match Model::parse_choice(text, MEASURE_SETS) {
        Ok((family, model)) => Ok(ModelChoice { family, path: Some(path), model: model.map(Arc::new) }),
        Err(why) => refuse(format!("cannot use {}: {why}", shown(&path))),
    }
}

fn add(choices: &mut Vec<ModelChoice>, choice: ModelChoice) -> anyhow::Result<()> {
    let path = |choice: &ModelChoice| choice.path.as_deref().map(shown).unwrap_or_default();
    if let Some(other) = choices.iter().find(|other| other.family == choice.family) {
        let family = choice.family.name();
        return refuse(format!("two models of {family} found, {} and {}: remove one", path(other), path(&choice)));
    }
    choices.push(choice);
    Ok(())
}
