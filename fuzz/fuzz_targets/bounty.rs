//! Bounties: no body makes the webhook's parser panic, what it takes is within its limits, and reading the same bytes
//! again gives the same bounty, as a restart does.

#![no_main]

use daemon_market::Timestamp;
use daemon_webhook::{Callback, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let Ok(bounty) = parse(bytes, now) else { return };
    let id = bounty.key.id.as_str();
    assert!((1..=128).contains(&id.len()) && !id.chars().any(char::is_control));
    if let Some(url) = &bounty.response_url {
        let _ = Callback::parse(url);
    }
    assert_eq!(parse(bytes, now).ok(), Some(bounty));
});
