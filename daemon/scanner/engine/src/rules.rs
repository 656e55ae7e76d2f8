//! The weights and the compiled YARA rules.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use analyzers::{Indicator, IndicatorId, LoadedWeights, Model, ModelError, Weights, WeightsError};
use analyzers_yara::Library;
use sha2::{Digest, Sha256};
use triage::Family;

use crate::{MEASURE_SETS, catalogue};

/// The weights we were built with: the default, so that the binary works from any directory.
const EMBEDDED_WEIGHTS: &str = include_str!("../../../../rules/weights.toml");

/// The models that we were built with.
const EMBEDDED_MODELS: [&str; 3] = [
    include_str!("../../../../rules/pe.model.json"),
    include_str!("../../../../rules/elf.model.json"),
    include_str!("../../../../rules/office.model.json"),
];

/// The same, read once: that takes some milliseconds.
static MODELS: LazyLock<Vec<Arc<Model>>> = LazyLock::new(|| {
    let read = |text| Model::parse(text, MEASURE_SETS).expect("a test holds the embedded models valid");
    EMBEDDED_MODELS.into_iter().map(read).map(Arc::new).collect()
});

/// Names what a report was judged by: the first 16 hexadecimal digits of the SHA-256 of all of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Generation(Arc<str>);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Generation {
    fn of(weights: &str, sources: &str) -> Generation {
        // A NUL stands in neither, so that no two pairs come to the same text.
        let digest = Sha256::new().chain_update(weights).chain_update("\0").chain_update(sources).finalize();
        Generation(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>().into())
    }
}

/// The group of weights that all YARA rules share: many rules look for the same things.
const YARA_GROUP: &str = "yara";

/// What was said of the model of a family.
#[derive(Clone, Debug)]
pub struct ModelChoice {
    /// The family.
    pub family: Family,
    /// The file that says it; `None` for what we were built with.
    pub path: Option<PathBuf>,
    /// The model, or none: files of this family are judged by the indicators alone.
    pub model: Option<Arc<Model>>,
}

/// The choice of a model that is from no file.
fn built_in(model: Arc<Model>) -> ModelChoice {
    ModelChoice { family: model.family(), path: None, model: Some(model) }
}

/// Everything analyzers judge by. Immutable: new rules are a new set with a new generation.
#[derive(Debug)]
pub struct RuleSet {
    generation: Generation,
    /// The same without models.
    without_models: Generation,
    /// At most one a family, ordered by family.
    models: Vec<ModelChoice>,
    /// Names what the YARA rules were compiled from; empty without any.
    sources: String,
    weights: Weights,
    library: Option<Arc<Library>>,
    /// Index of each compiled indicator in the catalogue.
    positions: HashMap<&'static IndicatorId, usize>,
}

impl RuleSet {
    /// The weights we were built with, and no YARA rules.
    #[expect(clippy::missing_panics_doc, reason = "a test holds the embedded weights valid")]
    pub fn embedded() -> RuleSet {
        RuleSet::parse(EMBEDDED_WEIGHTS).expect("a test holds the embedded weights valid").with_embedded_models()
    }

    /// The same, with the models that we were built with.
    pub fn with_embedded_models(self) -> RuleSet {
        MODELS.iter().map(Arc::clone).map(built_in).fold(self, RuleSet::with_choice)
    }

    /// The same, with a model that is weighed beside the evidence, instead of another one of its family. `text` is JSON, as
    /// rules/model/README.md describes it.
    ///
    /// # Errors
    ///
    /// If it is no model that this program can use.
    pub fn with_model(self, text: &str) -> Result<RuleSet, ModelError> {
        Ok(self.with_choice(built_in(Arc::new(Model::parse(text, MEASURE_SETS)?))))
    }

    /// The same, with what was said of the model of a family, instead of what was said of it before.
    pub fn with_choice(mut self, choice: ModelChoice) -> RuleSet {
        self.weights = match &choice.model {
            Some(model) => self.weights.with_model(Arc::clone(model)),
            None => self.weights.without_model(choice.family),
        };
        self.models.retain(|known| known.family != choice.family);
        self.models.push(choice);
        self.models.sort_by_key(|known| known.family.name());
        self.named()
    }

    /// Names the set by all of it.
    fn named(mut self) -> RuleSet {
        let models = self.models.iter().filter_map(|choice| choice.model.as_ref());
        let digests: String = models.map(|model| model.digest().to_string()).collect();
        self.generation = match digests.is_empty() {
            true => self.without_models.clone(),
            false => Generation::of(&self.without_models.0, &digests),
        };
        self
    }

    /// A rule set with the weights in `weights` (the text of a `weights.toml`), no model, and no YARA rules.
    ///
    /// # Errors
    ///
    /// Every mistake in `weights`; see [`Weights::parse`].
    pub fn parse(weights: &str) -> Result<RuleSet, WeightsError> {
        let generation = Generation::of(weights, "");
        Ok(RuleSet {
            without_models: generation.clone(),
            generation,
            models: Vec::new(),
            sources: String::new(),
            weights: Weights::parse(weights, catalogue())?,
            library: None,
            positions: catalogue().enumerate().map(|(at, indicator)| (&indicator.id, at)).collect(),
        })
    }

