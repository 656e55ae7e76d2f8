//! Arbiters, who decide the ground truth.

use crate::Seed;
use crate::seed::happens;

/// An arbiter who is wrong, or away, that often.
#[derive(Clone, PartialEq, Debug)]
pub struct Arbiter {
    /// Name of the arbiter.
    pub name: String,
    /// Fraction of wrong votes, from 0.0 to 1.0.
    pub errs: f64,
    /// Fraction of missing votes, from 0.0 to 1.0.
    pub absent: f64,
}

impl Arbiter {
    /// Whether he votes malicious on a bounty of which this is the truth. Nothing if he does not vote.
    pub fn vote(&self, seed: Seed, bounty: u64, malicious: bool) -> Option<bool> {
        let mut chance = seed.of(bounty, &format!("arbiter {}", self.name));
        let absent = happens(&mut chance, self.absent);
        let errs = happens(&mut chance, self.errs);
        (!absent).then_some(malicious != errs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arbiter_errs_and_is_absent_as_often_as_stated() {
        let arbiter = Arbiter { name: "X".to_owned(), errs: 0.1, absent: 0.25 };
        let votes: Vec<Option<bool>> = (0..20_000).map(|bounty| arbiter.vote(Seed::new(1), bounty, true)).collect();
        let voted = votes.iter().flatten().count() as f64;
        let wrong = votes.iter().flatten().filter(|malicious| !**malicious).count() as f64;
        // Four standard deviations each.
        assert!((voted / 20_000.0 - 0.75).abs() < 0.013, "{voted}");
        assert!((wrong / voted - 0.1).abs() < 0.01, "{wrong} of {voted}");
    }

    #[test]
    fn nobody_is_always_right_but_who_never_errs() {
        let sure = Arbiter { name: "X".to_owned(), errs: 0.0, absent: 0.0 };
        let never = Arbiter { errs: 1.0, ..sure.clone() };
        for bounty in 0..100 {
            assert_eq!(sure.vote(Seed::new(1), bounty, bounty % 2 == 0), Some(bounty % 2 == 0));
            assert_eq!(never.vote(Seed::new(1), bounty, true), Some(false));
        }
    }
}
