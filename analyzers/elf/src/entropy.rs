//! Entropy of byte ranges.

use std::ops::Range;

/// Bytes looked at in one sample.
const PIECE_BYTES: usize = 2048;

/// Most samples of one stretch. 16 of 2 KiB cost about 20 us, and of noise 0.006 bits: thresholds 0.2 bits apart
/// need no more.
const PIECES_MAX: usize = 16;

/// Shannon entropy of a stretch, in bits per byte: 0.0 for one repeated value, 8.0 for noise. Empty input
/// gives 0.0.
///
/// Of more than 32 KiB, 16 evenly spaced pieces of 2 KiB are sampled.
pub(crate) fn entropy(bytes: &[u8]) -> f64 {
    let mut histogram = Histogram::default();
    for piece in pieces(bytes.len()) {
        histogram.add(bytes.get(piece).unwrap_or_default());
    }
    histogram.entropy()
}

/// Cost of a range of this length, in steps of the budget (about 10 ns).
pub(crate) fn cost(length: usize) -> u64 {
    1 + length.min(PIECE_BYTES * PIECES_MAX) as u64 / 16
}

fn pieces(length: usize) -> impl Iterator<Item = Range<usize>> {
    let whole = length <= PIECE_BYTES * PIECES_MAX;
    let count = if whole { 1 } else { PIECES_MAX };
    let size = if whole { length } else { PIECE_BYTES };
    // The last piece ends where the stretch does.
    let apart = if whole { 0 } else { (length - PIECE_BYTES) / (PIECES_MAX - 1) };
    (0..count).map(move |index| index * apart..index * apart + size)
}

/// Four counters per value, so that equal bytes in a row do not wait for each other's count.
struct Histogram([[u32; 256]; 4]);

impl Default for Histogram {
    fn default() -> Self {
        Histogram([[0; 256]; 4])
    }
}

impl Histogram {
    /// Counts cannot wrap, a stretch has at most 32 KiB of samples; said so that the loop need not ask.
    fn add(&mut self, bytes: &[u8]) {
        let [a, b, c, d] = &mut self.0;
        let mut fours = bytes.chunks_exact(4);
        for four in fours.by_ref() {
            if let &[w, x, y, z] = four {
                count(&mut a[usize::from(w)]);
                count(&mut b[usize::from(x)]);
                count(&mut c[usize::from(y)]);
                count(&mut d[usize::from(z)]);
            }
        }
        for &byte in fours.remainder() {
            count(&mut a[usize::from(byte)]);
        }
    }

    fn entropy(&self) -> f64 {
        let [a, b, c, d] = &self.0;
        let counts = || a.iter().zip(b).zip(c).zip(d).map(|(((a, b), c), d)| f64::from(a + b + c + d));
        let total: f64 = counts().sum();
        counts().filter(|&count| count > 0.0).map(|count| -(count / total) * (count / total).log2()).sum()
    }
}

fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_nought_and_all_values_are_eight() {
        let every: Vec<u8> = (0..=255).collect();
        assert_eq!(entropy(&[]), 0.0);
        assert_eq!(entropy(&[7; 1000]), 0.0);
        assert_eq!(entropy(&every), 8.0);
        assert_eq!(entropy(&every.repeat(4096)), 8.0);
        assert!((entropy(&[0, 1, 0, 1, 0, 1]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn samples_lie_inside_at_any_length() {
        for length in (0..300_000).step_by(977).chain([32_767, 32_768, 32_769]) {
            for piece in pieces(length) {
                assert!(piece.end <= length, "{length}: {piece:?}");
            }
            assert!(pieces(length).last().unwrap().end.abs_diff(length) < 64, "{length}");
        }
    }
}
