//! The report as tables and as a page.

use daemon_journal::{Journal, MemoryJournal};
use daemon_statement::{Heading, page, sections};

use crate::plausible::{Chance, records};
use crate::story::{TestBounty, archive, record, report};

const OURS: Heading<'_> = Heading { engine: "our engine", demo: false };

fn filled() -> MemoryJournal {
    let (mut journal, mut chance) = (MemoryJournal::new(), Chance::new(5));
    for n in 0..300 {
        journal.commit(&records(n, &mut chance)).expect("memory takes it");
    }
    journal
}

/// What a browser could load something by, or run.
const LOADED: [&str; 9] = ["<script", "http://", "https://", "src=", "href=", "url(", "@import", "<link", "<iframe"];

#[test]
fn the_page_stands_alone() {
    let page = page(&report(&filled()), OURS);
    for what in LOADED {
        assert!(!page.contains(what), "{what}");
    }
    for part in
        ["Profit over time", "Strategies compared", "Against other engines", "Calibration", "Latency and misses"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(page.matches("<svg").count() >= 5);
    assert!(!page.contains("NaN") && !page.contains("inf\""), "a number that is none");
}

#[test]
fn names_of_others_stay_text_on_the_page_and_in_tables() {
    let hostile = "<script src=https://x>\"'&\u{202e}\x1b[2J";
    let told = TestBounty {
        kind: "<script src=https://x>\"'&\u{202e}\x1b[2J",
        family: "<script src=https://x>\"'&\u{202e}\x1b[2J",
        indicators: &["yara.<script src=https://x>", "<img onerror=x>"],
        payout: Some("1.5"),
        record: record("us", &[("us", "malicious", "1"), (hostile, "benign", "0.5")], (3, 0)),
        ..TestBounty::default()
    };
    let report = report(&archive([told]));
    let page = page(&report, OURS);
    assert!(!page.contains("<script") && !page.contains("<img"), "mark-up of others");
    assert!(!page.contains('\u{202e}') && !page.contains('\x1b'), "text turned around");
    assert!(page.contains("&lt;script src=") && page.contains("\\u{202e}"), "it is there, as text");
    for section in sections(&report, 10) {
        for cell in section.rows.iter().flatten() {
            assert!(!cell.text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", cell.text);
        }
        assert!(section.rows.iter().all(|row| row.len() == section.columns.len()), "{}", section.title);
    }
}

#[test]
fn the_page_names_the_engine_and_says_whether_it_is_a_demo() {
    let report = report(&filled());
    let (ours, demo) = (page(&report, OURS), page(&report, Heading { engine: "<b>x", demo: true }));
    assert!(ours.contains("<title>our engine report") && ours.contains("<bdi>our engine</bdi>: profit and loss"));
    assert!(!ours.contains("This is a demo") && demo.contains("This is a demo"));
    assert!(demo.contains("<title>&lt;b&gt;x demo report"), "{}", &demo[..600]);
}

#[test]
fn a_page_of_nothing_says_so() {
    for journal in [MemoryJournal::new(), archive([TestBounty { settled: false, ..TestBounty::default() }])] {
        let page = page(&report(&journal), OURS);
        assert!(page.contains("class=\"missing\"") && page.ends_with("</html>\n"));
        assert!(!page.contains("NaN"));
    }
}
