//! Messages of polyswarmd's websocket: none makes the parser panic, what it takes is within its limits, and what it
//! repeats of them is short and printable.

#![no_main]

use daemon_polyswarmd::event::{Event, Parsed, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let printable = |text: &str| text.chars().count() < 2000 && !text.contains(['\u{1b}', '\u{202e}', '\0']);
    match parse(bytes) {
        Ok(Parsed::Known(message)) => match message.event {
            Event::Assertion(assertion) => assert!(assertion.bid.len() <= 256 && assertion.mask.len() <= 256),
            Event::Reveal(reveal) => assert!(reveal.verdicts.len() <= 256),
            Event::Vote(vote) => assert!(vote.votes.len() <= 256),
            Event::Connected { start_time } => assert!(printable(&start_time)),
            _ => {}
        },
        Ok(Parsed::Unknown { name }) => assert!(printable(&name)),
        Err(error) => assert!(printable(&error.to_string())),
    }
});
