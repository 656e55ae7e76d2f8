//! The overview in a terminal.

use daemon_live::{EngineNow, Overview, frame, write_overview};
use daemon_market::Timestamp;

use crate::page::hostile;

fn text(overview: &Overview) -> String {
    let mut out = Vec::new();
    write_overview(overview, &mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("it is text")
}

#[test]
fn a_terminal_shows_the_same_numbers_and_obeys_nobody() {
    let text = text(&hostile());
    for part in
        ["3 bounties", "2 bets", "-0.5625", "Open bounties", "Purse", "Verdicts by kind", "Last answers", "3 engines"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("rules\u{1b}[0m: <script src"), "what is wrong with the rules: {text}");
    assert!(!text.contains("\x1b[2J") && !text.contains('\u{202e}'), "{text}");
    let shown = frame(&text, 60, 20);
    assert_eq!(shown.matches("\r\n").count(), 19);
}

#[test]
fn an_engine_of_which_nothing_is_known_yet_is_shown() {
    let text = text(&Overview::new(Timestamp::from_micros(0), EngineNow::default(), Vec::new()));
    assert!(text.contains("the archive is being read") && text.contains("takes bounties"), "{text}");
}
