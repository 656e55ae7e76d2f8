//! Shannon entropy of several regions of a file, in one pass over its bytes.

use std::ops::Range;

use analyzers::{Budget, Exhausted};

/// Bytes of one region that are looked at, from its start: 4 MiB tell the entropy of any region to more than
/// the digits that matter, and bound the cost.
pub(crate) const REGION_BYTES_MAX: usize = 4 << 20;

/// Bytes between two looks at the budget.
const CHUNK: usize = 64 << 10;

type Histogram = [u32; 256];

/// Counts bytes of regions that may overlap. Scratch, reused from file to file.
#[derive(Default, Debug)]
pub(crate) struct Regions {
    regions: Vec<Range<usize>>,
    histograms: Vec<Histogram>,
    boundaries: Vec<usize>,
}

impl Regions {
    /// Forgets the regions of the last file.
    pub(crate) fn clear(&mut self) {
        self.regions.clear();
    }

    /// Adds a region and gives its number.
    pub(crate) fn add(&mut self, region: Range<usize>) -> usize {
        let end = region.end.min(region.start.saturating_add(REGION_BYTES_MAX));
        self.regions.push(region.start..end);
        self.regions.len() - 1
    }

    /// Counts the bytes of all regions. A byte that several regions share is counted once and added to each.
    pub(crate) fn count(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<(), Exhausted> {
        self.histograms.clear();
        self.histograms.resize(self.regions.len(), [0; 256]);
        self.boundaries.clear();
        self.boundaries.extend(self.regions.iter().flat_map(|region| [region.start, region.end]));
        self.boundaries.sort_unstable();
        self.boundaries.dedup();
        for pair in self.boundaries.windows(2) {
            let &[start, end] = pair else { continue };
            let covers = |region: &Range<usize>| region.start <= start && end <= region.end;
            if !self.regions.iter().any(covers) {
                continue;
            }
            let mut piece = [0; 256];
            for chunk in bytes.get(start..end).unwrap_or_default().chunks(CHUNK) {
                budget.step(1)?;
                count_bytes(chunk, &mut piece);
            }
            for (region, histogram) in self.regions.iter().zip(&mut self.histograms) {
                if covers(region) {
                    histogram.iter_mut().zip(&piece).for_each(|(sum, count)| *sum += count);
                }
            }
        }
        Ok(())
    }

    /// Entropy of a region that was counted, in bits per byte: 0.0 for one repeated value or no bytes at all,
    /// 8.0 for noise.
    pub(crate) fn entropy(&self, region: usize) -> f64 {
        self.histograms.get(region).map_or(0.0, entropy_of)
    }
}

/// Entropy of some bytes, in bits per byte. The caller bounds them.
pub(crate) fn entropy_of_bytes(bytes: &[u8]) -> f64 {
    let mut histogram = [0; 256];
    count_bytes(bytes, &mut histogram);
    entropy_of(&histogram)
}

/// Adds the bytes of `chunk` to `histogram`.
fn count_bytes(chunk: &[u8], histogram: &mut Histogram) {
    // Four tables: runs of one value would otherwise wait for their own last store each time.
    let mut tables = [[0u32; 256]; 4];
    let mut words = chunk.chunks_exact(8);
    for word in &mut words {
        let word: &[u8; 8] = word.try_into().expect("chunks_exact gives eight bytes");
        // Two turns of the tables, written out: a loop over the bytes is not unrolled and takes twice as long.
        for half in [[word[0], word[1], word[2], word[3]], [word[4], word[5], word[6], word[7]]] {
            let [one, two, three, four] = &mut tables;
            bump(one, half[0]);
            bump(two, half[1]);
            bump(three, half[2]);
            bump(four, half[3]);
        }
    }
    for &byte in words.remainder() {
        bump(&mut tables[0], byte);
    }
    for (value, sum) in histogram.iter_mut().enumerate() {
        *sum += tables.iter().map(|table| table[value]).sum::<u32>();
    }
}

fn bump(table: &mut Histogram, byte: u8) {
    let count = &mut table[usize::from(byte)];
    // A region has at most 4 Mi bytes; the check would be a fifth of the loop.
    *count = count.wrapping_add(1);
}

/// With n bytes of which c have a value: log2(n) - sum(c log2 c) / n.
fn entropy_of(histogram: &Histogram) -> f64 {
    let total: u32 = histogram.iter().sum();
    if total == 0 {
        return 0.0;
    }
    let logs: f64 =
        histogram.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) * f64::from(count).log2()).sum();
    (f64::from(total).log2() - logs / f64::from(total)).max(0.0)
}

#[cfg(test)]
mod tests {
    use analyzers::{Cancel, Limits};
    use proptest::prelude::*;

    use super::*;

    fn budget() -> Budget {
        Budget::new(Limits::default(), Cancel::default())
    }

    fn naive(bytes: &[u8]) -> f64 {
        let total = bytes.len() as f64;
        (0..=255u8)
            .map(|value| bytes.iter().filter(|&&byte| byte == value).count() as f64 / total)
            .filter(|&share| share > 0.0)
            .map(|share| -share * share.log2())
            .sum()
    }

    proptest! {
        #[test]
        fn overlapping_regions_have_the_entropy_of_their_bytes(
            bytes in proptest::collection::vec(any::<u8>(), 1..3000),
            cuts in proptest::collection::vec((0usize..3000, 0usize..3000), 1..8),
        ) {
            let mut regions = Regions::default();
            for &(a, b) in &cuts {
                regions.add(a.min(b).min(bytes.len())..a.max(b).min(bytes.len()));
            }
            regions.count(&bytes, &mut budget()).unwrap();
            for (number, &(a, b)) in cuts.iter().enumerate() {
                let part = &bytes[a.min(b).min(bytes.len())..a.max(b).min(bytes.len())];
                let expected = if part.is_empty() { 0.0 } else { naive(part) };
                prop_assert!((regions.entropy(number) - expected).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn noise_has_eight_bits_and_silence_none() {
        let mut regions = Regions::default();
        let noise: Vec<u8> = (0..=255).cycle().take(4096).collect();
        let silent = regions.add(0..0);
        let loud = regions.add(0..4096);
        regions.count(&noise, &mut budget()).unwrap();
        assert_eq!((regions.entropy(silent), regions.entropy(loud)), (0.0, 8.0));
    }
}
