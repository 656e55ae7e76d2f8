//! Who is in a marketplace: the engines that are tried, simulated rivals, and arbiters.

use std::path::PathBuf;

use daemon_market::Nct;
use serde::{Deserialize, Deserializer};

use super::{NCT, share};
use crate::{Arbiter, BiddingPlan, Rival, Skill};

/// Most rivals of one kind, and most arbiters.
pub(super) const PARTIES_MAX: u32 = 1_000;

/// An engine that is tried.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestedEngine {
    /// Name of the engine.
    pub name: String,
    /// URL of its webhook.
    pub url: String,
    /// Secret that signs its bounties.
    pub secret: Option<String>,
    /// A file that holds that, one line.
    pub secret_file: Option<PathBuf>,
    /// Initial balance.
    #[serde(default = "balance")]
    pub balance: Nct,
}

/// Others who bet.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RivalSettings {
    /// Name of the rival; a number is appended if there are several.
    pub name: String,
    /// Number of rivals of this kind.
    #[serde(default = "one")]
    pub number: u32,
    /// Rate of true positives, from 0.0 to 1.0.
    pub true_positive: f64,
    /// Rate of false positives, from 0.0 to 1.0.
    pub false_positive: f64,
    /// Fraction of bounties from which it abstains, from 0.0 to 1.0.
    #[serde(default)]
    pub abstains: f64,
    /// Exponent on the odds that it gives itself: 1.0 is calibrated, more claims too much.
    #[serde(default = "calibrated")]
    pub overconfidence: f64,
    /// Bid strategy.
    #[serde(default, deserialize_with = "plan")]
    pub strategy: BiddingPlan,
    /// Initial balance.
    #[serde(default = "balance")]
    pub balance: Nct,
}

/// Arbiters, who decide the ground truth.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Arbiters {
    /// Number of arbiters.
    pub number: u32,
    /// Fraction of wrong votes, from 0.0 to 1.0.
    pub errs: f64,
    /// Fraction of missing votes, from 0.0 to 1.0.
    pub absent: f64,
}

fn balance() -> Nct {
    Nct::from_base_units(1_000 * NCT)
}

fn one() -> u32 {
    1
}

fn calibrated() -> f64 {
    1.0
}

impl Default for Arbiters {
    fn default() -> Self {
        Arbiters { number: 3, errs: 0.0, absent: 0.0 }
    }
}

impl Arbiters {
    pub(crate) fn all(&self) -> Vec<Arbiter> {
        let Arbiters { number, errs, absent } = *self;
        (1..=number).map(|nth| Arbiter { name: format!("arbiter-{nth}"), errs, absent }).collect()
    }
}

impl TestedEngine {
    pub(super) fn check(&self, wrong: &mut Vec<String>) {
        let TestedEngine { name, url, .. } = self;
        // It becomes the name of a file.
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(fits) {
            wrong
                .push(format!("engine {name:?}: a name must consist of letters, digits, `-`, `_` and `.`, and must not begin with a dot"));
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            wrong.push(format!("engine {name}: url must begin with http:// or https://, not {url:?}"));
        }
        if self.secret.is_some() == self.secret_file.is_some() {
            wrong.push(format!("engine {name}: give either secret or secret_file"));
        }
    }

    /// Reads the secret that signs the bounties of the engine.
    pub(crate) fn read_secret(&self) -> std::io::Result<Vec<u8>> {
        let text = match (&self.secret, &self.secret_file) {
            (Some(secret), _) => secret.clone(),
            (None, Some(path)) => std::fs::read_to_string(path)?,
            (None, None) => String::new(),
        };
        Ok(text.trim_end_matches(['\r', '\n']).as_bytes().to_vec())
    }
}

/// Without its secret.
impl std::fmt::Debug for TestedEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("name", &self.name).field("url", &self.url).finish_non_exhaustive()
    }
}

impl RivalSettings {
    pub(crate) fn all(&self) -> impl Iterator<Item = Rival> {
        let name = |nth| if self.number == 1 { self.name.clone() } else { format!("{}-{nth}", self.name) };
        (1..=self.number).map(move |nth| Rival {
            name: name(nth),
            skill: Skill {
                true_positive: self.true_positive,
                false_positive: self.false_positive,
                abstains: self.abstains,
                overconfidence: self.overconfidence,
            },
            bidder: self.strategy.into(),
            balance: self.balance,
        })
    }

    pub(super) fn check(&self, wrong: &mut Vec<String>) {
        let name = &self.name;
        if !(1..=PARTIES_MAX).contains(&self.number) {
            wrong.push(format!("rival {name}: number must be from 1 to {PARTIES_MAX}"));
        }
        for (key, often) in [
            ("true_positive", self.true_positive),
            ("false_positive", self.false_positive),
            ("abstains", self.abstains),
        ] {
            share(&format!("rival {name}: {key}"), often, wrong);
        }
        if !(self.overconfidence > 0.0 && self.overconfidence.is_finite()) {
            wrong.push(format!("rival {name}: overconfidence must be above 0; 1.0 is calibrated"));
        }
    }
}

fn plan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BiddingPlan, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
