use daemon_archive::{JournalReader, Sqlite};
use daemon_journal::{Journal, Received, Write};
use daemon_market::Timestamp;

use crate::make::{answer, bounty, directory, key};

/// A bounty that came in at this second.
fn at(id: &str, second: i64) -> Write {
    let Write::Bounty(received) = bounty(&key(id)) else { panic!("it is one") };
    Write::Bounty(Received { received: Timestamp::from_micros(second * 1_000_000), ..received })
}

fn seen(reader: &JournalReader, since: i64, most: usize) -> (Vec<String>, bool) {
    let mut ids = Vec::new();
    let since = Timestamp::from_micros(since * 1_000_000);
    let more = reader.recent(since, most, &mut |story| ids.push(story.bounty.key.id.to_string()));
    (ids, more.expect("it can be read"))
}

#[test]
fn the_latest_bounties_are_seen_in_order_and_no_more_than_asked_for() {
    let directory = directory();
    let mut journal = Sqlite::open(directory.path()).unwrap();
    let reader = JournalReader::open(directory.path()).unwrap();
    assert_eq!(seen(&reader, 0, 10), (vec![], false));
    for (second, id) in (1..).zip(["a", "b", "c", "d"]) {
        journal.commit(&[at(id, second), answer(&key(id), "answer")]).unwrap();
    }
    let all = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    assert_eq!(seen(&reader, 0, 10), (all.clone(), false));
    assert_eq!(seen(&reader, 0, 4), (all.clone(), false));
    assert_eq!(seen(&reader, 0, 2), (all[2..].to_vec(), true));
    assert_eq!(seen(&reader, 3, 10), (all[2..].to_vec(), false));
    assert_eq!(seen(&reader, 3, 1), (all[3..].to_vec(), true));
    assert_eq!(seen(&reader, 5, 10), (vec![], false));
    assert_eq!(seen(&reader, 0, 0), (vec![], true));
}