    /// The same, with compiled YARA rules. `sources` names what they were compiled from, and `weights` is the text that
    /// this was made from.
    pub fn with_library(mut self, library: Library, weights: &str, sources: &str) -> RuleSet {
        let library = Arc::new(library);
        let loaded: Arc<dyn LoadedWeights> = Arc::clone(&library) as _;
        self.without_models = Generation::of(weights, sources);
        sources.clone_into(&mut self.sources);
        self.weights = self.weights.with_loaded(YARA_GROUP, loaded);
        self.library = Some(library);
        self.named()
    }

    /// The weights we were built with, as text.
    pub fn embedded_weights() -> &'static str {
        EMBEDDED_WEIGHTS
    }

    /// The name of this set.
    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The model of a family that we were built with, as text.
    pub fn embedded_model(family: Family) -> Option<&'static str> {
        match family {
            Family::Pe => Some(EMBEDDED_MODELS[0]),
            Family::Elf => Some(EMBEDDED_MODELS[1]),
            Family::Office | Family::Other => None,
        }
    }

    /// What was said of models, at most once a family.
    pub fn models(&self) -> &[ModelChoice] {
        &self.models
    }

    /// Names what the YARA rules were compiled from; empty without any. Sets of the same sources see the same in a file, and
    /// differ in what they make of it.
    pub fn sources(&self) -> &str {
        &self.sources
    }

    /// The compiled YARA rules, if there are any.
    pub fn library(&self) -> Option<&Library> {
        self.library.as_deref()
    }

    /// Returns all indicators: those of the analyzers, then those of the rules.
    pub fn indicators(&self) -> impl Iterator<Item = &Indicator> {
        let loaded = self.library.iter().flat_map(|library| library.indicators());
        catalogue().map(|indicator: &Indicator| indicator).chain(loaded)
    }

    /// The indicator with this id.
    pub fn indicator(&self, id: &IndicatorId) -> Option<&Indicator> {
        self.position(id).and_then(|position| self.at(position))
    }

    /// Index of an indicator in [`RuleSet::indicators`].
    pub fn position(&self, id: &IndicatorId) -> Option<u32> {
        let compiled = self.positions.get(id).copied();
        let loaded = || Some(self.positions.len() + self.library.as_ref()?.position(id)?);
        compiled.or_else(loaded).and_then(|position| u32::try_from(position).ok())
    }

    /// The indicator that stands there.
    pub fn at(&self, position: u32) -> Option<&Indicator> {
        let position = usize::try_from(position).ok()?;
        match position.checked_sub(self.positions.len()) {
            None => catalogue().nth(position),
            Some(position) => self.library.as_ref()?.indicator(position),
        }
    }

    /// The malware family that an indicator names, if it is that specific.
    pub fn malware_family(&self, indicator: &IndicatorId) -> Option<&str> {
        self.indicator(indicator)?.malware_family.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_weights_are_valid() {
        if let Err(error) = RuleSet::parse(EMBEDDED_WEIGHTS) {
            panic!("rules/weights.toml:\n{error}");
        }
    }

    #[test]
    fn embedded_models_are_of_their_families() {
        for family in Family::ALL {
            let model = RuleSet::embedded_model(family).map(|text| Model::parse(text, MEASURE_SETS).unwrap().family());
            assert_eq!(model, model.map(|_| family));
        }
    }

    #[test]
    fn other_weights_are_another_generation() {
        let other = EMBEDDED_WEIGHTS.to_owned() + "\n# changed\n";
        assert_ne!(
            RuleSet::parse(&other).unwrap().with_embedded_models().generation(),
            RuleSet::embedded().generation()
        );
    }

    #[test]
    fn other_models_are_another_generation_and_the_same_ones_are_the_same_in_any_order() {
        let embedded = RuleSet::embedded();
        let [pe, elf, office] = EMBEDDED_MODELS;
        let weighed = || RuleSet::parse(EMBEDDED_WEIGHTS).unwrap();
        let turned = weighed().with_model(office).unwrap().with_model(elf).unwrap().with_model(pe).unwrap();
        assert_eq!(turned.generation(), embedded.generation());
        let other = RuleSet::embedded().with_model(&format!("{pe}\n")).unwrap();
        assert_ne!(other.generation(), embedded.generation());
        let none = RuleSet::embedded().with_choice(ModelChoice { family: Family::Pe, path: None, model: None });
        assert_eq!(none.generation(), weighed().with_model(elf).unwrap().with_model(office).unwrap().generation());
        assert!(none.weights().model(Family::Pe).is_none() && none.weights().model(Family::Elf).is_some());
        let families = |rules: &RuleSet| rules.models().iter().map(|choice| choice.family).collect::<Vec<_>>();
        assert_eq!(families(&none), [Family::Elf, Family::Office, Family::Pe]);
        assert_eq!(families(&other), [Family::Elf, Family::Office, Family::Pe]);
    }
}
