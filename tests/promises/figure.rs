//! What a test measured, kept for the table of promises.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Keeps the figure of the test that calls it.
pub(crate) fn keep(figure: &str) {
    let thread = std::thread::current();
    let test = thread.name().and_then(|name| name.rsplit("::").next()).expect("a test runs on a thread with its name");
    eprintln!("{test}: {figure}");
    testkit::keep_figure(Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/promises")), test, figure);
}

/// Says that the test that calls it cannot run here, past the capture of tests: `tests/run` counts it.
pub(crate) fn skipped(why: &str) {
    let _ = std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes());
    keep(&format!("SKIPPED here: {why}"));
}

/// Median and worst of some times.
pub(crate) fn spread(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let (median, worst) = (sorted.get(sorted.len() / 2), sorted.last());
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
    format!("median {:.0} ms, worst {:.0} ms", ms(median), ms(worst))
}

/// Numbers that look random, from a seed (splitmix64).
pub(crate) struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
