//! Artifacts of the simulated bounties, and the accuracy of the simulated engine.

use daemon_market::Verdict;
use rand_distr::{Distribution, StandardNormal};

use crate::Seed;
use crate::seed::{happens, unit};

/// A kind of artifact, as far as it matters for betting.
///
/// Model: the engine's evidence about an artifact is one number from a normal distribution with mean `mu` if it is
/// malicious, or `-mu` if not, and standard deviation `sigma`. Bayes' rule gives the log-odds: those of the base rate
/// plus `2 * mu / sigma²` times that number. The verdict is the more likely one, and its probability is calibrated.
#[derive(Clone, PartialEq, Debug)]
pub struct ArtifactKind {
    /// Name of the kind.
    pub name: String,
    /// Weight of the kind in the market, relative to the other kinds.
    pub share: f64,
    /// Fraction of malicious artifacts, from 0.0 to 1.0.
    pub malicious: f64,
    /// Mean of the evidence. 0: the engine cannot distinguish.
    pub mu: f64,
    /// Standard deviation of the evidence, above 0.
    pub sigma: f64,
}

/// An artifact, and what our engine says of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Drawn {
    /// Index of the kind, from 0.
    pub kind: usize,
    /// Ground truth.
    pub malicious: bool,
    /// Verdict of the simulated engine.
    pub verdict: Verdict,
    /// The probability that our engine gives its verdict, 0.5 to 1.0.
    pub q: f64,
}

impl Drawn {
    /// Draws the artifact of a bounty. `overconfidence` is an exponent on the engine's odds: 1.0 is calibrated, more is
    /// overconfident, less underconfident. `None` if there are no kinds.
    pub fn draw(kinds: &[ArtifactKind], seed: Seed, bounty: u64, overconfidence: f64) -> Option<Drawn> {
        let mut chance = seed.of(bounty, "artifact");
        let mut place = unit(&mut chance) * kinds.iter().map(|kind| kind.share).sum::<f64>();
        let within = |kind: &ArtifactKind| {
            place -= kind.share;
            place < 0.0
        };
        // Beyond the last is only what rounding left over.
        let number = kinds.iter().position(within).or(kinds.len().checked_sub(1))?;
        let kind = &kinds[number];
        let malicious = happens(&mut chance, kind.malicious);
        let spread: f64 = StandardNormal.sample(&mut chance);
        let evidence = if malicious { kind.mu } else { -kind.mu } + kind.sigma * spread;
        let base = (kind.malicious / (1.0 - kind.malicious)).ln();
        let log_odds = overconfidence * (base + 2.0 * kind.mu / kind.sigma.powi(2) * evidence);
        let verdict = if log_odds >= 0.0 { Verdict::Malicious } else { Verdict::Benign };
        Some(Drawn { kind: number, malicious, verdict, q: 1.0 / (1.0 + (-log_odds.abs()).exp()) })
    }

    /// Whether our engine is right.
    pub fn right(&self) -> bool {
        (self.verdict == Verdict::Malicious) == self.malicious
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, share: f64, malicious: f64, mu: f64) -> ArtifactKind {
        ArtifactKind { name: name.to_owned(), share, malicious, mu, sigma: 1.0 }
    }

    fn drawn(kinds: &[ArtifactKind], overconfidence: f64) -> Vec<Drawn> {
        (0..40_000).filter_map(|bounty| Drawn::draw(kinds, Seed::new(5), bounty, overconfidence)).collect()
    }

    /// Number, mean `q` and accuracy of the artifacts with a `q` in this range.
    fn bin(drawn: &[Drawn], low: f64, high: f64) -> (f64, f64, f64) {
        let bin: Vec<&Drawn> = drawn.iter().filter(|drawn| (low..high).contains(&drawn.q)).collect();
        let count = bin.len() as f64;
        let right = bin.iter().filter(|drawn| drawn.right()).count() as f64;
        (count, bin.iter().map(|drawn| drawn.q).sum::<f64>() / count, right / count)
    }

    #[test]
    fn a_calibrated_engine_is_right_as_often_as_it_says() {
        let drawn = drawn(&[kind("pe", 3.0, 0.5, 1.2), kind("office", 1.0, 0.2, 0.6)], 1.0);
        for low in [0.5, 0.6, 0.7, 0.8, 0.9, 0.99] {
            let high = if low < 0.9 { low + 0.1 } else { low + 0.09 };
            let (count, said, right) = bin(&drawn, low, high);
            assert!(count > 1_000.0, "{low}: {count}");
            // Four standard deviations.
            let tolerance = 4.0 * (said * (1.0 - said) / count).sqrt();
            assert!((said - right).abs() < tolerance, "{low}: said {said}, was {right}, tolerance {tolerance}");
        }
    }

    #[test]
    fn an_overconfident_engine_says_the_same_and_claims_too_much() {
        let kinds = [kind("pe", 1.0, 0.5, 0.8)];
        let (calibrated, over, under) = (drawn(&kinds, 1.0), drawn(&kinds, 2.0), drawn(&kinds, 0.5));
        assert!(calibrated.iter().zip(&over).all(|(a, b)| a.verdict == b.verdict && a.q <= b.q));
        let (_, said, right) = bin(&over, 0.9, 0.99);
        assert!(said - right > 0.05, "said {said}, was {right}");
        let (_, said, right) = bin(&under, 0.6, 0.7);
        assert!(right - said > 0.05, "said {said}, was {right}");
    }

    #[test]
    fn kinds_and_labels_come_as_often_as_stated() {
        let drawn = drawn(&[kind("pe", 3.0, 0.5, 1.0), kind("office", 1.0, 0.2, 1.0)], 1.0);
        let office: Vec<&Drawn> = drawn.iter().filter(|drawn| drawn.kind == 1).collect();
        assert!((office.len() as f64 / 40_000.0 - 0.25).abs() < 0.009, "{}", office.len());
        let bad = office.iter().filter(|drawn| drawn.malicious).count() as f64 / office.len() as f64;
        assert!((bad - 0.2).abs() < 0.016, "{bad}");
    }

    #[test]
    fn a_blind_engine_knows_the_base_rate_and_no_more() {
        let drawn = drawn(&[kind("elf", 1.0, 0.25, 0.0)], 1.0);
        assert!(drawn.iter().all(|drawn| drawn.verdict == Verdict::Benign && (drawn.q - 0.75).abs() < 1e-12));
        assert_eq!(Drawn::draw(&[], Seed::new(5), 1, 1.0), None);
        let sure = Drawn::draw(&[kind("elf", 1.0, 1.0, 1.0)], Seed::new(5), 1, 1.0);
        assert!(sure.is_some_and(|drawn| drawn.malicious && drawn.right() && drawn.q == 1.0));
    }
}
