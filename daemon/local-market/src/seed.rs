//! Random numbers from one seed.

use daemon_base::bootstrap::pick;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// Random seed of a market. The same seed gives the same market.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Seed(u64);

impl Seed {
    /// Makes a seed from a number.
    pub const fn new(number: u64) -> Self {
        Seed(number)
    }

    /// Random numbers of `whose` for that bounty. They do not depend on the other parties or the order of bounties.
    ///
    /// ChaCha with eight rounds, because it draws the same on every machine and in every version of its crate, from a
    /// key of 256 bits: room for a digest of all three.
    pub fn of(self, bounty: u64, whose: &str) -> ChaCha8Rng {
        let mut digest = Sha256::new();
        digest.update(self.0.to_le_bytes());
        digest.update(bounty.to_le_bytes());
        digest.update(whose);
        ChaCha8Rng::from_seed(digest.finalize().into())
    }
}

/// From 0.0 up to but not including 1.0, in steps of 2^-53.
pub(crate) fn unit(chance: &mut ChaCha8Rng) -> f64 {
    (chance.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Whether it happens, that often.
pub(crate) fn happens(chance: &mut ChaCha8Rng, probability: f64) -> bool {
    unit(chance) < probability
}

/// One of `count` indices.
pub(crate) fn index(chance: &mut ChaCha8Rng, count: usize) -> usize {
    pick(chance.next_u64(), count)
}

/// Puts a list into an order that the seed decides (Fisher and Yates).
pub(crate) fn shuffle<T>(seed: Seed, list: &mut [T]) {
    let mut chance = seed.of(0, "the order of files");
    for last in (1..list.len()).rev() {
        list.swap(last, index(&mut chance, last + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_depends_on_the_seed_the_bounty_and_whose_it_is_alone() {
        let first = |seed, bounty, whose| Seed::new(seed).of(bounty, whose).next_u64();
        assert_eq!(first(7, 1, "rival-1"), first(7, 1, "rival-1"));
        for (seed, bounty, whose) in [(8, 1, "rival-1"), (7, 2, "rival-1"), (7, 1, "rival-2")] {
            assert_ne!(first(seed, bounty, whose), first(7, 1, "rival-1"), "{seed} {bounty} {whose}");
        }
    }

    /// A change of this number is a change of every simulation that anybody has noted down.
    #[test]
    fn a_seed_draws_what_it_always_drew() {
        assert_eq!(Seed::new(7).of(1, "rival-1").next_u64(), 18_048_824_350_482_227_432);
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let mut chance = Seed::new(3).of(0, "spread");
        let mut tens = [0; 10];
        for _ in 0..100_000 {
            tens[index(&mut chance, 10)] += 1;
        }
        // Four standard deviations of a binomial with p = 0.1.
        assert!(tens.iter().all(|count| (9_620..=10_380).contains(count)), "{tens:?}");
        let mean = (0..100_000).map(|_| unit(&mut chance)).sum::<f64>() / 100_000.0;
        assert!((mean - 0.5).abs() < 0.004, "{mean}");
    }
}
