//! What analyzers judge by: the weights, and later the compiled rules.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use analyzers::{IndicatorId, Weights, WeightsError};
use sha2::{Digest, Sha256};

use crate::catalogue;

/// The weights we were built with: the default, so that the binary works from any directory.
const EMBEDDED_WEIGHTS: &str = include_str!("../../../rules/weights.toml");

/// Names what a report was judged by: the first 16 hexadecimal digits of the SHA-256 of all of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Generation(Arc<str>);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Everything analyzers judge by. Immutable: new rules are a new set with a new generation.
#[derive(Debug)]
pub struct RuleSet {
    generation: Generation,
    weights: Weights,
    malware_families: HashMap<IndicatorId, String>,
}

impl RuleSet {
    /// The rules we were built with.
    pub fn embedded() -> RuleSet {
        RuleSet::parse(EMBEDDED_WEIGHTS).expect("a test holds the embedded weights valid")
    }

    /// A rule set with the weights in `weights` (the text of a `weights.toml`).
    pub fn parse(weights: &str) -> Result<RuleSet, WeightsError> {
        let digest = Sha256::digest(weights.as_bytes());
        let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let named = |indicator: &analyzers::Indicator| {
            indicator.malware_family.as_ref().map(|family| (indicator.id.clone(), family.to_string()))
        };
        Ok(RuleSet {
            generation: Generation(digits.into()),
            weights: Weights::parse(weights, catalogue())?,
            malware_families: catalogue().filter_map(named).collect(),
        })
    }

    /// The name of this set.
    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The malware family that an indicator names, if it is that specific.
    pub fn malware_family(&self, indicator: &IndicatorId) -> Option<&str> {
        self.malware_families.get(indicator).map(String::as_str)
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
    fn other_weights_are_another_generation() {
        let other = EMBEDDED_WEIGHTS.to_owned() + "\n# changed\n";
        assert_ne!(RuleSet::parse(&other).unwrap().generation(), RuleSet::embedded().generation());
    }
}
