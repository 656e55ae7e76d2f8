//! The weights file: no text makes parsing panic, every mistake has a place in the text, and what is accepted
//! gives finite weights.

#![no_main]

use analyzers::Weights;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Weights::parse(text, daemon_engine::catalogue()) {
        Ok(weights) => {
            for indicator in daemon_engine::catalogue() {
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
