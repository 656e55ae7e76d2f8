//! Weight of a match, in nats. Public rule sets have scales of their own, which are converted here.
//!
//! The first row that fits a rule is the one:
//!
//! | what the rule says | whose it is | what a hit counts |
//! |---|---|---|
//! | `weight`, from -8 to 8: a text, a number with a point, or any number in a rule with a `description` | ours | as it is |
//! | `score`, 0 to 100 | signature-base, THOR, LOKI | `(score - 40) / 15`, 0 to 4 |
//! | `tc_detection_factor`, 0 to 5 | ReversingLabs | 0.7 each, up to 3.5 |
//! | `severity`, `alert_severity`, `threat_level`, `risk` as a number | Elastic and others | its share of 5, 10 or 100, whichever it fits into first, times 3.5 |
//! | the same as a word | many | info 0, low 0.5, medium 1.5, high 2.5, critical 3.5 |
//! | any other `weight` | Yara-Rules and others | its share of 10 or 100, whichever it fits into first, times 3; below 0 nothing |
//! | nothing, but a license or author of signature-base | signature-base | as a score of 75, which is what its own scanners take |
//! | nothing, but it names malware | many | 2 |
//! | nothing | utilities: `domain`, `contains_base64`, compilers, packers | 0.3, and all of them together no more than the group `yara.hint` allows |
//!
//! Rules about tools with legitimate uses, and rules marked as informational, count as hints whatever their scale,
//! unless they have a `weight` in nats.

use crate::meta::Meta;
use crate::names::{Called, names_malware, only_informs};

/// The largest weight there is, in nats either way, as in the weights file.
const WEIGHT_MAX: f64 = 8.0;
/// Weight of a rule that names malware but has no scale: odds of 7 to 1. Most such rules were written for one family by
/// one person, and most are right, but their accuracy is unknown.
const NAMED: f64 = 2.0;
/// Weight of a rule without any information.
const HINT: f64 = 0.3;
/// The group that rules share which name malware and say nothing of how sure they are: three of one family are often one.
pub(crate) const UNMEASURED: &str = "yara.unmeasured";
/// The group that hints share. A weights file without it puts them with all other rules.
pub(crate) const HINTS: &str = "yara.hint";
/// Default score of rules of signature-base, as in its scanners.
const SCORE_DEFAULT: f64 = 75.0;

/// Weight of a match and how it was derived.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct MatchWeight {
    /// Weight in nats.
    pub weight: f64,
    /// Whether the rule is only a hint; all hints together have a cap.
    pub hint: bool,
    /// Whether the rule names malware but has no scale.
    pub unmeasured: bool,
    /// Whether the rule names malware. A file that matches it is never benign.
    pub accuses: bool,
}

/// The scales that a rule's meta speaks in.
#[derive(Clone, Default, Debug)]
pub(crate) struct Scales {
    weight: Option<MetadataNumber>,
    score: Option<f64>,
    factor: Option<f64>,
    severity: Option<f64>,
    /// Whether the rule set has a default score.
    of_thor: bool,
    informs: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum MetadataNumber {
    /// A whole one.
    Whole(f64),
    /// One with a point, or a text.
    Exact(f64),
}

impl Scales {
    /// Takes in a meta: its key in small letters, and its value. Of two that say the same thing, the first one counts.
    pub(crate) fn read(&mut self, key: &str, value: Meta<'_>) {
        match key {
            "weight" => {
                let number = value.number().map(|number| match value {
                    Meta::Whole(_) => MetadataNumber::Whole(number),
                    Meta::Exact(_) | Meta::Text(_) => MetadataNumber::Exact(number),
                });
                self.weight = self.weight.or(number);
            }
            "score" => self.score = self.score.or(value.number()),
            "tc_detection_factor" => self.factor = self.factor.or(value.number()),
            "severity" | "alert_severity" | "threat_level" | "risk" => {
                self.severity = self.severity.or_else(|| share_of(value).map(|share| 3.5 * share));
            }
            "license" | "author" => {
                let text = value.text().unwrap_or_default();
                let known = ["Detection Rule License", "Florian Roth", "Nextron", "Arnim Rupp"];
                self.of_thor |= known.iter().any(|known| text.contains(known));
            }
            "category" => self.informs |= value.text().is_some_and(|text| text.eq_ignore_ascii_case("info")),
            _ => {}
        }
    }

    /// Returns the weight of a rule. `family`: it has a family. `described`: it has a description.
    pub(crate) fn counts(&self, called: Called<'_>, family: Option<&str>, described: Option<&str>) -> MatchWeight {
        let informs = self.informs || only_informs(called, family);
        let named = !informs && names_malware(called, family, described);
        let (weight, hint) = match self.ours(described.is_some()) {
            Some(nats) => (nats, false),
            None if informs => (self.theirs().unwrap_or(HINT).min(HINT), true),
            None => match self.theirs() {
                // Points that nobody explains, about nothing in particular, are a hint however many there are.
                Some(nats) => {
                    (nats, !named && self.score.is_none() && self.severity.is_none() && self.factor.is_none())
                }
                None if self.of_thor => (of_score(SCORE_DEFAULT), false),
                None if named => (NAMED, false),
                None => (HINT, true),
            },
        };
        let says_how_sure = self.ours(described.is_some()).is_some() || self.theirs().is_some() || self.of_thor;
        MatchWeight { weight, hint, unmeasured: named && !says_how_sure, accuses: weight > 0.0 && named }
    }

    /// A weight in nats.
    fn ours(&self, described: bool) -> Option<f64> {
        let nats = match self.weight? {
            MetadataNumber::Whole(number) if described => number,
            MetadataNumber::Exact(number) => number,
            MetadataNumber::Whole(_) => return None,
        };
        (-WEIGHT_MAX..=WEIGHT_MAX).contains(&nats).then_some(nats)
    }

