//! Telling files apart: the wide compare equals its plain twin, no bytes make triage panic, and a window
//! shows what the whole file shows.

#![no_main]

use libfuzzer_sys::fuzz_target;
use triage::{Family, HEAD_BYTES, Window, magic, magic_scalar, triage, triage_window};

/// Gives few bytes a read, as a file on a slow mount may.
struct Few<'a>(&'a [u8]);

impl Window for Few<'_> {
    fn size(&mut self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> usize {
        let most = into.len().min(700);
        Window::read_at(&mut { self.0 }, offset, &mut into[..most])
    }
}

fuzz_target!(|bytes: &[u8]| {
    // The start of the input moves, so that every alignment of the head is met.
    for start in 0..bytes.len().min(8) {
        assert_eq!(magic(&bytes[start..]), magic_scalar(&bytes[start..]));
    }
    let kind = triage(bytes);
    assert_eq!(triage_window(&bytes[..bytes.len().min(HEAD_BYTES)], &mut Few(bytes)), kind);
    assert!(kind.family() == Family::Other || magic(bytes).family() == kind.family());
    assert!(!kind.name().is_empty());
});
