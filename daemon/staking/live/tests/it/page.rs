//! The page: complete, and harmless whatever is in it.

use base64::Engine as _;
use daemon_base::Sha256Digest;
use daemon_journal::{Filter, MemoryJournal, Recall};
use daemon_live::{
    AlarmNow, Books, BooksReader, EngineNow, OpenBountyNow, Overview, Refresh, RulesNow, content_security_policy, page,
    story_page,
};
use daemon_market::{Timestamp, Verdict};

use crate::story::{TestBounty, archive};

const HOSTILE: &str = "<script src=https://x>\"'&\u{202e}\x1b[2J";
const NOW: Timestamp = Timestamp::from_micros(86_400_000_000);

/// The books of an engine with these bounties.
pub(crate) fn books(engine: &str, journal: &MemoryJournal) -> Books {
    let mut reader = BooksReader::new(engine, Timestamp::from_micros(0));
    journal.each(&Filter::default(), &mut |story| reader.see(story)).expect("memory is read");
    reader.close(NOW, false)
}

/// An overview in which every text from outside is hostile.
pub(crate) fn hostile() -> Overview {
    let bounty = TestBounty {
        kind: HOSTILE,
        indicators: &["yara.<script src=https://x>\u{202e}", "<img onerror=x>"],
        payout: Some("1.5"),
        ..TestBounty::default()
    };
    let benign = TestBounty { id: 2, said: Verdict::Benign, bid: "0", settled: false, ..TestBounty::default() };
    let text = || HOSTILE.to_owned();
    let engine = EngineNow {
        name: text(),
        version: text(),
        not_ready: Some(text()),
        rules: RulesNow {
            generation: text(),
            models: vec![text()],
            problems: vec![text()],
            shadow: Some(text()),
            ..RulesNow::default()
        },
        next: vec![OpenBountyNow { id: text(), phase: text(), state: text(), ..OpenBountyNow::default() }],
        alarms: vec![AlarmNow { id: text(), message: text(), since: 0 }],
        ..EngineNow::default()
    };
    let ours = books(HOSTILE, &archive([bounty.clone(), benign]));
    let other = books("another", &archive([TestBounty { payout: Some("0"), ..bounty }]));
    let failed = BooksReader::new(HOSTILE, Timestamp::from_micros(0)).failed(NOW, HOSTILE);
    Overview::new(NOW, engine, vec![ours, other, failed])
}

#[test]
fn what_is_wrong_with_rules_stands_at_the_top_and_why_nothing_is_staked_at_the_answer() {
    let page = page(&hostile(), Refresh::Off);
    let problem = page.find("<strong>rules</strong>: &lt;script").expect("it is told");
    assert!(problem < page.find("<section").expect("there are sections"));
    assert_eq!(page.matches("nothing is staked, for a test").count(), 1);
}

#[test]
fn texts_of_others_stay_text() {
    for refresh in [Refresh::On, Refresh::Off] {
        let page = page(&hostile(), refresh);
        assert!(!page.contains("<script") && !page.contains("<img"), "mark-up of others");
        assert!(!page.contains('\u{202e}') && !page.contains('\x1b'), "text turned around");
        assert!(page.matches("&lt;script src=").count() >= 10, "it is there, as text");
        assert!(page.contains("yara.&lt;script"), "evidence is there");
        assert!(!page.contains("NaN") && !page.contains("inf\""), "a number that is none");
    }
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = page(&hostile(), Refresh::On);
    // Everything that a browser would follow by itself; links that a person follows are to this server.
    for what in [
        "<script",
        "src=\"",
        "@import",
        "url(",
        "<iframe",
        "<form",
        " style=",
        " onload",
        " onclick",
        "http:",
        "https://x\"",
    ] {
        assert!(!page.contains(what), "{what}");
    }
    let links: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.contains(&"/overview.json") && links.contains(&"/?refresh=off"), "{links:?}");
    assert!(
        links.iter().all(|link| link.starts_with('/') && !link.starts_with("//") || *link == "data:,"),
        "{links:?}"
    );
}

#[test]
fn the_policy_allows_this_style_sheet_alone() {
    let page = page(&hostile(), Refresh::Off);
    let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).expect("there is a style");
    let digest = Sha256Digest::of(style.as_bytes());
    let encoded = base64::engine::general_purpose::STANDARD.encode(digest.0);
    let policy = content_security_policy();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(policy.contains(&format!("style-src 'sha256-{encoded}';")), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
}

#[test]
fn only_the_page_that_is_asked_to_loads_itself_anew() {
    assert!(page(&hostile(), Refresh::On).contains("http-equiv=\"refresh\""));
    assert!(!page(&hostile(), Refresh::Off).contains("http-equiv"));
}

#[test]
fn a_page_before_the_archive_was_read_says_so() {
    let page = page(&Overview::new(NOW, EngineNow::default(), Vec::new()), Refresh::On);
    assert!(page.contains("The archive is being read") && page.ends_with("</html>\n"));
}

#[test]
fn numbers_are_those_of_the_archive_and_engines_are_summed() {
    let overview = hostile();
    let (ours, sum) = (&overview.books[0], overview.sum.as_ref().expect("there are several"));
    assert_eq!((ours.totals.bounties, ours.totals.bets, ours.totals.won), (2, 1, 1));
    // A stake of 1 and a fee of 0.03125 came back as 1.5, and at the other engine as nothing.
    assert_eq!(ours.totals.profit.to_string(), "0.46875");
    assert_eq!((sum.bounties, sum.bets, sum.profit.to_string()), (3, 2, "-0.5625".to_owned()));
    let counted: Vec<(u64, u64)> = ours.kinds.iter().map(|kind| (kind.malicious, kind.answers())).collect();
    assert_eq!(counted.iter().map(|(malicious, _)| malicious).sum::<u64>(), 1);
    assert_eq!(counted.iter().map(|(_, answers)| answers).sum::<u64>(), 2);
    assert_eq!(ours.hours.iter().map(|hour| hour.bounties).sum::<u64>(), 2);
    assert_eq!(ours.answers.iter().map(|answer| answer.id.as_str()).collect::<Vec<_>>(), ["2", "1"]);
    assert_eq!(ours.answers[1].profit.as_deref(), Some("0.46875"));
}

#[test]
fn the_overview_comes_back_from_json_as_it_went() {
    let overview = hostile();
    let text = serde_json::to_string(&overview).expect("it serializes");
    assert_eq!(serde_json::from_str::<Overview>(&text).expect("it is read"), overview);
}

#[test]
fn a_story_is_told_as_text() {
    let journal = archive([TestBounty { kind: HOSTILE, indicators: &["<img onerror=x>"], ..TestBounty::default() }]);
    let stories = journal.query(&Filter::default(), 9).expect("memory is read");
    let stories: Vec<_> = stories.into_iter().map(|story| (story, None)).collect();
    let page = story_page(HOSTILE, &stories);
    assert!(
        !page.contains("<script") && !page.contains("<img") && !page.contains('\x1b') && !page.contains('\u{202e}')
    );
    assert!(page.contains("bounty 1") && page.contains("&lt;img onerror=x&gt;"), "{page}");
    assert!(story_page("7", &[]).contains("have no such bounty"));
}