    fn theirs(&self) -> Option<f64> {
        let points = || {
            self.weight.map(|(MetadataNumber::Whole(number) | MetadataNumber::Exact(number))| {
                let most = if number <= 10.0 { 10.0 } else { 100.0 };
                3.0 * (number / most).clamp(0.0, 1.0)
            })
        };
        let factor = || self.factor.map(|factor| 0.7 * factor.clamp(0.0, 5.0));
        self.score.map(of_score).or_else(factor).or(self.severity).or_else(points)
    }
}

/// A score from 0 to 100, as signature-base's, in nats: 40 says nothing (there it is "noteworthy, no alert"),
/// 75 (its "high" and default) 10 to 1, and 100 no more than 55 to 1, for scores were given by feeling.
fn of_score(score: f64) -> f64 {
    ((score - 40.0) / 15.0).clamp(0.0, 4.0)
}

/// Severity from 0 to 1.
fn share_of(value: Meta<'_>) -> Option<f64> {
    if let Some(number) = value.number() {
        let most = [5.0, 10.0, 100.0].into_iter().find(|most| number <= *most).unwrap_or(number);
        return Some((number / most).max(0.0));
    }
    let word = value.text()?.to_ascii_lowercase();
    let nats = match word.as_str() {
        "info" | "informational" | "information" | "none" => 0.0,
        "low" | "minor" => 0.5,
        "medium" | "moderate" | "normal" => 1.5,
        "high" | "major" | "severe" => 2.5,
        "critical" | "very high" => 3.5,
        _ => return None,
    };
    Some(nats / 3.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(name: &str, metas: &[(&str, Meta<'_>)]) -> MatchWeight {
        let mut scales = Scales::default();
        metas.iter().for_each(|(key, value)| scales.read(key, *value));
        let text = |wanted: &str| metas.iter().find(|(key, _)| *key == wanted).and_then(|(_, value)| value.text());
        let (family, described) = (text("family"), text("description"));
        scales.counts(Called { name, tags: &[], file: "any/x.yar" }, family.as_deref(), described.as_deref())
    }

    #[track_caller]
    fn check(name: &str, metas: &[(&str, Meta<'_>)], weight: f64, hint: bool) {
        let seen = counts(name, metas);
        assert!((seen.weight - weight).abs() < 1e-9 && seen.hint == hint, "{name} {metas:?}: {seen:?}");
    }

    const SAYS: (&str, Meta<'_>) = ("description", Meta::Text("It is there."));

    #[test]
    fn a_weight_of_ours_is_taken_as_it_is() {
        check("x", &[("weight", Meta::Exact(2.5))], 2.5, false);
        check("x", &[("weight", Meta::Text("-3"))], -3.0, false);
        check("x", &[SAYS, ("weight", Meta::Whole(4))], 4.0, false);
        check("x", &[("score", Meta::Whole(100)), ("weight", Meta::Exact(1.0))], 1.0, false);
        check("x", &[("weight", Meta::Text("NaN"))], HINT, true);
        check("x", &[("weight", Meta::Text("much"))], HINT, true);
    }

    #[test]
    fn weights_of_other_tools_are_no_nats() {
        check("DebuggerCheck__PEB", &[("weight", Meta::Whole(1))], 0.3, true);
        check("malicious_author", &[("weight", Meta::Whole(5))], 1.5, false);
        check("x", &[SAYS, ("weight", Meta::Whole(100))], 3.0, true);
        check("x", &[("weight", Meta::Exact(1e300))], 3.0, true);
        check("x", &[("weight", Meta::Whole(-100))], 0.0, true);
    }

    #[test]
    fn each_set_has_its_scale() {
        check("x", &[("score", Meta::Whole(40))], 0.0, false);
        check("x", &[("score", Meta::Text("100"))], 4.0, false);
        check("x", &[("score", Meta::Whole(-5))], 0.0, false);
        check("x", &[("tc_detection_factor", Meta::Whole(5))], 3.5, false);
        check("x", &[("severity", Meta::Whole(100))], 3.5, false);
        check("x", &[("severity", Meta::Text("100"))], 3.5, false);
        check("x", &[("severity", Meta::Whole(50))], 1.75, false);
        check("x", &[("severity", Meta::Whole(8))], 2.8, false);
        check("x", &[("severity", Meta::Whole(4))], 2.8, false);
        check("x", &[("severity", Meta::Text("High"))], 2.5, false);
        check("x", &[("alert_severity", Meta::Text("critical"))], 3.5, false);
        check("x", &[("severity", Meta::Text("purple"))], HINT, true);
        check("x", &[("license", Meta::Text("Detection Rule License 1.1"))], 35.0 / 15.0, false);
    }

    #[test]
    fn what_says_nothing_is_a_hint_unless_it_names_malware() {
        check("domain", &[], HINT, true);
        check("MALW_Foo", &[], NAMED, false);
        check("x", &[("family", Meta::Text("Foo"))], NAMED, false);
        check("x", &[("category", Meta::Text("INFO")), ("score", Meta::Whole(100))], HINT, true);
    }

    #[test]
    fn only_what_names_malware_and_counts_accuses() {
        assert!(counts("Trojan_Foo", &[]).accuses);
        assert!(counts("x", &[("family", Meta::Text("Foo")), ("weight", Meta::Exact(0.5))]).accuses);
        assert!(!counts("x", &[("family", Meta::Text("Foo")), ("weight", Meta::Exact(0.0))]).accuses);
        assert!(!counts("Trojan_Foo", &[("category", Meta::Text("INFO"))]).accuses);
        assert!(!counts("contains_base64", &[("score", Meta::Whole(80))]).accuses);
    }
}
