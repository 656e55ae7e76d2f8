//! How long answers took, and which bounties were missed.

use daemon_journal::{Ending, Story};
use daemon_market::{Phase, Verdict};
use serde::{Deserialize, Serialize};

use crate::LedgerEntry;

/// Time from a bounty's arrival until its answer was decided, in microseconds.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Number of answers.
    pub count: u64,
    /// The median: half of the answers took no longer.
    pub p50_us: Option<u64>,
    /// The 90th percentile.
    pub p90_us: Option<u64>,
    /// The 99th percentile.
    pub p99_us: Option<u64>,
    /// The longest.
    pub max_us: Option<u64>,
    /// The number of answers by time, in rising order.
    pub histogram: Vec<LatencyBar>,
}

/// One bar of the histogram.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LatencyBar {
    /// Upper end of the bar, in microseconds, inclusive; null for the last bar, which has no end.
    pub to_us: Option<u64>,
    /// Number of answers in the bar.
    pub count: u64,
}

/// Where the bars of the histogram end, in microseconds: 1, 2 and 5 of each power of ten, from a millisecond to 100 s.
const BARS: [u64; 16] = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
];

impl Latency {
    /// The latency of answers that took these times.
    pub(crate) fn of(mut micros: Vec<u64>) -> Latency {
        micros.sort_unstable();
        let count = micros.len();
        // The nearest rank: the smallest that so many hundredths are no larger than.
        let rank = |percent: usize| micros.get((count * percent).div_ceil(100).saturating_sub(1)).copied();
        let mut before = 0;
        let mut bars: Vec<LatencyBar> = Vec::with_capacity(BARS.len() + 1);
        for to_us in BARS.into_iter().map(Some).chain([None]) {
            let upto = to_us.map_or(count, |to| micros.partition_point(|micros| *micros <= to));
            bars.push(LatencyBar { to_us, count: (upto - before) as u64 });
            before = upto;
        }
        Latency {
            count: count as u64,
            p50_us: rank(50),
            p90_us: rank(90),
            p99_us: rank(99),
            max_us: micros.last().copied(),
            histogram: bars,
        }
    }
}

/// What became of bounties, apart from money.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Misses {
    /// Bounties that came in.
    pub bounties: u64,
    /// Bounties that were answered, whether or not the marketplace took the answer.
    pub answered: u64,
    /// Answers that the marketplace took.
    pub sent: u64,
    /// Bounties that expired before the marketplace took an answer.
    pub expired: u64,
    /// Answers that the marketplace refused.
    pub refused: u64,
    /// Answers that were held back on purpose: a dry run.
    pub withheld: u64,
    /// Bounties that have not ended yet.
    pub pending: u64,
    /// Answers that were decided after the deadline.
    pub late: u64,
    /// Bounties that asked for a vote rather than an assertion. Votes have no stake.
    pub votes: u64,
    /// Answers with a stake.
    pub asserted: u64,
    /// Answers that say unknown, votes among them.
    pub unknown: u64,
}

impl Misses {
    pub(crate) fn add(&mut self, story: &Story, entry: Option<&LedgerEntry>) {
        self.bounties += 1;
        self.votes += u64::from(story.bounty.key.phase == Phase::Arbitration);
        match story.ending.as_ref().map(|ended| ended.how) {
            None => self.pending += 1,
            Some(Ending::Sent { .. }) => self.sent += 1,
            Some(Ending::Refused { .. }) => self.refused += 1,
            Some(Ending::Expired) => self.expired += 1,
            Some(Ending::Withheld) => self.withheld += 1,
        }
        let Some(entry) = entry else { return };
        self.answered += 1;
        self.late += u64::from(entry.answered > entry.expires);
        self.asserted += u64::from(entry.staked() > daemon_market::Nct::ZERO);
        self.unknown += u64::from(entry.verdict == Verdict::Unknown);
    }

    /// The share of bounties, without votes, that were answered with a stake, 0.0 to 1.0.
    pub fn share_asserted(&self) -> Option<f64> {
        share(self.asserted, self.bounties - self.votes)
    }

    /// The share of answers that say unknown, 0.0 to 1.0.
    pub fn share_unknown(&self) -> Option<f64> {
        share(self.unknown, self.answered)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let of = |micros: &[u64]| {
            let latency = Latency::of(micros.to_vec());
            [latency.p50_us, latency.p90_us, latency.p99_us, latency.max_us].map(|micros| micros.unwrap_or(0))
        };
        assert_eq!(of(&(1..=100).rev().collect::<Vec<u64>>()), [50, 90, 99, 100]);
        assert_eq!(of(&(1..=10).collect::<Vec<u64>>()), [5, 9, 10, 10]);
        assert_eq!(of(&[7]), [7, 7, 7, 7]);
        assert_eq!(of(&[]), [0, 0, 0, 0]);
    }

    #[test]
    fn every_answer_is_in_one_bar() {
        let latency = Latency::of(vec![0, 1_000, 1_001, 2_000, 100_000_001]);
        let bars: Vec<(Option<u64>, u64)> = latency.histogram.iter().map(|bar| (bar.to_us, bar.count)).collect();
        assert_eq!(bars[..2], [(Some(1_000), 2), (Some(2_000), 2)]);
        assert_eq!(bars.last(), Some(&(None, 1)));
        assert_eq!(bars.iter().map(|(_, count)| count).sum::<u64>(), latency.count);
    }
}
