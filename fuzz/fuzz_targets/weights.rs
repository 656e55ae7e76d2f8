//! The weights file: no text makes parsing panic, every mistake has a place in the text, and what is accepted
//! gives finite weights.

#![no_main]

use analyzers::{Indicator, Weights};
use libfuzzer_sys::fuzz_target;

/// Some of what the engine knows: it links the engine of YARA too, which takes minutes to build and says nothing here.
fn catalogue() -> impl Iterator<Item = &'static Indicator> {
    [analyzers_pe::catalogue::ALL, analyzers_elf::catalogue::ALL].into_iter().flatten().copied()
}

fuzz_target!(|text: &str| {
    match Weights::parse(text, catalogue()) {
        Ok(weights) => {
            for indicator in catalogue() {
                assert!(weights.of(&indicator.id).log_odds.0.is_finite());
            }
        }
        Err(error) => {
            assert!(!error.mistakes.is_empty());
            for mistake in error.mistakes {
                assert!(mistake.line <= text.split('\n').count(), "{mistake}");
            }
        }
    }
});
