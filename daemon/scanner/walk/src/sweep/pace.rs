//! Warm or cold? Decided by whether reads would have had to wait.
//!
//! `preadv2` with `RWF_NOWAIT` reads what is in the page cache and answers EAGAIN where it would have to wait for a
//! disk: the measurement is the read itself, needs no clock, and is not confused by a busy machine. When half
//! of the last reads would have waited, files go through io_uring; there nothing tells how warm they are, so
//! after a stretch the next few are read plainly again.

use super::Mode;

/// Number of reads in a sample.
const SAMPLE: u32 = 16;
/// Number of them that must have waited. Half: the plain path costs about 3 us per file warm and 70 to 120 cold, the
/// ring about 5 and 30 to 40, so even a third would pay; half ignores a few stray misses.
const WAITED_MIN: u32 = SAMPLE / 2;
/// Number of files through the ring before the cache is sampled again. The samples cost a cold disk 16 waits in 2,048
/// files.
const STRETCH: u32 = 2048;

/// Decides how the next file is read.
pub(super) struct Pace {
    mode: Mode,
    /// The last reads, newest in the lowest bit; 1 would have waited.
    waited: u16,
    /// Remaining number of files through the ring.
    stretch: u32,
    refused: bool,
}

const _: () = assert!(SAMPLE == u16::BITS);

impl Pace {
    pub(super) fn new(mode: Mode) -> Pace {
        Pace { mode, waited: 0, stretch: 0, refused: false }
    }

    /// Decides for one file; counts it.
    pub(super) fn wants_uring(&mut self) -> bool {
        match self.mode {
            Mode::Plain => false,
            Mode::Uring => !self.refused,
            Mode::Auto if self.stretch > 0 => {
                self.stretch -= 1;
                true
            }
            Mode::Auto => false,
        }
    }

    /// Whether it helps to ask if a read would wait.
    pub(super) fn samples(&self) -> bool {
        self.mode == Mode::Auto && !self.refused
    }

    /// Takes note of a read that would or would not have waited.
    pub(super) fn read(&mut self, waited: bool) {
        self.waited = self.waited << 1 | u16::from(waited);
        if self.waited.count_ones() >= WAITED_MIN {
            self.stretch = STRETCH;
            self.waited = 0;
        }
    }

    /// Records that io_uring is not available.
    pub(super) fn refuse_uring(&mut self) {
        self.refused = true;
        self.stretch = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_reads_never_start_a_ring() {
        let mut pace = Pace::new(Mode::Auto);
        for i in 0..10_000 {
            assert!(!pace.wants_uring());
            // Less than half of any sixteen.
            pace.read(i % 3 == 0);
        }
    }

    #[test]
    fn cold_reads_start_a_ring_which_is_left_to_sample_again() {
        let mut pace = Pace::new(Mode::Auto);
        for _ in 0..3 {
            for _ in 0..WAITED_MIN {
                assert!(!pace.wants_uring());
                pace.read(true);
            }
            for _ in 0..STRETCH {
                assert!(pace.wants_uring());
            }
        }
        assert!(!pace.wants_uring());
    }

    #[test]
    fn refused_ring_is_not_asked_for_again() {
        for mode in [Mode::Auto, Mode::Uring, Mode::Plain] {
            let mut pace = Pace::new(mode);
            pace.refuse_uring();
            assert!(!pace.wants_uring() && !pace.samples());
        }
    }
}
